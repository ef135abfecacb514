"""Run directories as values: find them, read them, and get their tables as data frames.

    for path in find_runs(Path("runs")):
        run = read_run(path)                       RunStateError, in one line, for any damage
        run.config, run.status, run.summary        at once
        run.metrics, run.gradients, run.neurons, run.histograms    read and checked when they are asked for

A run that is complete is read from its files. Any other one is read from its checkpoint, from which the run's files
are made again, so a run killed between two writes reads as what will be continued. Reading writes nothing, runs nothing
that a file names, and takes no more memory than the config and the summary account for.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from vgrad.config.config import Config
from vgrad.config.fields import NAME_PATTERN
from vgrad.errors import ConfigError, StorageError
from vgrad.runs import tables
from vgrad.runs.facts import check_facts, check_summary, damaged, read_facts, read_summary
from vgrad.runs.folder import (
    CHECKPOINT,
    CONFIG,
    DETERMINISTIC,
    INITIAL,
    RUN,
    SUMMARY,
    RunFolder,
    empty_history,
    run_config,
)
from vgrad.runs.history import GRADIENTS, HISTOGRAMS, METRICS, NEURONS, History
from vgrad.runs.summary import summarize
from vgrad.storage.lock import is_held
from vgrad.storage.reading import is_folder, is_there, may_be_folder, why
from vgrad.text.escapes import printable
from vgrad.training.memory import check_memory

if TYPE_CHECKING:
    from pandas import DataFrame

STUDY = "study.json"
"""What `vgrad reproduce` writes beside the folders of its sweeps."""
Status = Literal["complete", "diverged", "running", "interrupted"]
_RUN_NAME = re.compile(rf"{NAME_PATTERN}-[0-9a-f]{{8}}-s[0-9]+")


def is_run(path: Path) -> bool:
    """Whether `path` is a run's directory, whole or damaged: by its name, or by what lies in it.

    One that cannot be looked into counts as one, so that it is told and not left out: `read_run` says what is wrong.
    """
    try:
        inside = _names(path)
    except OSError:
        return True
    if _RUN_NAME.fullmatch(path.name):
        return not inside.isdisjoint({*DETERMINISTIC, RUN})
    return CONFIG in inside and not inside.isdisjoint({INITIAL, CHECKPOINT, RUN})


def find_runs(path: Path) -> list[Path]:
    """The run directories in `path`, in its folders (sweeps, studies) and in those of a study; `path` when it is a run.

    Sorted by name, numbers by value. Whatever else lies there is left alone. ConfigError when there is no `path`.
    """
    if is_run(path):
        return [path]
    try:
        folders = _folders(path)
    except (OSError, ValueError) as error:
        hint = "name the directory that runs are in, or make one with vgrad train CONFIG"
        raise ConfigError(f"{printable(str(path), 200)}: {why(error)}; {hint}") from None
    return sorted((run for folder in folders for run in _runs_of(folder)), key=_natural)


def _names(path: Path) -> set[str]:
    """What lies in a directory; nothing when it is none. OSError when that cannot be found out."""
    return set(os.listdir(path)) if is_folder(path) else set()  # noqa: PTH208  (no Path a name)


def _folders(path: Path) -> list[Path]:
    """The directories in `path` that are not hidden, and what cannot be looked at."""
    names = os.listdir(path)  # noqa: PTH208
    return [path / name for name in names if not name.startswith(".") and may_be_folder(path / name)]


def _runs_of(folder: Path) -> Iterator[Path]:
    """`folder` when it is a run, else the runs in it, and in its folders when it is a study; a folder that cannot be
    looked into stands for its runs, see `is_run`."""
    if is_run(folder):
        yield folder
        return
    study = _is_study(folder)
    for each in _inside(folder):
        if is_run(each):
            yield each
        elif study:
            yield from filter(is_run, _inside(each))


def _is_study(folder: Path) -> bool:
    try:
        return is_there(folder / STUDY)
    except OSError:
        return True


def _inside(folder: Path) -> list[Path]:
    try:
        return _folders(folder)
    except OSError:  # `is_run` has looked into it a moment ago: it has gone
        return []


def _natural(path: Path) -> list[str | int]:
    parts = re.split("([0-9]+)", str(path))
    return [int(part) if part.isascii() and part.isdigit() else part for part in parts]


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

    @cached_property
    def history(self) -> History:
        """The records in the checkpoint; those of a run that has saved nothing are empty."""
        return self._saved or _history(self.path, self.config)

    @cached_property
    def metrics(self) -> DataFrame:
        """metrics.csv: a row an epoch; `learning_rate` is NaN in epoch 0."""
        return tables.read(tables.metrics(self.config, self.epoch), self._content(METRICS), self.path / METRICS)

    @cached_property
    def gradients(self) -> DataFrame:
        """gradients.csv: a row a measured epoch and layer."""
        return tables.read(tables.gradients(self.config, self.epoch), self._content(GRADIENTS), self.path / GRADIENTS)

    @cached_property
    def neurons(self) -> DataFrame:
        """neurons.csv: a row an epoch, layer and neuron; empty when the config names no epochs."""
        return tables.read(tables.neurons(self.config, self.epoch), self._content(NEURONS), self.path / NEURONS)

    @cached_property
    def histograms(self) -> DataFrame:
        """histograms.csv: a row an epoch, layer, quantity and bin; empty when the config names no epochs."""
        return tables.read(
            tables.histograms(self.config, self.epoch), self._content(HISTOGRAMS), self.path / HISTOGRAMS
        )

    def _content(self, name: str) -> bytes | None:
        """The bytes of a table that is not in a file; None when the file is to be read."""
        if name == NEURONS and not self.config.probes.neurons:
            return b"epoch,layer,neuron,delta\n"
        if name == HISTOGRAMS and not self.config.probes.histograms:
            return b"epoch,layer,quantity,low,high,count\n"
        return None if self._saved is None else self._saved.files()[name]


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


def check_like(run: StoredRun, seed: int, path: Path, facts: dict[str, Any], summary: dict[str, Any]) -> set[str]:
    """The files of the run at `path`, whose config is that of the complete `run` but for the seed, and whose run.json
    and summary.json are given. RunStateError unless these are what such a run has, in number and range."""
    known = run.facts or {}
    files = check_facts(facts, path / RUN, known["name"], known["hash"], seed)
    check_summary(summary, path / SUMMARY, run.config, facts["status"])
    return set(files)


def _history(path: Path, config: Config) -> History:
    try:
        check_memory(config)
    except StorageError as error:
        raise damaged(path / CONFIG, error.problems[0]) from None
    saved = RunFolder(path).resume(config)
    return empty_history(config) if saved is None else saved.history
