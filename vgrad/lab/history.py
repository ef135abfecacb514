"""What a run has measured so far: epoch records in order, as CSV files and as arrays for the checkpoint.

The CSVs are made from the history alone, and the checkpoint holds the history, so there is one commit point: an
interrupted run continues from the checkpoint and writes the files that an undisturbed run would have written.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from vgrad.lab.descent import Divergence
from vgrad.lab.npz import Arrays
from vgrad.lab.training import EpochRecord, Histograms
from vgrad.nn.probes import BINS

METRICS = "metrics.csv"
GRADIENTS = "gradients.csv"
NEURONS = "neurons.csv"
HISTOGRAMS = "histograms.csv"
QUANTITIES = ("delta", "activation")


@dataclass
class History:
    """Records of a run whose metrics.csv has columns `monitors` and whose gradients.csv has columns `probes`.

    `sizes` is (n_0, …, n_L); epochs with per-neuron deltas are `neuron_epochs`, those with histograms
    `histogram_epochs`.
    """

    sizes: tuple[int, ...]
    monitors: tuple[str, ...]
    probes: tuple[str, ...]
    neuron_epochs: tuple[int, ...] = ()
    histogram_epochs: tuple[int, ...] = ()
    records: list[EpochRecord] = field(default_factory=list)

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns of metrics.csv after `epoch`."""
        return (*self.monitors, "penalty", "learning_rate")

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
        norms = (record.gradients or {}).get("delta_norm")
        return None if norms is None else [math.nan if norm is None else norm for norm in norms[:-1]]

    def files(self) -> dict[str, bytes]:
        """The CSV files: name -> content."""
        files = {METRICS: _csv(("epoch", *self.columns), self._metrics_rows())}
        files[GRADIENTS] = _csv(("epoch", "layer", "kind", "units", *self.probes), self._gradient_rows())
        if self.neuron_epochs:
            files[NEURONS] = _csv(("epoch", "layer", "neuron", "delta"), self._neuron_rows())
        if self.histogram_epochs:
            files[HISTOGRAMS] = _csv(("epoch", "layer", "quantity", "low", "high", "count"), self._histogram_rows())
        return files

    def _metrics_rows(self) -> Iterable[Sequence[object]]:
        for record in self.measured:
            yield record.epoch, *(record.metrics[column] for column in self.columns)

    def _gradient_rows(self) -> Iterable[Sequence[object]]:
        last = len(self.sizes) - 1
        for record in self.records:
            for layer in range(1, last + 1) if record.gradients is not None else ():
                kind = "output" if layer == last else "hidden"
                values = [record.gradients[probe][layer - 1] for probe in self.probes] if record.gradients else []
                yield record.epoch, layer, kind, self.sizes[layer], *values

    def _neuron_rows(self) -> Iterable[Sequence[object]]:
        for record in self.records:
            for layer, deltas in enumerate(record.neurons or [], start=1):
                for neuron, delta in enumerate(deltas, start=1):
                    yield record.epoch, layer, neuron, float(delta)

    def _histogram_rows(self) -> Iterable[Sequence[object]]:
        for record in self.records:
            for layer, quantities in enumerate(record.histograms or [], start=1):
                for quantity in QUANTITIES:
                    counts, edges = quantities[quantity]
                    for low, high, count in zip(edges[:-1], edges[1:], counts, strict=True):
                        yield record.epoch, layer, quantity, float(low), float(high), int(count)

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
        for record in self.records:
            if record.neurons is not None:
                arrays[f"neurons.{record.epoch}"] = np.concatenate(record.neurons)
            if record.histograms is not None:
                bars = [[np.concatenate(layer[name]) for name in QUANTITIES] for layer in record.histograms]
                arrays[f"histograms.{record.epoch}"] = np.array(bars)
        return arrays, {"divergence": asdict(self.divergence) if self.divergence else None}

    def unpack(self, arrays: Arrays, plain: dict[str, Any]) -> None:
        """Fills an empty history with what `pack` gave. ValueError, KeyError or TypeError when it does not fit."""
        layers = len(self.sizes) - 1
        metrics, probed, gradients = arrays["metrics"], arrays["probed"].tolist(), arrays["gradients"]
        if metrics.ndim != 2 or metrics.shape[1] != len(self.columns):
            raise ValueError(f"metrics of shape {metrics.shape}")
        if gradients.shape != (len(probed), len(self.probes), layers):
            raise ValueError(f"gradients of shape {gradients.shape}")
        norms: dict[int, dict[str, Sequence[float | None]]] = {
            epoch: dict(zip(self.probes, ([_number(value) for value in row] for row in rows.tolist()), strict=True))
            for epoch, rows in zip(probed, gradients, strict=True)
        }
        bounds = np.cumsum(self.sizes[1:])[:-1]
        for epoch, row in enumerate(metrics.tolist()):
            values = {name: _number(value) for name, value in zip(self.columns, row, strict=True)}
            neurons = arrays.get(f"neurons.{epoch}")
            if neurons is not None and neurons.shape != (sum(self.sizes[1:]),):
                raise ValueError(f"neurons of shape {neurons.shape}")
            split = None if neurons is None else np.split(neurons, bounds)
            bars = _histograms(arrays.get(f"histograms.{epoch}"), layers)
            self.records.append(EpochRecord(epoch, values, norms.get(epoch), split, histograms=bars))
        if plain["divergence"] is not None:
            divergence = Divergence(**plain["divergence"])
            self.records.append(EpochRecord(divergence.epoch, divergence=divergence))


def _number(value: float) -> float | None:
    return None if math.isnan(value) else value


def _histograms(packed: np.ndarray | None, layers: int) -> Histograms | None:
    """Counts and edges of each layer and quantity, from (layers, quantities, BINS + BINS + 1)."""
    if packed is None:
        return None
    if packed.shape != (layers, len(QUANTITIES), 2 * BINS + 1):
        raise ValueError(f"histograms of shape {packed.shape}")
    counts, edges = packed[:, :, :BINS], packed[:, :, BINS:]
    return [{name: (counts[i, j], edges[i, j]) for j, name in enumerate(QUANTITIES)} for i in range(layers)]


def _csv(header: Sequence[str], rows: Iterable[Sequence[object]]) -> bytes:
    lines = [",".join(header), *(",".join(map(_cell, row)) for row in rows)]
    return ("\n".join(lines) + "\n").encode("ascii")


def _cell(value: object) -> str:
    """Numbers as Python writes them: the shortest text that reads back bit for bit; None as an empty cell."""
    return "" if value is None else repr(value) if isinstance(value, float) else str(value)
