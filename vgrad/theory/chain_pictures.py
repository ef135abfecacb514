"""The one-neuron chain as pictures: a slide of all sections, or one section in full."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from vgrad.pictures.slides import FACTOR, OTHER, RUNNING, decades, extent, layers, slide
from vgrad.text.escapes import visible
from vgrad.text.numbers import percent, significant
from vgrad.theory.chain import Chain, logs
from vgrad.theory.identity import POINTS, output
from vgrad.theory.lesson import MOVED, Lesson, curve
from vgrad.theory.neuron import respond, steepest_point

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Panel = Callable[["Axes", Lesson], None]
LONG = 40
"""From so many neurons on, there is no room to mark each one."""


def lesson_figure(lesson: Lesson, named: str) -> Figure:
    """The panels of the sections; of several, the main one of each of the first, and the slopes."""
    panels = PANELS[lesson.names[0]] if len(lesson.names) == 1 else OVERVIEW
    figure, axes = slide(len(panels), f"A chain of single neurons, {visible(named)}".replace("$", r"\$"))
    for each, draw in zip(axes, panels, strict=True):
        draw(each, lesson)
    return figure


def _slope(lesson: Lesson) -> str:
    return r"\sigma'" if lesson.setting.closed_form else "f'"


def _bars(axes: Axes, found: Chain, s: str) -> None:
    """|factor| of each layer as a bar, the product from there to the last layer as a line; neither where it is 0."""
    at = np.arange(1, len(found.w) + 1)
    factor, running = logs(found.factor), found.log10_product
    low, high = extent(factor, running)
    shown, label = np.isfinite(factor), rf"factor $|w_l\,{s}(z_l)|$"
    if len(at) < LONG:
        axes.bar(at[shown], factor[shown] - low, bottom=low, color=FACTOR, width=0.6, label=label)
    else:  # bars without gaps, in one piece
        axes.fill_between(at, np.where(shown, factor, low), low, step="mid", color=FACTOR, linewidth=0, label=label)
    axes.plot(
        at,
        np.where(np.isfinite(running), running, np.nan),
        color=RUNNING,
        marker="o",
        markersize=8 if len(at) < LONG else 0,
        label=r"product, layer $l$ to $L$",
    )
    axes.axhline(0, color=OTHER, linewidth=1.2)
    decades(axes, low, high, room=0.4)
    layers(axes, "layer $l$")
    axes.set_xlim(0.4, len(at) + 0.6)
    if len(at) < LONG:
        for dead in at[~shown]:
            axes.text(dead, low, "0", ha="center", va="bottom", color=FACTOR)
    axes.legend(loc="upper left")


def _factors(axes: Axes, lesson: Lesson) -> None:
    assert lesson.factors is not None
    _bars(axes, lesson.factors, _slope(lesson))
    axes.set_title(r"$\partial C/\partial b_1$ is a product: one factor a layer")


def _points(axes: Axes, lesson: Lesson) -> None:
    """f'(z), and where the neurons of the chain are on it."""
    found, activation, s = lesson.factors, lesson.setting.activation, _slope(lesson)
    assert found is not None
    reach = max(6.0, min(float(np.abs(found.z).max()) * 1.1, 60.0))
    z = np.linspace(-reach, reach, 801)
    axes.plot(z, respond(activation, z)[1], color=FACTOR)
    inside = np.abs(found.z) <= reach
    axes.plot(found.z[inside], found.slope[inside], "o", color=RUNNING, markersize=9, label="the neurons of the chain")
    low, high = axes.get_ylim()
    axes.set_ylim(min(low, 0.0), high + 0.25 * (high - low))
    axes.legend(loc="upper left")
    axes.set_xlabel("$z$")
    axes.set_title(f"the slope ${s}(z)$ is at most {significant(abs(steepest_point(activation)[1]))}")


def _fan(axes: Axes, lesson: Lesson) -> None:
    """The product's quantiles against the number of neurons; what is 0 lies on the floor."""
    found, s = lesson.draws, _slope(lesson)
    assert found is not None
    at = [row.neurons for row in found.rows]
    q = np.array([row.quantiles for row in found.rows])
    low, high = extent(q)
    q = np.maximum(q, low)
    axes.fill_between(at, q[:, 0], q[:, 4], color=FACTOR, alpha=0.25, linewidth=0, label="90 % of draws")
    axes.fill_between(at, q[:, 1], q[:, 3], color=FACTOR, alpha=0.5, linewidth=0, label="50 %")
    marker = {"marker": "o", "markersize": 6} if len(at) < LONG else {}
    axes.plot(at, q[:, 2], color=RUNNING, label="median", **marker)  # type: ignore[arg-type]
    axes.axhline(0, color=OTHER, linewidth=1.2)
    decades(axes, low, high)
    layers(axes, "number of neurons $n$")
    axes.legend()
    axes.set_title(rf"{lesson.setting.draws:,} draws of $|w_2{s}(z_2) \cdots w_n{s}(z_n)|$")


def _histogram(axes: Axes, lesson: Lesson) -> None:
    """The longest chain's product over the draws."""
    found = lesson.draws
    assert found is not None
    finite = found.log10_products[np.isfinite(found.log10_products)]
    low, high = extent(finite)
    if finite.size:
        axes.hist(finite, bins=60, color=FACTOR, orientation="horizontal")
        axes.axhline(float(np.median(finite)), color=RUNNING)
    decades(axes, low, high)
    axes.set_xlabel("draws")
    zero = found.rows[-1].zero
    told = f", {percent(zero)} are 0" if zero else ""
    axes.set_title(f"the product of {lesson.setting.draw_neurons} neurons{told}")


def _exploding(axes: Axes, lesson: Lesson) -> None:
    assert lesson.explode is not None
    _bars(axes, lesson.explode.chain, _slope(lesson))
    axes.set_title(f"$w = {lesson.setting.explode_weight:g}$, every $z$ where the slope is largest")


def _moved(axes: Axes, lesson: Lesson) -> None:
    assert lesson.explode is not None
    axes.set_title(f"the same chain, its input moved by {MOVED:g}")
    if lesson.explode.moved is not None:
        _bars(axes, lesson.explode.moved, _slope(lesson))
    else:
        _say(axes, "the numbers overflow")


def _say(axes: Axes, text: str) -> None:
    """Words where there is nothing to draw."""
    axes.text(0.5, 0.5, text, ha="center", va="center", transform=axes.transAxes, fontsize=17)
    axes.set(xticks=[], yticks=[], xlabel="", ylabel="")


def _width(axes: Axes, lesson: Lesson) -> None:
    """Eq. 123: the width against |w|, and where it is largest."""
    found, setting, s = lesson.width, lesson.setting, _slope(lesson)
    assert found is not None
    reach = found.reach
    axes.set_title(rf"inputs $a$ with $|w\,{s}(wa+b)| \geq 1$")
    axes.set_xlabel("$|w|$")
    axes.set_ylabel("width of the range of $a$")
    if reach.w is None or reach.width is None:
        told = "without end" if reach.endless is not None else "none, for any weight"
        from_on = f"\nfrom $|w| = {reach.endless:.3g}$ on" if reach.endless is not None else ""
        _say(axes, told + from_on)
        return
    w, wide = curve(setting.activation, reach.least, 25 * reach.least)
    axes.plot(w, wide, color=FACTOR)
    axes.plot([reach.w], [reach.width], "o", color=RUNNING, markersize=10)
    axes.annotate(
        f"at most {reach.width:.3f}, at $|w| = {reach.w:.2f}$",
        (reach.w, reach.width),
        xytext=(14, 12),
        textcoords="offset points",
    )
    axes.set_ylim(0, 1.22 * reach.width)
    axes.set_xlim(0, 25 * reach.least)


def _imitations(axes: Axes, lesson: Lesson) -> None:
    """What the neuron gives for x, without a constant."""
    found, activation = lesson.identity, lesson.setting.activation
    assert found is not None
    axes.plot(POINTS, POINTS, color=OTHER, linestyle="--", label="$x$")
    bare = found.rows[1][1]
    for one, shade, name in ((found.best, RUNNING, "best"), (bare, FACTOR, "best")):
        label = rf"{name} at $w_1 = {significant(one.w1)}$"
        axes.plot(POINTS, output(activation, one, POINTS), color=shade, label=label)
    axes.set_xlabel("$x$")
    axes.legend(loc="upper left")
    axes.set_title(r"$w_2 f(w_1 x + b)$, no constant")


def _errors(axes: Axes, lesson: Lesson) -> None:
    """The error as w_1 shrinks."""
    found = lesson.identity
    assert found is not None
    w1 = [one.w1 for one, _ in found.rows]
    errors = []
    for which, shade, marker, label in ((0, FACTOR, "o", "with a constant"), (1, RUNNING, "s", "without, the best")):
        error = np.log10([max(row[which].error, 1e-9) for row in found.rows])
        axes.plot(w1, error, color=shade, marker=marker, markersize=8, label=label)
        errors.append(error)
    axes.set_xscale("log")
    decades(axes, *extent(errors))
    axes.set_xlabel("$w_1$")
    axes.set_title("largest distance from $x$ on $[0, 1]$")
    axes.legend(loc="lower right")


PANELS: dict[str, tuple[Panel, ...]] = {
    "factors": (_factors, _points),
    "draws": (_fan, _histogram),
    "explode": (_exploding, _moved),
    "width": (_width,),
    "identity": (_imitations, _errors),
}
OVERVIEW: tuple[Panel, ...] = (_factors, _points, _fan, _width)
