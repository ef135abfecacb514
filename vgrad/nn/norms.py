"""Normalization of a layer's weighted inputs: z^l = gamma^l * (u^l - mean) / s + beta^l, s = sqrt(variance + epsilon).

u and z are (m, n); gamma and beta, learned, and the batch norm's running statistics are (n,). In this package z^l is
always what enters f, so with normalization it is the normalized input, and delta^l = dC/dz^l is also dC/dbeta^l; the
affine map's output is called u^l.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np

from vgrad.nn.arrays import Array, Parameters, accumulate, aligned
from vgrad.registry import Positive

Mode = Literal["train", "probe", "evaluate"]
"""`train`: batch statistics, which also move the running ones; noise and masks. `probe`: batch statistics, nothing
moves, no noise. `evaluate`: running statistics, no noise."""


@dataclass(frozen=True)
class Norm:
    """`axis` is what statistics are taken over: 0, the examples of the batch, or 1, the units of the layer.

    With `momentum`, running statistics are kept: running <- (1 - momentum) running + momentum batch, the variance with
    divisor m - 1, and evaluation uses them.
    """

    axis: int
    epsilon: float
    momentum: float | None = None


def batch_norm(*, momentum: Positive = 0.1, epsilon: Positive = 1e-5) -> Norm:
    """Mean and variance (divisor m) over the batch, unit by unit; running ones to evaluate  (Ioffe and Szegedy 2015).

    A bias before it would be subtracted again: b^l is not used, and its gradient is exactly 0 (maxout's pieces keep
    theirs).
    """
    return Norm(0, epsilon, momentum)


def layer_norm(*, epsilon: Positive = 1e-5) -> Norm:
    """Mean and variance (divisor n_l) over the layer's units, example by example  (Ba et al. 2016)."""
    return Norm(1, epsilon)


class NormPass:
    """One layer's normalization of batches; changes `mean` and `variance` (running) in place when it trains."""

    def __init__(
        self, norm: Norm, layer: int, parameters: Parameters, buffers: Parameters, mode: Mode, rows: int
    ) -> None:
        self._axis, self._epsilon = norm.axis, norm.epsilon
        self._gamma, self._beta = parameters[f"gamma{layer}"], parameters[f"beta{layer}"]
        self._momentum = norm.momentum if mode == "train" else None
        self._running: tuple[Array, Array] | None = None
        if norm.momentum is not None and mode != "probe":
            self._running = buffers[f"mean{layer}"], buffers[f"variance{layer}"]
        self._fixed = self._running is not None and mode == "evaluate"
        shape, dtype = (rows, len(self._gamma)), self._gamma.dtype
        self._shares, self._ones = np.full(shape[self._axis], 1 / shape[self._axis], dtype), np.ones(rows, dtype)
        self._centred, self._work, self._du = (aligned(shape, dtype) for _ in range(3))  # centred: u - mean
        self._scale: Array  # 1 / s
        self.sums: tuple[Array, Array]
        """Sums over the batch of dC/dgamma = delta * (u - mean)/s and dC/dbeta = delta, each (n,), after `backward`."""

    def _mean(self, x: Array) -> Array:
        """Over the axis of the statistics, as one product: `np.mean` costs five times as much on a small batch."""
        mean: Array = np.dot(self._shares, x) if self._axis == 0 else np.dot(x, self._shares)[:, None]
        return mean

    def forward(self, u: Array, out: Array) -> Array:
        """Z of u, into `out`."""
        centred = self._centred
        if self._fixed and self._running is not None:
            mean, variance = self._running
            np.subtract(u, mean, out=centred)
        else:
            mean = self._mean(u)
            np.subtract(u, mean, out=centred)
            variance = self._mean(np.multiply(centred, centred, out=self._work))
        if self._momentum is not None and self._running is not None:
            self._move(mean, variance, len(u))
        self._scale = 1 / np.sqrt(variance + self._epsilon)
        np.multiply(centred, self._scale * self._gamma, out=out)
        return np.add(out, self._beta, out=out)

    def _move(self, mean: Array, variance: Array, m: int) -> None:
        assert self._running is not None
        assert self._momentum is not None
        shares = (self._momentum, self._momentum * m / max(m - 1, 1))
        for running, batch, share in zip(self._running, (mean, variance), shares, strict=True):
            accumulate(running, batch, share, 1 - self._momentum)

    def backward(self, delta: Array, *, fixed: bool = False) -> Array:
        """dC/du of delta = dC/dz, with u = W a + b; `fixed` takes the batch statistics for constants.

        With unit = (u - mean)/s and g = delta gamma: (g - mean(g) - unit mean(g unit)) / s, means over the axis of the
        statistics (Ioffe and Szegedy 2015, sec. 3). A layer norm's statistics are the example's own and never
        constants. Over the examples gamma is a constant, and the two means are those of the gradients of beta and
        gamma.
        """
        rows = len(delta)
        centred, du, scale = self._centred[:rows], self._du[:rows], self._scale
        work = np.multiply(delta, centred, out=self._work[:rows])
        if self._axis == 1:
            return self._over_units(delta, centred, np.multiply(work, scale, out=work), du)
        of_gamma, of_beta = np.dot(self._ones[:rows], work), np.dot(self._ones[:rows], delta)
        self.sums = scale * of_gamma, of_beta
        if self._fixed or fixed:
            return np.multiply(delta, self._gamma * scale, out=du)
        np.multiply(centred, of_gamma * (scale * scale / rows), out=work)
        np.subtract(delta, work, out=du)
        np.subtract(du, of_beta / rows, out=du)
        return np.multiply(du, self._gamma * scale, out=du)

    def _over_units(self, delta: Array, centred: Array, work: Array, du: Array) -> Array:
        """dC/du of a layer norm; `work` is delta * unit."""
        ones = self._ones[: len(delta)]
        self.sums = np.dot(ones, work), np.dot(ones, delta)
        np.multiply(delta, self._gamma, out=du)
        projection = self._mean(np.multiply(work, self._gamma, out=work))
        np.subtract(du, self._mean(du), out=du)
        np.subtract(du, np.multiply(centred, self._scale * projection, out=work), out=du)
        return np.multiply(du, self._scale, out=du)

    def keep_first(self, k: int) -> None:
        """Forgets all but the first k examples of the last forward pass."""
        self._centred = self._centred[:k]
        if self._axis == 1:
            self._scale = self._scale[:k]


NORMS: dict[str, Callable[..., Norm]] = {"batch_norm": batch_norm, "layer_norm": layer_norm}
