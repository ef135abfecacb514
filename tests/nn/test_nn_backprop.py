"""Backpropagation and the fused step: against the plain oracle, numerical derivatives and PyTorch, layer by layer."""

from __future__ import annotations

import tracemalloc
from itertools import product

import numpy as np
import oracle
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from oracle import Model, Params
from rows import each_row

from vgrad.nn.activations import ACTIVATIONS
from vgrad.nn.backprop import Backprop, first_non_finite
from vgrad.nn.costs import COSTS, OUTPUTS
from vgrad.nn.network import Network

PAIRS = [(cost, output) for cost, outputs in COSTS.items() for output in outputs]
FIRST = ("sigmoid", "tanh", "relu", "identity")
VARIANTS = [  # each activation that the oracle has, each pair, and all pairs with the first few
    *product(FIRST, PAIRS),
    *((name, PAIRS[number % len(PAIRS)]) for number, name in enumerate(oracle.ACTIVATIONS) if name not in FIRST),
]
SIZES = (3, 4, 5, 3)
WIDTHS = st.lists(st.integers(2, 6), min_size=0, max_size=3)


def test_every_activation_is_known_to_the_oracle_or_named() -> None:
    assert set(ACTIVATIONS) == {*oracle.ACTIVATIONS, *oracle.LEARNED}
    assert {name for name, _ in VARIANTS} == set(oracle.ACTIVATIONS)
    assert {pair for _, pair in VARIANTS} == set(PAIRS)
    assert all(make().pieces > 1 or make().learned for name, make in ACTIVATIONS.items() if name in oracle.LEARNED)


def network(model: Model, sizes: tuple[int, ...]) -> Network:
    return Network(
        sizes,
        tuple(ACTIVATIONS[name]() for name in model.hidden),
        OUTPUTS[model.output],
        COSTS[model.cost][model.output],
    )


def passed(model: Model, params: Params, x: np.ndarray, y: np.ndarray) -> Backprop:
    sizes = (x.shape[1], *(len(params[f"b{layer}"]) for layer in range(1, len(params) // 2 + 1)))
    passes = Backprop(network(model, sizes), params, len(x))
    passes.forward(x)
    passes.backward(y)
    return passes


def gradients(model: Model, params: Params, x: np.ndarray, y: np.ndarray) -> Params:
    found = {name: np.zeros_like(value) for name, value in params.items()}
    passed(model, params, x, y).add_gradients(x, found, 1 / len(x))
    return found


def copied(params: Params, dtype: str = "float64") -> Params:
    return {name: value.astype(dtype) for name, value in params.items()}


@pytest.mark.parametrize(("activation", "pair"), VARIANTS)
@settings(max_examples=5, deadline=None)
@given(st.tuples(st.integers(1, 6)), WIDTHS, st.integers(2, 5), st.sampled_from((1, 3, 10)), st.integers(0, 10**6))
def test_batches_equal_a_loop_over_examples(
    activation: str, pair: tuple[str, str], first: tuple[int], widths: list[int], last: int, m: int, seed: int
) -> None:
    model = Model((activation,) * len(widths), pair[1], pair[0])
    sizes = (*first, *widths, last)
    params, (x, y) = oracle.draw(sizes, seed), oracle.examples(sizes, m, seed)
    passes = passed(model, params, x, y)
    singles = [
        (oracle.forward(model, params, *row[:1]), oracle.backprop(model, params, *row))
        for row in zip(x, y, strict=True)
    ]
    for layer in range(len(sizes) - 1):
        oracle.assert_close(passes.z[layer], [zs[layer] for (zs, _), _ in singles], oracle.ROUNDING)
        oracle.assert_close(passes.a[layer], [a[layer + 1] for (_, a), _ in singles], oracle.ROUNDING)
        oracle.assert_close(passes.delta[layer], [deltas[layer] for _, (deltas, _) in singles], oracle.ROUNDING)
    found, wanted = gradients(model, params, x, y), oracle.mean_gradients(model, params, x, y)
    for name in params:
        largest = max(float(np.abs(single[name]).max()) for _, (_, single) in singles)
        oracle.assert_close(found[name], wanted[name], oracle.ROUNDING, scale=largest)


def test_hidden_layers_may_differ() -> None:
    model = Model(("tanh", "relu", "sigmoid", "identity"), "softmax", "log_likelihood")
    sizes = (5, 4, 6, 3, 5, 4)
    params, (x, y) = oracle.draw(sizes, 0), oracle.examples(sizes, 7, 0)
    wanted = oracle.mean_gradients(model, params, x, y)
    assert not oracle.wrong_layers(gradients(model, params, x, y), wanted, oracle.ROUNDING)


@each_row("activation, pair", VARIANTS)
def test_every_parameter_against_the_complex_step(activation: str, pair: tuple[str, str]) -> None:
    model = Model((activation,) * 2, pair[1], pair[0])
    params, (x, y) = oracle.draw(SIZES, 3), oracle.examples(SIZES, 10, 3)
    wanted = oracle.complex_step(model, params, x, y)
    assert all(value.any() for value in wanted.values())
    assert not oracle.wrong_layers(gradients(model, params, x, y), wanted, oracle.COMPLEX_STEP)


@each_row("activation, pair", VARIANTS)
def test_every_parameter_against_central_differences(activation: str, pair: tuple[str, str]) -> None:
    """vgrad's own cost from z on both sides: cost and delta belong together."""
    h = 1e-5
    model = Model((activation,) * 2, pair[1], pair[0])
    params, (x, y) = oracle.draw(SIZES, 3), oracle.examples(SIZES, 3, 3)

    def mean(moved: Params) -> float:
        passes = passed(model, moved, x, y)
        return float(passes.network.cost.per_example(passes.z[-1], passes.a[-1], y).mean())

    wanted = {name: np.empty(value.shape) for name, value in params.items()}
    for name, value in params.items():
        for index in np.ndindex(value.shape):
            up, down = copied(params), copied(params)
            up[name][index] += h
            down[name][index] -= h
            wanted[name][index] = (mean(up) - mean(down)) / (2 * h)
    assert not oracle.wrong_layers(gradients(model, params, x, y), wanted, oracle.CENTRAL)


DEEP = (4, 3, 3, 3, 3, 3, 3, 3, 3, 2)


def vanished() -> tuple[Params, Params]:
    """Found and wanted gradients of a network whose first layers hardly learn."""
    model = Model(("sigmoid",) * (len(DEEP) - 2), "sigmoid", "cross_entropy")
    params, (x, y) = oracle.draw(DEEP, 1, spread=0.3), oracle.examples(DEEP, 3, 1)
    return gradients(model, params, x, y), oracle.complex_step(model, params, x, y)


def test_the_checker_rejects_one_in_a_thousand_in_any_layer() -> None:
    found, wanted = vanished()
    assert not oracle.wrong_layers(found, wanted, oracle.COMPLEX_STEP)
    for name in found:
        for tolerance in (oracle.COMPLEX_STEP, oracle.CENTRAL):
            assert oracle.wrong_layers({**found, name: 1.001 * found[name]}, wanted, tolerance) == [name]
            bent = found[name].copy()
            bent[np.unravel_index(np.abs(bent).argmax(), bent.shape)] *= 1.001
            assert oracle.wrong_layers({**found, name: bent}, wanted, tolerance) == [name]
            assert oracle.wrong_layers({**found, name: np.full_like(bent, np.nan)}, wanted, tolerance) == [name]


def test_the_checker_rejects_what_an_absolute_tolerance_passes() -> None:
    found, wanted = vanished()
    assert 0 < np.abs(wanted["W1"]).max() < 1e-8
    for name in ("W1", "b1"):
        assert np.allclose(0 * found[name], wanted[name])
        assert oracle.wrong_layers({**found, name: 0 * found[name]}, wanted, oracle.CENTRAL) == [name]


@each_row("activation, pair", VARIANTS)
@each_row("m", [1, 3, 10])
def test_descend_is_the_step_of_sgd_in_place(activation: str, pair: tuple[str, str], m: int) -> None:
    model, eta, l2, n = Model((activation,) * 2, pair[1], pair[0]), 0.3, 5.0, 37
    params, (x, y) = oracle.draw(SIZES, m), oracle.examples(SIZES, m, m)
    wanted = oracle.step(model, copied(params), x, y, eta=eta, n=n, l2=l2)
    arrays = dict(params)
    addresses = {name: value.ctypes.data for name, value in params.items()}
    passed(model, params, x, y).descend(x, eta, 1 - eta * l2 / n)
    assert all(params[name] is arrays[name] for name in arrays)
    assert {name: value.ctypes.data for name, value in params.items()} == addresses
    for name in wanted:
        oracle.assert_close(params[name], wanted[name], oracle.ROUNDING)


def test_add_gradients_adds() -> None:
    model = Model(("tanh",) * 2, "sigmoid", "cross_entropy")
    params, (x, y) = oracle.draw(SIZES, 0), oracle.examples(SIZES, 8, 0)
    total = {name: np.zeros_like(value) for name, value in params.items()}
    for rows in (slice(0, 5), slice(5, 8)):
        passed(model, params, x[rows], y[rows]).add_gradients(x[rows], total, 1 / 8)
    assert not oracle.wrong_layers(total, oracle.mean_gradients(model, params, x, y), oracle.ROUNDING)


@pytest.mark.parametrize(("activation", "pair"), VARIANTS)
def test_a_step_allocates_nothing_that_stays(activation: str, pair: tuple[str, str]) -> None:
    """Views, scalars and buffers come and go; a copy of the smallest W here would be 32 kB and would show.

    What other threads of the test's process allocate meanwhile does not come three times.
    """
    sizes, m = (200, 80, 80, 50), 10
    model = Model((activation,) * 2, pair[1], pair[0])
    params, (x, y) = oracle.draw(sizes, 0, spread=0.01), oracle.examples(sizes, m, 0)
    passes = passed(model, params, x, y)

    def steps(count: int) -> None:
        for _ in range(count):
            passes.forward(x)
            passes.backward(y)
            passes.descend(x, 1e-6, 1.0)

    def grown() -> tuple[int, int]:
        steps(1)
        before, _ = tracemalloc.get_traced_memory()
        tracemalloc.reset_peak()
        steps(100)
        after, peak = tracemalloc.get_traced_memory()
        return after - before, peak - before

    steps(3)
    room = 8_000 + 2 * m * sum(sizes[1:]) * 8  # NumPy's buffers, for broadcasting and casting
    tracemalloc.start()
    try:
        assert any(left < 2_000 and most < room for left, most in (grown() for _ in range(3)))
    finally:
        tracemalloc.stop()


def test_a_thousand_steps_do_not_grow() -> None:
    model, sizes = Model(("sigmoid",) * 2, "sigmoid", "cross_entropy"), (30, 20, 20, 10)
    params, (x, y) = oracle.draw(sizes, 0), oracle.examples(sizes, 10, 0)
    passes = passed(model, params, x, y)
    tracemalloc.start()
    try:
        begun = 0
        for count in range(1001):
            passes.forward(x)
            passes.backward(y)
            passes.descend(x, 0.1, 0.999)
            begun = begun if count else tracemalloc.get_traced_memory()[0]
        end, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert end - begun < 500
    assert peak < 8_000


@each_row("activation, pair", VARIANTS)
def test_single_precision_agrees_to_single_precision(activation: str, pair: tuple[str, str]) -> None:
    model = Model((activation,) * 2, pair[1], pair[0])
    params, (x, y) = oracle.draw(SIZES, 5), oracle.examples(SIZES, 10, 5)
    narrow = gradients(model, copied(params, "float32"), x.astype("float32"), y.astype("float32"))
    assert {value.dtype for value in narrow.values()} == {np.dtype("float32")}
    assert not oracle.wrong_layers(narrow, oracle.mean_gradients(model, params, x, y), oracle.SINGLE)


def test_weights_that_cannot_be_updated_in_place_are_refused() -> None:
    params = oracle.draw(SIZES, 0)
    params["W2"] = np.asfortranarray(params["W2"])
    with pytest.raises(ValueError, match="C-contiguous"):
        Backprop(network(Model(("tanh",) * 2, "sigmoid", "quadratic"), SIZES), params, 3)


def test_first_non_finite_names_the_layer() -> None:
    fine, wrong = np.ones((2, 2)), np.array([[1.0, np.nan], [0.0, 0.0]])
    assert [first_non_finite(x) for x in ([fine], [fine, wrong], [fine, -np.inf * fine, wrong])] == [None, 2, 2]
