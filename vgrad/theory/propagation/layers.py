"""What mean-field theory knows of a config's layers, and which configs it does not hold of."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from vgrad.config.config import Config
from vgrad.config.fields import Init
from vgrad.errors import ConfigError
from vgrad.nn.activations import build
from vgrad.nn.initializers import BIASES, INITIALIZERS, Biases, DataDriven, Weights
from vgrad.theory.meanfield import Layer
from vgrad.theory.propagation.draws import ENTRIES, NoSpread, variances


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
    weights = INITIALIZERS[init.weights.name](**init.weights.parameters)
    biases = BIASES[init.biases.name](**init.biases.parameters)
    if isinstance(weights, DataDriven):
        raise ConfigError(f"init {init.weights.name}: mean-field theory does not hold: it looks at the data")
    shapes = list(pairwise(sizes))
    made = {shape: _layer(init, weights, biases, shape, entries) for shape in set(shapes)}
    return [made[shape] for shape in shapes]


def _layer(init: Init, weights: Weights, biases: Biases, shape: tuple[int, int], entries: int) -> Layer:
    n_in, n_out = shape
    try:
        return Layer(n_out, *variances(weights, biases, init.gain, n_in, n_out, entries))
    except NoSpread as error:
        told = ", ".join(dict.fromkeys(each.name for each in (init.weights, init.biases)))
        raise ConfigError(f"init {told}: mean-field theory does not hold: {error}") from None
