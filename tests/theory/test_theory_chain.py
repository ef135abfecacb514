"""The one-neuron chain against the cost alone: complex step, autograd, quadrature, many digits."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from oracle import ACTIVATIONS as ORACLE
from oracle import COMPLEX_STEP, assert_close
from rows import each_row
from scipy import stats

from vgrad.errors import ConfigError
from vgrad.nn.activations import ACTIVATIONS, Activation, build
from vgrad.theory.chain import chain, distribution, drawn, exploding, geometric, logs, power
from vgrad.theory.lesson import generator
from vgrad.theory.neuron import steepest_point

NAMES = [name for name in ACTIVATIONS if name != "maxout"]
SMOOTH = [name for name in NAMES if name in ORACLE]


def numbers(length: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng([seed, length])
    return 1.5 * random.normal(size=length), random.normal(size=length)


def by_complex_step(name: str, w: np.ndarray, b: np.ndarray, x: float, y: float) -> list[float]:
    """Im C(b_l + ih)/h for every l: the cost and nothing else, with the oracle's activations."""
    f = ORACLE[name][0]

    def cost(biases: list[complex]) -> complex:
        a: complex = x
        for weight, bias in zip(w.tolist(), biases, strict=True):
            a = f(weight * a + bias)
        return (a - y) ** 2 / 2

    found = []
    for index in range(len(b)):
        moved = [complex(value, 1e-30 * (at == index)) for at, value in enumerate(b.tolist())]
        found.append(complex(cost(moved)).imag / 1e-30)
    return found


@each_row("length", [1, 2, 4, 7])
@each_row("name", SMOOTH)
def test_every_gradient_is_the_derivative_of_the_cost(name: str, length: int) -> None:
    w, b = numbers(length, 3)
    found = chain(build(name), w, b, 0.7, 0.3)
    assert_close(found.dC_db, by_complex_step(name, w, b, 0.7, 0.3), 10 * COMPLEX_STEP)


def test_gradients_are_those_of_autograd(torch: Any) -> None:
    w, b = numbers(6, 1)
    biases = torch.tensor(b, dtype=torch.float64, requires_grad=True)
    a = torch.tensor(0.5, dtype=torch.float64)
    for weight, bias in zip(w, biases, strict=True):
        a = torch.sigmoid(weight * a + bias)
    (0.5 * (a - 0.2) ** 2).backward()
    np.testing.assert_allclose(chain(build("sigmoid"), w, b, 0.5, 0.2).dC_db, biases.grad.numpy(), rtol=1e-12)


def steeper(right: Activation, by: float) -> Activation:
    return replace(right, slope=lambda z, a, out: np.multiply(right.slope(z, a, out), by, out=out))


@pytest.mark.parametrize("by", [1.0001, 0.9999, -1.0])
def test_a_wrong_slope_is_noticed(by: float) -> None:
    w, b = numbers(4, 3)
    found = chain(steeper(build("tanh"), by), w, b, 0.7, 0.3)
    with pytest.raises(AssertionError):
        assert_close(found.dC_db, by_complex_step("tanh", w, b, 0.7, 0.3), 1e-6)


@pytest.mark.parametrize("name", NAMES)
def test_each_row_multiplies_to_what_it_claims(name: str) -> None:
    w, b = numbers(5, 8)
    found = chain(build(name), w, b, 0.7, 0.3)
    product = found.sign * 10.0**found.log10_product
    np.testing.assert_allclose(product[:-1], found.factor[:-1] * product[1:], rtol=1e-12)
    np.testing.assert_allclose(found.dC_db[1:-1], found.slope[1:-1] * product[2:] * found.dC_da, rtol=1e-12)
    assert found.dC_db[0] == pytest.approx(product[0] * found.dC_da, rel=1e-12)
    if found.log10_ratio is not None:
        assert 10**found.log10_ratio == pytest.approx(abs(found.dC_db[0] / found.dC_db[-1]), rel=1e-12)


def test_none_of_a_thousand_factors_is_lost() -> None:
    mpmath = pytest.importorskip("mpmath")
    w, b = drawn(np.random.default_rng(0), 1000)
    found = chain(build("sigmoid"), w, b, 0.5, 0.0)
    with mpmath.workdps(30):
        a, product = mpmath.mpf(0.5), mpmath.mpf(1)
        for index, (weight, bias) in enumerate(zip(w, b, strict=True)):
            a = 1 / (1 + mpmath.exp(-(mpmath.mpf(float(weight)) * a + mpmath.mpf(float(bias)))))
            product *= a * (1 - a) * (mpmath.mpf(float(weight)) if index else 1)
        wanted = float(mpmath.log10(abs(product * a)))
    assert wanted < -800
    assert found.dC_db[0] == 0
    assert found.log10_dC_db[0] == pytest.approx(wanted, rel=1e-12)


def test_a_longer_chain_begins_with_the_shorter_one() -> None:
    long, short = drawn(generator(7, 0), 9), drawn(generator(7, 0), 4)
    assert all((one[:4] == other).all() for one, other in zip(long, short, strict=True))


def test_the_chapters_explosion() -> None:
    w, b = exploding(build("sigmoid"), 100.0, 6, 0.5)
    found = chain(build("sigmoid"), w, b, 0.5, 0.0)
    assert found.z.tolist() == [0.0] * 6
    assert found.factor.tolist() == [0.25, 25.0, 25.0, 25.0, 25.0, 25.0]
    assert found.dC_db[0] / found.dC_db[-1] == pytest.approx(25.0**5)


@pytest.mark.parametrize("name", NAMES)
def test_any_activation_explodes(name: str) -> None:
    activation = build(name)
    at, slope = steepest_point(activation)
    w, b = exploding(activation, -100.0, 30, 0.5)
    found = chain(activation, w, b, 0.5, 0.0)
    np.testing.assert_allclose(found.z, at, atol=1e-11)
    np.testing.assert_allclose(found.factor[1:], -100.0 * slope, rtol=1e-9)


def test_overflow_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"neuron 2: z = w a \+ b overflows"):
        chain(build("identity"), np.full(3, 1e200), np.zeros(3), 1.0, 0.0)
    with pytest.raises(ConfigError, match="neuron 1"):
        distribution(build("identity"), np.random.default_rng(0), 3, 10, 1e308, 1e10)


# Draws.


def first_factor_mean() -> float:
    """E log10 |w s'(z)| of the second neuron, whose z2 ~ N(0, 1 + a1^2), a1 = s(z1) and z1 ~ N(0, 1.25)."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(80)
    weights = weights / weights.sum()
    a1 = 1 / (1 + np.exp(-math.sqrt(1.25) * nodes))
    z2 = nodes[None, :] * np.sqrt(1 + a1**2)[:, None]
    log_slope = -np.abs(z2) - 2 * np.log1p(np.exp(-np.abs(z2)))
    mean = weights @ log_slope @ weights - (np.euler_gamma + math.log(2)) / 2
    return float(mean / math.log(10))


def test_the_mean_factor_is_that_of_quadrature() -> None:
    found = distribution(build("sigmoid"), np.random.default_rng(0), 2, 1_000_000, 0.5)
    assert found.decades is not None
    assert found.half is not None
    assert found.half < 0.002
    assert abs(found.decades - first_factor_mean()) < 1.6 * found.half


def test_the_interval_covers_as_it_claims() -> None:
    truth, covered = first_factor_mean(), 0
    for seed in range(400):
        found = distribution(build("sigmoid"), np.random.default_rng([seed, 5]), 2, 200, 0.5)
        assert found.decades is not None
        assert found.half is not None
        covered += abs(found.decades - truth) <= found.half
    assert 366 <= covered <= 394  # 380 of 400 at 95 %, three standard deviations to each side


def test_the_interval_is_that_of_scipy() -> None:
    found = distribution(build("sigmoid"), np.random.default_rng(0), 3, 5, 0.5)
    decades = found.log10_products / 2
    half = stats.sem(decades) * stats.t.ppf(0.975, 4)
    assert (found.decades, found.half, found.counted) == (
        pytest.approx(decades.mean(), rel=1e-12),
        pytest.approx(half, rel=1e-12),
        5,
    )


def plainly(name: str, seed: int, neurons: int, draws: int) -> list[list[float]]:
    """The same draws, one chain after the other: |product| of n = 2 … neurons."""
    random = np.random.default_rng(seed)
    table = [(random.standard_normal(draws), random.standard_normal(draws)) for _ in range(neurons)]
    f, slope = ORACLE[name]
    products = []
    for draw in range(draws):
        a, product, row = 0.5, 1.0, []
        for layer, (w, b) in enumerate(table):
            z = float(w[draw]) * a + float(b[draw])
            a = f(z)
            if layer:
                product *= abs(float(w[draw]) * slope(z))
                row.append(product)
        products.append(row)
    return products


@pytest.mark.parametrize("name", ["sigmoid", "tanh", "relu", "softsign"])
def test_shares_and_quantiles_are_those_of_a_plain_loop(name: str) -> None:
    found = distribution(build(name), np.random.default_rng(4), 4, 301, 0.5)
    products = np.array(plainly(name, 4, 4, 301))
    for at, row in enumerate(found.rows):
        column = np.sort(products[:, at])
        assert row.neurons == at + 2
        assert row.above_one == np.mean(column > 1)
        assert row.zero == np.mean(column == 0)
        wanted = logs(column[[math.ceil(301 * level) - 1 for level in (0.05, 0.25, 0.5, 0.75, 0.95)]])
        np.testing.assert_allclose(row.quantiles, wanted, rtol=1e-9)
    single = products / np.column_stack([np.ones(301), np.where(products[:, :-1] == 0, 1, products[:, :-1])])
    if name != "relu":  # where a product is 0, what its next factor was cannot be told
        assert found.rows[-1].all_below == np.mean((single < 0.25).all(axis=1))
    np.testing.assert_allclose(found.log10_products, logs(products[:, -1]), rtol=1e-9)


def test_sigmoid_chains_vanish_and_every_prefix_is_a_chain() -> None:
    found = distribution(build("sigmoid"), np.random.default_rng(0), 12, 2000, 0.5)
    medians = [row.quantiles[2] for row in found.rows]
    assert medians == sorted(medians, reverse=True)
    assert medians[-1] < -9
    assert found.rows[0] == distribution(build("sigmoid"), np.random.default_rng(0), 12, 2000, 0.5).rows[0]
    assert all(row.all_below >= 0.6 ** (row.neurons - 1) for row in found.rows)  # P(|w| < 1) = 0.68


def test_dead_rectifiers_have_a_product_of_0() -> None:
    found = distribution(build("relu"), np.random.default_rng(0), 40, 200, 0.5)
    assert found.rows[-1].zero > 0.99
    assert found.rows[-1].quantiles[2] == -math.inf
    assert found.counted == round(200 * (1 - found.rows[-1].zero))


def test_more_than_seconds_of_draws_are_refused() -> None:
    with pytest.raises(ConfigError, match="use fewer --draws"):
        distribution(build("sigmoid"), np.random.default_rng(0), 1000, 1_000_000, 0.5)


@pytest.mark.parametrize(
    ("log10", "sign", "text"),
    [
        (-700.5, -1.0, "-3.16e-701"),
        (2.0, 1.0, "1.00e2"),
        (-0.0001, 1.0, "1.00e0"),
        (math.log10(9.996), 1.0, "1.00e1"),
        (-math.inf, 1.0, "0"),
    ],
)
def test_powers(log10: float, sign: float, text: str) -> None:
    assert power(log10, sign) == text


@pytest.mark.parametrize(("values", "mean"), [([2.0, 8.0], 4.0), ([], None), ([1.0, 0.0], None)])
def test_geometric_mean(values: list[float], mean: float | None) -> None:
    found = geometric(values)
    assert found == (None if mean is None else pytest.approx(mean))
