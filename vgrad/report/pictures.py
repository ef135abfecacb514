"""The pictures: each kind takes runs and draws them on a figure of a given width.

curves       ||delta^l|| over epochs, a line a layer, a panel a config, seed bands     (Nielsen ch. 5)
neurons      mean delta of each neuron as a bar, a row a hidden layer                  (Nielsen ch. 5)
steps        the same from step to step within the first epochs, where probes.steps is
layers       ||delta^l|| against l at the start and at the end, a line a config
heatmap      layer x epoch, log10 ||delta^l|| as shade
accuracy     accuracy over epochs, a line a config
activations  f and f' of the activations that the runs use
values       values of reports against config keys, as lines or as a heat map
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from operator import itemgetter
from typing import TYPE_CHECKING, Any

import numpy as np

from vgrad.nn.activations import build
from vgrad.pictures.style import colour, symbol
from vgrad.report.against.picture import values
from vgrad.report.keys import text
from vgrad.report.panels import (
    MOST_KEYS,
    NOTHING,
    Options,
    colour_bar,
    draw,
    exact_zeros,
    finish,
    legend,
    line_style,
    logarithms,
    name_groups,
    new_figure,
    one_picture,
    panels,
    say,
    spread,
    title,
    whole,
)
from vgrad.report.runs import Run
from vgrad.report.series import Array, Group, Series, geometric, group, of_layer, of_monitor, smoothed, speed, within
from vgrad.report.theory.band import on_theory
from vgrad.runs.summary import speeds
from vgrad.text.escapes import visible

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MOST_NEURONS, MOST_BARS = 12, 10  # of a layer; layers
TOO_SMALL = 0.01  # of the axis: bars that cannot be seen

Picture = Callable[[Sequence[Run], Options], "Figure"]


def curves(runs: Sequence[Run], options: Options) -> Figure:
    """How fast each hidden layer learns, epoch by epoch, and what a monitor does meanwhile."""
    layer = lambda found, number: smoothed(of_layer(found, number), options.smooth)  # noqa: E731
    if not options.under:
        return _lines(runs, options, layer)
    monitor = lambda found: _percent(smoothed(of_monitor(found, options.under), options.smooth), options.under)  # noqa: E731
    return _lines(runs, options, layer, (_spoken(options.under), monitor))


def steps(runs: Sequence[Run], options: Options) -> Figure:
    """How fast each hidden layer learns from step to step, up to the epoch that is asked for."""
    return _lines(runs, options, lambda found, layer: within(found, layer, options.epoch))


def _lines(
    runs: Sequence[Run],
    options: Options,
    of: Callable[[Group, int], Series],
    below: tuple[str, Callable[[Group], Series]] | None = None,
) -> Figure:
    """A panel a config, a line a hidden layer, and `below` each a line by that name."""
    groups = group(runs, options.keys)
    deepest = max(len(found.layers) for found in groups)
    columns = max(2, int(options.width / 1.1))
    legends = -(-deepest // columns) if deepest <= MOST_KEYS else 0
    figure, (flat, *under) = panels(groups, options, below=legends, rows=2 if below else 1)
    for axes, found in zip(flat, groups, strict=True):
        for index, layer in enumerate(found.layers):
            draw(axes, of(found, layer), label=symbol(layer), **line_style(index, deepest))
        axes.set_yscale(options.scale or "log")
    if below:
        for axes, found in zip(under[0], groups, strict=True):
            draw(axes, below[1](found), color="0.25")
            place = axes.get_subplotspec()
            if place and place.is_first_col():
                axes.set_ylabel(below[0].replace(" ", "\n", 1), fontsize="small")
    handles = finish(flat)
    if deepest > MOST_KEYS:
        colour_bar(figure, flat, [str(layer + 1) for layer in range(deepest)], "hidden layer $l$")
    else:
        full = next(axes for axes, found in zip(flat, groups, strict=True) if len(found.layers) == deepest)
        handles = full.get_legend_handles_labels()[0] + handles
    legend(figure, handles, min(columns, len(handles)))
    symbols = {"delta_norm": r"$\Vert\delta^l\Vert$", "delta_norm_mean": r"mean of norms (batch norm)"}
    measured = dict.fromkeys(symbols[speed(found)] for found in groups)
    figure.supylabel(f"speed of learning {', '.join(measured)}", fontsize="medium")
    return figure


def layers(runs: Sequence[Run], options: Options) -> Figure:
    """The norm against the layer: a straight line is a constant factor a layer."""
    groups = group(runs, options.keys)
    figure = one_picture(groups, options)
    both = list(figure.subplots(1, 2, sharey=True))
    for axes, when in zip(both, ("start", "end"), strict=True):
        for index, found in enumerate(groups):
            moments = [run.summary["gradient"].get(when) for run in found.runs]
            norms = [speeds(moment) for moment in moments if moment]
            stack = np.array([row for row in norms if row], dtype=np.float64)
            if stack.size:
                series = geometric(np.arange(1.0, stack.shape[1] + 1), stack)
                style = {"label": title(found), **line_style(index, len(groups))}
                marks = {"marker": "o", "markersize": 3.5} if stack.shape[1] <= MOST_KEYS else {}
                if options.theory and when == "start" and on_theory(axes, found, stack, style):
                    continue
                draw(axes, series, band=len(groups) <= MOST_KEYS, **marks, **style)
        told = ", on theory's band" if options.theory and when == "start" else ""
        axes.set_title(f"at the {when}{told}", fontsize="medium")
        axes.set_yscale(options.scale or "log")
        axes.set_xlabel("hidden layer $l$")
        whole(axes.xaxis)
    both[0].set_ylabel(r"$\Vert\delta^l\Vert$")
    name_groups(figure, both, groups, options, finish(both))
    return figure


def accuracy(runs: Sequence[Run], options: Options) -> Figure:
    """A monitor over epochs, in percent where it is an accuracy."""
    groups = group(runs, options.keys)
    figure = one_picture(groups, options)
    axes = figure.subplots()
    for index, found in enumerate(groups):
        shown = _percent(smoothed(of_monitor(found, options.monitor), options.smooth), options.monitor)
        draw(axes, shown, band=len(groups) <= MOST_KEYS, label=title(found), **line_style(index, len(groups)))
    axes.set_xlabel("epoch")
    whole(axes.xaxis)
    axes.set_ylabel(_spoken(options.monitor))
    finish([axes])
    name_groups(figure, [axes], groups, options)
    return figure


def _percent(series: Series, monitor: str) -> Series:
    """Accuracies in percent, other monitors as they are."""
    scale = 100 if monitor.endswith("accuracy") else 1
    low, high = (None if bound is None else bound * scale for bound in (series.low, series.high))
    return Series(series.epochs, series.center * scale, low, high)


def _spoken(monitor: str) -> str:
    return monitor.replace("_", " ") + (" %" if monitor.endswith("accuracy") else "")


def heatmap(runs: Sequence[Run], options: Options) -> Figure:
    """Layer by epoch; one scale for all panels, in decades. Grey is a norm of 0 of every seed, white no such layer."""
    groups = group(runs, options.keys)
    figure, (flat,) = panels(groups, options, height=0.6)
    images = []
    for found, axes in zip(groups, flat, strict=True):
        series = [of_layer(found, layer) for layer in found.layers]
        images.append((series[0].epochs, logarithms(np.array([line.center for line in series]))))
        worst = max(series, key=lambda line: 0 if line.zeros is None else int(line.zeros.max(initial=0)))
        if worst.runs > 1:
            axes.set_xlabel("\n".join(filter(None, (axes.get_xlabel(), exact_zeros(worst)))))
    values = np.concatenate([image.ravel() for _, image in images])
    finite = values[np.isfinite(values)]
    low, high = (finite.min(), finite.max()) if finite.size else (0.0, 0.0)
    mesh = None
    for axes, (epochs, image) in zip(flat, images, strict=True):
        mesh = _shades(axes, epochs, image, low, high)
        axes.set_ylim(0.5, max(len(each.layers) for each in groups) + 0.5)
        whole(axes.yaxis)
        axes.grid(visible=False)
    figure.supylabel("hidden layer $l$", fontsize="medium")
    if mesh is not None and finite.size:
        told = "" if finite.size == values.size else "; grey: exactly 0"
        told += "; white: no such layer" if told and len({len(found.layers) for found in groups}) > 1 else ""
        figure.colorbar(mesh, ax=flat, label=rf"$\log_{{10}}\Vert\delta^l\Vert${told}")
    return figure


def _shades(axes: Axes, epochs: Array, image: Array, low: float, high: float) -> Any:
    """One panel of the heatmap, grey where a norm is zero."""
    edges = np.append(epochs, epochs[-1] + 1 if len(epochs) < 2 else 2 * epochs[-1] - epochs[-2])
    at = np.arange(len(image) + 1) + 0.5
    if not np.isfinite(image).all():
        grey = np.ma.masked_array(np.zeros(image.shape), np.isfinite(image))
        axes.pcolormesh(edges, at, grey, vmin=-1, vmax=1, cmap="Greys", alpha=0.5, linewidth=0, rasterized=True)
    if not np.isfinite(image).any():
        say(axes, NOTHING)
    return axes.pcolormesh(edges, at, image, vmin=low, vmax=high, cmap="viridis", rasterized=True)


def neurons(runs: Sequence[Run], options: Options) -> Figure:
    """The chapter's bars: how fast each of the first neurons of every hidden layer learns, at one epoch."""
    run = runs[0]
    table = run.stored.neurons
    epoch = options.epoch if options.epoch is not None else min(table["epoch"].tolist())
    shown = spread(run.hidden, MOST_BARS)
    figure = new_figure(options.width, 0.9 + 0.75 * len(shown))
    axes = figure.subplots(len(shown), 1, squeeze=False, sharex=True, sharey=True)[::-1, 0]
    table = table[(table["epoch"] == epoch) & (table["neuron"] <= MOST_NEURONS)]
    greatest = table.loc[table["layer"].isin([index + 1 for index in shown]), "delta"].abs().max()
    for index, panel in zip(shown, axes, strict=True):
        rows = table[table["layer"] == index + 1]
        panel.bar(rows["neuron"], rows["delta"].abs(), color=colour(index, run.hidden), width=0.7)
        most = rows["delta"].abs().max()
        if most == 0 or (most < TOO_SMALL * greatest and options.scale != "log"):
            say(panel, f"at most {most:.1g}" if most else "all 0")
        panel.set_ylabel(f"layer {index + 1}", rotation=0, ha="right", va="center")
        panel.set_yscale(options.scale or "linear")
        panel.grid(visible=False, axis="x")
    if not greatest:
        axes[0].set_yticks([])
    axes[0].set_xlabel("neuron $j$")
    whole(axes[0].xaxis)
    figure.supylabel(r"$|\partial C/\partial b^l_j|$", fontsize="medium")
    part = f", {len(shown)} of {run.hidden} layers" if len(shown) < run.hidden else ""
    figure.suptitle(f"{title(Group(visible(run.label), (run,)))}, epoch {epoch}{part}", fontsize="medium")
    return figure


def activations(runs: Sequence[Run], options: Options) -> Figure:
    """f and its slope, which every layer multiplies the gradient by."""
    used = dict(sorted((_named(item) for run in runs for item in _items(run.config["activation"])), key=itemgetter(0)))
    figure = new_figure(options.width, options.width * 0.42 + 0.4)
    left, right = figure.subplots(1, 2, sharex=True)
    z = np.linspace(-5, 5, 401)[None, :]
    for index, (name, parameters) in enumerate(used.items()):
        record = build(**parameters)
        a = record.f(z, np.empty_like(z))
        style = {**line_style(index, len(used)), "label": name}
        left.plot(z[0], a[0], **style)
        right.plot(z[0], record.slope(z, a, np.empty_like(z))[0], **style)
    left.set_title("$f(z)$", fontsize="medium")
    right.set_title("$f'(z)$", fontsize="medium")
    left.set_xlabel("$z$")
    right.set_xlabel("$z$")
    left.legend()
    return figure


def _items(chosen: Any) -> list[Any]:
    return chosen if isinstance(chosen, list) else [chosen]


def _named(item: Any) -> tuple[str, dict[str, Any]]:
    """An activation by its name and the parameters that are set."""
    if isinstance(item, str):
        return item, {"name": item}
    parts = [item["name"], *(f"{key} {text(value)}" for key, value in item.items() if key != "name")]
    return " ".join(parts), item


PICTURES: dict[str, Picture] = {
    "curves": curves,
    "steps": steps,
    "neurons": neurons,
    "layers": layers,
    "heatmap": heatmap,
    "accuracy": accuracy,
    "activations": activations,
    "values": values,
}
