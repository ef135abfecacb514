"""One run of a sweep: what a worker is given, what it gives back, and how files from afar become a run directory.

`train_here` trains in the run directory itself. `train_away` is for workers without a shared file system: it gets
the files that a continued run needs, trains in a temporary folder and gives all files back, which `publish` puts where
they belong, run.json last.
"""

from __future__ import annotations

import hashlib
import tempfile
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache
from pathlib import Path, PurePath
from typing import Any

from vgrad.config.config import Config
from vgrad.config.fields import InitFile
from vgrad.data.dataset import Dataset
from vgrad.data.datasets import DATASETS, load
from vgrad.data.files import idx_files
from vgrad.errors import DataError, RunStateError, StorageError, VgradError
from vgrad.machine import versions
from vgrad.runs.checkpoint import CHECKPOINT
from vgrad.runs.folder import CONFIG, DETERMINISTIC, INITIAL, RUN, RunFolder, most_file_bytes
from vgrad.runs.pretrained import LAYERS
from vgrad.runs.runner import Opened, run
from vgrad.storage import write_file
from vgrad.storage.json import parsed
from vgrad.storage.lock import RunHeld
from vgrad.storage.reading import is_there, read_file, read_state
from vgrad.sweeps.workers import STOP, report
from vgrad.text.escapes import printable
from vgrad.training.pretraining import Reconstruction
from vgrad.training.rule import Cancelled

MOST_BYTES = 2**30
"""What the files of a run may have together to travel."""
GIVEN = "given"
"""The folder of data that have travelled."""
REPORT_SECONDS = 0.25

Files = dict[str, bytes]


@dataclass(frozen=True)
class Job:
    """A run to do: `config`, below `folder`; `base` is where its relative file names start, and `cells`
    are its point of the grid: key and value."""

    config: Config
    folder: Path
    base: Path
    cells: tuple[tuple[str, str], ...] = ()

    @cached_property
    def name(self) -> str:
        """The run's, which no other run of the sweep has."""
        return self.config.run_name

    @property
    def label(self) -> str:
        """`layers.depth=2 activation=tanh`."""
        return " ".join(f"{key}={value}" for key, value in self.cells)

    @property
    def path(self) -> Path:
        """The run directory."""
        return self.folder / self.name

    def is_complete(self) -> bool:
        """Whether nothing is left to do. RunStateError when the directory is damaged or another config's."""
        folder = RunFolder(self.path)
        complete = folder.facts() is not None
        try:
            if not folder.holds(self.config):
                told = "holds another config with the same hash; give one of them another name"
                raise RunStateError(f"{self.path}: {told}")
        except FileNotFoundError:
            if complete:
                raise RunStateError(f"{self.path / CONFIG}: damaged: missing") from None
        return complete

    def glance(self) -> str:
        """`complete`, `missing`, or `unreadable`, by whether run.json is there: for plans and estimates."""
        try:
            return "complete" if is_there(self.path / RUN) else "missing"
        except OSError:
            return "unreadable"


@dataclass(frozen=True)
class Progress:
    """What an active run tells."""

    run: str
    epoch: int
    epochs: int
    cost: float | None


@dataclass(frozen=True)
class Outcome:
    """How an attempt ended, in one word, with the cause of a failure.

    `complete`, `diverged`; `already` complete; `interrupted`, with a checkpoint; `busy`, another process has the run;
    `lost`, through no fault of its own; `suspect`, its worker died and others with it; `failed`, and `again` when
    another attempt may end otherwise; `storage` when disk, permission or memory is what failed. `files` are
    those of a run that was trained away.
    """

    status: str
    cause: str = ""
    again: bool = False
    storage: bool = False
    files: Files = field(default_factory=dict, repr=False)


def failure(error: VgradError, *, again: bool = False) -> Outcome:
    """The outcome of a run that ended with `error`."""
    return Outcome("failed", "; ".join(error.problems), again=again, storage=isinstance(error, StorageError))


def train_here(config: Config, folder: Path, base: Path) -> Outcome:
    """Trains in `folder`; what goes wrong is told, not raised."""
    try:
        status = "complete"
        epochs, last = config.epochs, -REPORT_SECONDS
        for event in run(config, folder, base=base, cancelled=STOP.is_set, loader=_load):
            if isinstance(event, Opened) and event.complete:
                return Outcome("already")
            if isinstance(event, Opened):
                report(Progress(config.run_name, event.epoch or 0, epochs, None))
                continue
            if isinstance(event, Reconstruction):
                if time.monotonic() - last >= REPORT_SECONDS:
                    last = time.monotonic()
                    report(Progress(config.run_name, 0, epochs, None))
                continue
            if event.divergence:
                status = "diverged"
            elif time.monotonic() - last >= REPORT_SECONDS:
                last = time.monotonic()
                cost = next((value for name, value in event.metrics.items() if name.endswith("_cost")), None)
                report(Progress(config.run_name, event.epoch, epochs, cost))
        return Outcome(status)
    except Cancelled:
        return Outcome("interrupted")
    except RunHeld as error:
        return Outcome("busy", str(error))
    except MemoryError as error:
        return Outcome(
            "failed", f"not enough memory: {printable(str(error), 200)}".rstrip(": "), again=True, storage=True
        )
    except VgradError as error:
        return failure(error, again=isinstance(error, StorageError))
    except Exception as error:
        return Outcome("failed", f"this is a bug in vgrad: {type(error).__name__}: {printable(str(error), 200)}")


def train_away(config: Config, files: Files, sent_with: Mapping[str, str]) -> Outcome:
    """Trains in a temporary folder that begins with `files`; the outcome holds all files that there are then."""
    here = versions()
    if here != sent_with:
        return Outcome("failed", f"a worker has other versions: {differences(sent_with, here)}")
    with tempfile.TemporaryDirectory(prefix="vgrad-", ignore_cleanup_errors=True) as name:
        base = Path(name)
        folder = base / config.run_name
        folder.mkdir()
        for file, content in files.items():
            place = base / GIVEN / file.removeprefix(f"{GIVEN}/") if file.startswith(f"{GIVEN}/") else folder / file
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(content)
        if isinstance(config.init, InitFile):
            config = config.model_copy(update={"init": config.init.model_copy(update={"path": f"{folder}/{INITIAL}"})})
        outcome = train_here(config, base, base / GIVEN)
        cause = outcome.cause.replace(f"{base}/", "")
        try:
            return replace(outcome, cause=cause, files=_present(folder, (*DETERMINISTIC, RUN), MOST_BYTES))
        except VgradError as error:
            return Outcome("failed", "; ".join(error.problems).replace(f"{base}/", ""))


def _data_files(job: Job) -> Files:
    """The files of data of one's own. DataError for what cannot go along."""
    if not DATASETS[job.config.data.name].of_file:
        return {}
    path = PurePath(job.config.data.parameters["path"])
    if path.is_absolute():
        return {}
    remedy = "write an absolute path under which every worker has it"
    if ".." in path.parts:
        raise DataError(f"data.path: {printable(str(path), 200)}: leads out of the folder of the config; {remedy}")
    found = job.base / path
    names = [path / name for name in idx_files(found)] if job.config.data.name == "idx" else [path]
    files: Files = {}
    for name in names:
        try:
            files[f"{GIVEN}/{name.as_posix()}"] = read_file(job.base / name, MOST_BYTES, DataError)
        except FileNotFoundError:
            raise DataError(f"{job.base / name}: no such file") from None
        except DataError as error:
            raise DataError(*(f"{problem}; {remedy}" for problem in error.problems)) from None
    return files


def luggage(job: Job) -> Files:
    """The files that a worker elsewhere needs: those of an interrupted run, given initial parameters, and data that a
    relative path names; an absolute one is that of a file which every worker has."""
    files = _data_files(job)
    most = min(most_file_bytes(job.config), MOST_BYTES)
    if isinstance(job.config.init, InitFile):
        try:
            files[INITIAL] = read_file(job.base / job.config.init.path, most, DataError)
        except FileNotFoundError:
            raise DataError(f"{job.base / job.config.init.path}: no such file") from None
    saved = _present(job.path, (CHECKPOINT, CONFIG, LAYERS, INITIAL), most)
    return files | saved if saved.keys() & {CHECKPOINT, LAYERS} else files


def publish(path: Path, files: Files) -> None:
    """Puts the files of a run, complete or not, into its directory, which the caller holds; run.json last.

    RunStateError when they are not what run.json says.
    """
    names = [name for name in (*DETERMINISTIC, RUN) if name in files]
    if RUN in files:
        said = parsed(files[RUN])["files"]
        wrong = [name for name in names if name != RUN and hashlib.sha256(files[name]).hexdigest() != said.get(name)]
        if wrong or set(said) | {RUN} != set(names):
            raise RunStateError(f"{path}: a worker sent files that are not whole: {', '.join(wrong) or 'some missing'}")
    for name in names:
        write_file(path / name, files[name])


def differences(ours: Mapping[str, str], theirs: Mapping[str, str]) -> str:
    """`numpy 2.4.6 here, 2.0.0 there; …`, or nothing when they are the same."""
    names = [name for name in {**ours, **theirs} if ours.get(name) != theirs.get(name)]
    return "; ".join(f"{name} {ours.get(name, 'missing')} here, {theirs.get(name, 'missing')} there" for name in names)


def _present(folder: Path, names: Iterable[str], most: int) -> Files:
    """Those of the files that are there; RunStateError when they have more than `most` bytes together."""
    files: Files = {}
    for name in names:
        try:
            files[name] = read_state(folder / name, most)
        except FileNotFoundError:
            continue
        most -= len(files[name])
    return files


def _load(name: str, **options: object) -> Dataset:
    """As `load`; a worker keeps the last two data sets, which cannot be written to."""
    return _kept(name, tuple((key, _fixed(value)) for key, value in sorted(options.items())))


def _fixed(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


@lru_cache(maxsize=2)
def _kept(name: str, options: tuple[tuple[str, Any], ...]) -> Dataset:
    return load(name, **dict(options))
