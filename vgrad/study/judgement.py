"""Each published number alone, beside the distribution over seeds: where one further draw falls.

What is published of one run depends on one draw, so that the verdict is not the sum of these: it is that of the joint
test (study/joint.py). A published value p is one draw with an unknown seed. With the mean m and standard deviation s of
n seeds of ours, on log10 where seeds spread by factors,

    z = (p - m) / s,     band: m +- t s sqrt(1 + 1/n)

where t is Student's quantile, with n - 1 degrees of freedom, of the probability that a normal variable is within LIMIT
standard deviations: where m and s are known for sure, the band is |z| <= LIMIT, and with few seeds it is as much wider
as it has to be to hold a further draw just as often. A curve is inside where all of it lies in the simultaneous band,
which reaches as far as the strangest of our seeds lies from the others, and holds a further curve as a whole n times in
n + 1 or more often.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from vgrad.statistics import Estimate, arithmetic, geometric, power, prediction, within
from vgrad.study.joint import simultaneous

LIMIT = 2.5
FIGURE_LEVEL = within(LIMIT)
DECADES = -300.0, 300.0
"""Of a band's ends: with three seeds it may reach beyond what a number holds."""
MEASURED = 0.9
"""A curve is judged where at least this share of the epochs that were published can be compared."""
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
    """A curve over epochs: published, NaN where nothing was, beside the center and simultaneous band of n seeds."""

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
        return float(self.inside[comparable].mean()) if comparable.sum() >= max(MEASURED * self.count, 1) else None


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
    mean, half = logs.mean(axis=0), np.full(len(epochs), np.nan)
    whole = np.isfinite(logs).all(axis=0)
    if len(logs) > 2 and whole.any():
        each = logs[:, whole]
        spread = each.std(axis=0, ddof=1)
        far = np.where(spread > 0, simultaneous(each), 0.0)  # where all seeds agree there is no room
        half[whole] = far * spread * math.sqrt(1 + 1 / len(logs))
    low, high = (10 ** np.clip(end, *DECADES) for end in (mean - half, mean + half))
    return Line(epochs, spots, 10**mean, low, high, len(logs), len(published))


def judge_line(found: Line, *, comparable: bool) -> Verdict:
    """Whether the published curve is in the simultaneous band of our seeds."""
    if not comparable or not np.isfinite(found.published).any():
        return "not comparable"
    share = found.share
    return "undecided" if share is None else "inside" if share == 1 else "outside"
