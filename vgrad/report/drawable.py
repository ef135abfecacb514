"""Which runs a kind of picture can draw: what it needs of a run, and what is said of the runs that have it not."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from vgrad.errors import ConfigError
from vgrad.registry import did_you_mean
from vgrad.report.panels import Options
from vgrad.report.runs import Run
from vgrad.text.escapes import printable

MOST_TOLD = 5
Need = Callable[[Run, Options], str]
"""What a run lacks, with the remedy; empty where it lacks nothing."""


def drawable(kind: str, runs: Sequence[Run], options: Options) -> tuple[list[Run], list[str]]:
    """The runs that have what `kind` draws, and a line for each one left out. ConfigError where none has."""
    found, left_out = [], []
    for run in runs:
        lacks = NEEDS[kind](run, options)
        if lacks:
            left_out.append(f"{run.label}: {lacks}")
        else:
            found.append(run)
    if not found:
        more = len(left_out) - MOST_TOLD
        told = [*left_out[:MOST_TOLD], *([f"and {more} more runs"] if more > 0 else [])]
        raise ConfigError(*told, f"there is nothing to draw as {kind}")
    return found, [f"{line}; left out" for line in left_out]


def _norms(run: Run, options: Options) -> str:
    if not run.hidden:
        return "it has no hidden layer, so no norms of one"
    recorded = "delta_norm" in run.config["probes"]["record"]
    return "" if recorded else "delta_norm is not recorded; name it in probes.record and train again"


def _steps(run: Run, options: Options) -> str:
    if lacks := _norms(run, options):
        return lacks
    recorded = run.config["probes"].get("steps")
    return "" if recorded else "no norms within epochs; write probes.steps, such as 100, and train again"


def _neurons(run: Run, options: Options) -> str:
    if not run.hidden:
        return "it has no hidden layer, so no neurons of one"
    table = run.stored.neurons
    recorded = sorted(set(table.loc[table["layer"] <= run.hidden, "epoch"].tolist()))
    if not recorded:
        return "it recorded no neurons; write epochs into probes.neurons ([0] is before training) and train again"
    if options.epoch in (None, *recorded):
        return ""
    return f"no neurons of epoch {options.epoch}: it has those of epochs {', '.join(map(str, recorded))}"


def _monitor(run: Run, options: Options) -> str:
    if options.monitor in run.summary["final"]:
        return ""
    return f"no monitor {printable(repr(options.monitor))}{did_you_mean(options.monitor, sorted(run.summary['final']))}"


def _activation(run: Run, options: Options) -> str:
    return "" if run.hidden else "it has no hidden layer, so no activation"


NEEDS: dict[str, Need] = {
    "curves": _norms,
    "steps": _steps,
    "neurons": _neurons,
    "layers": _norms,
    "heatmap": _norms,
    "accuracy": _monitor,
    "activations": _activation,
}
