"""The published curves of a study on the simultaneous bands of its seeds: a panel a network, a logarithmic axis."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from vgrad.errors import ConfigError
from vgrad.pictures.style import DASHES, colour, symbol
from vgrad.study.outcome import RATIO, Curve, Outcome
from vgrad.study.report.marks import (
    BAND,
    EDGE,
    GREATEST,
    LEAST,
    MOST_PANELS,
    PUBLISHED,
    Layout,
    cut,
    new_figure,
    put_title,
    typed,
)
from vgrad.study.report.table import network

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def _curves(outcome: Outcome, *, ratio: bool) -> dict[str, list[Curve]]:
    """The curves of each network, shallow ones first, by its name."""
    found: dict[str, list[Curve]] = {}
    shown = [curve for curve in outcome.curves if (curve.line == RATIO) == ratio and curve.points]
    letters = [curve.experiment for curve in shown]
    for curve in sorted(shown, key=lambda each: (each.layers.count("-"), each.layers, each.experiment, each.line)):
        found.setdefault(network(curve.layers, curve.experiment, letters), []).append(curve)
    if not found:
        raise ConfigError("this study has no curves over epochs; leave none of its experiments out")
    if max(len(found), *map(len, found.values())) > MOST_PANELS:
        raise ConfigError(f"curves of more than {MOST_PANELS} networks or layers are more than a picture holds")
    return found


def _over_epochs(outcome: Outcome, layout: Layout, *, ratio: bool) -> Figure:
    networks = _curves(outcome, ratio=ratio)
    figure = new_figure(layout, layout.height(len(networks)))
    down, across = (len(networks), 1) if layout.narrow else (1, len(networks))
    panels = list(figure.subplots(down, across, squeeze=False, sharex=True, sharey=True).flat)
    deepest = max(len(curves) for curves in networks.values())
    for axes, (name, curves) in zip(panels, networks.items(), strict=True):
        for index, curve in enumerate(curves):
            _course(axes, curve, colour(index, deepest), DASHES[index % len(DASHES)], layout)
        axes.set_title(cut(name, 24), fontsize=layout.font)
        _epochs(axes)
    for axes in panels if not layout.narrow else panels[-1:]:
        axes.set_xlabel("epoch")
    panels[0].set_ylim(*_reach(outcome, networks))  # before the scale, which would look for limits of its own
    panels[0].set_yscale("log")
    if ratio:
        panels[0].yaxis.set_major_formatter("{x:g}")
    _legend(figure, outcome, layout, 0 if ratio else deepest)
    return figure


def _course(axes: Axes, curve: Curve, shade: Any, dashes: Any, layout: Layout) -> None:
    """One line with its band, and the published one where there is one."""
    measured = [point for point in curve.points if point.center]
    epochs = [point.epoch for point in measured]
    centers = [point.center or math.nan for point in measured]
    alone: dict[str, Any] = {"marker": ".", "markersize": 8} if len(measured) == 1 else {}
    axes.plot(epochs, centers, color=shade, linestyle=dashes, linewidth=0.5 * layout.line, **alone)
    low = [max(point.low or math.nan, LEAST) for point in measured]
    high = [min(point.high or math.nan, GREATEST) for point in measured]
    axes.fill_between(epochs, low, high, color=shade, alpha=BAND, linewidth=0)
    told = [(point.epoch, point.published) for point in curve.points if point.published]
    x, y = [epoch for epoch, _ in told], [value for _, value in told]
    if not told:
        return
    for tint, width in ((EDGE, 2 * layout.line), (PUBLISHED, layout.line)):
        axes.plot(x, y, zorder=3, color=tint, linewidth=width)


def _reach(outcome: Outcome, networks: Mapping[str, Sequence[Curve]]) -> tuple[float, float]:
    """The ends of the axis: the lines, and of their bands what is within a decade of them."""
    ends = []
    for point in (point for curves in networks.values() for curve in curves for point in curve.points):
        ends += [value for value in (point.published, point.center) if value]
        if point.center and point.low and point.high:
            ends += [max(point.low, point.center / 10), min(point.high, point.center * 10)]
    return max(min(ends, default=0.1) / 1.3, LEAST), max(min(max(ends, default=1.0), GREATEST), 10 * LEAST) * 1.3


def _legend(figure: Figure, outcome: Outcome, layout: Layout, layers: int) -> None:
    """Layers by their colours, then what published and measured look like."""
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    handles: list[Any] = [Patch(color=colour(index, layers), label=symbol(index + 1)) for index in range(layers)]
    shade: Any = "0.35" if layers else colour(0, 1)
    if any(point.published for curve in outcome.curves for point in curve.points):
        handles.append(Line2D([], [], color=PUBLISHED, linewidth=layout.line, label="published"))
    handles.append(Line2D([], [], color=shade, linewidth=0.6 * layout.line, label="geometric mean"))
    handles.append(Patch(color=shade, alpha=BAND, linewidth=0, label="band of one more curve"))
    across = 3 if layout.narrow else len(handles)
    figure.legend(handles=handles, loc="outside lower center", ncols=across, columnspacing=1.2)


def _epochs(axes: Axes) -> None:
    from matplotlib.ticker import MaxNLocator

    axes.xaxis.set_major_locator(MaxNLocator(nbins=5, integer=True, steps=[1, 2.5, 5, 10]))


def _told(outcome: Outcome) -> str:
    """How many seeds the curves are of."""
    n = max((point.n for curve in outcome.curves for point in curve.points), default=0)
    return f"{n} seeds and the published curve"


def speed(outcome: Outcome, layout: Layout) -> Figure:
    """How fast each hidden layer learns, epoch by epoch."""
    with typed(layout):
        figure = _over_epochs(outcome, layout, ratio=False)
        figure.supylabel(r"speed of learning $\Vert\delta^l\Vert$", fontsize=layout.font)
        put_title(figure, outcome, layout, "How fast each hidden layer learns", _told(outcome))
    return figure


def ratio(outcome: Outcome, layout: Layout) -> Figure:
    """How many times faster the last hidden layer learns than the first."""
    with typed(layout):
        figure = _over_epochs(outcome, layout, ratio=True)
        figure.supylabel(r"last / first: $\Vert\delta^H\Vert\,/\,\Vert\delta^1\Vert$", fontsize=layout.font)
        put_title(figure, outcome, layout, "How many times faster the last layer learns", _told(outcome))
    return figure
