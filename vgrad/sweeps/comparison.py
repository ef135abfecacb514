"""The table at the end of a sweep: a row a point of the grid, means over the seeds that are complete."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from vgrad.errors import RunStateError
from vgrad.runs.facts import read_summary
from vgrad.runs.summary import run_verdict
from vgrad.statistics import power
from vgrad.sweeps.job import Job
from vgrad.text.numbers import counted

MOST_POINTS = 2000
"""Beyond so many points nothing is kept: a table that long is a matter for `vgrad report`."""
MOST_PROBLEMS = 20

Cells = tuple[tuple[str, str], ...]


@dataclass
class Row:
    """The runs of one point: final values of `measure`, log10 of ||delta^H|| / ||delta^1|| of the untrained net, and
    how often each verdict was given."""

    runs: int = 0
    diverged: int = 0
    finals: list[float] = field(default_factory=list)
    ratios: list[float] = field(default_factory=list)
    verdicts: Counter[str] = field(default_factory=Counter)

    def add(self, summary: dict[str, Any], measure: str) -> None:
        """One more run, by its summary.json."""
        self.runs += 1
        self.diverged += summary["status"] == "diverged"
        final = summary["final"].get(measure)
        ratio = summary["gradient"].get("start", {}).get("last_first_ratio")
        if final is not None:
            self.finals.append(final)
        if ratio:
            self.ratios.append(math.log10(ratio))
        verdict = run_verdict(summary)
        self.verdicts.update([verdict] if verdict else [])

    @property
    def final(self) -> float | None:
        """The mean, or None."""
        return sum(self.finals) / len(self.finals) if self.finals else None

    @property
    def last_first(self) -> float | None:
        """The geometric mean of the last/first ratios before training, or None."""
        return power(sum(self.ratios) / len(self.ratios)) if self.ratios else None


@dataclass
class Comparison:
    """Rows by point; `order` has the values of each axis as the grid has them, whatever order runs end in.

    `measure` is the column of metrics.csv that is compared: the validation accuracy where there is one, else the first
    monitor. `problems` has a line for each run that is not in the rows because its summary cannot be read.
    """

    measure: str = ""
    order: Mapping[str, Sequence[str]] = field(default_factory=dict)
    rows: dict[Cells, Row] = field(default_factory=dict)
    overflown: bool = False
    problems: list[str] = field(default_factory=list)

    def add(self, job: Job) -> None:
        """One more complete run."""
        monitors = job.config.monitors
        if not self.measure:
            accuracies = [name for name in monitors if name.endswith("_accuracy")]
            best = [name for name in accuracies if name.startswith("validation")]
            self.measure = next(iter([*best, *accuracies, *monitors, ""]))
        if job.cells not in self.rows and len(self.rows) >= MOST_POINTS:
            self.overflown = True
            return
        try:
            summary = read_summary(job.path, job.config)
        except RunStateError as error:
            self.problems += error.problems if len(self.problems) < MOST_PROBLEMS else ()
            return
        self.rows.setdefault(job.cells, Row()).add(summary, self.measure)

    def table(self) -> list[dict[str, str | float | int | None]]:
        """A mapping a row: the axes, then `runs`, `diverged`, the measure, `last_first_ratio` and `verdict`.

        None on an axis of a parameter that the point's variant does not have.
        """
        axes = list(dict.fromkeys(key for cells in self.rows for key, _ in cells))
        return [
            {
                **dict.fromkeys(axes),
                **dict(cells),
                "runs": row.runs,
                "diverged": row.diverged,
                self.measure: row.final,
                "last_first_ratio": row.last_first,
                "verdict": counted(row.verdicts) or None,
            }
            for cells, row in sorted(self.rows.items(), key=lambda item: self._places(dict(item[0]), axes))
        ]

    def _places(self, cells: Mapping[str, str], axes: Sequence[str]) -> list[tuple[int, float, str]]:
        return [self._place(key, cells.get(key, "")) for key in axes]

    def _place(self, axis: str, text: str) -> tuple[int, float, str]:
        """Where the grid has it; what is drawn from a range by size, and everything else by name."""
        known = self.order.get(axis, ())
        if text in known:
            return 0, float(known.index(text)), ""
        try:
            return 1, float(text), ""
        except ValueError:
            return 2, 0.0, text
