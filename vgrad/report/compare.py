"""From arguments to a table: which values are shown when none is named, and the steps in their order."""

from __future__ import annotations

from collections.abc import Sequence

from vgrad.errors import ConfigError
from vgrad.report.runs import Run, configs
from vgrad.report.select import arrange, compare_with, where
from vgrad.report.table import Table, build
from vgrad.report.values import parse_value, verdict_changes
from vgrad.report.verdicts import Thresholds

MOST_LAYERS = 8
"""Hidden layers whose norms are shown when no value is named; of deeper networks, the first and the last are."""


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
) -> Table:
    """The table of these runs; ConfigError for keys and values that they do not have."""
    thresholds = thresholds or Thresholds()
    runs = where(runs, condition, thresholds)
    if not runs:
        raise ConfigError(f"--where {condition}: no run is so")
    names = list(values) or default_values(runs, thresholds, pivot=bool(columns))
    table = build(runs, [parse_value(name, runs, thresholds) for name in names], thresholds, rows, columns)
    return arrange(compare_with(table, baseline) if baseline else table, sort, top)


def default_values(runs: Sequence[Run], thresholds: Thresholds, *, pivot: bool) -> list[str]:
    """What shows the effect: the accuracy on examples not trained on, the norms of the hidden layers, their decay."""
    monitors = list(dict.fromkeys(monitor for run in configs(runs) for monitor in run.summary["final"]))
    wanted = ("validation_accuracy", "validation_cost", "test_accuracy", "train_accuracy", "train_cost")
    outcome = [monitor for monitor in wanted if monitor in monitors][:1]
    if pivot:
        return [*outcome, "last_first_ratio"]
    hidden = max((run.hidden for run in runs if "delta_norm" in run.config["probes"]["record"]), default=0)
    layers = range(1, hidden + 1) if hidden <= MOST_LAYERS else (1, -2)
    norms = [f"delta_norm[{layer}].{when}" for when in ("start", "end") for layer in layers]
    verdicts = ["verdict", "verdict.end"] if any(verdict_changes(run, thresholds) for run in runs) else ["verdict"]
    return ["epochs", *outcome, "last_first_ratio", "decay_factor", *verdicts, *norms]
