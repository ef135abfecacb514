"""In how many networks theory held before training, and where it did not."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from vgrad.report.runs import Run
from vgrad.report.theory.expectations import expectation, silent

if TYPE_CHECKING:
    from vgrad.theory.propagation.expected import Expected

MOST_NAMED = 4
CRITERION = "every hidden layer within three standard errors and the accuracy of its kind"
"""What `Expected.holds` says, in words."""


@dataclass(frozen=True)
class Left:
    """A network whose geometric mean over its runs is not as expected: the layer that is furthest off in standard
    errors beyond the accuracy, and measured/predicted there."""

    run: Run
    layer: int
    ratio: float


@dataclass(frozen=True)
class Held:
    """Of how many different `networks` theory says something, and the ones that are otherwise; `silent` are the clauses
    of those that it says nothing of, each with how many configs it is about."""

    networks: int
    left: tuple[Left, ...]
    silent: dict[str, int]

    def told(self) -> str:
        """In words."""
        found = []
        if self.networks:
            where = [f"{each.run.hash} (layer {each.layer}: {each.ratio:.2f} times)" for each in self.left[:MOST_NAMED]]
            where += [f"{len(self.left) - MOST_NAMED} more"] if len(self.left) > MOST_NAMED else []
            told = f"{self.networks - len(self.left)} of {self.networks} network{'s' if self.networks > 1 else ''}"
            found.append(f"Theory holds in {told}, {CRITERION}{'; not in ' + ', '.join(where) if where else ''}.")
        for clause, count in self.silent.items():
            found.append(f"Nothing is predicted of {count} config{'s' if count > 1 else ''}: {clause}.")
        return " ".join(found)


def held(runs: Sequence[Run]) -> Held:
    """Whether the hidden layers of each network have, at epoch 0, what theory expects of them.

    Runs that differ in what comes after the first measurement alone are of one network, and of each of its seeds one is
    looked at.
    """
    groups: dict[int, tuple[Expected, dict[int, Run]]] = {}
    for run in runs:
        found = expectation(run)
        if not isinstance(found, str):
            groups.setdefault(id(found), (found, {}))[1].setdefault(run.seed, run)
    judged = [_judge(found, list(seeds.values())) for found, seeds in groups.values()]
    told = [each for each in judged if each is not None]
    clauses = {clause: len({run.hash for run in about}) for clause, about in silent(runs).items()}
    return Held(len(told), tuple(each for each in told if isinstance(each, Left)), clauses)


def _judge(found: Expected, runs: Sequence[Run]) -> Left | bool | None:
    """True where theory holds; None where nothing was measured, or nothing is predicted."""
    profiles = [start_norms(run) for run in runs]
    depth = min(map(len, profiles), default=0)
    left: list[Left] = []
    seen = False
    for layer in range(1, depth + 1):
        norms = [profile[layer - 1] for profile in profiles]
        holds = found.holds(layer, norms)
        if holds is None:
            continue
        seen, predicted = True, found.of(layer)
        if not holds and predicted:
            middle = math.exp(sum(map(math.log, norms)) / len(norms))
            left.append(Left(runs[0], layer, middle / predicted.geometric))
    if left:
        return max(left, key=lambda each: abs(math.log(each.ratio)))
    return True if seen else None


def start_norms(run: Run) -> list[float]:
    """||delta^l|| of the hidden layers at epoch 0; nothing where it was not measured."""
    start = run.summary["gradient"].get("start") or {}
    found: list[float] = start.get("delta_norm") or []
    return found
