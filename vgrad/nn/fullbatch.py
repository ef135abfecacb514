"""Batch gradient descent: the pass of the whole training part, from which the step, the monitors and the norms come.

The cost of epoch k, its norms and the step of epoch k + 1 are functions of the same parameters and the same examples,
so one pass is enough for all three where the batch is the whole part. Forwards and backwards it is in float64 whatever
the type of the parameters, because norms are; the gradients of float32 are multiplied in float32.

Everything lies with the examples side by side, as in Nielsen's z = W a + b: z^l is (n_l, m), and below a^l stands a row
of ones, so that the bias is one more column: z^(l+1) = [W b] [a; 1]. The inputs never change, and images are mostly 0:
the two products with them leave zeros out (`Sparse`). To the outside, z, a and delta are (m, n_l) views, like those
of the other passes, but example i is at row `position[i]`.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from vgrad.nn.activations import Activation
from vgrad.nn.arrays import Array, Parameters, accumulate, aligned, all_finite
from vgrad.nn.functions import F, Slope, quick, sigmoid_f, sigmoid_slope
from vgrad.nn.network import Network
from vgrad.nn.parameters import copy_into

Index = NDArray[np.intp]
IMAGES, PIXELS = 64, 32
"""Examples of a block in x^T, and inputs of one in x."""
WORTH = 0.75
"""The share of a product that is left, above which it is made at once."""


def alike(used: NDArray[np.bool_], rows: int) -> list[Index]:
    """The rows of `used` in blocks of at most `rows`, of which each has many columns that are False in all of it.

    A block begins with the emptiest row that is left, and takes the row that needs the fewest further columns until it
    is full. Whole numbers decide, of equals the first, so that it is the same on every machine.
    """
    left, blocks = np.arange(len(used)), list[Index]()
    while len(left):
        ones = used[left].astype(np.float32)
        further, block = ones.sum(axis=1), list[int]()
        for _ in range(min(rows, len(left))):
            block.append(int(further.argmin()))
            if further[block[-1]]:
                further -= ones @ ones[block[-1]]
                ones[:, ones[block[-1]] > 0] = 0
            further[block[-1]] = np.inf
        blocks.append(left[block])
        left = np.delete(left, block)
    return blocks


class Sparse:
    """Products A M of any A (n, k) with an M (k, m) that never changes and is mostly 0.

    The columns of M are put into blocks by their zeros. A block's product leaves out the rows that are 0 in all of it,
    and with them the columns of A, which is exact. It is also small enough for OpenBLAS to multiply without packing,
    up to n k m = 10^6. Of the first 1,000 images of MNIST, beside a layer of 30: x^T in blocks of 64 images, which need
    350 of 784 pixels each, takes 430 µs instead of 650; x in blocks of 32 pixels, which need 550 of 1,000 images, 450
    instead of 700. `order` says which column of M stands where.
    """

    def __init__(self, M: Array, n: int, columns: int) -> None:
        used = M != 0
        rows, some = np.flatnonzero(used.any(axis=1)), int(used.any(axis=0).sum())
        blocks = alike(used.T, columns)
        kept = [np.flatnonzero(used[:, block].any(axis=1)) for block in blocks]
        if sum(len(block) * len(of) for block, of in zip(blocks, kept, strict=True)) > WORTH * some * len(rows):
            blocks, kept = [np.arange(M.shape[1])], [rows]
        self.order = np.concatenate(blocks)
        room = aligned((max(map(len, kept)) * n,), M.dtype)  # one for all: it stays in the first caches
        self._blocks, start = list[tuple[Index, Array, Array, slice]](), 0
        for block, of in zip(blocks, kept, strict=True):
            part = aligned((len(of), len(block)), M.dtype)
            part[...] = M[np.ix_(of, block)]
            self._blocks.append((of, room[: len(of) * n].reshape(len(of), n), part, slice(start, start + len(block))))
            start += len(block)

    def multiply(self, AT: Array, out: Array) -> None:
        """The columns of A M in `order`, into `out` (n, m); AT is (k, n)."""
        for rows, room, part, columns in self._blocks:
            np.matmul(AT.take(rows, axis=0, out=room, mode="clip").T, part, out=out[:, columns])


class _Sigmoid:
    """f and f' of one layer from one exponential: a = e/(1 + e) and f'(z) = a/(1 + e) with e = exp(z).

    Both are right to rounding. Beyond 709, where e overflows, a is 1 and f' is 0.
    """

    def __init__(self, shape: tuple[int, ...]) -> None:
        self._others = aligned(shape, np.float64)  # 1/(1 + e) = 1 - a

    def f(self, z: Array, out: Array) -> Array:
        others = np.add(np.exp(z, out), 1, self._others)
        np.reciprocal(others, others)
        np.multiply(out, others, out)
        return np.fmin(out, 1, out)  # infinity times 0 is NaN, which fmin leaves aside

    def slope(self, z: Array, a: Array, out: Array) -> Array:
        return np.multiply(a, self._others, out)


def _pair(activation: Activation, shape: tuple[int, ...]) -> tuple[F, Slope]:
    """f and f' as the pass takes them: nothing looks at the flag of overflow."""
    if (activation.f, activation.slope) == (sigmoid_f, sigmoid_slope):
        sigmoid = _Sigmoid(shape)
        return sigmoid.f, sigmoid.slope
    return quick(activation.f), quick(activation.slope)


class _Layer:
    """The arrays of a layer: z, a and delta, (n, m); `one` is a with the row of ones; `sum` that of delta, (n,)."""

    def __init__(self, n: int, m: int) -> None:
        self.z, self.delta, self.slope, self.one = (aligned((rows, m), np.float64) for rows in (n, n, n, n + 1))
        self.one[-1] = 1
        self.a, self.sum = self.one[:-1], np.empty(n)


class FullBatch:
    """Passes of a plain network over the examples x (m, n_0) with the targets y (m, n_L), float64; nothing is drawn.

    `pass_through()` makes z, a and delta of every layer those of `parameters`; it computes nothing where they are.
    `sums[l - 1]` is the sum of delta^l over the examples, (n_l,): m dC/db^l.
    """

    def __init__(self, network: Network, parameters: Parameters, x: Array, y: Array) -> None:
        m, sizes, numbers = len(x), network.sizes, range(1, network.depth + 1)
        self.network, self.rows, self._parameters = network, m, parameters
        self.W, self.b = [parameters[f"W{layer}"] for layer in numbers], [parameters[f"b{layer}"] for layer in numbers]
        self._images = Sparse(np.vstack([x.T, np.ones(m)]), sizes[1], IMAGES)
        self._pixels = Sparse(x[self._images.order].astype(self.W[0].dtype), sizes[1], PIXELS)
        self.position, self._column = np.argsort(self._images.order), np.argsort(self._pixels.order)
        self._y = self.in_order(y)
        self._layers = [_Layer(n, m) for n in sizes[1:]]
        self.z, self.a = [layer.z.T for layer in self._layers], [layer.a.T for layer in self._layers]
        self.delta: list[Array] = [layer.delta.T for layer in self._layers]
        self.sums: list[Array] = [layer.sum for layer in self._layers]
        self._pairs = [_pair(f, (n, m)) for f, n in zip(network.activations, sizes[1:], strict=False)]
        self._output = quick(network.output)
        self._ones = np.ones(m)
        self._W1T = aligned((sizes[0] + 1, sizes[1]), np.float64)  # [W1 b1]^T
        self._Wb = [aligned((n, k + 1), np.float64) for k, n in pairwise(sizes[1:])]  # [W b] of the others
        self._made_of: Parameters = {"W1": aligned((sizes[1], sizes[0]), np.float64), "b1": self._W1T[-1]}
        for layer, joint in enumerate(self._Wb, start=2):
            self._made_of |= {f"W{layer}": joint[:, :-1], f"b{layer}": joint[:, -1]}
        self._is_made, self._is_finite = False, False
        shape = self.W[0].shape
        self._dW1 = [aligned(shape, self.W[0].dtype) for _ in range(2)]
        self._delta1 = aligned((m, sizes[1]), self.W[0].dtype)

    def in_order(self, of_examples: Array) -> Array:
        """(m, n), a row an example, in the order of z, a and delta and laid out like them."""
        found = aligned(of_examples.shape[::-1], of_examples.dtype)
        found[...] = of_examples[self._images.order].T
        return found.T

    def pass_through(self) -> None:
        """Forward and backward. What overflows stays in z and delta: a step goes on with it, as with any batch."""
        if self._stands():
            return
        copy_into(self._made_of, self._parameters)
        with np.errstate(all="ignore"):
            self._forward()
            self._backward()
        self._is_made, self._is_finite = True, False

    def measured(self) -> FullBatch:
        """Itself, after the pass; FloatingPointError where it overflowed: the network has diverged."""
        self.pass_through()
        if not self._is_finite:
            if not all(all_finite(array) for layer in self._layers for array in (layer.z, layer.delta)):
                raise FloatingPointError("the pass has overflowed")
            self._is_finite = True
        return self

    def _stands(self) -> bool:
        """Compared number by number, for a hundredth of a pass: whoever changes parameters has nobody to tell."""
        return self._is_made and all(
            bool((value == self._made_of[name]).all()) for name, value in self._parameters.items()
        )

    def _forward(self) -> None:
        """z^l = [W^l b^l] [a^(l-1); 1], a^l = f(z^l)."""
        np.copyto(self._W1T[:-1], self._made_of["W1"].T)
        self._images.multiply(self._W1T, self._layers[0].z)
        for (f, _), joint, layer, above in zip(self._pairs, self._Wb, *self._neighbours(), strict=True):
            f(layer.z, layer.a)
            np.dot(joint, layer.one, out=above.z)
        self._output(self.z[-1], self.a[-1])

    def _backward(self) -> None:
        """delta^L from the cost, delta^l = ((W^(l+1))^T delta^(l+1)) * f'(z^l)  (BP1, BP2)."""
        self.network.cost.delta(self.z[-1], self.a[-1], self._y, self.delta[-1])
        steps = list(zip(self._pairs, self._Wb, *self._neighbours(), strict=True))
        for (_, slope), joint, layer, above in reversed(steps):
            np.dot(joint[:, :-1].T, above.delta, out=layer.delta)
            np.multiply(layer.delta, slope(layer.z, layer.a, layer.slope), out=layer.delta)
        for layer in self._layers:
            np.dot(layer.delta, self._ones, out=layer.sum)

    def _neighbours(self) -> tuple[list[_Layer], list[_Layer]]:
        """Every hidden layer, and the one above it."""
        return self._layers[:-1], self._layers[1:]

    def descend(self, eta: float, decay: float) -> None:
        """W <- decay W - (eta/m) delta a^T, b <- b - (eta/m) delta 1, in place  (BP3, BP4; Nielsen, eq. 93)."""
        self._accumulate(self._parameters, -eta / self.rows, decay, 1.0)
        self._is_made = False

    def add_gradients(self, gradients: Parameters, scale: float, keep: float = 1.0) -> None:
        """g <- keep g + scale * sum over the examples of every parameter's gradient, in place; keep = 0 overwrites."""
        self._accumulate(gradients, scale, keep, keep)

    def _accumulate(self, of: Parameters, scale: float, keep_W: float, keep_b: float) -> None:
        dtype = self.W[0].dtype
        for number, layer in enumerate(self._layers, start=1):
            dW = self._first_dW() if number == 1 else np.dot(layer.delta, self.a[number - 2]).astype(dtype, copy=False)
            accumulate(of[f"W{number}"], dW, scale, keep_W)
            accumulate(of[f"b{number}"], layer.sum.astype(dtype, copy=False), scale, keep_b)

    def _first_dW(self) -> Array:
        """delta^1 x, which is not yet a mean, in the type of the parameters."""
        in_blocks, dW = self._dW1
        np.copyto(self._delta1, self.delta[0], casting="same_kind")
        self._pixels.multiply(self._delta1, in_blocks)
        return in_blocks.take(self._column, axis=1, out=dW, mode="clip")
