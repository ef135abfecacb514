"""Training as a generator of epoch records: saving, printing and stopping early are the caller's loop.

Epoch 0 is the untrained network; epoch k is what stands after k passes over the training part.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain

import numpy as np

from vgrad.data.dataset import Dataset
from vgrad.errors import ConfigError
from vgrad.lab.config import Config
from vgrad.lab.descent import Cancelled, Descent, Divergence, Penalty
from vgrad.lab.evaluation import Evaluator, ProbeSet
from vgrad.lab.feed import Index
from vgrad.lab.fields import Init
from vgrad.lab.randomness import Purpose, generator
from vgrad.nn.activations import ACTIVATIONS
from vgrad.nn.arrays import Array, Parameters
from vgrad.nn.costs import COSTS, OUTPUTS
from vgrad.nn.initializers import BIASES, INITIALIZERS, initialize
from vgrad.nn.network import Network
from vgrad.nn.optimizers import OPTIMIZERS, Optimizer, State
from vgrad.nn.parameters import as_type, copy_into
from vgrad.nn.probes import PROBES
from vgrad.nn.schedules import SCHEDULES

__all__ = ["Cancelled", "EpochRecord", "TrainingState", "build_network", "draw_parameters", "fresh_state", "train"]


@dataclass(frozen=True)
class EpochRecord:
    """What one epoch leaves.

    `metrics`: monitor -> value, then `penalty` and `learning_rate` (None in epoch 0). `gradients`: probe -> a number a
    layer, or None in an epoch that is not measured. `neurons`: the mean delta of every neuron, layer by layer, in the
    epochs that the config names. `divergence` is set in the last record of a run that diverged, which has nothing else.
    """

    epoch: int
    metrics: dict[str, float | None] = field(default_factory=dict)
    gradients: dict[str, list[float]] | None = None
    neurons: list[Array] | None = None
    divergence: Divergence | None = None


@dataclass(frozen=True)
class TrainingState:
    """Where training stands after `epoch`: all that the next epoch starts from. Training changes the arrays in place,
    and leaves the state of the last whole epoch in them when it is cancelled."""

    epoch: int
    parameters: Parameters
    optimizer: State


def build_network(config: Config) -> Network:
    """The network that a config describes."""
    return Network(
        config.sizes,
        tuple(ACTIVATIONS[choice.name](**choice.parameters) for choice in config.activations),
        OUTPUTS[config.output],
        COSTS[config.cost][config.output],
    )


def draw_parameters(config: Config, init: Init) -> Parameters:
    """Initial parameters drawn as `init` says, with the config's seed and of its type. ConfigError on overflow."""
    with np.errstate(over="ignore"):
        drawn = initialize(
            config.sizes,
            INITIALIZERS[init.weights.name](**init.weights.parameters),
            BIASES[init.biases.name](**init.biases.parameters),
            init.gain,
            (generator(config.seed, Purpose.WEIGHTS), generator(config.seed, Purpose.BIASES)),
        )
        parameters = as_type(drawn, config.sizes, config.dtype)
    if not all(np.isfinite(value).all() for value in parameters.values()):
        raise ConfigError(f"init.gain: {init.gain:g} makes weights that {config.dtype} cannot hold; use a smaller one")
    return parameters


def fresh_state(config: Config, initial: Parameters) -> TrainingState:
    """The state before any update; `initial` is left alone."""
    parameters = {name: value.copy() for name, value in initial.items()}
    return TrainingState(0, parameters, _optimizer(config).init(parameters))


def train(
    config: Config,
    dataset: Dataset,
    state: TrainingState,
    *,
    resumed: bool = False,
    cancelled: Callable[[], bool] = lambda: False,
) -> Iterator[tuple[EpochRecord, TrainingState]]:
    """Yields (record, state) after each epoch: epoch 0 first, unless `resumed`, then state.epoch + 1 to config.epochs.

    The arrays of a yielded state are valid until the next one is asked for. When `cancelled()` becomes true, Cancelled
    is raised between two batches. A run that diverges ends with a record that says where; its state then has the last
    finite parameters.
    """
    network, optimizer = build_network(config), _optimizer(config)
    parameters, memory = state.parameters, state.optimizer
    n = len(dataset.train)
    descent = Descent(network, parameters, dataset, config.rows_per_step, optimizer, Penalty(config.l2, config.l1, n))
    look = _Look(config, network, dataset, parameters)
    schedule = SCHEDULES[config.schedule.name](**config.schedule.parameters)
    if not resumed:
        record = look.record(state.epoch, None)
        yield record, state
        if record.divergence:
            return
    kept = [{name: value.copy() for name, value in arrays.items()} for arrays in (parameters, memory)]
    for epoch in range(state.epoch + 1, config.epochs + 1):
        eta = optimizer.learning_rate * schedule(epoch)
        order = _order(config, n, epoch)
        _overwrite(kept, (parameters, memory))
        try:
            descent.epoch(order, eta, memory, cancelled)
        except Cancelled:
            _overwrite((parameters, memory), kept)
            raise
        finite = all(np.isfinite(value).all() for value in parameters.values())
        record = look.record(epoch, eta) if finite else EpochRecord(epoch, divergence=Divergence(epoch, None, None))
        if record.divergence:
            _overwrite((parameters, memory), kept)
            record = EpochRecord(epoch, divergence=descent.locate(order, eta, memory, epoch))
        yield record, TrainingState(epoch, parameters, memory)
        if record.divergence:
            return


class _Look:
    """What is measured after an epoch."""

    def __init__(self, config: Config, network: Network, dataset: Dataset, parameters: Parameters) -> None:
        self._config, self._parameters = config, parameters
        self._evaluator = Evaluator(network, parameters, dataset, config.dtype)
        self._probes = ProbeSet(network, dataset, config.probe_examples)
        self._penalty = Penalty(config.l2, config.l1, len(dataset.train))

    def record(self, epoch: int, eta: float | None) -> EpochRecord:
        """The record of the epoch: of a divergence where the numbers overflow, although the parameters do not."""
        try:
            with np.errstate(over="raise", invalid="raise", divide="raise", under="ignore"):
                return self._measured(epoch, eta)
        except FloatingPointError:
            return EpochRecord(epoch, divergence=Divergence(epoch, None, None))

    def _measured(self, epoch: int, eta: float | None) -> EpochRecord:
        config, probes = self._config, self._config.probes
        means = self._evaluator.means(config.monitors, config.cost, config.output)
        penalty = self._penalty.value(self._parameters)
        metrics: dict[str, float | None] = {**means, "penalty": penalty, "learning_rate": eta}
        gradients, neurons = None, None
        measured = epoch % probes.every == 0 or epoch == config.epochs
        if measured or epoch in probes.neurons:
            measurement = self._probes.measure(self._parameters)
            gradients = {name: PROBES[name](measurement) for name in probes.record} if measured else None
            neurons = measurement.mean_delta if epoch in probes.neurons else None
        if not np.isfinite([*means.values(), penalty, *chain(*(gradients or {}).values())]).all():
            raise FloatingPointError("a mean or a norm is not finite")
        return EpochRecord(epoch, metrics, gradients, neurons)


def _overwrite(targets: Sequence[Parameters], sources: Sequence[Parameters]) -> None:
    for target, source in zip(targets, sources, strict=True):
        copy_into(target, source)


def _optimizer(config: Config) -> Optimizer:
    return OPTIMIZERS[config.optimizer.name](**config.optimizer.parameters)


def _order(config: Config, n: int, epoch: int) -> Index:
    """The examples of an epoch: shuffled, or in file order; a full batch has no order and stays in the file's."""
    if config.shuffle and config.rows_per_step < n:
        return generator(config.seed, Purpose.SHUFFLE, epoch).permutation(n)
    return np.arange(n, dtype=np.intp)
