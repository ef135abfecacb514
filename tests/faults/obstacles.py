"""Puts what is no file in the place of every file and directory that a command writes, and runs the command again.

    python tests/faults/obstacles.py [EVERY [WORD]]    prints the failures as JSON; each EVERY-th case, of such names

What a command writes is not listed here: an audit hook notes it, twice, and what both times have in common (temporary
names are random) is where the obstacles go. Each case begins with the folder as it was before the command. Expected is
a line, an exit code of the table, within 2 s and 512 MiB, the obstacle still there, and nothing changed outside.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import io
import json
import os
import resource
import shutil
import socket
import stat
import sys
import tempfile
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from unittest import mock

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "data"))

from data_files import made_files, mirror

from vgrad.__main__ import fix_blas_environment

fix_blas_environment()

from vgrad import cli  # noqa: E402
from vgrad.config.check import check  # noqa: E402
from vgrad.data import fetch  # noqa: E402
from vgrad.document.document import load_yaml  # noqa: E402
from vgrad.errors import VgradError  # noqa: E402
from vgrad.runs import runner  # noqa: E402
from vgrad.storage import lock as locking  # noqa: E402
from vgrad.storage import outputs  # noqa: E402
from vgrad.study.report import folder as study_files  # noqa: E402
from vgrad.sweeps import job as jobs  # noqa: E402
from vgrad.training.rule import Cancelled  # noqa: E402

CODES = {0, 2, 3, 4, 5, 6}
SECONDS, BYTES, HANGS = 2.0, 512 * 2**20, 40.0
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
ROOT = os.geteuid() == 0
KEPT = "kept\n"
CONFIG = """\
name: w
layers: [2, 2, 2]
data: xor
batch_size: 4
epochs: 2
pretrain: {name: rbm, epochs: 1, batch_size: 4}
early_stopping: 2
probes: {record: [delta_norm], steps: 1, neurons: [0], histograms: [0]}
"""
SWEEP = "grid: {l2: [0.1]}\nseeds: 1\n"
STUDY = """\
study: small
title: A study
source: nobody
url: http://localhost
seeds: 2
experiments:
  - name: e
    title: How fast?
    text: ""
    sweep: {layers: {depth: 1, width: 2}, data: xor, batch_size: 4, epochs: 1, grid: {layers.depth: [1]}}
    figures: [{label: speed, measure: {name: norm, layer: 1}, published: [0.1]}]
"""


# What is written.


class Recorder:
    """While `folder` is set, notes what is written below it, by the names that stay."""

    def __init__(self) -> None:
        self.folder, self.seen = "", set[str]()
        sys.addaudithook(self.hook)

    def hook(self, event: str, arguments: tuple[object, ...]) -> None:
        if not self.folder:
            return
        if event == "open" and isinstance(arguments[2], int) and arguments[2] & WRITING:
            self.note(arguments[0])
        elif event in ("os.rename", "os.link", "os.symlink"):
            self.note(arguments[1])
        elif event == "os.mkdir":
            self.note(arguments[0])

    def note(self, path: object) -> None:
        if isinstance(path, str | bytes | os.PathLike):
            name = os.path.abspath(os.fsdecode(path))
            if name.startswith(f"{self.folder}/"):
                self.seen.add(name.removeprefix(f"{self.folder}/"))


@dataclass(frozen=True)
class Command:
    """What is run in a folder that `prepare` made; names in `given` are the user's: links there are followed."""

    name: str
    run: Callable[[Path], int]
    prepare: Callable[[Path], None]
    given: tuple[str, ...] = ()


def words(*given: str) -> Callable[[Path], int]:
    return lambda place: cli.run([word.format(place=place) for word in given])


TRAIN = ("train", "{place}/w.yaml", "-q", "--runs-dir", "{place}/runs")


def fresh(place: Path) -> None:
    (place / "runs").mkdir()
    (place / "w.yaml").write_text(CONFIG)
    (place / "s.yaml").write_text(CONFIG + SWEEP)
    (place / "study.yaml").write_text(STUDY)


def trained(place: Path) -> None:
    fresh(place)
    assert words(*TRAIN)(place) == 0


def interrupted(place: Path) -> None:
    fresh(place)
    looks = iter([False, False, True])  # an epoch of pretraining, and one of training
    with contextlib.suppress(Cancelled):
        for _ in runner.run(check(load_yaml(place / "w.yaml").data), place / "runs", cancelled=lambda: next(looks)):
            pass


def published(place: Path) -> int:
    """The files of a run, as they come from a worker elsewhere."""
    (run,) = (place / "runs").iterdir()
    files = {path.name: path.read_bytes() for path in run.iterdir() if path.is_file() and path.name != ".lock"}
    try:
        jobs.publish(place / "away", files)
    except VgradError as error:
        print(*(f"vgrad: {problem}" for problem in error.problems), sep="\n", file=sys.stderr)
        return error.exit_code
    return 0


def away(place: Path) -> None:
    trained(place)
    (place / "away").mkdir()


@contextlib.contextmanager
def _without_flock() -> Iterator[None]:
    def flock(descriptor: int, operation: int) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    with mock.patch.object(locking.fcntl, "flock", flock):
        yield


def trained_without_flock(place: Path) -> int:
    with _without_flock():
        return words(*TRAIN)(place)


FILES = made_files()
PUBLISHED = {name: fetch.Published(len(data), hashlib.sha256(data).hexdigest()) for name, data in FILES.items()}


def fetched(place: Path) -> int:
    environment = {"VGRAD_DATA": str(place / "data"), "NO_PROXY": "127.0.0.1"}
    with mirror(FILES) as server, mock.patch.object(fetch, "FILES", PUBLISHED), mock.patch.dict(os.environ):
        os.environ |= {**environment, "VGRAD_MIRRORS": server.address("good")}
        return cli.run(["data", "fetch"])


PICTURE = b'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 1 1" width="1pt" height="1pt"></svg>'


def reproduced(place: Path) -> int:
    with mock.patch.object(study_files, "picture", return_value=PICTURE):
        return words("reproduce", "{place}/study.yaml", "-q", "-j", "0", "--runs-dir", "{place}/runs")(place)


COMMANDS = (
    Command("train", words(*TRAIN), fresh),
    Command("train without flock", trained_without_flock, fresh),
    Command("continue", words(*TRAIN), interrupted),
    Command("restart", words(*TRAIN, "--restart"), trained),
    Command("sweep", words("sweep", "{place}/s.yaml", "-q", "-j", "0", "--runs-dir", "{place}/runs"), fresh),
    Command("publish", published, away),
    Command("reproduce", reproduced, fresh),
    Command("fetch", fetched, fresh, ("data", "data/mnist")),
    Command("report", words("report", "{place}/runs", "-o", "{place}/x.csv"), trained, ("x.csv",)),
    Command("page", words("report", "{place}/runs", "-o", "{place}/x.html"), trained, ("x.html",)),
    Command("plot", words("plot", "{place}/runs", "-o", "{place}/x.svg"), trained, ("x.svg",)),
    Command("chain", words("theory", "chain", "width", "-o", "{place}/x.svg"), fresh, ("x.svg",)),
    Command("new", words("config", "new", "{place}/x.yaml"), fresh, ("x.yaml",)),
    Command("events", words("export", "tensorboard", "{place}/runs", "-o", "{place}/log"), trained, ("log",)),
)


# What is put in its place.


def a_socket(path: Path, outside: Path) -> None:
    here = Path.cwd()
    os.chdir(path.parent)  # the name of a socket is short
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(path.name)
    os.chdir(here)


def a_device(path: Path, outside: Path) -> None:
    os.mknod(path, 0o666 | stat.S_IFCHR, os.makedev(1, 3))


OBSTACLES: dict[str, Callable[[Path, Path], object]] = {
    "a pipe": lambda path, outside: os.mkfifo(path),
    "a device": a_device,
    "a directory": lambda path, outside: (path.mkdir(), (path / "kept").write_text(KEPT)),
    "a socket": a_socket,
    "a link to nothing": lambda path, outside: path.symlink_to(outside / "nothing"),
    "a link to a file": lambda path, outside: path.symlink_to(outside / "victim"),
    "a link to a directory": lambda path, outside: path.symlink_to(outside / "folder"),
    "a link to an endless file": lambda path, outside: path.symlink_to(outside / "zero"),
    "a second name of a file": lambda path, outside: path.hardlink_to(outside / "victim"),
}
OF_ROOT = ("a device", "a link to an endless file")


def make_outside(outside: Path) -> None:
    outside.mkdir()
    (outside / "victim").write_text(KEPT)
    (outside / "folder").mkdir()
    if ROOT:
        os.mknod(outside / "zero", 0o666 | stat.S_IFCHR, os.makedev(1, 5))


def outside_now(outside: Path) -> list[tuple[str, int, bytes]]:
    found = []
    for path in sorted(outside.rglob("*")):
        mode = path.lstat().st_mode
        found.append((path.name, mode, path.read_bytes() if stat.S_ISREG(mode) else b""))
    return found


# One case.


@dataclass(frozen=True)
class Case:
    """`path` of `command` has an obstacle in its place; `plain` and `seconds` are code and time without any."""

    command: Command
    path: str
    obstacle: str
    plain: int
    seconds: float

    @property
    def name(self) -> str:
        return f"{self.command.name}: {self.obstacle} as {self.path}"


class Lab:
    """A folder with the prepared states, and the recorder."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.recorder = folder.resolve(), Recorder()
        self.place, self.outside = self.folder / "case" / "in", self.folder / "case" / "outside"
        self.beat = time.monotonic()
        self.doing = ""
        threading.Thread(target=self.watch, daemon=True).start()

    def watch(self) -> None:
        """Ends the process when a case hangs."""
        while True:
            time.sleep(1.0)
            if time.monotonic() - self.beat > HANGS:
                told = json.dumps({"cases": 0, "failures": [f"{self.doing}: hangs"]})
                print(f"\n{told}", file=sys.__stdout__, flush=True)
                os._exit(0)

    def cases(self, commands: tuple[Command, ...]) -> Iterator[Case]:
        for command in commands:
            seen, plain, seconds = list[set[str]](), 0, 0.0
            for _ in range(2):
                self.begin(command)
                self.recorder.seen, self.recorder.folder = set(), str(self.place)
                plain, said, seconds = self.call(command)
                assert "a bug" not in said, said
                self.recorder.folder = ""
                seen.append(self.recorder.seen)
            paths = sorted(seen[0] & seen[1])
            assert paths, f"{command.name} writes nothing: exit code {plain}"
            for path in paths:
                yield from (Case(command, path, obstacle, plain, seconds) for obstacle in OBSTACLES)

    def begin(self, command: Command) -> None:
        """The folder as it is before the command."""
        ready = self.folder / f"ready-{command.prepare.__name__}"
        if not ready.exists():
            ready.mkdir()
            with quiet():
                command.prepare(ready)
        shutil.rmtree(self.folder / "case", ignore_errors=True)
        self.place.parent.mkdir()
        shutil.copytree(ready, self.place, symlinks=True)
        make_outside(self.outside)

    def call(self, command: Command) -> tuple[int, str, float]:
        """Exit code, what was said, and how long it took."""
        self.beat = time.monotonic()
        with quiet() as said:
            code = command.run(self.place)
        return code, said.getvalue(), time.monotonic() - self.beat

    def run(self, case: Case) -> list[str]:
        """What is wrong with a case."""
        self.begin(case.command)
        path = self.place / case.path
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        path.unlink(missing_ok=True)
        OBSTACLES[case.obstacle](path, self.outside)
        before, kind = outside_now(self.outside), stat.S_IFMT(path.lstat().st_mode)
        self.doing = case.name
        code, said, seconds = self.call(case.command)
        wrong = [] if code in CODES or code == case.plain else [f"exit code {code}"]
        if "Traceback" in said or "a bug" in said or (code not in (0, case.plain) and "vgrad: " not in said):
            wrong.append("no line of ours")
        wrong += [f"{seconds:.1f} s"] if seconds > SECONDS + 5 * case.seconds else []  # the machine may be slow
        follows = case.path in case.command.given and case.obstacle.startswith("a link")
        if outside_now(self.outside) != before and not follows:
            wrong.append("changed outside")
        kinds = {stat.S_IFMT(found.lstat().st_mode) for found in self.place.rglob(path.name)}  # it may lie aside
        if kind not in (stat.S_IFREG, stat.S_IFLNK) and kind not in kinds:
            wrong.append("the obstacle is gone")
        return [f"{case.name}: {', '.join(wrong)}: {said.strip()[-300:]}"] if wrong else []


@contextlib.contextmanager
def quiet() -> Iterator[io.StringIO]:
    said = io.StringIO()
    with contextlib.redirect_stdout(io.TextIOWrapper(io.BytesIO(), "utf-8")), contextlib.redirect_stderr(said):
        yield said


def main() -> None:
    every = int(sys.argv[1]) if len(sys.argv) > 1 else 1
    word = sys.argv[2] if len(sys.argv) > 2 else ""
    outputs.READER_SECONDS = 0.05
    sys.dont_write_bytecode = True
    failures, count = list[str](), 0
    with tempfile.TemporaryDirectory(prefix="vgrad-obstacles-") as folder:
        lab = Lab(Path(folder))
        used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        for case in lab.cases(tuple(command for command in COMMANDS if command.name.startswith(word))):
            if zlib.crc32(case.name.encode()) % every or (case.obstacle in OF_ROOT and not ROOT):
                continue
            count += 1
            found = lab.run(case)
            failures += found and lab.run(case)  # once more: the machine may have been busy
        more = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - used) * 1024
        failures += [f"{more:,} bytes of memory"] if more > BYTES else []
    print("\n" + json.dumps({"cases": count, "failures": failures}, indent=1))


if __name__ == "__main__":
    main()
