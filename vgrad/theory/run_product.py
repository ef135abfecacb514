"""Eq. 124 on a run: its own parameters, at the start or at the end, and its own probe examples, in float64."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from vgrad.config.config import Config
from vgrad.data.datasets import load
from vgrad.errors import ConfigError, RunStateError
from vgrad.nn.arrays import Array, Parameters
from vgrad.nn.measurement import CHUNK
from vgrad.nn.parameters import as_type
from vgrad.runs.folder import FINAL, INITIAL
from vgrad.runs.stored import StoredRun, data_folder, read_run
from vgrad.text.escapes import printable
from vgrad.theory.product import Product, chunk_rows, missing_factors, multiply
from vgrad.training.assembly import build_network
from vgrad.training.evaluation import chunks
from vgrad.training.feed import Feed
from vgrad.training.memory import check_memory

When = Literal["start", "end"]


@dataclass(frozen=True)
class RunProduct:
    """`logged` are the run's own ||<delta^l>|| of that epoch, of all layers; None where they are of other examples, or
    were not recorded."""

    run: StoredRun
    when: When
    epoch: int
    product: Product
    logged: tuple[float, ...] | None


def multiply_run(path: Path, when: When, examples: int | None = None) -> RunProduct:
    """Eq. 124 on the run in `path`, over its first `examples` training examples, by default those of its probes.

    ConfigError for a network that the equation does not hold for, RunStateError where the run has no parameters of
    that time, DataError where its data are missing.
    """
    run = read_run(path)
    config = run.config
    check_memory(config)
    network = build_network(config)
    missing = missing_factors(network)
    if missing:
        told = printable(str(path), 200)
        raise ConfigError(f"{told}: has {missing}, which eq. 124 has no factor for; choose a run without it")
    most = config.part_sizes["train"]
    if examples is not None and examples > most:
        raise ConfigError(f"--examples: the run has {most:,} training examples, found {examples:,}")
    epoch, parameters = _parameters(run, when)
    rows = config.probe_examples if examples is None else examples
    try:
        product = multiply(network, (config.output, config.cost), parameters, _chunks(run, rows))
    except FloatingPointError:
        told = f"{printable(str(path), 200)}: the numbers overflow at the {when}"
        raise RunStateError(f"{told}: {'the run has diverged' if run.status == 'diverged' else 'saturated'}") from None
    return RunProduct(run, when, epoch, product, _logged(run, epoch) if rows == config.probe_examples else None)


def _chunks(run: StoredRun, examples: int) -> Iterator[tuple[Array, Array]]:
    """The first training examples in float64, few at a time; each chunk is overwritten by the next."""
    config = run.config
    dataset = load(config.data.name, base=data_folder(run), **config.data.parameters)
    rows = min(chunk_rows(config.sizes), CHUNK, examples)
    feed = Feed(dataset, config.sizes[-1], rows, np.float64, config.label_smoothing)
    for index in chunks(examples, rows):
        yield feed.load(dataset.train, index)


def _parameters(run: StoredRun, when: When) -> tuple[int, Parameters]:
    """The epoch, and the parameters that the run has left of it, in float64."""
    config = run.config
    if when == "end" and run.status in ("running", "interrupted"):
        told = f"{printable(str(run.path), 200)}: {run.status} after epoch {run.epoch or 0} of {config.epochs}"
        raise RunStateError(f"{told}; train it to its end, or use --epoch start")
    arrays, _ = run.network(INITIAL if when == "start" else FINAL)
    shapes = build_network(config).shapes()
    return 0 if when == "start" else run.epoch or 0, as_type(arrays, shapes, "float64")


def _logged(run: StoredRun, epoch: int) -> tuple[float, ...] | None:
    rows = run.gradients
    if "delta_norm" not in rows:
        return None
    found = rows.loc[rows["epoch"] == epoch, "delta_norm"].tolist()
    return tuple(float(value) for value in found) or None


def described(config: Config) -> str:
    """The network in a line: sizes, activation, output and cost."""
    kinds = list(dict.fromkeys(str(choice) for choice in config.activations))
    return f"{', '.join(kinds) or 'no hidden layer'}, {config.output} output, {config.cost}"
