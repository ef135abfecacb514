"""From a checked config to the things that train: the network, its parameters, the optimizer and the schedules."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from vgrad.config.config import Config
from vgrad.config.fields import Init
from vgrad.data.dataset import Dataset
from vgrad.data.datasets import load
from vgrad.errors import ConfigError
from vgrad.nn import activations, schedules
from vgrad.nn.arrays import Array, Parameters
from vgrad.nn.costs import COSTS, OUTPUTS
from vgrad.nn.initializers import BIASES, INITIALIZERS, DataDriven, initialize
from vgrad.nn.limits import Clip
from vgrad.nn.network import Network, Noise
from vgrad.nn.norms import NORMS
from vgrad.nn.optimizers import OPTIMIZERS, Optimizer
from vgrad.nn.parameters import as_type
from vgrad.training.descent import Penalty, Rule
from vgrad.training.feed import Feed
from vgrad.training.randomness import Purpose, generator

SEEN = 500
"""Training examples, the first ones, that a data-driven initializer sees."""


def build_network(config: Config) -> Network:
    """The network that a config describes."""
    norm = config.batch_norm or config.layer_norm
    return Network(
        config.sizes,
        tuple(activations.build(choice.name, **choice.parameters) for choice in config.activations),
        OUTPUTS[config.output],
        COSTS[config.cost][config.output],
        norm=NORMS[norm.name](**norm.parameters) if norm else None,
        residual=config.residual,
        dropout=config.dropout,
        input_noise=config.input_noise,
    )


def draw_parameters(config: Config, init: Init, dataset: Dataset | None = None) -> Parameters:
    """Initial parameters drawn as `init` says, with the config's seed and of its type. ConfigError on overflow.

    Initializers that look at data look at the first training examples of `dataset`, loaded when it is not given.
    """
    network = build_network(config)
    weights = INITIALIZERS[init.weights.name](**init.weights.parameters)
    with np.errstate(over="ignore"):
        drawn = initialize(
            config.sizes,
            weights,
            BIASES[init.biases.name](**init.biases.parameters),
            init.gain,
            (generator(config.seed, Purpose.WEIGHTS), generator(config.seed, Purpose.BIASES)),
            [activation.pieces for activation in network.activations],
        )
    complete = completed(network, drawn)
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):  # what is not finite is refused below
        if isinstance(weights, DataDriven):
            weights.adapt(network, complete, first_examples(config, dataset, SEEN)[0])
        parameters = as_type(complete, network.shapes(), config.dtype)
    if not all(np.isfinite(value).all() for value in parameters.values()):
        raise ConfigError(f"init.gain: {init.gain:g} makes weights that {config.dtype} cannot hold; use a smaller one")
    return parameters


def looks_at_data(init: Init) -> bool:
    """Whether initial parameters depend on training examples."""
    return isinstance(INITIALIZERS[init.weights.name](**init.weights.parameters), DataDriven)


def completed(network: Network, parameters: Parameters) -> Parameters:
    """`parameters` and, where they are missing, the initial values of what hidden layers learn beside W and b."""
    extras = [network.extras(layer) for layer in range(1, network.depth)]
    return {name: value for extra in extras for name, value in extra.items()} | parameters


def first_examples(config: Config, dataset: Dataset | None, most: int) -> tuple[Array, Array]:
    """x and y, in float64, of the first `most` training examples, or of all when there are fewer."""
    if dataset is None:
        dataset = load(config.data.name, **config.data.parameters)
    rows = min(most, len(dataset.train))
    feed = Feed(dataset, config.sizes[-1], rows, np.float64, config.label_smoothing)
    return feed.load(dataset.train, np.arange(rows, dtype=np.intp))


def build_optimizer(config: Config) -> Optimizer:
    """The optimizer that a config describes."""
    return OPTIMIZERS[config.optimizer.name](**config.optimizer.parameters)


def build_schedule(config: Config) -> schedules.Schedule:
    """The learning-rate schedule that a config describes."""
    return schedules.build(config.schedule.name, **config.schedule.parameters)


def build_rule(config: Config, n: int) -> Rule:
    """How a batch changes parameters; n is the number of training examples."""
    optimizer = build_optimizer(config)
    momentum = config.momentum_schedule.name if config.momentum_schedule else "constant"
    return Rule(
        optimizer,
        Penalty(config.l2, config.l1, n),
        schedules.MOMENTUM_SCHEDULES[momentum](optimizer.momentum),
        Clip(config.clip.norm, config.clip.value) if config.clip else None,
        config.max_norm,
        config.label_smoothing,
    )


def noise_of(config: Config, epoch: int) -> Callable[[], Noise]:
    """Fresh generators of the masks and the input noise of an epoch, each time it is called."""
    return lambda: Noise(
        generator(config.seed, Purpose.MASKS, epoch), generator(config.seed, Purpose.INPUT_NOISE, epoch)
    )
