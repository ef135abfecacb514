"""The training of small networks, with dropout and batch norm, too: the loop around `AugmentedStep`."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from vgrad.data.dataset import Dataset
from vgrad.nn.arrays import Parameters
from vgrad.nn.beside.norm import Statistics
from vgrad.nn.beside.step import AugmentedStep, has_bias
from vgrad.nn.beside.weights import Augmented
from vgrad.nn.network import Network
from vgrad.nn.optimizers import State
from vgrad.nn.parameters import viewed
from vgrad.training.feed import Batches
from vgrad.training.rule import Cancelled, Epoch, Rule
from vgrad.training.updates import Updates


class SmallSteps:
    """Steps over the training part of `dataset` in batches of m examples, of which `rows` are gathered at once.

    They are made in arrays of their own: an epoch begins with the numbers of `parameters` and of the optimizer's
    vectors, and `store` puts there what the last step has left.
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
        self._network, self._parameters, self._part, self._rule = network, parameters, dataset.train, rule
        self._buffers, self._state = buffers, State()
        self._w, self._g, *slots = (
            Augmented(network.sizes, dtype, normed=normed) for _ in range(2 + len(rule.optimizer.slots))
        )
        self._slots = dict(zip(rule.optimizer.slots, slots, strict=True))
        self._running = Statistics(network.sizes[1:-1], dtype) if normed else None
        columns, bias = self._w.V[0].shape[1], has_bias(network, 1)
        self._batches = Batches(dataset, network.sizes[-1], rows, dtype, rule.smoothing, m, columns, bias=bias)
        self._passes: dict[int, AugmentedStep] = {}

    def _load(self, state: State) -> None:
        self._state = state
        self._w.load(self._parameters)
        for name, slot in self._slots.items():
            slot.load(viewed(state[name], self._parameters))
        if self._running is not None:
            self._running.load(self._buffers)

    def store(self) -> None:
        """Gives `parameters`, `buffers` and the optimizer's vectors the numbers of the last step."""
        self._w.store(self._parameters)
        for name, slot in self._slots.items():
            slot.store(viewed(self._state[name], self._parameters))
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
        decay, noise, step = penalty.decay(eta), epoch.noise(), 0
        for start in range(0, len(order), batches.rows):
            if cancelled():
                raise Cancelled
            for x, y in batches.batches(self._part, order[start : start + batches.rows]):
                step += 1
                passes = self._passes.get(x.shape[1]) or self._new_passes(x.shape[1])
                passes.forward(x, noise)
                passes.backward(y)
                if update is None:
                    penalty.shrink(self._w.views, eta)
                    passes.descend(x, eta, decay)
                else:
                    passes.add_gradients(x, update.target, update.scale / passes.rows, update.keep)
                    update.finish()
                yield step, passes

    def _new_passes(self, rows: int) -> AugmentedStep:
        made = self._passes[rows] = AugmentedStep(self._network, self._w, rows, self._batches.unit, self._running)
        return made
