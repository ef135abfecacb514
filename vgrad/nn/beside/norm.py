"""Batch norm of small layers, examples side by side: z = gamma (u - mean)/s + beta, all (n, m).

Where f wants -z, the product has made -u. What all layers need once a step lies in vectors of all their units.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate

import numpy as np

from vgrad.nn.arrays import Array, Parameters, aligned
from vgrad.nn.beside.calls import add, add_spread, spread, sum_of_examples
from vgrad.nn.functions import Call
from vgrad.nn.norms import Norm


def of_layers(vector: Array, sizes: Sequence[int]) -> list[Array]:
    """The parts of a vector of the units of all layers, (n_l,) each."""
    ends = list(accumulate(sizes))
    return [vector[end - n : end] for n, end in zip(sizes, ends, strict=True)]


class Statistics:
    """Means and variances of hidden layers with n_l of `sizes` units: two numbers a unit, all means first."""

    def __init__(self, sizes: Sequence[int], dtype: np.dtype[np.floating]) -> None:
        self.all = np.zeros(2 * sum(sizes), dtype)
        self.means, self.variances = np.split(self.all, 2)
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
    `backward[l - 1]` make dC/du, `du[l - 1]`, of delta = dC/dz. Those of `move`, after a forward pass, are
    running <- (1 - momentum) running + momentum batch, the variance with divisor m - 1.
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
        sizes, m, dtype = [len(each) for each in z], z[0].shape[1], running.means.dtype
        self._m, self._sizes, share = m, sizes, norm.momentum or 0.0
        means, variances, self._s, self._of_gamma, self._of_beta, self._work = np.zeros((6, sum(sizes)), dtype)
        self.centred, self.du = ([aligned(each.shape, dtype) for each in z] for _ in range(2))
        self.move: list[Call] = [
            (np.multiply, (running.all, np.asarray(1 - share, dtype), running.all)),
            add(share, means, running.means),
            add(share * m / max(m - 1, 1), variances, running.variances),
        ]
        vectors = (*parameters, means, variances, self._s, self._of_gamma, self._of_beta)
        of_units = zip(*(of_layers(vector, sizes) for vector in vectors), strict=True)
        layers = zip(zip(self.centred, z, delta, self.du, strict=True), of_units, signs, strict=True)
        ways = [_calls(norm.epsilon, sign, arrays, units) for arrays, units, sign in layers]
        self.forward, self.backward = [way[0] for way in ways], [way[1] for way in ways]

    def adding(self, to: tuple[Array, Array], scales: Sequence[float]) -> list[Call]:
        """What adds scale * sum over the batch of dC/dgamma = delta (u - mean)/s and dC/dbeta = delta; one scale for
        all layers or one for each, also of equal ones: BLAS may round the end of a vector in another way."""
        calls: list[Call] = [(np.divide, (self._of_gamma, self._s, self._work))]
        for factor, sums, target in ((self._m, self._work, to[0]), (1, self._of_beta, to[1])):
            sizes = self._sizes if len(scales) > 1 else [len(sums)]
            parts = zip(scales, of_layers(sums, sizes), of_layers(target, sizes), strict=True)
            calls += [add(factor * scale, *each) for scale, *each in parts]
        return calls


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
    work, scales, parts = (aligned((n, m), dtype) for _ in range(3))
    square, scale, part = np.empty((3, n), dtype)
    least, ones, share = np.asarray(epsilon, dtype), np.ones(m, dtype), 1 / m

    forward: list[Call] = [
        sum_of_examples(sign * share, centred, ones, mean),
        add_spread(-sign, mean, ones, centred),
        (np.multiply, (centred, centred, work)),
        sum_of_examples(share, work, ones, variance),
        (np.add, (variance, least, square)),
        (np.sqrt, (square, s)),
        (np.divide, (gamma, s, scale)),
        spread(1.0, scale, ones, scales),
        (np.multiply, (centred, scales, z)),
        add_spread(sign, beta, ones, z),
    ]
    backward: list[Call] = [
        (np.multiply, (delta, centred, work)),
        sum_of_examples(sign * share, work, ones, of_gamma),
        sum_of_examples(1.0, delta, ones, of_beta),
        (np.divide, (of_gamma, square, part)),
        spread(-sign, part, ones, parts),  # with -u, centred is -(u - mean)
        (np.multiply, (centred, parts, du)),
        add(1.0, delta, du),
        add_spread(-share, of_beta, ones, du),
        (np.multiply, (du, scales, du)),
    ]
    return forward, backward
