"""Schedules: the factor that multiplies the learning rate, epoch by epoch; and the momentum, step by step.

k counts epochs and t steps, both from 1. `past` holds a monitor's values after epochs 0, 1, …, k - 1, turned so that
less is better; only `plateau` looks at it. `build(name, warmup=5)` puts a linear rise before any schedule.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Annotated, Any

from vgrad.registry import LATER, Fraction, NonNegative, NonNegativeInt, Positive, PositiveInt, lookup

Schedule = Callable[..., float]
"""(k, past=()) -> factor on the optimizer's learning rate."""
MomentumSchedule = Callable[[int], float]
"""t -> the momentum coefficient."""


def constant() -> Schedule:
    """eta_k = eta."""
    return lambda k, past=(): 1.0


def step(*, every: PositiveInt = 10, factor: Positive = 0.5) -> Schedule:
    """eta_k = eta factor^floor((k - 1)/every): a step after each `every` epochs."""
    return lambda k, past=(): factor ** ((k - 1) // every)


def exponential(*, rate: Positive = 0.95) -> Schedule:
    """eta_k = eta rate^(k - 1)."""
    return lambda k, past=(): rate ** (k - 1)


def inverse_time(*, rate: NonNegative = 0.1) -> Schedule:
    """eta_k = eta / (1 + rate (k - 1))  (Robbins and Monro 1951)."""
    return lambda k, past=(): 1 / (1 + rate * (k - 1))


def cosine(*, period: PositiveInt = 30, smallest: Fraction = 0.0) -> Schedule:
    """eta_k = eta (s + (1 - s)(1 + cos(pi min(k - 1, period)/period))/2), s the smallest factor  (Loshchilov 2017)."""

    def factor(k: int, past: Sequence[float] = ()) -> float:
        return smallest + (1 - smallest) * (1 + math.cos(math.pi * min(k - 1, period) / period)) / 2

    return factor


def plateau(
    *,
    patience: PositiveInt = 10,
    factor: Fraction = 0.5,
    smallest: Fraction = 0.0078125,
    monitor: str = "validation_accuracy",
) -> Schedule:
    """eta_k = eta factor^j after j plateaus, not below eta smallest (1/128)  (Nielsen ch. 3).

    A plateau is `patience` epochs in a row without a new best value of `monitor`; the next one is counted from its end.
    """

    def factor_of(k: int, past: Sequence[float] = ()) -> float:
        result, best, waited = 1.0, math.inf, 0
        for value in past:
            waited = 0 if value < best else waited + 1
            best = min(best, value)
            if waited == patience:
                result, waited = max(result * factor, smallest), 0
        return result

    return factor_of


def build(name: str, *, warmup: Annotated[NonNegativeInt, LATER] = 0, **own: Any) -> Schedule:
    """The entry `name` of SCHEDULES; in epochs k = 1 … warmup the factor is k/(warmup + 1), then the schedule begins.

    (Goyal et al. 2017, gradual warm-up.) A plateau is looked for from epoch `warmup` on.
    """
    inner = lookup(SCHEDULES, name, "schedule")(**own)
    if warmup == 0:
        return inner
    return lambda k, past=(): k / (warmup + 1) if k <= warmup else inner(k - warmup, past[warmup:])


def fixed_momentum(largest: float) -> MomentumSchedule:
    """mu_t = mu."""
    return lambda t: largest


def sutskever(largest: float) -> MomentumSchedule:
    """mu_t = min(1 - 2^(-1 - log2(floor(t/250) + 1)), mu)  (Sutskever et al. 2013, eq. 5)."""
    return lambda t: min(1 - 0.5 / (t // 250 + 1), largest)


SCHEDULES: dict[str, Callable[..., Schedule]] = {
    "constant": constant,
    "step": step,
    "exponential": exponential,
    "inverse_time": inverse_time,
    "cosine": cosine,
    "plateau": plateau,
}

MOMENTUM_SCHEDULES: dict[str, Callable[..., MomentumSchedule]] = {
    "constant": fixed_momentum,
    "sutskever": sutskever,
}
"""name -> (the optimizer's momentum, which is the largest) -> schedule."""
