"""What a page opens with: a sentence from its own data, and the pair of runs that are looked at first."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import fmean

from vgrad.report.keys import ASIDE, Scalar
from vgrad.report.runs import Run
from vgrad.report.values import moment
from vgrad.runs.summary import AT_CHANCE, learning_of, speeds
from vgrad.statistics import geometric
from vgrad.text.numbers import significant
from vgrad.text.plain import shape
from vgrad.vanishing import last_first_ratio

EVEN = 2.0
"""Within this factor layers learn at about the same speed."""
MOST = 3
PARTS = ("validation", "test", "train")


def sentences(runs: Sequence[Run]) -> list[str]:
    """A sentence on the network whose first layer is slowest, and one each on those that differ from it in depth alone;
    means over seeds. Empty where no network has two hidden layers with norms."""
    configs: dict[str, list[Run]] = {}
    for run in runs:
        configs.setdefault(run.hash, []).append(run)
    known = [(found, group) for group in configs.values() if (found := _ratio(group))]
    if not known:
        return []
    slowest = max(known, key=lambda each: (each[0], each[1][0].hidden))
    like = [each for each in known if each is not slowest and _but_depth(each[1][0]) == _but_depth(slowest[1][0])]
    others = sorted(like, key=lambda each: each[1][0].hidden)[: MOST - 1]
    return [_sentence(*each) for each in (slowest, *others)]


def _ratio(group: Sequence[Run]) -> float | None:
    """The geometric mean of ||delta|| of the last hidden layer over that of the first, before training."""
    found = []
    for run in group:
        start = moment(run, "start")
        norms = speeds(start) if start else None
        found.append(last_first_ratio(norms) if norms and len(norms) > 1 else None)
    usable = [each for each in found if each and math.isfinite(each)]
    return geometric(usable).center if usable else None


def _but_depth(run: Run) -> frozenset[tuple[str, Scalar]]:
    return frozenset(
        (key, value)
        for key, value in run.flat.items()
        if key not in ("name", "seed", "layers", "layers.depth", "layers.width") and key.split(".")[0] not in ASIDE
    )


def _sentence(found: float, group: Sequence[Run]) -> str:
    factor = max(found, 1 / found)
    times = f"{float(f'{factor:.2g}'):,.0f}" if 100 <= factor < 1e7 else significant(factor, 2)
    how = f"{times} times slower than" if found >= EVEN else f"{times} times faster than" if found <= 1 / EVEN else ""
    speed = f"learns {how} the last" if how else "learns about as fast as the last"
    name = f"{shape(group[0].config['layers'], most=7)} ({group[0].flat['activation']})"
    return f"In {name} the first hidden layer {speed} before training{_outcome(group)}."


def _outcome(group: Sequence[Run]) -> str:
    """What came of it: the network diverged, guesses, or is right so often."""
    whole = [run for run in group if run.status != "diverged"]
    if not whole:
        return ", and training diverged"
    finals = [run.summary["final"] for run in whole]
    part = next((part for part in PARTS if all(each.get(f"{part}_accuracy") is not None for each in finals)), None)
    if part is None:
        return ""
    guesses = sum(learning_of(run.summary) == AT_CHANCE for run in whole)
    verb = "guesses" if 2 * guesses > len(whole) else "has learned"
    right = 100 * fmean(each[f"{part}_accuracy"] for each in finals)
    kind = "training" if part == "train" else part
    return f"; at the end the network {verb} ({right:.1f} % of the {kind} examples are right)"


def pair(runs: Sequence[Run]) -> tuple[int, int | None]:
    """Which two to look at first: of those with two hidden layers or more that differ in nothing but depth, of one
    seed, the shallowest and the deepest; else the first and the last."""
    best: tuple[int, int, int] | None = None
    for i, one in enumerate(runs):
        for j, other in enumerate(runs):
            apart = other.hidden - one.hidden
            if one.hidden >= 2 and apart > 0 and one.seed == other.seed and _but_depth(one) == _but_depth(other):
                best = max(best or (0, 0, 0), (apart, -i, -j))
    if best is not None:
        return -best[1], -best[2]
    return 0, len(runs) - 1 if len(runs) > 1 else None
