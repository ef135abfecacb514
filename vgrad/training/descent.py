"""One epoch of gradient descent, in place: the hot loop, and the slow replay that finds where it diverged.

The hot loop looks at nothing. A parameter that is NaN or infinite never becomes finite again, so one look at the end
of an epoch is enough; the epoch is then replayed, step by step, to the first batch and layer that went wrong.

Plain descent is fused: the product that makes a gradient also makes the step. Everything else has parameters and
gradients as one vector each, with the arrays as views of it. Small networks take their steps in `small.py`, in arrays
of their own, and a batch that is the whole training part in `FullBatch`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator

import numpy as np

from vgrad.data.dataset import Dataset
from vgrad.nn.arrays import Parameters, norm
from vgrad.nn.backprop import Passes, first_non_finite, passes
from vgrad.nn.beside.step import AugmentedStep
from vgrad.nn.beside.weights import fits
from vgrad.nn.fullbatch import FullBatch
from vgrad.nn.network import Network
from vgrad.nn.optimizers import State
from vgrad.nn.parameters import Flat, Views, copy_into, joined, layer_of, realigned, viewed
from vgrad.training.evaluation import chunks
from vgrad.training.feed import Feed
from vgrad.training.record import Divergence
from vgrad.training.rule import Cancelled, Epoch, Rule
from vgrad.training.small import SmallSteps
from vgrad.training.updates import Updates

GATHERED = 100  # examples gathered and scaled at once: they stay in the second-level cache until their steps are done
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


def _first_bad_layer(passes: Passes | AugmentedStep | FullBatch, changed: Parameters) -> int | None:
    """In the order in which a step computes: z from below, delta from above, then what it has `changed`, parameters and
    running statistics."""
    from_above = first_non_finite(passes.delta[::-1])
    bad = [layer_of(name) for name, array in changed.items() if not np.isfinite(array).all()]
    return (
        first_non_finite(passes.z)
        or (None if from_above is None else len(passes.delta) + 1 - from_above)
        or min(bad, default=None)
    )


class Descent:
    """Steps over the training part of `dataset` in batches of `m` examples; changes `parameters` and `buffers`.

    The entries of `parameters` become copies at cache lines, or, for an optimizer, views of one vector.
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
        self.steps_per_epoch = -(-n // m)
        self.parameters = parameters
        self._small: SmallSteps | None = None
        rows = min(n, m * max(1, GATHERED // m) if self._at_once else LARGEST_STEP)
        small = m < n and self._at_once and fits(network)
        self._fused = rule.is_plain and self._at_once
        if small or self._fused:
            parameters.update(realigned(parameters))
            self._views = Views(parameters)
        else:
            self._w = Flat(*joined(parameters))
            parameters.update(self._w.views)
            # what no pass writes, such as biases before a batch norm, has to stay 0: nothing is added to g in place
            self._g = Flat(*joined({name: np.zeros_like(value) for name, value in parameters.items()}))
        self.full_batch = full_batch(network, parameters, dataset, m, rule.smoothing)
        if small:
            self._small = SmallSteps(network, parameters, buffers, dataset, m, rows, rule)
        elif self.full_batch is None:
            self._feed = Feed(dataset, network.sizes[-1], rows, dtype, rule.smoothing)

    def epoch(
        self,
        epoch: Epoch,
        state: State,
        cancelled: Callable[[], bool],
        *,
        watched: bool = False,
        marks: Collection[int] = (),
        after: Callable[[int], None] = lambda step: None,
    ) -> list[float | None] | None:
        """One pass over the training part; Cancelled between two batches when the caller asks.

        `after` is called with the number of each step in `marks`, from 1, once it is made. `watched`: returns
        ||W after - W before|| / ||W before|| of every layer for the last step.
        """
        with np.errstate(all="ignore"):
            before = self._weights() if watched and self.steps_per_epoch == 1 else {}
            for batch, _ in self._steps(epoch, state, cancelled):
                if batch in marks:
                    self._store()
                    after(batch)
                if watched and batch == self.steps_per_epoch - 1:
                    self._store()
                    before = self._weights()
            self._store()
            return [_ratio(norm(self.parameters[name] - W), norm(W)) for name, W in before.items()] or None

    def locate(self, epoch: Epoch, state: State) -> Divergence:
        """Repeats an epoch that diverged and stops before the first bad step, with the last finite parameters.

        Where no step is bad, the numbers overflowed in the measurement after the epoch.
        """
        arrays = (self.parameters, self._buffers)
        last = [{name: value.copy() for name, value in held.items()} for held in arrays]
        with np.errstate(all="ignore"):
            for batch, passes in self._steps(epoch, state, lambda: False):
                self._store()
                layer = _first_bad_layer(passes, self.parameters | self._buffers)
                for held, kept in zip(arrays, last, strict=True):
                    copy_into(*((kept, held) if layer is None else (held, kept)))
                if layer is not None:
                    return Divergence(epoch.number, batch, layer)
        return Divergence(epoch.number, None, None)

    def _store(self) -> None:
        """The parameters as the last step left them, where steps change others."""
        if self._small is not None:
            self._small.store()

    def _weights(self) -> Parameters:
        return {name: value.copy() for name, value in self.parameters.items() if name.startswith("W")}

    def _steps(
        self, epoch: Epoch, state: State, cancelled: Callable[[], bool]
    ) -> Iterator[tuple[int, Passes | AugmentedStep | FullBatch]]:
        """Makes the steps; yields, after each pass, the batch (from 1) and the passes that hold its z and delta."""
        if self.full_batch is not None:
            return self._one_step(self.full_batch, epoch, state, cancelled)
        if self._small is not None:
            return self._small.steps(epoch, state, self._first_step(epoch), cancelled)
        return (self._small_steps if self._at_once else self._large_steps)(epoch, state, cancelled)

    def _one_step(
        self, batch: FullBatch, epoch: Epoch, state: State, cancelled: Callable[[], bool]
    ) -> Iterator[tuple[int, FullBatch]]:
        """The batch is the training part; where its parameters have been measured, the pass has been made."""
        if cancelled():
            raise Cancelled
        batch.pass_through()
        if self._fused:
            self._rule.penalty.shrink(self._views, epoch.eta)
            batch.descend(epoch.eta, self._rule.penalty.decay(epoch.eta))
        else:
            update = self._updates(epoch, state)
            batch.add_gradients(update.target.views, update.scale / batch.rows, update.keep)
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
                    penalty.shrink(self._views, eta)
                    passes.descend(x, eta, decay)
                else:
                    passes.add_gradients(x, update.target.views, update.scale / len(x), update.keep)
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
                passes.add_gradients(x, update.target.views, update.scale / len(batch), 1.0 if number else update.keep)
                if piece[-1] == len(batch) - 1:
                    update.finish()
                yield start // self._m + 1, passes

    def _first_step(self, epoch: Epoch) -> int:
        return (epoch.number - 1) * self.steps_per_epoch + 1

    def _updates(self, epoch: Epoch, state: State) -> Updates[Flat]:
        slots = {name: Flat(vector, viewed(vector, self.parameters)) for name, vector in state.items()}
        return Updates(self._rule, self._w, self._g, slots, epoch.eta, self._first_step(epoch))

    def _new_passes(self, rows: int) -> Passes:
        found = self._passes[rows] = passes(self._network, self.parameters, rows, self._buffers, "train")
        return found


def _ratio(change: float, before: float) -> float | None:
    return change / before if before else None
