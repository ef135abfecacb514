"""Networks, and backpropagation through plain fully connected layers, without allocation.

Rows are examples: x = a^0 is (m, n_0), W^l is (n_l, n_(l-1)), z^l = a^(l-1) (W^l)^T + b^l, a^l = f(z^l), and
delta^l = dC_x/dz^l is (m, n_l), one row an example (Nielsen ch. 2, BP1-BP4). Lists start at layer 1: `z[0]` is z^1.

A step of a 784-30-30-10 network on ten examples is some 25 small NumPy calls, so the calls are what it costs: all
arrays are made once, every call writes with `out=`, and the update W <- (1 - eta lambda/n) W - (eta/m) delta^T a is a
single BLAS call that multiplies, scales and adds in place. Whatever has more to it than weights, biases and activation
(normalization, residual connections, learned activations, dropout, noise) goes through `vgrad.nn.backprop` instead.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.random import Generator
from scipy.linalg import blas

from vgrad.nn.activations import Activation
from vgrad.nn.arrays import Array, Parameters
from vgrad.nn.costs import Cost
from vgrad.nn.norms import Norm


@dataclass(frozen=True)
class Network:
    """What is computed: layer sizes (n_0, …, n_L), an activation per hidden layer, the output and the cost.

    Hidden layers may have more: `norm` before the activation; `residual`, a^l = a^(l-1) + f(z^l) where the two have
    the same width; `dropout`, the share of f(z^l) that is 0 in training, the rest being divided by 1 - dropout; and
    `input_noise`, the standard deviation of what is added to x in training.
    """

    sizes: tuple[int, ...]
    activations: tuple[Activation, ...]
    output: Callable[[Array, Array], Array]
    cost: Cost
    norm: Norm | None = None
    residual: bool = False
    dropout: float = 0.0
    input_noise: float = 0.0

    @property
    def depth(self) -> int:
        """L, the number of layers with weights; L - 1 of them are hidden."""
        return len(self.sizes) - 1

    @property
    def is_plain(self) -> bool:
        """Whether hidden layers are a^l = f(W^l a^(l-1) + b^l), nothing more, apart from noise in training."""
        more = self.norm is not None or self.residual
        return not more and all(f.pieces == 1 and f.learned is None for f in self.activations)

    @property
    def is_noisy(self) -> bool:
        """Whether training draws masks or noise."""
        return self.dropout > 0 or self.input_noise > 0

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Name and shape of every parameter, in the files' order: W^l, b^l, then what the hidden layer l has more."""
        result: dict[str, tuple[int, ...]] = {}
        for layer, (n_in, n_out) in enumerate(pairwise(self.sizes), start=1):
            pieces = self.activations[layer - 1].pieces if layer < self.depth else 1
            result[f"W{layer}"], result[f"b{layer}"] = (pieces * n_out, n_in), (pieces * n_out,)
            result |= {name: value.shape for name, value in self.extras(layer).items()}
        return result

    def extras(self, layer: int) -> Parameters:
        """The parameters of a layer beside W and b, as they are at first."""
        if layer == self.depth:
            return {}
        n, learned = self.sizes[layer], self.activations[layer - 1].learned
        result: Parameters = {} if learned is None else {f"{learned.name}{layer}": np.full(n, learned.initial)}
        if self.norm is not None:
            result |= {f"gamma{layer}": np.ones(n), f"beta{layer}": np.zeros(n)}
        return result

    def buffers(self) -> Parameters:
        """Running statistics of every hidden layer, at first mean 0 and variance 1; empty where there are none."""
        if self.norm is None or self.norm.momentum is None:
            return {}
        statistics = {"mean": np.zeros, "variance": np.ones}
        return {f"{name}{i}": make(self.sizes[i]) for i in range(1, self.depth) for name, make in statistics.items()}


@dataclass(frozen=True)
class Noise:
    """The generators that training draws from, each for one purpose."""

    masks: Generator
    inputs: Generator


class Backprop:
    """Passes of one network over batches of exactly `rows` examples; changes `parameters` in place.

    After `forward(x)`: z and a of every layer. After `backward(y)`: delta of every layer. The arrays are overwritten by
    the next pass.
    """

    def __init__(self, network: Network, parameters: Parameters, rows: int) -> None:
        sizes = network.sizes[1:]
        self.network, self.rows = network, rows
        self.W = [parameters[f"W{layer}"] for layer in range(1, network.depth + 1)]
        self.b = [parameters[f"b{layer}"] for layer in range(1, network.depth + 1)]
        dtype = self.W[0].dtype
        self.z: list[Array] = [np.empty((rows, n), dtype) for n in sizes]
        self.a: list[Array] = [np.empty((rows, n), dtype) for n in sizes]
        self.delta: list[Array] = [np.empty((rows, n), dtype) for n in sizes]
        self._slope: list[Array] = [np.empty((rows, n), dtype) for n in sizes]
        self._ones = np.ones(rows, dtype)
        # BLAS counts columns first: a row-major W is, without a copy, the column-major W^T that it updates in place
        self._WT = [W.T for W in self.W]
        self._gemm: Any = blas.dgemm if dtype == np.float64 else blas.sgemm
        self._gemv: Any = blas.dgemv if dtype == np.float64 else blas.sgemv
        if any(not W.flags.c_contiguous for W in self.W):
            raise ValueError("weights must be C-contiguous: the update works in place")
        functions = [activation.f for activation in network.activations] + [network.output]
        self._forward = list(zip(self._WT, self.b, self.z, self.a, functions, strict=True))
        slopes = [activation.slope for activation in network.activations]
        self._backward = list(
            zip(self.W[1:], self.z[:-1], self.a[:-1], self.delta[:-1], self._slope[:-1], slopes, strict=True)
        )[::-1]

    def forward(self, x: Array, noise: Noise | None = None) -> Array:
        """z^l and a^l of every layer for x of shape (rows, n_0); returns a^L; nothing is drawn from `noise`."""
        a = x
        for WT, b, z, a_out, f in self._forward:
            np.dot(a, WT, out=z)
            np.add(z, b, out=z)
            a = f(z, a_out)
        return a

    def backward(self, y: Array) -> None:
        """delta^L from the cost, then delta^l = (delta^(l+1) W^(l+1)) * f'(z^l) down to layer 1  (BP1, BP2)."""
        delta = self.network.cost.delta(self.z[-1], self.a[-1], y, self.delta[-1])
        for W_above, z, a, delta_out, slope_out, slope in self._backward:
            np.dot(delta, W_above, out=delta_out)
            delta = np.multiply(delta_out, slope(z, a, slope_out), out=delta_out)

    def descend(self, x: Array, eta: float, decay: float) -> None:
        """W <- decay W - (eta/m) delta^T a, b <- b - (eta/m) delta^T 1, in place, after forward(x) and backward(y).

        decay = 1 - eta lambda/n is what L2 does to the weights  (BP3, BP4; Nielsen, eq. 93).
        """
        step = -eta / self.rows
        gemm, gemv, ones = self._gemm, self._gemv, self._ones
        a = x
        for WT, b, delta, a_above in zip(self._WT, self.b, self.delta, self.a, strict=True):
            gemm(step, a.T, delta.T, decay, WT, trans_b=1, overwrite_c=1)
            gemv(step, delta.T, ones, 1.0, b, overwrite_y=1)
            a = a_above

    def add_gradients(self, x: Array, gradients: Parameters, scale: float, keep: float = 1.0) -> None:
        """g <- keep g + scale * sum over the batch of dC_x/dW^l and dC_x/db^l, in place  (BP3, BP4).

        keep = 0 overwrites `gradients`, whatever they hold.
        """
        a = x
        for layer, (delta, a_above) in enumerate(zip(self.delta, self.a, strict=True), start=1):
            self._gemm(scale, a.T, delta.T, keep, gradients[f"W{layer}"].T, trans_b=1, overwrite_c=1)
            self._gemv(scale, delta.T, self._ones, keep, gradients[f"b{layer}"], overwrite_y=1)
            a = a_above


def first_non_finite(arrays: Sequence[Array]) -> int | None:
    """The first layer (from 1) whose array holds a NaN or an infinity; arrays start at layer 1."""
    return next((layer for layer, x in enumerate(arrays, start=1) if not np.isfinite(x).all()), None)
