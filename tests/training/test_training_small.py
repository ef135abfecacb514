"""The loop of small networks ends where that of all others does, with everything that a step may have."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import oracle
import pytest
from rows import each_row

from vgrad.config.check import check
from vgrad.data.datasets import load
from vgrad.nn.optimizers import TINY
from vgrad.nn.parameters import copy_into, viewed
from vgrad.training.assembly import build_network, build_rule, fresh_state
from vgrad.training.descent import Descent
from vgrad.training.initial import draw_parameters
from vgrad.training.loop import train
from vgrad.training.rule import Epoch
from vgrad.training.small import SmallSteps

APART = 1e-9
"""Roundings of 1e-16 in another order, through some steps of networks that are not chaotic."""
BASE: dict[str, Any] = {
    "name": "s",
    "layers": [64, 8, 6, 10],
    "epochs": 2,
    "data": {"name": "digits", "train": 105, "validation": 20, "test": 0},
}
ROWS: list[dict[str, Any]] = [
    {},
    {"layers": [64, 10], "optimizer": "momentum"},
    {"l2": 1.0, "l1": 0.5, "label_smoothing": 0.1},
    {"optimizer": "momentum", "l2": 1.0, "l1": 0.5, "max_norm": 1.0},
    {"optimizer": "momentum", "clip": {"norm": 0.1}, "dropout": 0.2},
    {"optimizer": "adam", "l2": 1.0, "clip": {"value": 0.01}, "data": {**BASE["data"], "scale": "standard"}},
    {"batch_norm": True, "l2": 1.0},
    {"batch_norm": True, "dropout": 0.2, "optimizer": "momentum", "activation": "tanh"},
    {"batch_norm": True, "optimizer": {"name": "adamw", "decay": 0.1}},
    {"schedule": {"name": "exponential", "rate": 0.5}, "l2": 1.0},
    {"optimizer": "momentum", "momentum_schedule": "sutskever", "batch_size": 1, "epochs": 3},
    {"layers": [64, *[6] * 9, 10], "optimizer": "momentum"},
    {"layers": [64, *[6] * 9, 10], "l2": 1.0, "dropout": 0.1, "batch_norm": True},
]


def ends(tree: dict[str, Any]) -> list[oracle.Params]:
    """Parameters and running statistics after each epoch."""
    config = check({**BASE, **tree})
    data = load("digits", **config.data.parameters)
    steps = train(config, data, fresh_state(config, draw_parameters(config, config.init)))
    return [{name: value.copy() for name, value in (now.parameters | now.buffers).items()} for _, now in steps]


@each_row("tree", ROWS)
def test_it_ends_where_the_loop_of_all_others_does(tree: dict[str, Any]) -> None:
    made, steps = list[int](), SmallSteps.steps

    def watched(self: SmallSteps, *of: Any) -> Iterator[Any]:
        for number, passes in steps(self, *of):
            made.append(passes.rows)
            yield number, passes

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(SmallSteps, "steps", watched)
        found = ends(tree)
        m = tree.get("batch_size", 10)
        due_rows = [min(m, 105 - start) for start in range(0, 105, m)] * tree.get("epochs", 2)
        assert made == due_rows
        patch.setattr("vgrad.training.descent.fits", lambda network: False)
        due = ends(tree)
        assert len(made) == len(due_rows)
    for one, other in zip(found, due, strict=True):
        for name, value in other.items():
            oracle.assert_close(one[name], value, APART, scale=float(np.abs(value).max()) + 1e-30)


def test_an_epoch_that_is_made_again_is_the_same() -> None:
    """As where a divergence is sought; the momentum grows within it, at the step 250."""
    tree = {"optimizer": "momentum", "momentum_schedule": "sutskever", "batch_size": 1}
    config = check({**BASE, **tree, "data": {**BASE["data"], "train": 300}})
    data, state = load("digits", **config.data.parameters), fresh_state(config, draw_parameters(config, config.init))
    descent = Descent(build_network(config), state.parameters, {}, data, 1, build_rule(config, 300))
    initial, found = {name: value.copy() for name, value in descent.parameters.items()}, list[oracle.Params]()
    for _ in range(2):
        copy_into(descent.parameters, initial)
        state.optimizer["v"].fill(0)
        descent.epoch(Epoch(1, np.arange(300), 0.1, lambda: None), state.optimizer, lambda: False)
        found.append({name: value.copy() for name, value in descent.parameters.items()})
    assert all((found[0][name] == value).all() for name, value in found[1].items())
    assert any((initial[name] != value).any() for name, value in found[1].items())


@each_row("epsilon, due", [(1e-30, 1e-37), (1e-8, 2 * TINY**2)])
def test_numbers_next_to_nothing_are_0_when_an_epoch_begins_but_means_of_squares_beside_such_an_epsilon(
    epsilon: float, due: float
) -> None:
    """Of gradients of 1e-20: an Adam without the means of the epoch before begins with steps 30 times as long."""
    adam = {"name": "adam", "epsilon": epsilon, "learning_rate": 0.0}
    tree = {"layers": [64, *[8] * 30, 10], "dtype": "float32", "optimizer": adam}
    config = check({**BASE, **tree, "epochs": 1, "data": {**BASE["data"], "train": 20}})
    state = fresh_state(config, draw_parameters(config, config.init))
    state.optimizer["v"][:] = state.parameters["b1"][:] = 1e-37
    *_, (_, end) = train(config, load("digits", **config.data.parameters), state)
    np.testing.assert_allclose(viewed(end.optimizer["v"], end.parameters)["b1"], due, rtol=5e-3)
    assert not end.parameters["b1"].any()
