"""One epoch of gradient descent, in place: the hot loop, and the slow replay that finds where it diverged.

The hot loop looks at nothing. A parameter that is NaN or infinite never becomes finite again, so one look at the end
of an epoch is enough; the epoch is then replayed, step by step, to the first batch and layer that went wrong.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from vgrad.data.dataset import Dataset
from vgrad.lab.evaluation import chunks
from vgrad.lab.feed import Feed, Index
from vgrad.nn.arrays import Parameters
from vgrad.nn.network import Backprop, Network, first_non_finite
from vgrad.nn.optimizers import Optimizer, State
from vgrad.nn.parameters import copy_into

GATHERED = 200  # examples gathered and scaled at once: they stay in the second-level cache until their steps are done
LARGEST_STEP = 2000  # rows of one pass; larger batches are the sum of several


Step = tuple[int, Backprop]


def _first_bad_layer(passes: Backprop) -> int | None:
    """In the order in which a step computes: z from below, delta from above, then the new parameters."""
    from_above = first_non_finite(passes.delta[::-1])
    return (
        first_non_finite(passes.z)
        or (None if from_above is None else len(passes.delta) + 1 - from_above)
        or first_non_finite(passes.W)
        or first_non_finite(passes.b)
    )


class Cancelled(Exception):
    """The caller asked to stop between two batches; the epoch is not finished."""


@dataclass(frozen=True)
class Divergence:
    """Where the numbers stopped being numbers: epoch and batch from 1 (batch None: while measuring), layer from 1."""

    epoch: int
    batch: int | None
    layer: int | None


@dataclass(frozen=True)
class Penalty:
    """lambda/(2n) sum W^2 + mu/n sum |W|: `l2` is lambda, `l1` is mu, n the number of training examples."""

    l2: float
    l1: float
    n: int

    def value(self, parameters: Parameters) -> float:
        """The term that is added to the cost."""
        weights = [w.astype(np.float64, copy=False) for name, w in parameters.items() if name.startswith("W")]
        squares = sum(float(np.square(w).sum()) for w in weights) if self.l2 else 0.0
        sizes = sum(float(np.abs(w).sum()) for w in weights) if self.l1 else 0.0
        return self.l2 / (2 * self.n) * squares + self.l1 / self.n * sizes

    def decay(self, eta: float) -> float:
        """1 - eta lambda/n, what W is multiplied by in the step's own product; 1 where `shrink` has done it."""
        return 1.0 if self.l1 else 1 - eta * self.l2 / self.n

    def shrink(self, parameters: Parameters, eta: float) -> None:
        """With L1, the share of both penalties in a step of plain descent, from the same W: W <- W - eta dP/dW."""
        if self.l1:
            for name, w in parameters.items():
                if name.startswith("W"):
                    w -= eta / self.n * (self.l2 * w + self.l1 * np.sign(w))

    def add_gradient(self, parameters: Parameters, gradients: Parameters) -> None:
        """Adds lambda/n W + mu/n sign(W) to the gradients of the weights."""
        for name, w in parameters.items():
            if name.startswith("W") and self.l2:
                gradients[name] += self.l2 / self.n * w
            if name.startswith("W") and self.l1:
                gradients[name] += self.l1 / self.n * np.sign(w)


class Descent:
    """Steps over the training part of `dataset` in batches of `m` examples; changes `parameters` in place."""

    def __init__(
        self, network: Network, parameters: Parameters, dataset: Dataset, m: int, optimizer: Optimizer, penalty: Penalty
    ) -> None:
        dtype = parameters["W1"].dtype
        self._network, self._parameters, self._part = network, parameters, dataset.train
        self._optimizer, self._penalty, self._m = optimizer, penalty, m
        rows = LARGEST_STEP if m > LARGEST_STEP else m * max(1, GATHERED // m)
        self._feed = Feed(dataset, network.sizes[-1], min(rows, len(dataset.train)), dtype)
        self._passes: dict[int, Backprop] = {}
        self._fused = optimizer.is_plain_descent and m <= LARGEST_STEP
        self._gradients: Parameters = (
            {} if self._fused else {name: np.zeros_like(value) for name, value in parameters.items()}
        )

    def epoch(self, order: Index, eta: float, state: State, cancelled: Callable[[], bool]) -> None:
        """One pass over the examples in `order`; Cancelled between two batches when the caller asks."""
        with np.errstate(all="ignore"):
            for _ in self._steps(order, eta, state, cancelled):
                pass

    def locate(self, order: Index, eta: float, state: State, epoch: int) -> Divergence:
        """Repeats an epoch that diverged and stops before the first bad step, with the last finite parameters.

        Where no step is bad, the numbers overflowed in the measurement after the epoch.
        """
        last = {name: value.copy() for name, value in self._parameters.items()}
        with np.errstate(all="ignore"):
            for batch, passes in self._steps(order, eta, state, lambda: False):
                layer = _first_bad_layer(passes)
                if layer is not None:
                    copy_into(self._parameters, last)
                    return Divergence(epoch, batch, layer)
                copy_into(last, self._parameters)
        return Divergence(epoch, None, None)

    def _steps(self, order: Index, eta: float, state: State, cancelled: Callable[[], bool]) -> Iterator[Step]:
        """Makes the steps; yields, after each pass, the batch (from 1) and the passes that hold its z and delta."""
        return (self._small_steps if self._m <= LARGEST_STEP else self._large_steps)(order, eta, state, cancelled)

    def _small_steps(self, order: Index, eta: float, state: State, cancelled: Callable[[], bool]) -> Iterator[Step]:
        """Several batches are gathered at once, and each is one pass."""
        n, m, rows = len(order), self._m, self._feed.rows
        decay = self._penalty.decay(eta)
        for start in range(0, n, rows):
            if cancelled():
                raise Cancelled
            x_all, y_all = self._feed.load(self._part, order[start : start + rows])
            for i in range(0, len(x_all), m):
                x, y = x_all[i : i + m], y_all[i : i + m]
                passes = self._passes.get(len(x)) or self._new_passes(len(x))
                passes.forward(x)
                passes.backward(y)
                if self._fused:
                    self._penalty.shrink(self._parameters, eta)
                    passes.descend(x, eta, decay)
                else:
                    passes.add_gradients(x, self._gradients, 1 / len(x))
                    self._update(eta, state)
                yield (start + i) // m + 1, passes

    def _large_steps(self, order: Index, eta: float, state: State, cancelled: Callable[[], bool]) -> Iterator[Step]:
        """A batch is gathered in pieces, whose gradients add up; the last piece makes the step."""
        for number, start in enumerate(range(0, len(order), self._m), start=1):
            batch = order[start : start + self._m]
            for piece in chunks(len(batch), self._feed.rows):
                if cancelled():
                    raise Cancelled
                x, y = self._feed.load(self._part, batch[piece])
                passes = self._passes.get(len(x)) or self._new_passes(len(x))
                passes.forward(x)
                passes.backward(y)
                passes.add_gradients(x, self._gradients, 1 / len(batch))
                if piece[-1] == len(batch) - 1:
                    self._update(eta, state)
                yield number, passes

    def _update(self, eta: float, state: State) -> None:
        self._penalty.add_gradient(self._parameters, self._gradients)
        self._optimizer.update(self._parameters, self._gradients, state, eta)
        for gradient in self._gradients.values():
            gradient.fill(0)

    def _new_passes(self, rows: int) -> Backprop:
        passes = self._passes[rows] = Backprop(self._network, self._parameters, rows)
        return passes
