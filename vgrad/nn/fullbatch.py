"""Batch gradient descent: the pass of the whole training part, from which the step, the monitors and the norms come.

The cost of epoch k, its norms and the step of epoch k + 1 are functions of the same parameters and the same examples,
so one pass is enough for all three where the batch is the whole part. It is in float64 whatever the type of the
parameters, because norms are; in float32 is then the largest product of the step, dC/dW^1, and what it adds to.

Everything lies with the examples side by side, as in Nielsen's z = W a + b: z^l is (n_l, m), and below a^l stands a row
of ones, so that the bias is one more column: z^(l+1) = [W b] [a; 1]. The inputs never change, and images are mostly 0:
the two products with them leave zeros out (`Sparse`). To the outside, z, a and delta are (m, n_l) views, like those
of the other passes, but example i is at row `position[i]`.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from vgrad.nn.activations import Activation
from vgrad.nn.arrays import Array, Parameters, accumulate, aligned, all_finite
from vgrad.nn.functions import quick, sigmoid_f, sigmoid_slope
from vgrad.nn.network import Network

Index = NDArray[np.intp]
Both = Callable[[Array, Array, Array], object]
IMAGES, PIXELS, EVEN = 64, 32, 8
"""Examples of a block in x^T, inputs of one in x, and what smaller ones are a multiple of: a vector of float64."""
UNPACKED = 1e6
"""Multiplications of a product that OpenBLAS makes without copying the matrices first, which it is quicker at."""
ROWS_COPIED = 1000
"""Rows of a part that are copied at once."""
PATIENCE = 4e9
"""Numbers that are not 0 times columns up to which blocks are sought: beyond it that takes seconds."""
WORTH = 0.75
"""The share of the rows of M that a block needs above which it multiplies all of them, and that of the whole product
above which there are no blocks."""


def alike(used: NDArray[np.bool_], rows: int, area: float = np.inf) -> list[Index]:
    """The rows of `used` in blocks of at most `rows`, of which each has many columns that are False in all of it.

    A block begins with the emptiest row that is left, and takes the row that needs the fewest further columns, until it
    is full or has more than `area` numbers in the columns that it needs; it then is a multiple of EVEN rows. Whole
    numbers decide, of equals the first, so that it is the same on every machine.
    """
    columns, size = used.T.astype(np.int32), used.sum(axis=1, dtype=np.int32)
    taken = 2 * used.shape[1] + 1  # more than any row needs, also once all columns have been taken from it
    left, blocks = len(used), list[Index]()
    while left:
        further, free, needed, block = size.copy(), np.ones(used.shape[1], np.bool_), 0, list[int]()
        for _ in range(min(rows, left)):
            row = int(further.argmin())
            fresh = np.flatnonzero(used[row] & free)
            needed += len(fresh)
            if len(block) >= EVEN and (len(block) + 1) * needed > area:
                del block[len(block) // EVEN * EVEN :]
                break
            block.append(row)
            free[fresh] = False
            further -= columns[fresh].sum(axis=0, dtype=np.int32)
            further[row] = taken
        size[block] = taken
        blocks.append(np.array(block))
        left -= len(block)
    return blocks


class Sparse:
    """Products A M of changing A (n, k) with an M (k, m) that never changes and is mostly 0.

    The columns of M are put into blocks by their zeros. A block's product leaves out the rows that are 0 in all of it,
    and with them the columns of A, which is exact; and it is small enough for OpenBLAS to make without packing. Of the
    first 1,000 images of MNIST, beside a layer of 30: x^T in blocks of 64 images, which need 350 of 784 pixels each,
    takes 410 µs instead of 650; x in blocks of 32 pixels, which need 550 of 1,000 images, 390 instead of 700.

    A^T is written into `AT` (k, n) before `multiply()`, and A M is in `product` (n, m) after it, columns in `order`.
    """

    def __init__(self, M: Array, n: int, columns: int) -> None:
        used = M != 0
        rows, some = np.flatnonzero(used.any(axis=1)), np.flatnonzero(used.any(axis=0))
        most, numbers = WORTH * len(some) * len(rows), int(np.count_nonzero(used))  # blocks need all of them and more
        pays = numbers <= most and numbers * len(used.T) <= PATIENCE and n * len(rows) * EVEN <= UNPACKED
        blocks = alike(used.T, columns, UNPACKED / n) if pays else []
        kept = [np.flatnonzero(used[:, block].any(axis=1)) for block in blocks]
        needed = sum(len(block) * len(of) for block, of in zip(blocks, kept, strict=True))
        if not blocks or needed > most:
            blocks, kept = [some, np.flatnonzero(~used.any(axis=0))], [rows, rows[:0]]
        self.order = np.concatenate(blocks)
        self.AT, self.product = aligned((len(M), n), M.dtype), aligned((n, M.shape[1]), M.dtype)
        self.product.fill(0)  # where M has columns of zeros, it stays so
        room = aligned((len(M), n), M.dtype)  # one for all: it stays in the first caches
        self._blocks, start = list[tuple[Index | None, Array, Array, Array, Array]](), 0
        for block, of in zip(blocks, kept, strict=True):
            product = self.product[:, start : start + len(block)]
            start += len(block)
            if len(of) >= WORTH * len(M) and n * len(M) * len(block) <= UNPACKED:  # to gather takes longer
                self._blocks.append((None, room, self.AT.T, _part(M, np.arange(len(M)), block), product))
            elif len(of):
                taken = room[: len(of)]
                self._blocks.append((of, taken, taken.T, _part(M, of, block), product))

    def multiply(self) -> None:
        """`product` of what `AT` holds."""
        for rows, taken, A, part, product in self._blocks:
            if rows is not None:
                self.AT.take(rows, 0, taken, "clip")
            np.matmul(A, part, product)


def _part(M: Array, rows: Index, columns: Index) -> Array:
    part = aligned((len(rows), len(columns)), M.dtype)
    for start in range(0, len(rows), ROWS_COPIED):  # a part may be all of M, which is not to be there a further time
        some = slice(start, start + ROWS_COPIED)
        part[some] = M[rows[some, None], columns]
    return part


def _sigmoid(z: Array, a: Array, slope: Array) -> None:
    """f(z) = e/(1 + e) and f'(z) = f(z)/(1 + e) from one e = exp(z), both right to rounding.

    Beyond 709, where e overflows, they are 1 and 0.
    """
    np.add(np.exp(z, a), 1, slope)
    np.reciprocal(slope, slope)
    np.multiply(a, slope, a)
    if not all_finite(a):
        np.fmin(a, 1, a)  # infinity times 0 is NaN, and fmin takes the other
    np.multiply(a, slope, slope)


def _both(activation: Activation) -> Both:
    """What makes a and f'(z) of z. Nothing looks at the flag of overflow."""
    if (activation.f, activation.slope) == (sigmoid_f, sigmoid_slope):
        return _sigmoid
    f, slope_of = quick(activation.f), quick(activation.slope)
    return lambda z, a, slope: slope_of(z, f(z, a), slope)


class _Layer:
    """The arrays of a layer of n neurons: `Wb` is [W b], (n, k + 1); z, a and delta are (n, m), and `c` is a with the
    row of ones; `sum` is that of delta over the examples, (n,).

    `multiply()` makes z of what is below, and `both(z, a, slope)` makes a and f'(z) of z.
    """

    def __init__(self, n: int, below: Sparse | _Layer, m: int, both: Both) -> None:
        self.Wb: Array
        self.c: Array = aligned((n + 1, m), np.float64)
        self.multiply: Callable[[], object]
        if isinstance(below, Sparse):
            self.Wb, self.z, self.multiply = below.AT.T, below.product, below.multiply
        else:
            self.Wb, self.z = aligned((n, len(below.c)), np.float64), aligned((n, m), np.float64)
            self.multiply = partial(np.dot, self.Wb, below.c, self.z)
        self.c[-1] = 1
        self.a, self.delta, self.sum, self.both = self.c[:-1], aligned((n, m), np.float64), np.empty(n), both


class FullBatch:
    """Passes of a plain network over the examples x (m, n_0) with the targets y (m, n_L), float64; nothing is drawn.

    `pass_through()` makes z, a and delta of every layer those of `parameters`; it computes nothing where they are.
    Whoever changes `parameters` says so by `changed()`.
    `sums[l - 1]` is the sum of delta^l over the examples, (n_l,): m dC/db^l.
    """

    def __init__(self, network: Network, parameters: Parameters, x: Array, y: Array) -> None:
        m, sizes, numbers = len(x), network.sizes, range(1, network.depth + 1)
        self.network, self.rows, self._parameters = network, m, parameters
        self.W, self.b = [parameters[f"W{layer}"] for layer in numbers], [parameters[f"b{layer}"] for layer in numbers]
        self.images = Sparse(np.vstack([x.T, np.ones(m)]), sizes[1], IMAGES)
        self.pixels = Sparse(x[self.images.order].astype(self.W[0].dtype), sizes[1], PIXELS)
        self.position, self._column = np.argsort(self.images.order), np.argsort(self.pixels.order)
        self._y = self.in_order(y)
        output = quick(network.output)
        functions = [*map(_both, network.activations), lambda z, a, _: output(z.T, a.T)]
        self._layers = list[_Layer]()
        for n, both in zip(sizes[1:], functions, strict=True):
            self._layers.append(_Layer(n, self._layers[-1] if self._layers else self.images, m, both))
        self.z, self.a = [layer.z.T for layer in self._layers], [layer.a.T for layer in self._layers]
        self.delta: list[Array] = [layer.delta.T for layer in self._layers]
        self.sums: list[Array] = [layer.sum for layer in self._layers]
        self._ones, self._room = np.ones(m), aligned((max(sizes[1:]), m), np.float64)
        self._dW1 = aligned(self.W[0].shape, self.W[0].dtype)
        self._dW_above = [aligned(W.shape, np.float64) for W in self.W[1:]]
        self._is_made = self._is_finite = False

    def in_order(self, of_examples: Array) -> Array:
        """(m, n), a row an example, in the order of z, a and delta and laid out like them."""
        found = aligned(of_examples.shape[::-1], of_examples.dtype)
        found[...] = of_examples[self.images.order].T
        return found.T

    def pass_through(self) -> None:
        """Forward and backward. What overflows stays in z and delta: a step goes on with it, as with any batch."""
        if not self._is_made:
            self._is_made = self._is_finite = True
            with np.errstate(all="ignore"):
                self._forward()
                self._backward()

    def changed(self) -> None:
        """The parameters are others: the next pass is made."""
        self._is_made = False

    def measured(self) -> FullBatch:
        """Itself, after the pass; FloatingPointError where it overflowed: the network has diverged."""
        self.pass_through()
        if not self._is_finite:
            raise FloatingPointError("the pass has overflowed")
        return self

    def _forward(self) -> None:
        """z^l = [W^l b^l] [a^(l-1); 1], a^l = f(z^l)."""
        for layer, W, b in zip(self._layers, self.W, self.b, strict=True):
            layer.Wb[:, :-1], layer.Wb[:, -1] = W, b
            layer.multiply()
            self._is_finite &= all_finite(layer.z)
            layer.both(layer.z, layer.a, layer.delta)  # f'(z) waits where delta will be

    def _backward(self) -> None:
        """delta^L from the cost, delta^l = ((W^(l+1))^T delta^(l+1)) * f'(z^l)  (BP1, BP2)."""
        self.network.cost.delta(self.z[-1], self.a[-1], self._y, self.delta[-1])
        for above, layer in pairwise(self._layers[::-1]):
            back = np.dot(above.Wb[:, :-1].T, above.delta, out=self._room[: len(layer.delta)])
            np.multiply(back, layer.delta, out=layer.delta)
        for layer in self._layers:
            np.dot(layer.delta, self._ones, out=layer.sum)
            self._is_finite &= all_finite(layer.sum) or all_finite(layer.delta)

    def descend(self, eta: float, decay: float) -> None:
        """W <- decay W - (eta/m) delta a^T, b <- b - (eta/m) delta 1, in place  (BP3, BP4; Nielsen, eq. 93)."""
        self._accumulate(self._parameters, -eta / self.rows, decay, 1.0)
        self.changed()

    def add_gradients(self, gradients: Parameters, scale: float, keep: float = 1.0) -> None:
        """g <- keep g + scale * sum over the examples of every parameter's gradient, in place; keep = 0 overwrites."""
        self._accumulate(gradients, scale, keep, keep)

    def _accumulate(self, of: Parameters, scale: float, keep_W: float, keep_b: float) -> None:
        dtype = self._dW1.dtype
        for (below, layer), dW in zip(pairwise(self._layers), self._dW_above, strict=True):
            np.dot(layer.delta, below.a.T, dW)
        for number, (dW, db) in enumerate(zip([self._first_dW(), *self._dW_above], self.sums, strict=True), start=1):
            accumulate(of[f"W{number}"], dW.astype(dtype, copy=False), scale, keep_W)
            accumulate(of[f"b{number}"], db.astype(dtype, copy=False), scale, keep_b)

    def _first_dW(self) -> Array:
        """delta^1 x, in the type of the parameters."""
        np.copyto(self.pixels.AT, self.delta[0], casting="same_kind")
        self.pixels.multiply()
        return self.pixels.product.take(self._column, axis=1, out=self._dW1, mode="clip")
