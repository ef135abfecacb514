"""What the pictures of runs are put together from: figures of panels, lines with bands, and what tells lines apart.

A few lines are named by a legend and differ in dashes, too; many by a colour bar whose ends and some in between are
named. A point that stands alone is a dot, and where a norm is zero, which no logarithmic axis has, a triangle stands
on the axis.
"""

from __future__ import annotations

import math
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from vgrad.errors import ConfigError
from vgrad.pictures.style import DASHES, colour
from vgrad.report.series import Array, Group, Series
from vgrad.text.escapes import visible

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis
    from matplotlib.figure import Figure

MOST_ACROSS, MOST_PANELS = 3, 60
MANY_PANELS, MANY_ACROSS = 24, 5  # of more panels, so many beside each other
MOST_HEIGHT = 30.0  # inches
MOST_KEYS = 12  # lines that a legend names
MOST_TICKS = 7  # lines that a colour bar names
MOST_TITLE = 3  # lines of text
CHARACTERS = 11  # of a title, an inch
KEY_CHARACTERS, KEY_HEIGHT = 6, 0.17  # of a legend in two columns, an inch of the picture; inches a row
BAND = 0.2  # opacity
UNDER = 0.55  # of the height of a panel: what stands under it
NOTHING = "every norm is 0"


@dataclass(frozen=True)
class Options:
    """`width` in inches; `keys` label and order the panels; `across` panels stand beside each other, None: by width;
    `epoch` picks the one of the neurons; `scale` is log or linear, None: as the kind is read best; `under` is a monitor
    below the curves, and `smooth` epochs are averaged; `theory` has what mean-field theory predicts below the start.

    Of values against keys, `x` is the key of the axis, or two of a heat map, `values` are what is drawn, `color`,
    `marker` and `panel` the next keys, and `each` shows every seed in place of intervals."""

    width: float = 6.4
    keys: tuple[str, ...] = ()
    across: int | None = None
    epoch: int | None = None
    scale: str | None = None
    monitor: str = "validation_accuracy"
    under: str = ""
    smooth: int = 1
    theory: bool = False
    x: str = ""
    values: tuple[str, ...] = ()
    color: str = ""
    marker: str = ""
    panel: str = ""
    each: bool = False


def new_figure(width: float, height: float) -> Figure:
    """A figure of so many inches whose parts make room for one another."""
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), layout="constrained")


def panels(
    groups: Sequence[Group], options: Options, height: float = 0.75, below: int = 0, rows: int = 1
) -> tuple[Figure, list[list[Axes]]]:
    """A figure with a titled axes for each group, sharing both scales, or with two of them one above the other, the
    lower ones with a scale of their own, and the axes by row, in the order of the groups.

    `height` is that of a panel in its widths, and `below` the number of rows that the legend will have."""
    if len(groups) > MOST_PANELS:
        raise ConfigError(f"{len(groups)} panels are more than a page holds, {MOST_PANELS}; choose runs with --where")
    across = options.across or _across(len(groups), options.width)
    down = math.ceil(len(groups) / across)
    size = min(options.width / across, 4.5)
    ratios = [1.0, UNDER][:rows]
    high = down * size * height * sum(ratios) + 0.5
    if high > MOST_HEIGHT:
        raise ConfigError(
            f"a picture {high:.0f} inches high is more than a page holds, {MOST_HEIGHT:.0f}: more --across"
        )
    figure = new_figure(options.width, high + _overhang(high, below))
    grid = figure.subplots(rows * down, across, squeeze=False, sharex=True, height_ratios=ratios * down)
    found = [_alike(list(grid[row::rows].flat), len(groups), across) for row in range(rows)]
    for lowest in found[-1][max(0, len(groups) - across) :]:
        lowest.tick_params(labelbottom=True)
        lowest.set_xlabel("epoch")
        whole(lowest.xaxis)
    for axes, each in zip(found[0], groups, strict=True):
        words = textwrap.wrap(
            title(each), max(10, int(CHARACTERS * size)), max_lines=MOST_TITLE, placeholder=" …", break_on_hyphens=True
        )
        axes.set_title("\n".join(words), fontsize="medium" if len(groups) <= MANY_PANELS else "small")
    return figure, found


def _alike(every: list[Axes], count: int, across: int) -> list[Axes]:
    """The first `count` of these axes, with one vertical scale, told at the left; the others are removed."""
    for index, axes in enumerate(every):
        if index:
            axes.sharey(every[0])
        if index % across:
            axes.tick_params(labelleft=False, which="both")
    for spare in every[count:]:
        spare.remove()
    return every[:count]


def _across(count: int, width: float) -> int:
    if count > MANY_PANELS:
        return MANY_ACROSS
    return max(1, min(count, 2 if count == 4 else MOST_ACROSS, int(width / 1.6)))


def _overhang(height: float, rows: int) -> float:
    """Inches that a legend of so many rows needs beyond the quarter of the picture that it may take."""
    return max(0, rows - int(1.5 * height)) * KEY_HEIGHT


def one_picture(groups: Sequence[Group], options: Options) -> Figure:
    """A figure for a line a group: with room for its legend."""
    height = options.width * 0.6 + 0.3
    return new_figure(options.width, height + _overhang(height, _rows(groups, options.width)))


def whole(axis: Axis) -> None:
    """Ticks at whole numbers."""
    from matplotlib.ticker import MaxNLocator

    axis.set_major_locator(MaxNLocator(integer=True))


def line_style(index: int, count: int) -> dict[str, Any]:
    """How line `index` of `count` looks."""
    if count > MOST_KEYS:
        return {"color": colour(index, count), "linewidth": 0.9}
    return {"color": colour(index, count), "linestyle": DASHES[index % len(DASHES)]}


def draw(axes: Axes, series: Series, *, band: bool = True, **style: Any) -> None:
    """A line with its band."""
    x, y = series.epochs, series.center
    there = np.isfinite(y)
    before, after = np.append(False, there[:-1]), np.append(there[1:], False)
    alone = np.flatnonzero(there & ~before & ~after)
    if alone.size and "marker" not in style:
        style |= {"marker": "o", "markersize": 4, "markevery": alone.tolist()}
    axes.plot(x, y, **style)
    if band and series.low is not None and series.high is not None:
        if len(x) == 1:
            axes.vlines(x, series.low, series.high, color=style["color"], alpha=BAND, linewidth=5)
        else:
            axes.fill_between(x, series.low, series.high, color=style["color"], alpha=BAND, linewidth=0)
    if series.zeros is not None and series.zeros.any():
        at = x[series.zeros > 0]
        foot = axes.get_xaxis_transform()
        (marks,) = axes.plot(
            at, np.zeros(len(at)), "v", color=style["color"], markersize=4, transform=foot, clip_on=False
        )
        marks.set_gid(exact_zeros(series))


def exact_zeros(series: Series) -> str:
    """How many runs have a norm of zero: `2 of 3 seeds: exactly 0`; empty where none has."""
    if series.zeros is None or not series.zeros.any():
        return ""
    if series.runs == 1:
        return "exactly 0"
    least, most = int(series.zeros[series.zeros > 0].min()), int(series.zeros.max())
    return f"{most if least == most else f'{least} to {most}'} of {series.runs} seeds: exactly 0"


def finish(drawn: Sequence[Axes]) -> list[Any]:
    """After the lines: room around a single epoch or layer, words where every norm is zero; what a legend has to say
    of the triangles."""
    from matplotlib.lines import Line2D

    zeros: dict[str, None] = {}
    empty = [axes for axes in drawn if not _lines(axes)]
    for axes in drawn:
        low, high = axes.get_xlim()
        if high - low < 1:
            only = round((low + high) / 2)
            axes.set_xlim(only - 0.5, only + 0.5)
            axes.set_xticks([only])
        if _lines(axes):
            zeros |= dict.fromkeys(gid for line in axes.lines if (gid := line.get_gid()))
    for axes in empty:
        say(axes, NOTHING)
        if len(empty) == len(drawn):
            axes.set_yticks([])
            axes.set_yticks([], minor=True)
    if not zeros:
        return []
    told = next(iter(zeros)) if len(zeros) == 1 else "some seeds: exactly 0"
    return [Line2D([], [], marker="v", linestyle="", color="0.4", markersize=4, label=told)]


def _lines(axes: Axes) -> list[Any]:
    """The lines that show something, and not where there are zeros."""
    lines = [line for line in axes.lines if line.get_transform() == axes.transData]
    return [line for line in lines if np.isfinite(np.asarray(line.get_ydata(), dtype=np.float64)).any()]


def say(axes: Axes, text: str) -> None:
    """Words where there is nothing to draw."""
    axes.text(0.5, 0.5, text, ha="center", va="center", transform=axes.transAxes, color="0.4", wrap=True)


def title(found: Group) -> str:
    """What tells a group from the others, and its number of seeds."""
    runs = f" ({len(found.runs)}\N{NO-BREAK SPACE}seeds)" if len(found.runs) > 1 else ""
    return visible(found.label).replace("$", r"\$") + runs


def name_groups(
    figure: Figure, axes: Sequence[Axes], groups: Sequence[Group], options: Options, more: Sequence[Any] = ()
) -> None:
    """Tells the lines of groups apart; `more` goes into the legend, too."""
    room = int(KEY_CHARACTERS * options.width)
    if len(groups) > MOST_KEYS:
        colour_bar(figure, axes, [_cut(title(found), max(8, room // 2)) for found in groups], "")
        legend(figure, more, 2)
        return
    columns = _columns(groups, options.width)
    handles = axes[0].get_legend_handles_labels()[0]
    for handle in handles:
        handle.set_label(_cut(str(handle.get_label()), room if columns == 2 else 2 * room))
    legend(figure, [*handles, *more], columns)


def legend(figure: Figure, handles: Sequence[Any], columns: int) -> None:
    """A legend below the panels; none where there is nothing to name."""
    if handles:
        figure.legend(handles=list(handles), loc="outside lower center", ncols=columns)


def _columns(groups: Sequence[Group], width: float) -> int:
    return 2 if max(len(title(found)) for found in groups) <= int(KEY_CHARACTERS * width) else 1


def _rows(groups: Sequence[Group], width: float) -> int:
    return math.ceil(len(groups) / _columns(groups, width)) if len(groups) <= MOST_KEYS else 0


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"


def colour_bar(figure: Figure, axes: Sequence[Axes], labels: Sequence[str], told: str) -> None:
    """The colours of so many lines, from the first at the foot; some have their labels."""
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import ListedColormap, Normalize

    count = len(labels)
    shades = ListedColormap([colour(index, count) for index in range(count)])
    bar = figure.colorbar(ScalarMappable(Normalize(0.5, count + 0.5), shades), ax=list(axes), label=told)
    named = spread(count, MOST_TICKS)
    bar.set_ticks([index + 1.0 for index in named], labels=[labels[index] for index in named])
    bar.ax.minorticks_off()
    bar.ax.grid(visible=False)


def spread(count: int, most: int) -> list[int]:
    """At most so many of the indices below `count`, evenly spread, the first and the last among them."""
    if count <= most:
        return list(range(count))
    return sorted({round(index * (count - 1) / (most - 1)) for index in range(most)})


def logarithms(values: Array) -> Array:
    """log10, and NaN where a value is zero or no number."""
    return np.log10(np.where((values > 0) & np.isfinite(values), values, np.nan))
