"""The step of small plain networks: a layer's weights and biases in one matrix, examples side by side.

With V^l = [W^l b^l 0] and, one column an example, c^l = (a^l, 1, 0):

    z^l = V^l c^(l-1),  a^l = f(z^l)                                          (n_l, m)
    delta^l = (first n_l rows of (V^(l+1))^T delta^(l+1)) * f'(z^l)           (BP1, BP2)
    V^l <- decay V^l - (eta/m) delta^l (c^(l-1))^T, b^l without the decay     (BP3, BP4)

A step of a 784-30-30-10 network on ten examples then is 23 calls of BLAS and NumPy, each of which takes longer to begin
than to compute; with biases apart, and every sigmoid's slope from an exponential of its own, it was 27. The zeros fill
the rows of V up to whole cache lines: with 785 columns the products of layer 1 take 1.6 times as long.

With dropout p, a^l is f(z^l) where it is kept, else 0; the products divide by 1 - p, and c has 1 - p in the place of 1.

Inputs come as they are stored, in units of `unit`, and with the column 1/unit: the products multiply by `unit`, and
nothing scales examples. Where f wants -z, the product makes it.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate, groupby, pairwise

import numpy as np

from vgrad.later import blas
from vgrad.nn.arrays import LINE, Array, Parameters, add_scaled, in_a_row
from vgrad.nn.costs import output_error, softmax_beside, softmax_f
from vgrad.nn.functions import InTraining, in_training, quick, sigmoid_f, sigmoid_slope
from vgrad.nn.network import Network, Noise
from vgrad.nn.parameters import Flat

LARGEST = 2**17
"""Weights of a layer up to which this way is taken. Beyond it calls no longer count, and OpenBLAS multiplies faster
where examples are rows: 1000 x 1000 weights, ten examples, in 2.0 ms instead of 2.6 (float64)."""


def fits(network: Network) -> bool:
    """Whether the network is plain, with dropout or without, and each of its layers is small."""
    small = all(n * k <= LARGEST for n, k in pairwise(network.sizes))
    return small and network.is_plain and not network.input_noise


class Augmented(Flat):
    """V^l of every layer, one behind the other in `vector`, at first 0; `views` are the W^l and b^l within them."""

    def __init__(self, sizes: Sequence[int], dtype: np.dtype[np.floating]) -> None:
        line, inputs = LINE // dtype.itemsize, sizes[:-1]
        shapes = [(n, -(-(k + 1) // line) * line) for k, n in pairwise(sizes)]
        vector, self.V = in_a_row(shapes, dtype)
        super().__init__(vector, {})
        for layer, (k, V) in enumerate(zip(inputs, self.V, strict=True), start=1):
            self.views[f"W{layer}"], self.views[f"b{layer}"] = V[:, :k], V[:, k]
        self.transposed = [V.T for V in self.V]
        self._kept, start = list[tuple[Array, Array, int, int]](), 0
        for (k, width), group in groupby(zip(inputs, shapes, strict=True), lambda of: (of[0], of[1][1])):
            stop = start + width * sum(n for _, (n, _) in group)
            b = vector[start + k : stop : width]
            self._kept.append((b, np.empty_like(b), start + k, width))
            start = stop

    def load(self, parameters: Parameters) -> None:
        """Takes the numbers of `parameters`; the zeros become NaN where a step overflows."""
        self.vector.fill(0)
        for name, view in self.views.items():
            np.copyto(view, parameters[name])

    def store(self, parameters: Parameters) -> None:
        """Puts its numbers into `parameters`."""
        for name, view in self.views.items():
            np.copyto(parameters[name], view)

    def add_weights(self, of: Flat, scale: float) -> None:
        """W <- W + scale * W of the other, in every layer: everything, and then the biases as they were."""
        self.keep_biases()
        add_scaled(self.vector, of.vector, scale)
        for b, kept, *_ in self._kept:
            np.copyto(b, kept)

    def keep_biases(self) -> None:
        """For `add_kept`."""
        for b, kept, *_ in self._kept:
            np.copyto(kept, b)

    def add_kept(self, share: float) -> None:
        """b <- b + share * b as it was kept: where they lie apart, BLAS adds in a third of NumPy's time."""
        axpy = blas.daxpy if self.vector.dtype == np.float64 else blas.saxpy
        for b, kept, start, width in self._kept:
            axpy(kept, self.vector, len(b), share, 0, 1, start, width)


class _Arrays:
    """What passes over `rows` examples write, (n_l, rows) each: `z`, `kept` (of which f' is made), `a`, `delta`, and
    for the hidden layers `mask`. `c` and `back` are a and delta with the rows that V's further columns make of them.
    `all_…` are those of all hidden layers, as they lie in a row."""

    def __init__(self, network: Network, V: Sequence[Array], rows: int) -> None:
        sizes, dtype = network.sizes[1:], V[0].dtype
        shapes = [*((above.shape[1], rows) for above in V[1:]), (sizes[-1], rows)]
        rows_of_all = (in_a_row(shapes, dtype) for _ in range(5))
        (z, wide_z), (kept, wide_kept), (c, self.c), (_, self.back), (mask, wide_mask) = rows_of_all
        self.z, self.kept, self.a, self.delta, self.mask = (
            [array[:n] for n, array in zip(sizes, wide, strict=True)]
            for wide in (wide_z, wide_kept, self.c, self.back, wide_mask)
        )
        for n, each in zip(sizes[:-1], self.c, strict=False):
            each[n] = 1 - network.dropout
        hidden = sum(width * rows for width, _ in shapes[:-1])
        self.all_z, self.all_kept, self.all_c, self.all_masks = (each[:hidden] for each in (z, kept, c, mask))


class _Masks:
    """Draws masks, 1 with probability 1 - p, else 0: uniform numbers in the order in which layers with examples as
    rows draw theirs, one after the other."""

    def __init__(self, p: float, masks: Sequence[Array]) -> None:
        self._p = np.asarray(p, masks[0].dtype)
        self._drawn = np.empty(sum(mask.size for mask in masks), self._p.dtype)
        parts = np.split(self._drawn, list(accumulate(mask.size for mask in masks))[:-1])
        self._turned = [(part.reshape(mask.shape[::-1]).T, mask) for part, mask in zip(parts, masks, strict=True)]

    def draw(self, noise: Noise) -> None:
        noise.masks.random(out=self._drawn, dtype=self._drawn.dtype.type)
        for drawn, mask in self._turned:
            np.greater_equal(drawn, self._p, out=mask)


def _output(network: Network, rows: int, dtype: np.dtype[np.floating]) -> InTraining:
    """The output function, which has no slope of its own; where the cost asks for a^L alone, z^L may be -z^L."""
    if (network.output, network.cost.delta) == (sigmoid_f, output_error):
        return in_training(sigmoid_f, sigmoid_slope)
    f = softmax_beside(network.sizes[-1], rows, dtype) if network.output is softmax_f else quick(network.output)
    return InTraining(1.0, lambda z, kept, a: f(z, a), lambda z, kept, a: None)


class AugmentedStep:
    """Passes over batches of exactly `rows` examples, and steps that change `weights` in place.

    `x` is (width of V^1, rows) and y (n_L, rows), an example a column. After a pass, `z` (or -z) and `delta` of every
    layer are (n_l, rows); the next one overwrites them.
    """

    def __init__(self, network: Network, weights: Augmented, rows: int, unit: float = 1.0) -> None:
        arrays, hidden = _Arrays(network, weights.V, rows), network.depth - 1
        self.rows, self._weights, self.z, self.delta, self._a = rows, weights, arrays.z, arrays.delta, arrays.a
        self.W, self.b = ([weights.views[f"{name}{layer}"] for layer in range(1, hidden + 2)] for name in "Wb")
        self._gemm = blas.dgemm if weights.vector.dtype == np.float64 else blas.sgemm
        VT, cT, deltaT, backT, zT = (
            [each.T for each in of] for of in (weights.V, arrays.c, arrays.delta, arrays.back, arrays.z)
        )
        scales = [unit, *[1 / (1 - network.dropout)] * hidden]  # of what comes from below
        functions = [in_training(activation.f, activation.slope) for activation in network.activations]
        made = zip(scales, [*functions, _output(network, rows, weights.vector.dtype)], strict=True)
        ways = [(scale * each.sign, each.f) for scale, each in made]
        masks = [*arrays.mask[:-1], None] if network.dropout else [None] * (hidden + 1)
        self._masks = _Masks(network.dropout, arrays.mask[:-1]) if network.dropout and hidden else None
        self._forward = list(zip(ways, VT, zT, arrays.z, arrays.kept, arrays.a, masks, cT, strict=True))
        of_cost = network.cost.delta
        self._of_cost = output_error if of_cost is output_error else lambda z, a, y, out: of_cost(z.T, a.T, y.T, out.T)
        slopes = [each.slope for each in functions]
        self._slopes = list(zip(slopes, arrays.z, arrays.kept, arrays.a, strict=False))
        if len(set(slopes)) == 1:  # one call for what lies in a row
            self._slopes = [(slopes[0], arrays.all_z, arrays.all_kept, arrays.all_c)]
        masked = all(each.of_output for each in functions)
        self._slopes_and_masks = [] if masked or not network.dropout else [(arrays.all_kept, arrays.all_masks)]
        above = zip(scales[1:], deltaT[1:], VT[1:], backT, arrays.delta, arrays.kept, strict=False)
        self._backward = list(above)[::-1]
        self._sums = list(zip(scales, deltaT, cT, strict=True))

    def forward(self, x: Array, noise: Noise | None = None) -> None:
        """z^l = V^l c^(l-1), a^l = f(z^l) of every layer; masks are drawn from `noise`."""
        gemm, below, turned = self._gemm, x, 1
        if self._masks is not None:
            assert noise is not None  # training draws
            self._masks.draw(noise)
        for (scale, f), VT, zT, z, kept, a, mask, cT in self._forward:
            gemm(scale, below, VT, 0.0, zT, turned, 0, 1)
            f(z, kept, a)
            if mask is not None:
                np.multiply(a, mask, a)
            below, turned = cT, 0

    def backward(self, y: Array) -> None:
        """delta^L from the cost, then delta^l = (V^(l+1))^T delta^(l+1) * f'(z^l) down to layer 1  (BP1, BP2)."""
        gemm, multiply = self._gemm, np.multiply
        self._of_cost(self.z[-1], self._a[-1], y, self.delta[-1])
        for slope_of, z, kept, a in self._slopes:
            slope_of(z, kept, a)
        for slope, mask in self._slopes_and_masks:
            multiply(slope, mask, slope)
        for scale, deltaT_above, VT, backT, delta, slope in self._backward:
            gemm(scale, deltaT_above, VT, 0.0, backT, 0, 1, 1)
            multiply(delta, slope, delta)

    def descend(self, x: Array, eta: float, decay: float) -> None:
        """V <- decay V - (eta/m) delta c^T, and b <- b + (1 - decay) b_before, after forward(x) and backward(y).

        decay = 1 - eta lambda/n is what L2 does to the weights, and not to biases  (BP3, BP4; Nielsen, eq. 93).
        """
        if decay == 1:
            self.add_gradients(x, self._weights, -eta / self.rows, 1.0)
        else:
            self._weights.keep_biases()
            self.add_gradients(x, self._weights, -eta / self.rows, decay)
            self._weights.add_kept(1 - decay)

    def add_gradients(self, x: Array, to: Augmented, scale: float, keep: float = 1.0) -> None:
        """V <- keep V + scale * sum over the batch of delta c^T, in place; keep = 0 overwrites  (BP3, BP4)."""
        gemm, below, turned = self._gemm, x, 0
        for (share, deltaT, cT), VT in zip(self._sums, to.transposed, strict=False):
            gemm(scale * share, below, deltaT, keep, VT, turned, 0, 1)
            below, turned = cT, 1
