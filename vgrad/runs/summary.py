"""One run in a few numbers: how fast the norms decay from layer to layer, and what to call that.

Norms are ||delta^l|| of the hidden layers l = 1 … H of one epoch. Per layer, they change by a constant factor when the
gradient vanishes or explodes, so the slope of log10 ||delta^l|| against l says it all.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from vgrad.runs.history import History
from vgrad.training.record import EpochRecord

VANISHING_DECAY = 0.3
"""decades a layer: from a factor of 2 a layer on (10^0.3), the gradient is said to vanish, or to explode."""


def decay_rate(norms: Sequence[float]) -> float | None:
    """Least-squares slope of log10 ||delta^l|| over hidden layers l, in decades a layer; > 0: early layers are slower.

    None with fewer than two hidden layers, or where a norm is zero.
    """
    if len(norms) < 2 or any(not 0 < norm < math.inf for norm in norms):
        return None
    layers = np.arange(len(norms)) - (len(norms) - 1) / 2
    return float(layers @ np.log10(norms) / (layers @ layers))


def last_first_ratio(norms: Sequence[float]) -> float | None:
    """||delta^H|| / ||delta^1||: how much faster the last hidden layer learns than the first  (Nielsen ch. 5)."""
    if len(norms) < 2 or norms[0] == 0 or not math.isfinite(norms[-1] / norms[0]):
        return None
    return norms[-1] / norms[0]


def verdict(norms: Sequence[float]) -> str | None:
    """`vanishing`, `healthy` or `exploding`, by the decay rate against VANISHING_DECAY; None with < 2 hidden layers."""
    if len(norms) < 2:
        return None
    rate = decay_rate(norms)
    if rate is None:
        return "vanishing" if norms[0] == 0 else "exploding"
    return "vanishing" if rate >= VANISHING_DECAY else "exploding" if rate <= -VANISHING_DECAY else "healthy"


def summarize(history: History) -> dict[str, Any]:
    """What summary.json holds; plain values, None for no value.

    `final` and `best` are by monitor: the best cost is the least, the best accuracy the greatest, with the first epoch
    that reached it. `gradient` gives decay rate, last/first ratio and verdict at the `start`, at the `worst` epoch (the
    one of the greatest ratio, which is infinite where the first norm is zero) and at the `end`.
    """
    measured = history.measured
    probed = [(record.epoch, norms) for record in measured if (norms := history.hidden_norms(record)) is not None]
    divergence = history.divergence
    gradient: dict[str, Any] = {}
    if probed:
        worst = max((_rank(norms), -epoch, epoch) for epoch, norms in probed)[2]
        chosen = {"start": probed[0], "worst": (worst, dict(probed)[worst]), "end": probed[-1]}
        gradient = {name: {"epoch": epoch, **_gradient(norms)} for name, (epoch, norms) in chosen.items()}
    return {
        "schema": 1,
        "status": "diverged" if divergence else "complete",
        "divergence": asdict(divergence) if divergence else None,
        "epochs": measured[-1].epoch if measured else None,
        "final": dict(measured[-1].metrics) if measured else {},
        "best": {name: _best(name, measured) for name in history.monitors} if measured else {},
        "gradient": gradient,
        "verdict": "diverged" if divergence else gradient["start"]["verdict"] if gradient else None,
        "vanishing_decay": VANISHING_DECAY,
    }


def _rank(norms: Sequence[float]) -> float:
    """||delta^H|| / ||delta^1||, infinite where the first layer does not learn at all."""
    if len(norms) < 2:
        return 0.0
    return norms[-1] / norms[0] if norms[0] > 0 else math.inf


def _gradient(norms: Sequence[float]) -> dict[str, Any]:
    return {
        "delta_norm": list(norms),
        "decay_rate": decay_rate(norms),
        "last_first_ratio": last_first_ratio(norms),
        "verdict": verdict(norms),
    }


def _best(monitor: str, measured: Sequence[EpochRecord]) -> dict[str, Any]:
    sign = -1 if monitor.endswith("_accuracy") else 1
    value, epoch = min(
        (sign * value, record.epoch) for record in measured if (value := record.metrics[monitor]) is not None
    )
    return {"value": sign * value, "epoch": epoch}
