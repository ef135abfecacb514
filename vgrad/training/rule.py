"""What a step follows, apart from the gradient: penalties, the optimizer, limits; and the epoch that it belongs to."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from vgrad.nn.arrays import Array, Parameters, add_scaled
from vgrad.nn.limits import Clip
from vgrad.nn.network import Noise
from vgrad.nn.optimizers import Optimizer
from vgrad.nn.parameters import Views
from vgrad.training.feed import Index


class Cancelled(Exception):
    """The caller asked to stop between two batches; the epoch is not finished."""


@dataclass(frozen=True)
class Penalty:
    """lambda/(2n) sum W^2 + mu/n sum |W|: `l2` is lambda, `l1` is mu, n the number of training examples."""

    l2: float
    l1: float
    n: int

    def value(self, parameters: Parameters) -> float:
        """The term that is added to the cost."""
        if not (self.l2 or self.l1):  # to look at a million weights for nothing takes a hundredth of their epoch
            return 0.0
        weights = [w.astype(np.float64, copy=False).ravel() for name, w in parameters.items() if name.startswith("W")]
        squares = sum(float(np.dot(w, w)) for w in weights) if self.l2 else 0.0
        sizes = sum(float(np.abs(w).sum()) for w in weights) if self.l1 else 0.0
        return self.l2 / (2 * self.n) * squares + self.l1 / self.n * sizes

    def decay(self, eta: float) -> float:
        """1 - eta lambda/n, what W is multiplied by in the step's own product; 1 with L1, where dP/dW has been
        subtracted before."""
        return 1.0 if self.l1 else 1 - eta * self.l2 / self.n

    def gradient(self, W: Array, out: Array) -> Array:
        """dP/dW = lambda/n W + mu/n sign(W) of any array of weights, into `out`."""
        np.sign(W, out)
        np.multiply(out, self.l1 / self.n, out)
        if self.l2:
            add_scaled(out, W, self.l2 / self.n)
        return out

    def shrink(self, w: Views, eta: float) -> None:
        """With L1, the share of both penalties in a step of plain descent: W <- W - eta dP/dW."""
        if self.l1:
            w.add_weights(w, -eta, self.gradient)

    def add_gradient(self, w: Views, to: Views, scale: float) -> None:
        """Adds scale * dP/dW to what `to` has of the weights."""
        if self.l1:
            to.add_weights(w, scale, self.gradient)
        elif self.l2:
            to.add_weights(w, scale * self.l2 / self.n)


@dataclass(frozen=True)
class Rule:
    """How a batch changes parameters: the gradient with the penalty's share, clipped, to the optimizer; then max-norm.

    `momentum` is mu_t; `smoothing` that of the labels; `max_norm` is for the incoming weights of hidden units.
    """

    optimizer: Optimizer
    penalty: Penalty
    momentum: Callable[[int], float]
    clip: Clip | None
    max_norm: float | None
    smoothing: float

    @property
    def is_plain(self) -> bool:
        """Whether a step is w <- w - eta (g + the penalty's share) and no more."""
        return self.optimizer.is_plain_descent and self.clip is None and self.max_norm is None

    @property
    def rests(self) -> bool:
        """Whether weights whose gradient is always 0 are moved by the decay of plain descent alone, or by nothing."""
        penalty = self.penalty
        moved = penalty.l1 or self.max_norm is not None or not self.optimizer.rests
        return not moved and (self.is_plain or not penalty.l2)


@dataclass(frozen=True)
class Epoch:
    """An epoch to come: its number from 1, the examples in `order`, the learning rate, and fresh generators."""

    number: int
    order: Index
    eta: float
    noise: Callable[[], Noise | None]
