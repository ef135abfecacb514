"""From arguments to a table: which values are shown when none is named, and the steps in their order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields, replace

from vgrad.errors import ConfigError
from vgrad.registry import did_you_mean
from vgrad.report.absent import refuse_empty
from vgrad.report.keys import varying
from vgrad.report.runs import Run, configs
from vgrad.report.select import arrange, compare_with, parse_conditions, where
from vgrad.report.table import CI, SPREADS, Table, build
from vgrad.report.theory.expectations import anew
from vgrad.report.values import parse_value, parts, verdict_changes
from vgrad.runs.summary import AT_CHANCE, learning_of, run_cause
from vgrad.text.characters import hint
from vgrad.text.escapes import visible
from vgrad.vanishing import Thresholds

MOST_LAYERS = 8
"""Hidden layers whose norms are shown when no value is named; of deeper networks, the first and the last are."""
MOST_ROWS = 4
"""Networks whose norms are shown when no value is named: of more, a table of norms hides what it is about."""


def compare(
    runs: Sequence[Run],
    *,
    rows: Sequence[str] = (),
    columns: Sequence[str] = (),
    values: Sequence[str] = (),
    thresholds: Thresholds | None = None,
    condition: str = "",
    baseline: str | None = None,
    sort: str | None = None,
    top: int | None = None,
    spread: str = CI,
) -> Table:
    """The table of these runs; ConfigError for keys and values that they do not have."""
    settled = thresholds or Thresholds()
    if spread not in SPREADS:
        raise ConfigError(f"--spread {visible(spread)[:20]}: write {', '.join(SPREADS)}{hint(spread)}")
    anew()
    runs = where(runs, condition, settled)
    columns = columns or ([] if rows or values else _pivot(runs))
    names = list(values) or default_values(runs, settled, pivot=bool(columns))
    found = [parse_value(name, runs, settled) for name in names]
    table = build(runs, found, settled, rows, columns, asked=bool(values))
    if values:
        refuse_empty(table)
    if thresholds:
        _refuse_unused(thresholds, [value.name for value in found], condition)
    return replace(arrange(compare_with(table, baseline) if baseline else table, sort, top), spread=spread)


def _pivot(runs: Sequence[Run]) -> list[str]:
    """The key of the columns where nothing was asked for and the runs are a whole grid of two keys; else none."""
    flats = [run.flat for run in configs(runs)]
    keys = varying(flats)
    if len(keys) != 2:
        return []
    first, second = ({flat.get(key) for flat in flats} for key in keys)
    whole = len({tuple(flat.get(key) for key in keys) for flat in flats}) == len(first) * len(second)
    if not whole or min(len(first), len(second)) < 2 or len(first) * len(second) <= MOST_ROWS:
        return []
    return [keys[0] if keys[1] == "layers" else keys[1]]


def _refuse_unused(thresholds: Thresholds, names: Sequence[str], condition: str) -> None:
    """ConfigError for thresholds that nothing in the table is held against."""
    told = {parts(name)[0].split(".")[0] for name in (*names, *(each.name for each in parse_conditions(condition)))}
    standard = Thresholds()
    for field in fields(thresholds):
        value = {"effective": "effective_depth", "saturated": "cause"}.get(field.name, "verdict")
        if value not in told and getattr(thresholds, field.name) != getattr(standard, field.name):
            raise ConfigError(f"--threshold {field.name}: nothing here is held against it; add --value {value}")


def default_values(runs: Sequence[Run], thresholds: Thresholds, *, pivot: bool) -> list[str]:
    """What shows the effect: the accuracy on examples not trained on, the norms of the hidden layers, their decay."""
    monitors = list(dict.fromkeys(monitor for run in configs(runs) for monitor in run.summary["final"]))
    wanted = ("validation_accuracy", "validation_cost", "test_accuracy", "train_accuracy", "train_cost")
    outcome = [monitor for monitor in wanted if monitor in monitors][:1]
    if pivot:
        return [*outcome, "last_first_ratio", "verdict"]
    hidden = max((run.hidden for run in runs if "delta_norm" in run.config["probes"]["record"]), default=0)
    layers = range(1, hidden + 1) if hidden <= MOST_LAYERS else (1, -1)
    few = len(configs(runs)) <= MOST_ROWS
    every = {bool(run.config.get("batch_norm")) for run in runs}  # in a mixed table, what all of them have
    probe = "delta_norm_mean" if every == {True} else "delta_norm"
    norms = [f"{probe}[{layer}].{when}" for when in ("start", "end") for layer in layers if few]
    told = ["verdict"]
    told += ["verdict.end"] if any(verdict_changes(run, thresholds) for run in runs) else []
    alone = len(configs(runs)) == len(runs)  # of many seeds, the causes would fill the table: --value cause
    told += ["cause"] if alone and any(run_cause(run.summary, thresholds) for run in runs) else []
    told += ["learning"] if any(learning_of(run.summary) == AT_CHANCE for run in runs) else []
    return ["epochs", *outcome, "last_first_ratio", "decay_factor", *told, *norms]


def parse_thresholds(texts: Sequence[str]) -> Thresholds:
    """Thresholds with `NAME=NUMBER,…` set. ConfigError for anything else."""
    found = Thresholds()
    known = [field.name for field in fields(Thresholds)]
    for piece in (piece.strip() for text in texts for piece in text.split(",")):
        name, _, number = piece.partition("=")
        if name not in known:
            raise ConfigError(f"--threshold {visible(piece)[:60]}: no such threshold{did_you_mean(name, known)}")
        try:
            value = float(number)
        except ValueError:
            value = -1.0
        if not 0 < value < 1e6:
            raise ConfigError(f"--threshold {visible(piece)[:60]}: write {name}=NUMBER, above 0{hint(number)}")
        found = replace(found, **{name: value})
    return found
