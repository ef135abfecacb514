"""Learning-rate schedules: the factor that multiplies the learning rate, epoch by epoch."""

from __future__ import annotations

from collections.abc import Callable

Schedule = Callable[[int], float]
"""epoch (from 1) -> factor on the optimizer's learning rate."""


def constant() -> Schedule:
    """eta_k = eta."""
    return lambda epoch: 1.0


SCHEDULES: dict[str, Callable[..., Schedule]] = {"constant": constant}
