"""Plain descent of small plain networks: the loop around `AugmentedStep`."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from vgrad.data.dataset import Dataset
from vgrad.nn.arrays import Parameters
from vgrad.nn.augmented import Augmented, AugmentedStep
from vgrad.nn.network import Network
from vgrad.training.feed import Batches
from vgrad.training.rule import Cancelled, Epoch, Rule


class SmallSteps:
    """Steps over the training part of `dataset` in batches of m examples, of which `rows` are gathered at once.

    They are made in arrays of their own: an epoch begins with the numbers of `parameters`, and `store` puts there what
    the last step has left.
    """

    def __init__(
        self, network: Network, parameters: Parameters, dataset: Dataset, m: int, rows: int, rule: Rule
    ) -> None:
        dtype = parameters["W1"].dtype
        self._network, self._parameters, self._part, self._penalty = network, parameters, dataset.train, rule.penalty
        self._weights = Augmented(network.sizes, dtype)
        columns = self._weights.V[0].shape[1]
        self._batches = Batches(dataset, network.sizes[-1], rows, dtype, rule.smoothing, m, columns)
        self._passes: dict[int, AugmentedStep] = {}

    def store(self) -> None:
        """Gives `parameters` the numbers of the last step."""
        self._weights.store(self._parameters)

    def steps(self, epoch: Epoch, cancelled: Callable[[], bool]) -> Iterator[tuple[int, AugmentedStep]]:
        """Makes the steps of an epoch; yields after each its number, from 1, and the pass that it came from."""
        weights, penalty, batches, eta, order = self._weights, self._penalty, self._batches, epoch.eta, epoch.order
        decay, noise, step = penalty.decay(eta), epoch.noise(), 0
        weights.load(self._parameters)
        for start in range(0, len(order), batches.rows):
            if cancelled():
                raise Cancelled
            for x, y in batches.batches(self._part, order[start : start + batches.rows]):
                step += 1
                passes = self._passes.get(x.shape[1]) or self._new_passes(x.shape[1])
                passes.forward(x, noise)
                passes.backward(y)
                penalty.shrink(weights.views, eta)
                passes.descend(x, eta, decay)
                yield step, passes

    def _new_passes(self, rows: int) -> AugmentedStep:
        made = self._passes[rows] = AugmentedStep(self._network, self._weights, rows, self._batches.unit)
        return made
