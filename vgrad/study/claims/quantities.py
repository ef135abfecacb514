"""What a claim is about: numbers of one run, by epoch and layer.

Each entry of QUANTITIES takes its parameters and gives a function of a run. What it gives is a mapping of spots, an
epoch and a layer, None for what it has no choice of, to numbers: one for `epoch: 3`, one an epoch for `epoch: every`. A
spot that the run has no number for is not in it. The functions of UNFIT say what of the parameters does not fit a
config, before anything is trained.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Literal, NamedTuple

import numpy as np

from vgrad.config.config import Config
from vgrad.registry import NonNegativeInt, did_you_mean
from vgrad.runs import tables
from vgrad.runs.stored import StoredRun

Epoch = NonNegativeInt | Literal["last", "every"]
Layer = int | Literal["output", "every"] | list[int]


class Spot(NamedTuple):
    """Where in a run a number is: `layer` as it was asked for, -1 for the last hidden one."""

    epoch: int | None = None
    layer: int | str | None = None

    @property
    def label(self) -> str:
        """`epoch 3, layer 2`; nothing where there is no choice."""
        told = [f"epoch {self.epoch}"] if self.epoch is not None else []
        return ", ".join([*told, *([f"layer {self.layer}"] if self.layer is not None else [])])


Numbers = Mapping[Spot, float]
Quantity = Callable[[StoredRun], Numbers]


def monitor(*, monitor: str, epoch: Epoch | Literal["best"] = "last", diverged: float | None = None) -> Quantity:
    """A column of metrics.csv: after the `last` epoch, after one, after `every` one from 1 on, or the `best` of all
    (the largest accuracy, the smallest of anything else). In epochs that a diverged run did not reach it is `diverged`;
    without that, the run has no number."""

    def of(run: StoredRun) -> Numbers:
        column = run.metrics[["epoch", monitor]].dropna()
        reached = dict(zip(column["epoch"].tolist(), column[monitor].tolist(), strict=True))
        if run.status == "diverged" and diverged is not None:
            reached = dict.fromkeys(range(run.config.epochs + 1), diverged) | reached
        if epoch == "every":
            return {Spot(at): value for at, value in reached.items() if at > 0}
        if epoch == "best":
            pick = max if monitor.endswith("accuracy") else min
            return {Spot(): pick(reached.values())} if reached else {}
        last = (
            max(reached, default=0) if run.status == "complete" else run.config.epochs
        )  # one that stopped early is whole
        at = last if epoch == "last" else epoch
        return {Spot(): reached[at]} if at in reached else {}

    return of


def column(*, probe: str, layer: Layer = 1, epoch: Epoch = 0, over: str | None = None) -> Quantity:
    """A column of gradients.csv, divided by another one where `over` names it. A `layer` from 1 on, from -1 backwards
    (the last hidden one), the `output`, several, or `every` hidden one; at an `epoch` that was measured, the `last` of
    them, or `every` one."""

    def of(run: StoredRun) -> Numbers:
        rows, hidden = run.gradients, len(run.config.sizes) - 2
        measured = sorted(set(rows["epoch"].tolist()))
        if not measured or (run.status == "diverged" and epoch == "last"):
            return {}
        wanted = measured if epoch == "every" else [measured[-1] if epoch == "last" else epoch]
        cells = rows.set_index(["epoch", "layer"])
        values = (cells[probe] / cells[over] if over else cells[probe]).to_dict()
        found = {}
        for name, place in _layers(layer, hidden):
            for at in wanted:
                value = float(values.get((at, place), math.nan))
                if math.isfinite(value):
                    one = not isinstance(layer, list) and layer != "every"
                    found[Spot(at if epoch == "every" else None, None if one else name)] = value
        return found

    return of


def _layers(layer: Layer, hidden: int) -> Iterator[tuple[int | str, int]]:
    """What each layer that was asked for is called, and its number; nothing for one that a shallow network lacks."""
    every: list[int] = list(range(1, hidden + 1))
    asked = every if layer == "every" else layer if isinstance(layer, list) else [layer]
    for name in asked:
        place = hidden + 1 if isinstance(name, str) else name if name > 0 else hidden + 1 + name
        if isinstance(name, str) or 1 <= place <= hidden:
            yield name, place


def ratio(*, epoch: Epoch = 0, probe: str = "delta_norm") -> Quantity:
    """||delta^H|| / ||delta^1||, the last hidden layer over the first; of another column where `probe` names it."""
    norms = column(probe=probe, layer=[1, -1], epoch=epoch)

    def of(run: StoredRun) -> Numbers:
        found = norms(run)
        firsts = {spot.epoch: value for spot, value in found.items() if spot.layer == 1}
        return {
            Spot(spot.epoch): value / firsts[spot.epoch]
            for spot, value in found.items()
            if spot.layer == -1 and firsts.get(spot.epoch, 0.0) > 0
        }

    return of


def epochs_to(*, monitor: str, above: float | None = None, below: float | None = None) -> Quantity:
    """The first epoch after which a monitor is at least `above`, or at most `below`; infinite in a run that never got
    there, diverged ones included."""

    def of(run: StoredRun) -> Numbers:
        column = run.metrics[monitor].to_numpy(np.float64)
        there = column >= above if above is not None else column <= (math.inf if below is None else below)
        return {Spot(): float(np.flatnonzero(there)[0]) if there.any() else math.inf}

    return of


QUANTITIES: dict[str, Callable[..., Quantity]] = {
    "monitor": monitor,
    "probe": column,
    "ratio": ratio,
    "epochs_to": epochs_to,
}


def scale_of(name: str, parameters: Mapping[str, Any]) -> str:
    """How seeds spread where a claim does not say: by factors (log) or by differences (linear)."""
    norm = name == "probe" and str(parameters.get("probe", "")).endswith(("norm", "norm_mean"))
    return "log" if norm or name == "ratio" else "linear"


def _measured(config: Config) -> Sequence[int]:
    """The epochs at which a run that comes to its end has probes."""
    return config.probes.measured(config.epochs, config.epochs)


def unfit(name: str, parameters: Mapping[str, Any], config: Config) -> Iterator[tuple[str, str]]:
    """What of a quantity a run of `config` does not have: the key, and what is wrong with it."""
    known = tables.TABLES["metrics"].values(config)
    column = parameters.get("monitor")
    if column is not None and column not in known:
        yield "monitor", f"the sweep does not monitor {column!r}{did_you_mean(str(column), known)}"
    probes = list(config.probes.record)
    for key in ("probe", "over"):
        column = parameters.get(key)
        if column is not None and column not in probes:
            place = key if key in parameters else "name"
            yield place, f"the sweep does not record {column!r}{did_you_mean(str(column), probes)}"
    if name == "epochs_to" and (parameters["above"] is None) == (parameters["below"] is None):
        yield "name", "needs `above` or `below`, one of them"
    epoch, layer = parameters.get("epoch"), parameters.get("layer")
    if isinstance(epoch, int) and epoch > config.epochs:
        yield "epoch", f"the runs have {config.epochs} epochs"
    elif (
        isinstance(epoch, int)
        and name != "monitor"
        and epoch not in config.probes.measured(config.epochs, config.epochs)
    ):
        yield "epoch", "is not measured; probes: {every: 1} measures all"
    hidden = len(config.sizes) - 2
    asked = layer if isinstance(layer, list) else [layer]
    strange = [each for each in asked if isinstance(each, int) and not 1 <= abs(each) <= hidden]
    if strange:
        yield "layer", f"there is no layer {strange[0]}: the network has {hidden} hidden layers"
