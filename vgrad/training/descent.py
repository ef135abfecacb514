"""One epoch of gradient descent, in place: the hot loop, and the slow replay that finds where it diverged.

The hot loop looks at nothing. A parameter that is NaN or infinite never becomes finite again, so one look at the end
of an epoch is enough; the epoch is then replayed, step by step, to the first batch and layer that went wrong.

Plain descent is fused: the product that makes a gradient also makes the step. Everything else has parameters and
gradients as one vector each, with the arrays as views of it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from vgrad.data.dataset import Dataset
from vgrad.nn.arrays import Array, Parameters, add_scaled, norm
from vgrad.nn.backprop import Passes, first_non_finite, passes
from vgrad.nn.fullbatch import FullBatch
from vgrad.nn.limits import Clip, max_norm
from vgrad.nn.network import Network, Noise
from vgrad.nn.optimizers import Optimizer, State, Step, Stepper
from vgrad.nn.parameters import copy_into, joined, realigned, viewed
from vgrad.training.evaluation import chunks
from vgrad.training.feed import Feed, Index
from vgrad.training.record import Divergence

GATHERED = 200  # examples gathered and scaled at once: they stay in the second-level cache until their steps are done
LARGEST_STEP = 2000  # rows of one pass; larger batches are the sum of several


def full_batch(
    network: Network, parameters: Parameters, dataset: Dataset, m: int, smoothing: float = 0.0
) -> FullBatch | None:
    """The pass that one step an epoch and all that is measured on the training part share, with batches of m examples;
    None where a step has fewer, more than fit into one pass, or something that measurements have not."""
    n = len(dataset.train)
    if m < n or n > LARGEST_STEP or network.is_noisy or not network.is_plain:
        return None
    feed = Feed(dataset, network.sizes[-1], n, np.float64, smoothing)
    return FullBatch(network, parameters, *feed.load(dataset.train, np.arange(n, dtype=np.intp)))


def _first_bad_layer(passes: Passes | FullBatch) -> int | None:
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
class Penalty:
    """lambda/(2n) sum W^2 + mu/n sum |W|: `l2` is lambda, `l1` is mu, n the number of training examples."""

    l2: float
    l1: float
    n: int

    def value(self, parameters: Parameters) -> float:
        """The term that is added to the cost."""
        weights = [w.astype(np.float64, copy=False).ravel() for name, w in parameters.items() if name.startswith("W")]
        squares = sum(float(np.dot(w, w)) for w in weights) if self.l2 else 0.0
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

    def add_gradient(self, parameters: Parameters, gradients: Parameters, scale: float) -> None:
        """Adds scale * (lambda/n W + mu/n sign(W)) to the gradients of the weights."""
        if not (self.l2 or self.l1):
            return
        for name, w in parameters.items():
            if name.startswith("W") and self.l2:
                add_scaled(gradients[name], w, scale * self.l2 / self.n)
            if name.startswith("W") and self.l1:
                gradients[name] += scale * self.l1 / self.n * np.sign(w)


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


@dataclass(frozen=True)
class Epoch:
    """An epoch to come: its number from 1, the examples in `order`, the learning rate, and fresh generators."""

    number: int
    order: Index
    eta: float
    noise: Callable[[], Noise | None]


class _Updates:
    """The steps of an epoch: passes add scale * gradient to keep * `target`, then `finish` changes the parameters.

    The target is the gradient, with keep 0 — or, of a heavy ball that is not clipped, its velocity: v <- mu v - eta g
    then comes out of the product that makes g, and what is left is w <- w + v.
    """

    def __init__(
        self,
        rule: Rule,
        parameters: Parameters,
        vectors: tuple[Array, Array],
        gradients: Parameters,
        hidden: list[Array],
        eta: float,
        first: int,
        state: State,
    ) -> None:
        self._rule, self._parameters, self._eta, self._t = rule, parameters, eta, first
        self._w, self._g = vectors
        self._limited = hidden if rule.max_norm else []
        self._ball = rule.optimizer.is_heavy_ball and rule.clip is None
        self._step = Stepper(rule.optimizer, self._w, self._g, state)
        self.target, self.scale, self.keep = gradients, 1.0, 0.0
        if self._ball:
            self._v, self.scale, self.keep = state["v"], -eta, rule.momentum(first)
            self.target = viewed(self._v, parameters)

    def finish(self) -> None:
        """The penalty's share, and then the step."""
        rule, t = self._rule, self._t
        rule.penalty.add_gradient(self._parameters, self.target, self.scale)
        if self._ball:
            np.add(self._w, self._v, out=self._w)
            self.keep = rule.momentum(t + 1)
        else:
            if rule.clip is not None:
                rule.clip.apply(self._g)
            self._step(Step(self._eta, rule.momentum(t), t))
        for W in self._limited:
            max_norm(W, rule.max_norm or 0.0)
        self._t = t + 1


class Descent:
    """Steps over the training part of `dataset` in batches of `m` examples; changes `parameters` and `buffers`.

    The entries of `parameters` become copies at cache lines, or, where the step is not fused, views of one vector.
    `full_batch` is the pass that measurements share, if one is a step.
    """

    def __init__(
        self, network: Network, parameters: Parameters, buffers: Parameters, dataset: Dataset, m: int, rule: Rule
    ) -> None:
        dtype, n = parameters["W1"].dtype, len(dataset.train)
        self._network, self._buffers, self._part = network, buffers, dataset.train
        self._rule, self._m = rule, m
        # the statistics of a batch are those of all its examples
        self._at_once = m <= LARGEST_STEP or (network.norm is not None and network.norm.axis == 0)
        self._passes: dict[int, Passes] = {}
        self._fused = rule.is_plain and self._at_once
        self.steps_per_epoch = -(-n // m)
        self.parameters = parameters
        if self._fused:
            parameters.update(realigned(parameters))
        else:
            self._w, views = joined(parameters)
            parameters.update(views)
            # what no pass writes, such as biases before a batch norm, has to stay 0: nothing is added to g in place
            self._g, self._gradients = joined({name: np.zeros_like(value) for name, value in parameters.items()})
        self.full_batch = full_batch(network, parameters, dataset, m, rule.smoothing)
        if self.full_batch is None:
            rows = m * max(1, GATHERED // m) if self._at_once else LARGEST_STEP
            self._feed = Feed(dataset, network.sizes[-1], min(rows, n), dtype, rule.smoothing)

    def epoch(
        self,
        epoch: Epoch,
        state: State,
        cancelled: Callable[[], bool],
        *,
        watched: bool = False,
        after: Callable[[int], None] | None = None,
    ) -> list[float | None] | None:
        """One pass over the training part; Cancelled between two batches when the caller asks.

        `after` is called with the number of each step, from 1, once it is made. `watched`: returns
        ||W after - W before|| / ||W before|| of every layer for the last step.
        """
        with np.errstate(all="ignore"):
            before = self._weights() if watched and self.steps_per_epoch == 1 else {}
            for batch, _ in self._steps(epoch, state, cancelled):
                if after is not None:
                    after(batch)
                if watched and batch == self.steps_per_epoch - 1:
                    before = self._weights()
            return [_ratio(norm(self.parameters[name] - W), norm(W)) for name, W in before.items()] or None

    def locate(self, epoch: Epoch, state: State) -> Divergence:
        """Repeats an epoch that diverged and stops before the first bad step, with the last finite parameters.

        Where no step is bad, the numbers overflowed in the measurement after the epoch.
        """
        arrays = (self.parameters, self._buffers)
        last = [{name: value.copy() for name, value in held.items()} for held in arrays]
        with np.errstate(all="ignore"):
            for batch, passes in self._steps(epoch, state, lambda: False):
                layer = _first_bad_layer(passes)
                for held, kept in zip(arrays, last, strict=True):
                    copy_into(*((kept, held) if layer is None else (held, kept)))
                if layer is not None:
                    return Divergence(epoch.number, batch, layer)
        return Divergence(epoch.number, None, None)

    def _weights(self) -> Parameters:
        return {name: value.copy() for name, value in self.parameters.items() if name.startswith("W")}

    def _steps(
        self, epoch: Epoch, state: State, cancelled: Callable[[], bool]
    ) -> Iterator[tuple[int, Passes | FullBatch]]:
        """Makes the steps; yields, after each pass, the batch (from 1) and the passes that hold its z and delta."""
        if self.full_batch is not None:
            return self._one_step(self.full_batch, epoch, state, cancelled)
        return (self._small_steps if self._at_once else self._large_steps)(epoch, state, cancelled)

    def _one_step(
        self, batch: FullBatch, epoch: Epoch, state: State, cancelled: Callable[[], bool]
    ) -> Iterator[tuple[int, FullBatch]]:
        """The batch is the training part; where its parameters have been measured, the pass has been made."""
        if cancelled():
            raise Cancelled
        batch.pass_through()
        if self._fused:
            self._rule.penalty.shrink(self.parameters, epoch.eta)
            batch.descend(epoch.eta, self._rule.penalty.decay(epoch.eta))
        else:
            update = self._updates(epoch, state)
            batch.add_gradients(update.target, update.scale / batch.rows, update.keep)
            update.finish()
            batch.changed()
        yield 1, batch

    def _small_steps(self, epoch: Epoch, state: State, cancelled: Callable[[], bool]) -> Iterator[tuple[int, Passes]]:
        """Several batches are gathered at once, and each is one pass."""
        order, eta, m, rows, fused = epoch.order, epoch.eta, self._m, self._feed.rows, self._fused
        penalty, noise = self._rule.penalty, epoch.noise()
        decay = penalty.decay(eta)
        update = None if fused else self._updates(epoch, state)
        for start in range(0, len(order), rows):
            if cancelled():
                raise Cancelled
            x_all, y_all = self._feed.load(self._part, order[start : start + rows])
            for i in range(0, len(x_all), m):
                x, y = x_all[i : i + m], y_all[i : i + m]
                passes = self._passes.get(len(x)) or self._new_passes(len(x))
                passes.forward(x, noise)
                passes.backward(y)
                if update is None:
                    penalty.shrink(self.parameters, eta)
                    passes.descend(x, eta, decay)
                else:
                    passes.add_gradients(x, update.target, update.scale / len(x), update.keep)
                    update.finish()
                yield (start + i) // m + 1, passes

    def _large_steps(self, epoch: Epoch, state: State, cancelled: Callable[[], bool]) -> Iterator[tuple[int, Passes]]:
        """A batch is gathered in pieces, whose gradients add up; the last piece makes the step."""
        update, noise = self._updates(epoch, state), epoch.noise()
        for start in range(0, len(epoch.order), self._m):
            batch = epoch.order[start : start + self._m]
            for number, piece in enumerate(chunks(len(batch), self._feed.rows)):
                if cancelled():
                    raise Cancelled
                x, y = self._feed.load(self._part, batch[piece])
                passes = self._passes.get(len(x)) or self._new_passes(len(x))
                passes.forward(x, noise)
                passes.backward(y)
                passes.add_gradients(x, update.target, update.scale / len(batch), 1.0 if number else update.keep)
                if piece[-1] == len(batch) - 1:
                    update.finish()
                yield start // self._m + 1, passes

    def _updates(self, epoch: Epoch, state: State) -> _Updates:
        first = (epoch.number - 1) * self.steps_per_epoch + 1
        hidden = [self.parameters[f"W{layer}"] for layer in range(1, self._network.depth)]
        return _Updates(
            self._rule, self.parameters, (self._w, self._g), self._gradients, hidden, epoch.eta, first, state
        )

    def _new_passes(self, rows: int) -> Passes:
        found = self._passes[rows] = passes(self._network, self.parameters, rows, self._buffers, "train")
        return found


def _ratio(change: float, before: float) -> float | None:
    return change / before if before else None
