"""The joint test: its t against SciPy's, its p against enumeration, its size at every number of seeds, its power."""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import product

import numpy as np
import pytest
import scipy.stats
from rows import each_row

from vgrad.study.joint import (
    ALPHA,
    BEYOND,
    Array,
    beyond,
    combined,
    farthest,
    share_as_strange,
    strangeness,
    studentized,
)
from vgrad.study.power import examined, power, rejected


def test_t_is_that_of_a_draw_against_the_others() -> None:
    draws = np.random.default_rng(0).normal(3, 2, (6, 4))
    found = studentized(draws)
    for at, number in product(range(6), range(4)):
        others = np.delete(draws[:, number], at)
        t, _ = scipy.stats.ttest_ind(draws[at : at + 1, number], others)  # one against the rest, equal variances
        assert found[at, number] == pytest.approx(t, rel=1e-12)
    np.testing.assert_allclose(strangeness(draws), np.abs(found).max(axis=1))


def test_draws_that_agree_leave_no_room_and_no_nan() -> None:
    found = studentized(np.array([[1.0, 2.0, 0.1], [1.0, 3.0, 0.1], [1.0, 3.0, 0.1], [1.0, 3.0, 0.1 + 0.2]]))
    np.testing.assert_array_equal(found[:, 0], 0)
    assert found[0, 1] == -math.inf
    assert found[3, 2] == math.inf
    assert np.isfinite(found[1:, 1]).all()
    assert farthest(np.array([1.0, -math.inf, -2.0])) == 2
    assert not beyond(math.inf, 5, 10)
    with pytest.raises(ValueError, match="at least 3"):
        studentized(np.zeros((2, 3)))


def test_p_of_a_run_is_its_rank() -> None:
    assert share_as_strange(np.array([3.0, 1.0, 3.0, 4.0])) == 0.75
    assert share_as_strange(np.array([9.0, 1.0, 3.0, 4.0])) == 0.25


def test_p_of_a_study_is_that_of_all_choices() -> None:
    rng = np.random.default_rng(2)
    runs = [np.abs(rng.standard_t(n - 1, n + 1)) for n in (3, 4, 5)]
    scores = [-np.log(2 * scipy.stats.t.sf(run, len(run) - 2)) for run in runs]
    sums = [sum(choice) for choice in product(*scores)]
    wanted = np.mean([total >= sum(score[0] for score in scores) - 1e-9 for total in sums])
    assert combined(runs) == pytest.approx(wanted, abs=1e-15)


def test_drawn_choices_agree_with_all_of_them(monkeypatch: pytest.MonkeyPatch) -> None:
    runs = [np.abs(np.random.default_rng(seed).standard_t(8, 10)) for seed in range(4)]
    exact = combined(runs)
    monkeypatch.setattr("vgrad.study.joint.MOST_CHOICES", 1)
    assert combined(runs) == pytest.approx(exact, abs=4 * math.sqrt(exact * (1 - exact) / 9999))
    assert combined(runs) == combined(runs)


def walks(rng: np.random.Generator, n: int) -> Array:
    """Draws of 30 numbers that all depend on one another, as those of a curve do."""
    found: Array = np.cumsum(rng.normal(0, 0.1, (n, 30)), axis=1) + rng.normal(0, 0.3, (n, 1))
    return found


def shares(rng: np.random.Generator, n: int) -> Array:
    """Accuracies of 50 examples: many are equal."""
    return rng.binomial(50, 0.9, (n, 1)) / 50


def skewed(rng: np.random.Generator, n: int) -> Array:
    """What is far from normal."""
    found: Array = rng.standard_exponential((n, 3)) ** 2
    return found


@pytest.mark.parametrize(
    ("n", "times"), [(2, 300), (8, 300), *[pytest.param(n, 2000, marks=pytest.mark.slow) for n in (2, 3, 4, 8, 20)]]
)
@pytest.mark.parametrize("kind", [walks, shares, skewed])
def test_an_exact_replication_is_rejected_as_rarely_as_it_says(
    kind: Callable[[np.random.Generator, int], Array], n: int, times: int
) -> None:
    """Five published runs, each a draw like ours. What lies beyond is a matter of normal draws."""
    rng, found = np.random.default_rng(n), list[bool]()
    for _ in range(times):
        pools = [kind(rng, n + 1) for _ in range(5)]
        runs = [examined(pool, sum(each.shape[1] for each in pools)) for pool in pools]
        found.append(rejected([(strange, far and kind is not skewed) for strange, far in runs]))
    error = 3 * math.sqrt(ALPHA * (1 - ALPHA) / times)
    assert ALPHA - 0.02 - error < np.mean(found) < ALPHA + 0.02 + error


@each_row("n, numbers", [(3, 1), (4, 50), (20, 2000)])
def test_beyond_is_bonferroni_of_the_student_tail(n: int, numbers: int) -> None:
    edge = scipy.stats.t.isf(BEYOND / numbers / 2, n - 1)
    assert (beyond(edge * 1.001, n, numbers), beyond(-edge * 0.999, n, numbers)) == (True, False)


def test_power_is_size_without_a_change_and_grows_with_it() -> None:
    rng = np.random.default_rng(4)
    runs = [walks(rng, 12) for _ in range(3)]

    def by(shift: float) -> float:
        return power(runs, lambda run, row: runs[run][row] + shift, [11] * 3, times=200)

    same, some, much = by(0.0), by(0.7), by(3.0)
    assert same < 0.12
    assert same < some < much
    assert much > 0.95
    assert power(runs, lambda run, row: runs[run][row] + 3.0, [2] * 3, times=50) < much  # fewer seeds tell less
    with pytest.raises(ValueError, match="12 of 12"):
        power(runs, lambda run, row: runs[run][row], [12] * 3)
