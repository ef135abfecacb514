"""The training of small networks, with dropout and batch norm, too: the loop around `AugmentedStep`."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from vgrad.data.dataset import Dataset
from vgrad.nn.arrays import Array, Parameters
from vgrad.nn.beside.norm import Statistics
from vgrad.nn.beside.step import AugmentedStep, has_bias
from vgrad.nn.beside.weights import Augmented
from vgrad.nn.functions import Call, make
from vgrad.nn.network import Network
from vgrad.nn.optimizers import State
from vgrad.nn.parameters import viewed
from vgrad.training.feed import Batches, Index, without_zeros
from vgrad.training.rule import Cancelled, Epoch, Rule
from vgrad.training.updates import Updates


class _Columns:
    """Of W^1 and of arrays like it: steps see the columns of the inputs that are `used`; those of the others rest.

    Their gradient is always 0, and plain descent multiplies them by `decay` a step.
    """

    def __init__(self, used: Index | None, n: int) -> None:
        self._used: Index | slice = slice(None) if used is None else used
        self._others = np.setdiff1d(np.arange(n), np.arange(n)[self._used])

    def load(self, held: Augmented, arrays: Parameters) -> None:
        """Gives `held` the numbers of `arrays`."""
        held.load({**arrays, "W1": arrays["W1"][:, self._used]})

    def store(self, held: Augmented, arrays: Parameters) -> None:
        """Puts those of `held` into `arrays`."""
        held.store({**arrays, "W1": held.views["W1"]})
        arrays["W1"][:, self._used] = held.views["W1"]

    def begin(self, W1: Array, decay: float) -> None:
        """An epoch begins with W1."""
        self._at_first, self._decay = W1[:, self._others], W1.dtype.type(decay)

    def decay(self, W1: Array, steps: int) -> None:
        """W <- decay^steps W of those that rest, from the W of the beginning; 0 stays 0 where the power overflows."""
        if self._decay != 1 and self._others.size:
            power = np.float64(self._decay) ** steps
            W1[:, self._others] = np.where(self._at_first == 0, self._at_first, self._at_first * power)


class SmallSteps:
    """Steps over the training part of `dataset` in batches of m examples, of which `rows` are gathered at once.

    They are made in arrays of their own: an epoch begins with the numbers of `parameters` and of the optimizer's
    vectors, next to nothing as 0, and `store` puts there what the last step has left. Inputs that are 0 in all examples
    are left out.
    """

    def __init__(
        self,
        network: Network,
        parameters: Parameters,
        buffers: Parameters,
        dataset: Dataset,
        m: int,
        rows: int,
        rule: Rule,
    ) -> None:
        dtype, normed = parameters["W1"].dtype, network.norm is not None
        dataset, used = without_zeros(dataset) if rule.rests else (dataset, None)
        self._columns = _Columns(used, network.sizes[0])
        self._network, self._parameters, self._part, self._rule = network, parameters, dataset.train, rule
        self._buffers, self._state, self._made = buffers, State(), 0
        sizes = (dataset.n_inputs, *network.sizes[1:])
        self._w, self._g, *slots = (
            Augmented(sizes, dtype, normed=normed) for _ in range(2 + len(rule.optimizer.slots))
        )
        self._slots = dict(zip(rule.optimizer.slots, slots, strict=True))
        self._running = Statistics(network.sizes[1:-1], dtype) if normed else None
        columns, bias = self._w.V[0].shape[1], has_bias(network, 1)
        self._batches = Batches(dataset, network.sizes[-1], rows, dtype, rule.smoothing, m, columns, bias=bias)
        self._passes: dict[int, AugmentedStep] = {}
        self._calls: dict[int, tuple[AugmentedStep, list[Call]]] = {}  # by the array of the inputs, which each holds
        self._how: tuple[float, float | None] | None = None  # what all of them were put together for

    def _load(self, state: State) -> None:
        self._state = state
        self._columns.load(self._w, self._parameters)
        for name, slot in self._slots.items():
            self._columns.load(slot, viewed(state[name], self._parameters))
        slots = () if self._rule.optimizer.is_fine else self._slots.values()  # a mean of g^2 is smaller than its root
        for held in (self._w, *slots):
            held.drop_nothings()
        if self._running is not None:
            self._running.load(self._buffers)

    def store(self) -> None:
        """Gives `parameters`, `buffers` and the optimizer's vectors the numbers of the last step."""
        self._columns.store(self._w, self._parameters)
        self._columns.decay(self._parameters["W1"], self._made)
        for name, slot in self._slots.items():
            self._columns.store(slot, viewed(self._state[name], self._parameters))
        if self._running is not None:
            self._running.store(self._buffers)

    def steps(
        self, epoch: Epoch, state: State, first: int, cancelled: Callable[[], bool]
    ) -> Iterator[tuple[int, AugmentedStep]]:
        """Makes the steps of an epoch; yields after each its number, from 1, and the pass that it came from. `first` is
        how the optimizer numbers the first."""
        self._load(state)
        for passes in self._passes.values():
            passes.restart()
        penalty, batches, eta, order = self._rule.penalty, self._batches, epoch.eta, epoch.order
        update = None if self._rule.is_plain else Updates(self._rule, self._w, self._g, self._slots, eta, first)
        self._forget_others(eta, update)
        noise, self._made = epoch.noise(), 0
        self._columns.begin(self._parameters["W1"], penalty.decay(eta))
        for start in range(0, len(order), batches.rows):
            if cancelled():
                raise Cancelled
            for x, y in batches.batches(self._part, order[start : start + batches.rows]):
                self._made += 1
                passes, calls = self._calls.get(id(x)) or self._put_together(x, y, eta, update)
                if noise is not None:
                    passes.draw(noise)
                make(calls)
                if update is not None:
                    update.finish()
                    self._forget_others(eta, update)
                yield self._made, passes

    def _forget_others(self, eta: float, update: Updates[Augmented] | None) -> None:
        """Calls that were put together for another learning rate, or to keep another share of what they add to."""
        how = eta, update.keep if update else None
        if self._how != how:
            self._how = how
            self._calls.clear()

    def _put_together(
        self, x: Array, y: Array, eta: float, update: Updates[Augmented] | None
    ) -> tuple[AugmentedStep, list[Call]]:
        """The calls of a step with a batch in these arrays, but for what an optimizer does with its gradient."""
        rows, penalty, unit = x.shape[1], self._rule.penalty, self._batches.unit
        passes = self._passes.get(rows) or AugmentedStep(self._network, self._w, rows, unit, self._running)
        calls = passes.passing(x, y)
        if update is not None:
            calls += passes.adding(x, update.target, update.scale / rows, update.keep)
        else:
            calls += [(penalty.shrink, (self._w, eta))] if penalty.l1 else []
            calls += passes.descending(x, eta, penalty.decay(eta))
        self._passes[rows], self._calls[id(x)] = passes, (passes, calls)
        return passes, calls
