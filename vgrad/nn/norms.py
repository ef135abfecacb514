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
        shape = (rows, len(self._gamma))
        self._share = 1 / shape[self._axis]
        self._unit, self._work, self._du = (aligned(shape, self._gamma.dtype) for _ in range(3))  # unit: (u - mean) / s
        self._scale: Array  # 1 / s
        self.sums: tuple[Array, Array]
        """Sums over the batch of dC/dgamma = delta * unit and dC/dbeta = delta, each (n,), after `backward`."""

    def _mean(self, x: Array) -> Array:
        """Over the axis of the statistics, which stays; `np.mean` itself costs three times as much on a small batch."""
        return np.multiply(np.add.reduce(x, axis=self._axis, keepdims=True), self._share)

    def forward(self, u: Array, out: Array) -> Array:
        """Z of u, into `out`."""
        unit = self._unit
        if self._fixed and self._running is not None:
            mean, variance = self._running
            np.subtract(u, mean, out=unit)
        else:
            mean = self._mean(u)
            np.subtract(u, mean, out=unit)
            variance = self._mean(np.multiply(unit, unit, out=self._work))
        if self._momentum is not None and self._running is not None:
            self._move(mean, variance, len(u))
        self._scale = 1 / np.sqrt(variance + self._epsilon)
        np.multiply(unit, self._scale, out=unit)
        np.multiply(unit, self._gamma, out=out)
        return np.add(out, self._beta, out=out)

    def _move(self, mean: Array, variance: Array, m: int) -> None:
        assert self._running is not None
        assert self._momentum is not None
        shares = (self._momentum, self._momentum * m / max(m - 1, 1))
        for running, batch, share in zip(self._running, (mean, variance), shares, strict=True):
            accumulate(running, batch[0], share, 1 - self._momentum)

    def backward(self, delta: Array, *, fixed: bool = False) -> Array:
        """dC/du of delta = dC/dz, with u = W a + b; `fixed` takes the batch statistics for constants.

        With g = delta gamma: (g - mean(g) - unit mean(g unit)) / s, means over the axis of the statistics
        (Ioffe and Szegedy 2015, sec. 3). A layer norm's statistics are the example's own and never constants. Over the
        examples gamma is a constant, and the two means are those of the gradients of beta and gamma.
        """
        rows = slice(len(delta))
        unit, du = self._unit[rows], self._du[rows]
        work = np.multiply(delta, unit, out=self._work[rows])
        self.sums = np.add.reduce(work, axis=0), np.add.reduce(delta, axis=0)
        if self._fixed or (fixed and self._axis == 0):
            return np.multiply(delta, self._gamma * self._scale, out=du)
        if self._axis == 0:
            of_gamma, of_beta = self.sums
            np.multiply(unit, of_gamma * self._share, out=work)
            np.subtract(delta, work, out=du)
            np.subtract(du, of_beta * self._share, out=du)
            return np.multiply(du, self._gamma * self._scale, out=du)
        np.multiply(delta, self._gamma, out=du)
        projection = self._mean(np.multiply(work, self._gamma, out=work))
        np.subtract(du, self._mean(du), out=du)
        np.subtract(du, np.multiply(unit, projection, out=work), out=du)
        return np.multiply(du, self._scale, out=du)

    def keep_first(self, k: int) -> None:
        """Forgets all but the first k examples of the last forward pass."""
        self._unit = self._unit[:k]
        if self._axis == 1:
            self._scale = self._scale[:k]


NORMS: dict[str, Callable[..., Norm]] = {"batch_norm": batch_norm, "layer_norm": layer_norm}
