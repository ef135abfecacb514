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

from vgrad.nn.arrays import Array, Parameters
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

    def __init__(self, norm: Norm, layer: int, parameters: Parameters, buffers: Parameters, mode: Mode) -> None:
        self._axis, self._epsilon = norm.axis, norm.epsilon
        self._gamma, self._beta = parameters[f"gamma{layer}"], parameters[f"beta{layer}"]
        self._momentum = norm.momentum if mode == "train" else None
        self._running: tuple[Array, Array] | None = None
        if norm.momentum is not None and mode != "probe":
            self._running = buffers[f"mean{layer}"], buffers[f"variance{layer}"]
        self._fixed = self._running is not None and mode == "evaluate"
        self._unit: Array  # (u - mean) / s
        self._scale: Array  # 1 / s

    def forward(self, u: Array, out: Array) -> Array:
        """Z of u, into `out`."""
        if self._fixed and self._running is not None:
            mean, variance = self._running
            unit = u - mean
        else:
            mean = u.mean(axis=self._axis, keepdims=True)
            unit = u - mean
            variance = np.square(unit).mean(axis=self._axis, keepdims=True)
        if self._momentum is not None and self._running is not None:
            self._move(mean, variance, len(u))
        self._scale = 1 / np.sqrt(variance + self._epsilon)
        self._unit = np.multiply(unit, self._scale, out=unit)
        np.multiply(unit, self._gamma, out=out)
        return np.add(out, self._beta, out=out)

    def _move(self, mean: Array, variance: Array, m: int) -> None:
        assert self._running is not None
        assert self._momentum is not None
        for running, batch in zip(self._running, (mean, variance * (m / max(m - 1, 1))), strict=True):
            running *= 1 - self._momentum
            running += self._momentum * batch[0]

    def backward(self, delta: Array, *, fixed: bool = False) -> Array:
        """dC/du of delta = dC/dz, with u = W a + b; `fixed` takes the batch statistics for constants.

        With g = delta gamma: (g - mean(g) - unit mean(g unit)) / s, means over the axis of the statistics
        (Ioffe and Szegedy 2015, sec. 3). A layer norm's statistics are the example's own and never constants.
        """
        g = delta * self._gamma
        if self._fixed or (fixed and self._axis == 0):
            return np.multiply(g, self._scale, out=g)
        projection = (g * self._unit).mean(axis=self._axis, keepdims=True)
        g -= g.mean(axis=self._axis, keepdims=True)
        g -= self._unit * projection
        return np.multiply(g, self._scale, out=g)

    def keep_first(self, k: int) -> None:
        """Forgets all but the first k examples of the last forward pass."""
        self._unit = self._unit[:k]
        if self._axis == 1:
            self._scale = self._scale[:k]

    def gradients(self, delta: Array) -> tuple[Array, Array]:
        """Sums over the batch of dC/dgamma = delta * unit and dC/dbeta = delta, each (n,)."""
        return np.einsum("ij,ij->j", delta, self._unit), delta.sum(axis=0)


NORMS: dict[str, Callable[..., Norm]] = {"batch_norm": batch_norm, "layer_norm": layer_norm}
