"""The step of small plain networks: a layer's weights and biases in one matrix, examples side by side.

With V^l = [W^l b^l 0] and, one column an example, c^l = (a^l, 1, 0):

    z^l = V^l c^(l-1),  a^l = f(z^l)                                          (n_l, m)
    delta^l = (first n_l rows of (V^(l+1))^T delta^(l+1)) * f'(z^l)           (BP1, BP2)
    V^l <- decay V^l - (eta/m) delta^l (c^(l-1))^T, b^l without the decay     (BP3, BP4)

A step of a 784-30-30-10 network on ten examples then is 22 calls of BLAS and NumPy, each of which takes longer to begin
than to compute; with biases apart, and every sigmoid's slope from an exponential of its own, it was 27. The zeros fill
the rows of V up to whole cache lines: with 785 columns the products of layer 1 take 1.6 times as long.

Inputs come as they are stored, in units of `unit`, and with the column 1/unit: the products multiply by `unit`, and
nothing scales examples. Where f wants -z, the product makes it.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby, pairwise

import numpy as np

from vgrad.later import blas
from vgrad.nn.arrays import LINE, Array, Parameters, in_a_row
from vgrad.nn.costs import output_error
from vgrad.nn.functions import InTraining, in_training, quick, sigmoid_f, sigmoid_slope
from vgrad.nn.network import Network, Noise

LARGEST = 2**17
"""Weights of a layer up to which this way is taken. Beyond it calls no longer count, and OpenBLAS multiplies faster
where examples are rows: 1000 x 1000 weights, ten examples, in 2.0 ms instead of 2.6 (float64)."""


def fits(network: Network) -> bool:
    """Whether the network is plain, training it draws nothing, and each of its layers is small."""
    small = all(n * k <= LARGEST for n, k in pairwise(network.sizes))
    return small and network.is_plain and not network.is_noisy


class Augmented:
    """V^l of every layer, one behind the other, at first 0.

    `views` are the W^l and b^l within them, by name; `biases` all b^l, neighbours with as many inputs in one view.
    """

    def __init__(self, sizes: Sequence[int], dtype: np.dtype[np.floating]) -> None:
        line, inputs = LINE // dtype.itemsize, sizes[:-1]
        shapes = [(n, -(-(k + 1) // line) * line) for k, n in pairwise(sizes)]
        self._vector, self.V = in_a_row(shapes, dtype)
        self.views: Parameters = {}
        for layer, (k, V) in enumerate(zip(inputs, self.V, strict=True), start=1):
            self.views[f"W{layer}"], self.views[f"b{layer}"] = V[:, :k], V[:, k]
        self.biases, start = list[Array](), 0
        for (k, width), group in groupby(zip(inputs, shapes, strict=True), lambda of: (of[0], of[1][1])):
            stop = start + width * sum(n for _, (n, _) in group)
            self.biases.append(self._vector[start + k : stop : width])
            start = stop

    def load(self, parameters: Parameters) -> None:
        """Takes the numbers of `parameters`; the zeros become NaN where a step overflows."""
        self._vector.fill(0)
        for name, view in self.views.items():
            np.copyto(view, parameters[name])

    def store(self, parameters: Parameters) -> None:
        """Puts its numbers into `parameters`."""
        for name, view in self.views.items():
            np.copyto(parameters[name], view)


def _output(network: Network) -> InTraining:
    """The output function, which has no slope of its own; where the cost asks for a^L alone, z^L may be -z^L."""
    if (network.output, network.cost.delta) == (sigmoid_f, output_error):
        return in_training(sigmoid_f, sigmoid_slope)
    f = quick(network.output)
    return InTraining(1.0, lambda z, kept, a: f(z.T, a.T), lambda z, kept, a: None)


class AugmentedStep:
    """Passes over batches of exactly `rows` examples, and steps that change `weights` in place.

    `x` is (width of V^1, rows) and y (n_L, rows), an example a column. After a pass, `z` (or -z) and `delta` of every
    layer are (n_l, rows); the next one overwrites them.
    """

    def __init__(self, network: Network, weights: Augmented, rows: int, unit: float = 1.0) -> None:
        V, sizes, dtype = weights.V, network.sizes[1:], weights.V[0].dtype
        self.network, self.rows, self._unit, self._biases = network, rows, unit, weights.biases
        self.W, self.b = ([weights.views[f"{name}{layer}"] for layer in range(1, len(V) + 1)] for name in "Wb")
        self._shares = [np.empty_like(b) for b in self._biases]
        shapes = [*((above.shape[1], rows) for above in V[1:]), (sizes[-1], rows)]
        (all_z, wide_z), (all_c, c), (all_kept, wide_kept), (_, back) = (in_a_row(shapes, dtype) for _ in range(4))
        for n, each in zip(sizes[:-1], c, strict=False):
            each[n] = 1
        self.z, self.delta, self.a, kept = (
            [array[:n] for n, array in zip(sizes, wide, strict=True)] for wide in (wide_z, back, c, wide_kept)
        )
        self._gemm = blas.dgemm if dtype == np.float64 else blas.sgemm
        VT, cT, deltaT = [each.T for each in V], [each.T for each in c], [each.T for each in self.delta]
        made = [in_training(activation.f, activation.slope) for activation in network.activations]
        functions = [*made, _output(network)]
        scales = [unit * functions[0].sign, *(each.sign for each in functions[1:])]
        zT, f = [each.T for each in self.z], [each.f for each in functions]
        self._forward = list(zip(scales, VT, zT, self.z, kept, self.a, f, cT, strict=True))
        of_cost = network.cost.delta
        self._of_cost = output_error if of_cost is output_error else lambda z, a, y, out: of_cost(z.T, a.T, y.T, out.T)
        slopes = [each.slope for each in made]
        self._slopes = list(zip(slopes, self.z, kept, self.a, strict=False))
        if len(set(slopes)) == 1:  # one call for all that lies in a row
            size = sum(width * rows for width, _ in shapes[:-1])
            self._slopes = [(slopes[0], all_z[:size], all_kept[:size], all_c[:size])]
        self._backward = list(zip(deltaT[1:], VT[1:], (each.T for each in back), self.delta, kept, strict=False))[::-1]
        self._first, self._others = (deltaT[0], VT[0]), list(zip(cT, deltaT[1:], VT[1:], strict=False))

    def forward(self, x: Array, noise: Noise | None = None) -> None:
        """z^l = V^l c^(l-1), a^l = f(z^l) of every layer; nothing is drawn from `noise`."""
        gemm, below, turned = self._gemm, x, 1
        for scale, VT, zT, z, kept, a, f, cT in self._forward:
            gemm(scale, below, VT, 0.0, zT, turned, 0, 1)
            f(z, kept, a)
            below, turned = cT, 0

    def backward(self, y: Array) -> None:
        """delta^L from the cost, then delta^l = (V^(l+1))^T delta^(l+1) * f'(z^l) down to layer 1  (BP1, BP2)."""
        gemm, multiply = self._gemm, np.multiply
        self._of_cost(self.z[-1], self.a[-1], y, self.delta[-1])
        for slope_of, z, kept, a in self._slopes:
            slope_of(z, kept, a)
        for deltaT_above, VT, backT, delta, slope in self._backward:
            gemm(1.0, deltaT_above, VT, 0.0, backT, 0, 1, 1)
            multiply(delta, slope, delta)

    def descend(self, x: Array, eta: float, decay: float) -> None:
        """V <- decay V - (eta/m) delta c^T, and b <- b + (1 - decay) b_before, after forward(x) and backward(y).

        decay = 1 - eta lambda/n is what L2 does to the weights, and not to biases  (BP3, BP4; Nielsen, eq. 93).
        """
        gemm, scale = self._gemm, -eta / self.rows
        if decay != 1:
            for b, share in zip(self._biases, self._shares, strict=True):
                np.multiply(b, 1 - decay, share)
        deltaT, VT = self._first
        gemm(scale * self._unit, x, deltaT, decay, VT, 0, 0, 1)
        for cT, deltaT, VT in self._others:
            gemm(scale, cT, deltaT, decay, VT, 1, 0, 1)
        if decay != 1:
            for b, share in zip(self._biases, self._shares, strict=True):
                np.add(b, share, b)
