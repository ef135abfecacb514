"""Batch norm of small layers, examples side by side: z = gamma (u - mean)/s + beta, all (n, m).

What belongs to a unit, (n,), is added to its examples by BLAS, as a product with ones: two thirds of what NumPy takes.
Where f wants -z, the product has made -u. What all layers need once a step lies in vectors of all their units.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate

import numpy as np

from vgrad.later import blas
from vgrad.nn.arrays import Array, Parameters, add_scaled, aligned
from vgrad.nn.functions import Call
from vgrad.nn.norms import Norm


def of_layers(vector: Array, sizes: Sequence[int]) -> list[Array]:
    """The parts of a vector of the units of all layers, (n_l,) each."""
    ends = list(accumulate(sizes))
    return [vector[end - n : end] for n, end in zip(sizes, ends, strict=True)]


class Statistics:
    """Means and variances of hidden layers with n_l of `sizes` units: two numbers a unit, all means first."""

    def __init__(self, sizes: Sequence[int], dtype: np.dtype[np.floating]) -> None:
        self.means, self.variances = np.zeros((2, sum(sizes)), dtype)
        self._parts = {"mean": of_layers(self.means, sizes), "variance": of_layers(self.variances, sizes)}

    def load(self, buffers: Parameters) -> None:
        """Takes the running statistics of `buffers`."""
        for name, parts in self._parts.items():
            for layer, part in enumerate(parts, start=1):
                part[:] = buffers[f"{name}{layer}"]

    def store(self, buffers: Parameters) -> None:
        """Puts its numbers into `buffers`."""
        for name, parts in self._parts.items():
            for layer, part in enumerate(parts, start=1):
                buffers[f"{name}{layer}"][:] = part


class BesideNorms:
    """The norms of all hidden layers, for batches of m examples; gamma and beta are vectors of all units.

    u, or -u by `signs`, is put into `centred[l - 1]`; the calls of `forward[l - 1]` make z of it, and those of
    `backward[l - 1]` make dC/du, `du[l - 1]`, of delta = dC/dz.
    """

    def __init__(
        self,
        norm: Norm,
        parameters: tuple[Array, Array],
        running: Statistics,
        z: Sequence[Array],
        delta: Sequence[Array],
        signs: Sequence[float],
    ) -> None:
        sizes, self._m, dtype = [len(each) for each in z], z[0].shape[1], running.means.dtype
        self._running, self._momentum, self._sizes = running, norm.momentum or 0.0, sizes
        self._signs = np.repeat(np.array(signs, dtype), sizes)
        self._means, self._variances, self._s, self._of_gamma, self._of_beta, self._work = np.zeros(
            (6, sum(sizes)), dtype
        )
        self.centred, self.du = ([aligned(each.shape, dtype) for each in z] for _ in range(2))
        vectors = (*parameters, self._means, self._variances, self._s, self._of_gamma, self._of_beta)
        of_units = zip(*(of_layers(vector, sizes) for vector in vectors), strict=True)
        layers = zip(zip(self.centred, z, delta, self.du, strict=True), of_units, signs, strict=True)
        ways = [_calls(norm.epsilon, sign, arrays, units) for arrays, units, sign in layers]
        self.forward, self.backward = [way[0] for way in ways], [way[1] for way in ways]

    def move(self) -> None:
        """After a forward pass: running <- (1 - momentum) running + momentum batch, the variance with divisor m - 1."""
        running, share, m = self._running, self._momentum, self._m
        np.multiply(self._means, self._signs, self._work)
        for now, batch, part in (
            (running.means, self._work, share),
            (running.variances, self._variances, share * m / max(m - 1, 1)),
        ):
            np.multiply(now, 1 - share, now)
            add_scaled(now, batch, part)

    def add_gradients(self, to: tuple[Array, Array], scales: float | Sequence[float]) -> None:
        """Adds scale * sum over the batch of dC/dgamma = delta (u - mean)/s and dC/dbeta = delta; a scale a layer, or
        one for all."""
        np.divide(self._of_gamma, self._s, self._work)
        for sums, target, factor in ((self._work, to[0], self._m), (self._of_beta, to[1], 1)):
            if isinstance(scales, float):
                add_scaled(target, sums, factor * scales)
                continue
            parts = zip(of_layers(target, self._sizes), of_layers(sums, self._sizes), scales, strict=False)
            for part, more, scale in parts:
                add_scaled(part, more, factor * scale)


def _calls(
    epsilon: float, sign: float, arrays: Sequence[Array], of_units: Sequence[Array]
) -> tuple[list[Call], list[Call]]:
    """Both passes of a layer.

    `arrays` are centred, z, delta and du, (n, m); of the units are gamma, beta, mean, variance, s, and the sums of the
    gradients of gamma (times s/m) and of beta.

        centred = u - mean,  variance = mean of centred^2,  s^2 = variance + epsilon,  z = gamma/s centred + beta
        du = gamma/s (delta - mean(delta) - centred mean(delta centred)/s^2)        (Ioffe and Szegedy 2015, sec. 3)
    """
    centred, z, delta, du = arrays
    gamma, beta, mean, variance, s, of_gamma, of_beta = of_units
    (n, m), dtype = z.shape, z.dtype
    gemv, ger = (blas.dgemv, blas.dger) if dtype == np.float64 else (blas.sgemv, blas.sger)
    work, square, scale, part = aligned((n, m), dtype), np.empty(n, dtype), np.empty(n, dtype), np.empty(n, dtype)
    least, ones, share = np.asarray(epsilon, dtype), np.ones(m, dtype), 1 / m

    def sums(factor: float, of: Array, to: Array) -> Call:
        """To = factor times the sums over the examples."""
        return gemv, (factor, of.T, ones, 0.0, to, 0, 1, 0, 1, 1, 1)

    def spread(factor: float, unit: Array, to: Array) -> Call:
        """Adds to each example of `to` factor times what belongs to the unit."""
        return ger, (factor, ones, unit, 1, 1, to.T, 0, 0, 1)

    forward: list[Call] = [
        sums(share, centred, mean),
        spread(-1.0, mean, centred),
        (np.multiply, (centred, centred, work)),
        sums(share, work, variance),
        (np.add, (variance, least, square)),
        (np.sqrt, (square, s)),
        (np.divide, (gamma, s, scale)),
        (np.multiply, (centred, scale[:, None], z)),
        spread(sign, beta, z),
    ]
    backward: list[Call] = [
        (np.multiply, (delta, centred, work)),
        sums(sign * share, work, of_gamma),
        sums(1.0, delta, of_beta),
        (np.divide, (of_gamma, square, part)),
        (np.multiply, (centred, part[:, None], work)),
        (np.subtract if sign > 0 else np.add, (delta, work, du)),  # with -u, centred is -(u - mean)
        spread(-share, of_beta, du),
        (np.multiply, (du, scale[:, None], du)),
    ]
    return forward, backward
