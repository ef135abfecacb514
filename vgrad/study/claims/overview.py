"""The overview of an experiment: what is measured over two axes of its grid, a table for each quantity.

overview:
  rows: variant
  columns: layers.depth
  of:
    - {label: accuracy after 10 epochs, unit: "%", measure: {name: monitor, monitor: validation_accuracy, epoch: 10}}
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field

from vgrad.config.choice import Choice
from vgrad.config.config import Config
from vgrad.config.problems import STRICT, Path, Problem
from vgrad.registry import did_you_mean
from vgrad.runs.stored import StoredRun
from vgrad.statistics import arithmetic, geometric, reached_by
from vgrad.study.claims.forms import measured, quantity
from vgrad.study.claims.places import Place
from vgrad.study.claims.quantities import scale_of, unfit

TIME = "epochs_to"
"""The quantity of which a median is told, since not every run gets there."""
MOST_CELLS = 40
"""Rows of a table; and columns."""


class Quantity(BaseModel):
    """What one of its tables shows."""

    model_config = STRICT
    label: Annotated[str, Field(min_length=1, max_length=100)]
    unit: Literal["", "%"] = ""
    scale: Literal["log", "linear"] | None = None
    measure: Annotated[Choice, measured.field]

    @property
    def spread(self) -> str:
        """`median` of times, else how seeds spread."""
        return (
            "median"
            if self.measure.name == TIME
            else self.scale or scale_of(self.measure.name, self.measure.parameters)
        )


class Overview(BaseModel):
    """Two axes, and the quantities that are shown over them."""

    model_config = STRICT
    rows: str
    columns: str
    of: Annotated[list[Quantity], Field(min_length=1, max_length=12)]


def problems(overview: Overview, places: Sequence[Place], configs: Sequence[Config]) -> Iterator[Problem]:
    """What of an overview does not fit the points of the grid."""
    axes = list(dict.fromkeys(axis for place in places for axis in place))
    for key in ("rows", "columns"):
        axis = getattr(overview, key)
        if axis not in axes:
            yield Problem((key,), f"no axis '{axis}' of the grid{did_you_mean(axis, axes)}")
            return
        if not all(axis in place for place in places):
            yield Problem((key,), f"not every point of the grid has {axis}")
        count = len({place.get(axis) for place in places})
        if count > MOST_CELLS:
            yield Problem((key,), f"{axis} has {count} values, more than the {MOST_CELLS} of a table")
    if overview.rows == overview.columns:
        yield Problem(("columns",), "is the axis of the rows")
    others = [axis for axis in axes if axis not in (overview.rows, overview.columns)]
    if others:
        yield Problem((), f"{others[0]} varies, too; an overview is of a grid of two axes")
    labels = [each.label for each in overview.of]
    for at, each in enumerate(overview.of):
        if each.label in labels[:at]:
            yield Problem(("of", at, "label"), "stands twice")
        where: Path = ("of", at, "measure")
        found = dict.fromkeys(
            told for config in configs for told in unfit(each.measure.name, each.measure.parameters, config)
        )
        yield from (Problem((*where, key), message) for key, message in found)


def cells(
    overview: Overview, letter: str, points: Sequence[tuple[Place, Sequence[StoredRun | None]]]
) -> Iterator[dict[str, Any]]:
    """The rows of overview.csv: of each quantity, every point of the grid, by rows, then columns."""
    columns = list(dict.fromkeys(place[overview.columns] for place, _ in points))
    rows = list(dict.fromkeys(place[overview.rows] for place, _ in points))
    ordered = sorted(
        points, key=lambda point: (rows.index(point[0][overview.rows]), columns.index(point[0][overview.columns]))
    )
    for each in overview.of:
        for place, runs in ordered:
            yield {
                "experiment": letter,
                "label": each.label,
                "unit": each.unit,
                "scale": each.spread,
                "row": place[overview.rows],
                "column": place[overview.columns],
                **_told(each, runs),
            }


def _told(each: Quantity, runs: Sequence[StoredRun | None]) -> dict[str, Any]:
    """What the seeds of one point come to."""
    of = quantity(each.measure)
    found = [next(iter(of(run).values()), None) for run in runs if run]
    there = [value * (100 if each.unit == "%" else 1) for value in found if value is not None]
    never = sum(value == math.inf for value in there)
    usable = [value for value in there if math.isfinite(value) and (value > 0 or each.spread != "log")]
    estimate = None
    if each.spread == "median":
        estimate = reached_by(usable, [math.inf] * never) if usable else None
    elif usable:
        estimate = geometric(usable) if each.spread == "log" else arithmetic(usable)
    return {
        "n": len(usable),
        "center": estimate and estimate.center,
        "low": estimate and estimate.low,
        "high": estimate and estimate.high,
        "never": never,
        "lost": len(runs) - len(usable) - never,
    }
