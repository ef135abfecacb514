"""The step of small networks: passes over examples side by side, a column each, and sums of their gradients.

    z^l = V^l c^(l-1),  a^l = f(z^l)                                          (n_l, m)
    delta^l = (first n_l rows of (V^(l+1))^T delta^(l+1)) * f'(z^l)           (BP1, BP2)
    V^l <- decay V^l - (eta/m) delta^l (c^(l-1))^T, b^l without the decay     (BP3, BP4)

with V^l = [W^l b^l 0] and, for each example, c^l = (a^l, 1, 0). A step of a 784-30-30-10 network on ten examples then
is 23 calls of BLAS and NumPy, each of which takes longer to begin than to compute; with biases apart, and every
sigmoid's slope from an exponential of its own, it was 27.

With dropout p, a^l is f(z^l) where it is kept, else 0; the products divide by 1 - p, and c has 1 - p in the place of 1.
Inputs come as they are stored, in units of `unit`, and with the column 1/unit: the products multiply by `unit`, and
nothing scales examples. Where f wants -z, the product makes it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import accumulate

import numpy as np

from vgrad.later import blas
from vgrad.nn.arrays import Array, in_a_row
from vgrad.nn.beside.lifts import DEEP, Lifts
from vgrad.nn.beside.norm import BesideNorms, Statistics
from vgrad.nn.beside.weights import Augmented
from vgrad.nn.costs import output_error, softmax_beside, softmax_f
from vgrad.nn.functions import InTraining, in_training, quick, sigmoid_f, sigmoid_slope
from vgrad.nn.network import Network, Noise

NormPass = Callable[[], None] | None


def has_bias(network: Network, layer: int) -> bool:
    """Whether b^l is used: a batch norm would subtract it again."""
    return network.norm is None or layer == network.depth


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
        for layer, (n, each) in enumerate(zip(sizes[:-1], self.c, strict=False), start=1):
            each[n] = 1 - network.dropout if has_bias(network, layer + 1) else 0
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
    """Passes over batches of exactly `rows` examples, and steps that change `weights` and `running` in place.

    `x` is (width of V^1, rows) and y (n_L, rows), an example a column. After a pass, `z` (or -z) and `delta`, as it is
    lifted, of every layer are (n_l, rows); the next one overwrites them.
    """

    def __init__(
        self, network: Network, weights: Augmented, rows: int, unit: float = 1.0, running: Statistics | None = None
    ) -> None:
        arrays, hidden = _Arrays(network, weights.V, rows), network.depth - 1
        functions = [in_training(activation.f, activation.slope) for activation in network.activations]
        self.rows, self._weights, self.z, self.delta, self._a = rows, weights, arrays.z, arrays.delta, arrays.a
        self._gemm = blas.dgemm if weights.vector.dtype == np.float64 else blas.sgemm
        self._masks = _Masks(network.dropout, arrays.mask[:-1]) if network.dropout and hidden else None
        self._norms: BesideNorms | None = None
        if network.norm is not None and hidden:
            assert running is not None  # a norm that keeps none is none of a batch
            signs = [each.sign for each in functions]
            self._norms = BesideNorms(network.norm, weights.norms, running, arrays.z[:-1], arrays.delta[:-1], signs)
        self._scales = [unit, *[1 / (1 - network.dropout)] * hidden]  # of what comes from below
        self._lifts, self._is_deep = Lifts(hidden + 1, weights.vector.dtype), hidden + 1 >= DEEP
        self._bind_forward(network, arrays, functions)
        self._bind_backward(network, arrays, functions)

    def _bind_forward(self, network: Network, arrays: _Arrays, functions: list[InTraining]) -> None:
        norms, last = self._norms, _output(network, self.rows, arrays.z[-1].dtype)
        u = [*norms.centred, arrays.z[-1]] if norms else arrays.z  # what the products write
        passes: list[NormPass] = [*norms.forward, None] if norms else [None] * len(u)
        masks = [*arrays.mask[:-1], None] if self._masks else [None] * len(u)
        ways = [(scale * each.sign, each.f) for scale, each in zip(self._scales, [*functions, last], strict=True)]
        VT, uT, cT = self._weights.transposed, [each.T for each in u], [each.T for each in arrays.c]
        self._forward = list(zip(ways, VT, uT, passes, arrays.z, arrays.kept, arrays.a, masks, cT, strict=True))

    def _bind_backward(self, network: Network, arrays: _Arrays, functions: list[InTraining]) -> None:
        norms, of_cost = self._norms, network.cost.delta
        self._of_cost = output_error if of_cost is output_error else lambda z, a, y, out: of_cost(z.T, a.T, y.T, out.T)
        slopes = [each.slope for each in functions]
        self._slopes = list(zip(slopes, arrays.z, arrays.kept, arrays.a, strict=False))
        if len(set(slopes)) == 1:  # one call for what lies in a row
            self._slopes = [(slopes[0], arrays.all_z, arrays.all_kept, arrays.all_c)]
        masked = self._masks is None or all(each.of_output for each in functions)
        self._slopes_and_masks = [] if masked else [(arrays.all_kept, arrays.all_masks)]
        du = [*norms.du, arrays.delta[-1]] if norms else arrays.delta
        passes: list[NormPass] = [*norms.backward] if norms else [None] * len(functions)
        VT, duT, backT = self._weights.transposed, [each.T for each in du], [each.T for each in arrays.back]
        above = zip(self._scales[1:], duT[1:], VT[1:], backT, arrays.delta, arrays.kept, passes, strict=False)
        self._unlifted = list(above)[::-1], list(zip(self._scales, duT, [each.T for each in arrays.c], strict=True))
        self._bind_lifts()

    def _bind_lifts(self) -> None:
        """What `_down` and the sums multiply by, with the powers of two of now."""
        backward, sums = self._unlifted
        self._backward = [(each[0] * up, *each[1:]) for each, up in zip(backward, self._lifts.down, strict=True)]
        self._sums = [(each[0] * down, *each[1:]) for each, down in zip(sums, self._lifts.share, strict=True)]

    def forward(self, x: Array, noise: Noise | None = None) -> None:
        """z^l = V^l c^(l-1), or what a norm makes of it, a^l = f(z^l) of every layer; masks are drawn from `noise`."""
        gemm, below, turned = self._gemm, x, 1
        if self._masks is not None:
            assert noise is not None  # training draws
            self._masks.draw(noise)
        for (scale, f), VT, uT, norm, z, kept, a, mask, cT in self._forward:
            gemm(scale, below, VT, 0.0, uT, turned, 0, 1)
            if norm is not None:
                norm()
            f(z, kept, a)
            if mask is not None:
                np.multiply(a, mask, a)
            below, turned = cT, 0
        if self._norms is not None:
            self._norms.move()

    def backward(self, y: Array) -> None:
        """delta^L from the cost, then delta^l = (V^(l+1))^T du^(l+1) * f'(z^l) down to layer 1, with du = delta where
        there is no norm  (BP1, BP2)."""
        for slope_of, z, kept, a in self._slopes:
            slope_of(z, kept, a)
        for slope, mask in self._slopes_and_masks:
            np.multiply(slope, mask, slope)
        if self._is_deep and self._lifts.is_due():
            self._lift(y)
            return
        self._down(y)
        if self._lifts.lifted and not np.isfinite(self.delta[0]).all():  # it has grown since the last look
            self._lift(y)

    def _down(self, y: Array) -> None:
        gemm, multiply = self._gemm, np.multiply
        self._of_cost(self.z[-1], self._a[-1], y, self.delta[-1])
        for scale, duT_above, VT, backT, delta, slope, norm in self._backward:
            gemm(scale, duT_above, VT, 0.0, backT, 0, 1, 1)
            multiply(delta, slope, delta)
            if norm is not None:
                norm()

    def _lift(self, y: Array) -> None:
        """As `_down`, and finds how far each delta is to be lifted."""
        ups = list[int]()
        self._of_cost(self.z[-1], self._a[-1], y, self.delta[-1])
        for scale, duT_above, VT, backT, delta, slope, norm in self._unlifted[0]:
            self._gemm(scale, duT_above, VT, 0.0, backT, 0, 1, 1)
            np.multiply(delta, slope, delta)
            ups.append(self._lifts.more(delta, sum(ups)))
            np.ldexp(delta, ups[-1], out=delta)
            if norm is not None:
                norm()
        self._lifts.set(ups)
        self._bind_lifts()

    def restart(self) -> None:
        """An epoch begins."""
        self._lifts.restart()

    def descend(self, x: Array, eta: float, decay: float) -> None:
        """V <- decay V - (eta/m) du c^T, and what is no weight without the decay, after forward(x) and backward(y).

        decay = 1 - eta lambda/n is what L2 does to the weights alone  (BP3, BP4; Nielsen, eq. 93).
        """
        if decay == 1:
            self._add(x, self._weights, -eta / self.rows, 1.0)
        else:
            self._weights.keep()
            self._add(x, self._weights, -eta / self.rows, decay)
            self._weights.add_kept(1 - decay)

    def add_gradients(self, x: Array, to: Augmented, scale: float, keep: float = 1.0) -> None:
        """V <- keep V + scale * sum over the batch of du c^T, in place, gamma and beta likewise; keep = 0 overwrites
        (BP3, BP4)."""
        for part in to.norms if keep != 1 else ():
            np.multiply(part, keep, part) if keep else part.fill(0)
        self._add(x, to, scale, keep)

    def _add(self, x: Array, to: Augmented, scale: float, keep: float) -> None:
        """As `add_gradients`, but `keep` is that of V: to gamma and beta, which do not decay, is only added."""
        gemm, below, turned = self._gemm, x, 0
        for (share, duT, cT), VT in zip(self._sums, to.transposed, strict=False):
            gemm(scale * share, below, duT, keep, VT, turned, 0, 1)
            below, turned = cT, 1
        if self._norms is not None:
            lifted = self._lifts.lifted
            self._norms.add_gradients(to.norms, [scale * down for down in self._lifts.share] if lifted else scale)
