"""Trained runs in Python: one as its tables, several as a sequence; in a notebook each shows itself."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, overload

from pandas import DataFrame

from vgrad.errors import ConfigError
from vgrad.report import runs as reported
from vgrad.runs.summary import run_verdict

Where = str | os.PathLike[str]


@dataclass(frozen=True, repr=False)
class Run:
    """One run directory. `status` is complete or diverged; `config` and `summary` are those of its files."""

    path: Path
    _run: reported.Run

    @property
    def name(self) -> str:
        """`<name>-<hash>-s<seed>`."""
        return self._run.label

    @property
    def seed(self) -> int:
        """The seed of all its draws."""
        return self._run.seed

    @property
    def status(self) -> str:
        """complete, or diverged where a number was no longer finite."""
        return self._run.status

    @property
    def config(self) -> Mapping[str, Any]:
        """config.yaml: every key with its value."""
        return self._run.config

    @property
    def summary(self) -> Mapping[str, Any]:
        """summary.json: final and best monitors, the norms at the start, the worst and the last epoch."""
        return self._run.summary

    @property
    def verdict(self) -> str | None:
        """vanishing, exploding, even, uneven, dead or diverged; None where there is nothing to judge by."""
        return run_verdict(self._run.summary)

    @property
    def metrics(self) -> DataFrame:
        """metrics.csv: a row an epoch."""
        return self._run.stored.metrics

    @property
    def gradients(self) -> DataFrame:
        """gradients.csv: a row a measured epoch and layer; delta_norm is ||mean over examples of dC/dz^l||."""
        return self._run.stored.gradients

    @property
    def neurons(self) -> DataFrame:
        """neurons.csv: a row a recorded epoch, layer and neuron; empty unless the config asks for it."""
        return self._run.stored.neurons

    def __repr__(self) -> str:
        """Name, epochs, final monitors and verdict, in a line."""
        final = ", ".join(f"{name} {value:.4g}" for name, value in self.summary["final"].items() if value is not None)
        return f"<vgrad.Run {self.name}: {self.summary['epochs']} epochs, {final}; {self.verdict or self.status}>"

    def _repr_html_(self) -> str:
        from vgrad.notebook.shown import run_html

        return run_html(self._run)


class Runs(Sequence[Run]):
    """Runs in their order; `problems` has a line for each one that could not be trained or read."""

    def __init__(self, runs: Iterable[Run], problems: Sequence[str] = ()) -> None:
        self._runs, self.problems = tuple(runs), tuple(problems)

    @overload
    def __getitem__(self, index: int) -> Run: ...
    @overload
    def __getitem__(self, index: slice) -> Runs: ...
    def __getitem__(self, index: int | slice) -> Run | Runs:
        """A run, or some of them."""
        return Runs(self._runs[index]) if isinstance(index, slice) else self._runs[index]

    def __len__(self) -> int:
        """How many runs there are."""
        return len(self._runs)

    def __iter__(self) -> Iterator[Run]:
        """The runs in their order."""
        return iter(self._runs)

    def __repr__(self) -> str:
        """Their names, of many the first few."""
        names = [run.name for run in self._runs[:3]] + (["…"] if len(self) > 3 else [])
        return f"<vgrad.Runs: {len(self)}: {', '.join(names)}>"

    def _repr_html_(self) -> str:
        from vgrad.notebook.shown import runs_html

        return runs_html([run._run for run in self], self.problems)


Chosen = Run | Where | Iterable[Run | Where]
"""Runs as functions take them: a Run, a path, a glob, the name of a sweep, or several of these."""


def opened(path: Path) -> Run:
    """The run in a directory. RunStateError when it is not whole."""
    return Run(path, reported.Reader().load(path))


def found(chosen: Chosen | DataFrame, runs_dir: Where = "runs") -> tuple[list[reported.Run], list[str]]:
    """The runs that are meant, of a frame of load_runs those of its rows, and a line for each one that cannot
    be read. ConfigError where there is none."""
    each: list[Any]
    if isinstance(chosen, Run | str | os.PathLike):
        each = [chosen]
    elif isinstance(chosen, DataFrame):
        if "path" not in chosen:
            raise ConfigError("a frame without the column path is none of runs; load_runs makes one")
        each = chosen["path"].tolist()
    else:
        each = list(chosen)
    names = [os.fspath(item.path if isinstance(item, Run) else item) for item in each]
    runs, problems = reported.collect(names, Path(runs_dir))
    runs, copies = reported.without_copies(runs)
    if not runs:
        raise ConfigError(*problems, "no whole run to look at")
    return runs, [*problems, *copies]
