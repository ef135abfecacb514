"""The pictures of a study: each kind takes an outcome and draws it on a figure of a given width.

study-speed      ‖delta^l‖ over epochs, a panel a network: the band of the seeds, the published curve on it
study-ratio      last/first over epochs, likewise
study-bars       |dC/db_j| of single neurons, published beside measured, a row a hidden layer
study-accuracy   every seed as a dot, the mean with its interval, the published figure
study-figures    z of every figure on one axis
study-overview   the tables of an overview on shades
study-claims     every seed beside what each claim says

At 10 inches they have the shape and the type of a slide. What is not comparable is drawn without the published part,
and the title says so.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from vgrad.errors import ConfigError
from vgrad.pictures.style import colour, content, styled
from vgrad.study.outcome import Figure as Published
from vgrad.study.outcome import Neuron, Outcome
from vgrad.study.report.curves import ratio, speed
from vgrad.study.report.evidence import evidence
from vgrad.study.report.marks import (
    BAND,
    EDGE,
    MEASURED,
    MOST_PANELS,
    PUBLISHED,
    SEED,
    Layout,
    cut,
    mark_legend,
    mark_published,
    math_text,
    new_figure,
    plain,
    put_title,
    typed,
)
from vgrad.study.report.overview import overview
from vgrad.study.report.table import band_of, by_depth, grouped, network, provenance, short_layers

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

HATCH = "///"
MOST_Z = 8.0  # of the axis; what is further out stands at its end
MOST_ROWS = 16  # of one column
MOST_FIGURES = 150
Picture = Callable[[Outcome, Layout], "Figure"]


def bars(outcome: Outcome, layout: Layout) -> Figure:
    """How fast single neurons learn before training, as the chapter shows it."""
    from matplotlib.patches import Patch

    neurons = outcome.neurons
    if not neurons:
        raise ConfigError("this study has no single neurons; leave none of its experiments out")
    networks = sorted({neuron.layers for neuron in neurons}, key=lambda layers: (layers.count("-"), layers))
    deepest = max(neuron.layer for neuron in neurons)
    if max(deepest, len(networks), len(neurons) / 10) > MOST_PANELS:
        raise ConfigError(f"neurons of more than {MOST_PANELS} layers or networks are more than a picture holds")
    compared = any(neuron.published is not None for neuron in neurons)
    with typed(layout):
        figure = new_figure(layout, layout.height() if not layout.narrow else 0.9 + deepest)
        grid = figure.subplots(deepest, len(networks), squeeze=False, sharex="col", sharey=True)[::-1]
        for column, layers in enumerate(networks):
            for index in range(deepest):
                rows = [each for each in neurons if (each.layers, each.layer) == (layers, index + 1)]
                _bars(grid[index][column], rows, colour(index, deepest), compared=compared)
            grid[-1][column].set_title(cut(short_layers(layers), 24), fontsize=layout.font)
            grid[0][column].set_xlabel("neuron $j$")
        for index in range(deepest):
            grid[index][0].set_ylabel(f"layer {index + 1}", rotation=0, ha="right", va="center")
        level = f"{100 * outcome.study.level:g} % of neurons and seeds"
        published = [Patch(facecolor=EDGE, edgecolor=PUBLISHED, hatch=HATCH, label="published")] if compared else []
        shades = [Patch(color="0.45", label="first seed"), Patch(color="0.45", alpha=BAND, linewidth=0, label=level)]
        across = 3 if not layout.narrow else 2
        figure.legend(handles=[*published, *shades], loc="outside lower center", ncols=across)
        figure.supylabel(r"$|\partial C/\partial b^l_j|$", fontsize=layout.font)
        put_title(figure, outcome, layout, "How fast single neurons learn at the start", "published and measured")
    return figure


def _bars(axes: Axes, rows: Sequence[Neuron], shade: Any, *, compared: bool) -> None:
    """The neurons of one layer: two bars each, and where 95 % of all its neurons lie."""
    thick = 0.38 if compared else 0.6
    for neuron in rows:
        beside = thick / 2 if compared else 0.0
        axes.bar(neuron.neuron + beside, neuron.measured, width=thick, color=shade)
        if neuron.published is not None:
            style: dict[str, Any] = {"facecolor": EDGE, "edgecolor": PUBLISHED, "hatch": HATCH, "linewidth": 1.0}
            axes.bar(neuron.neuron - beside, neuron.published, width=thick, **style)
    for low, high in dict.fromkeys((neuron.low, neuron.high) for neuron in rows):
        if low is not None and high is not None and math.isfinite(high - low):
            axes.axhspan(low, high, color=shade, alpha=BAND, linewidth=0, zorder=0)
    axes.grid(visible=False, axis="x")
    axes.set_xticks([neuron.neuron for neuron in rows])
    axes.locator_params(axis="y", nbins=5)


def accuracy(outcome: Outcome, layout: Layout) -> Figure:
    """What depth does to the accuracy: every seed, their mean, and the published figure."""
    found = [figure for figure in outcome.figures if figure.unit == "%" and figure.center is not None]
    if not found:
        raise ConfigError("this study has no accuracies; leave none of its experiments out")
    if len(found) > MOST_PANELS:
        raise ConfigError(f"accuracies of more than {MOST_PANELS} networks are more than a picture holds")
    letters = [each.experiment for each in found]
    with typed(layout):
        figure = new_figure(layout, layout.height())
        axes = figure.subplots()
        for at, each in enumerate(found):
            values = [value.value for value in outcome.of(each)]
            axes.plot(
                [at + _beside(seed) for seed in range(len(values))], values, ".", color=SEED, markersize=layout.font / 2
            )
            ends: list[Any] = [end for end in (each.low, each.high) if end is not None and math.isfinite(end)]
            axes.plot([at + 0.24] * len(ends), ends, color=MEASURED, linewidth=1.3 * layout.line)
            axes.plot([at + 0.24], [each.center or math.nan], "o", color=MEASURED, markersize=0.62 * layout.font)
            if each.published is not None:
                mark_published(axes, at - 0.24, each.published, layout)
        axes.set_xticks(range(len(found)), [cut(network(each.layers, each.experiment, letters), 24) for each in found])
        axes.set_xlim(-0.5, len(found) - 0.5)
        low, high = axes.get_ylim()
        axes.set_ylim(max(low, -2.0), min(high, 102.0))  # an interval of few seeds may reach beyond
        if layout.narrow:
            axes.tick_params(axis="x", rotation=20)
        axes.grid(visible=False, axis="x")
        axes.set_ylabel(f"{plain(cut(found[0].label))} %")
        mark_legend(figure, outcome, layout, mean="mean and its interval")
        n = max(each.n for each in found)
        shown = f"How well {'networks of each depth classify' if by_depth(found) else 'each network classifies'}"
        put_title(figure, outcome, layout, shown, f"{n} seeds and the published figures")
    return figure


def _beside(seed: int) -> float:
    """Dots of one column stand apart; the same each time."""
    return 0.12 * ((seed * 0.618034) % 1 - 0.5)


def figures(outcome: Outcome, layout: Layout) -> Figure:
    """Every figure on one scale: how many standard deviations of the seeds it lies from their mean."""
    found = [each for each in outcome.figures if each.center is not None and (each.z is not None or outcome.of(each))]
    if not found:
        raise ConfigError("this study has no figures but curves; leave none of its experiments out")
    if len(found) > MOST_FIGURES:
        raise ConfigError(f"{len(found)} figures are more than a picture holds, {MOST_FIGURES}")
    columns = _columns(outcome, found, 1 if layout.narrow else 2)
    rows = max(len(column) for column in columns)
    with typed(layout):
        height = 1.4 + 0.21 * rows if layout.narrow else max(layout.height(), 1.3 + 0.24 * rows)
        figure = new_figure(layout, height)
        limit = outcome.study.limit
        reach = min(max([limit + 0.7, *(abs(each.z) + 0.4 for each in found if each.z is not None)]), MOST_Z)
        panels = figure.subplots(1, len(columns), squeeze=False, sharex=True)[0]
        for axes, column in zip(panels, columns, strict=True):
            axes.axvline(0, color="0.6", linewidth=0.8, zorder=1)
            _names(axes, column, rows, layout)
            for at, (_, each) in enumerate(column):
                if each is not None:
                    half = band_of(limit, each.n) if each.n > 1 else 0.0
                    axes.barh(at, 2 * half, left=-half, height=1.0, color="0.9", linewidth=0, zorder=0)
                    _deviations(axes, outcome, each, at, reach, layout)
            axes.set_xlim(-reach, reach)
            axes.set_xlabel("z (standard deviations)")
        mark_legend(figure, outcome, layout, band="one more draw")
        told = f"{sum(each.verdict == 'inside' for each in found)} of {len(found)} inside"
        put_title(figure, outcome, layout, "How far each figure lies from the mean of the seeds", told)
    return figure


def _columns(outcome: Outcome, found: Sequence[Published], most: int) -> list[list[tuple[str, Published | None]]]:
    """The rows of each column: a heading, then the figures below it; columns are about equally long."""
    blocks: dict[tuple[str, str], list[tuple[str, Published | None]]] = {}
    for experiment in outcome.study.experiments:
        for group, name, each in grouped(outcome, experiment):
            if each in found:
                head: list[tuple[str, Published | None]] = [(f"{experiment.letter}  {plain(cut(group, 34))}", None)]
                blocks.setdefault((experiment.letter, group), head).append((math_text(name), each))
    total = sum(map(len, blocks.values()))
    across = most if total > MOST_ROWS else 1
    columns: list[list[tuple[str, Published | None]]] = [[]]
    for block in blocks.values():
        if len(columns) < across and columns[-1] and len(columns[-1]) + len(block) / 2 > total / across:
            columns.append([])
        columns[-1] += block
    return columns


def _names(axes: Axes, column: Sequence[tuple[str, Published | None]], rows: int, layout: Layout) -> None:
    """The names of the rows at the left, those of networks bold."""
    size = min(0.85 * layout.font, 240 / rows) if not layout.narrow else 0.85 * layout.font
    axes.set_yticks(range(len(column)), [name for name, _ in column], fontsize=size)
    for tick, (_, each) in zip(axes.get_yticklabels(), column, strict=True):
        tick.set_fontweight("normal" if each is not None else "bold")
    axes.set_ylim(rows - 0.4, -0.6)
    axes.tick_params(axis="y", length=0)
    axes.grid(visible=False)
    axes.spines["left"].set_visible(False)


def _deviations(axes: Axes, outcome: Outcome, each: Published, at: int, reach: float, layout: Layout) -> None:
    """The seeds of one figure as dots, and the published one; what is beyond the axis stands at its end."""
    values = [value.value for value in outcome.of(each)]
    if each.scale == "log":
        values = [math.log10(value) for value in values if value > 0]
        center, spread = (math.log10(value) if value and value > 0 else 0.0 for value in (each.center, each.spread))
    else:
        center, spread = each.center or 0.0, each.spread or 0.0
    if spread:
        places = [(value - center) / spread for value in values]
        axes.plot(places, [at] * len(places), ".", color=SEED, markersize=0.4 * layout.font, clip_on=True)
    if each.z is not None:
        mark_published(axes, max(-reach, min(each.z, reach)), at, layout)


STUDY_PICTURES: dict[str, Picture] = {
    "study-speed": speed,
    "study-ratio": ratio,
    "study-bars": bars,
    "study-accuracy": accuracy,
    "study-figures": figures,
    "study-overview": overview,
    "study-claims": evidence,
}


def picture(outcome: Outcome, kind: str, form: str, width: float | None = None) -> bytes:
    """The bytes of one picture, `width` inches wide; ConfigError where the study has nothing of the kind."""
    with styled():
        figure = STUDY_PICTURES[kind](outcome, Layout(width) if width else Layout())
        return content(figure, form, f"vgrad: {kind}", provenance(outcome.values, outcome.study.claims))
