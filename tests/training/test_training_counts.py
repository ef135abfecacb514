"""What the loops of training cost, in counts that are the same on every machine: arrays made, and bytes moved."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterator
from typing import Any

import pytest

from vgrad.config.check import check
from vgrad.data.datasets import load
from vgrad.training.assembly import fresh_state
from vgrad.training.descent import Descent
from vgrad.training.initial import draw_parameters
from vgrad.training.loop import train

WIDTH = 120
BASE: dict[str, Any] = {
    "name": "c",
    "layers": [64, WIDTH, WIDTH, 10],
    "batch_size": 100,
    "epochs": 4,
    "data": {"name": "digits", "train": 1000, "validation": 20, "test": 0},
}
SMALLEST = 64 * 100
"""Bytes of the smallest array that a step of this network could make again, but for what lies in the outputs: a^0, as
it is stored, of one batch. In float64 the hidden layers' are fifteen times as large."""
ROWS: list[dict[str, Any]] = [
    {},
    {"dtype": "float32"},
    {"l2": 1.0},
    {"l1": 1.0, "l2": 1.0},
    {"optimizer": "momentum"},
    {"optimizer": "adam", "l1": 1.0},
    {"batch_norm": True},
    {"dropout": 0.2},
    {"activation": "relu", "output": "softmax", "cost": "log_likelihood"},
    {"batch_size": "full"},
    {"batch_size": "full", "l1": 1.0, "optimizer": "momentum"},
]


def most_held(tree: dict[str, Any]) -> list[int]:
    """In the last epochs, the most bytes that were held during the steps beyond what was held when they began."""
    found, steps = list[int](), Descent._steps

    def watched(self: Descent, epoch: Any, *of: Any) -> Iterator[Any]:
        begun = 0
        for number, passes in steps(self, epoch, *of):
            if number == 1 and self.steps_per_epoch > 1:  # what an epoch needs has been made
                begun = restart()
            yield number, passes
            if number == self.steps_per_epoch and epoch.number > 1:
                found.append(tracemalloc.get_traced_memory()[1] - begun)

    def restart() -> int:
        tracemalloc.reset_peak()
        return tracemalloc.get_traced_memory()[0]

    config = check({**BASE, **tree})
    data = load("digits", **config.data.parameters)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Descent, "_steps", watched)
        tracemalloc.start()
        try:
            for _ in train(config, data, fresh_state(config, draw_parameters(config, config.init))):
                pass
        finally:
            tracemalloc.stop()
    return found
