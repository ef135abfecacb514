"""Forward pass and backpropagation through fully connected layers, without allocation.

Rows are examples: x = a^0 is (m, n_0), W^l is (n_l, n_(l-1)), z^l = a^(l-1) (W^l)^T + b^l, a^l = f(z^l), and
delta^l = dC_x/dz^l is (m, n_l), one row an example (Nielsen ch. 2, BP1-BP4). Lists start at layer 1: `z[0]` is z^1.

A step of a 784-30-30-10 network on ten examples is some 25 small NumPy calls, so the calls are what it costs: all
arrays are made once, every call writes with `out=`, and the update W <- (1 - eta lambda/n) W - (eta/m) delta^T a is a
single BLAS call that multiplies, scales and adds in place.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.linalg import blas

from vgrad.nn.activations import Activation
from vgrad.nn.arrays import Array, Parameters
from vgrad.nn.costs import Cost


@dataclass(frozen=True)
class Network:
    """What is computed: layer sizes (n_0, …, n_L), an activation per hidden layer, the output and the cost."""

    sizes: tuple[int, ...]
    activations: tuple[Activation, ...]
    output: Callable[[Array, Array], Array]
    cost: Cost

    @property
    def depth(self) -> int:
        """L, the number of layers with weights; L - 1 of them are hidden."""
        return len(self.sizes) - 1


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

    def forward(self, x: Array) -> Array:
        """z^l and a^l of every layer for x of shape (rows, n_0); returns a^L."""
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

    def add_gradients(self, x: Array, gradients: Parameters, scale: float) -> None:
        """Adds scale * sum over the batch of dC_x/dW^l and dC_x/db^l to `gradients`, in place  (BP3, BP4)."""
        a = x
        for layer, (delta, a_above) in enumerate(zip(self.delta, self.a, strict=True), start=1):
            self._gemm(scale, a.T, delta.T, 1.0, gradients[f"W{layer}"].T, trans_b=1, overwrite_c=1)
            self._gemv(scale, delta.T, self._ones, 1.0, gradients[f"b{layer}"], overwrite_y=1)
            a = a_above


def first_non_finite(arrays: Sequence[Array]) -> int | None:
    """The first layer (from 1) whose array holds a NaN or an infinity; arrays start at layer 1."""
    return next((layer for layer, x in enumerate(arrays, start=1) if not np.isfinite(x).all()), None)
