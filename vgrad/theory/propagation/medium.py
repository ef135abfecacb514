r"""A deep stack of equal layers: where variances and correlations end up, how fast, and what a layer does to delta.

With sigma_w^2 = fan-in times the variance of a weight and sigma_b^2 that of a bias (Poole 2016; Schoenholz 2017):

    q <- sigma_w^2 E f(sqrt(q) z)^2 + sigma_b^2,  z ~ N(0, 1)         the variance of a weighted input, at last q*
    c <- (sigma_w^2 E f(u) f(v) + sigma_b^2) / q*,  corr(u, v) = c    the correlation of two examples, at last c*
    chi = sigma_w^2 E f'(sqrt(q*) z)^2                                E ||delta^l||^2 = chi E ||delta^(l+1)||^2
    1/xi_c = -ln dc/dc at c*,  1/xi_q = -ln dq/dq at q*               layers in which both come e-fold nearer

chi < 1 is the ordered phase, c* = 1: gradients vanish. chi > 1 is the chaotic one: they explode. E f^2 and E f'^2 are
functions of q alone, so they are integrated once and interpolated; a thousand stacks then take less than a second.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from vgrad.nn.activations import Activation
from vgrad.nn.arrays import Array
from vgrad.theory.gaussian import hermite
from vgrad.theory.neuron import respond
from vgrad.theory.propagation.kinks import steps_of

LEAST, MOST = 1e-10, 1e10
"""The variances between which q is followed; q* below the least is told as 0, above the most as infinite."""
DECADE, NODES, NEAR = 30, 3600, 1e-4
TERMS = 128  # of the Hermite series of E f(u) f(v)
LEAST_W, STEEPEST, BRACKETS = 0.05, 100.0, 240
"""sigma_w from which and up to which the critical one is looked for, and in how many steps."""
HALVINGS, NEWTON, BLOCK = 60, 100, 100
CRITICAL = 0.01
"""A chi that is so near to 1 is called critical."""


@dataclass(frozen=True)
class Stack:
    """`q` and `c` are the fixed points q* and c*, `chi` as above, `xi_c` and `xi_q` the depth scales in layers,
    infinite where nothing is approached exponentially. Arrays, an entry for each (`sigma_w`, `sigma_b`)."""

    sigma_w: Array
    sigma_b: Array
    q: Array
    c: Array
    chi: Array
    xi_c: Array
    xi_q: Array


@lru_cache(maxsize=1)
def _grid() -> tuple[Array, Array]:
    """Nodes z = NEAR sinh t, midpoints in t, and weights of N(0, 1): near 0 as fine as f' is narrow at the largest q.

    No node is at 0, where slopes jump.
    """
    end = math.asinh(9.0 / NEAR)
    t = (np.arange(NODES) + 0.5) * (2 * end / NODES) - end
    z = NEAR * np.sinh(t)
    weights = np.cosh(t) * np.exp(-(z**2) / 2)
    return z, weights / weights.sum()


class Curve:
    """Values at x in equal steps, and cubics between them whose slopes at x are differences of fourth order."""

    def __init__(self, x: Array, values: Array) -> None:
        self._first, self._step, self._values = float(x[0]), float(x[1] - x[0]), values
        self._rises = np.gradient(values, edge_order=2)
        self._rises[2:-2] = (8 * (values[3:-1] - values[1:-3]) - (values[4:] - values[:-4])) / 12

    def _at(self, x: Array) -> tuple[Array, Array, Array, Array, Array]:
        """Where x lies between two places, from 0 to 1, and there values and rises of both; as at the ends beyond."""
        along = np.clip((x - self._first) / self._step, 0.0, len(self._values) - 1.0)
        at = np.minimum(along.astype(int), len(self._values) - 2)
        return along - at, self._values[at], self._values[at + 1], self._rises[at], self._rises[at + 1]

    def __call__(self, x: Array) -> Array:
        """The value at each x."""
        t, low, high, up, on = self._at(x)
        bend = up + on - 2 * (high - low)
        return np.asarray(low + t * (up + t * (high - low - up - bend + t * bend)))

    def slope(self, x: Array) -> Array:
        """The slope at each x."""
        t, low, high, up, on = self._at(x)
        bend = up + on - 2 * (high - low)
        return np.asarray((up + t * (2 * (high - low - up - bend) + 3 * t * bend)) / self._step)


class Medium:
    """E f^2 and E f'^2 of an activation as functions of q, and what follows from them."""

    def __init__(self, activation: Activation) -> None:
        self._activation = activation
        decades = round(math.log10(MOST / LEAST))
        self._logs = np.linspace(math.log(LEAST), math.log(MOST), decades * DECADE + 1)
        z, weights = _grid()
        steps = steps_of(lambda u: np.square(respond(activation, u)[1]))
        values, slopes = np.empty_like(self._logs), np.empty_like(self._logs)
        for start in range(0, len(self._logs), BLOCK):
            part = slice(start, start + BLOCK)
            u = np.exp(self._logs[part] / 2)[:, None] * z
            a, slope = respond(activation, u)
            values[part] = np.square(a) @ weights
            slopes[part] = (np.square(slope) - steps.values(u)) @ weights + steps.mean(np.exp(self._logs[part]))
        self._table = values
        self._values, self._slopes = Curve(self._logs, values), Curve(self._logs, slopes)

    def stacks(self, sigma_w: Array, sigma_b: Array) -> Stack:
        """The stack of each (sigma_w, sigma_b); both of one shape (n,)."""
        weights, biases = np.square(sigma_w), np.square(sigma_b)
        logs = self.ends(weights, biases)
        q = np.exp(logs)
        chi = weights * np.maximum(self._slopes(logs), 0.0)
        after = weights * self._values(logs) + biases
        with np.errstate(divide="ignore"):
            growth = np.abs(weights * self._values.slope(logs) / q)
            xi_q = np.where(growth < 1, -1 / np.log(growth), math.inf)
            c, approach = self._correlations(q, weights, biases, after, chi)
            xi_c = 1 / np.abs(np.log(np.where(np.abs(approach - 1) < 1e-9, 1.0, approach)))
        edge = [logs <= self._logs[0], logs >= self._logs[-1]]
        return Stack(sigma_w, sigma_b, np.select(edge, [0.0, math.inf], q), c, chi, xi_c, xi_q)

    def chi(self, sigma_w: float, sigma_b: float) -> float:
        """Chi of one stack."""
        logs = self.ends(np.array([sigma_w**2]), np.array([sigma_b**2]))
        return sigma_w**2 * max(float(self._slopes(logs)[0]), 0.0)

    def step(self, logs: Array, weights: Array, biases: float) -> tuple[Array, Array]:
        """What a layer does to delta that comes back to units whose weighted inputs have variances exp(`logs`), chi,
        and ln of the variances after it; `weights` and `biases` are sigma_w^2 and sigma_b^2 of that layer."""
        chi = weights * np.maximum(self._slopes(logs), 0.0)
        after = np.log(np.maximum(weights * self._values(logs) + biases, LEAST))
        return chi, np.clip(after, self._logs[0], self._logs[-1])

    def critical(self, sigma_b: Array) -> Array:
        """For each sigma_b the least sigma_w from which on chi is above 1; NaN where there is none up to STEEPEST."""
        steps, biases = np.geomspace(LEAST_W, STEEPEST, BRACKETS), np.square(sigma_b)
        above = np.array([self._above(steps, np.full_like(steps, each)) for each in biases])
        crossed = above[:, 1:] & ~above[:, :-1]
        at = crossed.argmax(axis=1)
        low, high = steps[at], steps[at + 1]
        for _ in range(HALVINGS):
            middle = np.sqrt(low * high)
            beyond = self._above(middle, biases)
            low, high = np.where(beyond, low, middle), np.where(beyond, middle, high)
        return np.asarray(np.where(crossed.any(axis=1), high, math.nan))

    def _above(self, sigma_w: Array, biases: Array) -> Array:
        """Whether chi is 1 or more."""
        return np.asarray(np.square(sigma_w) * self._slopes(self.ends(np.square(sigma_w), biases)) >= 1)

    def ends(self, weights: Array, biases: Array) -> Array:
        """ln q*, where the iteration from q = 1 ends: the next fixed point in the direction in which q goes there; an
        edge of the table where there is none."""
        excess = weights[:, None] * self._table + biases[:, None] - np.exp(self._logs)
        start = int(np.abs(self._logs).argmin())
        rising = excess[:, start] > 0
        turned = (excess > 0) != rising[:, None]
        above, below = turned[:, start:], turned[:, start::-1]
        steps = np.where(rising, above.argmax(axis=1), below.argmax(axis=1))
        ends = np.where(rising, above.any(axis=1), below.any(axis=1))
        sign = np.where(rising, 1, -1)
        near = self._logs[np.clip(start + sign * (steps - 1), 0, len(self._logs) - 1)]
        far = self._logs[np.clip(start + sign * steps, 0, len(self._logs) - 1)]
        for _ in range(HALVINGS):
            middle = (near + far) / 2
            same = (weights * self._values(middle) + biases - np.exp(middle) > 0) == rising
            near, far = np.where(same, middle, near), np.where(same, far, middle)
        still = np.abs(excess[:, start]) < 1e-7  # every q is fixed, as for ReLU with He's weights
        found = np.where(ends, (near + far) / 2, np.where(rising, self._logs[-1], self._logs[0]))
        return np.asarray(np.where(still, self._logs[start], found))

    def _correlations(self, q: Array, weights: Array, biases: Array, after: Array, chi: Array) -> tuple[Array, Array]:
        """c*, and the factor by which c comes nearer to it in a layer.

        The map of c is a power series without negative terms, so that it is convex: beside c = 1 it has one fixed point
        at the most, which is the limit where the slope at 1 is above 1. Newton's method from 0 comes to it from below.
        """
        c, approach = np.ones_like(q), chi.copy()
        at_one = weights * self._slopes(np.log(q)) * q / after  # chi where q is fixed
        approach[chi >= 1] = at_one[chi >= 1]
        chaotic = np.flatnonzero((chi > 1) & (at_one > 1 + 1e-9))
        for start in range(0, len(chaotic), BLOCK):
            part = chaotic[start : start + BLOCK]
            series = weights[part, None] * self._squares(q[part]) / after[part, None]
            series[:, 0] += biases[part] / after[part]
            c[part], slope = _fixed_point(series)
            approach[part] = np.where(c[part] < 1, slope, 1 / at_one[part])
        return c, approach

    def _squares(self, q: Array) -> Array:
        """Coefficients of E f(u) f(v) as a power series in the correlation: squares of those of the Hermite series,
        and with the last power what is missing of E f^2; (len(q), TERMS + 1)."""
        z, weights = _grid()
        a, _ = respond(self._activation, np.sqrt(q)[:, None] * z)
        squares = np.square(a @ (weights * hermite(z, TERMS)).T)
        rest = np.square(a) @ weights - squares.sum(axis=1)
        return np.column_stack([squares, np.maximum(rest, 0.0)])


def _fixed_point(series: Array) -> tuple[Array, Array]:
    """The least c with sum_k series_k c^k = c, and the slope of the series there."""
    powers = np.arange(1, series.shape[1])
    c = np.zeros(len(series))
    slope = np.zeros_like(c)
    for _ in range(NEWTON):
        raised = np.power(c[:, None], powers - 1)  # c^(k - 1)
        value = series[:, 0] + (series[:, 1:] * raised).sum(axis=1) * c
        slope = (series[:, 1:] * powers * raised).sum(axis=1)
        step = np.where(slope < 1, (value - c) / np.maximum(1 - slope, 1e-300), 0.0)
        c = np.minimum(c + step, 1.0)
        if (np.abs(step) < 1e-14).all():
            break
    return c, slope


@lru_cache(maxsize=8)
def medium(activation: Activation) -> Medium:
    """The medium of an activation, made once."""
    return Medium(activation)


def phase(chi: float) -> str:
    """The phase in a word."""
    return "critical" if abs(chi - 1) <= CRITICAL else "ordered" if chi < 1 else "chaotic"
