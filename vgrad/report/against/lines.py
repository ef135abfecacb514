"""Values against a key as lines: the mean over seeds with its interval, a colour and a marker for the next two keys.

What has no number at a point is marked where it would be: a run that diverged at the upper edge, a norm that is
exactly 0 at the lower one; a network that is dead has an open point.
"""

from __future__ import annotations

import math
import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from vgrad.pictures.style import DASHES, colour
from vgrad.report.against.roles import Plan, heading, short, told
from vgrad.report.keys import Scalar
from vgrad.report.panels import Options, legend, new_figure
from vgrad.report.series import keyed
from vgrad.report.table import DIVERGED, INFINITE, ZERO, Cell
from vgrad.report.values import Value
from vgrad.runs.summary import run_verdict
from vgrad.statistics import LEAST
from vgrad.vanishing import DEAD, Thresholds

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MARKERS = "os^DvPX"
HUES = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#4D4D4D")
"""Names in no order, told apart with any eyes  (Okabe and Ito 2008)."""
DECADES = 30.0
"""From here on, the largest over the smallest content of a key is told on a logarithmic axis."""
UNREACHED = "not reached"
EDGES = {DIVERGED: ("x", 1.0), INFINITE: ("^", 1.0), UNREACHED: ("+", 1.0), ZERO: ("v", 0.0)}
"""The mark of what has no place on the axis, and the edge at which it stands."""
OPEN = "open: dead"
MOST_ENDS = 8
END_SIZE = 8.0  # points
DODGE = 0.7  # of the distance between two names, shared by the lines


def lines(plan: Plan, options: Options) -> Figure:
    """The figure: a row of panels a value, a column a content of the panel key."""
    figure, grid, high = _grid(plan, options)
    states: dict[str, None] = {}
    for value in plan.values:
        for content in plan.contents.get("panel", [None]):
            _draw(grid[value.name, content], plan, value, content, options, states)
        _ranges([grid[value.name, content] for content in plan.contents.get("panel", [None])], plan, value, options)
    ends = _ends(plan, options)
    if ends:
        for axes in grid.values():
            _name_ends(axes, high)
    legend(figure, _handles(plan, states, ends=ends), max(1, int(options.width / 1.5)))
    return figure


def _grid(plan: Plan, options: Options) -> tuple[Figure, dict[tuple[str, Scalar], Axes], float]:
    """Titled axes by value and content of the panel key, and the height of one, in inches."""
    contents = plan.contents.get("panel", [None])
    across = options.across or max(1, min(len(contents), int(options.width / 1.6)))
    blocks = math.ceil(len(contents) / across)
    high = min(2.6, max(1.5, 0.7 * options.width / across))
    figure = new_figure(options.width, high * blocks * len(plan.values) + 0.25 + 0.2 * _legend_rows(plan, options))
    every = figure.subplots(blocks * len(plan.values), across, squeeze=False, sharex=True)
    found: dict[tuple[str, Scalar], Axes] = {}
    for row, value in enumerate(plan.values):
        block = every[row * blocks : (row + 1) * blocks].ravel()
        for index, content in enumerate(contents):
            axes = found[value.name, content] = block[index]
            if index:
                axes.sharey(block[0])
            if index % across == 0:
                axes.set_ylabel("\n".join(textwrap.wrap(heading(value), max(24, int(11 * high)))))
            else:
                axes.tick_params(labelleft=False)
            if "panel" in plan.keys and (row == 0 or blocks > 1):
                axes.set_title(keyed(plan.keys["panel"], told(content)), fontsize="medium")
            if row == len(plan.values) - 1 and index >= len(contents) - across:
                axes.set_xlabel(short(plan.keys["x"]))
                axes.tick_params(labelbottom=True)
        for spare in block[len(contents) :]:
            spare.remove()
    return figure, found, high


def _legend_rows(plan: Plan, options: Options) -> int:
    entries = sum(len(plan.contents.get(role, ())) for role in ("color", "marker")) + 3
    return math.ceil(entries / max(1, int(options.width / 1.5)))


def _positions(plan: Plan) -> tuple[dict[Scalar, float], bool]:
    """Where each content of the axis stands, and whether it is a number."""
    contents = plan.contents["x"]
    numeric = all(isinstance(each, int | float) and not isinstance(each, bool) for each in contents)
    if numeric:
        return {each: float(each) for each in contents if each is not None}, True
    return {each: float(index) for index, each in enumerate(contents)}, False


def _logarithmic(plan: Plan) -> bool:
    positions, numeric = _positions(plan)
    return numeric and min(positions.values()) > 0 and max(positions.values()) >= DECADES * min(positions.values())


def style_of(plan: Plan, color: Scalar, marker: Scalar) -> dict[str, Any]:
    """How the line of these contents looks. Numbers run from dark to light, names have hues of their own."""
    colors, markers = plan.contents.get("color", [None]), plan.contents.get("marker", [None])
    at = colors.index(color)
    ordered = all(isinstance(each, int | float) for each in colors) or len(colors) > len(HUES)
    which = markers.index(marker) if "marker" in plan.keys else at
    hue = colour(at, len(colors)) if ordered and "color" in plan.keys else HUES[at]
    return {"color": hue, "marker": MARKERS[which % len(MARKERS)], "linestyle": DASHES[which % len(DASHES)]}


def _draw(axes: Axes, plan: Plan, value: Value, panel: Scalar, options: Options, states: dict[str, None]) -> None:
    """One panel: a line for each pair of colour and marker."""
    positions, numeric = _positions(plan)
    groups = [(c, m) for c in plan.contents.get("color", [None]) for m in plan.contents.get("marker", [None])]
    for index, (color, marker) in enumerate(groups):
        shift = 0.0 if numeric else DODGE * ((index + 0.5) / len(groups) - 0.5)
        style = style_of(plan, color, marker)
        at: list[float] = []
        cells: list[Cell] = []
        for x, position in positions.items():
            cell = plan.cell(value, x=x, color=color, marker=marker, panel=panel)
            if cell is not None:
                at.append(position + shift)
                cells.append(cell)
        if cells:
            _line(axes, at, cells, style if numeric else style | {"linestyle": ""}, options, told(color))
            states |= dict.fromkeys(_edges(axes, at, cells, style))
            states |= dict.fromkeys([OPEN] if any(map(_dead, cells)) else [])


def _line(
    axes: Axes, at: Sequence[float], cells: Sequence[Cell], style: dict[str, Any], options: Options, name: str
) -> None:
    """Centers, joined where the axis has numbers, with intervals; every seed where that is asked for, or where they are
    too few for an interval."""
    scale = 100.0 if cells[0].kind == "accuracy" else 1.0
    center = np.array([scale * _center(cell) for cell in cells])
    (line,) = axes.plot(at, center, markersize=4.0, **style)
    line.set_gid(f"end {name}")
    for x, y, cell in zip(at, center, cells, strict=True):
        if _dead(cell) and math.isfinite(y):
            axes.plot(
                [x], [y], style["marker"], markersize=4.0, color=style["color"], markerfacecolor="white", zorder=3
            )
        low, high = _bounds(cell)
        if low is not None and high is not None and not options.each:
            reach = [[y - scale * low], [scale * high - y]]
            axes.errorbar([x], [y], yerr=np.maximum(reach, 0), color=style["color"], capsize=2, linewidth=1, fmt="none")
        elif options.each or 1 < len(cell.numbers) < LEAST:
            seeds = [scale * number for number in _drawable(cell)]
            axes.plot([x] * len(seeds), seeds, ".", color=style["color"], markersize=3, alpha=0.6)


def _drawable(cell: Cell) -> list[float]:
    return [number for number in cell.numbers.values() if number > 0 or cell.kind != "factor"]


def _center(cell: Cell) -> float:
    found = cell.estimate
    if found is None or (cell.kind == "factor" and not cell.multiplicative):
        return math.nan
    return found.median if cell.kind == "count" else found.center


def _bounds(cell: Cell) -> tuple[float | None, float | None]:
    """The 95 % interval; of a count, the least and the greatest."""
    found = cell.estimate
    if found is None or (cell.kind == "factor" and not cell.multiplicative):
        return None, None
    if cell.kind == "count":
        return (found.least, found.greatest) if found.greatest != found.least else (None, None)
    return found.low, found.high


def _dead(cell: Cell) -> bool:
    """Whether most of these networks are dead."""
    words = [run_verdict(run.summary, Thresholds()) for run in cell.runs]
    return 2 * words.count(DEAD) > len(words)


def lost(cell: Cell) -> list[str]:
    """What became of runs that have no number here."""
    found = [why for why in (DIVERGED, INFINITE, ZERO) if cell.lost.get(why)]
    if cell.kind == "factor" and cell.numbers and not cell.multiplicative and ZERO not in found:
        found.append(ZERO)
    return [*found, *([UNREACHED] if cell.watched else [])]


def _edges(axes: Axes, at: Sequence[float], cells: Sequence[Cell], style: dict[str, Any]) -> list[str]:
    """Marks at the edges for runs without a number; the states that were marked."""
    foot = axes.get_xaxis_transform()
    states = []
    for x, cell in zip(at, cells, strict=True):
        for why in lost(cell):
            marker, edge = EDGES[why]
            axes.plot([x], [edge], marker, color=style["color"], markersize=6, transform=foot, clip_on=False)
            states.append(why)
    return states


def _ranges(drawn: Sequence[Axes], plan: Plan, value: Value, options: Options) -> None:
    """Scales and ticks: factors and wide ranges of numbers are told in decades, names stand where their points do."""
    positions, numeric = _positions(plan)
    for axes in drawn:
        has = any(np.isfinite(np.asarray(line.get_ydata(), dtype=float)).any() for line in axes.lines)
        if (options.scale == "log" or (options.scale is None and value.kind == "factor")) and has:
            axes.set_yscale("log")
        if not numeric:
            names = [told(each) for each in plan.contents["x"]]
            width = options.width / len(drawn)
            steep = sum(map(len, names)) > 9 * width
            axes.set_xticks(
                list(positions.values()), names, rotation=35 if steep else 0, ha="right" if steep else "center"
            )
            axes.set_xlim(-0.6, len(names) - 0.4)
        elif _logarithmic(plan):
            axes.set_xscale("log")
        elif len(positions) <= 10:
            axes.set_xticks(list(positions.values()), [told(each) for each in positions])


def _ends(plan: Plan, options: Options) -> bool:
    """Whether lines are named at their ends: where there is room beside them, and one name says all."""
    colors = len(plan.contents.get("color", ()))
    return "marker" not in plan.keys and "panel" not in plan.keys and 1 < colors <= MOST_ENDS and _positions(plan)[1]


def _name_ends(axes: Axes, high: float) -> None:
    """The names of lines at their right ends, as near as they can stand without touching."""
    ends = []
    axes.autoscale_view()
    for line in axes.lines:
        gid = str(line.get_gid() or "")
        y = np.asarray(line.get_ydata(), dtype=float)
        if gid.startswith("end ") and np.isfinite(y).any():
            last = np.flatnonzero(np.isfinite(y))[-1]
            tip = axes.transData.transform((float(np.asarray(line.get_xdata(), dtype=float)[last]), y[last]))
            ends.append((float(axes.transAxes.inverted().transform(tip)[1]), gid[4:], line.get_color()))
    ends.sort()
    places = apart([end[0] for end in ends], gap=1.25 * END_SIZE / 72 / (0.75 * high))
    for (_, name, color), place in zip(ends, places, strict=True):
        axes.annotate(
            name,
            (1.02, place),
            xycoords="axes fraction",
            va="center",
            color=color,
            fontsize=END_SIZE,
            annotation_clip=False,
        )


def apart(wanted: Sequence[float], gap: float) -> list[float]:
    """Places in ascending order, at least `gap` apart, touching ones around the mean of what they wanted."""
    blocks: list[list[float]] = []  # the sum of wanted places of the first, counted down, and their number
    for place in wanted:
        blocks.append([place, 1])
        while len(blocks) > 1 and blocks[-1][0] / blocks[-1][1] < blocks[-2][0] / blocks[-2][1] + gap * blocks[-2][1]:
            total, count = blocks.pop()
            blocks[-1][0] += total - gap * blocks[-1][1] * count
            blocks[-1][1] += count
    return [total / count + gap * index for total, count in blocks for index in range(int(count))]


def _handles(plan: Plan, states: dict[str, None], *, ends: bool) -> list[Any]:
    """What the legend names: colours, unless lines are named at their ends, markers, and marks of states."""
    from matplotlib.lines import Line2D

    found = []
    first_marker = plan.contents.get("marker", [None])[0]
    if "color" in plan.keys and not ends:
        for content in plan.contents["color"]:
            style = style_of(plan, content, first_marker)
            plain = style | {"marker": "", "linestyle": "-"} if "marker" in plan.keys else style
            found.append(Line2D([], [], markersize=4, label=keyed(plan.keys["color"], _raw(content)), **plain))
    for content in plan.contents.get("marker", ()):
        style = style_of(plan, plan.contents.get("color", [None])[0], content) | {"color": "0.35"}
        found.append(Line2D([], [], markersize=4, label=keyed(plan.keys["marker"], _raw(content)), **style))
    for state in states:
        marker = EDGES[state][0] if state in EDGES else "o"
        face: dict[str, Any] = {"markerfacecolor": "white"} if state == OPEN else {}
        found.append(Line2D([], [], marker=marker, linestyle="", color="0.35", markersize=5, label=state, **face))
    return found


def _raw(content: Scalar) -> Scalar:
    return told(content) if isinstance(content, str) else content
