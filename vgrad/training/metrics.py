"""The columns of metrics.csv that are no monitors: what else is told of an epoch, each a function of what it leaves."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from vgrad.nn.arrays import Parameters
from vgrad.training.rule import Penalty


@dataclass(frozen=True)
class After:
    """What an epoch leaves; `learning_rate` is the scheduled one of its steps, None in epoch 0, which has none."""

    parameters: Parameters
    penalty: Penalty
    learning_rate: float | None


OTHERS: dict[str, Callable[[After], float | None]] = {
    "penalty": lambda after: after.penalty.value(after.parameters),
    "learning_rate": lambda after: after.learning_rate,
}
OF_STEPS = ("learning_rate",)
"""Those that have no value in epoch 0, and one in all others."""
