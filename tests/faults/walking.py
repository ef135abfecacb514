"""A place with one of everything that commands read, and a walk that puts something else where each file was.

`opened_by(command, …)` runs a command and names the files that it opened for reading, as an audit hook saw them: what a
new reader opens is walked through without being listed here. `wrong_with(command, file, kind, …)` runs it again, on a
fresh copy with a pipe, a device or some other trap in the place of the file, and says what was wrong with the answer.
"""

from __future__ import annotations

import io
import os
import resource
import shutil
import signal
import socket
import stat
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout, suppress
from pathlib import Path
from types import FrameType

from vgrad import cli
from vgrad.config.check import settled
from vgrad.data.fetch import FILES
from vgrad.document.document import read_yaml
from vgrad.runs.runner import run
from vgrad.storage.npz import pack, unpack
from vgrad.training.rule import Cancelled

SECONDS, MEMORY = 20.0, 2**29
"""Of the processor, and bytes: an endless file that is read takes more of both, the slowest machine less."""
PATIENCE = 90.0  # seconds by the clock, after which a command hangs: a busy machine must not fail
CODES = (0, 2, 3, 4, 5, 6)
CONFIG = """\
name: {name}
layers: {{depth: 2, width: 4}}
data: {{name: digits, train: 20, validation: 10, test: 0}}
epochs: 2
early_stopping: {{monitor: validation_cost, patience: 5}}
probes: {{record: [delta_norm], examples: 10, steps: 1, neurons: [0, 2], histograms: [0]}}
"""
PRETRAIN = "pretrain: {name: autoencoder, epochs: 1}\n"
GRID = "grid: {layers.depth: [1, 2]}\nseeds: 1\n"
STUDY = """\
study: small
title: A small study
source: Nobody, Nowhere, 2026
url: https://example.org
seeds: 3
experiments:
  - name: start
    title: How fast?
    text: Two layers.
    sweep:
      layers: {depth: 2, width: 4}
      data: {name: digits, train: 20, validation: 10, test: 0}
      epochs: 1
    figures: [{label: norm, measure: {name: norm, layer: 1}, published: [0.1]}]
    curves: curves.csv
"""
COMMANDS: dict[str, list[str]] = {
    "train": ["train", "{in}/new.yaml", "--runs-dir", "{runs}"],
    "train again": ["train", "{in}/done.yaml", "--runs-dir", "{runs}"],
    "train longer": ["train", "{in}/done.yaml", "--epochs", "3", "--runs-dir", "{runs}"],
    "continue": ["train", "{in}/half.yaml", "--runs-dir", "{runs}"],
    "sweep": ["sweep", "{in}/sweep.yaml", "--runs-dir", "{runs}", "-j", "0", "-q"],
    "sweep more": ["sweep", "{in}/sweep.yaml", "--seeds", "2", "--runs-dir", "{runs}", "-j", "0", "-q"],
    "status": ["status", "{runs}"],
    "ls": ["ls", "{runs}"],
    "ls some": ["ls", "{runs}", "--where", "depth=2", "--sort", "-train_cost"],
    "tag": ["tag", "{done}", "-t", "good"],
    "clean": ["clean", "{runs}", "--runs"],
    "evaluate": ["evaluate", "{done}", "--part", "validation"],
    "show": ["show", "{done}"],
    "show half": ["show", "{half}"],
    "verify": ["verify", "{runs}"],
    "report": ["report", "{runs}"],
    "report html": ["report", "{runs}", "--format", "html"],
    "report study": ["report", "{runs}/nielsen"],
    "plot": ["plot", "{runs}", "--kind", "curves", "-o", "{in}/x.svg"],
    "plot neurons": ["plot", "{done}", "--kind", "neurons", "-o", "{in}/x.svg"],
    "plot study": ["plot", "{runs}/nielsen", "--kind", "study-figures", "-o", "{in}/x.svg"],
    "product": ["theory", "product", "{done}"],
    "export": ["export", "tensorboard", "{done}", "-o", "{in}/tb"],
    "check": ["check", "{in}/given.yaml"],
    "config show": ["config", "show", "{in}/given.yaml"],
    "config check": ["config", "check", "{in}/given.yaml", "{in}/done.yaml"],
    "data": ["data", "verify"],
    "reproduce": ["reproduce", "{in}/small.yaml", "--runs-dir", "{runs}", "-j", "0", "-q"],
}
TELLING = {
    "status",
    "ls",
    "ls some",
    "clean",
    "show",
    "show half",
    "verify",
    "report",
    "report html",
    "report study",
    "plot",
    "product",
}
"""Commands that read and nothing else: a file that they open and that is none cannot go unsaid."""


def fifo(path: Path, outside: Path) -> None:
    os.mkfifo(path)


def device(path: Path, outside: Path) -> None:
    os.mknod(path, 0o666 | stat.S_IFCHR, os.makedev(1, 5))  # as /dev/zero


def directory(path: Path, outside: Path) -> None:
    path.mkdir()


def listener(path: Path, outside: Path) -> None:
    here = os.getcwd()
    os.chdir(path.parent)  # the name of a socket has at most 107 bytes
    try:
        with socket.socket(socket.AF_UNIX) as made:
            made.bind(path.name)
    finally:
        os.chdir(here)


def link_to_nothing(path: Path, outside: Path) -> None:
    path.symlink_to(outside / "none")


def link_to_itself(path: Path, outside: Path) -> None:
    path.symlink_to(path.name)


def endless(path: Path, outside: Path) -> None:
    with path.open("wb") as file:
        file.truncate(2**40)


def link_to_endless(path: Path, outside: Path) -> None:
    path.symlink_to(outside / "zero")


def link_to_file(path: Path, outside: Path) -> None:
    path.symlink_to(outside / "file")


def hard_link(path: Path, outside: Path) -> None:
    os.link(outside / "file", path)


KINDS: dict[str, Callable[[Path, Path], None]] = {
    kind.__name__: kind
    for kind in (
        *(fifo, device, directory, listener, link_to_nothing, link_to_itself, endless, link_to_endless),
        *(link_to_file, hard_link),
    )
}
WHOLE = {"link_to_file", "hard_link"}
"""Kinds behind which the content is."""
_OPENED: list[str] | None = None


def _hook(event: str, arguments: tuple[object, ...]) -> None:
    if _OPENED is None or event != "open":
        return
    path, _, flags = arguments
    reads = isinstance(flags, int) and flags & (os.O_ACCMODE | os.O_DIRECTORY) == os.O_RDONLY
    if reads and isinstance(path, str | bytes | os.PathLike):
        _OPENED.append(os.path.realpath(os.fsdecode(path)))


sys.addaudithook(_hook)  # for good: there is no taking it back


class TooSlow(BaseException):
    """The command did not end in time."""


def build(place: Path, write_study: Callable[..., object]) -> None:
    """Makes `place`: `in` has configs, a study and parameters, `runs` a complete run, half of one, a sweep and a study,
    `data` what might be MNIST."""
    given, runs = place / "in", place / "runs"
    for name in ("in", "runs", "data/mnist"):
        (place / name).mkdir(parents=True)
    for name in ("new", "done", "half", "given", "sweep"):
        (given / f"{name}.yaml").write_text(CONFIG.format(name=name) + PRETRAIN * (name != "given"))
    with (given / "sweep.yaml").open("a") as file:
        file.write(GRID)
    (given / "small.yaml").write_text(STUDY)
    (given / "curves.csv").write_text("hidden,epoch,layer,value\n2,0,1,0.1\n2,0,2,0.2\n")
    for name in FILES:
        (place / "data/mnist" / name).write_bytes(b"x")
    for words in (["train", "{in}/done.yaml", "--runs-dir", "{runs}"], COMMANDS["sweep"]):
        code, told = call(words, place)
        assert code == 0, told
    (given / "given.npz").write_bytes(pack(unpack(next(runs.glob("done-*/initial.npz")), 2**20)))
    with (given / "given.yaml").open("a") as file:
        file.write("init: {name: file, path: given.npz}\n")
    stop: list[int] = []
    config = settled(read_yaml((given / "half.yaml").read_bytes(), "half.yaml"))
    with suppress(Cancelled):
        for _ in run(
            config, runs, cancelled=lambda: len(stop) > 5
        ):  # of which one is the beginning, and four are epochs of pretraining
            stop.append(1)
    assert next(runs.glob("half-*/checkpoint.npz"))
    write_study(runs / "nielsen", seeds=3, epochs=(0, 1))


def call(words: list[str], place: Path) -> tuple[int | str, str]:
    """Exit code of a command, or the name of what escaped it, and all that it said."""
    names = {"in": place / "in", "runs": place / "runs"}
    for name in ("done", "half"):
        names[name] = next((place / "runs").glob(f"{name}-*"), place)
    words = [word.format(**names) for word in words]
    data, os.environ["VGRAD_DATA"] = os.environ.get("VGRAD_DATA"), str(place / "data")
    stream = io.TextIOWrapper(io.BytesIO(), encoding="utf-8", write_through=True)
    code: int | str
    with redirect_stdout(stream), redirect_stderr(stream):
        try:
            code = cli.run(words)
        except BaseException as error:
            code = type(error).__name__
        finally:
            del os.environ["VGRAD_DATA"]
            if data is not None:
                os.environ["VGRAD_DATA"] = data
    return code, stream.buffer.getvalue().decode(errors="replace")  # type: ignore[attr-defined]


def opened_by(words: list[str], template: Path, work: Path) -> list[str]:
    """The files of the place that the command opens for reading, as paths in it."""
    global _OPENED
    place = fresh(template, work)
    there = {os.path.realpath(path): str(path.relative_to(place)) for path in place.rglob("*") if path.is_file()}
    _OPENED = []
    try:
        code, told = call(words, place)
        seen = [there[path] for path in _OPENED if path in there]
    finally:
        _OPENED = None
    assert code in CODES, told
    return list(dict.fromkeys(seen))


def wrong_with(name: str, file: str, kind: str, template: Path, work: Path) -> str:
    """What is wrong with how the command takes a `kind` in the place of the file; empty when nothing is."""
    place, outside = fresh(template, work), work / "outside"
    shutil.rmtree(outside, ignore_errors=True)
    outside.mkdir()
    path = place / file
    path.rename(outside / "file")
    device(outside / "zero", outside)
    KINDS[kind](path, outside)
    before, most = _print(outside), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    begun = time.process_time()
    with limited():
        code, told = call(COMMANDS[name], place)
    seconds, grown = time.process_time() - begun, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - most
    lines = [line for line in told.splitlines() if line.startswith("vgrad: ")]
    if code not in CODES or "bug in vgrad" in told or "Traceback" in told:
        return f"exit {code}: {told[-300:]}"
    if code and not lines:
        return f"exit {code} without a line"
    if not code and kind not in WHOLE and name in TELLING and not file.endswith(".lock"):
        return "exit 0 as if all were well"
    if grown * 1024 > MEMORY or (code and kind not in WHOLE and seconds > SECONDS):
        return f"exit {code} after {seconds:.1f} s and {grown / 1024:.0f} MiB"
    return "" if _print(outside) == before else "changed something outside"


@contextmanager
def limited() -> Iterator[None]:
    """Raises TooSlow inside after PATIENCE; the timer of the test goes on behind it."""
    begun, handler = time.monotonic(), signal.signal(signal.SIGALRM, _too_slow)
    rest, _ = signal.setitimer(signal.ITIMER_REAL, PATIENCE)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, handler)
        if rest:
            signal.setitimer(signal.ITIMER_REAL, max(rest - (time.monotonic() - begun), 0.01))


def _too_slow(number: int, frame: FrameType | None) -> None:
    raise TooSlow


def fresh(template: Path, work: Path) -> Path:
    """A copy of the place, at the same path each time."""
    place = work / "place"
    shutil.rmtree(place, ignore_errors=True)
    shutil.copytree(template, place)
    return place


def _print(folder: Path) -> list[tuple[object, ...]]:
    """What lies in a folder: name, kind, links, size, time and the beginning of files."""
    found = []
    for path in sorted(folder.rglob("*")):
        status = path.lstat()
        content = path.read_bytes() if stat.S_ISREG(status.st_mode) else b""
        found.append((path.name, status.st_mode, status.st_size, status.st_mtime_ns, content))
    return found
