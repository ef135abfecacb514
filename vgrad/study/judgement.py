"""Does the published draw look like ours? Each published number beside the distribution over seeds.

A published value p is one draw with an unknown seed. With the mean m and standard deviation s of n seeds of ours, on
log10 where seeds spread by factors,

    z = (p - m) / s,     band: m +- t s sqrt(1 + 1/n)

where t is Student's quantile, with n - 1 degrees of freedom, of the probability that a normal variable is within LIMIT
standard deviations: where m and s are known for sure, the band is |z| <= LIMIT, and with few seeds it is as much wider
as it has to be to hold a further draw just as often. A curve is judged epoch by epoch against the LEVEL band, and is
inside when at least SHARE of its epochs are.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from vgrad.statistics import LEVEL, Estimate, arithmetic, geometric, power, prediction, within

LIMIT, SHARE = 2.5, 0.9
FIGURE_LEVEL = within(LIMIT)
MOST_LOST = 0.5
"""A figure of which more than this share of the seeds has no value is not judged."""

Verdict = Literal["inside", "outside", "not comparable", "undecided"]
Array = NDArray[np.float64]


@dataclass(frozen=True)
class Judgement:
    """A published number beside ours. `estimate` is None without a value of ours; `band` and `z` need two seeds."""

    published: float | None
    estimate: Estimate | None
    band: tuple[float, float] | None
    z: float | None
    lost: int
    verdict: Verdict


@dataclass(frozen=True)
class Line:
    """A curve over epochs: published, NaN where nothing was, beside the center and band of n seeds."""

    epochs: NDArray[np.int64]
    published: Array
    center: Array
    low: Array
    high: Array
    n: int
    count: int
    """Epochs that were published, measured by us or not."""

    @property
    def inside(self) -> NDArray[np.bool_]:
        """Whether the published curve is in the band, at each epoch that it has."""
        found: NDArray[np.bool_] = (self.low <= self.published) & (self.published <= self.high)
        return found

    @property
    def share(self) -> float | None:
        """Share of the epochs that can be compared at which the published curve is inside; None where too few can: a
        run ended early, or has a norm of 0."""
        comparable = np.isfinite(self.published) & np.isfinite(self.low)
        return float(self.inside[comparable].mean()) if comparable.sum() >= max(SHARE * self.count, 1) else None


def judge(published: float | None, values: Sequence[float | None], scale: str, *, comparable: bool) -> Judgement:
    """One published number and the value of every run, None for a run that has none; `scale` is log or linear."""
    logarithmic = scale == "log"
    usable = [value for value in values if value is not None and (value > 0 or not logarithmic)]
    lost = len(values) - len(usable)
    if not usable:
        return Judgement(published, None, None, None, lost, "undecided" if comparable else "not comparable")
    estimate = geometric(usable) if logarithmic else arithmetic(usable)
    found = prediction(np.log10(usable).tolist() if logarithmic else usable, FIGURE_LEVEL)
    back = power if logarithmic else float
    band = (back(found.low), back(found.high)) if found else None
    if not comparable or published is None:
        return Judgement(published, estimate, band, None, lost, "not comparable")
    if found is None or band is None or lost > MOST_LOST * len(values):
        return Judgement(published, estimate, band, None, lost, "undecided")
    place = math.log10(published) if logarithmic else published
    z = (place - found.mean) / found.spread if found.spread > 0 else None
    verdict: Verdict = "inside" if found.low <= place <= found.high else "outside"
    return Judgement(published, estimate, band, z, lost, verdict)


def line(published: Mapping[int, float], epochs: NDArray[np.int64], values: Array) -> Line:
    """The curve `values` of our seeds, (n, epochs), on log10, beside the published one."""
    spots = np.array([published.get(int(epoch), np.nan) for epoch in epochs])
    logs = np.log10(np.where(values > 0, values, np.nan))
    mean = logs.mean(axis=0)
    if len(logs) < 2:
        gap = np.full(len(epochs), np.nan)
        return Line(epochs, spots, 10**mean, gap, gap, len(logs), len(published))
    found = [prediction(column.tolist(), LEVEL) for column in logs.T]
    low = np.array([each.low if each else np.nan for each in found])
    high = np.array([each.high if each else np.nan for each in found])
    return Line(epochs, spots, 10**mean, 10**low, 10**high, len(logs), len(published))


def judge_line(found: Line, *, comparable: bool) -> Verdict:
    """Whether the published curve is in the band of our seeds at enough of its epochs."""
    if not comparable or not np.isfinite(found.published).any():
        return "not comparable"
    share = found.share
    return "undecided" if share is None else "inside" if share >= SHARE else "outside"
