"""The pictures of a study: each kind takes an outcome and draws it on a figure of a given width.

study-speed      ‖delta^l‖ over epochs, a panel a network: the band of the seeds, the published curve on it
study-ratio      last/first over epochs, likewise
study-bars       |dC/db_j| of single neurons, published beside measured, a row a hidden layer
study-accuracy   every seed as a dot, the mean with its interval, the published figure
study-figures    z of every figure on one axis

At 10 inches they have the shape and the type of a slide. Published is black with a white edge and measured is coloured,
so that they are told apart in grey and without colour vision. What is not comparable is drawn without the published
part, and the title says so.
"""

from __future__ import annotations

import math
import textwrap
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from vgrad.errors import ConfigError
from vgrad.report.figures import DASHES, colour, symbol
from vgrad.report.inert import visible
from vgrad.report.study_outcome import RATIO, Curve, Outcome
from vgrad.report.study_table import short_layers

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WIDTH = 10.0
"""Inches of a slide."""
NARROW = 6.0
"""Inches below which panels stand below one another."""
PUBLISHED = "black"
BAND = 0.3  # opacity
EDGE = "white"


@dataclass(frozen=True)
class Layout:
    """How wide a picture is, in inches, and what follows from it: the size of its type in points, its shape."""

    width: float = WIDTH

    @property
    def font(self) -> float:
        """Readable from the back of a room at 10 inches, and in a paper's column."""
        return min(max(1.25 * self.width, 7.5), 14.0)

    @property
    def narrow(self) -> bool:
        """Whether panels stand below one another."""
        return self.width < NARROW

    def height(self, panels: int = 1) -> float:
        """16:9, or in a column as high as its panels need."""
        return (0.62 * self.width * panels + 0.9) if self.narrow else self.width * 9 / 16


Picture = Callable[[Outcome, Layout], "Figure"]


@contextmanager
def _type(layout: Layout) -> Iterator[None]:
    """Inside, texts have the size of this layout."""
    import matplotlib as mpl

    sizes = {"font.size": layout.font, "legend.fontsize": 0.85 * layout.font, "lines.linewidth": 1.5}
    with mpl.rc_context(sizes | {"xtick.labelsize": 0.85 * layout.font, "ytick.labelsize": 0.85 * layout.font}):
        yield


def _figure(layout: Layout, height: float) -> Figure:
    from matplotlib.figure import Figure

    return Figure(figsize=(layout.width, height), layout="constrained")


def _title(figure: Figure, outcome: Outcome, layout: Layout, text: str) -> None:
    """The title says what the picture shows, and what is missing in it."""
    study = outcome.study
    if not study.comparable:
        text += f": measured alone, {_lower(study.reason)}"
    characters = int(layout.width * 72 / (0.56 * layout.font))
    figure.suptitle(textwrap.fill(_plain(text), characters), fontsize=1.1 * layout.font, fontweight="bold")


def _lower(reason: str) -> str:
    return (reason[:1].lower() + reason[1:]).rstrip(".")


def _plain(text: str) -> str:
    """Free text that matplotlib takes for no formula."""
    return visible(text).replace("$", r"\$")


def _seeds(outcome: Outcome) -> int:
    return max((point.n for curve in outcome.curves for point in curve.points), default=0)


def _curves(outcome: Outcome, *, ratio: bool) -> dict[str, list[Curve]]:
    """The curves of each network, shallow ones first."""
    found: dict[str, list[Curve]] = {}
    for curve in sorted(outcome.curves, key=lambda curve: (curve.layers.count("-"), curve.layers, curve.line)):
        if (curve.line == RATIO) == ratio and curve.points:
            found.setdefault(curve.layers, []).append(curve)
    if not found:
        raise ConfigError("this study has no curves over epochs; leave none of its experiments out")
    return found


def _over_epochs(outcome: Outcome, layout: Layout, *, ratio: bool) -> Figure:
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    networks = _curves(outcome, ratio=ratio)
    figure = _figure(layout, layout.height(len(networks)))
    down, across = (len(networks), 1) if layout.narrow else (1, len(networks))
    panels = list(figure.subplots(down, across, squeeze=False, sharex=True, sharey=not ratio or layout.narrow).flat)
    deepest = max(len(curves) for curves in networks.values())
    compared = False
    for axes, (layers, curves) in zip(panels, networks.items(), strict=True):
        for index, curve in enumerate(curves):
            compared |= _course(axes, curve, colour(index, deepest), DASHES[index % len(DASHES)])
        axes.set_title(short_layers(layers), fontsize=layout.font)
        axes.set_yscale("log")
        _epochs(axes)
    for axes in panels if not layout.narrow else panels[-1:]:
        axes.set_xlabel("epoch")
    shades = [Patch(color=colour(index, deepest), label=symbol(index + 1)) for index in range(deepest)]
    grey: Any = colour(0, 1) if ratio else "0.35"
    handles: list[Any] = [] if ratio else shades
    handles += [Line2D([], [], color=PUBLISHED, linewidth=2.2, label="published")] if compared else []
    handles += [Line2D([], [], color=grey, linewidth=1, linestyle="--" if not ratio else "-", label="geometric mean")]
    level = f"{100 * outcome.study.level:g} %"
    handles += [Patch(color=grey, alpha=BAND, linewidth=0, label=f"{level} of seeds")]
    most = len(handles) if not layout.narrow else 3
    figure.legend(handles=handles, loc="outside lower center", ncols=min(most, len(handles)), columnspacing=1.2)
    return figure


def _course(axes: Axes, curve: Curve, shade: Any, dashes: Any) -> bool:
    """One line with its band, and the published one where there is one."""
    measured = [point for point in curve.points if point.center]
    epochs = [point.epoch for point in measured]
    axes.plot(epochs, [point.center or math.nan for point in measured], color=shade, linestyle=dashes, linewidth=0.9)
    low, high = ([value or math.nan for value in ends] for ends in zip(*((p.low, p.high) for p in measured), strict=True))
    axes.fill_between(epochs, low, high, color=shade, alpha=BAND, linewidth=0)
    told = [(point.epoch, point.published) for point in curve.points if point.published]
    for style in ({"color": EDGE, "linewidth": 3.4}, {"color": PUBLISHED, "linewidth": 1.7}):
        axes.plot([epoch for epoch, _ in told], [value for _, value in told], zorder=3, **style)
    return bool(told)


def _epochs(axes: Axes) -> None:
    from matplotlib.ticker import MaxNLocator

    axes.xaxis.set_major_locator(MaxNLocator(nbins=5, integer=True))


def speed(outcome: Outcome, layout: Layout) -> Figure:
    """How fast each hidden layer learns, epoch by epoch."""
    with _type(layout):
        figure = _over_epochs(outcome, layout, ratio=False)
        figure.supylabel(r"speed of learning $\Vert\delta^l\Vert$", fontsize=layout.font)
        _title(figure, outcome, layout, "How fast each hidden layer learns")
    return figure


def ratio(outcome: Outcome, layout: Layout) -> Figure:
    """How many times faster the last hidden layer learns than the first."""
    with _type(layout):
        figure = _over_epochs(outcome, layout, ratio=True)
        figure.supylabel("last / first", fontsize=layout.font)
        _title(figure, outcome, layout, "How many times faster the last hidden layer learns than the first")
    return figure


STUDY_PICTURES: dict[str, Picture] = {
    "study-speed": speed,
    "study-ratio": ratio,
}
