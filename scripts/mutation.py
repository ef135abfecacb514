"""Mutation testing: one small change at a time, and the tests of the default suite that run the changed line.

python scripts/mutation.py AREA [-n N] [--seed S] [--jobs J] [--word WORD]
python scripts/mutation.py AREA --again     only the survivors of the last time, by the tests of then and all new ones

AREA is a table of scripts/mutation.toml: files to change, and tests that must notice. The changes are cosmic-ray's, and
those of mutation_operators.py. All of them are listed and N are drawn; each is made in a copy of the house, and tried
in a fork of a process that has loaded NumPy and the like, with the tests that ran the changed statement when nothing
was changed: first those, then the rest of their files. Survivors are printed as they are found.
"""

from __future__ import annotations

import argparse
import difflib
import json
import os
import random
import re
import resource
import shutil
import signal
import sys
import tempfile
import time
import tomllib
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from functools import cache
from importlib import import_module
from itertools import islice
from pathlib import Path
from typing import Any

HOUSE = Path(__file__).resolve().parents[1]
TABLE = tomllib.loads((HOUSE / "scripts" / "mutation.toml").read_text(encoding="utf-8"))
KEPT = HOUSE / ".mutation"
LEFT_OUT = (".git", ".venv", "__pycache__", *(f".{name}" for name in ("mutation", "hypothesis")), ".*_cache")
LOADED = ("numpy", "scipy.stats", "scipy.optimize", "scipy.integrate", "pandas", "pydantic", "yaml", "rich.console")
LOADED += ("typer", "hypothesis", "pytest", "_pytest.assertion.rewrite", "coverage")
NOT_SLOW = ["-q", "-x", "-p", "no:cacheprovider", "-p", "no:xdist", "-m", "not slow"]
NOT_SLOW += ["-W", "ignore::pytest.PytestAssertRewriteWarning"]  # of what is loaded before
SECONDS = 120
"""Of one test, at the least; and of the processor, for one mutant, beside three times what the tests take: it hangs."""


@dataclass(frozen=True)
class Spot:
    """Where an operator can change a file, for the `at`-th time."""

    file: str
    operator: str
    at: int
    position: Sequence[int]


@dataclass(frozen=True)
class Mutant:
    """The change at `spot`: `old` and `new` code, the `lines` of the statement and those of the function around it."""

    spot: Spot
    lines: tuple[int, ...]
    enclosing: tuple[int, ...]
    old: str
    new: str

    @property
    def file(self) -> str:
        """The file that is changed."""
        return self.spot.file

    @property
    def change(self) -> str:
        """The lines that differ, as a diff writes them."""
        lines = difflib.unified_diff(self.old.splitlines(), self.new.splitlines(), lineterm="", n=0)
        return "\n".join(line for line in list(lines)[2:] if not line.startswith("@@")).strip()


@dataclass
class Baseline:
    """What runs what: for each file and line the numbers of the tests that run it; their names and seconds."""

    names: list[str]
    seconds: list[float]
    lines: dict[str, dict[str, list[int]]]

    def running(self, mutant: Mutant) -> list[str]:
        """The tests that ran the mutant's statement, or else its function, or all."""
        known = self.lines.get(mutant.file, {})
        for lines in (mutant.lines, mutant.enclosing):
            found = {test for line in lines for test in known.get(str(line), ())}
            if found:
                return [self.names[test] for test in sorted(found)]
        return self.names


@cache
def operators() -> dict[str, Any]:
    """Name -> an operator of cosmic-ray or of ours that TABLE names."""
    from cosmic_ray.plugins import get_operator
    from mutation_operators import OURS

    return {name: get_operator(f"core/{name}")() for name in TABLE["operators"]} | OURS


def spots(file: str) -> Iterator[Spot]:
    """Where a file can be changed, but for the lines that TABLE passes over."""
    from cosmic_ray.ast import ast_nodes, get_ast

    code = (HOUSE / file).read_text(encoding="utf-8")
    nodes, lines = list(ast_nodes(get_ast(code))), code.splitlines()
    passed = [(re.compile(each["line"]), set(each.get("operators", []))) for each in TABLE["passed_over"]]
    for name, operator in operators().items():
        starts = [start for node in nodes for start, _ in operator.mutation_positions(node)]
        for at, start in enumerate(starts):
            if not any(found.search(lines[start[0] - 1]) and (not of or name in of) for found, of in passed):
                yield Spot(file, name, at, start)


def mutant_at(spot: Spot) -> Mutant | None:
    """The mutant; None where it is no Python, the same, or known to be equivalent."""
    from cosmic_ray.ast import get_ast
    from cosmic_ray.mutating import mutate_code

    code = (HOUSE / spot.file).read_text(encoding="utf-8")
    new = mutate_code(code, operators()[spot.operator], spot.at)
    if new is None or new == code or _is_broken(new):
        return None
    mutant = Mutant(spot, *_places(get_ast(code), tuple(spot.position)), code, new)
    known = {each["change"].strip() for each in TABLE["equivalent"] if each["file"] == spot.file}
    return None if mutant.change in known else mutant


def _is_broken(code: str) -> bool:
    try:
        compile(code, "mutant", "exec", dont_inherit=True)
    except SyntaxError:
        return True
    return False


def _places(tree: Any, position: tuple[int, ...]) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The lines of the statement at `position` (of a compound one, its head), and of the function around it."""
    node = tree.get_leaf_for_position(position, include_prefixes=True)
    statement: tuple[int, ...] = ()
    while node.parent is not None:
        if not statement and node.type == "simple_stmt":
            statement = tuple(range(node.start_pos[0], node.end_pos[0] + 1))
        elif not statement and node.type in ("if_stmt", "while_stmt", "for_stmt", "with_stmt", "try_stmt"):
            statement = (position[0],)
        if node.type == "funcdef":
            body = node.children[-1]
            inside = tuple(range(body.start_pos[0], body.end_pos[0] + 1))
            return statement, inside
        node = node.parent
    return statement, ()


# In a fork.


class _Selected:
    """A pytest plugin: the tests named only, file by file, the quickest first."""

    def __init__(self, names: Sequence[str], seconds: dict[str, float]) -> None:
        self._names, self._seconds = set(names), seconds

    def pytest_collection_modifyitems(self, items: list[Any]) -> None:
        kept = [item for item in items if item.nodeid in self._names or item.nodeid not in self._seconds]
        total: dict[str, float] = defaultdict(float)
        for item in kept:
            total[item.nodeid.partition("::")[0]] += self._seconds.get(item.nodeid, 0.0)

        def rank(item: Any) -> tuple[float, str, float]:
            file = item.nodeid.partition("::")[0]
            return total[file], file, self._seconds.get(item.nodeid, 0.0)

        items[:] = sorted(kept, key=rank)


class _Watch:
    """A pytest plugin: which test is running, for coverage, and how long each takes."""

    def __init__(self, coverage: Any) -> None:
        self._coverage, self.seconds = coverage, dict[str, float]()

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        self._coverage.switch_context(nodeid)

    def pytest_runtest_logreport(self, report: Any) -> None:
        self.seconds[report.nodeid] = self.seconds.get(report.nodeid, 0.0) + report.duration

    def pytest_runtest_logfinish(self) -> None:
        self._coverage.switch_context("")


def _measure(copy: Path, tests: Sequence[str]) -> int:
    """Runs the tests under coverage and leaves what `Baseline` needs in the copy."""
    import coverage
    import pytest

    measured = coverage.Coverage(data_file=None, source=[str(copy / "vgrad")], config_file=False)
    watch = _Watch(measured)
    measured.start()
    code = int(pytest.main([*NOT_SLOW, "-o", "timeout=900", *tests], plugins=[watch]))
    measured.stop()
    names = list(watch.seconds)
    number = {name: at for at, name in enumerate(names)}
    lines = {}
    for path in measured.get_data().measured_files():
        found = measured.get_data().contexts_by_lineno(path)
        by_line = {line: [number[name] for name in known if name in number] for line, known in found.items()}
        lines[str(Path(path).relative_to(copy))] = {line: tests for line, tests in by_line.items() if tests}
    tree = {"names": names, "seconds": list(watch.seconds.values()), "lines": lines}
    (copy / "baseline.json").write_text(json.dumps(tree))
    return code


def _try(baseline: Baseline, mutant: Mutant, more: Sequence[str]) -> int:
    """0 when no test notices; `more` are files that may have new tests."""
    import pytest

    sys.dont_write_bytecode = True
    seconds = dict(zip(baseline.names, baseline.seconds, strict=True))
    limit = max(SECONDS, 10 * max(baseline.seconds))
    allowed = int(SECONDS + 3 * sum(baseline.seconds))
    resource.setrlimit(resource.RLIMIT_CPU, (allowed, allowed))
    running = baseline.running(mutant)
    files = {name.partition("::")[0] for name in running}
    rest = [name for name in baseline.names if name.partition("::")[0] in files and name not in set(running)]
    for names in (running, rest):
        there = sorted({*more, *(name.partition("::")[0] for name in names)})
        arguments = [*NOT_SLOW, "-o", f"timeout={limit:.0f}", *there]
        code = int(pytest.main(arguments, plugins=[_Selected(names, seconds)])) if names else 0
        if code not in (0, 5):
            return 1
    return 0


def forked(work: Callable[[], int], copy: Path, log: Path, seconds: float) -> int | None:
    """The exit code of `work` in a process of its own, in `copy`; None when it took too long."""
    child = os.fork()
    if child == 0:
        os.setsid()
        os.chdir(copy)
        os.environ["PYTHONPATH"] = str(copy)
        sys.path.insert(0, str(copy))
        out = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        for stream in (1, 2):
            os.dup2(out, stream)
        try:
            code = work()
        except BaseException as error:
            print("raised", repr(error))
            code = 1
        sys.stdout.flush()
        os._exit(code)
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.02)
    os.killpg(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return None


def copied() -> Path:
    """A copy of the house."""
    copy = Path(tempfile.mkdtemp(prefix="vgrad-mutation-"))
    shutil.copytree(HOUSE, copy, ignore=shutil.ignore_patterns(*LEFT_OUT), dirs_exist_ok=True, symlinks=True)
    shared = HOUSE.parent / "shared"
    if shared.is_dir():
        os.environ.setdefault("VGRAD_DATA", str(shared / "data"))
    return copy


def load(modules: Sequence[str]) -> None:
    """Loads in this process what every fork needs and no mutant changes."""
    sys.path.insert(0, str(HOUSE))
    import_module("vgrad.__main__").fix_blas_environment()
    for name in modules:
        try:
            import_module(name)
        except ImportError:
            print(f"without {name}", file=sys.stderr)
    for name in [name for name in sys.modules if name.partition(".")[0] == "vgrad"]:
        del sys.modules[name]
    sys.path.remove(str(HOUSE))


def notices(copy: Path, mutant: Mutant, baseline: Baseline, more: Sequence[str]) -> bool | None:
    """Whether a test notices; None when the mutant hangs."""
    path = copy / mutant.file
    kept = path.stat()
    for cached in path.parent.glob(f"__pycache__/{path.stem}.*"):
        cached.unlink()
    path.write_text(mutant.new, encoding="utf-8")
    try:
        code = forked(lambda: _try(baseline, mutant, more), copy, copy / "log.txt", 3600)
    finally:
        path.write_text(mutant.old, encoding="utf-8")
        os.utime(path, ns=(kept.st_atime_ns, kept.st_mtime_ns))
    return None if code is None else code != 0


def drawn(area: dict[str, Any], n: int | None, seed: int, word: str) -> Iterator[Mutant]:
    """The mutants of an area, or n of them."""
    files = sorted({str(path.relative_to(HOUSE)) for glob in area["files"] for path in HOUSE.glob(glob)})
    found = [spot for file in files for spot in spots(file)]
    print(f"{len(found)} places in {len(files)} files", flush=True)
    random.Random(seed).shuffle(found)
    return islice((mutant for mutant in map(mutant_at, found) if mutant and word in mutant.file + mutant.change), n)


def main() -> int:
    """Prints survivors and the score; 1 when it is below the least that TABLE asks for."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("area", choices=TABLE["areas"])
    parser.add_argument("-n", type=int, help="how many are drawn (default: all)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--word", default="", help="only mutants whose file or change has it")
    parser.add_argument("--again", action="store_true", help="only those that survived the last time")
    options = parser.parse_args()
    area, kept = TABLE["areas"][options.area], KEPT / f"{options.area}.json"
    load([*LOADED, *area.get("loads", ())])
    copies = [copied() for _ in range(options.jobs)]
    try:
        if options.again:
            tree = json.loads(kept.read_text())
            chosen = [mutant for spot in tree["survivors"] if (mutant := mutant_at(Spot(**spot)))]
            baseline = Baseline(**tree["baseline"])
        else:
            chosen = list(drawn(area, options.n, options.seed, options.word))
            baseline = measured(copies[0], area["tests"])
        survivors = tried(chosen, copies, baseline, area["tests"] if options.again else ())
    finally:
        for copy in copies:
            shutil.rmtree(copy, ignore_errors=True)
    KEPT.mkdir(exist_ok=True)
    kept.write_text(json.dumps({"baseline": asdict(baseline), "survivors": [asdict(each.spot) for each in survivors]}))
    noticed = len(chosen) - len(survivors)
    print(f"{noticed} of {len(chosen)} noticed: {noticed / max(len(chosen), 1):.1%}")
    return int(noticed < TABLE["least"] * len(chosen))


def measured(copy: Path, tests: Sequence[str]) -> Baseline:
    """Which tests run what, when nothing is changed; all of them have to be green."""
    begun = time.monotonic()
    if forked(lambda: _measure(copy, tests), copy, copy / "log.txt", 3600) != 0:
        raise SystemExit((copy / "log.txt").read_text()[-3000:])
    found = Baseline(**json.loads((copy / "baseline.json").read_text()))
    print(f"{len(found.names)} tests in {time.monotonic() - begun:.0f} s", flush=True)
    return found


def tried(chosen: Sequence[Mutant], copies: Sequence[Path], baseline: Baseline, more: Sequence[str]) -> list[Mutant]:
    """The survivors, printed as they are found."""
    free, survivors = list(copies), list[Mutant]()

    def attempt(mutant: Mutant) -> None:
        copy, begun = free.pop(), time.monotonic()
        word = {True: "killed", False: "SURVIVED", None: "hung"}[notices(copy, mutant, baseline, more)]
        free.append(copy)
        where = f"{mutant.spot.file}:{mutant.spot.position[0]}  {mutant.spot.operator}"
        print(f"{word:8} {time.monotonic() - begun:4.0f} s  {where}", flush=True)
        if word == "SURVIVED":
            survivors.append(mutant)
            print(mutant.change, flush=True)

    with ThreadPoolExecutor(len(copies)) as pool:
        list(pool.map(attempt, chosen))
    return survivors


if __name__ == "__main__":
    sys.exit(main())
