"""Statistics against SciPy, and by simulation: do 95 % intervals cover 95 %?"""

from __future__ import annotations

import math

import numpy as np
import pytest
import scipy.stats

from vgrad.statistics import (
    Difference,
    Estimate,
    Prediction,
    arithmetic,
    geometric,
    holm,
    median_time,
    paired,
    power,
    prediction,
    proportion,
    reached_by,
    sign_flip,
    within,
)

SCIPY = 1e-10  # relative: both go through the same incomplete beta function
GENERATOR = np.random.Generator(np.random.PCG64(5))


@pytest.mark.parametrize("n", [3, 5, 30])
def test_intervals_are_those_of_scipy(n: int) -> None:
    x = GENERATOR.lognormal(size=n)
    for found, y in ((arithmetic(x), x), (geometric(x), np.log10(x))):
        low, high = scipy.stats.t.interval(0.95, n - 1, y.mean(), scipy.stats.sem(y))
        if found.center != x.mean():
            low, high = 10**low, 10**high
        assert (found.low, found.high) == pytest.approx((low, high), rel=SCIPY)
    assert geometric(x).center == pytest.approx(scipy.stats.gmean(x), rel=SCIPY)
    assert geometric(x).spread == pytest.approx(scipy.stats.gstd(x), rel=SCIPY)


@pytest.mark.parametrize("n", [3, 5, 10, 31])
def test_paired_differences_are_those_of_scipy(n: int) -> None:
    x, y = GENERATOR.normal(1, 1, n), GENERATOR.normal(size=n)
    found, expected = paired(x, y, quotient=False), scipy.stats.ttest_rel(x, y)
    interval = expected.confidence_interval(0.95)
    assert (found.low, found.high) == pytest.approx((interval.low, interval.high), rel=SCIPY)
    everywhere = {"permutation_type": "samples", "n_resamples": np.inf}
    p = expected.pvalue if n > 30 else scipy.stats.permutation_test((x - y,), np.mean, **everywhere).pvalue
    assert found.p == pytest.approx(p, rel=SCIPY)
    quotient = paired(10**x, 10**y, quotient=True)
    assert quotient.p == pytest.approx(p, rel=1e-8)
    assert quotient.center == pytest.approx(10**found.center, rel=SCIPY)


def test_signs_are_flipped_in_every_way() -> None:
    assert sign_flip([1.0, 1.0, 1.0]) == 2 / 8
    assert sign_flip([0.0, 0.0]) == 1.0
    assert sign_flip([1.0, -1.0, 0.0]) == 1.0
    assert sign_flip([3.0, 2.0, -1.0]) == 4 / 8  # sums of at least 4 in size: 6, 4 and their opposites
    assert sign_flip([0.1] * 30) == 2 / 2**30
    ones = scipy.stats.binomtest(21, 30).pvalue  # 21 of 30 equal differences up, whatever their size
    assert sign_flip([0.7] * 21 + [-0.7] * 9) == pytest.approx(ones, rel=SCIPY)
    drawn = np.random.default_rng(0).normal(0.3, 1, 30)
    assert sign_flip(drawn.tolist()) == pytest.approx(scipy.stats.ttest_1samp(drawn, 0).pvalue, rel=0.1)


@pytest.mark.parametrize("n", [3, 5, 8, 15])
@pytest.mark.parametrize("kind", ["normal", "counts", "skewed pairs"])
def test_no_effect_is_rejected_as_rarely_as_it_says(kind: str, n: int) -> None:
    """At every level, for differences that are discrete or heavy-tailed as well."""
    rng, times = np.random.default_rng(n), 600
    draws = {"normal": rng.normal, "counts": lambda size: rng.integers(0, 3, size), "skewed pairs": rng.standard_cauchy}
    found = np.array([sign_flip(draws[kind](size=n) - draws[kind](size=n)) for _ in range(times)])
    for level in (0.05, 0.1, 0.25):
        due = math.floor(level * 2**n / 2) * 2 / 2**n  # p values are multiples of 2/2^n
        error = 3.5 * math.sqrt(level * (1 - level) / times)
        assert (found <= level).mean() <= due + error
        if kind != "counts":
            assert (found <= level).mean() >= due - error


def test_the_median_of_what_is_not_always_reached() -> None:
    """Against SciPy's survival function; half of eight is not five."""
    rng = np.random.default_rng(0)
    for _ in range(60):
        times, until = rng.integers(1, 12, 9), rng.integers(3, 12, 9)
        reached, watched = times[times <= until].tolist(), until[times > until].tolist()
        if not reached:
            continue
        sample = scipy.stats.CensoredData(uncensored=reached, right=watched)
        curve = scipy.stats.ecdf(sample).sf
        below = [at for at, value in zip(curve.quantiles, curve.probabilities, strict=True) if value < 0.5 - 1e-9]
        even = [at for at, value in zip(curve.quantiles, curve.probabilities, strict=True) if abs(value - 0.5) < 1e-9]
        found = median_time(reached, watched)
        if even and below:
            assert found == (even[0] + below[0]) / 2
        else:
            assert found == (even or below or [None])[0]
    assert median_time([3.0], [9.0] * 5) is None
    assert median_time([3.0, 5.0], [9.0] * 5) is None
    assert median_time([1.0, 2.0, 3.0, 4.0]) == 2.5
    assert median_time([]) is None
    assert median_time([2.0, 3.0, 5.0], [math.inf] * 3) == 5.0
    assert median_time([2.0, 3.0, 5.0], [math.inf] * 4) is None
    assert median_time([2.0, 3.0, 5.0], [1.0] * 4) == 3.0  # watched too shortly to say anything
    assert reached_by([3.0], [9.0] * 4) is None
    assert reached_by([3.0, 5.0, 9.0], [9.0]) == Estimate(3, 7.0, None, None, None, 7.0, 3.0, None)


def test_holm_is_the_textbook() -> None:
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([]) == []
    assert holm([0.9, 0.8]) == [1.0, 1.0]


@pytest.mark.parametrize("kind", ["arithmetic", "geometric", "paired"])
def test_intervals_cover_what_they_claim(kind: str) -> None:
    """4,000 samples of five: a true coverage of 95 % is found within 93.8 … 96.2 % (3.5 sigma)."""
    generator, covered, trials = np.random.Generator(np.random.PCG64(1)), 0, 4_000
    for _ in range(trials):
        x = generator.normal(0.7, 0.1, 5)
        if kind == "arithmetic":
            found, truth = arithmetic(x), 0.7
        elif kind == "geometric":
            found, truth = geometric(10**x), 10**0.7
        else:
            found, truth = paired(x + generator.normal(0.2, 0.05, 5), x, quotient=False), 0.2
        assert found.low is not None
        assert found.high is not None
        covered += found.low <= truth <= found.high
    assert 0.938 < covered / trials < 0.962


def test_single_values_and_equal_ones() -> None:
    assert arithmetic([0.5]) == Estimate(1, 0.5, None, None, None, 0.5, 0.5, 0.5)
    assert geometric([0.5]) == Estimate(1, pytest.approx(0.5), None, None, None, 0.5, 0.5, 0.5)
    assert paired([1.0], [0.5], quotient=False) == Difference(1, 0.5, None, None, None)
    assert paired([1.0], [0.1], quotient=True) == Difference(1, pytest.approx(10.0), None, None, None)
    same = arithmetic([0.1] * 3)
    assert (same.spread, same.low, same.high) == (0.0, None, None)
    assert geometric([3.0] * 20).low is None
    tenths = [0.92, 0.96, 0.3], [0.9, 0.94, 0.28]  # alike but for the last bit of a difference
    assert len(set(np.subtract(*tenths))) > 1
    assert paired(*tenths, quotient=False) == Difference(3, pytest.approx(0.02), None, None, None)
    thirds = np.array([1e-9, 7.0, 123.0] * 7)
    assert paired(thirds / 3, thirds, quotient=True) == Difference(21, pytest.approx(1 / 3), None, None, None)
    assert paired([1e-9, 2e-9, 4e-9], [0.0, 0.0, 0.0], quotient=False).p == 0.25  # small is not equal
    for shift, quotient in ((0.0, False), (0.5, False), (0.0, True)):  # of equal differences no scatter is known
        found = paired([1.0 + shift, 2.0 + shift, 3.0 + shift], [1.0, 2.0, 3.0], quotient=quotient)
        assert found == Difference(3, pytest.approx(1.0 if quotient else shift), None, None, None)
    two = arithmetic([1.0, 2.0])
    assert (two.center, two.spread, two.low, two.high) == (1.5, pytest.approx(0.5**0.5), None, None)
    assert geometric([1.0, 4.0]).low is None
    assert paired([1.0, 2.5], [1.0, 2.0], quotient=False) == Difference(2, 0.25, None, None, None)
    assert prediction([1.0]) is None
    assert prediction([2.0, 2.0]) == Prediction(2.0, 0.0, 2.0, 2.0)
    with pytest.raises(ValueError, match="no values"):
        arithmetic([])
    for few in ([], [0.0, 1.0], [1.0, -1.0]):
        with pytest.raises(ValueError, match="above 0"):
            geometric(few)
    for values, base in (([1.0, 0.0], [1.0, 1.0]), ([1.0, 1.0], [0.0, 1.0]), ([0.5, 1.0], [1.0, -0.5])):
        with pytest.raises(ValueError, match="above 0"):
            paired(values, base, quotient=True)
        assert paired(values, base, quotient=False).n == 2


def test_medians_and_ends_are_of_the_values() -> None:
    for kind in (arithmetic, geometric):
        found = kind([5.0, 1.0, 2.0, 100.0])
        assert (found.n, found.median, found.least, found.greatest) == (4, 3.5, 1.0, 100.0)
        assert kind([2.0, 1.0, 3.0], 0.5).high < kind([2.0, 1.0, 3.0], 0.9).high
    single = np.float32([0.1, 0.7, 0.3])  # counted in double precision, whatever is given
    for each in (arithmetic, geometric, prediction, lambda x: paired(x, x[::-1], quotient=False)):
        assert each(single) == each(single.tolist())
    assert (within(0), within(1)) == (0, pytest.approx(0.6826894921370859))
    assert [power(-1), power(307.5), power(308), power(1e9)] == [0.1, 10**307.5, math.inf, math.inf]


def test_the_interval_of_a_proportion_covers_and_is_that_of_scipy() -> None:
    """Exactly, summed over all outcomes: at least 95 % whatever n and p; and learned by chance in at most 2.5 %."""
    for n in (1, 7, 40, 300):
        found = [proportion(k, n) for k in range(n + 1)]
        for k in (0, 1, n // 2, n):
            wanted = scipy.stats.binomtest(k, n).proportion_ci(0.95, "exact")
            assert found[k] == pytest.approx((wanted.low, wanted.high), abs=1e-12)
        for p in (0.01, 0.1, 0.1135, 0.5, 0.97):
            chances = scipy.stats.binom.pmf(range(n + 1), n, p)
            assert sum(c for c, (low, high) in zip(chances, found, strict=True) if low <= p <= high) >= 0.95
            assert sum(c for c, (low, _) in zip(chances, found, strict=True) if low > p) <= 0.025
    for wrong in ((-1, 3), (4, 3), (0, 0)):
        with pytest.raises(ValueError, match="of"):
            proportion(*wrong)
