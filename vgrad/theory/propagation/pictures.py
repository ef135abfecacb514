"""Phases and depth scales as slides."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from vgrad.pictures.slides import FACTOR, OTHER, RUNNING, slide
from vgrad.text.escapes import visible
from vgrad.theory.propagation.depth import Depths
from vgrad.theory.propagation.diagram import Diagram

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SHALLOW, DEEP = 0.3, 300.0
"""Depth scales between which shades differ."""


def phase_figure(found: Diagram) -> Figure:
    """Shades of xi_c over the plane, the line chi = 1, and a mark at each initializer that is on it."""
    from matplotlib.colors import LogNorm

    named = visible(found.named).replace("$", r"\$")
    figure, (axes,) = slide(1, f"Deep stacks of {named} layers: where gradients vanish, and where they explode")
    xi = np.clip(found.plane(found.stacks.xi_c), SHALLOW, DEEP)
    shades = axes.pcolormesh(
        found.sigma_w, found.sigma_b, xi, norm=LogNorm(SHALLOW, DEEP), cmap="viridis", rasterized=True
    )
    figure.colorbar(shades, ax=axes, label=r"depth scale $\xi_c$, layers", extend="both")
    axes.plot(found.line, found.sigma_b, color=RUNNING, linewidth=3.5, label=r"$\chi = 1$: critical")
    inside = [
        place for place in found.places if place.sigma_w <= found.sigma_w[-1] and place.sigma_b <= found.sigma_b[-1]
    ]
    for place in inside:
        axes.plot(
            place.sigma_w, place.sigma_b, "o", color="white", markeredgecolor="black", markersize=10, clip_on=False
        )
        more = f" (+{len(place.names) - 1})" if len(place.names) > 1 else ""
        axes.annotate(
            place.names[0] + more,
            (place.sigma_w, place.sigma_b),
            xytext=(8, 10),
            textcoords="offset points",
            rotation=40,
            fontsize=12,
            bbox={"facecolor": "white", "alpha": 0.75, "edgecolor": "none", "pad": 1.0},
        )
    axes.grid(visible=False)
    for at, words in ((0.02, r"$\chi < 1$: vanishing"), (0.98, r"$\chi > 1$: exploding")):
        side = "left" if at < 0.5 else "right"
        box = {"facecolor": "white", "alpha": 0.75, "edgecolor": "none"}
        axes.text(at, 0.85, words, transform=axes.transAxes, ha=side, bbox=box)
    axes.set_xlim(0, found.sigma_w[-1])
    axes.set_ylim(0, found.sigma_b[-1])
    axes.set_xlabel(r"$\sigma_w$: square root of fan-in times variance of a weight")
    axes.set_ylabel(r"$\sigma_b$")
    if np.isfinite(found.line).any():
        axes.legend(loc="upper right", facecolor="white", frameon=True)
    return figure


def depth_figure(found: Depths) -> Figure:
    """What a layer does to the norm of delta, and the depth scales, by sigma_w."""
    named = visible(found.named).replace("$", r"\$")
    figure, (left, right) = slide(2, f"Deep stacks of {named} layers, $\\sigma_b$ = {found.sigma_b:g}")
    curve = found.curve
    left.plot(curve.sigma_w, np.sqrt(curve.chi), color=FACTOR)
    left.plot(found.stacks.sigma_w, np.sqrt(found.stacks.chi), "o", color=FACTOR, markersize=9)
    left.axhline(1, color=OTHER, linewidth=1.2)
    left.set_title(r"$\sqrt{\chi}$: what a layer makes of $\Vert\delta\Vert$")
    right.plot(curve.sigma_w, np.minimum(curve.xi_q, DEEP), "--", color=FACTOR, label=r"$\xi_q$, variances")
    right.plot(curve.sigma_w, np.minimum(curve.xi_c, DEEP), color=RUNNING, label=r"$\xi_c$, correlations")
    right.set_yscale("log")
    right.set_title(f"depth scales in layers, up to {DEEP:g}")
    right.legend()
    for axes in (left, right):
        if found.critical is not None and curve.sigma_w[0] <= found.critical <= curve.sigma_w[-1]:
            axes.axvline(found.critical, color=OTHER, linestyle=":", linewidth=1.6)
        axes.set_xlabel(r"$\sigma_w$")
    return figure
