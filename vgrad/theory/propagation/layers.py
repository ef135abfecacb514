"""What mean-field theory knows of a config's layers, and which configs it does not hold of."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import Any, Generic, TypeVar

from vgrad.config.choice import Choice
from vgrad.config.config import Config
from vgrad.config.fields import Init
from vgrad.errors import ConfigError
from vgrad.nn.activations import build
from vgrad.nn.initializers import BIASES, INITIALIZERS, Biases, DataDriven, Weights
from vgrad.theory.meanfield import Layer
from vgrad.theory.propagation.draws import ENTRIES, NoSpread, variances

T = TypeVar("T")


@dataclass(frozen=True)
class _Made(Generic[T]):
    """An entry of a table with its parameters, to be compared and hashed."""

    maker: Callable[..., T]
    parameters: tuple[tuple[str, Any], ...]

    def __call__(self) -> T:
        return self.maker(**dict(self.parameters))


def layers_of(config: Config) -> list[Layer]:
    """What theory knows of each layer's draws. ConfigError for what is outside of it, with the reason."""
    norm = "batch_norm" if config.batch_norm else "layer_norm" if config.layer_norm else ""
    outside = {
        norm: "its statistics tie examples and units together",
        "residual" if config.residual else "": "delta comes back by two ways",
        "output step" if config.output == "step" else "": "its errors are whole numbers, 0 where it is right",
        "pretrain" if config.pretrain else "": "trained parameters are no draws",
        "init: {name: file}" if not isinstance(config.init, Init) else "": "given parameters are no draws",
        **{
            f"activation {each.name}": "its units are no functions of one weighted input that stay as they are"
            for each in config.activations
            if build(each.name, **each.parameters).pieces > 1 or build(each.name, **each.parameters).learned
        },
    }
    outside.pop("", None)
    if outside:
        raise ConfigError(*(f"{name}: mean-field theory does not hold: {why}" for name, why in outside.items()))
    assert isinstance(config.init, Init)
    return drawn_layers(config.init, config.sizes)


def drawn_layers(init: Init, sizes: Sequence[int], entries: int = ENTRIES) -> list[Layer]:
    """Of layers of `sizes` = (n_0, …, n_L): width and variances, from so many draws each.

    ConfigError where weights look at the data, or have no spread around 0.
    """
    weights, biases = _made_by(INITIALIZERS, init.weights), _made_by(BIASES, init.biases)
    if isinstance(weights(), DataDriven):
        raise ConfigError(f"init {init.weights.name}: mean-field theory does not hold: it looks at the data")
    shapes = list(pairwise(sizes))
    made = {shape: _layer(init, weights, biases, shape, entries) for shape in set(shapes)}
    return [made[shape] for shape in shapes]


def _made_by(table: Mapping[str, Callable[..., T]], choice: Choice) -> _Made[T]:
    return _Made(table[choice.name], tuple(sorted(choice.parameters.items())))


def _layer(init: Init, weights: _Made[Weights], biases: _Made[Biases], shape: tuple[int, int], entries: int) -> Layer:
    n_in, n_out = shape
    try:
        return Layer(n_out, *_variances(weights, biases, init.gain, n_in, n_out, entries))
    except NoSpread as error:
        told = ", ".join(dict.fromkeys(each.name for each in (init.weights, init.biases)))
        raise ConfigError(f"init {told}: mean-field theory does not hold: {error}") from None


@lru_cache(maxsize=256)
def _variances(
    weights: _Made[Weights], biases: _Made[Biases], gain: float, n_in: int, n_out: int, entries: int
) -> tuple[float, float]:
    """Drawn once for all runs of a report and all layers of a kind: it takes longer than what is computed from it."""
    return variances(weights(), biases(), gain, n_in, n_out, entries)
