"""The loops of training make no arrays: what is held during their steps, beyond what was held when they began."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterator
from typing import Any

import pytest
from rows import each_row

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
ROOM, BUFFERS = 12_000, 80_000
"""Bytes: of views, numbers and what belongs to the ten outputs or to an example; and of NumPy's buffers, through which
it writes truths as numbers, and broadcasts. What a hidden layer holds of a batch is 96,000, half of it in float32."""
ROWS: list[dict[str, Any]] = [
    {},
    {"dtype": "float32"},
    {"l2": 1.0},
    {"l1": 1.0, "l2": 1.0},
    {"optimizer": "momentum"},
    {"optimizer": "adam", "l1": 1.0},
    {"activation": "relu", "output": "softmax", "cost": "log_likelihood"},
    {"batch_size": "full"},
]
NORMED: list[dict[str, Any]] = [{"batch_norm": True}, {"batch_norm": True, "dtype": "float32"}]


def held(tree: dict[str, Any]) -> list[int]:
    """In each epoch from the second on, the most bytes."""
    found, steps = list[int](), Descent._steps

    def restart() -> int:
        tracemalloc.reset_peak()
        return tracemalloc.get_traced_memory()[0]

    def watched(self: Descent, epoch: Any, *of: Any) -> Iterator[Any]:
        begun = restart()
        for number, passes in steps(self, epoch, *of):
            if number == 1 < self.steps_per_epoch:  # what an epoch needs has been made
                begun = restart()
            if number == self.steps_per_epoch and epoch.number > 1:
                found.append(tracemalloc.get_traced_memory()[1] - begun)
            yield number, passes

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


@each_row("tree, room", [*((tree, ROOM) for tree in [*ROWS, *NORMED]), ({"dropout": 0.2}, BUFFERS)])
def test_an_epoch_of_a_small_network_makes_no_arrays(tree: dict[str, Any], room: int) -> None:
    """What other threads of the test's process allocate meanwhile does not come in every epoch."""
    assert min(held(tree)) < room


@each_row("tree, room", [*((tree, ROOM) for tree in ROWS), (NORMED[0], BUFFERS), (NORMED[1], BUFFERS // 2)])
def test_nor_does_one_of_a_network_with_examples_as_rows(
    tree: dict[str, Any], room: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vgrad.training.descent.fits", lambda network: False)
    assert min(held(tree)) < room
