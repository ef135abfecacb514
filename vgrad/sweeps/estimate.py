"""How long a sweep will take and how much it will write, before it starts.

A few of its networks train for an epoch on a handful of made-up examples of the right shape; time grows with the number
of examples and epochs. What is measured is this machine, so the estimate of a cluster is in its processors' time.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from vgrad.config.choice import Choice
from vgrad.config.config import Config
from vgrad.config.fields import Init, presets
from vgrad.data.dataset import Dataset, Part, Scaling
from vgrad.machine import available_bytes
from vgrad.training.assembly import build_network, fresh_state
from vgrad.training.initial import draw_parameters
from vgrad.training.loop import train
from vgrad.training.memory import needed_bytes
from vgrad.training.pretraining import Pretrained, build_pretraining, pretrain

SPREAD = 6
"""Networks that are tried, from the first to the last of the sweep."""
ROWS = 400
CELL = 20
"""Bytes of a number in a CSV file."""
FIXED = 6_000
"""Bytes of config.yaml, summary.json, run.json and what the archives add."""


@dataclass(frozen=True)
class Estimate:
    """Seconds of one processor, and bytes, for one run of the sweep in the mean."""

    seconds: float
    bytes: float


def estimate(configs: Sequence[Config]) -> Estimate:
    """The mean over `configs`, from a few of them."""
    count = min(SPREAD, len(configs))
    tried = [configs[round(k * (len(configs) - 1) / max(count - 1, 1))] for k in range(count)]
    return Estimate(float(np.mean([_seconds(config) for config in tried])), float(np.mean(list(map(_bytes, tried)))))


def _seconds(config: Config) -> float:
    rows = min(max(ROWS, min(config.rows_per_step, 2 * ROWS)), config.part_sizes["train"])
    if needed_bytes(config) > (available_bytes() or 0) // 4:
        return float("nan")
    part = Part(np.zeros((rows, config.sizes[0]), np.uint8), np.zeros(rows, np.int64))
    part = part.unlabelled() if config.reconstructs else part
    dataset = Dataset("made up", config.sizes[-1], part, part, part, Scaling.unit(1.0), "")
    small = _small(config, rows)
    drawn = draw_parameters(small, small.init if isinstance(small.init, Init) else _any_init())
    spent = []
    for _ in range(2):  # the first pass warms up
        begun, steps = time.perf_counter(), train(small, dataset, fresh_state(small, drawn))
        next(steps)
        looked = time.perf_counter()
        next(steps, None)
        spent = [looked - begun, time.perf_counter() - looked]
    look, epoch = spent[0] / rows, max(spent[1] - spent[0], spent[1] / 10) / rows
    parts = config.part_sizes
    seen = sum(parts[part] for part in {name.split("_")[0] for name in config.monitors}) / _parts(config)
    before = _of_pretraining(config, dataset) / rows * parts["train"] if config.pretrain else 0.0
    return before + config.epochs * (epoch * parts["train"] + look * seen)


def _of_pretraining(config: Config, dataset: Dataset) -> float:
    """Seconds of pretraining all layers on the examples of `dataset`, from one epoch of each."""
    small, begun = _small(config, len(dataset.train), probed=1), time.perf_counter()
    ends = [time.perf_counter() for _ in pretrain(small, dataset, Pretrained())]
    epochs = sum(after - before for before, after in zip(ends[::2], ends[1::2], strict=True))
    return ends[-1] - begun + (build_pretraining(config).epochs - 1) * epochs


def _small(config: Config, rows: int, probed: int | None = None) -> Config:
    """`config` for one epoch on `rows` examples, of which probes see all or so many."""
    batch = "full" if config.batch_size == "full" else min(config.rows_per_step, rows)
    probes = config.probes.model_copy(update={"examples": probed or rows, "neurons": []})
    data = type(config.data)(config.data.name, {**config.data.parameters, "train": rows})
    pretraining = config.pretrain
    if pretraining is not None:
        m = min(pretraining.parameters["batch_size"], rows)
        pretraining = type(pretraining)(pretraining.name, {**pretraining.parameters, "epochs": 1, "batch_size": m})
    changes = {"pretrain": pretraining, "epochs": 1, "batch_size": batch, "probes": probes, "data": data}
    fields = {name: getattr(config, name) for name in type(config).model_fields}
    return Config.model_construct(**{**fields, **changes})


def _any_init() -> Init:
    """For parameters that are in a file: values do not matter to the time."""
    weights, biases = next(iter(presets().values()))
    return Init(weights=Choice(weights), biases=Choice(biases))


def _parts(config: Config) -> int:
    """How many parts of the data the monitors look at."""
    return max(len({name.split("_")[0] for name in config.monitors}), 1)


def _bytes(config: Config) -> float:
    numbers = build_network(config).parameter_count
    width = 4 if config.dtype == "float32" else 8
    row = len(config.monitors) + 3 + (len(config.sizes) - 1) * (len(config.probes.record) + 1)
    measured = len(config.probes.neurons) * sum(config.sizes)
    numbers = numbers * 5 if config.pretrain else numbers * 4
    return FIXED + numbers * width + (config.epochs + 1) * row * (CELL + 8) + measured * (CELL + 8)
