"""Could the published runs be further draws of ours? One test for each published run, and one for the study.

A published run is one draw with an unknown seed, and all that was published of it (figures, curves) depends on that one
draw. If it is a draw like ours, it and our n seeds can be exchanged. So each of the n + 1 draws is compared with the n
others in each number j that was published, on the scale on which seeds spread, by the externally studentized deviation

    t_ij = (x_ij - m_j) / (s_j sqrt(1 + 1/n)),    m_j, s_j: mean and standard deviation of the others,

which has Student's distribution with n - 1 degrees of freedom where draws are normal. The draw as a whole is as strange
as its strangest number, T_i = max_j |t_ij|: a simultaneous band over figures, layers and epochs.

    p of a published run = share of the n + 1 draws with T_i >= T_published

Published runs are independent of one another. The study's statistic is the sum over them of -log P(|t_(n-1)| >= T),
and its p the share of the choices of one draw for each published run, (n + 1)^R of them, whose sum is as large as the
published one (a permutation test over a product of groups; above MOST_CHOICES of them, DRAWN of them are drawn, which
keeps the size: Phipson and Smyth 2010). No distribution is assumed: the test rejects an exact replication with
probability ALPHA at most at every number of seeds, and at very nearly ALPHA for several published runs.

With few seeds, n + 1 exchangeable draws cannot tell one published run that is a thousand times off from one that is a
little stranger than the others. So a study is rejected, too, where a number lies beyond: where the Student tail of its
t, times the number of all numbers (Bonferroni), is at most BEYOND. This part assumes draws that are normal on the scale
of the figure; it adds BEYOND to the size at most, and less than that with many seeds.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from vgrad.compiled import stdtr, stdtrit

ALPHA, BEYOND = 0.05, 0.005
MOST_CHOICES, DRAWN = 20_000, 9_999
SEED = 5  # of the choices that are drawn: the same runs have the same p

Array = NDArray[np.float64]


def studentized(draws: Array) -> Array:
    """t of every number of every draw against the other draws; `draws` is (n + 1, numbers), finite; so is the shape of
    what comes back.

    0 where all draws agree; infinite where the others agree and this one differs.
    """
    count = len(draws)
    if count < 3:
        raise ValueError(f"{count} draws; at least 3 are needed")
    off = draws - draws.mean(axis=0)
    off[:, np.ptp(draws, axis=0) == 0] = 0.0
    explained = off**2 * count / (count - 1)
    rest = np.maximum((off**2).sum(axis=0) - explained, 0.0)
    rest[rest < 1e-14 * explained] = 0.0  # the others agree, up to rounding
    with np.errstate(divide="ignore", invalid="ignore"):
        found: Array = np.sign(off) * np.sqrt((count - 2) * explained / rest)
    return np.where(off == 0, 0.0, found)


def strangeness(draws: Array) -> Array:
    """T of every draw: the largest |t| of its numbers."""
    found: Array = np.abs(studentized(draws)).max(axis=1)
    return found


def share_as_strange(strange: Array) -> float:
    """p of the first draw: the share of all draws, itself included, that are as strange."""
    return float((strange >= strange[0] * (1 - 1e-12)).mean())


def combined(runs: Sequence[Array]) -> float:
    """p of the study: `runs` has T of every draw of each published run, the published one first."""
    scores = [_scores(strange) for strange in runs]
    published = sum(float(score[0]) for score in scores)
    slack = 1e-12 * max(1.0, abs(published))
    if math.prod(map(len, scores)) <= MOST_CHOICES:
        sums = np.zeros(1)
        for score in scores:
            sums = np.add.outer(sums, score).ravel()
        return float((sums >= published - slack).mean())
    random = np.random.default_rng(SEED)
    total = np.zeros(DRAWN)
    for score in scores:
        total += score[random.integers(len(score), size=DRAWN)]
    return float((1 + (total >= published - slack).sum()) / (1 + DRAWN))


def _scores(strange: Array) -> Array:
    """-log P(|t_(n-1)| >= T); bounded, so that sums stay finite."""
    tail = 2 * stdtr(len(strange) - 2, -strange)
    found: Array = -np.log(np.maximum(tail, 1e-300))
    return found


def simultaneous(draws: Array) -> float:
    """How many s sqrt(1 + 1/n) a band around the mean of n draws, (n, numbers), has to reach to hold a further draw in
    all of its numbers: as far as the strangest of them lies from the others.

    Each of the n is compared with n - 1 draws and the further one with n, so that the strangest t is taken over to one
    more degree of freedom at the same tail. The band holds a further draw as a whole n times in n + 1, with few seeds
    up to a tenth more often (tests/study/test_study_judging.py).
    """
    tail = float(stdtr(len(draws) - 2, -strangeness(draws).max()))
    return -float(stdtrit(len(draws) - 1, tail))


def beyond(t: float, n: int, numbers: int) -> bool:
    """Whether one of so many numbers lies further off than a normal draw would in one of 1/BEYOND studies."""
    return math.isfinite(t) and numbers * 2 * float(stdtr(n - 1, -abs(t))) <= BEYOND


def farthest(t: Array) -> int:
    """Where the largest finite |t| is: an infinite one says that all others agree, not how far this draw lies off."""
    size = np.abs(t)
    return int(np.where(np.isfinite(size), size, -1.0).argmax())
