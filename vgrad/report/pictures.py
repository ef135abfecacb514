"""The pictures: each kind takes runs and draws them on a figure of a given width.

curves       ||delta^l|| over epochs, a line a layer, a panel a config, seed bands     (Nielsen ch. 5)
neurons      mean delta of each neuron as a bar, a row a hidden layer                  (Nielsen ch. 5)
layers       ||delta^l|| against l at the start and at the end, a line a config
heatmap      layer x epoch, log10 ||delta^l|| as shade
accuracy     accuracy over epochs, a line a config
activations  f and f' of the activations that the runs use
"""

from __future__ import annotations

import math
import textwrap
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from vgrad.errors import ConfigError
from vgrad.nn.activations import build
from vgrad.pictures.style import DASHES, colour, symbol
from vgrad.registry import did_you_mean
from vgrad.report.runs import Run
from vgrad.report.series import Group, Series, group, of_layer, of_monitor
from vgrad.text.escapes import visible

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis
    from matplotlib.figure import Figure

MOST_ACROSS, MOST_PANELS, MOST_NEURONS = 3, 60, 12
CHARACTERS = 11  # of a title, an inch
BAND = 0.2  # opacity


@dataclass(frozen=True)
class Options:
    """`width` in inches; `keys` label and order the panels; `across` panels stand beside each other, None: by width;
    `epoch` picks the one of the neurons; `scale` is log or linear, None: as the
    kind is read best."""

    width: float = 6.4
    keys: tuple[str, ...] = ()
    across: int | None = None
    epoch: int | None = None
    scale: str | None = None
    monitor: str = "validation_accuracy"


Picture = Callable[[Sequence[Run], Options], "Figure"]


def _figure(width: float, height: float) -> Figure:
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), layout="constrained")


def _panels(groups: Sequence[Group], options: Options, height: float = 0.75) -> tuple[Figure, list[Axes]]:
    """A figure with a titled axes for each group, sharing both scales; `height` is that of a panel in its widths."""
    if len(groups) > MOST_PANELS:
        raise ConfigError(f"{len(groups)} panels are more than a page holds, {MOST_PANELS}; choose runs with --where")
    most = 2 if len(groups) == 4 else MOST_ACROSS
    across = options.across or max(1, min(len(groups), most, int(options.width / 1.6)))
    down = math.ceil(len(groups) / across)
    size = min(options.width / across, 4.5)
    figure = _figure(options.width, down * size * height + 0.5)
    grid = figure.subplots(down, across, squeeze=False, sharex=True, sharey=True)
    flat = list(grid.flat)
    for spare in flat[len(groups) :]:
        spare.remove()
    for lowest in flat[max(0, len(groups) - across) : len(groups)]:
        lowest.tick_params(labelbottom=True)
        lowest.set_xlabel("epoch")
        _whole(lowest.xaxis)
    for axes, found in zip(flat, groups, strict=False):
        axes.set_title(textwrap.fill(_title(found), max(10, int(CHARACTERS * size))), fontsize="medium")
    return figure, flat[: len(groups)]


def _whole(axis: Axis) -> None:
    from matplotlib.ticker import MaxNLocator

    axis.set_major_locator(MaxNLocator(integer=True))


def _draw(axes: Axes, series: Series, **style: Any) -> None:
    axes.plot(series.epochs, series.center, **style)
    if series.low is not None and series.high is not None:
        axes.fill_between(series.epochs, series.low, series.high, color=style["color"], alpha=BAND, linewidth=0)


def _title(found: Group) -> str:
    runs = f" ({len(found.runs)}\N{NO-BREAK SPACE}seeds)" if len(found.runs) > 1 else ""
    return visible(found.label).replace("$", r"\$") + runs


def curves(runs: Sequence[Run], options: Options) -> Figure:
    """How fast each hidden layer learns, epoch by epoch."""
    groups = group(runs, options.keys)
    figure, panels = _panels(groups, options)
    deepest = max((len(found.layers), -index) for index, found in enumerate(groups))
    for axes, found in zip(panels, groups, strict=True):
        for index, layer in enumerate(found.layers):
            style = {"color": colour(index, deepest[0]), "linestyle": DASHES[index % len(DASHES)]}
            _draw(axes, of_layer(found, layer), label=symbol(layer), **style)
        axes.set_yscale(options.scale or "log")
    lines = panels[-deepest[1]].get_legend_handles_labels()
    figure.legend(*lines, loc="outside lower center", ncols=min(deepest[0], max(2, int(options.width / 1.1))))
    figure.supylabel(r"speed of learning $\Vert\delta^l\Vert$", fontsize="medium")
    return figure


def layers(runs: Sequence[Run], options: Options) -> Figure:
    """The norm against the layer: a straight line is a constant factor a layer."""
    groups = group(runs, options.keys)
    figure = _figure(options.width, options.width * 0.6 + 0.3)
    left, right = figure.subplots(1, 2, sharey=True)
    for axes, when in ((left, "start"), (right, "end")):
        for index, found in enumerate(groups):
            norms = [run.summary["gradient"].get(when, {}).get("delta_norm") for run in found.runs]
            usable = np.array([row for row in norms if row and min(row) > 0], dtype=np.float64)
            if not usable.size:
                continue
            logs = np.log10(usable)
            center, at = logs.mean(axis=0), np.arange(1, usable.shape[1] + 1)
            shade = colour(index, len(groups))
            dashes = DASHES[index % len(DASHES)]
            axes.plot(at, 10**center, marker="o", markersize=3.5, color=shade, linestyle=dashes, label=_title(found))
            if len(logs) > 1:
                spread = logs.std(axis=0, ddof=1)
                axes.fill_between(at, 10 ** (center - spread), 10 ** (center + spread), color=shade, alpha=BAND, lw=0)
        axes.set_title(f"at the {when}", fontsize="medium")
        axes.set_yscale(options.scale or "log")
        axes.set_xlabel("hidden layer $l$")
        _whole(axes.xaxis)
    left.set_ylabel(r"$\Vert\delta^l\Vert$")
    figure.legend(*left.get_legend_handles_labels(), loc="outside lower center", ncols=2)
    return figure


def accuracy(runs: Sequence[Run], options: Options) -> Figure:
    """A monitor over epochs, in percent where it is an accuracy."""
    groups = group(runs, options.keys)
    known = list(dict.fromkeys(name for run in runs for name in run.summary["final"]))
    if options.monitor not in known:
        raise ConfigError(
            f"no monitor {visible(options.monitor)[:60]!r} in these runs{did_you_mean(options.monitor, known)}"
        )
    figure = _figure(options.width, options.width * 0.6 + 0.3)
    axes = figure.subplots()
    percent = 100 if options.monitor.endswith("accuracy") else 1
    for index, found in enumerate(groups):
        series = of_monitor(found, options.monitor)
        low, high = (None if bound is None else bound * percent for bound in (series.low, series.high))
        style = {"color": colour(index, len(groups)), "linestyle": DASHES[index % len(DASHES)]}
        _draw(axes, Series(series.epochs, series.center * percent, low, high), label=_title(found), **style)
    axes.set_xlabel("epoch")
    _whole(axes.xaxis)
    axes.set_ylabel(options.monitor.replace("_", " ") + (" %" if percent == 100 else ""))
    figure.legend(loc="outside lower center", ncols=2)
    return figure


def heatmap(runs: Sequence[Run], options: Options) -> Figure:
    """Layer by epoch; one scale for all panels, in decades."""
    groups = group(runs, options.keys)
    figure, panels = _panels(groups, options, height=0.6)
    images = []
    for found in groups:
        series = [of_layer(found, layer) for layer in found.layers]
        images.append((series[0].epochs if series else np.empty(0), np.log10([line.center for line in series])))
    values = np.concatenate([image.ravel() for _, image in images])
    low, high = np.nanmin(values), np.nanmax(values)
    mesh = None
    for axes, found, (epochs, image) in zip(panels, groups, images, strict=True):
        edges = np.append(epochs, epochs[-1] + 1 if len(epochs) < 2 else 2 * epochs[-1] - epochs[-2])
        at = np.arange(len(found.layers) + 1) + 0.5
        mesh = axes.pcolormesh(edges, at, image, vmin=low, vmax=high, cmap="viridis", rasterized=True)
        _whole(axes.yaxis)
        axes.grid(visible=False)
    figure.supylabel("hidden layer $l$", fontsize="medium")
    if mesh is not None:
        figure.colorbar(mesh, ax=panels, label=r"$\log_{10}\Vert\delta^l\Vert$")
    return figure


def neurons(runs: Sequence[Run], options: Options) -> Figure:
    """The chapter's bars: how fast each of the first neurons of every hidden layer learns, at one epoch."""
    run = runs[0]
    table = run.stored.neurons
    recorded = sorted(set(table["epoch"].tolist()))
    epoch = options.epoch if options.epoch is not None else (recorded or [None])[0]
    if epoch not in recorded:
        told = f"it has those of epochs {', '.join(map(str, recorded))}" if recorded else "it names no epochs"
        raise ConfigError(f"{run.label}: no neurons of epoch {epoch}: {told}; set probes.neurons and train")
    figure = _figure(options.width, 0.9 + 0.75 * run.hidden)
    axes = figure.subplots(run.hidden, 1, squeeze=False, sharex=True, sharey=True)[::-1, 0]
    for index, panel in enumerate(axes):
        rows = table[(table["epoch"] == epoch) & (table["layer"] == index + 1)].head(MOST_NEURONS)
        panel.bar(rows["neuron"], rows["delta"].abs(), color=colour(index, run.hidden), width=0.7)
        panel.set_ylabel(f"layer {index + 1}", rotation=0, ha="right", va="center")
        panel.set_yscale(options.scale or "linear")
        panel.grid(visible=False, axis="x")
    axes[0].set_xlabel("neuron $j$")
    _whole(axes[0].xaxis)
    figure.supylabel(r"$|\partial C/\partial b^l_j|$", fontsize="medium")
    figure.suptitle(f"{_title(Group(visible(run.label), (run,)))}, epoch {epoch}", fontsize="medium")
    return figure


def _activation_label(item: str | Mapping[str, Any]) -> str:
    """`relu`, `leaky_relu (slope 0.2)`: with its parameters, by which two of one name are told apart."""
    if isinstance(item, str):
        return item
    told = ", ".join(f"{key} {value:g}" for key, value in item.items() if key != "name")
    return f"{item['name']} ({told})" if told else str(item["name"])


def activations(runs: Sequence[Run], options: Options) -> Figure:
    """f and its slope, which every layer multiplies the gradient by."""
    chosen = [run.config["activation"] for run in runs]
    used = {_activation_label(item): item for each in chosen for item in (each if isinstance(each, list) else [each])}
    figure = _figure(options.width, options.width * 0.42 + 0.4)
    left, right = figure.subplots(1, 2, sharex=True)
    z = np.linspace(-5, 5, 401)[None, :]
    for index, label in enumerate(sorted(used)):
        item = used[label]
        record = build(**(item if isinstance(item, dict) else {"name": item}))
        a = record.f(z, np.empty_like(z))
        style = {"color": colour(index, len(used)), "linestyle": DASHES[index % len(DASHES)], "label": label}
        left.plot(z[0], a[0], **style)
        right.plot(z[0], record.slope(z, a, np.empty_like(z))[0], **style)
    left.set_title("$f(z)$", fontsize="medium")
    right.set_title("$f'(z)$", fontsize="medium")
    left.set_xlabel("$z$")
    right.set_xlabel("$z$")
    left.legend()
    return figure


PICTURES: dict[str, Picture] = {
    "curves": curves,
    "neurons": neurons,
    "layers": layers,
    "heatmap": heatmap,
    "accuracy": accuracy,
    "activations": activations,
}
