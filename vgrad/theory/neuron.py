"""One neuron's slope: where it is steep, how steep at the most, and for which inputs a weight makes up for it.

z is a weighted input, f the activation, sigma in the chapter, f' its slope. A factor of the chain is w f'(w a + b), and
|w f'| >= 1 needs |f'(z)| >= 1/|w|  (Nielsen ch. 5, the problem after eq. 122, and eq. 123).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike

from vgrad.nn.activations import Activation
from vgrad.nn.arrays import Array

FAR = 1e9
"""|z| up to which slopes are looked at; what is still steep there is taken to be steep for ever."""
_HALF = np.geomspace(1e-9, FAR, 7201)
GRID = np.concatenate([-_HALF[::-1], [0.0], _HALF])
"""Weighted inputs, 400 a decade to each side of 0: brackets for the roots, which are then found to rounding."""
FLAT = 1e-12
"""A slope far out that is smaller than this share of the largest is going to 0."""
TOUCHING = 1e-7
"""Intervals nearer than this are one: what is between them is rounding."""

Interval = tuple[float, float]


def respond(activation: Activation, z: ArrayLike) -> tuple[Array, Array]:
    """f(z) and f'(z), float64 and of z's shape; a number gives arrays of shape (1,)."""
    given = np.atleast_1d(np.asarray(z, dtype=np.float64))
    a = activation.f(given, np.empty_like(given))
    return a, activation.slope(given, a, np.empty_like(given))


def slope_at(activation: Activation, z: float) -> float:
    """f'(z) of one weighted input."""
    return float(respond(activation, z)[1][0])


@lru_cache(maxsize=8)
def _steepness(activation: Activation) -> Array:
    """|f'| on GRID."""
    return np.abs(respond(activation, GRID)[1])


def steepest_point(activation: Activation) -> tuple[float, float]:
    """(z, f'(z)) where |f'| is largest: at 1 or 0 when that is such a place, as it is for most (1 first: rectifiers
    have their kink at 0); else found on GRID and refined. Where f has a second derivative, it is 0 there."""
    steepness = _steepness(activation)
    at = int(steepness.argmax())
    most = float(steepness[at])
    for simple in (1.0, 0.0):
        if abs(slope_at(activation, simple)) >= most * (1 - 1e-15):
            return simple, slope_at(activation, simple)
    from scipy.optimize import minimize_scalar  # here: it takes longer to load than mean-field theory to compute

    low, high = GRID[max(at - 1, 0)], GRID[min(at + 1, len(GRID) - 1)]
    found = minimize_scalar(
        lambda z: -abs(slope_at(activation, z)), bounds=(low, high), method="bounded", options={"xatol": 1e-12}
    )
    z = float(found.x) if -found.fun >= most else float(GRID[at])
    return z, slope_at(activation, z)


def steep_intervals(activation: Activation, threshold: float) -> list[Interval]:
    """The z with |f'(z)| >= threshold > 0 as intervals, ascending; an end is infinite where f stays that steep.

    A change of side between neighbours on GRID brackets a root of |f'| - threshold, or a jump of f' over it.
    """
    from scipy.optimize import brentq

    threshold *= 1 - 1e-15  # at the very top of f', rounding goes to both sides
    inside = _steepness(activation) >= threshold
    changes = np.flatnonzero(inside[1:] != inside[:-1])

    def excess(z: float) -> float:
        return abs(slope_at(activation, z)) - threshold or 1e-300  # equal counts as inside, as it does on the grid

    edges = [float(brentq(excess, GRID[at], GRID[at + 1], xtol=1e-15, rtol=1e-14, maxiter=1000)) for at in changes]
    if inside[0]:
        edges.insert(0, -math.inf)
    if inside[-1]:
        edges.append(math.inf)
    found: list[Interval] = []
    for low, high in zip(edges[::2], edges[1::2], strict=True):
        if found and low - found[-1][1] < TOUCHING:
            low = found.pop()[0]
        found.append((low, high))
    return found


def input_intervals(activation: Activation, w: float, b: float) -> list[Interval]:
    """The inputs a with |w f'(w a + b)| >= 1, as intervals; none for w = 0  (Nielsen ch. 5, problem (1))."""
    if w == 0:
        return []
    found = [sorted(((low - b) / w, (high - b) / w)) for low, high in steep_intervals(activation, 1 / abs(w))]
    return sorted((low, high) for low, high in found)


def width(activation: Activation, w: float) -> float:
    """How wide the set of inputs a with |w f'(w a + b)| >= 1 is: inf where it has no end, and the same for every b."""
    return sum(high - low for low, high in input_intervals(activation, w, 0.0))


def sigmoid_width(w: float) -> float:
    """(2/|w|) ln(|w| (1 + sqrt(1 - 4/|w|)) / 2 - 1), and 0 for |w| <= 4: for the sigmoid  (Nielsen ch. 5, eq. 123)."""
    size = abs(w)
    return 0.0 if size <= 4 else 2 / size * math.log(size * (1 + math.sqrt(1 - 4 / size)) / 2 - 1)


@dataclass(frozen=True)
class Reach:
    """`least`: the |w| below which no input has a factor of 1 (inf: there never is one); `endless`: the |w| from which
    on the inputs that have one go on for ever, or None; `w`, `width`: where the width is largest, None if endless."""

    least: float
    endless: float | None
    w: float | None
    width: float | None


def reach(activation: Activation) -> Reach:
    """The weights that let a factor reach 1, and the widest set of inputs that they do it for, solved for |w|.

    Coarsely over four decades from the least |w| on, then by scipy.optimize around the best.
    """
    from scipy.optimize import minimize_scalar

    slope = abs(steepest_point(activation)[1])
    if slope == 0:
        return Reach(math.inf, None, None, None)
    far = float(_steepness(activation)[[0, -1]].max())
    if far > FLAT * slope:
        return Reach(1 / slope, 1 / far, None, None)
    logs = np.linspace(0, 4 * math.log(10), 61) - math.log(slope)

    def negative(log: float) -> float:
        return -width(activation, math.exp(log))

    at = int(np.argmin([negative(log) for log in logs]))
    around = (logs[max(at - 1, 0)], logs[min(at + 1, len(logs) - 1)])
    found = minimize_scalar(negative, bounds=around, method="bounded", options={"xatol": 1e-10})
    log = float(found.x) if found.fun <= negative(logs[at]) else float(logs[at])
    return Reach(1 / slope, None, math.exp(log), -negative(log))
