"""Measures: the number that one published figure is about, taken from one run of ours.

Each entry of MEASURES takes its parameters and gives a function of a run, which is None where the run has no such
number: a run that diverged has no final accuracy, a network with two hidden layers no third norm.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from vgrad.config.choice import Choice
from vgrad.registry import NonNegativeInt, PositiveInt
from vgrad.runs import tables
from vgrad.runs.stored import StoredRun

Measure = Callable[[StoredRun], float | None]
Moment = Literal["start", "least", "greatest"]


def final(*, monitor: str) -> Measure:
    """A column of metrics.csv after the last epoch."""

    def of(run: StoredRun) -> float | None:
        return None if run.status == "diverged" else run.summary["final"].get(monitor)

    return of


def norm(*, layer: PositiveInt, epoch: NonNegativeInt = 0) -> Measure:
    """||delta^layer|| before the update of that epoch."""

    def of(run: StoredRun) -> float | None:
        epochs, norms = hidden_norms(run)
        at = np.flatnonzero(epochs == epoch)
        return float(norms[at[0], layer - 1]) if len(at) and layer <= norms.shape[1] else None

    return of


def ratio(*, over: Moment, epochs: PositiveInt | None = None) -> Measure:
    """||delta^H|| / ||delta^1||, last hidden layer over first: at the start, or the least or greatest of that many
    epochs; None in a run that did not get so far."""

    def of(run: StoredRun) -> float | None:
        measured, norms = hidden_norms(run)
        if len(norms) == 0 or norms.shape[1] < 2 or not (norms[:, 0] > 0).all():
            return None
        quotients = norms[:, -1] / norms[:, 0]
        if over == "start":
            return float(quotients[0])
        if epochs is not None and measured[-1] < epochs - 1:
            return None
        within = quotients[measured < (epochs or np.inf)]
        return float(within.min() if over == "least" else within.max())

    return of


def neurons(*, layer: PositiveInt, first: PositiveInt) -> Measure:
    """Root mean square of dC/db_j over the first so many neurons of a layer, before training."""

    def of(run: StoredRun) -> float | None:
        deltas = neuron_deltas(run, layer)[:first]
        return float(np.sqrt(np.mean(deltas**2))) if len(deltas) == first else None

    return of


def by_theory(measure: Choice, run: StoredRun | None) -> tuple[float | None, float | None]:
    """What mean-field theory says of a measure in networks like that of `run`: the geometric mean, and the standard
    deviation of log10 over networks. Of norms before training, and, without a deviation, of their ratio."""
    from vgrad.theory.propagation.expected import of_run

    before = (measure.name == "norm" and not measure.parameters.get("epoch", 0)) or (
        measure.name == "ratio" and measure.parameters.get("over") == "start"
    )
    found = of_run(run) if run and before else ""
    if not run or isinstance(found, str):
        return None, None
    hidden = len(run.config.sizes) - 2
    if measure.name == "norm":
        layer = found.of(measure.parameters["layer"]) if measure.parameters["layer"] <= hidden else None
        return (layer.geometric, layer.deviation) if layer else (None, None)
    first, last = found.of(1), found.of(hidden)
    return (last.geometric / first.geometric if first and last and hidden > 1 else None), None


MEASURES: dict[str, Callable[..., Measure]] = {"final": final, "norm": norm, "ratio": ratio, "neurons": neurons}


def hidden_norms(run: StoredRun) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """The measured epochs, and ||delta^l|| of the hidden layers: (epochs, H)."""
    rows = tables.hidden(run.gradients)
    hidden = len(run.config.sizes) - 2
    if not len(rows) or "delta_norm" not in rows:
        return np.empty(0, np.int64), np.empty((0, hidden))
    return rows["epoch"].to_numpy(np.int64)[::hidden], rows["delta_norm"].to_numpy(np.float64).reshape(-1, hidden)


def neuron_deltas(run: StoredRun, layer: int) -> NDArray[np.float64]:
    """Mean delta of each neuron of a hidden layer before training; empty where the run did not keep them."""
    if layer > len(run.config.sizes) - 2:
        return np.empty(0)
    rows = run.neurons
    found: NDArray[np.float64] = rows.loc[(rows["epoch"] == 0) & (rows["layer"] == layer), "delta"].to_numpy(np.float64)
    return found
