"""A network that stands still, and what is measured on it: forward and backward over the probe examples, no update.

Everything is computed in float64, whatever type the network trains in, so that a norm that is zero is really zero.
Nothing is random: masks and noise belong to training. A batch norm takes its statistics from each chunk of probe
examples, as in training from each batch. delta^l is (m, n_l), one row an example; z^l is what enters f (after the
norm, or the winning piece of a maxout unit); penalties are not part of anything (docs/contract.md).

A `Measurement` computes what is asked of it and nothing else: one sweep over the examples gives the mean delta; whoever
asks for more causes a second one that keeps everything.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from vgrad.nn.activations import steepest
from vgrad.nn.arrays import Array, Parameters, mean_norm
from vgrad.nn.backprop import GeneralBackprop, Passes, check_finite, passes
from vgrad.nn.costs import softmax_f
from vgrad.nn.functions import identity_f, sigmoid_f, step_f
from vgrad.nn.network import Network
from vgrad.nn.parameters import copy_into

CHUNK = 500
"""Examples of one sweep: always the same, because the bits of a matrix product depend on its shape."""
JACOBIAN_EXAMPLES = 25
LINEAR = (identity_f, step_f)
"""Outputs whose cost depends on z without a bound: they neither saturate nor die."""
Chunks = Iterable[tuple[Array, Array]]


@dataclass(frozen=True)
class Measurement:
    """`mean_delta[l - 1]` is (n_l,): the mean over the probe examples of delta^l, which is dC/db^l.

    `silent[l - 1]` counts the units of layer l whose delta is exactly 0 on every probe example: nothing moves them.
    `mean_norms[l - 1]` is the mean over the examples of ||delta^l||.
    `update_ratios` are those of the last step of the epoch, where they were asked for and there was one; `standing` is
    the network that everything else is computed from.
    """

    mean_delta: list[Array]
    silent: list[int]
    mean_norms: list[float]
    update_ratios: list[float | None] | None = None
    standing: Standing | None = None

    @cached_property
    def detail(self) -> Detail:
        """Everything of a sweep that keeps everything."""
        assert self.standing is not None  # only a measurement made by hand has none
        return self.standing.detail()

    @cached_property
    def jacobians(self) -> list[Array]:
        """(k, min(n_l, n_(l-1))): singular values of the layer maps of the first k = 25 examples; see `Standing`."""
        assert self.standing is not None
        return self.standing.jacobians[0]

    @cached_property
    def output_jacobians(self) -> list[Array]:
        """(k, min(n_l, n_L)): singular values of the maps from a^l to z^L; see `Standing`."""
        assert self.standing is not None
        return self.standing.jacobians[1]


@dataclass(frozen=True)
class Detail:
    """Lists over the layers: z, a, delta and relative slopes |f'(z)| / max |f'|, (examples, n_l); W and dC/dW; and
    whether the activation is bounded, so that it can saturate."""

    z: list[Array]
    a: list[Array]
    delta: list[Array]
    slope: list[Array]
    W: list[Array]
    weight_gradient: list[Array]
    bounded: list[bool]


class Standing:
    """A network with its parameters in float64 and its examples: what a measurement is computed from.

    The layer map of hidden layer l is da^l/da^(l-1); of the output layer dz^L/da^(L-1) = W^L, without the output
    function. From layer l to the output it is dz^L/da^l, and 1 for l = L. A batch's statistics count as constants.
    """

    def __init__(
        self, network: Network, parameters: Parameters, chunks: Chunks, made: dict[int, Passes] | None = None
    ) -> None:
        self._network, self._parameters, self._chunks = network, parameters, chunks
        self._passes = {} if made is None else made  # by the number of rows

    def sweep(self) -> Iterator[tuple[Passes, Array]]:
        """Forward and backward over every chunk; yields the passes and x. FloatingPointError where one overflows."""
        for x, y in self._chunks:
            made = self._passes.get(len(x))
            if made is None:
                made = self._passes[len(x)] = passes(self._network, self._parameters, len(x), {}, "probe")
            made.forward(x)
            made.backward(y)
            check_finite([*made.z, *made.delta])
            yield made, x

    def detail(self) -> Detail:
        """A sweep that keeps everything. FloatingPointError where the network has diverged."""
        kept: list[list[list[Array]]] = []
        gradients = {name: np.zeros_like(value) for name, value in self._parameters.items()}
        with np.errstate(over="raise", invalid="raise", divide="raise", under="ignore"):
            for made, x in self.sweep():
                made.add_gradients(x, gradients, 1.0)
                kept.append([[array.copy() for array in arrays] for arrays in (made.z, made.a, made.delta)])
            z, a, delta = (
                [np.concatenate(parts) for parts in zip(*lists, strict=True)] for lists in zip(*kept, strict=True)
            )
            slope = [*map(self._hidden_slope, range(1, self._network.depth), z), self._output_slope(z[-1], a[-1])]
        names = [f"W{layer}" for layer in range(1, self._network.depth + 1)]
        W = [self._parameters[name].copy() for name in names]
        bounded = [*(each.bounded for each in self._network.activations), self._network.output not in LINEAR]
        return Detail(z, a, delta, slope, W, [gradients[name] / len(z[0]) for name in names], bounded)

    def _hidden_slope(self, layer: int, z: Array) -> Array:
        activation, units = self._network.activations[layer - 1], 1
        if activation.learned is not None:
            activation = activation.learned.bind(self._parameters[f"{activation.learned.name}{layer}"])
            units = z.shape[1]
        slope = activation.slope(z, activation.f(z, np.empty_like(z)), np.empty_like(z))
        return np.abs(slope) / steepest(activation, units)

    def _output_slope(self, z: Array, a: Array) -> Array:
        """4 da_j/dz_j of the output: 4 a (1 - a) for sigmoid and softmax, without the cancellation of 1 - a where a is
        near 1; 1 for the identity, and for a step, which has no slope and whose criterion takes z as it is."""
        output = self._network.output
        if output in LINEAR:
            return np.ones_like(a)
        others = a @ (1 - np.eye(a.shape[1])) if output is softmax_f else sigmoid_f(-z, np.empty_like(z))
        return np.asarray(4 * a * others)

    @cached_property
    def jacobians(self) -> tuple[list[Array], list[Array]]:
        """Singular values of the layer maps, and of the maps to the output, for the first 25 examples.

        Row by row, by backpropagation of unit vectors through any kind of layer, all examples at once.
        """
        network = self._network
        x, _ = next(iter(self._chunks))
        made = GeneralBackprop(network, self._parameters, len(x), {}, "probe")
        made.forward(x)
        k = min(len(x), JACOBIAN_EXAMPLES)
        for layer in made.layers:
            layer.keep_first(k)
        W = self._parameters[f"W{network.depth}"]
        local: list[Array] = []
        onwards: list[Array] = [np.ones((k, network.sizes[-1]))]
        for layer in made.layers:
            local.append(_singular_values(_rows(k, len(layer.z[0]), layer.jacobian_row)))
        local.append(np.broadcast_to(_singular_values(W), (k, min(W.shape))))
        J = np.broadcast_to(W, (k, *W.shape)).transpose(1, 0, 2)  # (n_L, k, n_l): dz^L/da^l
        for layer in reversed(made.layers):
            onwards.append(_singular_values(J.transpose(1, 0, 2)))
            J = np.stack([layer.jacobian_row(da) for da in J])
        return local, onwards[::-1]


def _rows(k: int, n: int, row: Callable[[Array], Array]) -> Array:
    """(k, n, n_(l-1)): the Jacobians of k examples, row j the image of the unit vector e_j."""
    return np.stack([row(np.broadcast_to(e, (k, n))) for e in np.eye(n)], axis=1)


def _singular_values(matrices: Array) -> Array:
    return np.linalg.svd(matrices, compute_uv=False)


def _summed(standing: Standing) -> Iterator[tuple[list[Array], list[Array]]]:
    """delta of every layer on each chunk, and their sums over its examples."""
    for swept, _ in standing.sweep():
        yield swept.delta, [delta.sum(axis=0) for delta in swept.delta]


class Prober:
    """Measures one network's parameters again and again on examples that come in chunks of at most `rows`.

    `parameters` are those of the last measurement, in float64.
    """

    def __init__(self, network: Network, rows: int) -> None:
        self._network = network
        self.parameters: Parameters = {name: np.empty(shape) for name, shape in network.shapes().items()}
        self._passes = {rows: passes(network, self.parameters, rows, {}, "probe")}

    def measure(
        self,
        parameters: Parameters,
        chunks: Chunks,
        update_ratios: list[float | None] | None = None,
        made: Callable[[], tuple[list[Array], list[Array]]] | None = None,
    ) -> Measurement:
        """Backpropagates each chunk (x, y), x of shape (rows, n_0), both float64; `chunks` gives them again if asked.

        `made` gives every layer's delta on the examples of all chunks, and their sums, where another pass has them.
        The measurement is valid until the next one. Raises FloatingPointError on overflow or an invalid operation, and
        so does the measurement later: the network has diverged.
        """
        copy_into(self.parameters, parameters)
        standing = Standing(self._network, self.parameters, chunks, self._passes)
        sums: list[Array] = [np.zeros(n) for n in self._network.sizes[1:]]
        silent = [np.ones(n, dtype=np.bool_) for n in self._network.sizes[1:]]
        lengths, examples = [0.0] * len(sums), 0
        with np.errstate(over="raise", invalid="raise", divide="raise", under="ignore"):
            for deltas, of_chunk in [made()] if made else _summed(standing):
                for total, still, delta, more in zip(sums, silent, deltas, of_chunk, strict=True):
                    total += more
                    still &= more == 0
                    if still.any():  # hardly ever
                        still[still] = ~delta[:, still].any(axis=0)
                rows = len(deltas[0])
                lengths = [total + mean_norm(delta) * rows for total, delta in zip(lengths, deltas, strict=True)]
                examples += rows
            counts = [int(still.sum()) for still in silent]
            means: list[Array] = [total / examples for total in sums]
            return Measurement(means, counts, [total / examples for total in lengths], update_ratios, standing)
