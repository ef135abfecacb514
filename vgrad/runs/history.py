"""What a run has measured so far: epoch records in order, and as arrays for the checkpoint.

The CSVs are made from the history alone, and the checkpoint holds the history, so there is one commit point: an
interrupted run continues from the checkpoint and writes the files that an undisturbed run would have written.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vgrad.config.config import Config
from vgrad.config.monitors import PARTS
from vgrad.nn.probes import BINS
from vgrad.storage.npz import Arrays
from vgrad.training.metrics import OF_STEPS, OTHERS
from vgrad.training.record import Divergence, EpochRecord, Histograms, Norms

QUANTITIES = ("delta", "activation")


def delta_norms(record: EpochRecord) -> list[float] | None:
    """||delta^l|| of all layers 1 … L, where this record has them."""
    norms = (record.gradients or {}).get("delta_norm")
    return None if norms is None else [math.nan if norm is None else norm for norm in norms]


def columns(monitors: Sequence[str]) -> tuple[str, ...]:
    """The columns of metrics.csv after `epoch`."""
    return (*monitors, *OTHERS)


def sparse(probes: Iterable[str]) -> list[str]:
    """The probes that may have no value, such as a ratio before any update."""
    return [name for name in probes if name != "delta_norm"]


@dataclass
class History:
    """Records of a run whose metrics.csv has columns `monitors` and whose gradients.csv has columns `probes`.

    `sizes` is (n_0, …, n_L); `step_marks` are the steps within an epoch that are measured; epochs with per-neuron
    deltas are `neuron_epochs`, those with histograms `histogram_epochs`. `classes` tells of parts of the data how many
    examples they have, and how many of them are of the most frequent class: what an accuracy is held against.
    """

    sizes: tuple[int, ...]
    monitors: tuple[str, ...]
    probes: tuple[str, ...]
    neuron_epochs: tuple[int, ...] = ()
    histogram_epochs: tuple[int, ...] = ()
    step_marks: Sequence[int] = ()
    records: list[EpochRecord] = field(default_factory=list)
    classes: dict[str, tuple[int, int]] = field(default_factory=dict)
    speed: str = "delta_norm"
    """The measure of each layer's speed: config.speed."""

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns of metrics.csv after `epoch`."""
        return columns(self.monitors)

    @property
    def divergence(self) -> Divergence | None:
        """Where the run diverged, if it did."""
        return self.records[-1].divergence if self.records else None

    @property
    def measured(self) -> list[EpochRecord]:
        """The records with metrics: all but the one that tells of the divergence."""
        return [record for record in self.records if record.divergence is None]

    def hidden_norms(self, record: EpochRecord) -> list[float] | None:
        """||delta^l|| of the hidden layers 1 … L - 1, where this record has them."""
        norms = delta_norms(record)
        return None if norms is None else norms[:-1]

    def pack(self) -> tuple[Arrays, dict[str, Any]]:
        """(arrays, plain values) that `unpack` reads back; a missing value is NaN."""
        measured, layers = self.measured, len(self.sizes) - 1
        probed = [record for record in self.records if record.gradients is not None]
        metrics = [[record.metrics[column] for column in self.columns] for record in measured]
        norms = [[record.gradients[probe] for probe in self.probes] for record in probed if record.gradients]
        arrays: Arrays = {
            "metrics": np.array(metrics, dtype=np.float64).reshape(len(measured), len(self.columns)),
            "probed": np.array([record.epoch for record in probed], dtype=np.int64),
            "gradients": np.array(norms, dtype=np.float64).reshape(len(probed), len(self.probes), layers),
        }
        if any(record.silent is not None for record in probed):
            unknown = [-1] * layers
            arrays["silent"] = np.array([record.silent or unknown for record in probed], dtype=np.int64)
        if any(record.mean_norms is not None for record in probed):
            lost = [-1.0] * layers
            arrays["mean_norms"] = np.array([record.mean_norms or lost for record in probed], dtype=np.float64)
        if self.step_marks:
            within = [[[step[probe] for probe in self.probes] for step in record.steps] for record in measured[1:]]
            arrays["steps"] = np.array(within, dtype=np.float64).reshape(self._within(len(measured)))
        for record in self.records:
            if record.neurons is not None:
                arrays[f"neurons.{record.epoch}"] = np.concatenate(record.neurons)
            if record.histograms is not None:
                bars = [[np.concatenate(layer[name]) for name in QUANTITIES] for layer in record.histograms]
                arrays[f"histograms.{record.epoch}"] = np.array(bars)
        return arrays, {"divergence": asdict(self.divergence) if self.divergence else None, "classes": self.classes}

    def unpack(self, arrays: Arrays, plain: Mapping[str, Any]) -> None:
        """Fills an empty history with what `pack` gave. ValueError, KeyError or TypeError when it does not fit."""
        layers = len(self.sizes) - 1
        metrics = _checked(arrays, "metrics", np.float64, (None, len(self.columns)))
        probed = _checked(arrays, "probed", np.int64, (None,)).tolist()
        gradients = _checked(arrays, "gradients", np.float64, (len(probed), len(self.probes), layers))
        dense = [name not in sparse(self.probes) for name in self.probes]
        if np.isnan(gradients[:, dense]).any():
            raise ValueError("gradients holds NaN")
        neurons = self._of_epochs(arrays, "neurons", self.neuron_epochs, (sum(self.sizes[1:]),))
        bars = self._of_epochs(arrays, "histograms", self.histogram_epochs, (layers, len(QUANTITIES), 2 * BINS + 1))
        silent = dict(zip(probed, self._silent(arrays, len(probed)), strict=True))
        means = dict(zip(probed, self._mean_norms(arrays, len(probed)), strict=True))
        known = {"metrics", "probed", "gradients", "silent", "mean_norms", *neurons, *bars}
        unknown = arrays.keys() - known - ({"steps"} if self.step_marks else set())
        if unknown or probed != sorted({*probed} & {*range(len(metrics))}):
            raise ValueError(f"measurements of epochs without metrics, or {sorted(unknown)[:3]}")
        within = self._steps(arrays, len(metrics))
        norms: dict[int, Norms] = {
            epoch: dict(zip(self.probes, ([_number(value) for value in row] for row in rows), strict=True))
            for epoch, rows in zip(probed, gradients.tolist(), strict=True)
        }
        bounds = np.cumsum(self.sizes[1:])[:-1]
        for epoch, row in enumerate(metrics.tolist()):
            values = {name: _number(value) for name, value in zip(self.columns, row, strict=True)}
            if [name for name, value in values.items() if value is None] != ([] if epoch else [*OF_STEPS]):
                raise ValueError(f"a metric of epoch {epoch} is missing")
            deltas = neurons.get(f"neurons.{epoch}")
            split = None if deltas is None else np.split(deltas, bounds)
            drawn = _histograms(bars.get(f"histograms.{epoch}"))
            record = EpochRecord(epoch, values, norms.get(epoch), split, histograms=drawn, steps=within[epoch])
            self.records.append(replace(record, silent=silent.get(epoch), mean_norms=means.get(epoch)))
        self.classes = _classes(plain.get("classes", {}))
        if plain["divergence"] is not None:
            self.records.append(self._diverged(**plain["divergence"]))

    def _within(self, measured: int) -> tuple[int, ...]:
        """The shape of `steps`: epochs after the first record, steps, probes, layers."""
        return max(measured - 1, 0), len(self.step_marks), len(self.probes), len(self.sizes) - 1

    def _steps(self, arrays: Arrays, measured: int) -> list[tuple[Norms, ...]]:
        """The norms within each epoch, of which epoch 0 has none."""
        if not self.step_marks:
            return [()] * measured
        found = _checked(arrays, "steps", np.float64, self._within(measured)).tolist()
        numbers = [[[[_number(value) for value in row] for row in step] for step in epoch] for epoch in found]
        epochs: list[tuple[Norms, ...]] = [()]
        epochs += [tuple(dict(zip(self.probes, step, strict=True)) for step in epoch) for epoch in numbers]
        return epochs

    def _silent(self, arrays: Arrays, probed: int) -> list[list[int] | None]:
        """The silent units of each probed epoch; versions before did not count them."""
        if "silent" not in arrays:
            return [None] * probed
        counts = _checked(arrays, "silent", np.int64, (probed, len(self.sizes) - 1))
        if (counts < -1).any() or (counts > self.sizes[1:]).any():
            raise ValueError("silent holds more units than there are")
        return [None if -1 in row else row for row in counts.tolist()]

    def _mean_norms(self, arrays: Arrays, probed: int) -> list[list[float] | None]:
        """The mean norms of each probed epoch; versions before did not keep them."""
        if "mean_norms" not in arrays:
            return [None] * probed
        found = _checked(arrays, "mean_norms", np.float64, (probed, len(self.sizes) - 1))
        if ((found < 0) & (found != -1)).any():
            raise ValueError("mean_norms holds what is no norm")
        return [None if -1 in row else row for row in found.tolist()]

    def _of_epochs(self, arrays: Arrays, kind: str, epochs: tuple[int, ...], shape: tuple[int, ...]) -> Arrays:
        """The arrays `kind`.k of those named epochs k that are in the history."""
        reached = len(arrays["metrics"])
        due = [f"{kind}.{epoch}" for epoch in epochs if epoch < reached]
        return {name: _checked(arrays, name, np.float64, shape) for name in due}

    def _diverged(self, epoch: int, batch: int | None, layer: int | None) -> EpochRecord:
        """The record of the divergence, which follows on the last epoch that was measured."""
        layers = len(self.sizes) - 1
        for number, most in ((batch, None), (layer, layers)):
            if number is not None and not (type(number) is int and 1 <= number <= (most or number)):
                raise ValueError(f"a divergence at batch {batch}, layer {layer}")
        if type(epoch) is not int or epoch != len(self.records):
            raise ValueError(f"a divergence in epoch {epoch} after {len(self.records)} epochs")
        return EpochRecord(epoch, divergence=Divergence(epoch, batch, layer))


def empty_history(config: Config) -> History:
    """The history of a run that has not begun."""
    probes = config.probes
    named = tuple(probes.neurons), tuple(probes.histograms)
    return History(config.sizes, config.monitors, tuple(probes.record), *named, config.step_marks, speed=config.speed)


def _checked(arrays: Arrays, name: str, dtype: type, shape: tuple[int | None, ...]) -> NDArray[Any]:
    """The array `name`, of this type and shape (None: any extent), finite; in metrics, gradients and steps NaN is no
    value."""
    array = arrays[name]
    fits = len(array.shape) == len(shape) and all(due in (None, n) for n, due in zip(array.shape, shape, strict=True))
    if array.dtype != dtype or not fits:
        raise ValueError(f"{name} is {array.dtype} of shape {array.shape}")
    if np.isinf(array).any() or (name not in ("metrics", "gradients", "steps") and np.isnan(array).any()):
        raise ValueError(f"{name} holds NaN or infinity")
    return array


def _classes(tree: Any) -> dict[str, tuple[int, int]]:
    """What `pack` wrote of the classes of each part."""
    found = {}
    for part, pair in dict(tree).items():
        whole = isinstance(pair, list) and [type(count) for count in pair] == [int, int]
        if part not in PARTS or not whole or not 0 < pair[1] <= pair[0] < 2**53:
            raise ValueError("classes of no part of the data")
        found[part] = (pair[0], pair[1])
    return found


def _number(value: float) -> float | None:
    return None if math.isnan(value) else value


def _histograms(packed: np.ndarray | None) -> Histograms | None:
    """Counts and edges of each layer and quantity, from (layers, quantities, BINS + BINS + 1)."""
    if packed is None:
        return None
    counts, edges = packed[:, :, :BINS], packed[:, :, BINS:]
    return [{name: (counts[i, j], edges[i, j]) for j, name in enumerate(QUANTITIES)} for i in range(len(packed))]
