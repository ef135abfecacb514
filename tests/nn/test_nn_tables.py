"""The tables of activations, costs, outputs, initializers, schedules and probes, entry by entry."""

from __future__ import annotations

import math
from decimal import Decimal, localcontext

import numpy as np
import oracle
import pytest
import test_nn_definitions as definitions
from rows import each_row

from vgrad.nn import activations, schedules
from vgrad.nn.activations import ACTIVATIONS
from vgrad.nn.costs import COSTS, OUTPUTS, mean_squared_error
from vgrad.nn.initializers import BIASES, INITIALIZERS, PRESETS, initialize
from vgrad.nn.norms import NORMS
from vgrad.nn.optimizers import OPTIMIZERS, Step, Stepper
from vgrad.nn.parameters import joined, layer_of, shapes
from vgrad.nn.schedules import SCHEDULES
from vgrad.registry import parameters

FEW_ULPS = 1e-15  # two or three roundings of float64
CANCELLED = 1e-13  # ln a of an a next to 1, for z up to 5, has lost two digits
SOFTMAX = 1e-14  # exp of a z that is exact, the sum of ten, and products of four such: some twenty roundings
TINY = Decimal(2.0**-1074) * 64  # what underflows
PAIRS = [(cost, output) for cost, outputs in COSTS.items() for output in outputs]
ELEMENTWISE = {**oracle.ACTIVATIONS, **oracle.LEARNED}
FLAT = ("relu", "hard_tanh")  # whose slope is 0, not only small
DIPPING = {"gelu": -0.1290, "silu": -0.0999}  # the slopes that become negative, and their least value


def applied(name: str, z: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """f(z) and f'(z); z itself must stay as it is."""
    activation, kept = ACTIVATIONS[name](), z.copy()
    a, slope = np.empty_like(z), np.empty_like(z)
    assert activation.f(z, a) is a
    assert activation.slope(z, a, slope) is slope
    assert (z == kept).all()
    return a, slope


# -- activations ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_slope_is_the_derivative(name: str) -> None:
    z = np.concatenate([np.linspace(-6, 6, 121) + 0.013, [-20.0, 20.0, -0.4, 1e-9]])[None, :]
    a, slope = applied(name, z)
    f = ELEMENTWISE[name][0]
    wanted = [f(complex(value, 1e-30)).imag / 1e-30 for value in z[0]]
    condition = 1 + z[0] ** 2 if name == "gelu" else 1.0  # a rounding of z is z^2 of them in the tail of Phi
    exact = np.array([f(value) for value in z[0].tolist()])
    assert (np.abs(a[0] - exact) <= 4 * FEW_ULPS * condition * np.abs(exact)).all()
    np.testing.assert_allclose(slope[0], wanted, rtol=oracle.COMPLEX_STEP, atol=0)


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_slope_by_central_differences(name: str) -> None:
    z, h = np.linspace(-3, 3, 61)[None, :] + 0.013, 1e-5
    rise = applied(name, z + h)[0] - applied(name, z - h)[0]
    np.testing.assert_allclose(rise / (2 * h), applied(name, z)[1], atol=1e-9)


def exact_slope(name: str, z: float) -> float:
    """With e = exp(-|z|): e / (1 + e)^2 and 4 e^2 / (1 + e^2)^2, which cancel nowhere."""
    e, right = math.exp(-abs(z)), z > 0
    wide = math.exp(-abs(2 * z / 3))
    density = math.exp(-z * z / 2) / math.sqrt(2 * math.pi)
    return {
        "sigmoid": e / (1 + e) ** 2,
        "tanh": 4 * math.exp(-2 * abs(z)) / (1 + e * e) ** 2,
        "scaled_tanh": 1.7159 * 2 / 3 * 4 * math.exp(-4 * abs(z) / 3) / (1 + wide * wide) ** 2,
        "relu": float(right),
        "leaky_relu": 1.0 if right else 0.01,
        "prelu": 1.0 if right else 0.25,
        "elu": 1.0 if right else e,
        "selu": oracle.LAMBDA * (1.0 if right else oracle.ALPHA * e),
        "gelu": math.erfc(-z / math.sqrt(2)) / 2 + z * density,
        "silu": (1 + z * e / (1 + e)) / (1 + e) if right else e / (1 + e) * (1 + z / (1 + e)),
        "softplus": 1 / (1 + e) if right else e / (1 + e),
        "softsign": 1 / (1 + abs(z)) ** 2,
        "hard_tanh": float(abs(z) < 1),
        "maxout": 1.0,
        "identity": 1.0,
    }[name]


@each_row("name", ACTIVATIONS)
@each_row("size", [0.0, 17.0, 20.0, 40.0, 300.0])
def test_slope_at_saturation(name: str, size: float) -> None:
    z = np.array([[-size, size]])
    wanted = [[exact_slope(name, -size), exact_slope(name, size)]]
    np.testing.assert_allclose(applied(name, z)[1], wanted, rtol=1e-13, atol=0)
    assert name in (*FLAT, *DIPPING) or (np.array(wanted) > 0).all()
    assert name in FLAT or (np.array(wanted) != 0).all() or (name == "gelu" and size >= 40)  # gelu's underflows


@each_row("name", ACTIVATIONS)
@each_row("dtype", ["float64", "float32"])
def test_activations_are_finite_everywhere(name: str, dtype: str) -> None:
    largest = float(np.finfo(dtype).max) / (1.06 if name == "selu" else 1)  # f(z) is 1.0507 z
    z = np.array([[-largest, -1e4, -745.2, -88.8, -0.0, 0.0, 88.8, 745.2, 1e4, largest]], dtype)
    a, slope = applied(name, z)
    assert np.isfinite(a).all()
    assert np.isfinite(slope).all()
    assert (slope >= DIPPING.get(name, 0)).all()


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_slope_in_single_precision_does_not_cancel(name: str) -> None:
    """a (1 - a) is 0 from z = 17 on, 1 - a^2 from z = 9 on."""
    z = np.array([[9.1, 17.0, 18.0, 25.0, 40.0, -17.0, -40.0]], "float32")
    slope = applied(name, z)[1]
    assert slope.dtype == np.float32
    wanted = np.array([exact_slope(name, float(v)) for v in z[0]]).astype("float32")  # gelu's underflow at -17
    np.testing.assert_allclose(slope[0], wanted, rtol=1e-5, atol=0)
    assert name in (*FLAT, *DIPPING) or (slope > 0).all()


def test_relu_has_slope_zero_at_the_kink() -> None:
    assert applied("relu", np.array([[0.0, -0.0]]))[1].tolist() == [[0.0, 0.0]]


# -- outputs and costs ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", OUTPUTS)
def test_outputs_are_their_formulas(name: str) -> None:
    z = np.random.default_rng(0).normal(scale=3, size=(20, 4))
    out = np.empty_like(z)
    assert OUTPUTS[name](z, out) is out
    np.testing.assert_allclose(out, [oracle.outputs(name, row)[0] for row in z], rtol=8 * FEW_ULPS, atol=0)


def test_softmax_is_a_distribution_at_saturation() -> None:
    z = np.array([[1000.0, -1000.0, 0.0], [1e300, 1e300, 0.0], [-1000.0, -1001.0, -1e300]])
    a = OUTPUTS["softmax"](z, np.empty_like(z))
    e = math.exp(-1)
    np.testing.assert_allclose(a, [[1, 0, 0], [0.5, 0.5, 0], [1 / (1 + e), e / (1 + e), 0]], rtol=FEW_ULPS)


def evaluated(pair: tuple[str, str], z: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    cost, a = COSTS[pair[0]][pair[1]], OUTPUTS[pair[1]](z, np.empty_like(z))
    delta = np.empty_like(z)
    assert cost.delta(z, a, y, delta) is delta
    return cost.per_example(z, a, y), delta


@pytest.mark.parametrize("pair", PAIRS)
def test_costs_are_their_formulas(pair: tuple[str, str]) -> None:
    rng = np.random.default_rng(0)
    z, y = rng.uniform(-5, 5, size=(30, 4)), np.eye(4)[rng.integers(4, size=30)]
    per_example, delta = evaluated(pair, z, y)
    wanted = [oracle.cost(pair[0], row, oracle.outputs(pair[1], row)[0], t) for row, t in zip(z, y, strict=True)]
    np.testing.assert_allclose(per_example, wanted, rtol=CANCELLED, atol=0)
    for found, row, target in zip(delta, z, y, strict=True):
        oracle.assert_close(found, oracle.output_delta(oracle.Model((), pair[1], pair[0]), row, target), CANCELLED)


@pytest.mark.parametrize("pair", PAIRS)
def test_costs_at_saturation(pair: tuple[str, str]) -> None:
    """z = 1000 on the right and on the wrong output: the cost is exact, not infinite."""
    z, y = np.array([[1000.0, -1000.0], [-1000.0, 1000.0]]), np.array([[1.0, 0.0], [1.0, 0.0]])
    wanted = {
        ("cross_entropy", "sigmoid"): ([0, 2000], [[0, 0], [-1, 1]]),
        ("log_likelihood", "softmax"): ([0, 2000], [[0, 0], [-1, 1]]),
        ("quadratic", "sigmoid"): ([0, 1], [[0, 0], [0, 0]]),
        ("quadratic", "softmax"): ([0, 1], [[0, 0], [0, 0]]),
        ("quadratic", "identity"): ([999_000.5, 1_001_000.5], [[999, -1000], [-1001, 1000]]),
        ("perceptron", "step"): ([0, 2000], [[0, 0], [-1, 1]]),
    }[pair]
    per_example, delta = evaluated(pair, z, y)
    assert per_example.tolist() == wanted[0]
    assert delta.tolist() == wanted[1]


def exact_softmax_delta(z: list[float], right: int) -> tuple[list[Decimal], list[Decimal]]:
    """delta_j = a_j (e_j - sum_k e_k a_k) with e = a - y, and the sum over k != j of a_j a_k (|e_j| + |e_k|), next to
    which rounding is small even where delta_j, going from minus to plus, is 0."""
    e = [Decimal(value).exp() for value in z]
    a = [value / sum(e) for value in e]
    error = [value - (j == right) for j, value in enumerate(a)]
    mean = sum(v * w for v, w in zip(error, a, strict=True))
    wide = sum(abs(v) * w for v, w in zip(error, a, strict=True))
    delta = [v * (w - mean) for v, w in zip(a, error, strict=True)]
    return delta, [v * (abs(w) * (1 - v) + wide - abs(w) * v) for v, w in zip(a, error, strict=True)]


@each_row("spread", [1.0, 10.0, 60.0])
def test_quadratic_delta_of_a_saturated_softmax_does_not_cancel(spread: float) -> None:
    """Against 300 digits. The differences of z are exact, so that no rounding of them is amplified."""
    rng = np.random.default_rng(int(spread))
    pair = ("quadratic", "softmax")
    with localcontext(prec=300):
        for n in (2, 3, 4, 10) * 10:
            z, right = np.round(8 * rng.normal(scale=spread, size=n)) / 8, int(rng.integers(n))
            y, (a, _) = np.eye(n)[right], oracle.outputs("softmax", z)
            wanted, terms = exact_softmax_delta(z.tolist(), right)
            for delta in (evaluated(pair, z[None], y[None])[1][0], oracle.softmax_quadratic_delta(a, y)):
                wrong = [abs(Decimal(f) - w) for f, w in zip(delta.tolist(), wanted, strict=True)]
                assert all(off <= Decimal(SOFTMAX) * term + TINY for off, term in zip(wrong, terms, strict=True))
                assert max(wrong) <= Decimal(SOFTMAX) * max(map(abs, wanted)) + TINY


@pytest.mark.parametrize("pair", PAIRS)
def test_costs_are_double_precision_in_single_training(pair: tuple[str, str]) -> None:
    z, y = np.array([[3.0, -2.0, 1.0]], "float32"), np.array([[0.0, 1.0, 0.0]], "float32")
    per_example, delta = evaluated(pair, z, y)
    assert (per_example.dtype, delta.dtype) == (np.float64, np.float32)
    assert per_example[0] == pytest.approx(evaluated(pair, z.astype(float), y.astype(float))[0][0], rel=1e-6, abs=0)


def test_a_step_at_zero_is_the_first_class() -> None:
    """Where the perceptron criterion has its kink: a class of 1 there is a mistake, one of 0 is none."""
    z, y = np.zeros((2, 1)), np.array([[1.0], [0.0]])
    per_example, delta = evaluated(("perceptron", "step"), z, y)
    assert (per_example.tolist(), delta.tolist()) == ([0, 0], [[-1], [0]])


def test_mse_is_the_mean_over_outputs() -> None:
    a, y = np.array([[0.5, 0.0, 1.0, 0.25]]), np.array([[1.0, 0.0, 0.0, 0.0]])
    assert mean_squared_error(a, a, y).tolist() == [(0.25 + 1 + 0.0625) / 4]


# -- initializers -----------------------------------------------------------------------------------------------------

N_OUT, N_IN = 400, 700
UNIFORM = ("uniform", "standard", "lecun_uniform", "glorot_uniform", "he_uniform")
OTHERS = ("constant", "orthogonal", "sparse", "lsuv", "exploding")  # see test_nn_definitions.py
VARIANCES = {
    "normal": 1.0,
    "uniform": 0.05**2 / 3,
    "standard": 1 / (3 * N_IN),
    "lecun_normal": 1 / N_IN,
    "lecun_uniform": 1 / N_IN,
    "glorot_normal": 2 / (N_IN + N_OUT),
    "glorot_uniform": 2 / (N_IN + N_OUT),
    "he_normal": 2 / N_IN,
    "he_uniform": 2 / N_IN,
    "zeros": 0.0,
}


def test_every_initializer_is_known_or_named() -> None:
    assert set(INITIALIZERS) == {*VARIANCES, *OTHERS}
    assert set(INITIALIZERS) == set(definitions.VARIANCE)


@pytest.mark.parametrize("name", VARIANCES)
def test_initializers_have_their_mean_variance_and_shape(name: str) -> None:
    """Six standard errors of N = 280,000 draws: sd/sqrt(N), and var sqrt(2/N), which for uniforms is even less."""
    W, variance, count = INITIALIZERS[name]()(np.random.default_rng(7), N_OUT, N_IN), VARIANCES[name], N_OUT * N_IN
    assert (W.shape, W.dtype) == ((N_OUT, N_IN), np.float64)
    assert abs(W.mean()) <= 6 * math.sqrt(variance / count)
    assert abs(W.var() - variance) <= 6 * variance * math.sqrt(2 / count)
    if not variance:
        return
    kurtosis = float((W**4).mean() / W.var() ** 2)  # 3 for normals, 9/5 for uniforms; standard error under 0.01
    assert abs(kurtosis - (1.8 if name in UNIFORM else 3.0)) < 0.06
    if name in UNIFORM:
        bound = math.sqrt(3 * variance)  # the largest of N draws is nearer than bound * 20/N, but for e^-10
        assert bound * (1 - 40 / count) < abs(W).max() <= bound


@pytest.mark.parametrize("name", BIASES)
def test_biases(name: str) -> None:
    mean, variance = {"zeros": (0, 0.0), "constant": (0.1, 0.0), "normal": (0, 1.0), "uniform": (0, 0.05**2 / 3)}[name]
    b = BIASES[name]()(np.random.default_rng(7), 100_000) - mean
    assert (b.shape, b.dtype) == ((100_000,), np.float64)
    assert abs(b.mean()) <= 6 * math.sqrt(variance / b.size)
    assert abs(b.var() - variance) <= 6 * variance * math.sqrt(2 / b.size)


def drawn(sizes: tuple[int, ...], weights: str, biases: str, gain: float = 1.0, seed: int = 5) -> oracle.Params:
    generators = (np.random.default_rng([seed, 0]), np.random.default_rng([seed, 1]))
    return initialize(sizes, INITIALIZERS[weights](), BIASES[biases](), gain, generators)


def test_parameters_are_drawn_from_layer_one_upwards() -> None:
    found, weights, biases = drawn((3, 4, 2), "normal", "normal"), *(np.random.default_rng([5, k]) for k in (0, 1))
    assert list(found) == ["W1", "b1", "W2", "b2"] == list(shapes((3, 4, 2)))
    for layer, (n_in, n_out) in enumerate([(3, 4), (4, 2)], start=1):
        assert (found[f"W{layer}"] == weights.normal(size=(n_out, n_in))).all()
        assert (found[f"b{layer}"] == biases.normal(size=n_out)).all()


def test_weights_biases_gain_and_depth_do_not_disturb_each_other() -> None:
    base = drawn((3, 4, 2), "he_normal", "normal")
    assert (drawn((3, 4, 2), "zeros", "normal")["b2"] == base["b2"]).all()
    assert (drawn((3, 4, 2), "he_normal", "zeros")["W2"] == base["W2"]).all()
    assert (drawn((3, 4, 2, 5), "he_normal", "normal")["W2"] == base["W2"]).all()
    louder = drawn((3, 4, 2), "he_normal", "normal", gain=3.0)
    assert all((louder[f"W{layer}"] == 3.0 * base[f"W{layer}"]).all() for layer in (1, 2))
    assert all((louder[f"b{layer}"] == base[f"b{layer}"]).all() for layer in (1, 2))
    flat = np.concatenate([base["b1"], base["b2"]])
    assert not np.isin(flat, np.concatenate([base["W1"].ravel(), base["W2"].ravel()])).any()


def test_presets_and_other_tables() -> None:
    assert PRESETS == {"nielsen": ("lecun_normal", "normal"), "large": ("normal", "normal")}
    assert all(weights in INITIALIZERS and biases in BIASES for weights, biases in PRESETS.values())
    assert [SCHEDULES["constant"]()(epoch) for epoch in (1, 2, 1000)] == [1.0, 1.0, 1.0]


DEFAULTS = (  # part of what a config that does not name them means
    (ACTIVATIONS, "leaky_relu slope=0.01, prelu slope=0.25, elu alpha=1.0, maxout pieces=2"),
    (INITIALIZERS, "constant value=0.1, normal sd=1.0, uniform bound=0.05, sparse k=15 sd=1.0"),
    (INITIALIZERS, "lsuv tolerance=0.01 iterations=10, exploding weight=100.0"),
    (BIASES, "constant value=0.1, normal sd=1.0, uniform bound=0.05"),
    (OPTIMIZERS, "sgd learning_rate=0.1, momentum learning_rate=0.1 momentum=0.9"),
    (OPTIMIZERS, "nesterov learning_rate=0.1 momentum=0.9, adagrad learning_rate=0.01 epsilon=1e-10"),
    (OPTIMIZERS, "adadelta learning_rate=1.0 rho=0.9 epsilon=1e-06, rmsprop learning_rate=0.01 rho=0.99 epsilon=1e-08"),
    (OPTIMIZERS, "adam learning_rate=0.001 beta1=0.9 beta2=0.999 epsilon=1e-08"),
    (OPTIMIZERS, "adamw learning_rate=0.001 beta1=0.9 beta2=0.999 epsilon=1e-08 decay=0.01"),
    (OPTIMIZERS, "nadam learning_rate=0.002 beta1=0.9 beta2=0.999 epsilon=1e-08 momentum_decay=0.004"),
    (
        SCHEDULES,
        "step every=10 factor=0.5, exponential rate=0.95, inverse_time rate=0.1, cosine period=30 smallest=0.0",
    ),
    (SCHEDULES, "plateau patience=10 factor=0.5 smallest=0.0078125 monitor=validation_accuracy"),
    (NORMS, "batch_norm momentum=0.1 epsilon=1e-05, layer_norm epsilon=1e-05"),
)


def test_defaults_stay() -> None:
    written = dict[int, list[str]]()
    for table, text in DEFAULTS:
        written.setdefault(id(table), []).extend(text.split(", "))
    for table in (ACTIVATIONS, INITIALIZERS, BIASES, OPTIMIZERS, SCHEDULES, NORMS):
        own = {name: parameters(entry) for name, entry in table.items()}
        found = [" ".join([name, *(f"{key}={value}" for key, (_, value) in of.items())]) for name, of in own.items()]
        assert sorted(line for line in found if " " in line) == sorted(written[id(table)])
    assert parameters(activations.build)["gain"][1] == 1.0
    assert parameters(schedules.build)["warmup"][1] == 0


def test_sgd_subtracts_the_gradient_in_place() -> None:
    arrays = {"W1": np.array([[1.0, 2.0]]), "b1": np.array([3.0])}
    optimizer = OPTIMIZERS["sgd"](learning_rate=0.5)
    w, params = joined(arrays)
    g, _ = joined({"W1": np.array([[4.0, -8.0]]), "b1": np.array([1.0])})
    state = optimizer.init(w)
    Stepper(optimizer, w, g, state)(Step(0.25, 0.0, 1))
    assert (optimizer.learning_rate, optimizer.is_plain_descent, state) == (0.5, True, {})
    assert all(np.shares_memory(value, w) for value in params.values())
    assert [params["W1"].tolist(), params["b1"].tolist()] == [[[0.0, 4.0]], [2.75]]


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_with_a_learning_rate_of_zero_nothing_learns(name: str) -> None:
    optimizer = OPTIMIZERS[name](learning_rate=0.0)
    random = np.random.default_rng(3)
    w = random.standard_normal(50)
    before, state = w.copy(), optimizer.init(w)
    for t in (1, 2, 3):
        Stepper(optimizer, w, random.standard_normal(50), state)(Step(0.0, optimizer.momentum, t))
    np.testing.assert_array_equal(w, before)


def test_the_layer_of_a_parameter_or_a_running_statistic() -> None:
    """Also of one that an activation from outside has named."""
    assert [layer_of(name) for name in ("W1", "b12", "gamma3", "variance2", "my_slope10")] == [1, 12, 3, 2, 10]
