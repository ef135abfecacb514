"""A mutant on trial: a fork that has loaded what no mutant changes, a copy of the house, and the tests that matter."""

from __future__ import annotations

import json
import os
import resource
import shutil
import signal
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from mutation_places import HOUSE, Mutant

LEFT_OUT = (".git", ".venv", "__pycache__", *(f".{name}" for name in ("mutation", "hypothesis")), ".*_cache")
LOADED = ("numpy", "scipy.stats", "scipy.optimize", "scipy.integrate", "pandas", "pydantic", "yaml", "rich.console")
LOADED += ("typer", "hypothesis", "pytest", "_pytest.assertion.rewrite", "coverage")
NOT_SLOW = ["-q", "-x", "-p", "no:cacheprovider", "-p", "no:xdist", "-m", "not slow"]
NOT_SLOW += ["-W", "ignore::pytest.PytestAssertRewriteWarning"]  # of what is loaded before
SECONDS = 120
"""Of one test, at the least; and of the processor, for one mutant, beside three times what the tests take: it hangs."""


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


def measured(copy: Path, tests: Sequence[str]) -> Baseline:
    """Which tests run what, when nothing is changed; all of them have to be green."""
    begun = time.monotonic()
    if forked(lambda: _measure(copy, tests), copy, copy / "log.txt", 3600) != 0:
        raise SystemExit((copy / "log.txt").read_text()[-3000:])
    found = Baseline(**json.loads((copy / "baseline.json").read_text()))
    print(f"{len(found.names)} tests in {time.monotonic() - begun:.0f} s", flush=True)
    return found
