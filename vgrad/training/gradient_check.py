"""The gradient check of a config: its own data, initial parameters, masks and noise, in float64."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from vgrad.config.config import Config
from vgrad.config.fields import Init
from vgrad.config.lone import norm_over_examples
from vgrad.data.datasets import load
from vgrad.errors import ConfigError
from vgrad.nn.gradcheck import ParameterCheck, gradient_check
from vgrad.nn.parameters import split
from vgrad.training.assembly import build_network, noise_of
from vgrad.training.initial import draw_parameters, first_examples, with_digest
from vgrad.training.memory import check_memory


def check_gradients(config: Config, base: Path, examples: int) -> Iterator[ParameterCheck]:
    """Checks every parameter of `config`'s initial network on the first `examples` training examples.

    Relative file names are relative to `base`. Masks and noise are those of epoch 1; penalties are not part of it.
    """
    check_memory(config)
    norm = norm_over_examples(config)
    if norm and min(examples, config.part_sizes["train"]) == 1:
        raise ConfigError(f"--examples 1: the statistics of one example say nothing to {norm}; use 2 or more")
    config, given = with_digest(config.model_copy(update={"dtype": "float64"}), base)
    dataset = load(config.data.name, base=base, **config.data.parameters)
    x, y = first_examples(config, dataset, examples)
    parameters = draw_parameters(config, config.init, dataset) if isinstance(config.init, Init) else given
    assert parameters is not None  # an init file has been read by now
    network = build_network(config)
    parameters, _ = split(parameters, network.buffers())
    yield from gradient_check(network, parameters, x, y, noise_of(config, 1)())
