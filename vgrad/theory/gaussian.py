r"""Expectations of functions of correlated Gaussians, the pieces of mean-field theory.

For (u, v) ~ N(0, [[q, c], [c, q']]) and rho = c/sqrt(q q'), any g and h have the Hermite series

    E g(u) h(v) = sum_k c_k[g](q) c_k[h](q') rho^k,   c_k[g](q) = E g(sqrt(q) z) He_k(z)/sqrt(k!),  z ~ N(0, 1)

(Mehler 1866). Up to TERMS of them are summed, and what is left of rho = 1, E g h, goes with the next power: the
diagonal is exact. Coefficients are sums over a fine grid. Where g or h has a kink the series converges slowly, and
vgrad.theory.propagation.kinks has its place; ReLU and its leaky kin have closed forms, the arc-cosine kernels (Cho and
Saul 2009).
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from vgrad.nn.arrays import Array
from vgrad.theory.propagation.kinks import across_rays, bends_at_0, of_steps, steps_of

TERMS, ENOUGH = 60, 1e-10
BLOCK = 100  # variances at a time: 1.4 MB of values
LEAST = 1e-300
NEAR_ONES, A_FOLD = 16, 8
"""Of Chebyshev nodes of ln q: so many, and so many more for each e-fold of half the range."""
REACH, NODES = 9.0, 1800  # of z, in standard deviations; an even number
Function = Callable[[Array], Array]


def grid() -> tuple[Array, Array]:
    """Nodes z and weights that sum to 1: the midpoint rule times the density of N(0, 1).

    Of a Gaussian it is as exact as any; no node is at 0, where functions may have a bend, and to both sides of it the
    first weights make the rule one of fourth order: -h^2/24 times the slope at 0, by three nodes.
    """
    z = (np.arange(NODES) + 0.5) * (2 * REACH / NODES) - REACH
    weights, middle = np.exp(-(z**2) / 2), NODES // 2
    for share, at in ((13 / 12, 0), (7 / 8, 1), (25 / 24, 2)):
        weights[[middle - 1 - at, middle + at]] *= share
    return z, weights / weights.sum()


def mean(g: Function, q: float) -> float:
    """E g(sqrt(q) z), z ~ N(0, 1); jumps of g exactly."""
    z, weights = grid()
    u, steps = math.sqrt(q) * z, steps_of(g)
    return float(weights @ (g(u) - steps.values(u))) + float(steps.mean(np.array(q)))


def hermite(z: Array, terms: int) -> Array:
    """He_k(z)/sqrt(k!) for k below `terms`: (terms, n), orthonormal under N(0, 1)."""
    found = np.ones((terms, len(z)))
    if terms > 1:
        found[1] = z
    for k in range(2, terms):
        found[k] = (z * found[k - 1] - math.sqrt(k - 1) * found[k - 2]) / math.sqrt(k)
    return found


def _few(q: Array) -> tuple[Array, Array]:
    """Variances, few where q are many, and the matrix that takes what is smooth in ln q from there to all q: they are
    Chebyshev nodes, and it interpolates."""
    logs = np.log(np.maximum(q, LEAST))
    half, middle = np.ptp(logs) / 2, (logs.max() + logs.min()) / 2
    n = NEAR_ONES + math.ceil(A_FOLD * half)
    if n >= len(q) or half < 1e-9:
        values, places = np.unique(q, return_inverse=True)
        return np.asarray(values), np.eye(len(values))[places]
    x = np.cos(math.pi * (np.arange(n) + 0.5) / n)
    vander = np.polynomial.chebyshev.chebvander
    return np.exp(middle + half * x), vander((logs - middle) / half, n - 1) @ np.linalg.inv(vander(x, n - 1))


def _moments(g: Function, h: Function, q: Array) -> tuple[Array, Array, Array]:
    """c_k[g](q) and c_k[h](q), (len(q), TERMS), and E g h, (len(q),), for each of the variances."""
    z, weights = grid()
    basis = (weights * hermite(z, TERMS)).T
    values, between = _few(q)
    found = np.empty((len(values), 2 * TERMS + 1))
    for start in range(0, len(values), BLOCK):
        u = (np.sqrt(values[start : start + BLOCK])[:, None] * z).ravel()
        first = g(u).reshape(-1, NODES)
        second = first if h is g else h(u).reshape(-1, NODES)
        rows = found[start : start + BLOCK]
        rows[:, :TERMS] = first @ basis
        rows[:, TERMS:-1] = rows[:, :TERMS] if h is g else second @ basis
        rows[:, -1] = (first * second) @ weights
    found = between @ found
    return found[:, :TERMS], found[:, TERMS:-1], found[:, -1]


def products(g: Function, h: Function, K: Array) -> Array:
    """E g(u_i) h(u_j) for u ~ N(0, K), all pairs of the N examples: (N, N)."""
    first, second = steps_of(g), steps_of(h)
    if first.all_of(g) and second.all_of(h):
        return of_steps(first, second, np.diag(K), correlations(K))
    if not (first.at.any() or second.at.any()) and (bends_at_0(g) or bends_at_0(h)):
        return across_rays(g, h, np.diag(K), correlations(K))
    return _series(g, h, K)


def _series(g: Function, h: Function, K: Array) -> Array:
    """The series, for functions that are smooth, or nearly.

    It ends where what is left of it at rho = 1 is below ENOUGH of the whole: of a sigmoid after ten terms.
    """
    first, second, whole = _moments(g, h, np.diag(K))
    rho, terms = correlations(K), _enough(first, second)
    rest = whole - (first[:, :terms] * second[:, :terms]).sum(axis=1)
    found: Array = np.add.outer(rest / 2, rest / 2)
    term = np.empty_like(found)
    for k in range(terms - 1, -1, -1):  # Horner's rule
        found *= rho
        found += np.multiply.outer(first[:, k], second[:, k], out=term)
    return found


def _enough(first: Array, second: Array) -> int:
    """How many terms it takes until what is left of them is below ENOUGH of the whole, for every example."""
    left = np.sqrt(_tails(first) * _tails(second))  # of the terms from k on
    few = (left <= ENOUGH * left[:, :1]).all(axis=0)
    return int(few.argmax()) or 1 if few.any() else TERMS


def _tails(coefficients: Array) -> Array:
    """sum_(j >= k) c_j^2 for each k: (N, TERMS)."""
    return np.asarray(np.cumsum(np.square(coefficients)[:, ::-1], axis=1)[:, ::-1])


def correlations(K: Array) -> Array:
    """rho_ij = K_ij / sqrt(K_ii K_jj), within [-1, 1]; 0 where a variance is 0."""
    scale = np.sqrt(np.diag(K))
    with np.errstate(invalid="ignore", divide="ignore"):
        rho = K / np.outer(scale, scale)
    return np.asarray(np.clip(np.where(np.isfinite(rho), rho, 0.0), -1.0, 1.0))


def leaky_values(slope: float, K: Array) -> Array:
    """E f(u) f(v) for f(z) = max(z, slope z): (1 - slope)^2 sqrt(q q') J(rho)/(2 pi) + slope c, where
    J = sqrt(1 - rho^2) + rho (pi - arccos rho)  (Cho and Saul 2009)."""
    rho, scale = correlations(K), np.sqrt(np.diag(K))
    angle = np.arccos(rho)
    bend = (np.sqrt(1 - rho**2) + rho * (math.pi - angle)) / (2 * math.pi)
    return np.asarray(np.outer(scale, scale) * ((1 - slope) ** 2 * bend + slope * rho))


def leaky_slopes(slope: float, K: Array) -> Array:
    """E f'(u) f'(v) of the same: (1 - slope)^2 (pi - arccos rho)/(2 pi) + slope."""
    return np.asarray((1 - slope) ** 2 * (math.pi - np.arccos(correlations(K))) / (2 * math.pi) + slope)
