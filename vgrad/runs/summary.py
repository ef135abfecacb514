"""One run in a few numbers: the final and the best of each monitor, and how fast its layers learn."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from vgrad.runs.history import History
from vgrad.training.record import EpochRecord
from vgrad.vanishing import VANISHING_DECAY, decay, last_first_ratio, verdict


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
        worst = max((last_first_ratio(norms) or 0.0, -epoch, epoch) for epoch, norms in probed)[2]
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


def _gradient(norms: Sequence[float]) -> dict[str, Any]:
    slope, ratio = decay(norms), last_first_ratio(norms)
    return {
        "delta_norm": list(norms),
        "decay_rate": slope.value if slope else None,
        "last_first_ratio": ratio if ratio is not None and math.isfinite(ratio) else None,
        "verdict": verdict(norms),
    }


def _best(monitor: str, measured: Sequence[EpochRecord]) -> dict[str, Any]:
    sign = -1 if monitor.endswith("_accuracy") else 1
    value, epoch = min(
        (sign * value, record.epoch) for record in measured if (value := record.metrics[monitor]) is not None
    )
    return {"value": sign * value, "epoch": epoch}
