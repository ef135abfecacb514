"""The chain of single neurons: x -> [w_1, b_1] -> a_1 -> … -> [w_L, b_L] -> a_L -> C  (Nielsen ch. 5, eq. 114-122).

z_l = w_l a_(l-1) + b_l, a_l = f(z_l), a_0 = x, and the cost is quadratic, C = (a_L - y)^2 / 2. Then

    dC/db_l = f'(z_l) · w_(l+1) f'(z_(l+1)) · … · w_L f'(z_L) · dC/da_L,     dC/da_L = a_L - y

w, b, z, a, … are (L,); index 0 is layer 1. Products are kept as sign and log10, so that none of a thousand factors is
lost to underflow.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.random import Generator

from vgrad.errors import ConfigError
from vgrad.later import special
from vgrad.nn.activations import Activation
from vgrad.nn.arrays import Array
from vgrad.theory.neuron import respond, steepest_point

BOUND = 0.25
"""The sigmoid's largest slope: |w s'(z)| <= |w|/4, so below 1/4 when |w| < 1  (Nielsen ch. 5)."""
LEVELS = (0.05, 0.25, 0.5, 0.75, 0.95)
MOST_DRAWN = 50_000_000
"""Neurons times draws: seconds, not minutes."""


@dataclass(frozen=True)
class Chain:
    """A chain with its numbers at input x. `factor[l - 1]` is w_l f'(z_l); for layer 1 f'(z_1) alone, as in dC/db_1.

    `log10_product[l - 1]` and `sign[l - 1]` are of the product of the factors l … L; `dC_db[l - 1]` is dC/db_l, and
    `log10_dC_db` its size, also where dC_db is beyond floats: 0 or infinite.
    """

    x: float
    y: float
    w: Array
    b: Array
    z: Array
    a: Array
    slope: Array
    factor: Array
    sign: Array
    log10_product: Array
    dC_da: float
    dC_db: Array
    log10_dC_db: Array

    @property
    def log10_ratio(self) -> float | None:
        """log10 |dC/db_1 / dC/db_L|, the cost aside; None where a slope or a weight is 0."""
        first = float(self.log10_product[0])  # f'(z_1) times the factors 2 … L
        last = float(logs(self.slope[-1:])[0])
        return first - last if math.isfinite(first) and math.isfinite(last) else None


def logs(values: Array) -> Array:
    """log10 |values|, -inf for 0."""
    with np.errstate(divide="ignore"):
        return np.asarray(np.log10(np.abs(values)))


def chain(activation: Activation, w: Array, b: Array, x: float, y: float) -> Chain:
    """Forward, then every dC/db_l as the product that the chapter writes. ConfigError where a number overflows."""
    z, a, slope = np.empty_like(w), np.empty_like(w), np.empty_like(w)
    below = x
    for index in range(len(w)):
        with np.errstate(over="ignore", invalid="ignore"):
            z[index] = w[index] * below + b[index]
            if not math.isfinite(z[index]):
                raise ConfigError(f"neuron {index + 1}: z = w a + b overflows; use smaller weights, biases or inputs")
            (a[index],), (slope[index],) = respond(activation, z[index])
        below = a[index]
    factor = np.append(slope[:1], w[1:] * slope[1:])
    above = np.cumsum(logs(factor)[::-1])[::-1]
    signs = np.cumprod(np.sign(factor)[::-1])[::-1]
    dC_da = float(a[-1] - y)
    # from layer l on without w_l: f'(z_l) times the factors above
    size = logs(slope) + np.append(above[1:], 0.0) + float(logs(np.asarray(dC_da)))
    sign = np.sign(slope) * np.append(signs[1:], 1.0) * np.sign(dC_da)
    with np.errstate(over="ignore"):
        dC_db = np.where(sign == 0, 0.0, sign * 10.0**size)
    return Chain(x, y, w, b, z, a, slope, factor, signs, above, dC_da, dC_db, size)


def drawn(random: Generator, neurons: int, spread: float = 1.0) -> tuple[Array, Array]:
    """w ~ N(0, spread^2) and b ~ N(0, 1), (L,) each; a longer chain begins with the shorter one of the same seed."""
    numbers = random.standard_normal((neurons, 2))
    return spread * numbers[:, 0], numbers[:, 1].copy()


def exploding(activation: Activation, weight: float, neurons: int, x: float) -> tuple[Array, Array]:
    """w_l = weight and b_l = z* - weight a_(l-1), which puts every z_l where f is steepest; for the sigmoid z* = 0 and
    a weight of 100 gives factors of 25  (Nielsen ch. 5, "the exploding gradient problem")."""
    at, below = steepest_point(activation)[0], x
    b = np.empty(neurons)
    for index in range(neurons):
        b[index] = at - weight * below
        below = float(respond(activation, weight * below + b[index])[0][0])  # as rounded: errors would explode, too
    return np.full(neurons, float(weight)), b


@dataclass(frozen=True)
class Spread:
    """How w_2 f'(z_2) … w_n f'(z_n), the product of n neurons' n - 1 factors, is spread over draws.

    `quantiles` are those at LEVELS of its log10 size (-inf: it is 0); the shares are of draws in which every factor is
    below 1/4, the product is above 1, and the product is 0.
    """

    neurons: int
    quantiles: tuple[float, ...]
    all_below: float
    above_one: float
    zero: float


@dataclass(frozen=True)
class Distribution:
    """`rows` from 2 to L neurons. `decades` is the mean over draws of log10 |product| a factor, at L neurons, with
    `half` the half width of its 95 % t interval; over the `counted` draws whose product is not 0."""

    rows: tuple[Spread, ...]
    decades: float | None
    half: float | None
    counted: int
    log10_products: Array
    """(draws,): of L neurons."""


def distribution(
    activation: Activation, random: Generator, neurons: int, draws: int, x: float, spread: float = 1.0
) -> Distribution:
    """Chains with w ~ N(0, spread^2), b ~ N(0, 1) and input x, drawn again and again; in memory O(draws)."""
    if neurons * draws > MOST_DRAWN:
        raise ConfigError(
            f"{draws:,} draws of {neurons:,} neurons are more than {MOST_DRAWN:,} neurons; use fewer --draws"
        )
    rows, total = list[Spread](), np.zeros(draws)
    small = np.ones(draws, dtype=bool)
    for number, size in enumerate(_factors(activation, random, neurons, draws, x, spread), start=2):
        total += size
        small &= size < math.log10(BOUND)
        rows.append(
            Spread(
                number,
                tuple(float(q) for q in np.quantile(total, LEVELS, method="inverted_cdf")),
                float(small.mean()),
                float((total > 0).mean()),
                float(np.isneginf(total).mean()),
            )
        )
    return Distribution(tuple(rows), *_mean(total[np.isfinite(total)] / (neurons - 1)), total)


def _factors(
    activation: Activation, random: Generator, neurons: int, draws: int, x: float, spread: float
) -> Iterator[Array]:
    """log10 |w_l f'(z_l)| of l = 2 … L, (draws,) each."""
    a: Array = np.full(draws, x)
    for number in range(1, neurons + 1):
        w, b = spread * random.standard_normal(draws), random.standard_normal(draws)
        with np.errstate(over="ignore", invalid="ignore"):
            z = w * a + b
            if not np.isfinite(z).all():
                raise ConfigError(f"neuron {number}: z = w a + b overflows; use a smaller --spread or fewer --neurons")
            a, slope = respond(activation, z)
        if number > 1:
            yield logs(w) + logs(slope)  # not of the product, which underflows earlier


def _mean(values: Array) -> tuple[float | None, float | None, int]:
    """Mean, half width of the 95 % t interval of the mean, and number."""
    n = len(values)
    if n == 0:
        return None, None, 0
    half = float(special.stdtrit(n - 1, 0.975) * values.std(ddof=1) / math.sqrt(n)) if n > 1 else None
    return float(values.mean()), half, n


def power(log10: float, sign: float = 1.0, digits: int = 3) -> str:
    """A number given by its sign and log10 in `digits` significant digits, also where a float would be 0: -1.2e-700."""
    if math.isinf(log10) and log10 < 0:
        return "0"
    exponent = math.floor(log10)
    mantissa = f"{10 ** (log10 - exponent):.{digits - 1}f}"
    if mantissa.startswith("10"):
        mantissa, exponent = f"{1:.{digits - 1}f}", exponent + 1
    return f"{'-' if sign < 0 else ''}{mantissa}e{exponent}"


def geometric(values: Sequence[float] | Array) -> float | None:
    """The geometric mean of positive numbers; None when there are none."""
    found = np.asarray(values, dtype=np.float64)
    return float(10 ** logs(found).mean()) if found.size and (found > 0).all() else None
