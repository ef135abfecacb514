"""norm(), the probes made of it, and parameters as the files hold them."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import oracle
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rows import each_row

from vgrad.nn.activations import ACTIVATIONS
from vgrad.nn.arrays import all_finite, norm
from vgrad.nn.costs import COSTS, OUTPUTS
from vgrad.nn.measurement import Prober
from vgrad.nn.network import Network
from vgrad.nn.norms import NormPass, batch_norm
from vgrad.nn.parameters import as_type, problems
from vgrad.nn.probes import PROBES

TINY = 5e-324  # the unit in which subnormal numbers are rounded


def exact(entries: list[float]) -> float:
    """The root of the exact sum of squares, to 60 digits before it is rounded."""
    total = sum(Fraction(value) ** 2 for value in entries)
    if not total:
        return 0.0
    scale = 10 ** max(0, 60 + len(str(total.denominator)) - len(str(total.numerator)))
    root = Fraction(math.isqrt(total.numerator * scale * scale // total.denominator), scale)
    return float(root)


@settings(deadline=None, max_examples=300)
@given(st.lists(st.floats(-1e307, 1e307), min_size=1, max_size=40))
def test_norm_is_right_to_rounding(entries: list[float]) -> None:
    wanted = exact(entries)
    assert abs(norm(np.array(entries)) - wanted) <= 4e-15 * wanted + TINY
    assert norm(np.array(entries)) == pytest.approx(math.hypot(*entries), rel=4e-15, abs=TINY)


@settings(deadline=None)
@given(st.integers(-323, 307), st.integers(1, 50), st.integers(0, 1000))
def test_norm_scales_over_the_whole_range(exponent: int, count: int, seed: int) -> None:
    entries = (np.random.default_rng(seed).uniform(0.1, 1, count) * 10.0**exponent).tolist()
    wanted = exact(entries)
    assert abs(norm(np.array(entries)) - wanted) <= 4e-15 * wanted + TINY


@pytest.mark.parametrize("value", [5e-324, 1e-320, 2.3e-308, 1e-200, 1e-23, 1.0, 1e200, 1e308])
def test_norm_of_one_entry_is_the_entry(value: float) -> None:
    assert norm(np.array([[0.0, -value]])) == value
    assert norm(np.array([3.0, 4.0]) * (value / 5)) == pytest.approx(value, rel=1e-15, abs=3 * TINY)


@each_row("dtype", ["float64", "float32"])
@each_row("value, due", [(1.0, True), (1e38, True), (np.nan, False), (np.inf, False), (-np.inf, False)])
def test_all_finite_looks_at_every_number_of_any_layout(dtype: str, value: float, due: bool) -> None:
    for shape in ((1, 1), (3, 200)):
        for at in (0, -1):
            x = np.ones(shape, dtype)
            x.flat[at] = value
            with np.errstate(all="raise"):  # a square may overflow
                assert all(all_finite(each) == due for each in (x, x.T, np.repeat(x, 2, axis=1)[:, ::2]))
    assert all_finite(np.ones((0, 3), dtype))


def test_norm_of_single_precision_does_not_underflow() -> None:
    x = np.full(100, 1e-23, "float32")
    assert np.linalg.norm(x) == 0
    assert norm(x) == pytest.approx(10 * float(np.float32(1e-23)), rel=1e-15, abs=0)


def test_norm_of_single_precision_is_computed_in_double() -> None:
    x = np.random.default_rng(0).normal(size=999).astype("float32") * np.float32(1e-23)
    assert norm(x) == pytest.approx(exact(x.tolist()), rel=4e-15, abs=0)


def test_norm_of_nothing_zero_infinity_and_nan() -> None:
    assert [norm(np.array(x)) for x in ([], [0.0, -0.0], [[1.0, -np.inf]])] == [0.0, 0.0, math.inf]
    assert math.isnan(norm(np.array([np.inf, np.nan, 1.0])))
    assert math.isnan(norm(np.array([1.0, np.nan])))
    kept = np.array([-3.0, 4.0])
    assert (norm(kept), kept.tolist()) == (5.0, [-3.0, 4.0])


# -- probes -----------------------------------------------------------------------------------------------------------

MODEL = oracle.Model(("sigmoid", "tanh", "relu"), "softmax", "log_likelihood")
SIZES = (6, 5, 4, 5, 3)
NETWORK = Network(
    SIZES, tuple(ACTIVATIONS[name]() for name in MODEL.hidden), OUTPUTS["softmax"], COSTS[MODEL.cost]["softmax"]
)


def measured(rows: int, m: int = 23) -> list[np.ndarray]:
    params, (x, y) = oracle.draw(SIZES, 4), oracle.examples(SIZES, m, 4)
    pieces = [(x[start : start + rows], y[start : start + rows]) for start in range(0, m, rows)]
    return Prober(NETWORK, rows).measure(params, pieces).mean_delta


def test_delta_norm_is_that_of_the_oracle() -> None:
    params, (x, y) = oracle.draw(SIZES, 4), oracle.examples(SIZES, 23, 4)
    found = Prober(NETWORK, 23).measure(params, [(x, y)])
    assert PROBES["delta_norm"](found) == pytest.approx(
        oracle.delta_norms(MODEL, params, x, y), rel=oracle.ROUNDING, abs=0
    )
    for layer, wanted in enumerate(oracle.mean_deltas(MODEL, params, x, y)):
        oracle.assert_close(found.mean_delta[layer], wanted, oracle.ROUNDING)


@pytest.mark.parametrize("rows", [1, 5, 22])
def test_chunks_do_not_change_a_measurement(rows: int) -> None:
    for found, wanted in zip(measured(rows), measured(23), strict=True):
        oracle.assert_close(found, wanted, oracle.ROUNDING)


def test_a_prober_follows_the_parameters_and_leaves_them_alone() -> None:
    params, (x, y) = oracle.draw(SIZES, 4), oracle.examples(SIZES, 5, 4)
    single = {name: value.astype("float32") for name, value in params.items()}
    prober = Prober(NETWORK, 5)
    prober.measure(params, [(x, y)])
    found = prober.measure(single, [(x, y)])
    wide = {name: value.astype("float64") for name, value in single.items()}
    wanted = oracle.delta_norms(MODEL, wide, x, y)
    assert PROBES["delta_norm"](found) == pytest.approx(wanted, rel=oracle.ROUNDING, abs=0)
    assert {value.dtype for value in single.values()} == {np.dtype("float32")}
    assert {value.dtype for value in found.mean_delta} == {np.dtype("float64")}


# -- normalization ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("m", [1, 2, 5])
def test_running_statistics_move_by_their_momentum(m: int) -> None:
    """Towards the mean and the unbiased variance of the batch; an example alone has no variance. Only in training."""
    u, units = np.random.default_rng(m).normal(2, 3, (m, 4)), {"gamma1": np.ones(4), "beta1": np.zeros(4)}
    for mode, moved in (("train", 0.25), ("probe", 0.0), ("evaluate", 0.0)):
        buffers = {"mean1": np.full(4, 5.0), "variance1": np.full(4, 7.0)}
        NormPass(batch_norm(momentum=0.25), 1, units, buffers, mode, m).forward(u, np.empty_like(u))  # type: ignore[arg-type]
        variance = u.var(axis=0, ddof=1) if m > 1 else np.zeros(4)
        np.testing.assert_allclose(buffers["mean1"], 5 + moved * (u.mean(axis=0) - 5), rtol=1e-14)
        np.testing.assert_allclose(buffers["variance1"], 7 + moved * (variance - 7), rtol=1e-14)


def test_evaluation_takes_the_running_statistics() -> None:
    u, units = np.random.default_rng(0).normal(size=(3, 2)), {"gamma1": np.array([2.0, 3.0]), "beta1": np.ones(2)}
    buffers = {"mean1": np.array([0.5, -1.0]), "variance1": np.array([4.0, 0.25])}
    found = NormPass(batch_norm(epsilon=0.75), 1, units, buffers, "evaluate", 3)
    scale = units["gamma1"] / np.sqrt(buffers["variance1"] + 0.75)
    np.testing.assert_allclose(found.forward(u, np.empty_like(u)), (u - buffers["mean1"]) * scale + 1, rtol=1e-14)
    np.testing.assert_allclose(found.backward(u), u * scale, rtol=1e-14)


# -- parameters -------------------------------------------------------------------------------------------------------


def test_problems_names_each_array() -> None:
    good = oracle.draw((2, 3, 1), 0)
    assert problems(good, (2, 3, 1)) == []
    bad = {**good, "W2": np.ones((3, 1)), "b2": np.array([np.nan]), "w1": good["W1"], "b1": np.ones(3, bool)}
    del bad["W1"]
    assert problems(bad, (2, 3, 1)) == [
        "W1 is missing",
        "w1 is not a parameter; known: W1, b1, W2, b2",
        "b1 holds bool, not numbers",
        "W2 has shape (3, 1), the network's has (1, 3)",
        "b2 holds NaN or infinity",
    ]


def test_as_type_orders_and_converts() -> None:
    good = oracle.draw((2, 3, 1), 0)
    found = as_type({name: np.asfortranarray(good[name]) for name in reversed(good)}, (2, 3, 1), "float32")
    assert list(found) == ["W1", "b1", "W2", "b2"]
    assert all(value.flags.c_contiguous and value.dtype == np.float32 for value in found.values())
    assert (found["W1"] == good["W1"].astype("float32")).all()
