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

from collections.abc import Sequence
from itertools import accumulate
from typing import NamedTuple

import numpy as np

from vgrad.later import blas
from vgrad.nn.arrays import Array, in_a_row
from vgrad.nn.beside.calls import softmax
from vgrad.nn.beside.lifts import DEEP, Lifts
from vgrad.nn.beside.norm import BesideNorms, Statistics
from vgrad.nn.beside.weights import Augmented
from vgrad.nn.costs import output_error, softmax_f
from vgrad.nn.functions import Call, InTraining, in_training, make, quick, sigmoid_f, sigmoid_slope
from vgrad.nn.network import Network, Noise


def has_bias(network: Network, layer: int) -> bool:
    """Whether b^l is used: a batch norm would subtract it again."""
    return network.norm is None or layer == network.depth


class _Arrays:
    """What passes over `rows` examples write, (n_l, rows) each: `z`, `kept` (of which f' is made), `a`, `delta`, and
    with dropout the `mask` of hidden layers. `c` and `back` are a and delta with the rows that V's further columns make
    of them. `all_…` are those of all hidden layers, as they lie in a row."""

    def __init__(self, network: Network, V: Sequence[Array], rows: int) -> None:
        sizes, dtype = network.sizes[1:], V[0].dtype
        shapes = [*((above.shape[1], rows) for above in V[1:]), (sizes[-1], rows)]
        rows_of_all = [in_a_row(shapes, dtype) for _ in range(5 if network.dropout else 4)]
        (z, wide_z), (kept, wide_kept), (c, self.c), (back, self.back), *of_masks = rows_of_all
        mask, (*wide_mask, _) = of_masks[0] if of_masks else (kept, [kept])
        self.z, self.kept, self.a, self.delta, self.mask = (
            [array[:n] for n, array in zip(sizes, wide, strict=False)]
            for wide in (wide_z, wide_kept, self.c, self.back, wide_mask)
        )
        for layer, (n, each) in enumerate(zip(sizes[:-1], self.c, strict=False), start=1):
            each[n] = 1 - network.dropout if has_bias(network, layer + 1) else 0
        hidden = sum(width * rows for width, _ in shapes[:-1])
        self.all_z, self.all_kept, self.all_c, self.all_masks, self.all_back = (
            each[:hidden] for each in (z, kept, c, mask, back)
        )


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


def _output(network: Network) -> InTraining:
    """The output function, which has no slope of its own; where the cost asks for a^L alone, z^L may be -z^L."""
    if (network.output, network.cost.delta) == (sigmoid_f, output_error):
        return in_training(sigmoid_f, sigmoid_slope)
    if network.output is softmax_f:
        return InTraining(1.0, lambda z, kept, a: softmax(z, a), lambda z, kept, a: [])
    return InTraining(1.0, lambda z, kept, a: [(quick(network.output), (z, a))], lambda z, kept, a: [])


class _Below(NamedTuple):
    """What makes the delta of a layer of what lies above it: (V^(l+1))^T du^(l+1), times f', and what a norm makes of
    the product."""

    scale: float
    duT_above: Array
    VT: Array
    backT: Array
    delta: Array
    slope: Array
    norm: list[Call]


class AugmentedStep:
    """Passes over batches of exactly `rows` examples, and steps that change `weights` and `running` in place.

    `x` is (width of V^1, rows) and y (n_L, rows), an example a column. After a pass, `z` (or -z) and `delta`, as it is
    lifted, of every layer are (n_l, rows); the next one overwrites them.

    A step is a list of calls: `passing`, and then `descending` or `adding`, for a batch that comes again in the same
    arrays. To put them together takes as long as to make them, and methods that are given each batch a tenth more.
    """

    def __init__(
        self, network: Network, weights: Augmented, rows: int, unit: float = 1.0, running: Statistics | None = None
    ) -> None:
        arrays, hidden = _Arrays(network, weights.V, rows), network.depth - 1
        self.rows, self._weights, self.z, self.delta, self._a = rows, weights, arrays.z, arrays.delta, arrays.a
        self._gemm = blas.dgemm if weights.vector.dtype == np.float64 else blas.sgemm
        self._masks = _Masks(network.dropout, arrays.mask) if arrays.mask else None
        functions = [in_training(activation.f, activation.slope) for activation in network.activations]
        self._norms: BesideNorms | None = None
        if network.norm is not None and hidden:
            assert running is not None  # a norm that keeps none is none of a batch
            signs = [each.sign for each in functions]
            self._norms = BesideNorms(network.norm, weights.norms, running, arrays.z[:-1], arrays.delta[:-1], signs)
        self._scales = [unit, *[1 / (1 - network.dropout)] * hidden]  # of what comes from below
        self._forward = self._calls_forward(arrays, [*functions, _output(network)])
        self._forward += self._calls_of_slopes(arrays, functions)
        self._of_cost = network.cost.delta
        self._lifts, self._is_deep = Lifts(hidden + 1, weights.vector.dtype), hidden + 1 >= DEEP
        du = [*self._norms.du, arrays.delta[-1]] if self._norms else arrays.delta
        self._duT, self._cT = [each.T for each in du], [each.T for each in arrays.c]
        self._below = self._all_below(arrays)
        self._all_back, self._ends = arrays.all_back, [0, *accumulate(each.size for each in arrays.back)]
        self._bind_lifts()

    def _calls_forward(self, arrays: _Arrays, functions: list[InTraining]) -> list[Call]:
        """z^l = V^l c^(l-1), or what a norm makes of that, a^l = f(z^l) and masks. `_first` is of the first product,
        which is given the batch."""
        norms, VT, calls = self._norms, self._weights.transposed, list[Call]()
        u = [*norms.centred, arrays.z[-1]] if norms else arrays.z  # what the products write
        normed = [*norms.forward, []] if norms else [[] for _ in u]
        scales = [scale * of.sign for scale, of in zip(self._scales, functions, strict=True)]
        self._first = scales[0], VT[0], u[0].T
        for i, of in enumerate(functions):
            if i > 0:
                calls.append((self._gemm, (scales[i], arrays.c[i - 1].T, VT[i], 0.0, u[i].T, 0, 0, 1)))
            calls += normed[i] + of.f(arrays.z[i], arrays.kept[i], arrays.a[i])
            if i < len(arrays.mask):
                calls.append((np.multiply, (arrays.a[i], arrays.mask[i], arrays.a[i])))
        return [*calls, *norms.move] if norms else calls

    def _calls_of_slopes(self, arrays: _Arrays, functions: list[InTraining]) -> list[Call]:
        """f'(z^l) of the hidden layers, 0 where a mask is."""
        if len({each.slope for each in functions}) == 1:  # for all that lies in a row at once
            calls = functions[0].slope(arrays.all_z, arrays.all_kept, arrays.all_c)
        else:
            each_layer = zip(functions, arrays.z, arrays.kept, arrays.a, strict=False)
            calls = [call for of, z, kept, a in each_layer for call in of.slope(z, kept, a)]
        if self._masks and not all(each.of_output for each in functions):
            calls.append((np.multiply, (arrays.all_kept, arrays.all_masks, arrays.all_kept)))
        return calls

    def _all_below(self, arrays: _Arrays) -> list[_Below]:
        """Of the hidden layers, the last first."""
        norms = self._norms.backward if self._norms else [[] for _ in self._scales[1:]]
        backT = [each.T for each in arrays.back]
        above = self._scales[1:], self._duT[1:], self._weights.transposed[1:], backT, arrays.delta, arrays.kept, norms
        return [_Below(*each) for each in zip(*above, strict=False)][::-1]

    def _bind_lifts(self) -> None:
        """Puts together what multiplies by the powers of two of now."""
        self._backward = list[Call]()
        self._bound: tuple[Augmented, float, float] | None = None  # `_above` is to be made
        for below, up in zip(self._below, self._lifts.down, strict=True):
            product = (below.scale * up, below.duT_above, below.VT, 0.0, below.backT, 0, 1, 1)
            self._backward += [(self._gemm, product), (np.multiply, (below.delta, below.slope, below.delta))]
            self._backward += below.norm
        self._lifted = self._all_back[: self._ends[self._lifts.top]]

    def draw(self, noise: Noise) -> None:
        """The masks of the next pass, where there are any."""
        if self._masks is not None:
            self._masks.draw(noise)

    def passing(self, x: Array, y: Array) -> list[Call]:
        """What makes z^l, a^l, f'(z^l) and then delta^l of every layer, of a batch in these arrays: delta^L from the
        cost, delta^l = (V^(l+1))^T du^(l+1) * f'(z^l), with du = delta where there is no norm  (BP1, BP2)."""
        scale, VT, uT = self._first
        z, a, delta, of_cost = self.z[-1], self._a[-1], self.delta[-1], self._of_cost
        plain = of_cost is output_error
        output: Call = (np.subtract, (a, y, delta)) if plain else (of_cost, (z.T, a.T, y.T, delta.T))
        below: list[Call] = [(self._go_down, ())] if self._is_deep else self._backward
        return [(self._gemm, (scale, x, VT, 0.0, uT, 1, 0, 1)), *self._forward, output, *below]

    def _go_down(self) -> None:
        """The deltas of the hidden layers of a deep network, and how far they are to be lifted."""
        if self._lifts.is_due():
            self._lift()
            return
        make(self._backward)
        if self._lifts.lifted and self._lifts.have_grown(self._lifted, self.delta):  # since the last look
            self._lift()

    def _lift(self) -> None:
        """As the calls of `_backward`, and finds how far each delta is to be lifted."""
        ups = list[int]()
        for scale, duT_above, VT, backT, delta, slope, norm in self._below:
            self._gemm(scale, duT_above, VT, 0.0, backT, 0, 1, 1)
            np.multiply(delta, slope, delta)
            ups.append(self._lifts.more(delta, sum(ups)))
            np.ldexp(delta, ups[-1], out=delta)
            make(norm)
        self._lifts.set(ups)
        self._bind_lifts()

    def restart(self) -> None:
        """An epoch begins."""
        self._lifts.restart()

    def descending(self, x: Array, eta: float, decay: float) -> list[Call]:
        """What makes V <- decay V - (eta/m) du c^T, and what is no weight without the decay, after a pass over x.

        decay = 1 - eta lambda/n is what L2 does to the weights alone  (BP3, BP4; Nielsen, eq. 93).
        """
        weights, scale = self._weights, -eta / self.rows
        if -1 <= decay < 1:
            return [(weights.keep, ()), *self._sums(x, weights, scale, decay), (weights.add_kept, (1 - decay,))]
        # decay b + (1 - decay) b would be off by decay times the rounding of b
        every_W = [view for name, view in weights.views.items() if name.startswith("W")] if decay != 1 else []
        return [*((np.multiply, (W, decay, W)) for W in every_W), *self._sums(x, weights, scale, 1.0)]

    def adding(self, x: Array, to: Augmented, scale: float, keep: float) -> list[Call]:
        """What makes V <- keep V + scale * sum over the batch of du c^T, and gamma and beta in `to` likewise, after a
        pass over x; keep = 0 overwrites  (BP3, BP4)."""
        norms = to.norms if keep != 1 else ()
        begin: list[Call] = [(np.multiply, (part, keep, part)) if keep else (part.fill, (0,)) for part in norms]
        return [*begin, *self._sums(x, to, scale, keep)]

    def _sums(self, x: Array, to: Augmented, scale: float, keep: float) -> list[Call]:
        """As `adding`, but gamma and beta do not decay. Those of deep networks change with the lifts."""
        if self._is_deep:
            return [(self._add, (x, to, scale, keep))]
        return self._sums_of_now(x, to, scale, keep)

    def _add(self, x: Array, to: Augmented, scale: float, keep: float) -> None:
        make(self._sums_of_now(x, to, scale, keep))

    def _sums_of_now(self, x: Array, to: Augmented, scale: float, keep: float) -> list[Call]:
        """With the lifts of now; those above layer 1, which do not take the batch, are put together once."""
        if self._bound != (to, scale, keep):
            factors = [scale * share * of for share, of in zip(self._lifts.share, self._scales, strict=True)]
            self._bound, self._of_first = (to, scale, keep), factors[0]
            above = zip(factors[1:], self._cT, self._duT[1:], to.transposed[1:], strict=False)
            self._above: list[Call] = [
                (self._gemm, (factor, cT, duT, keep, VT, 1, 0, 1)) for factor, cT, duT, VT in above
            ]
            if self._norms is not None:
                shares = self._lifts.share[:-1] if self._is_deep else [1.0]
                self._above += self._norms.adding(to.norms, [scale * share for share in shares])
        first = self._gemm, (self._of_first, x, self._duT[0], keep, to.transposed[0], 0, 0, 1)
        return [first, *self._above]
