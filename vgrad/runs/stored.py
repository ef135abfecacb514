"""Run directories as values: read them, and get their tables as data frames.

    for path in find_runs(Path("runs")):           index.py
        run = read_run(path)                       RunStateError, in one line, for any damage
        run.config, run.status, run.summary        at once
        run.metrics, run.gradients, run.steps, run.neurons, run.histograms, run.pretraining
                                                   read and checked when they are asked for

A run that is complete is read from its files. Any other one is read from its checkpoint, from which the run's files
are made again, so a run killed between two writes reads as what will be continued. Reading writes nothing, runs nothing
that a file names, and takes no more memory than the config and the summary account for.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from vgrad.config.config import Config
from vgrad.errors import RunStateError, StorageError
from vgrad.nn.arrays import Parameters
from vgrad.nn.parameters import as_type, problems, split
from vgrad.runs import pretrained, tables
from vgrad.runs.checkpoint import CHECKPOINT, most_bytes
from vgrad.runs.facts import check_facts, check_summary, damaged, read_facts, read_summary
from vgrad.runs.folder import CONFIG, RUN, SUMMARY, RunFolder, run_config
from vgrad.runs.history import History, empty_history
from vgrad.runs.summary import summarize
from vgrad.storage.lock import is_held
from vgrad.storage.npz import NpzError, unpack
from vgrad.storage.reading import is_file, state_error
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


def data_folder(run: StoredRun) -> Path:
    """Where the relative name of a file of data starts: the folder that the run was trained with, if it is there."""
    told = Path((run.facts or {}).get("data", {}).get("folder", ""))
    return told if told.is_dir() else Path()


def check_like(run: StoredRun, seed: int, path: Path, facts: dict[str, Any], summary: dict[str, Any]) -> set[str]:
    """The files that reading takes of the run at `path`, whose config is that of the complete `run` but for the seed,
    and whose run.json and summary.json are given. RunStateError unless these are what such a run has, in number and
    range."""
    known = run.facts or {}
    files = check_facts(facts, path / RUN, known["name"], known["hash"], seed)
    check_summary(summary, path / SUMMARY, run.config, facts["status"])
    return set(files) - {CHECKPOINT}


def _history(path: Path, config: Config) -> History:
    try:
        check_memory(config)
    except StorageError as error:
        raise damaged(path / CONFIG, error.problems[0]) from None
    saved = RunFolder(path).resume(config)
    return empty_history(config) if saved is None else saved.history
