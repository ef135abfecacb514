"""Run directories as values: read them, and get their tables as data frames.

    for path in find_runs(Path("runs")):           index.py
        run = read_run(path)                       RunStateError, in one line, for any damage
        run.config, run.status, run.summary        at once
        run.metrics, run.gradients, run.steps, run.neurons, run.histograms, run.pretraining
                                                   read and checked when they are asked for
    Reader().read(path)                            the same, quicker for many runs that differ in their seeds

A run that is complete is read from its files. Any other one is read from its checkpoint, from which the run's files
are made again, so a run killed between two writes reads as what will be continued. Reading writes nothing, runs nothing
that a file names, and takes no more memory than the config and the summary account for.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from vgrad.config.config import Config
from vgrad.document.reader import MAX_BYTES
from vgrad.errors import RunStateError, StorageError
from vgrad.nn.arrays import Parameters
from vgrad.nn.parameters import as_type, problems, split
from vgrad.runs import pretrained, tables
from vgrad.runs.checkpoint import CHECKPOINT, most_bytes
from vgrad.runs.facts import check_facts, check_summary, damaged, read_facts, read_summary
from vgrad.runs.folder import CONFIG, RUN, SUMMARY, RunFolder, run_config
from vgrad.runs.history import History, empty_history
from vgrad.runs.summary import summarize
from vgrad.storage.json import MOST_JSON, parsed
from vgrad.storage.lock import is_held
from vgrad.storage.npz import NpzError, unpack
from vgrad.storage.reading import is_file, read_bounded, state_error
from vgrad.text.escapes import printable
from vgrad.training.assembly import build_network
from vgrad.training.memory import check_memory
from vgrad.training.pretraining import Pretrained

if TYPE_CHECKING:
    from pandas import DataFrame

Status = Literal["complete", "diverged", "running", "interrupted"]


@dataclass(frozen=True)
class StoredRun:
    """A run as its directory tells it. `summary` is that of summary.json (see `vgrad.runs.summary.summarize`), with the
    run's status; `facts` is run.json, None while the run is not complete."""

    path: Path
    config: Config
    status: Status
    summary: dict[str, Any]
    facts: dict[str, Any] | None
    _saved: History | None = field(default=None, repr=False)

    @property
    def epoch(self) -> int | None:
        """The last epoch that has been measured; None before the first."""
        last: int | None = self.summary["epochs"]
        return last

    @property
    def identity(self) -> str:
        """The hash of the config, which run.json of a complete run says, too."""
        return self.config.identity if self.facts is None else str(self.facts["hash"])

    @property
    def has_checkpoint(self) -> bool:
        """Whether training can go on from here: of a run that is not complete always, if only from epoch 0."""
        return self.facts is None or is_file(self.path / CHECKPOINT)

    @cached_property
    def history(self) -> History:
        """The records in the checkpoint; those of a run that has saved nothing are empty."""
        return self._saved or _history(self.path, self.config)

    @cached_property
    def metrics(self) -> DataFrame:
        """metrics.csv: a row an epoch; `learning_rate` is NaN in epoch 0."""
        return self._table("metrics")

    @cached_property
    def gradients(self) -> DataFrame:
        """gradients.csv: a row a measured epoch and layer."""
        return self._table("gradients")

    @cached_property
    def steps(self) -> DataFrame:
        """steps.csv: a row an epoch, step and layer; empty when the config names no steps. NaN where a number
        overflowed."""
        return self._table("steps")

    @cached_property
    def neurons(self) -> DataFrame:
        """neurons.csv: a row an epoch, layer and neuron; empty when the config names no epochs."""
        return self._table("neurons")

    @cached_property
    def histograms(self) -> DataFrame:
        """histograms.csv: a row an epoch, layer, quantity and bin; empty when the config names no epochs."""
        return self._table("histograms")

    @cached_property
    def pretraining(self) -> DataFrame:
        """pretraining.csv: a row a layer and epoch of pretraining; empty without."""
        kept = None
        if self.facts is None:
            kept = RunFolder(self.path).resume_pretrained(self.config)
        state = kept.state if kept else Pretrained() if self.facts is None or not self.config.pretrain else None
        return pretrained.frame(self.config, self.path / pretrained.ERRORS, state)

    def network(self, name: str) -> tuple[Parameters, Parameters]:
        """(parameters, running statistics) in `name`, initial.npz or final.npz, in the run's own type. RunStateError
        when they are not there or do not fit."""
        file, network = self.path / name, build_network(self.config)
        shown = printable(str(file), 300)
        try:
            arrays = unpack(file, most_bytes(self.config))
        except FileNotFoundError:
            told = "missing: this directory was kept without parameters; train the run again"
            raise RunStateError(f"{shown}: {told}") from None
        except OSError as error:
            raise state_error(file, error) from None
        except NpzError as error:
            told = f"damaged: {printable(str(error), 200)}; vgrad verify looks at the rest"
            raise RunStateError(f"{shown}: {told}") from None
        parameters, running = split(arrays, network.buffers())
        due = {each: value.shape for each, value in network.buffers().items()} if running else {}
        wrong = problems(parameters, network.shapes()) + problems(running, due)
        if wrong:
            raise RunStateError(f"{shown}: damaged: {printable('; '.join(wrong[:3]), 200)}")
        kind = self.config.dtype
        return as_type(parameters, network.shapes(), kind), as_type(running, due, kind)

    def _table(self, name: str) -> DataFrame:
        """From its file; of a run that is not complete from what its files are made of."""
        table = tables.TABLES[name]
        made = {} if self._saved is None else tables.written(self.config, self._saved.records)
        return tables.read(table, self.config, self.epoch, made.get(table.file), self.path / table.file)


def read_run(path: Path) -> StoredRun:
    """The run in the directory `path`. RunStateError when it is none, or what is read at once is damaged."""
    config = run_config(path)
    facts = read_facts(path, config)
    if facts is None:
        held = is_held(path)
        facts = None if held else read_facts(path, config)  # its writer may have finished and left in between
        if facts is None:
            history = _history(path, config)
            status: Status = "running" if held else "interrupted"
            return StoredRun(path, config, status, {**summarize(history), "status": status}, None, history)
    return StoredRun(path, config, facts["status"], read_summary(path, config, facts["status"]), facts)


@dataclass
class _Kind:
    """The first run of a config, whatever its seed; `proven` once a second one differed from it in the seed alone."""

    first: StoredRun
    proven: bool = False


class Reader:
    """Reads many run directories; of those whose configs differ in nothing but the seed, two have theirs checked.

    That is most of the work. A text that is known but for the seed is the known config with that seed: the first two
    such texts are parsed, and have to be that. Whatever else is in such a directory is held against that config, and
    where it is not as it should be, the run is read by `read_run`, which says what is wrong with it.
    """

    def __init__(self) -> None:
        self._kinds: dict[tuple[bytes, bytes], _Kind] = {}

    def read(self, path: Path) -> StoredRun:
        """As `read_run`."""
        return self.read_like(path)[0]

    def read_like(self, path: Path) -> tuple[StoredRun, Path | None]:
        """The run, and where the first one lies that has its config but for the seed, if that is known."""
        key, seed = _without_seed(f"{path}/{CONFIG}")
        kind = self._kinds.get(key) if key else None
        if kind and kind.proven and (run := _alike(path, kind.first, seed)):
            return run, kind.first.path
        run = read_run(path)
        if key and run.status == "complete":
            kind = self._kinds.setdefault(key, _Kind(run))
            kind.proven |= run is not kind.first and run.config == _seeded(kind.first.config, seed)
        return run, None


def _without_seed(file: str) -> tuple[tuple[bytes, bytes] | None, int]:
    """The text of a config around its seed, and the seed; (None, 0) for any other text."""
    try:
        before, line, rest = read_bounded(file, MAX_BYTES).partition(b"\nseed: ")
    except OSError:
        return None, 0
    digits, _, after = rest.partition(b"\n")
    if not (line and len(digits) < 19 and digits.isdigit() and digits == b"%d" % int(digits)):
        return None, 0
    return ((before, after), int(digits)) if b"\nseed:" not in after else (None, 0)


def _seeded(config: Config, seed: int) -> Config:
    return config.model_copy(update={"seed": seed})


def _alike(path: Path, first: StoredRun, seed: int) -> StoredRun | None:
    """The complete run at `path`, whose config is that of `first` but for the seed; None unless all of it fits."""
    try:
        facts, summary = (parsed(read_bounded(f"{path}/{name}", MOST_JSON)) for name in (RUN, SUMMARY))
        files = check_facts(facts, path, first.config.name, first.identity, seed)
        check_summary(summary, path, first.config, facts["status"])
        with os.scandir(path) as entries:
            present = {entry.name for entry in entries if entry.is_file()}
    except (OSError, ValueError, RecursionError, RunStateError):
        return None
    if facts["status"] != "complete" or not present.issuperset({*files} - {CHECKPOINT}):
        return None
    return StoredRun(path, _seeded(first.config, seed), "complete", summary, facts)


def data_folder(run: StoredRun) -> Path:
    """Where the relative name of a file of data starts: the folder that the run was trained with, if it is there."""
    told = Path((run.facts or {}).get("data", {}).get("folder", ""))
    return told if told.is_dir() else Path()


def _history(path: Path, config: Config) -> History:
    try:
        check_memory(config)
    except StorageError as error:
        raise damaged(path / CONFIG, error.problems[0]) from None
    saved = RunFolder(path).resume(config)
    return empty_history(config) if saved is None else saved.history
