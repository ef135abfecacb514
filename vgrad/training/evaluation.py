"""Evaluation of a standing network over a part of the data: the monitors' means, and the probes' measurement.

Always in the same fixed chunks, because the bits of a matrix product depend on its shape; what batch gradient descent
measures on its training part comes from the pass that makes the step.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from vgrad.config.monitors import measures, split
from vgrad.data.dataset import Dataset
from vgrad.nn.arrays import Array, Parameters
from vgrad.nn.backprop import Passes, check_finite, passes
from vgrad.nn.fullbatch import FullBatch
from vgrad.nn.measurement import CHUNK, Measurement, Prober
from vgrad.nn.network import Network
from vgrad.training.feed import Feed


class Evaluator:
    """Measures `parameters` and `buffers`, which training changes in place, on the parts of `dataset`.

    `full_batch` is the pass over the training part, where a step makes it anyway.
    """

    def __init__(
        self,
        network: Network,
        parameters: Parameters,
        buffers: Parameters,
        dataset: Dataset,
        dtype: str,
        full_batch: FullBatch | None = None,
    ) -> None:
        self._network, self._parameters, self._buffers, self._dataset = network, parameters, buffers, dataset
        self._feed = Feed(dataset, network.sizes[-1], CHUNK, dtype)
        self._passes: dict[int, Passes] = {}
        self._full_batch = full_batch
        if full_batch is not None:
            exact = Feed(dataset, network.sizes[-1], 0, np.float64)
            self._targets = full_batch.in_order(exact.targets(dataset.train))

    def means(self, monitors: Sequence[str], cost: str, output: str) -> dict[str, float]:
        """Each monitor's mean over the examples of its part.

        Raises FloatingPointError on overflow or an invalid operation: the network has diverged.
        """
        available = measures(cost, output)
        wanted: dict[str, list[str]] = {}
        for monitor in monitors:
            part, measure = split(monitor)
            wanted.setdefault(part, []).append(measure)
        found: dict[str, float] = {}
        with np.errstate(over="raise", invalid="raise", divide="raise", under="ignore"):
            for part, names in wanted.items():
                sums = self._sums(part, {name: available[name] for name in names})
                found |= {f"{part}_{name}": total for name, total in sums.items()}
        return {monitor: found[monitor] for monitor in monitors}

    def outputs(self, part: str) -> Iterator[tuple[Array, Array]]:
        """(z^L, a^L), each (m, n_L), of the examples of `part` in file order: views that the next chunk overwrites."""
        batch = self._full_batch
        position = batch.position if batch is not None and part == "train" else slice(None)
        for z, a, _ in self._forward(part):
            yield z[position], a[position]

    def _sums(self, name: str, wanted: Mapping[str, object]) -> dict[str, float]:
        sums = dict.fromkeys(wanted, 0.0)
        for z, a, y in self._forward(name):
            for measure, f in wanted.items():
                sums[measure] += float(f(z, a, y).sum())  # type: ignore[operator]
        return {measure: total / len(getattr(self._dataset, name)) for measure, total in sums.items()}

    def _forward(self, name: str) -> Iterator[tuple[Array, Array, Array]]:
        """z^L, a^L and y of the part; from the full batch in its order."""
        if self._full_batch is not None and name == "train":
            made = self._full_batch.measured()
            yield made.z[-1], made.a[-1], self._targets
            return
        part = getattr(self._dataset, name)
        for index in chunks(len(part), CHUNK):
            x, y = self._feed.load(part, index)
            chunk = self._passes.get(len(x))
            if chunk is None:
                chunk = passes(self._network, self._parameters, len(x), self._buffers, "evaluate")
                self._passes[len(x)] = chunk
            chunk.forward(x)
            check_finite(chunk.z)
            yield chunk.z[-1], chunk.a[-1], y


class ProbeSet:
    """The first `examples` training examples in float64, in fixed chunks, for the probes; iterates over the chunks.

    Deltas are those of `full_batch`, where a step makes its pass anyway.
    """

    def __init__(
        self,
        network: Network,
        dataset: Dataset,
        examples: int,
        smoothing: float = 0.0,
        full_batch: FullBatch | None = None,
    ) -> None:
        rows = min(CHUNK, examples)
        self._dataset, self._examples = dataset, examples
        self._feed = Feed(dataset, network.sizes[-1], rows, np.float64, smoothing)
        self._prober = Prober(network, rows)
        self._full_batch = full_batch

    def measure(self, parameters: Parameters, update_ratios: list[float | None] | None = None) -> Measurement:
        """The measurement of `parameters`; FloatingPointError where the network has diverged."""
        made = None if self._full_batch is None else self._made
        return self._prober.measure(parameters, self, update_ratios, made)

    def _made(self) -> tuple[list[Array], list[Array]]:
        """delta of every layer on the examples, in any order, and their sums."""
        assert self._full_batch is not None
        batch = self._full_batch.measured()
        if self._examples == batch.rows:
            return batch.delta, batch.sums
        deltas = [delta[batch.position[: self._examples]] for delta in batch.delta]
        sums: list[Array] = [delta.sum(axis=0) for delta in deltas]
        return deltas, sums

    def __iter__(self) -> Iterator[tuple[Array, Array]]:
        """Each chunk (x, y): views that the next one overwrites."""
        for index in chunks(self._examples, self._feed.rows):
            yield self._feed.load(self._dataset.train, index)


def chunks(n: int, rows: int) -> Iterator[np.ndarray]:
    """0 … n - 1 in pieces of `rows`, the last one shorter."""
    for start in range(0, n, rows):
        yield np.arange(start, min(start + rows, n), dtype=np.intp)
