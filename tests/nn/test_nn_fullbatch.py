"""The pass that step, monitors and norms share: the numbers of the plain oracle, made once, or again where it must."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import oracle
import pytest
from oracle import Model
from rows import each_row
from scipy.special import expit
from test_nn_backprop import FIRST, PAIRS, gradients, network, passed

from vgrad.config.check import check
from vgrad.nn.arrays import LINE, Array, Parameters
from vgrad.nn.fullbatch import FullBatch
from vgrad.nn.functions import quick, sigmoid_f, sigmoid_slope
from vgrad.runs.runner import run
from vgrad.runs.stored import StoredRun, read_run
from vgrad.training.evaluation import Evaluator

SIZES = (9, 5, 4, 3)
UNUSED = [0, 3, 8]


def drawn(
    model: Model, dtype: str = "float64", sizes: tuple[int, ...] = SIZES
) -> tuple[FullBatch, Parameters, Any, Any]:
    params = {name: value.astype(dtype) for name, value in oracle.draw(sizes, 1).items()}
    x, y = (array.astype(dtype) for array in oracle.examples(sizes, 7, 2))
    x[:, UNUSED] = 0
    return FullBatch(network(model, sizes), params, x, y), params, x, y


@each_row("model", [Model((f, f), output, cost) for f in FIRST for cost, output in PAIRS])
def test_the_numbers_of_the_other_passes(model: Model) -> None:
    batch, params, x, y = drawn(model)
    batch.pass_through()
    other = passed(model, params, x, y)
    for name in ("z", "a", "delta"):
        for found, due in zip(getattr(batch, name), getattr(other, name), strict=True):
            np.testing.assert_allclose(found, due, rtol=1e-12, atol=1e-300, err_msg=name)
    due = gradients(model, params, x, y)
    for keep in (0.0, 0.5):
        found = {name: np.full_like(value, np.nan if keep == 0 else 2.0) for name, value in params.items()}
        batch.add_gradients(found, 1 / len(x), keep)
        for name, value in found.items():
            np.testing.assert_allclose(value, due[name] + 2.0 * keep, rtol=1e-12, atol=1e-15, err_msg=name)
    before = {name: value.copy() for name, value in params.items()}
    batch.descend(0.3, 0.9)
    for name, value in params.items():
        step = before[name] * (0.9 if name.startswith("W") else 1.0) - 0.3 * due[name]
        np.testing.assert_allclose(value, step, rtol=1e-12, atol=1e-15, err_msg=name)
    assert (params["W1"][:, UNUSED] == 0.9 * before["W1"][:, UNUSED]).all()


def test_a_network_without_hidden_layers_has_one_too() -> None:
    model = Model((), "softmax", "log_likelihood")
    batch, params, x, y = drawn(model, sizes=(9, 3))
    batch.pass_through()
    np.testing.assert_allclose(batch.delta[0], passed(model, params, x, y).delta[0], rtol=1e-12)


def test_it_is_made_anew_when_it_is_told_of_a_change_and_only_then(monkeypatch: pytest.MonkeyPatch) -> None:
    batch, params, *_ = drawn(Model(("sigmoid", "tanh"), "sigmoid", "cross_entropy"))
    made: list[str] = []
    forward = batch._forward
    monkeypatch.setattr(batch, "_forward", lambda: made.append("") or forward())
    for _ in range(3):
        batch.measured()
    assert len(made) == 1
    for number, value in enumerate(params.values(), start=2):
        value.flat[-1] = np.nextafter(value.flat[-1], 9)
        batch.changed()
        batch.measured()
        batch.measured()
        assert len(made) == number
    params["b2"][0] = np.nan
    batch.changed()
    for _ in range(2):
        with pytest.raises(FloatingPointError):
            batch.measured()


@each_row("dtype, largest", [("float64", 800.0), ("float32", 120.0)])
def test_quick_functions_are_the_exact_ones_and_zero_where_those_cannot_be_told_from_it(
    dtype: str, largest: float
) -> None:
    z = np.linspace(-largest, largest, 20_001).astype(dtype)
    info = np.finfo(dtype)
    with np.errstate(over="ignore"):
        a = quick(sigmoid_f)(z, np.empty_like(z))
        slope = quick(sigmoid_slope)(z, a, np.empty_like(z))
    wide = z.astype(np.longdouble)
    for found, due in ((a, expit(wide)), (slope, expit(wide) * expit(-wide))):
        np.testing.assert_allclose(
            found.astype(np.longdouble), due, rtol=4 * float(info.eps), atol=5 * float(info.tiny)
        )
    assert slope[0] == slope[-1] == 0
    assert quick(np.tanh) is np.tanh


TREE: dict[str, Any] = {
    "name": "full",
    "layers": {"depth": 2, "width": 6},
    "data": {"name": "digits", "train": 100, "validation": 40},
    "batch_size": "full",
    "epochs": 5,
    "l2": 1.0,
    "monitor": ["train_cost", "train_accuracy"],
    "probes": {"record": ["delta_norm", "coherence"], "examples": 60},
}


def patched(folder: Path, extra: dict[str, Any]) -> StoredRun:
    """A run of its own: the factory would hand it to other tests."""
    config = check({**TREE, **extra})
    list(run(config, folder))
    return read_run(folder / config.run_name)


@each_row(
    "extra, each",
    [
        ({}, 6),
        ({"optimizer": "adam", "label_smoothing": 0.1}, 6),
        ({"dtype": "float32"}, 6),
        ({"batch_norm": True}, 0),
    ],
)
def test_an_epoch_with_its_norms_and_monitors_is_one_pass(
    extra: dict[str, Any], each: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Six of five epochs, with that of the start, in either type."""
    made: list[str] = []
    forward = FullBatch._forward
    monkeypatch.setattr(FullBatch, "_forward", lambda batch: made.append("") or forward(batch))
    parts: list[str] = []
    load = Evaluator._forward
    monkeypatch.setattr(Evaluator, "_forward", lambda self, part: parts.append(part) or load(self, part))
    patched(tmp_path, extra)
    assert len(made) == each
    assert parts == ["train"] * 6


@each_row("extra", [{}, {"optimizer": "adam"}, {"label_smoothing": 0.1}, {"l1": 0.5}, {"dtype": "float32"}])
def test_a_run_is_that_of_chunks_and_batches(
    extra: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = patched(tmp_path / "one", extra)
    monkeypatch.setattr("vgrad.training.descent.full_batch", lambda *of: None)
    due = patched(tmp_path / "other", extra)
    rel = 1e-4 if extra.get("dtype") else 1e-11
    for one, other in ((found.metrics, due.metrics), (found.gradients, due.gradients)):
        numbers = [table.select_dtypes("number").to_numpy(float) for table in (one, other)]
        np.testing.assert_allclose(*numbers, rtol=rel)


def test_its_arrays_begin_at_cache_lines() -> None:
    batch, *_ = drawn(Model(("sigmoid", "tanh"), "sigmoid", "cross_entropy"))
    arrays: list[Array] = [array.T for array in (*batch.z, *batch.a, *batch.delta)]
    assert all(array.ctypes.data % LINE == 0 and array.flags.c_contiguous for array in arrays)
