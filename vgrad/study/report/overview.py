"""An overview as tables, a quantity each, and as one picture: the same numbers on shades.

A cell is the mean of the seeds, the geometric one of norms and ratios, or the median of times, in which a run that
never got there counts as infinite.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from vgrad.errors import ConfigError
from vgrad.study.outcome import Experiment, Outcome, Shown
from vgrad.study.report.marks import Layout, cut, math_text, new_figure, plain, put_title, typed
from vgrad.text.numbers import MISSING, significant
from vgrad.text.sheet import Column, Sheet

if TYPE_CHECKING:
    from matplotlib.axes import Axes

FEWER = "*"
"""After a number of which seeds are missing."""
NEVER = "never"
MANY = 1000
"""From here on a power of ten tells a quantity's size better than digits that mean nothing."""
SHADES, EMPTY = "Blues", "0.93"
ROW = 0.24
"""Inches of a row of the picture."""
Table = tuple[Experiment, str, list[Shown]]


def tables(outcome: Outcome) -> Iterator[Table]:
    """Experiment, label and cells of each table, in their order."""
    for experiment in outcome.study.experiments if outcome.overview else ():
        inside = [each for each in outcome.overview if each.experiment == experiment.letter]
        for label in dict.fromkeys(each.label for each in inside):
            yield experiment, label, [each for each in inside if each.label == label]


def sheets(outcome: Outcome) -> tuple[Sheet, ...]:
    """A table for each quantity, whose caption says what it is of and how far the mean of a cell may be off."""
    found = []
    for experiment, _, cells in tables(outcome):
        rows, columns, at = _grid(cells)
        shown = [Column(bare(column), tuple(told(at.get((row, column))) for row in rows)) for column in columns]
        names = Column((experiment.overview or ["", ""])[0], tuple(map(bare, rows)), numeric=False)
        found.append(Sheet((names,), tuple(shown), caption(experiment, cells, outcome.study.level), (), "", ""))
    return tuple(found)


def caption(experiment: Experiment, cells: Sequence[Shown], level: float) -> str:
    """`A  accuracy after 10 epochs %, by layers.depth: means of 6 seeds, at the most ± 1.2 (95 % t interval)`."""
    first, seeds = cells[0], len(experiment.seeds)
    name = f"{experiment.letter}  {first.label} {first.unit}".strip()
    what = {"linear": "means", "log": "geometric means", "median": "medians"}[first.scale]
    of = f"{what} of {seeds} seeds" if seeds > 1 else "one seed"
    return f"{name}, by {(experiment.overview or ['', ''])[1]}: {of}{_widest(cells, level)}"


def _widest(cells: Sequence[Shown], level: float) -> str:
    ends = [
        each.high / each.center if each.scale == "log" else each.high - each.center
        for each in cells
        if each.center and each.high is not None
    ]
    if not ends:
        return ""
    sign = "×÷" if cells[0].scale == "log" else "±"
    return f", at the most {sign} {significant(max(ends), 2)} ({100 * level:g} % t interval)"


def notes(outcome: Outcome) -> list[str]:
    """What the cells mean that need a word."""
    cells, found = outcome.overview, []
    if any(each.scale == "median" for each in cells):
        found.append(f"{NEVER}: more than half of the seeds did not get there.")
    if any(each.lost for each in cells):
        found.append(f"{FEWER}: of fewer seeds; the others diverged, or have no such number.")
    return found


def told(cell: Shown | None) -> str:
    """The number of a cell: a decimal of a percentage, else two digits."""
    if cell is None or (cell.center is None and not cell.never):
        return MISSING
    if cell.center is None:
        return NEVER
    number = f"{cell.center:.1f}" if cell.unit == "%" else significant(cell.center, 2)
    if abs(cell.center) >= MANY:
        mantissa, power = f"{cell.center:.1e}".split("e")
        number = f"{mantissa}e{int(power)}"
    return f"{number.removesuffix('.0') if cell.scale == 'median' else number}{FEWER if cell.lost else ''}"


def bare(value: str) -> str:
    """A value of an axis without the quotes that YAML needs."""
    return value[1:-1] if len(value) > 1 and value[0] == value[-1] == '"' else value


def _grid(cells: Sequence[Shown]) -> tuple[list[str], list[str], dict[tuple[str, str], Shown]]:
    rows, columns = (list(dict.fromkeys(getattr(each, key) for each in cells)) for key in ("row", "column"))
    return rows, columns, {(each.row, each.column): each for each in cells}


def overview(outcome: Outcome, layout: Layout) -> Any:
    """Every table on shades: dark is more, on a logarithmic scale where seeds spread by factors."""
    found = list(tables(outcome))
    if not found:
        raise ConfigError("this study has no overview")
    across = 1 if layout.narrow else 2
    lines = [found[at : at + across] for at in range(0, len(found), across)]
    heights = [max(len(_grid(cells)[0]) for _, _, cells in line) for line in lines]
    with typed(layout):
        figure = new_figure(layout, 1.2 + sum(ROW * height + 0.9 for height in heights))
        panels = figure.subplots(len(lines), across, squeeze=False, gridspec_kw={"height_ratios": heights})
        for axes in panels.flat[len(found) :]:
            axes.set_visible(False)
        for at, ((experiment, label, cells), axes) in enumerate(zip(found, panels.flat, strict=False)):
            beside = at % across and found[at - 1][0] is experiment
            _draw(axes, experiment, cells, layout, named=not beside)
            axes.set_title(math_text(f"{label} {cells[0].unit}".strip()), fontsize=layout.font)
        seeds = max(len(each.seeds) for each, _, _ in found)
        put_title(figure, outcome, layout, outcome.study.title.rstrip("?.!"), f"{seeds} seed{'s' * (seeds > 1)}")
        return figure


def _draw(axes: Axes, experiment: Experiment, cells: Sequence[Shown], layout: Layout, *, named: bool) -> None:
    """One table: shades by rank on the scale of its quantity, and the numbers."""
    import matplotlib as mpl

    rows, columns, at = _grid(cells)
    logarithmic = cells[0].scale == "log"
    values = {place: _height(cell, logarithmic) for place, cell in at.items()}
    there = [value for value in values.values() if value is not None]
    low, high = min(there, default=0.0), max(there, default=1.0)
    colours = mpl.colormaps[SHADES]
    axes.set_xlim(-0.5, len(columns) - 0.5)
    axes.set_ylim(len(rows) - 0.5, -0.5)
    size = min(0.6 * layout.font, 0.55 * 72 * layout.width / (2 if not layout.narrow else 1) / (4 * len(columns)))
    for y, row in enumerate(rows):
        for x, column in enumerate(columns):
            value = values.get((row, column))
            share = 0.0 if value is None or high == low else (value - low) / (high - low)
            shade = EMPTY if value is None else colours(0.05 + 0.8 * share)
            axes.axhspan(y - 0.5, y + 0.5, x / len(columns), (x + 1) / len(columns), color=shade, linewidth=0)
            dark = value is not None and share > 0.55
            text = told(at.get((row, column)))
            axes.text(x, y, text, ha="center", va="center", fontsize=size, color="white" if dark else "black")
    axes.set_xticks(range(len(columns)), [plain(cut(bare(column), 12)) for column in columns])
    axes.set_yticks(range(len(rows)), [plain(cut(bare(row), 28)) for row in rows] if named else [])
    axes.set_xlabel(plain((experiment.overview or ["", ""])[1]), fontsize=0.85 * layout.font)
    axes.tick_params(length=0, labelsize=0.72 * layout.font)
    axes.grid(visible=False)
    for spine in axes.spines.values():
        spine.set_visible(False)


def _height(cell: Shown, logarithmic: bool) -> float | None:
    """Where a cell lies on its scale; None where it has no number."""
    if cell.center is None or not math.isfinite(cell.center) or (logarithmic and cell.center <= 0):
        return None
    return math.log10(cell.center) if logarithmic else cell.center


def alternative(outcome: Outcome) -> str:
    """The picture in a sentence: the first and the last quantity, with their least and greatest cell."""
    said = []
    for _, label, cells in tables(outcome):
        there = sorted((each for each in cells if each.center is not None), key=lambda each: each.center or 0.0)
        if there:
            ends = [f"{told(each)} ({bare(each.row)}, {bare(each.column)})" for each in (there[0], there[-1])]
            said.append(f"{label} {there[0].unit}".strip() + f": from {ends[0]} to {ends[1]}")
    return f"Tables on shades. {'; '.join(said)}."
