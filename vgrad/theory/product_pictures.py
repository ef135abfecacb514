"""Eq. 124 on a run as a slide: what weights and slopes leave of the gradient, layer by layer."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from vgrad.nn.arrays import Array
from vgrad.pictures.slides import FACTOR, OTHER, RUNNING, decades, extent, layers, slide
from vgrad.text.escapes import visible
from vgrad.theory.product import Product

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WEIGHTS = "#7ad151"


LINEAR = 30.0
"""Factors that differ by less are drawn on a linear axis, where bars begin at 0."""


def product_figure(product: Product, named: str) -> Figure:
    """Left the two factors of each step, from the last hidden layer down; right what is left of the gradient."""
    figure, (left, right) = slide(2, f"Where the gradient is lost: {visible(named)}".replace("$", r"\$"))
    _factors(left, product)
    _norms(right, product)
    return figure


def _factors(axes: Axes, product: Product) -> None:
    steps = [step for step in product.steps if step.ratio is not None]
    at = np.array([step.layer for step in steps])
    groups = [np.array([step.weight_factor for step in steps], dtype=np.float64)]
    groups += [
        np.array([getattr(step, name) for step in steps], dtype=np.float64) for name in ("slope_factor", "ratio")
    ]
    everything = np.concatenate(groups)
    linear = everything.size == 0 or everything.max() < LINEAR * everything.min()
    drawn = groups if linear else [np.log10(group) for group in groups]
    low, high = (0.0, 1.15 * max(1.0, everything.max(initial=0.0))) if linear else extent(*drawn)
    axes.bar(at - 0.2, drawn[0] - low, width=0.4, bottom=low, color=WEIGHTS, label=r"weights, $(W^{l+1})^T$")
    axes.bar(at + 0.2, drawn[1] - low, width=0.4, bottom=low, color=FACTOR, label=r"slopes, $S'(z^l)$")
    axes.plot(at, drawn[2], "o", color=RUNNING, markersize=10, label="both together")
    axes.axhline(1 if linear else 0, color=OTHER, linewidth=1.2)
    if linear:
        axes.set_ylim(0, 1.3 * high)
    else:
        decades(axes, low, high, room=0.4)
    layers(axes, "layer $l$")
    axes.legend(loc="upper left")
    axes.set_title("what a step down leaves of the gradient")


def _norms(axes: Axes, product: Product) -> None:
    at = np.arange(1, len(product.delta) + 1)
    each = _logs(product.delta)
    mean = _logs(product.mean_delta_norm)
    axes.plot(at, each, color=RUNNING, marker="o", markersize=10, label=r"$\Vert\delta^l\Vert$ of an example")
    axes.plot(at, mean, color=FACTOR, marker="s", markersize=9, label=r"$\Vert\delta^l\Vert$ of the mean")
    decades(axes, *extent(each, mean), room=0.3)
    layers(axes, "layer $l$")
    axes.legend(loc="upper left")
    axes.set_title("and what is left in layer $l$")


def _logs(norms: Sequence[float | None]) -> Array:
    """log10, and a gap where there is no number, or 0."""
    return np.log10([norm or math.nan for norm in norms])
