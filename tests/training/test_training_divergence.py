"""Runs that diverge: found where a slow checked loop finds it, recorded, and kept with the last finite parameters."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import oracle
import pytest
from oracle import Model
from rows import each_row

from vgrad.config.check import check
from vgrad.config.config import Config
from vgrad.data.datasets import load
from vgrad.errors import ConfigError
from vgrad.runs.runner import Opened, run
from vgrad.training import descent
from vgrad.training.assembly import fresh_state
from vgrad.training.initial import draw_parameters
from vgrad.training.loop import train
from vgrad.training.record import Divergence, EpochRecord

CHAOTIC = 1e-6  # a run on its way to infinity multiplies its rounding errors at every step
BASE: dict[str, Any] = {
    "name": "d",
    "layers": [64, 6, 5, 10],
    "output": "identity",
    "cost": "quadratic",
    "init": "he_normal",
    "epochs": 6,
    "data": {"name": "digits", "train": 45, "validation": 10, "test": 0},
}
CASES = [
    {"activation": ["identity", "relu"], "optimizer": {"learning_rate": 1e5}},
    {"activation": ["relu", "identity"], "optimizer": {"learning_rate": 3.0}, "batch_size": 1, "seed": 3},
    {"activation": "identity", "optimizer": {"learning_rate": 0.6}, "layers": [64, 10, 10]},
    {"activation": "identity", "optimizer": {"learning_rate": 0.8}, "layers": [64, 10], "epochs": 60},
    {"activation": "identity", "optimizer": {"learning_rate": 1.0}, "batch_size": "full", "seed": 1},
    {"activation": "identity", "optimizer": {"learning_rate": 1.0}, "l2": 30.0, "l1": 2.0},
    {"activation": "relu", "optimizer": {"learning_rate": 1e160}},
    {"activation": "sigmoid", "optimizer": {"learning_rate": 1e308}, "l2": 1e4},
    {"activation": "identity", "optimizer": {"learning_rate": 0.6}, "dtype": "float32", "shuffle": False},
]


def slowly(tree: dict[str, Any]) -> tuple[Divergence, oracle.Params]:
    """The first bad batch and layer, and the parameters before it, of a loop that looks at everything."""
    config = check({**BASE, **tree})
    data = load("digits", train=45, validation=10, test=0)
    xs, ys = data.train.inputs / 16, np.eye(10)[data.train.labels]
    xs, ys = xs.astype(config.dtype), ys.astype(config.dtype)
    model = Model(tuple(choice.name for choice in config.activations), config.output, config.cost)
    params = drawn(config)
    rates = {"eta": config.optimizer.parameters["learning_rate"], "l2": config.l2, "l1": config.l1, "n": 45}
    with np.errstate(all="ignore"):
        for epoch in range(1, config.epochs + 1):
            orders = oracle.batches(45, config.rows_per_step, seed=config.seed, epoch=epoch, shuffle=config.shuffle)
            for batch, order in enumerate(orders, start=1):
                layer = oracle.first_bad(model, params, xs[order], ys[order], **rates)
                if layer is not None:
                    return Divergence(epoch, batch, layer), params
                params = oracle.step(model, params, xs[order], ys[order], **rates)
            if not np.isfinite(oracle.mean_cost(model, params, xs, ys)):
                return Divergence(epoch, None, None), params
    raise AssertionError("did not diverge")


def drawn(config: Config) -> oracle.Params:
    return draw_parameters(config, config.init)  # type: ignore[arg-type]


def check_case(tree: dict[str, Any]) -> Divergence:
    config = check({**BASE, **tree})
    initial = drawn(config)
    *before, (last, state) = train(config, load("digits", **config.data.parameters), fresh_state(config, initial))
    wanted, parameters = slowly(tree)
    assert last.divergence == wanted
    assert (last.epoch, state.epoch) == (wanted.epoch, wanted.epoch)
    assert (last.metrics, last.gradients, last.neurons) == ({}, None, None)
    assert [record.epoch for record, _ in before] == list(range(wanted.epoch))
    assert all(record.divergence is None for record, _ in before)
    for name, value in parameters.items():
        assert np.isfinite(state.parameters[name]).all()
        oracle.assert_close(state.parameters[name], value, CHAOTIC if config.dtype == "float64" else 0.05)
    return wanted


@pytest.mark.parametrize("tree", CASES)
def test_divergence_is_where_a_checked_loop_finds_it(tree: dict[str, Any]) -> None:
    check_case(tree)


@pytest.mark.parametrize("tree", [CASES[0], CASES[4], CASES[6]])
def test_divergence_in_any_piece_of_a_large_batch(monkeypatch: pytest.MonkeyPatch, tree: dict[str, Any]) -> None:
    monkeypatch.setattr(descent, "LARGEST_STEP", 4)
    check_case(tree)


def test_a_measurement_that_overflows_is_a_divergence() -> None:
    """The parameters are finite and stay; the cost of the untrained network, or its penalty, is not."""
    config = check({**BASE, "activation": "identity", "l2": 1.0})
    data = load("digits", **config.data.parameters)
    for size, penalized in ((1e120, False), (1e155, True)):
        initial = {name: np.full_like(value, size) for name, value in drawn(config).items()}
        if penalized:  # outputs are small, only the sum of squares is not
            initial |= {name: value * 0 for name, value in initial.items() if name != "W1"}
        ((record, state),) = train(config, data, fresh_state(config, initial))
        assert record == EpochRecord(0, divergence=Divergence(0, None, None))
        assert all((state.parameters[name] == value).all() for name, value in initial.items())


@each_row("width", [5, 2100])
def test_what_a_norm_has_learned_and_kept_is_finite_as_well(width: int) -> None:
    """With weights of 1e160 the variance is infinite and z = 0: neither z nor delta shows it, nor do W and b.
    Of small layers, and of one that is not."""
    tree = {**BASE, "layers": [64, width, 10], "output": "softmax", "cost": "log_likelihood", "batch_norm": True}
    config = check({**tree, "optimizer": {"learning_rate": 1e160}})
    data = load("digits", **config.data.parameters)
    *_, (last, state) = train(config, data, fresh_state(config, drawn(config)))
    assert last.divergence == Divergence(1, 2, 1)
    for name, value in (state.parameters | state.buffers).items():
        assert np.isfinite(value).all(), name


def test_large_weights_without_penalty_are_no_divergence() -> None:
    config = check({**BASE, "output": "sigmoid", "epochs": 1})
    initial = {name: value * 1e200 for name, value in drawn(config).items()}
    data = load("digits", **config.data.parameters)
    records = [record for record, _ in train(config, data, fresh_state(config, initial))]
    assert [record.metrics["penalty"] for record in records] == [0.0, 0.0]


def test_a_run_that_diverged_is_complete_and_says_so(tmp_path: Path) -> None:
    config = check({**BASE, **CASES[2]})
    opened, *events = run(config, tmp_path)
    assert isinstance(opened, Opened)
    wanted, parameters = slowly(CASES[2])
    facts, summary = (json.loads((opened.folder / name).read_text()) for name in ("run.json", "summary.json"))
    assert (facts["status"], summary["status"], summary["verdict"]) == ("diverged", "diverged", "diverged")
    assert summary["divergence"] == {"epoch": wanted.epoch, "batch": wanted.batch, "layer": wanted.layer}
    assert summary["epochs"] == wanted.epoch - 1
    rows = (opened.folder / "metrics.csv").read_text().splitlines()[1:]
    assert [int(row.split(",")[0]) for row in rows] == list(range(wanted.epoch))
    for name, value in np.load(opened.folder / "final.npz").items():
        oracle.assert_close(value, parameters[name], CHAOTIC)
    assert len(events) == wanted.epoch + 1
    again = list(run(config, tmp_path))
    assert again == [Opened(opened.folder, None, complete=True)]


@pytest.mark.parametrize(("dtype", "gain"), [("float64", 1e308), ("float32", 1e39)])
def test_a_gain_that_overflows_is_refused(dtype: str, gain: float, tmp_path: Path) -> None:
    config = check({**BASE, "init": {"weights": "normal", "gain": gain}, "dtype": dtype})
    with pytest.raises(ConfigError, match=f"makes weights that {dtype} cannot hold; use a smaller"):
        list(run(config, tmp_path))
    assert list(tmp_path.iterdir()) == []
