"""From a checked config to the things that train: the network, the optimizer, the schedules and the fresh state."""

from __future__ import annotations

from collections.abc import Callable

from vgrad.config.config import Config
from vgrad.nn import activations, schedules
from vgrad.nn.arrays import Parameters
from vgrad.nn.costs import COSTS, OUTPUTS
from vgrad.nn.limits import Clip
from vgrad.nn.network import Network, Noise
from vgrad.nn.norms import NORMS
from vgrad.nn.optimizers import OPTIMIZERS, Optimizer
from vgrad.nn.parameters import joined, split
from vgrad.training.randomness import Purpose, generator
from vgrad.training.record import TrainingState
from vgrad.training.rule import Penalty, Rule


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


def fresh_state(config: Config, initial: Parameters) -> TrainingState:
    """The state before any update; `initial` is left alone. It may hold running statistics beside the parameters."""
    buffers = {name: value.astype(config.dtype) for name, value in build_network(config).buffers().items()}
    given, running = split(initial, buffers)
    parameters = {name: value.copy() for name, value in given.items()}
    buffers |= {name: value.astype(config.dtype) for name, value in running.items()}
    return TrainingState(0, parameters, build_optimizer(config).init(joined(parameters)[0]), buffers)
