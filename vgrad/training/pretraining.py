"""Greedy layer-wise pretraining, epoch by epoch: each hidden layer learns to reconstruct what the ones below it make.

Layer l trains on the mean activations of layer l - 1, which stand still by then; its epoch 0 is what it begins with.
The output layer has no part in it. What a layer sees is made again from the data, batch by batch, so memory does not
grow with the number of examples.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from vgrad.config.config import Config
from vgrad.data.dataset import Dataset
from vgrad.errors import ConfigError
from vgrad.nn.arrays import Array, Parameters
from vgrad.nn.layerwise.layer import Layer, errors, first, up
from vgrad.nn.layerwise.pretrainings import PRETRAININGS, Pretraining, controlled
from vgrad.nn.measurement import CHUNK
from vgrad.training.evaluation import chunks
from vgrad.training.feed import ROUNDING, Feed, Index
from vgrad.training.randomness import Purpose, generator
from vgrad.training.rule import Cancelled


@dataclass(frozen=True)
class Reconstruction:
    """How well hidden layer `layer` reconstructs after `epoch` passes: means over the probe examples, of the
    cross-entropy (a sum over units) and of the squared error (a mean over units)."""

    layer: int
    epoch: int
    cross_entropy: float
    mse: float


@dataclass(frozen=True)
class Pretrained:
    """Where pretraining stands: the hidden layers from below, the last of them perhaps at work, and what was measured
    after each epoch of each, epoch 0 included. Its arrays stay as they are."""

    layers: tuple[Layer, ...] = ()
    measured: tuple[Reconstruction, ...] = ()


def build_pretraining(config: Config) -> Pretraining:
    """The pretraining that a config describes; it has one."""
    assert config.pretrain is not None
    return PRETRAININGS[config.pretrain.name](**config.pretrain.parameters)


def moments(config: Config) -> list[tuple[int, int]]:
    """(layer, epoch) of every measurement, in their order."""
    epochs = build_pretraining(config).epochs
    return [(layer, epoch) for layer in range(1, len(config.sizes) - 1) for epoch in range(epochs + 1)]


def pretrain(
    config: Config, dataset: Dataset, state: Pretrained, cancelled: Callable[[], bool] = lambda: False
) -> Iterator[Pretrained]:
    """Goes on from `state`, of which Pretrained() is the beginning, and yields what there is after each epoch.

    Cancelled, between two batches, when `cancelled()` becomes true. ConfigError where inputs are not in [0, 1], or the
    numbers have left those of the config's type.
    """
    work = _Work(config, dataset, cancelled)
    for layer, epoch in moments(config)[len(state.measured) :]:
        below = state.layers[: layer - 1]
        trained = work.epoch(below, state.layers[-1], epoch) if epoch else work.first(below)
        entropy, squared = work.errors(below, trained)
        if not (np.isfinite(entropy) and all(np.isfinite(value).all() for value in trained)):
            told = f"layer {layer} of {config.sizes[layer]} neurons has left the numbers of {config.dtype}"
            raise ConfigError(f"pretrain.learning_rate: {told} in epoch {epoch}; use a smaller one")
        done = Reconstruction(layer, epoch, entropy, squared)
        state = Pretrained((*below, trained), (*state.measured, done))
        yield state


def pretrained_parameters(config: Config, drawn: Parameters, state: Pretrained) -> Parameters:
    """What training starts from: W and b of the hidden layers, or of the control in their place, and of `drawn` the
    output layer."""
    parameters, control = dict(drawn), build_pretraining(config).control
    for number, trained in enumerate(state.layers, 1):
        layer = controlled(trained, control, generator(config.seed, Purpose.CONTROL, number))
        parameters |= {f"W{number}": layer.W, f"b{number}": layer.b}
    return parameters


class _Work:
    """One config's data, and what is done with them."""

    def __init__(self, config: Config, dataset: Dataset, cancelled: Callable[[], bool]) -> None:
        self._config, self._part, self._cancelled = config, dataset.train, cancelled
        self._how = build_pretraining(config)
        self._m = self._how.batch_size
        self._feed = Feed(dataset, config.sizes[-1], min(self._m, CHUNK), config.dtype)
        self._all = Feed(dataset, config.sizes[-1], CHUNK, config.dtype)

    def first(self, below: tuple[Layer, ...]) -> Layer:
        """The next layer, before any step."""
        number = len(below) + 1
        total = np.zeros(self._config.sizes[number - 1])
        for index in chunks(len(self._part), CHUNK):
            v = self._seen(self._all, index, below)
            if not below and not (v.min() >= -ROUNDING and v.max() <= 1 + ROUNDING):
                told = f"pretrain reconstructs inputs in [0, 1], found {v.min():g} to {v.max():g}"
                raise ConfigError(f"data.scale: {told}; use unit")
            total += v.sum(axis=0, dtype=np.float64)
        made = first(self._config.sizes[number], total, len(self._part), self._generator(number, 0))
        return Layer(*(value.astype(self._config.dtype) for value in made))

    def epoch(self, below: tuple[Layer, ...], before: Layer, epoch: int) -> Layer:
        """A layer after one pass over the training part; `before` is left alone."""
        layer = Layer(*(value.copy() for value in before))
        n, drawn = len(self._part), self._generator(len(below) + 1, epoch)
        order: Index = drawn.permutation(n) if self._config.shuffle else np.arange(n)
        with np.errstate(over="ignore", invalid="ignore"):  # what is not finite is told of after the epoch
            for start in range(0, n, self._m):
                batch = order[start : start + self._m]
                sums: Layer | None = None
                for piece in chunks(len(batch), self._feed.rows):
                    if self._cancelled():
                        raise Cancelled
                    more = self._how.gradient(layer, self._seen(self._feed, batch[piece], below), drawn)
                    sums = more if sums is None else Layer(*(a + b for a, b in zip(sums, more, strict=True)))
                assert sums is not None
                self._how.step(layer, sums, len(batch))
        return layer

    def errors(self, below: tuple[Layer, ...], layer: Layer) -> tuple[float, float]:
        """The means over the probe examples."""
        n, sums = self._config.probe_examples, np.zeros(2)
        with np.errstate(over="ignore", invalid="ignore"):
            for index in chunks(n, CHUNK):
                sums += errors(layer, self._seen(self._all, index, below))
        entropy, squared = sums / n
        return float(entropy), float(squared)

    def _seen(self, feed: Feed, index: Index, below: tuple[Layer, ...]) -> Array:
        """What the layer above `below` sees of the examples at `index`; valid until the next call."""
        v, _ = feed.load(self._part, index)
        for layer in below:
            v = up(layer, v)
        return v

    def _generator(self, layer: int, epoch: int) -> np.random.Generator:
        return generator(self._config.seed, Purpose.PRETRAINING, layer, epoch)
