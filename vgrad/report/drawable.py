"""Which runs a kind of picture can draw: what it needs of a run, what is said of those that have it not, and the rest
drawn."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from vgrad.errors import ConfigError
from vgrad.pictures.style import styled
from vgrad.registry import did_you_mean, lookup
from vgrad.report.keys import resolve
from vgrad.report.panels import Options
from vgrad.report.pictures import PICTURES
from vgrad.report.runs import Run, known_keys
from vgrad.report.select import where
from vgrad.text.escapes import printable
from vgrad.vanishing import Thresholds

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MOST_TOLD = 5
ONE_RUN = ("neurons",)
"""The kinds of picture that are of a single run."""
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


def picture(kind: str, runs: Sequence[Run], condition: str, options: Options) -> tuple[Figure, list[Run], list[str]]:
    """The figure of those runs that meet the condition and can be drawn, these runs, and a line for each one left out.

    ConfigError for no such kind, for keys and values that the runs do not have, and where nothing is left to draw.
    """
    try:
        draw = lookup(PICTURES, kind, "kind of picture")
    except KeyError as error:
        raise ConfigError(str(error.args[0])) from None
    left, left_out = drawable(kind, where(runs, condition, Thresholds()), options)
    if kind in ONE_RUN and len(left) > 1:
        told = f"{len(left)} runs, the first {left[0].label}"
        raise ConfigError(f"--kind {kind} draws one run, and these are {told}; name one, or choose with --where")
    keys = tuple(resolve(key, known_keys(left)) for key in options.keys)
    with styled():
        return draw(left, replace(options, keys=keys)), left, left_out


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


def _curves(run: Run, options: Options) -> str:
    return _norms(run, options) or (_monitor(run, replace(options, monitor=options.under)) if options.under else "")


NEEDS: dict[str, Need] = {
    "curves": _curves,
    "steps": _steps,
    "neurons": _neurons,
    "layers": _norms,
    "heatmap": _norms,
    "accuracy": _monitor,
    "activations": _activation,
    "values": lambda run, options: "",
}
