"""Slopes, ratios and verdicts, at their bounds and against NumPy's least squares."""

from __future__ import annotations

import math

import numpy as np
import pytest
import scipy.stats

from vgrad.vanishing import VANISHING_DECAY, Slope, Thresholds, decay, last_first_ratio, verdict


@pytest.mark.parametrize("count", [2, 3, 7])
def test_decay_is_the_least_squares_slope(count: int) -> None:
    norms = np.random.default_rng(count).lognormal(size=count)
    slope = decay(norms.tolist())
    assert slope is not None
    assert slope.value == pytest.approx(np.polyfit(range(count), np.log10(norms), 1)[0], rel=1e-12)


@pytest.mark.parametrize(
    ("norms", "rate", "ratio", "word"),
    [
        ([], None, None, None),
        ([0.5], None, None, None),
        ([1.0, 10.0], 1.0, 10.0, "vanishing"),
        ([10.0, 1.0], -1.0, 0.1, "exploding"),
        ([1.0, 1.9], math.log10(1.9), 1.9, "healthy"),
        ([1.9, 1.0], -math.log10(1.9), 1 / 1.9, "healthy"),
        ([1.0, 10**0.301], 0.301, 10**0.301, "vanishing"),
        ([10**0.301, 1.0], -0.301, 10**-0.301, "exploding"),
        ([1.0, 5.0, 1.0], 0.0, 1.0, "healthy"),
        ([0.0, 1.0], None, math.inf, "vanishing"),
        ([1.0, 0.0], None, 0.0, "exploding"),
        ([1e-300, 1e300], 600.0, math.inf, "vanishing"),
    ],
)
def test_rate_ratio_and_verdict(norms: list[float], rate: float | None, ratio: float | None, word: str | None) -> None:
    slope = decay(norms)
    assert (slope and slope.value) == (None if rate is None else pytest.approx(rate, abs=1e-12))
    assert last_first_ratio(norms) == (None if ratio is None else pytest.approx(ratio, rel=1e-12))
    assert verdict(norms) == word


def test_at_the_bound_a_gradient_vanishes_or_explodes() -> None:
    assert Thresholds().vanishing == Thresholds().exploding == VANISHING_DECAY == 0.3
    decade = Thresholds(vanishing=1.0, exploding=1.0)
    words = [verdict(norms, decade) for norms in ([1.0, 10.0], [10.0, 1.0], [1.0, 9.99])]
    assert words == ["vanishing", "exploding", "healthy"]


def test_decay_is_the_slope_of_linregress() -> None:
    norms = [0.00298, 0.0171, 0.0695, 0.2851]
    found, expected = decay(norms), scipy.stats.linregress(range(4), np.log10(norms))
    half = scipy.stats.t.ppf(0.975, 2) * expected.stderr
    assert found is not None
    assert (found.value, found.low, found.high) == pytest.approx(
        (expected.slope, expected.slope - half, expected.slope + half), rel=1e-10
    )
    assert decay([0.1]) is None
    assert decay([0.0, 0.1]) is None
    assert decay([0.1, 1.0]) == Slope(pytest.approx(1.0), None, None)
    straight = decay([0.1, 1.0, 10.0])
    assert straight == Slope(*[pytest.approx(1.0)] * 3)
    wide, narrow = decay(norms, 0.99), decay(norms, 0.5)
    assert wide is not None
    assert narrow is not None
    assert wide.low < found.low < narrow.low < narrow.value < narrow.high < found.high < wide.high
    assert decay([1e-320, 1e300, math.inf]) is None
