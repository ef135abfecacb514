"""Inputs that are 0 in every training example are left out of the steps: nothing that is told or kept is changed."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from rows import each_row

from vgrad.config.check import check
from vgrad.data import SCALES
from vgrad.data.dataset import Dataset, Part
from vgrad.data.datasets import load
from vgrad.nn.optimizers import OPTIMIZERS, Step, Stepper
from vgrad.training import feed
from vgrad.training.assembly import build_rule, fresh_state
from vgrad.training.feed import without_zeros
from vgrad.training.initial import draw_parameters
from vgrad.training.loop import train
from vgrad.training.record import EpochRecord, TrainingState

BASE: dict[str, Any] = {
    "name": "u",
    "layers": {"depth": 2, "width": 9},
    "init": "glorot_uniform",
    "epochs": 3,
    "batch_size": 7,
    "data": {"name": "digits", "train": 65, "validation": 30, "test": 9},
    "probes": {"record": ["delta_norm", "weight_gradient_norm", "update_ratio"], "steps": 3},
}
LEFT_OUT: list[dict[str, Any]] = [
    {},
    {"l2": 5.0},
    {"l2": 5.0, "schedule": {"name": "step", "every": 1, "factor": 0.5}},
    {"dtype": "float32", "l2": 0.5},
    {"optimizer": "momentum"},
    {"optimizer": "nesterov", "clip": 0.5},
    {"optimizer": "adagrad"},
    {"optimizer": "adadelta"},
    {"optimizer": "rmsprop"},
    {"optimizer": "adam", "dropout": 0.2},
    {"optimizer": "nadam", "label_smoothing": 0.1},
    {"batch_norm": True, "l2": 5.0},
    {"optimizer": {"name": "adamw", "decay": 0.0}},
    {"l2": 65.0, "optimizer": {"learning_rate": 1.0}},  # the decay is 0
    {"layers": [64, 10], "l2": 5.0},
    {"layers": [64, 8, 7, 10], "activation": ["sigmoid", "tanh"], "dropout": 0.3, "l2": 5.0},
    {"l2": 5.0, "early_stopping": {"patience": 1}},
]
KEPT: list[dict[str, Any]] = [
    {"l1": 1.0},
    {"optimizer": "momentum", "l2": 5.0},
    {"clip": 0.5, "l2": 5.0},
    {"max_norm": 1.0},
    {"optimizer": "adamw"},
]


def trained(tree: dict[str, Any]) -> tuple[list[EpochRecord], TrainingState]:
    config = check({**BASE, **tree})
    data = load("digits", **config.data.parameters)
    state = fresh_state(config, draw_parameters(config, config.init, data))
    pairs = list(train(config, data, state))
    return [record for record, _ in pairs], pairs[-1][1]


def trained_whole(tree: dict[str, Any]) -> tuple[list[EpochRecord], TrainingState]:
    """As `trained`, but nothing is left out."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(feed, "MOST_COPIED", 0)
        return trained(tree)


def numbers(record: EpochRecord) -> dict[str, list[float]]:
    """All that a record tells, also of what it has within the epoch."""
    told: dict[str, list[float | None]] = {name: [value] for name, value in record.metrics.items()}
    told |= record.gradients or {}
    for step, norms in enumerate(record.steps):
        told |= {f"{name} after {step}": values for name, values in norms.items()}
    return {name: [value for value in values if value is not None] for name, values in told.items()}


@each_row("tree", [*LEFT_OUT, *KEPT])
def test_runs_are_as_if_nothing_was_left_out(tree: dict[str, Any]) -> None:
    records, state = trained(tree)
    whole, wanted = trained_whole(tree)
    apart = 1e-11 if tree.get("dtype") != "float32" else 2e-4
    arrays = [(each.parameters, each.optimizer, each.best) for each in (state, wanted)]
    for found, due in zip(*arrays, strict=True):
        assert found.keys() == due.keys()
        for name, value in due.items():
            scale = float(np.abs(value).max(initial=1e-300))
            np.testing.assert_allclose(found[name], value, rtol=0, atol=apart * scale, err_msg=name)
    for one, other in zip(records, whole, strict=True):
        told, wanted_of = numbers(one), numbers(other)
        assert told.keys() == wanted_of.keys()
        for name, values in wanted_of.items():
            assert told[name] == pytest.approx(values, rel=100 * apart), name


@each_row("tree", [*LEFT_OUT, *KEPT])
def test_what_moves_weights_without_a_gradient_keeps_all_inputs(tree: dict[str, Any]) -> None:
    assert build_rule(check({**BASE, **tree}), 65).rests == (tree in LEFT_OUT)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_an_optimizer_rests_or_moves_weights_whose_gradient_is_0(name: str) -> None:
    optimizer, w = OPTIMIZERS[name](), np.array([0.0, -0.5, 3.0])
    step, before = Stepper(optimizer, w, np.zeros(3), optimizer.init(w)), w.copy()
    for t in range(1, 70):  # Adam's sums are kept in another scale after 64
        step(Step(0.1, optimizer.momentum, t))
    assert np.array_equal(w, before) == optimizer.rests


@pytest.mark.parametrize("scale", SCALES)
def test_what_is_left_out_is_0_however_inputs_are_scaled(scale: str) -> None:
    data = load("digits", scale=scale, train=100, validation=20, test=0)
    left, used = without_zeros(data)
    if used is None:
        assert scale not in {"unit", "none"}
        assert left is data
        return
    index = np.arange(100)
    shown = [each.scaling.apply(each.train.inputs[index], np.empty(each.train.inputs.shape)) for each in (data, left)]
    np.testing.assert_array_equal(shown[0][:, used], shown[1])
    assert not np.delete(shown[0], used, axis=1).any()
    np.testing.assert_array_equal(left.train.labels, data.train.labels)
    assert left.validation is data.validation


def images(inputs: np.ndarray) -> Dataset:
    data = load("digits", train=len(inputs), validation=0, test=0)
    return replace(data, train=Part(inputs, data.train.labels))


def test_sets_without_such_inputs_and_large_ones_stay_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    full, some = images(np.full((20, 64), 3, np.uint8)), images(np.tile(np.arange(64, dtype=np.uint8), (20, 1)))
    assert without_zeros(full) == (full, None)
    assert (without_zeros(some)[1] == np.arange(1, 64)).all()  # type: ignore[union-attr]
    monkeypatch.setattr(feed, "MOST_COPIED", 20 * 64 - 1)
    assert without_zeros(some) == (some, None)


def test_targets_that_are_inputs_are_all_of_them() -> None:
    data = load("digits", train=20, validation=0, test=0, targets="inputs")
    assert without_zeros(data) == (data, None)


def test_images_that_are_all_0_train_biases_alone() -> None:
    config = check({**BASE, "l2": 6.5, "optimizer": {"learning_rate": 0.5}, "monitor": [], "epochs": 1})
    data = images(np.zeros((65, 64), np.uint8))
    initial = draw_parameters(config, config.init, data)
    *_, (_, state) = train(config, data, fresh_state(config, {name: w.copy() for name, w in initial.items()}))
    steps, decay = 10, 1 - 0.5 * 6.5 / 65
    np.testing.assert_allclose(state.parameters["W1"], decay**steps * initial["W1"], rtol=1e-14)
    assert not np.allclose(state.parameters["b3"], initial["b3"])


@each_row("init", ["glorot_uniform", "zeros"])
def test_a_decay_that_overflows_is_found_where_it_is(init: str) -> None:
    """With eta lambda/n of 1e156 all weights overflow in the second step, with the power of the decay, those that rest,
    too; but what is 0 stays 0."""
    tree = {"l2": 1e158, "optimizer": {"learning_rate": 1.0}, "init": {"weights": init}}
    records, state = trained(tree)
    whole, wanted = trained_whole(tree)
    assert records[-1].divergence == whole[-1].divergence is not None
    np.testing.assert_allclose(state.parameters["W1"], wanted.parameters["W1"], rtol=1e-10)


def test_weights_that_rest_decay_in_the_parameters_type() -> None:
    """In float32, 1 - 1.5e-8 is 1, with which the products multiply the others."""
    tree = {"dtype": "float32", "batch_size": 1, "l2": 1e-5, "optimizer": {"learning_rate": 0.1}, "probes": {}}
    config = check({**BASE, **tree})
    data = load("digits", **config.data.parameters)
    initial = draw_parameters(config, config.init, data)
    *_, (_, state) = train(config, data, fresh_state(config, {name: w.copy() for name, w in initial.items()}))
    resting = np.delete(np.arange(64), without_zeros(data)[1])
    np.testing.assert_array_equal(state.parameters["W1"][:, resting], initial["W1"][:, resting])
