"""The step of small networks, with weights and biases in one matrix: the oracle, the general way, counts of calls."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import replace

import numpy as np
import oracle
import pytest
from oracle import Model, Params
from rows import each_row
from test_nn_backprop import VARIANTS, network
from test_nn_counts import counting

from vgrad.nn import costs, functions
from vgrad.nn.arrays import LINE
from vgrad.nn.backprop import GeneralBackprop
from vgrad.nn.beside import calls as beside_calls
from vgrad.nn.beside import norm as beside_norm
from vgrad.nn.beside import step as beside_step
from vgrad.nn.beside import weights as beside_weights
from vgrad.nn.beside.calls import softmax
from vgrad.nn.beside.norm import Statistics
from vgrad.nn.beside.step import AugmentedStep
from vgrad.nn.beside.weights import Augmented, fits
from vgrad.nn.costs import softmax_f
from vgrad.nn.functions import in_training, make, relu_f, relu_slope, sigmoid_f, sigmoid_slope
from vgrad.nn.network import Noise
from vgrad.nn.norms import Norm, batch_norm, layer_norm

SIZES = (3, 4, 5, 3)


def steps_of(
    model: Model, params: Params, sizes: tuple[int, ...], m: int, *, unit: float = 1.0, dropout: float = 0.0
) -> tuple[AugmentedStep, Augmented]:
    weights = Augmented(sizes, params["W1"].dtype)
    weights.load(params)
    return AugmentedStep(replace(network(model, sizes), dropout=dropout), weights, m, unit), weights


def side_by_side(x: np.ndarray, weights: Augmented, unit: float = 1.0) -> np.ndarray:
    wide = np.zeros((len(x), weights.V[0].shape[1]), x.dtype)
    wide[:, : x.shape[1]], wide[:, x.shape[1]] = x / unit, 1 / unit
    return wide.T


def stored(weights: Augmented, like: Params) -> Params:
    found = {name: np.empty_like(value) for name, value in like.items()}
    weights.store(found)
    return found


@each_row("activation, pair", VARIANTS)
@each_row("m, l2, unit", [(1, 5.0, 1.0), (3, 0.0, 1 / 255), (10, 5.0, 0.25)])
def test_a_step_is_the_oracles(activation: str, pair: tuple[str, str], m: int, l2: float, unit: float) -> None:
    model, eta, n = Model((activation,) * 2, pair[1], pair[0]), 0.3, 37
    params, (x, y) = oracle.draw(SIZES, m), oracle.examples(SIZES, m, m)
    wanted = oracle.step(model, {name: value.copy() for name, value in params.items()}, x, y, eta=eta, n=n, l2=l2)
    passes, weights = steps_of(model, params, SIZES, m, unit=unit)
    beside = side_by_side(x, weights, unit)
    make(passes.passing(beside, y.T))
    make(passes.descending(beside, eta, 1 - eta * l2 / n))
    found = stored(weights, params)
    for name in wanted:
        oracle.assert_close(found[name], wanted[name], oracle.ROUNDING)


@each_row("sizes", [(3, 2), (3, 4, 2), (5, 4, 4, 4, 2), (4, 9, 3, 9, 2)])
@each_row("decay", [1.0, 0.9, 0.0, -1.0, -2.0, -1e9])
def test_only_weights_decay(sizes: tuple[int, ...], decay: float) -> None:
    params, (x, y) = oracle.draw(sizes, 1), oracle.examples(sizes, 4, 1)
    model = Model(("sigmoid",) * (len(sizes) - 2), "sigmoid", "cross_entropy")
    wanted = oracle.mean_gradients(model, params, x, y)
    passes, weights = steps_of(model, params, sizes, 4)
    beside = side_by_side(x, weights)
    make(passes.passing(beside, y.T))
    make(passes.descending(beside, 0.5, decay))
    for name, found in stored(weights, params).items():
        keep = decay if name.startswith("W") else 1.0
        oracle.assert_close(found, keep * params[name] - 0.5 * wanted[name], oracle.ROUNDING)


@each_row("activations", [("sigmoid", "sigmoid"), ("tanh", "relu"), ("softplus", "softplus")])
@each_row("dtype, apart", [("float64", 1e-13), ("float32", 2e-5)])
def test_dropout_is_that_of_layers_with_examples_as_rows(
    activations: tuple[str, str], dtype: str, apart: float
) -> None:
    model, m = Model(activations, "softmax", "log_likelihood"), 7
    params, (x, y) = oracle.draw(SIZES, 2), oracle.examples(SIZES, m, 2)
    params = {name: value.astype(dtype) for name, value in params.items()}
    x, y = x.astype(dtype), y.astype(dtype)
    wanted = {name: np.zeros_like(value) for name, value in params.items()}
    noises = [Noise(np.random.default_rng(5), np.random.default_rng(6)) for _ in range(2)]
    general = GeneralBackprop(replace(network(model, SIZES), dropout=0.4), params, m, {}, "train")
    passes, weights = steps_of(model, params, SIZES, m, dropout=0.4)
    beside, found = side_by_side(x, weights), Augmented(SIZES, params["W1"].dtype)
    for _ in range(3):  # the generators go on alike
        general.forward(x, noises[0])
        general.backward(y)
        general.add_gradients(x, wanted, 1 / m, 0.0)
        passes.draw(noises[1])
        make(passes.passing(beside, y.T))
        make(passes.adding(beside, found, 1 / m, 0.0))
        assert any((layer.mask == 0).any() for layer in general.layers)
        for name, value in stored(found, params).items():
            oracle.assert_close(value, wanted[name], apart, scale=float(np.abs(wanted[name]).max()) + 1e-30)


@each_row("dtype, largest", [("float64", 709.0), ("float32", 88.0)])
def test_the_slope_of_a_sigmoid_is_exact_however_saturated(dtype: str, largest: float) -> None:
    """e a^2 has neither the cancellation of a (1 - a) nor the NaN of inf times 0."""
    z = np.array([0, 1e-9, 3, 17, 40, 80, 100, 700, 709, 710, 1e4, np.inf])
    z = np.concatenate([z, -z]).astype(dtype)
    a, kept = np.empty_like(z), np.empty_like(z)
    made = in_training(sigmoid_f, sigmoid_slope)
    with np.errstate(all="ignore"):
        make(made.f(made.sign * z, kept, a))
        make(made.slope(made.sign * z, kept, a))
        wide = np.array([math.exp(-abs(each)) for each in z.astype(float).tolist()])
    wanted = wide / (1 + wide) ** 2
    near = np.abs(z) <= largest
    np.testing.assert_allclose(kept[near], wanted[near], rtol=4 * np.finfo(dtype).eps, atol=np.finfo(dtype).tiny)
    assert (kept[~near] <= np.finfo(dtype).tiny).all()
    assert (kept[~near] >= 0).all()
    assert np.isnan(_slope_at(np.nan, dtype))


def _slope_at(z: float, dtype: str) -> float:
    made, a, kept = in_training(sigmoid_f, sigmoid_slope), np.empty(1, dtype), np.empty(1, dtype)
    make(made.f(np.full(1, made.sign * z, dtype), kept, a))
    make(made.slope(np.full(1, made.sign * z, dtype), kept, a))
    return float(kept[0])


@each_row("dtype", ["float64", "float32"])
def test_softmax_of_examples_side_by_side_is_that_of_rows(dtype: str) -> None:
    z = np.random.default_rng(0).standard_normal((5, 4)) * [1, 100, 1e4, 1e30]
    z = z.astype(dtype)
    found, due = np.empty_like(z), softmax_f(z.T, np.empty_like(z.T))
    calls = softmax(z, found)
    for _ in range(2):  # with the arrays of the first time
        make(calls)
        np.testing.assert_allclose(found.T, due, rtol=4 * np.finfo(dtype).eps)


def test_a_rectifier_in_training_is_the_one_outside() -> None:
    z, made = np.array([-np.inf, -3.0, -5e-324, -0.0, 0.0, 5e-324, 2.0, np.inf]), in_training(relu_f, relu_slope)
    a, kept = np.empty_like(z), np.empty_like(z)
    make(made.f(z, kept, a))
    make(made.slope(z, kept, a))
    np.testing.assert_array_equal(a, relu_f(z, np.empty_like(z)))
    np.testing.assert_array_equal(kept, relu_slope(z, a, np.empty_like(z)))


def test_a_step_of_nielsens_network_is_23_calls_and_a_layer_more_is_7(monkeypatch: pytest.MonkeyPatch) -> None:
    """A product and a sigmoid of three calls forwards; slopes once for all, in three, and the error of the outputs; a
    product and a multiplication backwards; and a product that adds to weights and biases."""

    def calls_of_a_step(sizes: tuple[int, ...], decay: float = 1.0, dropout: float = 0.0) -> Counter[str]:
        with counting(monkeypatch, beside_step, beside_weights, costs, functions) as calls:
            params, (x, y) = oracle.draw(sizes, 0), oracle.examples(sizes, 10, 0)
            model = Model(("sigmoid",) * (len(sizes) - 2), "sigmoid", "cross_entropy")
            passes, weights = steps_of(model, params, sizes, 10, dropout=dropout)
            beside = side_by_side(x, weights)
            calls.clear()
            passes.draw(Noise(np.random.default_rng(0), np.random.default_rng(1)))
            make(passes.passing(beside, y.T))
            make(passes.descending(beside, 0.1, decay))
        return calls

    three, four = (calls_of_a_step((12, *(9,) * k, 5)) for k in (2, 3))
    assert sum(three.values()) == 23
    assert three["dgemm"] == 8
    assert four - three == {"dgemm": 3, "exp": 1, "add": 1, "reciprocal": 1, "multiply": 1}
    assert sum((calls_of_a_step((12, 9, 9, 5), 0.9) - three).values()) == 4  # biases with 12 and with 9 inputs
    masks = calls_of_a_step((12, 9, 9, 5), dropout=0.5) - three
    assert masks == {"greater_equal": 2, "multiply": 2}  # a slope made of a is masked with it


@each_row("dtype, size", [("float64", 8), ("float32", 4)])
def test_a_step_reads_images_and_weights_twice_and_changes_the_weights_once(
    dtype: str, size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In bytes of what its calls are given; the rest is a quarter, some 30 arrays of 30 neurons and ten examples."""
    with counting(monkeypatch, beside_step, beside_weights, costs, functions) as calls:
        params, (x, y) = oracle.draw((784, 30, 30, 10), 0), oracle.examples((784, 30, 30, 10), 10, 0)
        params = {name: value.astype(dtype) for name, value in params.items()}
        model = Model(("sigmoid",) * 2, "sigmoid", "cross_entropy")
        passes, weights = steps_of(model, params, (784, 30, 30, 10), 10)
        beside, yT = side_by_side(x.astype(dtype), weights), y.T.astype(dtype)
        calls.moved = 0
        make(passes.passing(beside, yT))
        make(passes.descending(beside, 0.1, 1.0))
    twice = 2 * (beside.nbytes + weights.V[0].nbytes)
    assert calls.moved == twice + 18_984 * size


def test_batch_norm_adds_19_calls_a_layer_and_6_a_step(monkeypatch: pytest.MonkeyPatch) -> None:
    def calls_of_a_step(depth: int) -> Counter[str]:
        sizes = (12, *(9,) * depth, 5)
        net = replace(network(Model(("sigmoid",) * depth, "sigmoid", "cross_entropy"), sizes), norm=batch_norm())
        with counting(monkeypatch, beside_calls, beside_step, beside_weights, beside_norm, costs, functions) as calls:
            weights, (x, y) = Augmented(sizes, np.dtype(np.float64), normed=True), oracle.examples(sizes, 10, 0)
            weights.load(oracle.draw(sizes, 0) | dict(weights.views.items()))
            passes = AugmentedStep(net, weights, 10, running=Statistics(sizes[1:-1], np.dtype(np.float64)))
            beside = side_by_side(x, weights)
            calls.clear()
            make(passes.passing(beside, y.T))
            make(passes.descending(beside, 0.1, 1.0))
        return calls

    two, three = calls_of_a_step(2), calls_of_a_step(3)
    assert sum((three - two).values()) == 7 + 19
    assert sum(two.values()) == 23 + 2 * 19 + 6


@each_row("dtype", ["float64", "float32"])
@each_row("sizes", [(7, 5, 3, 2), (784, 30, 30, 10), (15, 16, 2), (2, 1)])
def test_rows_of_weights_begin_at_cache_lines(dtype: str, sizes: tuple[int, ...]) -> None:
    params = {name: value.astype(dtype) for name, value in oracle.draw(sizes, 0).items()}
    weights = Augmented(sizes, np.dtype(dtype))
    weights.load(params)
    assert [row.ctypes.data % LINE for V in weights.V for row in V] == [0] * sum(sizes[1:])
    assert sum(V.size for V in weights.V) == weights.vector.size
    for name, value in stored(weights, params).items():
        np.testing.assert_array_equal(value, params[name])


def test_what_a_step_that_overflows_leaves_is_gone_with_the_next_load() -> None:
    params, model = oracle.draw(SIZES, 0), Model(("relu",) * 2, "identity", "quadratic")
    passes, weights = steps_of(model, params, SIZES, 4)
    x, y = oracle.examples(SIZES, 4, 0)
    beside = side_by_side(x, weights)
    with np.errstate(all="ignore"):
        for _ in range(4):
            make(passes.passing(beside, y.T))
            make(passes.descending(beside, 1e200, 1.0))
    assert not np.isfinite(weights.vector).all()
    weights.load(params)
    again, others = steps_of(model, params, SIZES, 4)
    np.testing.assert_array_equal(weights.vector, others.vector)
    for each in (passes, again):
        make(each.passing(beside, y.T))
        make(each.descending(beside, 0.1, 0.9))
    np.testing.assert_array_equal(weights.vector, others.vector)


def test_adding_weights_leaves_biases_alone() -> None:
    sizes = (5, 4, 4, 3)
    one, other = (oracle.draw(sizes, seed) for seed in (0, 1))
    to, of = (Augmented(sizes, np.dtype(np.float64)) for _ in range(2))
    to.load(one)
    of.load(other)
    to.add_weights(of, 0.25)
    to.add_weights(of, 0.5, np.sign)
    for name, found in stored(to, one).items():
        more = 0.25 * other[name] + 0.5 * np.sign(other[name]) if name.startswith("W") else 0.0
        np.testing.assert_allclose(found, one[name] + more, rtol=1e-14 if name.startswith("W") else 0)


def test_which_networks_are_small() -> None:
    plain = network(Model(("sigmoid",), "sigmoid", "cross_entropy"), (784, 160, 10))
    assert fits(plain)
    assert fits(replace(plain, dropout=0.5))
    assert not fits(replace(plain, sizes=(784, 170, 10)))
    assert not fits(replace(plain, input_noise=0.1))
    assert not fits(replace(plain, residual=True))


@each_row("activations", [("sigmoid", "sigmoid"), ("tanh", "relu")])
@each_row("dtype, apart", [("float64", 1e-12), ("float32", 1e-4)])
@each_row("m, dropout, decay", [(7, 0.0, 1.0), (5, 0.3, 0.9), (9, 0.0, 0.0), (1, 0.0, 1.0)])
def test_batch_norm_is_that_of_the_general_way(
    activations: tuple[str, str], dtype: str, apart: float, m: int, dropout: float, decay: float
) -> None:
    """Three steps: parameters, gamma and beta among them, and the running statistics; biases that a norm subtracts
    stay."""
    plain = network(Model(activations, "softmax", "log_likelihood"), SIZES)
    net = replace(plain, norm=batch_norm(momentum=0.25), dropout=dropout)
    params, (x, y) = oracle.draw(SIZES, 2), oracle.examples(SIZES, m, 2)
    for layer, n in enumerate(SIZES[1:-1], start=1):
        params[f"gamma{layer}"], params[f"beta{layer}"] = np.linspace(0.5, 2, n), np.linspace(-1, 1, n)
    params = {name: value.astype(dtype) for name, value in params.items()}
    buffers = {name: value.astype(dtype) for name, value in net.buffers().items()}
    x, y = x.astype(dtype), y.astype(dtype)
    weights, running = Augmented(SIZES, np.dtype(dtype), normed=True), Statistics(SIZES[1:-1], np.dtype(dtype))
    weights.load(params)
    running.load(buffers)
    before = {name: params[name].copy() for name in ("b1", "b2")}
    general = GeneralBackprop(net, params, m, buffers, "train")
    passes = AugmentedStep(net, weights, m, 0.25, running)
    beside = side_by_side(x, weights, 0.25)
    beside[SIZES[0]] = 0  # no bias
    noises = [Noise(np.random.default_rng(5), np.random.default_rng(6)) for _ in range(2)]
    for _ in range(3):
        general.forward(x, noises[0])
        general.backward(y)
        general.descend(x, 0.1, decay)
        passes.draw(noises[1])
        make(passes.passing(beside, y.T))
        make(passes.descending(beside, 0.1, decay))
        for layer, (found, wanted) in enumerate(zip(passes.delta, general.delta, strict=True)):
            assert np.abs(found.T - wanted).max() <= apart * np.abs(wanted).max(), layer
    found = stored(weights, params)
    moved = {name: np.empty_like(value) for name, value in buffers.items()}
    running.store(moved)
    for name, value in (params | buffers).items():
        oracle.assert_close((found | moved)[name], value, apart, scale=float(np.abs(value).max()) + 1e-30)
    for name, value in before.items():
        np.testing.assert_array_equal(found[name], value)


@each_row("norm", [None, batch_norm()])
def test_gradients_that_are_not_kept_are_overwritten_whatever_they_hold(norm: Norm | None) -> None:
    """After a divergence they hold NaN, and the epoch is made again to find where it began."""
    net = replace(network(Model(("tanh",) * 2, "softmax", "log_likelihood"), SIZES), norm=norm)
    weights, found = (Augmented(SIZES, np.dtype(np.float64), normed=norm is not None) for _ in range(2))
    weights.load(oracle.draw(SIZES, 0) | {name: view for name, view in weights.views.items() if name[0] in "gb"})
    passes = AugmentedStep(net, weights, 4, running=Statistics(SIZES[1:-1], np.dtype(np.float64)))
    found.vector.fill(np.nan)
    x, y = oracle.examples(SIZES, 4, 0)
    beside = side_by_side(x, weights)
    make(passes.passing(beside, y.T))
    make(passes.adding(beside, found, 0.25, 0.0))
    assert all(np.isfinite(array).all() for array in (*found.V, *found.norms))


def test_sums_go_where_they_are_to_however_those_before_went() -> None:
    """Their calls are put together once for the same target, factor and share that is kept, and anew for others."""
    model, (x, y) = Model(("tanh",) * 2, "softmax", "log_likelihood"), oracle.examples(SIZES, 4, 0)
    params = oracle.draw(SIZES, 0)
    mean = oracle.mean_gradients(model, params, x, y)
    passes, weights = steps_of(model, params, SIZES, 4)
    beside, targets = side_by_side(x, weights), [Augmented(SIZES, np.dtype(np.float64)) for _ in range(2)]
    make(passes.passing(beside, y.T))
    factors = [0.0, 0.0]  # of the mean gradients, in each target
    for i, scale, keep in [(0, 1.0, 0.0), (1, 1.0, 0.0), (1, 1.0, 0.5), (1, 3.0, 0.5), (0, 3.0, 0.5), (0, 1.0, 0.0)]:
        make(passes.adding(beside, targets[i], scale / 4, keep))
        factors[i] = keep * factors[i] + scale
        for target, factor in zip(targets, factors, strict=True):
            for name, found in stored(target, params).items():
                oracle.assert_close(found, factor * mean[name], oracle.ROUNDING)


def test_which_norms_are_small() -> None:
    plain = network(Model(("sigmoid",), "sigmoid", "cross_entropy"), (8, 4, 2))
    assert fits(replace(plain, norm=batch_norm()))
    assert not fits(replace(plain, norm=layer_norm()))
    assert not fits(replace(plain, norm=batch_norm(), residual=True))


@each_row("dtype, due", [("float64", [1e-40, -1e-36, 0.5]), ("float32", [0.0, -1e-36, 0.5])])
def test_in_float32_numbers_next_to_nothing_may_be_dropped(dtype: str, due: list[float]) -> None:
    """As denormal numbers, weights that only decay would stay, and each step would take twice as long."""
    weights = Augmented((3, 1), np.dtype(dtype))
    params = {"W1": np.array([[1e-40, -1e-36, 0.5]], dtype), "b1": np.zeros(1, dtype)}
    weights.load(params)
    np.testing.assert_array_equal(stored(weights, params)["W1"], params["W1"])
    weights.drop_nothings()
    np.testing.assert_array_equal(stored(weights, params)["W1"], np.array([due], dtype))
