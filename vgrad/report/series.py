"""Curves over epochs for runs that differ only in the seed: center and band, by column or by layer.

Accuracies and costs are averaged as they are, norms as log10; the band is one standard deviation to each side.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from vgrad.report.keys import Scalar, order, text, varying
from vgrad.report.runs import Run

SPEAKING = ("layers", "activation", "init", "optimizer")
"""Keys whose names say what they are."""
Array = NDArray[np.float64]


@dataclass(frozen=True)
class Series:
    """`center`, `low` and `high` over `epochs`; low and high are None for a single run.

    Of norms, these are over the runs whose norm is not zero, NaN where there is none; `zeros` counts the others, of
    `runs` in all. None for what may well be zero.
    """

    epochs: Array
    center: Array
    low: Array | None
    high: Array | None
    zeros: NDArray[np.intp] | None = None
    runs: int = 1


@dataclass(frozen=True)
class Group:
    """Runs of one config; `label` says what sets it apart."""

    label: str
    runs: tuple[Run, ...]

    @property
    def layers(self) -> range:
        """1 … H: the hidden layers."""
        return range(1, self.runs[0].hidden + 1)


def group(runs: Sequence[Run], keys: Sequence[str] = ()) -> list[Group]:
    """The runs by config, labelled and ordered by what varies (or by `keys`), layers from shallow to deep."""
    flats = [run.flat for run in runs]
    differing = varying(flats)
    chosen = list(keys) or differing
    if len({tuple(flat.get(key) for key in chosen) for flat in flats}) < len({run.hash for run in runs}):
        chosen += [key for key in differing if key not in chosen]  # else two lines would have one name
    found: dict[str, list[Run]] = {}

    def rank(run: Run) -> tuple[list[object], int, int]:
        parts = [(run.hidden, *run.config["layers"]) if key == "layers" else order(run.flat.get(key)) for key in chosen]
        return list(parts), run.hidden, run.seed

    for run in sorted(runs, key=rank):
        found.setdefault(run.hash, []).append(run)

    return [Group(label(members[0], chosen), tuple(members)) for members in found.values()]


def label(run: Run, keys: Sequence[str]) -> str:
    """What tells a run apart: `784-30-30-10, relu, epochs=4, l2=0.05`."""
    return ", ".join(keyed(key, run.flat.get(key), keys) for key in keys) or text(run.flat["layers"])


def keyed(key: str, content: Scalar, among: Sequence[str] = ()) -> str:
    """A value with its key, unless it says itself what it is; the key without its section where that is clear."""
    if key in SPEAKING and isinstance(content, str):
        return content
    last = key.rpartition(".")[2]
    short = last if sum(other.rpartition(".")[2] == last for other in among) <= 1 else key
    return f"{short}={text(content)}"


def of_layer(found: Group, layer: int, probe: str = "") -> Series:
    """A probe of one layer; else the measure of its speed, or ||<delta>|| where that was not recorded."""
    curves, probe = [], probe or speed(found)
    for run in found.runs:
        rows = run.stored.gradients
        rows = rows[rows["layer"] == layer]
        curves.append((rows["epoch"].to_numpy(np.float64), rows[probe].to_numpy(np.float64)))
    return _band(curves, logarithmic=True)


def within(found: Group, layer: int, epochs: int | None = None) -> Series:
    """The speed of one layer from step to step, on an axis of epochs: epoch 0, and then (k - 1) + step/steps for the
    steps of epochs k = 1 … `epochs`, by default of all."""
    curves, probe = [], speed(found)
    for run in found.runs:
        rows, start = run.stored.steps, run.stored.gradients
        rows = rows[(rows["layer"] == layer) & ((rows["epoch"] <= epochs) if epochs else True)]
        start = start[(start["layer"] == layer) & (start["epoch"] == 0)]
        at = (
            rows["epoch"].to_numpy(np.float64)
            - 1
            + rows["step"].to_numpy(np.float64) / run.stored.config.steps_per_epoch
        )
        values = rows[probe].to_numpy(np.float64)
        curves.append((np.append(0.0, at), np.append(start[probe].to_numpy(np.float64), values)))
    return _band(curves, logarithmic=True)


def speed(found: Group) -> str:
    """The probe that tells how fast the layers of these runs learn; delta_norm where it was not recorded."""
    measures = {run.stored.config.speed for run in found.runs}
    recorded = all(measure in run.config["probes"]["record"] for run in found.runs for measure in measures)
    return measures.pop() if recorded and len(measures) == 1 else "delta_norm"


def of_monitor(found: Group, monitor: str) -> Series:
    """A column of metrics.csv."""
    tables = [run.stored.metrics for run in found.runs if monitor in run.stored.metrics]
    curves = [(table["epoch"].to_numpy(np.float64), table[monitor].to_numpy(np.float64)) for table in tables]
    return _band(curves, logarithmic=False)


def _band(curves: Sequence[tuple[Array, Array]], *, logarithmic: bool) -> Series:
    """Over the epochs that all the curves have."""
    if not curves:
        nothing = np.empty(0)
        return Series(nothing, nothing, None, None)
    epochs = curves[0][0]
    for other, _ in curves[1:]:
        epochs = np.intersect1d(epochs, other)
    stack = np.array([values[np.isin(at, epochs)] for at, values in curves])
    return geometric(epochs, stack) if logarithmic else Series(epochs, *_center(stack))


def geometric(at: Array, stack: Array) -> Series:
    """The geometric mean of the rows of `stack`, a row a run, with a factor of one standard deviation of log10 to each
    side; a zero has no logarithm, and is counted instead."""
    logs = np.log10(np.where((stack > 0) & np.isfinite(stack), stack, np.nan))
    with np.errstate(over="ignore"):
        center, low, high = (None if found is None else 10.0**found for found in _center(logs))
    assert center is not None
    return Series(at, center, low, high, zeros=(stack == 0).sum(axis=0), runs=len(stack))


def _center(stack: Array) -> tuple[Array, Array | None, Array | None]:
    """The mean of the rows, and one standard deviation to each side of it where there are several; NaN is left out."""
    if len(stack) == 1:
        return stack[0], None, None
    there = np.isfinite(stack)
    n = there.sum(axis=0)
    with np.errstate(invalid="ignore", divide="ignore"):
        center = np.where(there, stack, 0).sum(axis=0) / n
        spread = np.sqrt(np.square(np.where(there, stack - center, 0)).sum(axis=0) / (n - 1))
    return center, center - spread, center + spread


def smoothed(series: Series, epochs: int) -> Series:
    """Each point as the mean over `epochs` epochs around it, fewer at both ends; of norms the geometric mean.

    What is no number (a norm that is exactly 0 in all runs) is left out of the means around it, and stays one.
    """
    if epochs <= 1:
        return series
    before, after = (epochs - 1) // 2, epochs // 2
    first = np.searchsorted(series.epochs, series.epochs - before)
    last = np.searchsorted(series.epochs, series.epochs + after, side="right")

    def mean(y: Array | None) -> Array | None:
        if y is None:
            return None
        with np.errstate(divide="ignore", invalid="ignore"):
            values = np.log(y) if series.zeros is not None else y
            there = np.isfinite(values)
            sums, counts = (np.append(0.0, np.cumsum(each)) for each in (np.where(there, values, 0.0), there))
            found = (sums[last] - sums[first]) / (counts[last] - counts[first])
        return np.where(there, np.exp(found) if series.zeros is not None else found, np.nan)

    center = mean(series.center)
    assert center is not None
    return replace(series, center=center, low=mean(series.low), high=mean(series.high))
