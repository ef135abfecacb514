r"""Expectations of functions that are not smooth: where they jump, and what their steps and bends contribute, exactly.

A Hermite series of a step converges as k^(-3/2), and near rho = 1 far too slowly. Two ways around:

Steps: g = s + sum_j h_j [u > b_j] with s without jumps, and E [u > b][v > b'] is the bivariate normal distribution, by
Owen's T function (Owen 1956). Of the hard tanh's slope nothing but steps is left.

A bend at 0 alone, as of ReLU's kin: in polar coordinates u = sqrt(q) r cos phi, v = sqrt(q') r cos(phi - theta) with
rho = cos theta, both bends are rays, between which everything is smooth. The expectation is then smooth in ln q, ln q'
and theta, also where theta goes to 0: Gauss-Legendre in each sector, and Chebyshev polynomials through the results.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from vgrad.later import special
from vgrad.nn.arrays import Array

Function = Callable[[Array], Array]
JUMP, BEND, NEAR = 1e-6, 1e-3, 1e-7
"""What counts as a jump, and as a bend of the slope at 0, as a share of the largest value; how near to 0 is looked."""
_HALF = np.geomspace(1e-9, 1e4, 1301)
GRID = np.concatenate([-_HALF[::-1], [0.0], _HALF])
"""Where jumps are looked for, 100 places a decade to each side of 0."""
USUAL = 10.0  # |u| up to which the largest value is looked for
HALVINGS = 80
RADII, ANGLES, REACH = 48, 24, 9.0
"""Nodes of the radius and of the angle in each sector; the largest radius."""
TURNS, SCALES, A_FOLD = 24, 10, 4
"""Chebyshev nodes of theta, and of ln q: so many, and so many more for each e-fold of half the range."""
SMALL = 1e-12
"""Variances that are a smaller share of the largest count as this."""


@dataclass(frozen=True)
class Steps:
    """Where a function jumps, ascending, and how far up."""

    at: Array
    heights: Array

    def values(self, u: Array) -> Array:
        """sum_j h_j [u > b_j]."""
        found = np.zeros_like(u)
        for at, height in zip(self.at, self.heights, strict=True):
            found += height * (u > at)
        return found

    def all_of(self, g: Function) -> bool:
        """Whether g is nothing but these steps."""
        between = (GRID[1:] + GRID[:-1]) / 2  # what g is at a jump is of no account
        off = np.abs(g(between) - self.values(between))
        return bool(len(self.at) and off.max() < JUMP * np.abs(self.heights).max())

    def mean(self, q: Array) -> Array:
        """Their expectation, u ~ N(0, q), for each q."""
        return np.asarray(special.ndtr(-self.at / np.sqrt(np.maximum(q, 1e-300))[..., None]) @ self.heights)


def steps_of(g: Function) -> Steps:
    """The jumps of g: neighbours on a fine grid whose difference remains when they come together."""
    low, high = GRID[:-1], GRID[1:]
    values = g(GRID)
    least = JUMP * max(float(np.abs(values[np.abs(GRID) <= USUAL]).max()), 1e-300)
    apart = np.abs(np.diff(values)) > least
    found = np.stack([low, high, values[:-1], values[1:]])[:, apart]
    for _ in range(HALVINGS):
        found = found[:, np.abs(found[3] - found[2]) > least]
        if not found.size:
            break
        low, high, below, above = found
        middle = (low + high) / 2
        between = g(middle)
        left = np.abs(between - below) >= np.abs(above - between)
        found = np.where(left, [low, middle, below, between], [middle, high, between, above])
    return Steps(np.where(np.abs(found[1]) < NEAR, 0.0, found[1]), found[3] - found[2])


def bends_at_0(g: Function) -> bool:
    """Whether g jumps or changes its slope at 0."""
    u = NEAR * np.array([-2.0, -1.0, 1.0, 2.0])
    a, b, c, d = g(u)
    scale = max(float(np.abs(g(np.linspace(-1.0, 1.0, 21))).max()), 1e-300)
    return bool(abs(c - b) > BEND * scale or abs((d - c) - (b - a)) > BEND * NEAR * scale)


def of_steps(first: Steps, second: Steps, q: Array, rho: Array) -> Array:
    """E of the product of the steps at u_i and v_j for all pairs: (N, N), for variances q (N,) and correlations rho."""
    found = np.zeros_like(rho)
    root = np.sqrt(np.maximum(q, 1e-300))
    for a, up in zip(first.at, first.heights, strict=True):
        for b, other in zip(second.at, second.heights, strict=True):
            found += up * other * both_above(a / root[:, None], b / root[None, :], rho)
    return found


def both_above(a: Array, b: Array, rho: Array) -> Array:
    """P(x > a, y > b) of a pair with standard deviations 1 and correlation rho; by Owen's T (Owen 1956, eq. 2.1)."""
    a, b, rho = np.broadcast_arrays(a, b, rho)
    h, k = -a, -b
    root = np.sqrt(np.maximum((1 - rho) * (1 + rho), 1e-300))
    with np.errstate(divide="ignore", invalid="ignore"):
        first = np.where(h == 0, np.copysign(math.inf, k), (k / h - rho) / root)
        second = np.where(k == 0, np.copysign(math.inf, h), (h / k - rho) / root)
    opposite = (h * k < 0) | ((h * k == 0) & (h + k < 0))
    found = (
        (special.ndtr(h) + special.ndtr(k)) / 2
        - special.owens_t(h, first)
        - special.owens_t(k, second)
        - np.where(opposite, 0.5, 0.0)
    )
    at_0 = 0.25 + np.arcsin(rho) / (2 * math.pi)
    found = np.where((h == 0) & (k == 0), at_0, found)
    found = np.where(
        rho >= 1,
        special.ndtr(np.minimum(h, k)),
        np.where(rho <= -1, np.maximum(special.ndtr(h) + special.ndtr(k) - 1, 0), found),
    )
    return np.asarray(found)


def across_rays(g: Function, h: Function, q: Array, rho: Array) -> Array:
    """E g(u_i) h(v_j) for all pairs, of functions that are smooth but at 0: (N, N)."""
    logs = np.log(np.maximum(q, max(float(q.max()) * SMALL, 1e-300)))
    middle, half = (logs.max() + logs.min()) / 2, max(float(np.ptp(logs)) / 2, 1e-9)
    scales = SCALES + math.ceil(A_FOLD * half)
    x, to_scales = _chebyshev(scales)
    turns, to_turns = _chebyshev(TURNS)
    values = np.empty((scales, scales, TURNS))
    roots = np.exp((middle + half * x) / 2)
    for c, theta in enumerate(math.pi * (turns + 1) / 2):
        values[:, :, c] = _sectors(g, h, roots, theta)
    coefficients = np.einsum("ia,jb,kc,abc->kij", to_scales, to_scales, to_turns, values, optimize=True)
    basis = np.polynomial.chebyshev.chebvander((logs - middle) / half, scales - 1)
    x_theta = 2 * np.arccos(rho) / math.pi - 1
    found, before, now = np.zeros_like(rho), np.ones_like(rho), x_theta.copy()
    for k in range(TURNS):  # T_(k+1) = 2 x T_k - T_(k-1)
        found += (basis @ coefficients[k] @ basis.T) * before
        before, now = now, 2 * x_theta * now - before
    return found


def _chebyshev(n: int) -> tuple[Array, Array]:
    """Nodes in (-1, 1), and the matrix from values there to coefficients."""
    x = np.cos(math.pi * (np.arange(n) + 0.5) / n)
    to = np.polynomial.chebyshev.chebvander(x, n - 1).T * (2 / n)
    to[0] /= 2
    return x, to


def _sectors(g: Function, h: Function, roots: Array, theta: float) -> Array:
    """E g(roots_a x) h(roots_b y) with corr(x, y) = cos theta: one row a root, one column a root."""
    nodes, weights = np.polynomial.legendre.leggauss(ANGLES)
    edges = np.array([-math.pi / 2, theta - math.pi / 2, math.pi / 2, theta + math.pi / 2, 3 * math.pi / 2])
    wide = np.diff(edges)
    phi = (edges[:-1, None] + wide[:, None] * (nodes + 1) / 2).ravel()
    by_angle = (wide[:, None] * weights / 2).ravel() / (2 * math.pi)
    r, by_radius = np.polynomial.legendre.leggauss(RADII)
    r, by_radius = REACH * (r + 1) / 2, REACH * by_radius / 2
    by_radius = by_radius * r * np.exp(-(r**2) / 2)
    whole = (by_angle[:, None] * by_radius).ravel()
    x, y = (np.outer(np.cos(phi - shift), r).ravel() for shift in (0.0, theta))
    first = g(np.outer(roots, x).ravel()).reshape(len(roots), -1)
    second = h(np.outer(roots, y).ravel()).reshape(len(roots), -1)
    return np.asarray((first * whole) @ second.T)
