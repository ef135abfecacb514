"""Runs as data frames, for notebooks.

load_runs("runs")                        a row a run: config, final and best numbers, norms, verdict
load_runs("runs", table="gradients")     a row an epoch and layer, with the hash and seed of its run
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from os import PathLike, fspath
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vgrad.errors import ConfigError
from vgrad.report.runs import Run, collect
from vgrad.report.values import WHENS, parse_value
from vgrad.vanishing import Thresholds

if TYPE_CHECKING:
    from pandas import DataFrame

TABLES = ("runs", "metrics", "gradients", "neurons")
Paths = str | PathLike[str] | Iterable[str | PathLike[str]]


def load_runs(paths: Paths = "runs", *, table: str = "runs") -> DataFrame:
    """The runs in directories, or that globs match, as one frame; `table` names what a row is.

    A run that cannot be read is a warning, and is named in `frame.attrs["problems"]`.
    """
    import pandas as pd

    if table not in TABLES:
        raise ConfigError(f"no table {table!r}; known: {', '.join(TABLES)}")
    given = [paths] if isinstance(paths, str | PathLike) else list(paths)
    runs, problems = collect([fspath(path) for path in given], Path("runs"))
    for problem in problems:
        warnings.warn(problem, stacklevel=3)
    if table == "runs":
        frame = pd.DataFrame([_row(run) for run in runs])
    else:
        parts = [getattr(run.stored, table).assign(hash=run.hash, seed=run.seed) for run in runs]
        frame = pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()
        leading = ["hash", "seed"] if parts else []
        frame = frame[[*leading, *(column for column in frame.columns if column not in leading)]]
    frame.attrs["problems"] = problems
    return frame


def _row(run: Run) -> dict[str, Any]:
    row: dict[str, Any] = {"path": str(run.path), "hash": run.hash, "status": run.status, **run.flat}
    row["epochs_done"] = run.summary["epochs"]
    row |= {name: value for name, value in run.summary["final"].items() if name != "learning_rate"}
    for name, best in run.summary["best"].items():
        row |= {f"{name}.best": best["value"], f"{name}.best_epoch": best["epoch"]}
    for when in WHENS:
        norms = run.summary["gradient"].get(when, {}).get("delta_norm", [])
        row |= {f"delta_norm[{layer}].{when}": norm for layer, norm in enumerate(norms, start=1)}
        for name in ("last_first_ratio", "decay_rate", "decay_low", "decay_high", "decay_spread", "effective_depth"):
            row[f"{name}.{when}"] = parse_value(f"{name}.{when}", [run], Thresholds()).of(run)
    for name in ("verdict", "verdict.end", "cause", "learning"):
        row[name] = parse_value(name, [run], Thresholds()).of(run)
    return row
