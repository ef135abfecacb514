"""Whether a gradient vanishes: how fast norms fall from layer to layer, and what to call that.

Norms are ||delta^l|| of the hidden layers l = 1 … H of one epoch, or another measure of the speed of each layer. Per
layer they change by a constant factor when the gradient vanishes or explodes, so the slope of log10 ||delta^l|| against
l says it all.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import stdtrit

from vgrad.statistics import LEVEL, power

VANISHING_DECAY = 0.3
"""decades a layer: from a factor of 2 a layer on (10^0.3), the gradient is said to vanish, or to explode."""


@dataclass(frozen=True)
class Slope:
    """The slope of a straight line with its t interval; no interval through two points."""

    value: float
    low: float | None
    high: float | None


@dataclass(frozen=True)
class Thresholds:
    """`vanishing`, `exploding`: decades a layer. `effective`: the share of the largest hidden norm from which on a
    layer counts as learning. `dead`, `saturated`: the share in one hidden layer from which on the run is called so."""

    vanishing: float = VANISHING_DECAY
    exploding: float = VANISHING_DECAY
    effective: float = 0.1
    dead: float = 0.5
    saturated: float = 0.5

    def told(self) -> str:
        """The rules in a sentence."""
        return (
            f"vanishing: a decay of {power(self.vanishing):.2g} or more ({self.vanishing:g} decades); "
            f"exploding: of {power(-self.exploding):.2g} or less"
        )


def decay(norms: Sequence[float], level: float = LEVEL) -> Slope | None:
    """Least-squares slope of log10 ||delta^l|| over hidden layers l, in decades a layer; > 0: early layers are slower.

    None with fewer than two hidden layers, or where a norm is zero or not finite.
    """
    if len(norms) < 2 or any(not 0 < norm < math.inf for norm in norms):
        return None
    y = np.log10(norms)
    x = np.arange(len(y)) - (len(y) - 1) / 2
    slope = float(x @ y / (x @ x))
    if len(y) < 3:
        return Slope(slope, None, None)
    residual = y - y.mean() - slope * x
    error = math.sqrt(float(residual @ residual) / (len(y) - 2) / float(x @ x))
    half = float(stdtrit(len(y) - 2, (1 + level) / 2)) * error
    return Slope(slope, slope - half, slope + half)


def last_first_ratio(norms: Sequence[float]) -> float | None:
    """||delta^H|| / ||delta^1||: how much faster the last hidden layer learns than the first  (Nielsen ch. 5).

    None with fewer than two hidden layers; infinite where the first one does not learn at all, and where the ratio is
    beyond all floats.
    """
    if len(norms) < 2:
        return None
    return norms[-1] / norms[0] if norms[0] > 0 else math.inf


def verdict(
    norms: Sequence[float], thresholds: Thresholds = Thresholds(), shares: Mapping[str, float] | None = None
) -> str | None:
    """`vanishing`, `healthy` or `exploding` by the decay; None with fewer than two hidden layers.

    `shares` holds the greatest recorded share of `dead` or `saturated` units over hidden layers; either is named
    where it reaches its threshold.
    """
    bad = [kind for kind in ("dead", "saturated") if (shares or {}).get(kind, 0.0) >= getattr(thresholds, kind)]
    if len(norms) >= 2:
        slope = decay(norms)
        if slope is None:
            bad.insert(0, "vanishing" if norms[0] == 0 else "exploding")
        elif slope.value >= thresholds.vanishing:
            bad.insert(0, "vanishing")
        elif slope.value <= -thresholds.exploding:
            bad.insert(0, "exploding")
    return "+".join(bad) or ("healthy" if len(norms) >= 2 else None)


def effective_depth(norms: Sequence[float], thresholds: Thresholds = Thresholds()) -> int | None:
    """The number of hidden layers whose norm is at least `effective` of the largest."""
    largest = max(norms, default=0.0)
    return sum(norm >= thresholds.effective * largest for norm in norms) if largest > 0 else None
