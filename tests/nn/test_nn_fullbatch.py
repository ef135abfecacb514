"""The pass that step, monitors and norms share: the numbers of the plain oracle, made once, or again where it must."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
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
from vgrad.config.monitors import correct
from vgrad.data.datasets import load
from vgrad.nn import fullbatch
from vgrad.nn.arrays import LINE, Array, Parameters
from vgrad.nn.fullbatch import FullBatch, Sparse, _sigmoid, alike
from vgrad.nn.functions import quick, sigmoid_f, sigmoid_slope
from vgrad.nn.parameters import as_type
from vgrad.nn.probes import PROBES, Prober
from vgrad.runs.runner import run
from vgrad.runs.stored import StoredRun, read_run
from vgrad.training.assembly import build_network, fresh_state
from vgrad.training.descent import full_batch
from vgrad.training.evaluation import Evaluator, ProbeSet
from vgrad.training.initial import draw_parameters
from vgrad.training.loop import train

SIZES = (9, 5, 4, 3)
UNUSED = [0, 3, 8]


def groups(x: Array) -> Array:
    """1 where the example and the input are of the same of four groups, which the order mixes."""
    return np.arange(len(x))[:, None] * 7 % 4 == np.arange(x.shape[1]) * 3 % 4


def one_is_empty(x: Array) -> Array:
    return groups(x) & (np.arange(len(x)) != 3)[:, None]


INPUTS: dict[str, Callable[[Array], Any]] = {
    "unused": lambda x: ~np.isin(np.arange(x.shape[1]), UNUSED),
    "dense": lambda x: 1.0,
    "negative": lambda x: -1.0,
    "groups": groups,
    "one example is 0": one_is_empty,
    "a tenth": lambda x: np.random.default_rng(0).random(x.shape) < 0.1,
    "nothing": lambda x: 0.0,
}


def drawn(
    model: Model, dtype: str = "float64", sizes: tuple[int, ...] = SIZES, kind: str = "unused", m: int = 7
) -> tuple[FullBatch, Parameters, Any, Any]:
    params = {name: value.astype(dtype) for name, value in oracle.draw(sizes, 1).items()}
    x, y = oracle.examples(sizes, m, 2)
    x *= INPUTS[kind](x)
    return FullBatch(network(model, sizes), params, x, y), params, x, y


CASES = [(Model((f, f), output, cost), "unused", 7) for f in FIRST for cost, output in PAIRS]
CASES += [(Model(("sigmoid", "relu"), "softmax", "log_likelihood"), kind, m) for kind in INPUTS for m in (1, 70)]


@each_row("model, kind, m", CASES)
def test_the_numbers_of_the_other_passes(model: Model, kind: str, m: int) -> None:
    batch, params, x, y = drawn(model, kind=kind, m=m)
    batch.pass_through()
    other = passed(model, params, x, y)
    for name in ("z", "a", "delta"):
        for found, due in zip(getattr(batch, name), getattr(other, name), strict=True):
            least = 1e-15 * np.abs(due).max()  # what cancels is right to the rounding of what it is made of
            np.testing.assert_allclose(found[batch.position], due, rtol=1e-12, atol=least, err_msg=name)
    for found, due in zip(batch.sums, other.delta, strict=True):
        np.testing.assert_allclose(found, due.sum(axis=0), rtol=1e-12, atol=1e-14)
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
    without = ~x.any(axis=0)
    assert (params["W1"][:, without] == 0.9 * before["W1"][:, without]).all()


def kept(product: Sparse) -> float:
    """The share of M that is multiplied."""
    return sum(part.size for *_, part, _ in product._blocks) / (len(product.AT) * product.product.shape[1])


@each_row(
    "kind, n, most", [("groups", 5, 0.35), ("a tenth", 5, 0.9), ("dense", 5, 1), ("groups", 200, 1), ("nothing", 5, 0)]
)
def test_a_sparse_product_is_the_whole_one_and_leaves_zeros_out(kind: str, n: int, most: float) -> None:
    random = np.random.default_rng(1)
    M = random.standard_normal((40, 90)) * INPUTS[kind](np.empty((40, 90)))
    product = Sparse(M, n, 8)
    assert sorted(product.order) == list(range(90))
    assert kept(product) <= most
    for _ in range(2):
        A = random.standard_normal((n, 40))
        product.AT[...] = A.T
        product.multiply()
        np.testing.assert_allclose(product.product, (A @ M)[:, product.order], rtol=1e-12, atol=1e-13)


@each_row("share, patience", [(1.0, 4e9), (0.8, 4e9), (0.1, 1e3)])
def test_blocks_are_not_sought_where_there_can_be_none(
    share: float, patience: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of 1,900 examples of 20,000 numbers, none 0, the search took a minute."""
    monkeypatch.setattr(fullbatch, "PATIENCE", patience)
    monkeypatch.setattr(fullbatch, "alike", lambda *_: pytest.fail("they have been sought"))
    rng = np.random.default_rng(0)
    M = rng.normal(size=(60, 40)) * (rng.random((60, 40)) < share)
    product, A = Sparse(M, 3, 8), rng.normal(size=(3, 60))
    product.AT[...] = A.T
    product.multiply()
    np.testing.assert_allclose(product.product, (A @ M)[:, product.order], rtol=1e-13, atol=1e-13)


def test_rows_that_are_alike_stand_together_whatever_their_order() -> None:
    used = groups(np.empty((20, 12)))
    blocks = alike(used, 5)
    assert [len(block) for block in blocks] == [5] * 4
    assert all((used[block] == used[block[0]]).all() for block in blocks)
    assert [block.tolist() for block in alike(np.array([[1, 1, 1], [0, 1, 1], [1, 0, 0], [0, 1, 0]], bool), 3)] == [
        [2, 3, 0],
        [1],
    ]


def test_a_block_ends_where_its_product_would_be_packed() -> None:
    used = np.ones((50, 10), np.bool_)
    blocks = [len(block) for block in alike(used, 32, area=210)]
    assert blocks == [16, 16, 18]
    assert [len(block) for block in alike(used, 32, area=10)] == [8] * 6 + [2]


def test_in_float32_the_pass_is_in_float64_and_the_gradients_are_not() -> None:
    model = Model(("sigmoid", "tanh"), "sigmoid", "cross_entropy")
    batch, params, x, y = drawn(model, "float32", kind="groups", m=70)
    wide = as_type(params, batch.network.sizes, np.float64)
    batch.pass_through()
    for found, due in zip(batch.delta, passed(model, wide, x, y).delta, strict=True):
        assert found.dtype == np.float64
        np.testing.assert_allclose(found[batch.position], due, rtol=1e-12)
    found, due = {name: np.empty_like(value) for name, value in params.items()}, gradients(model, wide, x, y)
    batch.add_gradients(found, 1 / len(x), 0.0)
    assert batch.pixels.product.dtype == np.float32  # the largest product of the step takes half the time
    for name, value in found.items():
        assert value.dtype == np.float32
        np.testing.assert_allclose(value, due[name], rtol=1e-4, atol=1e-7, err_msg=name)


@each_row("dtype", ["float32", "float64"])
@each_row("examples", [1, 30, 100])
def test_norms_and_outputs_are_those_of_chunks(dtype: str, examples: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of the first examples of the file, although the pass has them in another order."""
    monkeypatch.setattr("vgrad.nn.fullbatch.IMAGES", 8)
    monkeypatch.setattr("vgrad.nn.fullbatch.WORTH", 1.0)
    config = check({**TREE, "dtype": dtype})
    data, network = load("digits", **config.data.parameters), build_network(config)
    params = {name: value.astype(dtype) for name, value in draw_parameters(config, config.init).items()}
    batch = full_batch(network, params, data, 100)
    assert batch is not None
    assert (batch.position != np.arange(100)).any()
    shared, apart = (ProbeSet(network, data, examples, 0.0, each).measure(params) for each in (batch, None))
    for probe in ("delta_norm", "delta_norm_mean", "coherence", "weight_gradient_norm"):
        np.testing.assert_allclose(PROBES[probe](shared), PROBES[probe](apart), rtol=1e-12, err_msg=probe)
    assert shared.silent == apart.silent
    evaluators = [Evaluator(network, params, {}, data, dtype, each) for each in (batch, None)]
    outputs = [
        [np.concatenate(each) for each in zip(*evaluator.outputs("train"), strict=True)] for evaluator in evaluators
    ]
    for found, due in zip(*outputs, strict=True):
        np.testing.assert_allclose(found, due, rtol=1e-4 if dtype == "float32" else 1e-12)


@each_row("tied", [False, True])
def test_the_right_class_is_told_without_argmax(tied: bool) -> None:
    """Of equal outputs the first one is named, also where examples lie side by side."""
    random = np.random.default_rng(2)
    z = (random.integers(0, 3, (60, 4)) if tied else random.standard_normal((60, 4))).astype(np.float64)
    y = np.eye(4)[random.integers(0, 4, 60)]
    due = z.argmax(axis=1) == y.argmax(axis=1)
    assert 0 < due.sum() < 60
    for as_laid_out in (np.ascontiguousarray, np.asfortranarray):
        assert (correct(as_laid_out(z), z, as_laid_out(y)) == due).all()


def test_a_unit_is_silent_where_its_deltas_are_0_and_not_where_they_cancel() -> None:
    network_ = network(Model((), "identity", "quadratic"), (2, 3))
    params = {"W1": np.zeros((3, 2)), "b1": np.zeros(3)}
    delta = np.array([[1.0, 0.0, 2.0], [-1.0, 0.0, 3.0]])
    made = Prober(network_, 2).measure(params, [], None, lambda: ([delta], [delta.sum(axis=0)]))
    assert made.silent == [1]


def test_a_run_that_is_continued_has_the_bytes_of_one_that_was_not() -> None:
    config = check({**TREE, "dtype": "float32", "l2": 0.5})
    data = load("digits", **config.data.parameters)

    def told(state: Any, epochs: int, **more: Any) -> list[Any]:
        steps = train(check({**TREE, "dtype": "float32", "l2": 0.5, "epochs": epochs}), data, state, **more)
        return [(record, deepcopy(now)) for record, now in steps]

    def fresh() -> Any:
        return fresh_state(config, draw_parameters(config, config.init))

    whole, first = told(fresh(), 5), told(fresh(), 2)
    rest = told(deepcopy(first[-1][1]), 5, resumed=True, past=[record for record, _ in first])
    for (found, end), (due, other) in zip([*first, *rest], whole, strict=True):
        assert (found.metrics, found.gradients) == (due.metrics, due.gradients)
        assert all(end.parameters[name].tobytes() == value.tobytes() for name, value in other.parameters.items())


def test_a_run_that_diverges_is_measured_again_where_it_was_finite(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wild = {"activation": "relu", "output": "identity", "cost": "quadratic", "optimizer": {"learning_rate": 1e60}}
    wild |= {"probes": {"record": ["delta_norm"], "examples": 60, "every": 50}}
    found = patched(tmp_path / "one", wild)
    monkeypatch.setattr("vgrad.training.descent.full_batch", lambda *of: None)
    due = patched(tmp_path / "other", wild)
    assert len(found.gradients) == len(due.gradients)
    assert found.metrics["epoch"].max() < 5
    np.testing.assert_allclose(found.gradients["delta_norm"], due.gradients["delta_norm"], rtol=1e-6)


@each_row("model", [Model(("sigmoid",), "sigmoid", "cross_entropy"), Model(("relu",), "identity", "quadratic")])
def test_what_overflows_is_told_of(model: Model) -> None:
    for name, at in (("W1", 1e308), ("b1", np.inf), ("b2", np.nan), ("W2", np.inf)):
        batch, params, *_ = drawn(model, sizes=(9, 5, 3))
        batch.measured()
        params[name].flat[:] = at
        batch.changed()
        with pytest.raises(FloatingPointError):
            batch.measured()


def test_a_delta_that_overflows_where_no_z_does_is_told_of() -> None:
    batch, params, *_ = drawn(Model(("relu",), "identity", "quadratic"), sizes=(9, 5, 3))
    params["b1"][:], params["W2"][:], params["b2"][:] = -100, 1e308, 10
    batch.changed()
    batch.pass_through()
    assert np.isfinite(batch.z[-1]).all()
    with pytest.raises(FloatingPointError):
        batch.measured()


def test_a_sum_that_overflows_is_no_delta_that_does() -> None:
    batch, params, *_ = drawn(Model((), "identity", "quadratic"), sizes=(9, 3), kind="nothing")
    params["b1"][:] = 1e308
    batch.changed()
    batch.measured()
    assert np.isinf(batch.sums[0]).all()


def test_the_sigmoid_and_its_slope_are_right_everywhere() -> None:
    z = np.linspace(-800, 800, 20_001)
    a, slope = np.empty_like(z), np.empty_like(z)
    with np.errstate(all="ignore"):
        _sigmoid(z, a, slope)
    wide, tiny = z.astype(np.longdouble), float(np.finfo(float).tiny)
    for found, due in ((a, expit(wide)), (slope, expit(wide) * expit(-wide))):
        np.testing.assert_allclose(found.astype(np.longdouble), due, rtol=1e-15, atol=5 * tiny)
    assert (a[-1], slope[0], slope[-1]) == (1, 0, 0)


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
