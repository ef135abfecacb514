"""Judging: bands that hold a further draw as often as they say, z against SciPy, and what cannot be judged."""

from __future__ import annotations

import math

import numpy as np
import pytest
import scipy.stats

from vgrad.statistics import LEVEL, prediction
from vgrad.study.judgement import FIGURE_LEVEL, judge, judge_line, line

SEEDS = [0.061, 0.055, 0.072, 0.049, 0.066]


def test_the_level_of_a_figure_is_that_of_two_and_a_half_standard_deviations() -> None:
    assert math.isclose(FIGURE_LEVEL, 1 - 2 * scipy.stats.norm.sf(2.5), rel_tol=1e-12)


@pytest.mark.parametrize("n", [2, 3, 5, 20, 400])
def test_the_band_is_that_of_students_t(n: int) -> None:
    x = np.random.default_rng(n).normal(3.0, 0.7, n)
    found = prediction(x.tolist(), FIGURE_LEVEL)
    assert found
    half = scipy.stats.t.ppf((1 + FIGURE_LEVEL) / 2, n - 1) * x.std(ddof=1) * math.sqrt(1 + 1 / n)
    np.testing.assert_allclose([found.low, found.high], [x.mean() - half, x.mean() + half], rtol=1e-12)


@pytest.mark.parametrize("n", [3, 5, 20])
@pytest.mark.parametrize("level", [LEVEL, FIGURE_LEVEL])
@pytest.mark.parametrize("times", [2_000, pytest.param(20_000, marks=pytest.mark.slow)])
def test_a_further_draw_is_in_the_band_as_often_as_it_says(n: int, level: float, times: int) -> None:
    """Again and again: n draws and one more. Plain +-2.5 sd would hold 90 % of them with three seeds, not 98.8 %."""
    rng = np.random.default_rng(7)
    held = 0
    for draws in rng.normal(size=(times, n + 1)):
        found = prediction(draws[:-1].tolist(), level)
        assert found
        held += found.low <= draws[-1] <= found.high
    error = math.sqrt(level * (1 - level) / times)
    assert abs(held / times - level) < 4 * error


def test_z_is_counted_in_standard_deviations_of_the_seeds() -> None:
    logs = np.log10(SEEDS)
    found = judge(0.1, SEEDS, "log", comparable=True)
    assert found.z == pytest.approx((-1 - logs.mean()) / logs.std(ddof=1), rel=1e-12)
    plain = judge(0.1, SEEDS, "linear", comparable=True)
    assert plain.z == pytest.approx((0.1 - np.mean(SEEDS)) / np.std(SEEDS, ddof=1), rel=1e-12)


@pytest.mark.parametrize("scale", ["log", "linear"])
@pytest.mark.parametrize("side", ["low", "high"])
def test_the_verdict_turns_at_the_edge_of_the_band(scale: str, side: str) -> None:
    edges = judge(0.06, SEEDS, scale, comparable=True).band
    assert edges
    edge, outwards = (edges[0], 1 - 1e-6) if side == "low" else (edges[1], 1 + 1e-6)
    if edge < 0:
        outwards = 2 - outwards
    assert judge(edge / outwards, SEEDS, scale, comparable=True).verdict == "inside"
    assert judge(edge * outwards, SEEDS, scale, comparable=True).verdict == "outside"


@pytest.mark.parametrize(
    ("values", "comparable", "verdict", "lost"),
    [
        ([], True, "undecided", 0),
        ([None, None], True, "undecided", 2),
        ([0.06], True, "undecided", 0),
        ([0.06, 0.0, 0.0], True, "undecided", 2),  # a norm of 0 has no logarithm
        ([0.06, 0.07, None, None, None], True, "undecided", 3),  # more lost than there are
        ([0.06, 0.07, 0.05, None], True, "inside", 1),
        (SEEDS, False, "not comparable", 0),
        ([None], False, "not comparable", 1),
    ],
)
def test_what_cannot_be_judged_is_not(values: list[float | None], comparable: bool, verdict: str, lost: int) -> None:
    found = judge(0.06, values, "log", comparable=comparable)
    assert (found.verdict, found.lost) == (verdict, lost)


def test_seeds_that_all_agree_leave_no_room() -> None:
    assert judge(0.5, [0.5, 0.5], "linear", comparable=True).verdict == "inside"
    assert judge(0.5001, [0.5, 0.5], "linear", comparable=True).verdict == "outside"
    assert judge(0.5001, [0.5, 0.5], "linear", comparable=True).z is None


def test_a_curve_is_inside_where_all_of_it_is() -> None:
    epochs = np.arange(10)
    values = 10 ** np.random.default_rng(0).normal(-2, 0.1, (8, 10))
    middle = {epoch: float(10 ** np.log10(values[:, epoch]).mean()) for epoch in range(10)}
    for outside, verdict in ((0, "inside"), (1, "outside"), (2, "outside")):
        published = {epoch: value * (10 if epoch < outside else 1) for epoch, value in middle.items()}
        found = line(published, epochs, values)
        assert found.share == (10 - outside) / 10
        assert judge_line(found, comparable=True) == verdict
    assert judge_line(line(middle, epochs, values), comparable=False) == "not comparable"
    assert judge_line(line({}, epochs, values), comparable=True) == "not comparable"
    assert judge_line(line(middle, epochs, values[:2]), comparable=True) == "undecided"


@pytest.mark.parametrize(("published", "share"), [(1, 1.0), (2, None), (10, None), (0, None)])
def test_a_curve_is_judged_where_most_of_what_was_published_was_measured(published: int, share: float | None) -> None:
    values = 10 ** np.random.default_rng(0).normal(-2, 0.1, (8, 1))
    found = line(dict.fromkeys(range(published), 0.01), np.arange(1), values)
    assert (found.count, found.n, found.share) == (published, 8, share)


def test_the_band_of_a_curve_reaches_as_far_as_the_strangest_seed_from_the_others() -> None:
    logs = np.random.default_rng(1).normal(-2, 0.1, (8, 3))
    found = line({}, np.arange(3), 10**logs)
    far = 0.0
    for seed in range(8):  # the plain way
        others = np.delete(logs, seed, axis=0)
        far = max(far, *np.abs(logs[seed] - others.mean(0)) / others.std(0, ddof=1) / math.sqrt(1 + 1 / 7))
    far = scipy.stats.t.isf(scipy.stats.t.sf(far, 6), 7)  # as strange among eight as it is among seven
    half = far * logs.std(0, ddof=1) * math.sqrt(1 + 1 / 8)
    np.testing.assert_allclose(np.log10([found.low, found.high]), [logs.mean(0) - half, logs.mean(0) + half], 1e-12)
    assert np.isnan(line({}, np.arange(3), np.zeros((8, 3))).center).all()
    assert line({}, np.arange(2), np.full((8, 2), 0.5)).high.tolist() == [0.5, 0.5]  # all agree: no room


@pytest.mark.parametrize("n", [3, 4, 8, 20])
def test_the_band_holds_a_further_curve_as_a_whole(n: int) -> None:
    """Walks of 40 epochs, each correlated over all of them: n times in n + 1, or a little more often."""
    rng, times, held = np.random.default_rng(n), 1500, 0
    for _ in range(times):
        walks = np.cumsum(rng.normal(0, 0.05, (n + 1, 40)), axis=1) + rng.normal(0, 0.1, (n + 1, 1))
        found = line(dict(enumerate((10 ** walks[0]).tolist())), np.arange(40), 10 ** walks[1:])
        held += judge_line(found, comparable=True) == "inside"
    error = math.sqrt(n / (n + 1) ** 2 / times)
    assert -3 * error < held / times - n / (n + 1) < 0.4 / (n + 1) + 3 * error
