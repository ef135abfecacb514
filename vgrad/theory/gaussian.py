r"""Expectations of functions of correlated Gaussians, the pieces of mean-field theory.

For (u, v) ~ N(0, [[q, c], [c, q']]) and rho = c/sqrt(q q'), any g and h have the Hermite series

    E g(u) h(v) = sum_k c_k[g](q) c_k[h](q') rho^k,   c_k[g](q) = E g(sqrt(q) z) He_k(z)/sqrt(k!),  z ~ N(0, 1)

(Mehler 1866). TERMS of them are summed, and what is left of rho = 1, E g h, goes with the next power: the diagonal is
exact. Coefficients are sums over a fine grid, which kinks do not disturb. ReLU and its leaky kin, whose slopes jump,
have closed forms instead: the arc-cosine kernels (Cho and Saul 2009).
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from vgrad.nn.arrays import Array

TERMS = 60
REACH, NODES = 9.0, 1800  # of z, in standard deviations; an even number
Function = Callable[[Array], Array]


def grid() -> tuple[Array, Array]:
    """Nodes z and weights that sum to 1: the midpoint rule times the density of N(0, 1).

    Of a Gaussian it is as exact as any; no node is at 0, where slopes jump, and the nodes lie alike on both sides.
    """
    z = (np.arange(NODES) + 0.5) * (2 * REACH / NODES) - REACH
    weights = np.exp(-(z**2) / 2)
    return z, weights / weights.sum()


def mean(g: Function, q: float) -> float:
    """E g(sqrt(q) z), z ~ N(0, 1)."""
    z, weights = grid()
    return float(weights @ g(math.sqrt(q) * z))


def hermite(z: Array, terms: int) -> Array:
    """He_k(z)/sqrt(k!) for k below `terms`: (terms, n), orthonormal under N(0, 1)."""
    found = np.ones((terms, len(z)))
    if terms > 1:
        found[1] = z
    for k in range(2, terms):
        found[k] = (z * found[k - 1] - math.sqrt(k - 1) * found[k - 2]) / math.sqrt(k)
    return found


def coefficients(g: Function, q: Array) -> Array:
    """c_k[g](q) for each of the variances: (len(q), TERMS)."""
    z, weights = grid()
    basis = weights * hermite(z, TERMS)
    values, places = np.unique(q, return_inverse=True)
    rows = [basis @ g(math.sqrt(each) * z) for each in values]
    return np.asarray(np.array(rows)[places])


def products(g: Function, h: Function, K: Array) -> Array:
    """E g(u_i) h(u_j) for u ~ N(0, K), all pairs of the N examples: (N, N)."""
    q = np.diag(K)
    first, second = coefficients(g, q), coefficients(h, q)
    rho = correlations(K)
    found, power = np.zeros_like(K), np.ones_like(K)
    for k in range(TERMS):
        found += np.outer(first[:, k], second[:, k]) * power
        power *= rho
    # what the series lacks at rho = 1, between the variances of the pair
    values, places = np.unique(q, return_inverse=True)
    whole = np.array([mean(lambda u: g(u) * h(u), each) for each in values])[places]
    rest = whole - (first * second).sum(axis=1)
    return np.asarray(found + (rest[:, None] + rest[None, :]) / 2 * power)


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
