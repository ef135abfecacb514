"""Batch norm of small layers with examples side by side, for `augmented`: z = gamma (u - mean)/s + beta, all (n, m).

gamma and beta are columns of the layer's V, where optimizers reach them. What belongs to a unit, (n,), is added to its
examples by BLAS, as a product with ones: two thirds of what NumPy takes. Where f wants -z, the product has made -u.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from vgrad.later import blas
from vgrad.nn.arrays import Array, Parameters, aligned
from vgrad.nn.norms import Norm

COLUMNS = ("gamma", "beta")
"""Of V, behind that of the bias."""


class Statistics:
    """Means and variances of hidden layers with n_l of `sizes` units, all in one `vector`; `parts` are (mean, variance)
    of each layer."""

    def __init__(self, sizes: Sequence[int], dtype: np.dtype[np.floating]) -> None:
        self.vector = np.zeros(2 * sum(sizes), dtype)
        starts = np.cumsum([0, *(n for n in sizes for _ in COLUMNS)]).tolist()
        views = [self.vector[start:stop] for start, stop in pairwise(starts)]
        self.parts = list(zip(views[::2], views[1::2], strict=True))

    def load(self, buffers: Parameters) -> None:
        """Takes the running statistics of `buffers`."""
        for layer, (mean, variance) in enumerate(self.parts, start=1):
            mean[:], variance[:] = buffers[f"mean{layer}"], buffers[f"variance{layer}"]

    def store(self, buffers: Parameters) -> None:
        """Puts its numbers into `buffers`."""
        for layer, (mean, variance) in enumerate(self.parts, start=1):
            buffers[f"mean{layer}"][:], buffers[f"variance{layer}"][:] = mean, variance


class Moving:
    """running <- (1 - momentum) running + momentum batch, the variance with divisor m - 1, for all layers at once.

    `batch` are the statistics of the last batch of m examples; of a mean, `signs` say whether it is that of -u.
    """

    def __init__(
        self, running: Statistics, sizes: Sequence[int], momentum: float, m: int, signs: Sequence[float]
    ) -> None:
        dtype = running.vector.dtype
        self.batch, shares = Statistics(sizes, dtype), Statistics(sizes, dtype)
        for (of_mean, of_variance), sign in zip(shares.parts, signs, strict=True):
            of_mean[:], of_variance[:] = momentum * sign, momentum * m / max(m - 1, 1)
        self._running, self._shares = running.vector, shares.vector
        self._stays, self._work = np.asarray(1 - momentum, dtype), np.empty_like(shares.vector)

    def move(self) -> None:
        """After a forward pass."""
        np.multiply(self.batch.vector, self._shares, self._work)
        np.multiply(self._running, self._stays, self._running)
        np.add(self._running, self._work, self._running)


class BesideNorm:
    """One layer's normalization. `centred` is where u, or -u, is put before `forward`; `du` is dC/du after `backward`.

    `columns` are where gamma and beta begin in the vector of all V, and `step` is from one unit to the next.
    """

    def __init__(
        self,
        norm: Norm,
        vector: Array,
        columns: tuple[int, int],
        step: int,
        z: Array,
        delta: Array,
        sign: float,
        batch: tuple[Array, Array],
    ) -> None:
        n, m = z.shape
        dtype = vector.dtype
        single = dtype == np.float32
        self._gemv, self._ger = (blas.sgemv, blas.sger) if single else (blas.dgemv, blas.dger)
        self._axpy = blas.saxpy if single else blas.daxpy
        self._m, self._sign, self._step, self._columns = m, sign, step, columns
        self._epsilon, self._ones = np.asarray(norm.epsilon, dtype), np.ones(m, dtype)
        self.mean, self.variance = batch
        self.centred, self.du, self._work = (aligned((n, m), dtype) for _ in range(3))
        self._centredT, self._duT, self._workT = self.centred.T, self.du.T, self._work.T
        self._z, self._zT, self._delta, self._deltaT = z, z.T, delta, delta.T
        of_units = np.empty((7, n), dtype)
        self._square, self._s, self._scale, self._of_gamma, self._mean_delta, self._share, self._together = of_units
        self._gamma, self._beta = (vector[column::step][:n] for column in columns)
        self._scales, self._shares = self._scale[:, None], self._share[:, None]

    def forward(self) -> None:
        """z, with the sign that u has: centred = u - mean, variance = mean of centred^2, s^2 = variance + epsilon."""
        gemv, ger, ones, share = self._gemv, self._ger, self._ones, 1 / self._m
        gemv(share, self._centredT, ones, 0.0, self.mean, 0, 1, 0, 1, 1, 1)
        ger(-1.0, ones, self.mean, 1, 1, self._centredT, 0, 0, 1)
        np.multiply(self.centred, self.centred, self._work)
        gemv(share, self._workT, ones, 0.0, self.variance, 0, 1, 0, 1, 1, 1)
        np.add(self.variance, self._epsilon, self._square)
        np.sqrt(self._square, self._s)
        np.divide(self._gamma, self._s, self._scale)
        np.multiply(self.centred, self._scales, self._z)
        np.copyto(self._together, self._beta)
        ger(self._sign, ones, self._together, 1, 1, self._zT, 0, 0, 1)

    def backward(self) -> None:
        """du = (gamma/s) (delta - mean(delta) - centred mean(delta centred)/s^2), after delta = dC/dz.

        (Ioffe and Szegedy 2015, sec. 3.) The two means are, but for factors, the gradients of beta and gamma.
        """
        gemv, ones, share = self._gemv, self._ones, 1 / self._m
        np.multiply(self._delta, self.centred, self._work)
        gemv(share, self._workT, ones, 0.0, self._of_gamma, 0, 1, 0, 1, 1, 1)
        gemv(share, self._deltaT, ones, 0.0, self._mean_delta, 0, 1, 0, 1, 1, 1)
        np.divide(self._of_gamma, self._square, self._share)
        np.multiply(self.centred, self._shares, self._work)
        np.subtract(self._delta, self._work, self.du)
        self._ger(-1.0, ones, self._mean_delta, 1, 1, self._duT, 0, 0, 1)
        np.multiply(self.du, self._scales, self.du)

    def add_gradients(self, to: Array, scale: float) -> None:
        """Adds scale * sum over the batch of dC/dgamma = delta (u - mean)/s and dC/dbeta = delta to their columns."""
        (gamma, beta), step, n = self._columns, self._step, len(self._s)
        np.divide(self._of_gamma, self._s, self._share)
        self._axpy(self._share, to, n, scale * self._m * self._sign, 0, 1, gamma, step)
        self._axpy(self._mean_delta, to, n, scale * self._m, 0, 1, beta, step)
