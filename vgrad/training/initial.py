"""The parameters that training starts from: drawn with the seed of the config, fitted to data, or read from a file."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np

from vgrad.config.config import Config
from vgrad.config.fields import Init, InitFile
from vgrad.data.dataset import Dataset
from vgrad.data.datasets import load
from vgrad.errors import ConfigError, DataError
from vgrad.nn.arrays import Array, Parameters
from vgrad.nn.initializers import BIASES, INITIALIZERS, DataDriven, initialize
from vgrad.nn.network import Network
from vgrad.nn.parameters import as_type, problems
from vgrad.storage.npz import NpzError, digest, unpack
from vgrad.storage.reading import why
from vgrad.text.escapes import printable
from vgrad.training.assembly import build_network
from vgrad.training.feed import Feed
from vgrad.training.randomness import Purpose, generator

SEEN = 500
"""Training examples, the first ones, that a data-driven initializer sees."""


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
            try:
                weights.adapt(network, complete, first_examples(config, dataset, SEEN)[0], init.gain)
            except ValueError as error:
                raise ConfigError(f"init: {error}; use smaller biases") from None
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


def first_examples(config: Config, dataset: Dataset | None, most: int, base: Path = Path()) -> tuple[Array, Array]:
    """x and y, in float64, of the first `most` training examples, or of all when there are fewer."""
    if dataset is None:
        dataset = load(config.data.name, base=base, **config.data.parameters)
    rows = min(most, len(dataset.train))
    feed = Feed(dataset, config.sizes[-1], rows, np.float64, config.label_smoothing)
    return feed.load(dataset.train, np.arange(rows, dtype=np.intp))


def with_digest(config: Config, base: Path) -> tuple[Config, Parameters | None]:
    """Reads an `init` file relative to `base`: the config with its digest, and the parameters, with the running
    statistics of a batch norm where the file has them; (config, None) when they are drawn. DataError when the file does
    not fit the network or is not the one that the config names."""
    init = config.init
    if not isinstance(init, InitFile):
        return config, None
    path = base / init.path
    network = build_network(config)
    running = {name: value.shape for name, value in network.buffers().items()}
    wanted = network.shapes() | running
    numbers = sum(math.prod(shape) for shape in wanted.values())
    try:
        arrays = unpack(path, 8 * numbers)
    except NpzError as error:
        raise DataError(f"{printable(str(path), 200)}: not a parameters file: {printable(str(error), 200)}") from None
    except OSError as error:
        raise DataError(f"{printable(str(path), 200)}: cannot be read: {why(error)}") from None
    if running.keys().isdisjoint(arrays):  # a file of parameters alone: the statistics begin anew
        wanted = network.shapes()
    arrays = completed(network, arrays)
    wrong = problems(arrays, wanted)
    if wrong:
        raise DataError(*(f"{printable(str(path), 200)}: {printable(problem, 200)}" for problem in wrong))
    with np.errstate(over="ignore"):
        parameters = as_type(arrays, wanted, config.dtype)
    wrong = [f"{name} is too large for {config.dtype}" for name, x in parameters.items() if not np.isfinite(x).all()]
    if wrong:
        raise DataError(*(f"{printable(str(path), 200)}: {problem}" for problem in wrong))
    found = digest(parameters)
    if init.sha256 not in (None, found):
        raise DataError(f"{printable(str(path), 200)}: holds other parameters: digest {found[:12]}, not {init.sha256}")
    return config.model_copy(update={"init": init.model_copy(update={"sha256": found})}), parameters
