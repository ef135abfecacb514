"""What is measured on a network that stands still: forward and backward over the probe examples, no update.

Everything is computed in float64, whatever type the network trains in, so that a norm that is zero is really zero.
delta^l is (m, n_l), one row an example; penalties are not part of it (DESIGN.md, notation).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np

from vgrad.nn.arrays import Array, Parameters, norm
from vgrad.nn.network import Backprop, Network
from vgrad.nn.parameters import copy_into, shapes


@dataclass(frozen=True)
class Measurement:
    """`mean_delta[l - 1]` is (n_l,): the mean over the probe examples of delta^l, which is dC/db^l."""

    mean_delta: list[Array]


Probe = Callable[[Measurement], list[float]]
"""A measurement -> one number a layer, from layer 1 to the output layer L."""


class Prober:
    """Measures one network's parameters again and again on examples that come in chunks of at most `rows`."""

    def __init__(self, network: Network, rows: int) -> None:
        self._network = network
        self._parameters: Parameters = {name: np.empty(shape) for name, shape in shapes(network.sizes).items()}
        self._passes = {rows: Backprop(network, self._parameters, rows)}

    def measure(self, parameters: Parameters, chunks: Iterable[tuple[Array, Array]]) -> Measurement:
        """Backpropagates each chunk (x, y), x of shape (rows, n_0), both float64.

        Raises FloatingPointError on overflow or an invalid operation: the network has diverged.
        """
        copy_into(self._parameters, parameters)
        sums: list[Array] = [np.zeros(n) for n in self._network.sizes[1:]]
        examples = 0
        with np.errstate(over="raise", invalid="raise", divide="raise", under="ignore"):
            for x, y in chunks:
                passes = self._passes.get(len(x))
                if passes is None:
                    passes = self._passes[len(x)] = Backprop(self._network, self._parameters, len(x))
                passes.forward(x)
                passes.backward(y)
                for total, delta in zip(sums, passes.delta, strict=True):
                    total += delta.sum(axis=0)
                examples += len(x)
            return Measurement([total / examples for total in sums])


def delta_norm(measurement: Measurement) -> list[float]:
    """||mean over examples of delta^l||, Nielsen's speed of learning of layer l  (Nielsen ch. 5)."""
    return [norm(mean) for mean in measurement.mean_delta]


PROBES: dict[str, Probe] = {"delta_norm": delta_norm}
