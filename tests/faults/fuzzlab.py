"""Fuzzing through the real command line: whatever the bytes, an exit code of the table, a line a problem, soon, small.

    python tests/faults/fuzzlab.py CASES [SEED [PROCESSES]]    prints what happened as JSON; `failures` must be empty
    python tests/faults/fuzzlab.py fields SHARE [SEED]         one in SHARE of all that fields.py puts into files
    python tests/faults/fuzzlab.py corpus                      the cases that have failed before

A case is a surface, which names the input and the commands that read it, and a payload, the bytes of that input.
Hypothesis makes the payloads (see fuzzed.py), but those of `fields`; each runs in this process, which has loaded the
package once, so that it costs milliseconds. What fails is kept in the folder `corpus`, as a file SURFACE-DIGEST, and is
replayed ever after.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import io
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
import warnings
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType

from vgrad.__main__ import fix_blas_environment

fix_blas_environment()

import fields  # noqa: E402
import fuzzed  # noqa: E402
import typer.main  # noqa: E402
from hypothesis import HealthCheck, Phase, given, seed, settings  # noqa: E402

from vgrad import cli  # noqa: E402
from vgrad.cli.app import app  # noqa: E402
from vgrad.config import choice as choices  # noqa: E402
from vgrad.config.check import check  # noqa: E402
from vgrad.config.config import Config  # noqa: E402
from vgrad.data import digits, fetch  # noqa: E402
from vgrad.document.document import read_yaml  # noqa: E402
from vgrad.runs import runner  # noqa: E402

CORPUS = Path(__file__).with_name("corpus")
CODES = {0, 2, 3, 4, 5, 6}
SECONDS, BYTES = 4.0, 512 * 2**20  # a sound run's prediction alone takes `show` a second of a processor
HANGS = 30.0
BATCH = 250
IDENTITY = "4a8d5dc4"
KEPT = 100_000  # bytes of a payload that may go into the corpus
RUN_FILES = ("config.yaml", "metrics.csv", "gradients.csv", "neurons.csv", "summary.json", "run.json")


def _remembered(make: Callable[..., type]) -> Callable[..., type]:
    """`create_model`, which gives the same model for the same fields."""
    models: dict[str, type] = {}

    def made(name: str, **fields: object) -> type:
        key = f"{name} {fields}"
        if key not in models:
            models[key] = make(name, **fields)
        return models[key]

    return made


class Hang(BaseException):
    """No `except Exception` stops it."""


@dataclass
class Told:
    """How a command ended, and what is wrong with that."""

    code: int
    out: str
    wrong: list[str]


@dataclass
class Lab:
    """A folder with a config, a run that is complete and one that was interrupted after epoch 1, and MNIST's files."""

    folder: Path
    complete: dict[str, bytes] = field(default_factory=dict)
    interrupted: dict[str, bytes] = field(default_factory=dict)
    name: str = ""
    codes: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        os.chdir(self.folder)
        os.environ |= {"VGRAD_DATA": str(self.folder / "data"), "VGRAD_MIRRORS": "http://127.0.0.1:9/"}
        runner.CHECKPOINT_SECONDS, runner.CHECKPOINT_SHARE = 0.0, 0
        digits._table = functools.lru_cache(digits._table)
        typer.main.get_command = functools.cache(typer.main.get_command)  # what costs most: built anew in every call
        choices.create_model = _remembered(choices.create_model)
        self.commands = {*dict(getattr(typer.main.get_command(app), "commands", {}))}  # loads them all
        identity = Config.identity.func  # of fuzz it is a constant: the corpus outlives new keys of the config
        Config.identity = property(lambda config: IDENTITY if config.name == "fuzz" else identity(config))
        Path("c.yaml").write_text(fuzzed.CONFIG)
        Path("data/mnist").mkdir(parents=True)
        config = check(read_yaml(fuzzed.CONFIG, "c.yaml").data)
        self.name = config.run_name
        steps = runner.run(config, Path("runs"))
        while getattr(next(steps), "epoch", None) != 1:
            pass
        next(steps)  # epoch 1 is saved when epoch 2 is asked for
        steps.close()
        self.interrupted = self.files()
        shutil.rmtree("runs")
        list(runner.run(config, Path("runs")))
        self.complete = self.files()
        shutil.rmtree("runs")
        Path("init.npz").write_bytes(self.complete["final.npz"])

    @property
    def run(self) -> Path:
        return Path("runs", self.name)

    def files(self) -> dict[str, bytes]:
        return {path.name: path.read_bytes() for path in self.run.iterdir() if path.suffix}

    def lay(self, files: dict[str, bytes]) -> None:
        self.run.mkdir(parents=True)
        for name, content in files.items():
            (self.run / name).write_bytes(content)

    def command(self, *arguments: str) -> Told:
        """Runs a command; wrong is every breach of the contract that can be seen from outside."""
        if arguments[0] not in self.commands:
            return Told(0, "", [])
        out = io.TextIOWrapper(io.BytesIO(), encoding="utf-8", write_through=True)
        err = io.TextIOWrapper(io.BytesIO(), encoding="utf-8", errors="backslashreplace", write_through=True)
        wrong: list[str] = []
        begun, code = time.perf_counter(), -1
        signal.setitimer(signal.ITIMER_REAL, HANGS)
        try:
            with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err), warnings.catch_warnings():
                warnings.simplefilter("error")
                code = cli.run(arguments)
        except Hang:
            wrong.append("hangs")
        except BaseException as error:
            wrong.append(f"{type(error).__name__} leaves the command line")
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
        seconds = time.perf_counter() - begun
        self.codes[f"{arguments[0]} {code}"] = self.codes.get(f"{arguments[0]} {code}", 0) + 1
        told = err.buffer.getvalue().decode()  # type: ignore[attr-defined]
        answer = out.buffer.getvalue().decode(errors="replace")  # type: ignore[attr-defined]
        lines = told.removesuffix("\n").split("\n") if told else []
        problems = [line for line in lines if line.startswith("vgrad: ")]
        if code not in CODES:
            wrong.append(f"exit {code}: {lines[-1:]}")
        if code and not (problems and lines[-len(problems) :] == problems):
            wrong.append(f"exit {code} without a line a problem: {lines[-5:]}")
        if "Traceback" in told or "Warning" in told or not all(line.isprintable() for line in lines):
            wrong.append(f"stderr is not fit to read: {told[:300]!r}")
        if not all(line.isprintable() for line in answer.split("\n")):
            wrong.append(f"stdout is not fit to read: {answer[:300]!r}")
        if code == 0 and problems:
            wrong.append(f"exit 0 with problems: {problems[:3]}")
        if seconds > SECONDS:
            wrong.append(f"takes longer than {SECONDS:.0f} s")
        return Told(
            code,
            answer,
            [f"{' '.join(arguments)[:60]}: {what}" for what in wrong],
        )

    def train(self, *arguments: str, due: set[int] = CODES) -> list[str]:
        """Trains; wrong is also an exit code that is not `due`, and a run that `verify` does not call whole."""
        told = self.command("train", *arguments)
        wrong = told.wrong
        if told.code not in due:
            wrong.append(f"train: exit {told.code} where {due} are due")
        if told.code == 0:
            verified = self.command("verify", told.out.splitlines()[-1])
            wrong += verified.wrong
            if verified.code:
                wrong.append("train: exit 0 with a run that verify does not call whole")
        return wrong

    def checked(self, *arguments: str) -> list[str]:
        """`config check`, and the training too when it is a small one."""
        told = self.command("config", "check", *arguments)
        if told.code:
            return told.wrong
        shown = self.command("config", "show", "--json", *arguments)
        if shown.code:
            return [*told.wrong, *shown.wrong, "config: check is content, show is not"]
        facts = json.loads(shown.out)
        config = facts["config"]
        examples = config["data"]["train"] + config["data"]["validation"]
        small = facts["parameters"] < 20_000 and facts["layers"] < 20
        small = small and (1 + config["epochs"]) * examples < 2000
        return told.wrong + (self.train(*arguments) if small else [])

    def config(self, payload: bytes) -> list[str]:
        Path("fuzz.yaml").write_bytes(payload)
        return self.checked("fuzz.yaml")

    def override(self, payload: bytes) -> list[str]:
        return self.checked("c.yaml", *(word for text in json.loads(payload) for word in ("-s", text)))

    def init(self, payload: bytes) -> list[str]:
        Path("fuzz.npz").write_bytes(payload)
        return self.train("c.yaml", "-s", "init={name: file, path: fuzz.npz}", due={0, 3})

    def idx(self, payload: bytes, name: str) -> list[str]:
        """MNIST of these files, as if they were the published ones: the digest would stop every other."""
        contents = {file: fuzzed.IDX[file] for file in fetch.FILES} | {name: payload}
        published = dict(fetch.FILES)
        for file, content in contents.items():
            Path("data/mnist", file).write_bytes(content)
            fetch.FILES[file] = fetch.Published(len(content), hashlib.sha256(content).hexdigest())
        try:
            return self.train(
                "c.yaml", "-s", "data={name: mnist, train: 3, validation: 0, test: 2}", "-s", "batch_size=3",
                "-s", "probes.examples=3", "-s", "layers={depth: 1, width: 3}", due={0, 3},
            )  # fmt: skip
        finally:
            fetch.FILES.update(published)

    def checkpoint(self, payload: bytes) -> list[str]:
        self.lay({**self.interrupted, "checkpoint.npz": payload})
        wrong = self.command("verify", str(self.run)).wrong + self.looked_at(payload)
        return wrong + self.train("c.yaml", due={0, 4})

    def looked_at(self, payload: bytes) -> list[str]:
        """Half the payloads through `show` and half through `ls`, with and without --json."""
        which = zlib.crc32(payload)
        words = ["show", str(self.run)] if which & 1 else ["ls", "runs"]
        return self.command(*words, *(["--json"] if which & 2 else [])).wrong

    def of_a_run(self, payload: bytes, name: str, sealed: bool = False) -> list[str]:
        """A complete run with another file `name`; `sealed`: with the digest of that file in run.json."""
        files = {**self.complete, name: payload}
        if sealed:
            facts = json.loads(files["run.json"])
            facts["files"][name] = hashlib.sha256(payload).hexdigest()
            files["run.json"] = json.dumps(facts).encode()
        self.lay(files)
        verified = self.command("verify", str(self.run))
        wrong = [*verified.wrong, *self.looked_at(payload), *self.command("report", str(self.run)).wrong]
        if verified.code not in ({0, 4} if sealed or name == "run.json" or payload == self.complete[name] else {4}):
            wrong.append(f"verify: exit {verified.code}")
        trained = self.command("train", "c.yaml")
        return wrong + trained.wrong + ([] if trained.code in (0, 4) else [f"train: exit {trained.code}"])

    @functools.cached_property
    def study(self) -> dict[str, bytes]:
        """The files of a study, a sweep and runs, which fields.py spoils."""
        return fields.study(self.command)

    def fields(self, payload: bytes) -> list[str]:
        """A study with another file, and some of the commands that read it."""
        return fields.case(self.command, self.study, payload)

    def case(self, surface: str, payload: bytes) -> list[str]:
        """What is wrong with how this case ends."""
        kind, _, name = surface.partition(".")
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        try:
            if kind in ("run", "sealed"):
                wrong = self.of_a_run(payload, name, kind == "sealed")
            elif kind == "idx":
                wrong = self.idx(payload, name)
            else:
                run: Callable[[bytes], list[str]] = getattr(self, kind)
                wrong = run(payload)
        finally:
            shutil.rmtree("runs", ignore_errors=True)
        after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        if 1024 * after > BYTES and after > before:
            wrong.append(f"memory grows from {before // 1024} to {after // 1024} MiB")
        return wrong


SHARES = {"config": 25, "override": 15, "init": 15, "checkpoint": 20, **{f"idx.{name}": 3 for name in fetch.FILES}}
SHARES |= {f"{kind}.{name}": 2 for name in RUN_FILES for kind in ("run", "sealed") if name != "run.json"}
SHARES |= {"run.run.json": 6, "fields": 12}


def batches(cases: int, number: int) -> Iterator[tuple[str, int, int]]:
    """(surface, batch, cases in it) for each batch, with the shares of the surfaces kept."""
    for surface, share in SHARES.items():
        due = -(-cases * share // sum(SHARES.values()))
        for batch in range(-(-due // BATCH)):
            yield surface, number + batch, min(BATCH, due - batch * BATCH)


def explore(lab: Lab, surface: str, number: int, cases: int, each: Callable[[bytes], None]) -> None:
    """`each` of `cases` different payloads for `surface`, which follow from `number`."""
    if surface == "fields":
        for payload in random.Random(number).sample(fields.payloads(lab.study), cases):
            each(payload())
        return
    seen: set[bytes] = set()
    payloads = fuzzed.payloads(surface, lab.complete, lab.interrupted)
    for attempt in range(20):
        missing = cases - len(seen)
        if not missing:
            return

        @seed(number + 1_000_003 * attempt)
        @settings(
            max_examples=missing + 20,
            database=None,
            deadline=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(payloads)
        def one(payload: bytes) -> None:
            key = hashlib.sha256(payload).digest()
            if key not in seen and len(seen) < cases:
                seen.add(key)
                each(payload)

        one()


@dataclass
class Findings:
    """Cases, exit codes, the slowest case, and what failed: once for every kind of failure."""

    cases: dict[str, int] = field(default_factory=dict)
    failures: dict[str, str] = field(default_factory=dict)
    codes: dict[str, int] = field(default_factory=dict)
    slowest: float = 0.0

    def note(self, lab: Lab, surface: str, payload: bytes) -> None:
        begun = time.perf_counter()
        wrong = lab.case(surface, payload)
        if any("takes longer" in what for what in wrong):  # other processes may have had the processor
            wrong = lab.case(surface, payload)
        self.slowest, self.codes = max(self.slowest, time.perf_counter() - begun), lab.codes
        group = surface.partition(".")[0]
        self.cases[group] = self.cases.get(group, 0) + 1
        for what in wrong:
            kind = re.sub(r"[0-9a-f]*[0-9][0-9a-f]*", "#", f"{group}: {what}")[:150]
            if kind not in self.failures:
                self.failures[kind] = f"{surface}: {what} [{keep(surface, payload)}]"


def keep(surface: str, payload: bytes) -> str:
    """Puts a case into the corpus; its name there."""
    name = f"{surface}-{hashlib.sha256(payload).hexdigest()[:12]}"
    if len(payload) > KEPT:
        return f"{name}, {len(payload)} bytes, not kept"
    with contextlib.suppress(OSError):
        (CORPUS / name).write_bytes(payload)
    return name


def hang(number: int, frame: FrameType | None) -> None:
    raise Hang


@contextlib.contextmanager
def lab() -> Iterator[Lab]:
    memory = Path("/dev/shm")
    folder = tempfile.mkdtemp(prefix="vgrad-fuzz-", dir=memory if os.access(memory, os.W_OK) else None)
    signal.signal(signal.SIGALRM, hang)
    try:
        yield Lab(Path(folder))
    finally:
        os.chdir("/")
        shutil.rmtree(folder, ignore_errors=True)


def replay() -> Findings:
    """The corpus."""
    found = Findings()
    with lab() as here:
        for path in sorted(CORPUS.iterdir()):
            found.note(here, path.name.rpartition("-")[0], path.read_bytes())
    return found


def walk(share: int, number: int) -> Findings:
    """One in `share` of all fields with all that may stand in them; which ones follows from `number`."""
    found = Findings()
    with lab() as here:
        for payload in fields.payloads(here.study)[number % share :: share]:
            found.note(here, "fields", payload())
    return found


def fuzz(cases: int, number: int, processes: int) -> Findings:
    """`cases` in `processes`; which ones follows from `number`."""
    work = [
        (surface, zlib.crc32(f"{number} {surface} {batch}".encode()), count)
        for surface, batch, count in batches(cases, 0)
    ]
    total, readers = Findings(), []
    for worker in range(processes):
        reader, writer = os.pipe()
        if os.fork():
            os.close(writer)
            readers.append(reader)
            continue
        found = Findings()
        try:
            with lab() as here:
                for surface, start, count in work[worker::processes]:
                    explore(here, surface, start, count, lambda payload: found.note(here, surface, payload))  # noqa: B023
        except BaseException as error:
            found.failures["harness"] = f"harness: {type(error).__name__} {error}"
            raise
        finally:
            with os.fdopen(writer, "w") as file:
                json.dump(vars(found), file)
            os._exit(0)
    for reader in readers:
        with os.fdopen(reader) as file:
            found = Findings(**json.loads(file.read() or '{"failures": {"died": "a worker died"}}'))
        for counted, more in ((total.cases, found.cases), (total.codes, found.codes)):
            for name, count in more.items():
                counted[name] = counted.get(name, 0) + count
        total.failures |= found.failures
        total.slowest = max(total.slowest, found.slowest)
    return total


def main() -> int:
    begun = time.monotonic()
    if sys.argv[1] == "corpus":
        number, found = 0, replay()
    elif sys.argv[1] == "fields":
        share, number = (*map(int, sys.argv[2:]), 1)[:2]
        found = walk(share, number)
    else:
        cases, number, processes = (*map(int, sys.argv[1:]), *(1, 2)[len(sys.argv) - 2 :])
        found = fuzz(cases, number, processes)
    result = {
        "seed": number,
        "cases": sum(found.cases.values()),
        "by_surface": found.cases,
        "commands_by_exit_code": dict(sorted(found.codes.items())),
        "seconds": round(time.monotonic() - begun, 1),
        "slowest": round(found.slowest, 2),
        "failures": list(found.failures.values()),
    }
    print(json.dumps(result, indent=2))
    return 1 if found.failures else 0


if __name__ == "__main__":
    sys.exit(main())
