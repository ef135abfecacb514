"""Values: what a report can show of a run, by the name that users write.

    validation_accuracy         at the last epoch; also .best and .best_epoch; any column of metrics.csv
    test_accuracy               likewise, or as vgrad evaluate has kept it; so for cost and the other parts
    delta_norm[1].end           a probe of layer 1 at the start (default), worst or end epoch, or `@7`;
                                [-1] is the last hidden layer, [output] the output layer
    predicted[1]                what mean-field theory says of delta_norm[1] before training, the geometric mean over
                                networks; predicted_low, predicted_high: where 95 % of networks are
    measured/predicted[1]       delta_norm[1] over that; predicted_z[1]: how many standard deviations it is off
    last_first_ratio, decay_rate, decay_factor, effective_depth      likewise
    verdict, cause              the run's word and what stands behind it; with a time, those of that moment
    learning                    learned or at chance, by the accuracy at the end
    decay_low, decay_high       the 95 % t interval of that rate within a run, over its steps from layer to layer
    decay_spread                how much the factors from layer to layer scatter: their geometric standard deviation
    epochs, epochs_to(validation_accuracy>=0.95), seconds, status

Each value has a kind, which says how it is averaged over seeds and printed.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from vgrad.errors import ConfigError
from vgrad.registry import did_you_mean
from vgrad.report.runs import Run
from vgrad.report.theory.expectations import expectation
from vgrad.runs.evaluating import MEASURES
from vgrad.runs.summary import cause_of, learning_of, run_cause, run_verdict, speeds, verdict_of
from vgrad.runs.tables import hidden
from vgrad.statistics import power
from vgrad.text.characters import hint
from vgrad.text.escapes import visible
from vgrad.vanishing import Thresholds, decay, effective_depth, last_first_ratio

if TYPE_CHECKING:
    from pandas import Series

WHENS = ("start", "worst", "end")
WORDS = {"start": "at the start", "worst": "at the worst epoch", "end": "at the end"}
_VALUE = re.compile(
    r"(?P<name>[a-z][a-z0-9_]*(?:/predicted)?)(?:\[(?P<layer>-?[0-9]{1,4}|output)\])?(?:\.(?P<part>[a-z_]+)|@(?P<epoch>[0-9]{1,8}))?"
)
_EPOCHS_TO = re.compile(r"epochs_to\((?P<monitor>[a-z][a-z0-9_]*)(?P<sign>>=|<=)(?P<bound>[-+.0-9eE]+)\)")

Content = float | str | None


@dataclass(frozen=True)
class Value:
    """`of` a run is a number, a word, or None; `kind` is a key of KINDS; `late` values need a run that did not diverge.

    Values of one `panel` stand together, and below its heading the `short` title is enough.
    """

    name: str
    kind: str
    title: str
    of: Callable[[Run], Content]
    late: bool = False
    panel: str = ""
    short: str = ""


KINDS = ("accuracy", "number", "factor", "decades", "count", "word")
"""accuracy, number, decades: mean and t interval; factor: geometric; count: median and range; word: counted."""


def parse_value(text: str, runs: Sequence[Run], thresholds: Thresholds) -> Value:
    """The value that `text` names for these runs. ConfigError for one that no run has."""
    text = text.replace(" ", "")
    until = _EPOCHS_TO.fullmatch(text)
    if until:
        return _epochs_to(text, until)
    found = _VALUE.fullmatch(text)
    name = found["name"] if found else ""
    if found and name in _SIMPLE and not found["layer"] and not found["part"] and not found["epoch"]:
        return _SIMPLE[name]
    if found and name in _WORDS and not found["layer"]:
        timed = found["part"] or found["epoch"]
        return _of_moment(name, _when(found, text), thresholds) if timed else _of_run(name, thresholds)
    if found and name in _GRADIENT and not found["layer"]:
        return _of_gradient(name, _when(found, text), thresholds)
    if found and any(name in run.summary["final"] for run in runs) and not found["layer"]:
        return _of_monitor(name, f"@{found['epoch']}" if found["epoch"] else found["part"] or "last", text)
    if found and name in MEASURES and text == name:
        if any(name in run.evaluated for run in runs):
            return _of_monitor(name, "last", text)
        part = name.partition("_")[0]
        told = f"it was no monitor; vgrad evaluate RUNS --part {part} computes and keeps it"
        if name.endswith("_accuracy") and all(run.config["data"].get("targets") for run in runs):
            told = "they predict numbers, of which none is right or wrong"
        raise ConfigError(f"no value {name!r} in these runs: {told}")
    if found and found["layer"] and name in THEORY:
        return _of_theory(name, found["layer"], _when(found, text))
    if found and found["layer"]:
        probes = {probe for run in runs for probe in run.config["probes"]["record"]}
        if name in probes or name == "delta_norm_mean":
            return _of_probe(name, found["layer"], _when(found, text))
    known = {*KNOWN, *(monitor for run in runs[:50] for monitor in run.summary["final"])}
    known |= {f"{probe}[1]" for run in runs[:50] for probe in run.config["probes"]["record"]}
    known |= {f"{name}[1]" for name in THEORY}
    raise ConfigError(f"no value {visible(text)[:60]!r} in these runs{did_you_mean(text, sorted(known))}{hint(text)}")


def parts(name: str) -> tuple[str, str | None, str | None]:
    """Name, layer and epoch of a value, as they are written; None for what is not."""
    found = _VALUE.fullmatch(name)
    return (found["name"], found["layer"], found["epoch"]) if found else (name, None, None)


def _when(found: re.Match[str], text: str) -> str | int:
    if found["epoch"] is not None:
        return int(found["epoch"])
    when = found["part"] or "start"
    if when not in WHENS:
        raise ConfigError(f"{visible(text)[:60]}: no time {when!r}; write .start, .worst, .end or @EPOCH")
    return when


def moment(run: Run, when: str | int) -> dict[str, Any] | None:
    """Epoch, ||delta^l|| and shares of the hidden layers at a time that the summary names, or at an epoch, where the
    shares are those of the probes."""
    if isinstance(when, str):
        found = run.summary["gradient"].get(when)
        return found if isinstance(found, dict) else None
    rows = hidden(run.stored.gradients)
    rows = rows[rows["epoch"] == when]
    if not len(rows) or "delta_norm" not in rows:
        return None
    shares = {name: _shares(rows[name]) for name in ("dead", "saturated") if name in rows}
    means = rows["delta_norm_mean"].tolist() if "delta_norm_mean" in rows else None
    norms = {"speed": run.stored.config.speed, "delta_norm": rows["delta_norm"].tolist(), "delta_norm_mean": means}
    return {"epoch": when, **norms, **shares}


def _shares(column: Series) -> list[float | None] | None:
    found = [None if share != share else float(share) for share in column.tolist()]
    return found if any(share is not None for share in found) else None


def _speeds(run: Run, when: str | int) -> list[float] | None:
    found = moment(run, when)
    return speeds(found) if found else None


def _told(when: str | int) -> str:
    return WORDS[when] if isinstance(when, str) else f"at epoch {when}"


def _suffix(when: str | int) -> str:
    return f".{when}" if isinstance(when, str) else f"@{when}"


def _of_monitor(name: str, part: str, text: str) -> Value:
    kind = "accuracy" if name.endswith("_accuracy") else "number"
    title = name.replace("_", " ")
    if part == "last":
        return Value(name, kind, title, lambda run: _last(run, name), late=True)
    if part == "best":
        best = lambda run: (run.summary["best"].get(name) or {}).get("value")  # noqa: E731
        return Value(f"{name}.best", kind, f"best {title}", best)
    if part == "best_epoch":
        when = lambda run: (run.summary["best"].get(name) or {}).get("epoch")  # noqa: E731
        return Value(f"{name}.best_epoch", "count", f"epoch of best {title}", when)
    raise ConfigError(f"{visible(text)[:60]}: no part {part!r} of a monitor; write .last, .best or .best_epoch")


def _last(run: Run, name: str) -> float | None:
    """A monitor at the last epoch; of a run that has no such monitor what vgrad evaluate has kept."""
    final: dict[str, float | None] = run.summary["final"]
    return final[name] if name in final else run.evaluated.get(name) if name in MEASURES else None


def _of_probe(probe: str, layer: str, when: str | int) -> Value:
    at = _PLACES.get(layer, layer)
    norms = {"delta_norm": "‖δ^{}‖", "delta_norm_mean": "<‖δ^{}‖>"}
    symbol = norms[probe].format(at) if probe in norms else f"{probe.replace('_', ' ')}, layer {at}"
    kind = "factor" if probe.endswith(("_norm", "norm_mean")) else "number"

    def of(run: Run) -> Content:
        index = _index(run, layer)
        if index is None:
            return None
        kept = isinstance(when, str) and probe in ("delta_norm", "delta_norm_mean")
        norms: list[float] | None = (moment(run, when) or {}).get(probe) if kept else None
        if norms is not None and 1 <= index <= len(norms):
            return norms[index - 1]
        epoch = _epoch(run, when)
        if epoch is None or probe not in run.config["probes"]["record"]:
            return None
        rows = run.stored.gradients
        cell = rows.loc[(rows["epoch"] == epoch) & (rows["layer"] == index), probe]
        return float(cell.iloc[0]) if len(cell) and cell.notna().all() else None

    name = f"{probe}[{layer}]{_suffix(when)}"
    panel = f"{norms[probe].replace('^{}', 'ˡ') if probe in norms else probe} {_told(when)}"
    return Value(name, kind, f"{symbol} {_told(when)}", of, panel=panel, short=symbol)


def _epoch(run: Run, when: str | int) -> int | None:
    """The epoch that is meant. The worst one is of ||delta^l||: where that is not recorded, there is none."""
    if isinstance(when, int) or "delta_norm" in run.config["probes"]["record"]:
        return when if isinstance(when, int) else (moment(run, when) or {}).get("epoch")
    measured = run.stored.gradients["epoch"].tolist()
    return {"start": measured[0], "end": measured[-1]}.get(when) if measured else None


def _index(run: Run, layer: str) -> int | None:
    """The number of a layer, or None where there is none."""
    if layer == "output":
        return run.hidden + 1
    # only hidden layers: those of a shallow net do not line up with the output of a deep one
    index = int(layer) if int(layer) > 0 else run.hidden + 1 + int(layer)
    return index if 1 <= index <= run.hidden else None


def _of_theory(name: str, layer: str, when: str | int) -> Value:
    """What theory says of ||delta^l|| at the start, alone or beside what was measured there."""
    if when not in ("start", 0):
        raise ConfigError(f"{name}[{layer}]{_suffix(when)}: theory is about the start alone; write {name}[{layer}]")
    kind, title = THEORY[name]
    measured = _of_probe("delta_norm", layer, "start").of

    def of(run: Run) -> Content:
        found, index = expectation(run), _index(run, layer)
        if isinstance(found, str) or index is None:
            return None
        predicted, norm = found.of(index), measured(run)
        if predicted is None:
            return None
        if name in _PARTS:
            return float(getattr(predicted, _PARTS[name]))
        if not isinstance(norm, float):
            return None
        return found.z(index, norm) if name == "predicted_z" else norm / predicted.geometric

    symbol = f"‖δ^{_PLACES.get(layer, layer)}‖"
    return Value(f"{name}[{layer}]", kind, title.format(symbol), of, panel=title.format("‖δˡ‖"), short=symbol)


def _of_gradient(name: str, when: str | int, thresholds: Thresholds) -> Value:
    kind, title = _GRADIENT[name]

    def of(run: Run) -> Content:
        norms = _speeds(run, when)
        if norms is None:
            return None
        if name == "last_first_ratio":
            return last_first_ratio(norms)
        if name == "effective_depth":
            return effective_depth(norms, thresholds)
        fall = decay(norms)
        found: float | None = None if fall is None else getattr(fall, _OF_DECAY[name])
        return power(found) if found is not None and kind == "factor" else found

    shown = title if when == "start" else f"{title} {_told(when)}"
    return Value(f"{name}{_suffix(when)}", kind, shown, of)


def _of_run(name: str, thresholds: Thresholds) -> Value:
    """The one word of a run, or its cause."""
    told = run_verdict if name == "verdict" else run_cause
    return Value(name, "word", name, lambda run: told(run.summary, thresholds))


def _of_moment(name: str, when: str | int, thresholds: Thresholds) -> Value:
    told = verdict_of if name == "verdict" else cause_of

    def of(run: Run) -> Content:
        found = moment(run, when)
        return None if found is None else told(found, thresholds)

    return Value(f"{name}{_suffix(when)}", "word", f"{name} {_told(when)}", of)


def verdict_changes(run: Run, thresholds: Thresholds) -> bool:
    """Whether the word for the end is another than the run's."""
    end = run.summary["gradient"].get("end")
    found = run_verdict(run.summary, thresholds)
    return end is not None and run.status != "diverged" and verdict_of(end, thresholds) != found


def _epochs_to(text: str, found: re.Match[str]) -> Value:
    monitor, at_least = found["monitor"], found["sign"] == ">="
    try:
        bound = float(found["bound"])
    except ValueError:
        raise ConfigError(f"{visible(text)[:60]}: {found['bound']} is not a number") from None

    def of(run: Run) -> Content:
        metrics = run.stored.metrics
        if monitor not in metrics:
            raise ConfigError(f"{visible(text)[:60]}: no monitor {monitor!r}{did_you_mean(monitor, map(str, metrics))}")
        reached = metrics.loc[metrics[monitor] >= bound if at_least else metrics[monitor] <= bound, "epoch"]
        return int(reached.iloc[0]) if len(reached) else None

    sign = "≥" if at_least else "≤"
    return Value(text, "count", f"epochs to {monitor.replace('_', ' ')} {sign} {bound:g}", of)


_SIMPLE = {
    "epochs": Value("epochs", "count", "epochs", lambda run: run.summary["epochs"]),
    "seconds": Value("seconds", "number", "seconds", lambda run: run.seconds),
    "status": Value("status", "word", "status", lambda run: run.status),
    "learning": Value("learning", "word", "learning", lambda run: learning_of(run.summary)),
}
_OF_DECAY = {
    "decay_rate": "rate",
    "decay_low": "low",
    "decay_high": "high",
    "decay_factor": "rate",
    "decay_spread": "spread",
}
_GRADIENT = {
    "last_first_ratio": ("factor", "last/first"),
    "decay_rate": ("decades", "decades per layer"),
    "decay_low": ("decades", "decades per layer, low"),
    "decay_spread": ("factor", "spread of the factors per layer"),
    "decay_high": ("decades", "decades per layer, high"),
    "decay_factor": ("factor", "decay per layer"),
    "effective_depth": ("count", "effective depth"),
}
THEORY = {
    "predicted": ("factor", "{} predicted"),
    "predicted_low": ("factor", "{} predicted, low"),
    "predicted_high": ("factor", "{} predicted, high"),
    "predicted_z": ("number", "z of {}"),
    "measured/predicted": ("factor", "{} measured/predicted"),
}
"""Values of a layer that theory has a part in."""
_PARTS = {"predicted": "geometric", "predicted_low": "low", "predicted_high": "high"}
_PLACES = {"output": "L", **{str(-count): f"(L-{count})" for count in range(1, 10_000)}}
"""Layers that are counted from the end, in Nielsen's notation: L is the output layer, L-1 the last hidden one."""
_WORDS = ("verdict", "cause")
KNOWN = (*_WORDS, *_GRADIENT, *_SIMPLE)
"""Those that every run can have, whatever it measured."""
