"""Statistics over seeds: t intervals, the multiplicative kind for norms and ratios, paired differences, Holm, medians
of what was not always reached.

Norms spread by factors, so they are averaged as log10: geometric mean, times or divided by the geometric standard
deviation, with the t interval of log10 raised back. Runs of one seed start alike, so differences are paired by seed.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from vgrad.later import special

LEVEL = 0.95
LEAST = 3
"""Fewer values have no interval and no p: the t interval of two is 18 standard deviations wide, and says nothing."""


@dataclass(frozen=True)
class Estimate:
    """`center` of `n` values with its confidence interval `low` … `high`, both None where n < LEAST or all values are
    equal: nothing is known of their scatter.

    `spread` is the standard deviation (n - 1), or the geometric one; `median`, `least` and `greatest` speak for
    themselves, the last None where some values are only known to be larger.
    """

    n: int
    center: float
    spread: float | None
    low: float | None
    high: float | None
    median: float
    least: float
    greatest: float | None


@dataclass(frozen=True)
class Difference:
    """The mean of `n` differences paired by seed, or the geometric mean of `n` quotients, with its t interval and
    two-sided `p`; these are None where n < LEAST or all differences are equal: nothing is known of their scatter. `p`
    is that of the exact sign-flip test for up to EXACT pairs, which assumes no distribution, above of the t test."""

    n: int
    center: float
    low: float | None
    high: float | None
    p: float | None


def arithmetic(values: Sequence[float], level: float = LEVEL) -> Estimate:
    """Mean, standard deviation and t interval of the mean. ValueError without values."""
    x = np.asarray(values, dtype=np.float64)
    if not len(x):
        raise ValueError("no values")
    mean, spread, half = interval(x, level)
    low, high = (None, None) if half is None else (mean - half, mean + half)
    return Estimate(len(x), mean, spread, low, high, _median(x), float(x.min()), float(x.max()))


def geometric(values: Sequence[float], level: float = LEVEL) -> Estimate:
    """Geometric mean and standard deviation, and the t interval on log10. ValueError where a value is not > 0."""
    x = np.asarray(values, dtype=np.float64)
    if not len(x) or not (x > 0).all():
        raise ValueError("a geometric mean is of values above 0")
    mean, spread, half = interval(np.log10(x), level)
    low, high = (None, None) if half is None else (power(mean - half), power(mean + half))
    scatter = None if spread is None else power(spread)
    return Estimate(len(x), power(mean), scatter, low, high, _median(x), float(x.min()), float(x.max()))


EXACT = 30
"""Pairs of which all 2^n assignments of signs are counted; milliseconds, since each half has its own sums."""


def sign_flip(differences: Sequence[float]) -> float:
    """Two-sided p of no effect: the share of the 2^n ways to give the differences signs whose sum is as far from 0.

    Without an effect a difference is as likely as its opposite. Exact for any distribution, discrete ones with ties
    included, and never below 2/2^n: six pairs are needed for less than 0.05  (Fisher 1935; Pitman 1937).
    """
    d = np.abs(np.asarray(differences, dtype=np.float64))
    bound = abs(math.fsum(differences)) - 1e-9 * float(d.sum())  # equal sums are equal but for rounding
    if bound <= 0:
        return 1.0
    first, second = np.sort(_signed_sums(d[: len(d) // 2])), _signed_sums(d[len(d) // 2 :])
    beyond = len(first) * len(second) - int(np.searchsorted(first, bound - second).sum())
    return float(2 * beyond / 2 ** len(d))


def _signed_sums(d: np.ndarray) -> np.ndarray:
    """All 2^n sums of ±d_i."""
    sums = np.zeros(1)
    for each in d:
        sums = np.concatenate([sums + each, sums - each])
    return sums


def paired(values: Sequence[float], base: Sequence[float], *, quotient: bool, level: float = LEVEL) -> Difference:
    """values - base, or values / base on log10, item by item, with the t interval and the test against no effect."""
    x, y = np.asarray(values, dtype=np.float64), np.asarray(base, dtype=np.float64)
    if quotient and not ((x > 0).all() and (y > 0).all()):
        raise ValueError("quotients are of values above 0")
    d = np.log10(x) - np.log10(y) if quotient else x - y
    size = max(float(np.abs(np.log10(each) if quotient else each).max()) for each in (x, y))
    mean, spread, half = interval(d, level, size)
    back = power if quotient else float
    if half is None or spread is None:
        return Difference(len(d), back(mean), None, None, None)
    if len(d) <= EXACT:
        p = sign_flip(d.tolist())
    else:
        p = float(2 * special.stdtr(len(d) - 1, -abs(mean) / (spread / math.sqrt(len(d)))))
    return Difference(len(d), back(mean), back(mean - half), back(mean + half), p)


@dataclass(frozen=True)
class Prediction:
    """Where one further draw falls with probability `level`, by `n` draws like it; `mean` and `spread` are theirs."""

    mean: float
    spread: float
    low: float
    high: float


def within(deviations: float) -> float:
    """The probability that a normal variable lies within so many standard deviations of its mean."""
    return math.erf(deviations / math.sqrt(2))


def reach(n: int, level: float) -> float:
    """t_((1 + level)/2, n-1) sqrt(1 + 1/n): how many standard deviations of n draws one more falls from their mean."""
    return float(special.stdtrit(n - 1, (1 + level) / 2)) * math.sqrt(1 + 1 / n)


def prediction(values: Sequence[float], level: float = LEVEL) -> Prediction | None:
    """mean +- s `reach`: the interval for a further draw of a normal distribution of which
    mean and s are known from n draws only. None for fewer than two."""
    x = np.asarray(values, dtype=np.float64)
    if len(x) < 2:
        return None
    mean, spread, _ = interval(x, level)
    assert spread is not None
    half = reach(len(x), level) * spread
    return Prediction(mean, spread, mean - half, mean + half)


def proportion(successes: int, n: int, level: float = LEVEL) -> tuple[float, float]:
    """The interval of a probability of which `successes` of `n` draws are known  (Clopper and Pearson 1934).

    It holds the probability in at least `level` of all samples, whatever n and the probability are.
    """
    if not 0 <= successes <= n or n < 1:
        raise ValueError(f"{successes} of {n}")
    tail = (1 - level) / 2
    low = float(special.betaincinv(successes, n - successes + 1, tail)) if successes else 0.0
    high = float(special.betaincinv(successes + 1, n - successes, 1 - tail)) if successes < n else 1.0
    return low, high


def reached_by(reached: Sequence[float], censored: Sequence[float]) -> Estimate | None:
    """The median time to an event that only some had: no mean of those is one of all. None where less than half did."""
    median = median_time(reached, censored)
    if median is None:
        return None
    return Estimate(len(reached), median, None, None, None, median, min(reached), None)


def median_time(reached: Sequence[float], censored: Sequence[float] = ()) -> float | None:
    """The median time to an event: the first time by which S <= 1/2, S the survival function  (Kaplan and Meier 1958).

    S(t) = product over event times t_i <= t of (1 - d_i / n_i), with d_i events among the n_i that are still at risk;
    `censored` are the times up to which the others were watched without it. Where S is exactly 1/2 until the next
    event, the middle between both, as of any even number of values. None where S stays above: not reached by half.
    """
    alive, survival, half = len(reached) + len(censored), 1.0, None
    for time in sorted(set(reached)):
        at_risk = alive - sum(each < time for each in censored) - sum(each < time for each in reached)
        if half is not None:
            return (half + time) / 2
        survival *= 1 - sum(each == time for each in reached) / at_risk
        if survival < 0.5 - 1e-12:
            return float(time)
        half = float(time) if survival <= 0.5 + 1e-12 else None
    return half


def holm(ps: Sequence[float]) -> list[float]:
    """p values adjusted for their number: p_(i) <- max over j <= i of min(1, (m - j + 1) p_(j))  (Holm 1979)."""
    adjusted, largest = [0.0] * len(ps), 0.0
    for rank, index in enumerate(sorted(range(len(ps)), key=lambda index: ps[index])):
        largest = max(largest, min(1.0, (len(ps) - rank) * ps[index]))
        adjusted[index] = largest
    return adjusted


NOISE = 1e-12
"""So small a share of the numbers that they were taken from, differences are equal but for rounding."""


def interval(x: np.ndarray, level: float, size: float | None = None) -> tuple[float, float | None, float | None]:
    """Mean, standard deviation and half width of the t interval; None for a single value, the last for fewer than
    LEAST and for equal ones, by the `size` of what they were computed from."""
    with np.errstate(over="ignore", invalid="ignore"):  # of numbers near the largest, the mean may be infinite
        mean = float(x.mean())
        if len(x) < 2:
            return mean, None, None
        spread = float(x.std(ddof=1)) if (x != x[0]).any() else 0.0
    if len(x) < LEAST or spread <= NOISE * (np.abs(x).max() if size is None else size):
        return mean, spread, None
    return mean, spread, float(special.stdtrit(len(x) - 1, (1 + level) / 2)) * spread / math.sqrt(len(x))


def _median(x: np.ndarray) -> float:
    """As `np.median`, for which NumPy would load its masked arrays; they take a tenth as long as NumPy."""
    rising, half = np.sort(x), len(x) // 2  # NaN is the last
    if len(x) % 2 or math.isnan(rising[-1]):
        return float(rising[-1 if math.isnan(rising[-1]) else half])
    with np.errstate(over="ignore"):
        return float((rising[half - 1] + rising[half]) / 2)


def power(exponent: float) -> float:
    """10^exponent, infinite where it is too large."""
    return 10.0**exponent if exponent < 308 else math.inf
