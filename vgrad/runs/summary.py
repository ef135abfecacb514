"""One run in a few numbers: the final and the best of each monitor, how fast its layers learn, and whether it learned.

The words that every command shows come from here: `verdict_of` and `cause_of` a moment, `run_verdict` and
`run_cause` of a run, `learning_of` its outcome. They follow from the numbers of summary.json, not from the words in it,
so that runs of earlier versions are called by today's.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from vgrad.runs.history import History
from vgrad.statistics import proportion
from vgrad.training.record import EpochRecord
from vgrad.vanishing import DEAD, USUAL, Thresholds, cause, decay, last_first_ratio, noisy_layers, of_run, verdict

LEARNED, AT_CHANCE = "learned", "at chance"
Moment = Mapping[str, Any]


def summarize(history: History) -> dict[str, Any]:
    """What summary.json holds; plain values, None for no value.

    `final` and `best` are by monitor: the best cost is the least, the best accuracy the greatest, with the first epoch
    that reached it. `gradient` gives the norms of the mean error and the means of the norms, which of them the `speed`
    of a layer is, shares of dead and saturated units, decay rate, last/first ratio and verdict of that speed at the
    `start`, at the `worst` epoch (the one of the greatest ratio, which is infinite where the first norm
    is zero) and at the `end`. `learning` holds the last accuracy against the share of the most frequent class.
    """
    measured = history.measured
    probed = [(record, norms) for record in measured if (norms := history.hidden_norms(record)) is not None]
    divergence = history.divergence
    gradient: dict[str, Any] = {}
    if probed:
        moments = [_gradient(record, norms, history) for record, norms in probed]
        worst = max(moments, key=_ratio_and_order)
        gradient = {"start": moments[0], "worst": worst, "end": moments[-1]}
    summary = {
        "schema": 3,
        "status": "diverged" if divergence else "complete",
        "divergence": asdict(divergence) if divergence else None,
        "epochs": measured[-1].epoch if measured else None,
        "final": dict(measured[-1].metrics) if measured else {},
        "best": {name: _best(name, measured) for name in history.monitors} if measured else {},
        "gradient": gradient,
        "learning": _learning(history, measured[-1]) if measured else None,
        "thresholds": asdict(USUAL),
    }
    return {**summary, "verdict": run_verdict(summary), "cause": run_cause(summary)}


def _gradient(record: EpochRecord, norms: Sequence[float], history: History) -> dict[str, Any]:
    hidden = len(norms)
    saturated = (record.gradients or {}).get("saturated")
    silent = None if record.silent is None else zip(record.silent[:hidden], history.sizes[1:], strict=False)
    moment: dict[str, Any] = {
        "epoch": record.epoch,
        "speed": history.speed,
        "delta_norm": list(norms),
        "delta_norm_mean": None if record.mean_norms is None else list(record.mean_norms[:hidden]),
        "dead": None if silent is None else [count / n for count, n in silent],
        "saturated": None if saturated is None else list(saturated[:hidden]),
    }
    found = speeds(moment) or []
    fall, ratio = decay(found), last_first_ratio(found)
    moment["decay_rate"] = fall.rate if fall else None
    moment["last_first_ratio"] = ratio if ratio is not None and math.isfinite(ratio) else None
    return {**moment, "verdict": verdict_of(moment), "cause": cause_of(moment)}


def _ratio_and_order(moment: Moment) -> tuple[float, int]:
    """What the worst moment has the most of: last/first, the first epoch of equals."""
    return last_first_ratio(speeds(moment) or moment["delta_norm"]) or 0.0, -moment["epoch"]


def speeds(moment: Moment) -> list[float] | None:
    """How fast each hidden layer learns, by the measure that fits the network; None where that was not kept."""
    found: list[float] | None = moment[moment.get("speed", "delta_norm")]
    return found


def verdict_of(moment: Moment, thresholds: Thresholds = USUAL) -> str | None:
    """The word for the speeds of a moment; None where there is no profile, or only one of rounding noise."""
    found = speeds(moment)
    word = None if found is None else verdict(found, thresholds, moment.get("dead"))
    return None if word != DEAD and _noise(moment) else word


def _noise(moment: Moment) -> list[int]:
    """The layers whose speed is rounding noise: where it is the norm of the mean, and errors cancel."""
    means = moment.get("delta_norm_mean")
    if means is None or moment.get("speed", "delta_norm") != "delta_norm":
        return []
    return noisy_layers(moment["delta_norm"], means)


def cause_of(moment: Moment, thresholds: Thresholds = USUAL) -> str | None:
    """What stands behind that word, where it was recorded, or why there is none."""
    found, noise = speeds(moment), _noise(moment)
    if found is None:
        return f"{moment['speed']} was not recorded"
    behind = cause(found, thresholds, moment.get("dead"), moment.get("saturated"))
    if noise and verdict_of(moment, thresholds) is None:
        return f"rounding noise: the mean error of layer {noise[-1]} cancels"
    return behind


def run_verdict(summary: Mapping[str, Any], thresholds: Thresholds = USUAL) -> str | None:
    """The one word of a run, by `vanishing.of_run`; None where no norms were measured."""
    moments = summary["gradient"]
    start, end = (verdict_of(moments[name], thresholds) if name in moments else None for name in ("start", "end"))
    return of_run(start, end, diverged=bool(summary["divergence"]))


def run_cause(summary: Mapping[str, Any], thresholds: Thresholds = USUAL) -> str | None:
    """The cause at the moment that `run_verdict` tells of."""
    moments = summary["gradient"]
    if not moments or summary["divergence"]:
        return None
    words = {name: verdict_of(moments[name], thresholds) for name in ("start", "end")}
    return cause_of(moments["start" if run_verdict(summary, thresholds) == words["start"] else "end"], thresholds)


def _learning(history: History, last: EpochRecord) -> dict[str, Any] | None:
    """The accuracy at the end on the first part of those not trained on, with its interval."""
    part = next((part for part in ("validation", "test", "train") if part in history.classes), None)
    accuracy = None if part is None else last.metrics[f"{part}_accuracy"]
    if part is None or accuracy is None or not 0 <= accuracy <= 1:  # no such one is measured, but may stand in a file
        return None
    examples, largest = history.classes[part]
    low, high = proportion(round(accuracy * examples), examples)
    found = {"part": part, "examples": examples, "largest_class": largest / examples, "low": low, "high": high}
    return {**found, "word": _learned(found)}


def _learned(found: Mapping[str, Any]) -> str:
    return LEARNED if found["low"] > found["largest_class"] else AT_CHANCE


def learning_of(summary: Mapping[str, Any]) -> str | None:
    """`learned` where the 95 % interval of the last accuracy is above the share of the most frequent class, else
    `at chance`; None where no accuracy was measured, or an earlier version did not count the classes."""
    found = summary.get("learning")
    return found and _learned(found)


def _best(monitor: str, measured: Sequence[EpochRecord]) -> dict[str, Any]:
    sign = -1 if monitor.endswith("_accuracy") else 1
    value, epoch = min(
        (sign * value, record.epoch) for record in measured if (value := record.metrics[monitor]) is not None
    )
    return {"value": sign * value, "epoch": epoch}
