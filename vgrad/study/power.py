"""How often the joint test would notice that published runs are not like ours: its power, by simulation from our runs.

One seed of ours after the other takes the part of the published run, as it is (then the test must reject no more often
than ALPHA) or changed, and the other seeds are those that it is compared with. So many seeds as there are but one are
behind each figure, or fewer, drawn at random.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from vgrad.study.joint import ALPHA, Array, beyond, combined, farthest, studentized

ENOUGH = 0.8
"""A test that notices less often than this cannot tell."""
TIMES, POOLS, SEED = 400, 40, 11


@dataclass(frozen=True)
class Power:
    """In `noticed` of the studies in which the published runs differ as `alternative` says, the test rejects."""

    alternative: str
    noticed: float
    seeds: int
    """Fewest of a published run."""


def power(
    runs: Sequence[Array],
    others: Callable[[int, int], Array],
    seeds: Sequence[int],
    *,
    times: int = TIMES,
    seed: int = SEED,
) -> float:
    """The share of `times` studies in which the test rejects.

    `runs`: our draws of each published run, (seeds, numbers). `others(run, row)`: what is published in the place of a
    seed's draw. `seeds`: how many of the other seeds it is compared with, for each run, at least 2.
    """
    random = np.random.default_rng(seed)
    numbers = sum(draws.shape[1] for draws in runs)
    pools = [
        [examined(pool, numbers) for pool in _pools(draws, at, others, count, random)]
        for at, (draws, count) in enumerate(zip(runs, seeds, strict=True))
    ]
    drawn = ([found[random.integers(len(found))] for found in pools] for _ in range(times))
    return sum(map(rejected, drawn)) / times


def examined(pool: Array, numbers: int) -> tuple[Array, bool]:
    """T of every draw of a published run, and whether the published one, the first, has a number that lies beyond."""
    t = studentized(pool)
    first = t[0, farthest(t[0])]
    return np.abs(t).max(axis=1), beyond(float(first), len(pool) - 1, numbers)


def rejected(runs: Sequence[tuple[Array, bool]]) -> bool:
    """Whether the test rejects the published runs of a study."""
    return any(far for _, far in runs) or combined([strange for strange, _ in runs]) <= ALPHA


def _pools(
    draws: Array, at: int, others: Callable[[int, int], Array], count: int, random: np.random.Generator
) -> list[Array]:
    """What is published, and below it `count` other seeds, again and again."""
    if not 2 <= count < len(draws):
        raise ValueError(f"{count} of {len(draws)} seeds")
    turns = range(len(draws)) if count == len(draws) - 1 else range(POOLS)
    found = []
    for turn in turns:
        row = turn % len(draws)
        rest = random.permutation(np.delete(np.arange(len(draws)), row))[:count]
        found.append(np.vstack([others(at, row), draws[rest]]))
    return found
