"""Backpropagation: the plain way through a chain of affine layers, and the general one through every kind of layer.

Hidden layer l, rows are examples, everything (m, n_l) unless told:

    u = a^(l-1) (W^l)^T + b^l     with k pieces (m, k n_l), of which each unit keeps its largest
    z = u, or gamma (u - mean)/s + beta with a norm
    h = f(z), times mask / (1 - dropout) in training
    a^l = h, or a^(l-1) + h with a residual connection

z^l is what enters f, and delta^l = dC/dz^l. With batch statistics the examples of a batch depend on each other: delta
then is the derivative of the cost summed over the batch.

On small layers the calls are what a pass costs. The plain way, of networks with weights, biases and an activation and
nothing more, makes all arrays once, writes with `out=`, and leaves the update W <- (1 - eta lambda/n) W - (eta/m)
delta^T a to a single BLAS call that multiplies, scales and adds in place; small networks are trained in fewer calls
still (`beside`). Normalization, residual connections, learned activations, dropout and noise go the general way.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, ParamSpec

import numpy as np
from numpy.typing import DTypeLike, NDArray

from vgrad.later import blas
from vgrad.nn.arrays import Array, Parameters, accumulate, aligned
from vgrad.nn.functions import quick
from vgrad.nn.network import Network, Noise
from vgrad.nn.norms import Mode, NormPass

P = ParamSpec("P")
SMALL = 2**16
"""Weights up to which a product costs its call: SciPy's BLAS, called by position, is then a third faster than NumPy's,
and up to half slower above."""


def _blas(dtype: DTypeLike) -> tuple[Any, Any]:
    """gemm and gemv of this type."""
    return (blas.dgemm, blas.dgemv) if dtype == np.float64 else (blas.sgemm, blas.sgemv)


def _taken(function: Callable[P, Array], mode: Mode) -> Callable[P, Array]:
    """f or f' as passes of this mode take it."""
    return quick(function) if mode == "train" else function


class Backprop:
    """Passes of one network over batches of exactly `rows` examples; changes `parameters` in place.

    After `forward(x)`: z and a of every layer. After `backward(y)`: delta of every layer. The arrays are overwritten by
    the next pass.

    What a step's calls are given is bound here once, and by position: a name costs a call of f2py half a microsecond,
    of some three. BLAS counts columns first: a row-major W is, without a copy, the column-major W^T that it reads, and
    updates in place. f'(z) is made where it is used, in one array for all layers, which stays in the caches: an array a
    layer costs wide networks 2 % of a step.
    """

    def __init__(self, network: Network, parameters: Parameters, rows: int, mode: Mode = "probe") -> None:
        sizes, layers = network.sizes[1:], range(1, network.depth + 1)
        self.network, self.rows = network, rows
        self.W, self.b = [parameters[f"W{layer}"] for layer in layers], [parameters[f"b{layer}"] for layer in layers]
        if any(not W.flags.c_contiguous for W in self.W):
            raise ValueError("weights must be C-contiguous: the update works in place")
        dtype = self.W[0].dtype
        shapes = [(rows, n) for n in sizes]
        self.z, self.a, self.delta = ([aligned(shape, dtype) for shape in shapes] for _ in range(3))
        self._ones = np.ones(rows, dtype)
        self._gemm, self._gemv = _blas(dtype)
        self._WT = [W.T for W in self.W]
        self._aT = [a.T for a in self.a]
        self._deltaT = [delta.T for delta in self.delta]
        functions = [*(_taken(activation.f, mode) for activation in network.activations), network.output]
        zT = [each.T for each in self.z]
        self._forward = list(zip(self._WT, self.b, self.z, zT, self.a, self._aT, functions, strict=True))
        slope_of = [_taken(activation.slope, mode) for activation in network.activations]
        room = aligned((rows * max(sizes),), dtype)
        slopes = [room[: rows * n].reshape(rows, n) for n in sizes[:-1]]
        products = [self._times(*each) for each in zip(self.delta[1:], self.W[1:], self.delta[:-1], strict=True)]
        below = zip(products, slope_of, self.z, self.a, slopes, self.delta, strict=False)
        self._backward = list(below)[::-1]

    def _times(self, delta: Array, W: Array, out: Array) -> Callable[[], object]:
        """What makes `out` = delta W."""
        if W.size <= SMALL:
            return partial(self._gemm, 1.0, W.T, delta.T, 0.0, out.T, 0, 0, 1)
        return partial(np.dot, delta, W, out)

    def forward(self, x: Array, noise: Noise | None = None) -> Array:
        """z^l and a^l of every layer for x of shape (rows, n_0); returns a^L; nothing is drawn from `noise`."""
        gemm, aT_below = self._gemm, x.T
        for WT, b, z, zT, a, aT, f in self._forward:
            z[...] = b
            gemm(1.0, WT, aT_below, 1.0, zT, 1, 0, 1)  # z <- a W^T + z: what is added row by row costs twice as much
            f(z, a)
            aT_below = aT
        return self.a[-1]

    def backward(self, y: Array) -> None:
        """delta^L from the cost, then delta^l = (delta^(l+1) W^(l+1)) * f'(z^l) down to layer 1  (BP1, BP2)."""
        multiply = np.multiply
        self.network.cost.delta(self.z[-1], self.a[-1], y, self.delta[-1])
        for make, slope_of, z, a, slope, delta in self._backward:
            make()
            multiply(delta, slope_of(z, a, slope), delta)

    def descend(self, x: Array, eta: float, decay: float) -> None:
        """W <- decay W - (eta/m) delta^T a, b <- b - (eta/m) delta^T 1, in place, after forward(x) and backward(y).

        decay = 1 - eta lambda/n is what L2 does to the weights  (BP3, BP4; Nielsen, eq. 93).
        """
        self._accumulate(x, -eta / self.rows, decay, 1.0, self._WT, self.b)

    def add_gradients(self, x: Array, gradients: Parameters, scale: float, keep: float = 1.0) -> None:
        """g <- keep g + scale * sum over the batch of dC_x/dW^l and dC_x/db^l, in place  (BP3, BP4).

        keep = 0 overwrites `gradients`, whatever they hold.
        """
        layers = range(1, len(self.W) + 1)
        of_W, of_b = [gradients[f"W{layer}"].T for layer in layers], [gradients[f"b{layer}"] for layer in layers]
        self._accumulate(x, scale, keep, keep, of_W, of_b)

    def _accumulate(
        self, x: Array, scale: float, keep_W: float, keep_b: float, WT: list[Array], b: list[Array]
    ) -> None:
        """W <- keep_W W + scale delta^T a, b <- keep_b b + scale delta^T 1, for W and b or what has their shapes."""
        gemm, gemv, ones, aT = self._gemm, self._gemv, self._ones, x.T
        for C, c, deltaT, aT_above in zip(WT, b, self._deltaT, self._aT, strict=True):
            gemm(scale, aT, deltaT, keep_W, C, 0, 1, 1)  # trans_a, trans_b, overwrite_c
            gemv(scale, deltaT, ones, keep_b, c, 0, 1, 0, 1, 0, 1)  # offsets and strides of x and y, trans, overwrite_y
            aT = aT_above


class _Affine:
    """u = a W^T + b of one layer, with its derivatives, for a batch of u's rows; `b` is None where it is not used."""

    def __init__(self, layer: int, W: Array, b: Array | None, u: Array) -> None:
        self.layer, self.b, self.u = layer, b, u
        self._WT, self._uT, self._ones = W.T, u.T, np.ones(len(u), u.dtype)
        self._gemm, self._gemv = _blas(u.dtype)
        self.W, self._below = W, aligned((len(u), W.shape[1]), u.dtype)

    def forward(self, a: Array) -> Array:
        if self.b is not None:
            self.u[...] = self.b
        self._gemm(1.0, self._WT, a.T, 0.0 if self.b is None else 1.0, self._uT, 1, 0, 1)
        return self.u

    def backward(self, du: Array) -> Array:
        """dC/da = du W, overwritten by the next pass."""
        return np.dot(du, self.W, out=self._below)

    def add_gradients(self, a: Array, du: Array, of: Parameters, scale: float, keep_W: float, keep: float) -> None:
        self._gemm(scale, a.T, du.T, keep_W, of[f"W{self.layer}"].T, 0, 1, 1)
        if self.b is not None:
            self._gemv(scale, du.T, self._ones, keep, of[f"b{self.layer}"], 0, 1, 0, 1, 0, 1)


class HiddenLayer:
    """One hidden layer's passes over batches of exactly `rows` examples."""

    def __init__(
        self, network: Network, layer: int, parameters: Parameters, buffers: Parameters, rows: int, mode: Mode
    ) -> None:
        W, n = parameters[f"W{layer}"], network.sizes[layer]
        activation = network.activations[layer - 1]
        self._pieces, self._learned, self._layer = activation.pieces, activation.learned, layer
        if self._learned is not None:
            activation = self._learned.bind(parameters[f"{self._learned.name}{layer}"])
        self._f_of, self._slope_of = _taken(activation.f, mode), _taken(activation.slope, mode)
        norm = network.norm
        self._norm = None if norm is None else NormPass(norm, layer, parameters, buffers, mode, rows)
        subtracted = norm is not None and norm.axis == 0 and self._pieces == 1
        u = aligned((rows, self._pieces * n), W.dtype)
        self._affine = _Affine(layer, W, None if subtracted else parameters[f"b{layer}"], u)
        self._dropout = network.dropout if mode == "train" else 0.0
        self._residual = network.residual and network.sizes[layer - 1] == n
        self._x: Array
        self._winner: NDArray[np.intp]  # (rows, n): the piece that each unit's z is of
        self._f, self._h, self.mask, self._masked, self.delta, self.slope = (
            aligned((rows, n), W.dtype) for _ in range(6)
        )
        self.z = aligned((rows, n), W.dtype) if self._norm or self._pieces > 1 else u
        self.a = aligned((rows, n), W.dtype) if self._residual else self._h if self._dropout else self._f
        self._dh: Array  # dC/df(z)
        self._du: Array  # dC/du

    def forward(self, x: Array, noise: Noise | None) -> Array:
        """a^l of x = a^(l-1)."""
        self._x = x
        u = self._affine.forward(x)
        if self._pieces > 1:
            u = self._largest(u)
        if self._norm is not None:
            self._norm.forward(u, self.z)
        h = self._f_of(self.z, self._f)
        if self._dropout:
            assert noise is not None  # training draws
            noise.masks.random(out=self.mask, dtype=self.mask.dtype.type)
            np.greater_equal(self.mask, self._dropout, out=self.mask)
            np.multiply(self.mask, 1 / (1 - self._dropout), out=self.mask)
            h = np.multiply(h, self.mask, out=self._h)
        return np.add(x, h, out=self.a) if self._residual else h

    def _largest(self, u: Array) -> Array:
        pieces = u.reshape(len(u), self._pieces, -1)
        self._winner = pieces.argmax(axis=1)
        np.max(pieces, axis=1, out=self.z)
        return self.z.copy() if self._norm is not None else self.z

    def backward(self, da: Array) -> None:
        """From da = dC/da^l: delta and all that the gradients need."""
        self._dh = np.multiply(da, self.mask, out=self._masked) if self._dropout else da
        self._slope_of(self.z, self._f, self.slope)
        np.multiply(self.slope, self._dh, out=self.delta)
        self._du = self._through(self.delta)

    def below(self, da: Array) -> Array:
        """dC/da^(l-1), after `backward(da)`."""
        below = self._affine.backward(self._du)
        return np.add(below, da, out=below) if self._residual else below

    def _through(self, delta: Array, *, fixed: bool = False) -> Array:
        """dC/du, of u's shape, from delta = dC/dz."""
        du = delta if self._norm is None else self._norm.backward(delta, fixed=fixed)
        if self._pieces == 1:
            return du
        spread = np.zeros((len(du), self._pieces, du.shape[1]), du.dtype)
        np.put_along_axis(spread, self._winner[:, None, :], du[:, None, :], axis=1)
        return spread.reshape(len(du), -1)

    def keep_first(self, k: int) -> None:
        """Forgets all but the first k examples of the last forward pass; for `jacobian_row`, not for another pass."""
        self.z, self._f, self.slope = self.z[:k], self._f[:k], self.slope[:k]
        if self._pieces > 1:
            self._winner = self._winner[:k]
        if self._norm is not None:
            self._norm.keep_first(k)

    def jacobian_row(self, da: Array) -> Array:
        """da times the Jacobian da^l/da^(l-1) of the last forward pass, example by example.

        Batch statistics count as constants, so that an example's output depends on its own input only; masks as 1.
        """
        self._slope_of(self.z, self._f, self.slope)
        below = np.dot(self._through(self.slope * da, fixed=True), self._affine.W)
        return np.add(below, da, out=below) if self._residual else below

    def add_gradients(self, of: Parameters, scale: float, keep_W: float, keep: float) -> None:
        """g <- keep g + scale * sum over the batch of every parameter's gradient; keep_W is that of the weights."""
        layer = self._layer
        self._affine.add_gradients(self._x, self._du, of, scale, keep_W, keep)
        if self._norm is not None:
            for name, sums in zip(("gamma", "beta"), self._norm.sums, strict=True):
                accumulate(of[f"{name}{layer}"], sums, scale, keep)
        if self._learned is not None:
            sums = np.einsum("ij,ij->j", self._dh, self._learned.gradient(self.z))
            accumulate(of[f"{self._learned.name}{layer}"], sums, scale, keep)


class GeneralBackprop:
    """Like `Backprop`, for any network: passes over batches of exactly `rows` examples in one mode.

    `forward(x, noise)`, `backward(y)`, `add_gradients(x, …)`; z, a and delta are lists over the layers, and `x` is the
    input as the first layer saw it, with its noise.
    """

    def __init__(
        self, network: Network, parameters: Parameters, rows: int, buffers: Parameters, mode: Mode = "train"
    ) -> None:
        self.network, self.rows, self.mode = network, rows, mode
        self._parameters, depth = parameters, network.depth
        self.W = [parameters[f"W{layer}"] for layer in range(1, depth + 1)]
        self.b = [parameters[f"b{layer}"] for layer in range(1, depth + 1)]
        self.layers = [HiddenLayer(network, layer, parameters, buffers, rows, mode) for layer in range(1, depth)]
        dtype, shape = self.W[0].dtype, (rows, network.sizes[-1])
        self._output = _Affine(depth, self.W[-1], self.b[-1], np.empty(shape, dtype))
        self.z = [*(layer.z for layer in self.layers), self._output.u]
        self.a = [*(layer.a for layer in self.layers), np.empty(shape, dtype)]
        self.delta = [*(layer.delta for layer in self.layers), np.empty(shape, dtype)]
        self.x = np.empty((rows, network.sizes[0]), dtype)
        self._input: Array

    def forward(self, x: Array, noise: Noise | None = None) -> Array:
        """z^l and a^l of every layer for x of shape (rows, n_0); returns a^L. Training draws from `noise`."""
        if self.network.input_noise and self.mode == "train":
            assert noise is not None  # training draws
            noise.inputs.standard_normal(out=self.x, dtype=self.x.dtype.type)
            np.multiply(self.x, self.network.input_noise, out=self.x)
            np.add(self.x, x, out=self.x)
        else:
            np.copyto(self.x, x)
        a = self.x
        for layer in self.layers:
            a = layer.forward(a, noise)
        self._input = a
        return self.network.output(self._output.forward(a), self.a[-1])

    def backward(self, y: Array) -> None:
        """delta of every layer, from the cost at the output down to layer 1."""
        delta = self.network.cost.delta(self.z[-1], self.a[-1], y, self.delta[-1])
        if self.layers:
            da = self._output.backward(delta)
        for layer in reversed(self.layers):
            layer.backward(da)
            if layer is not self.layers[0]:  # nobody asks for dC/dx, and it would be a tenth of a step
                da = layer.below(da)

    def descend(self, x: Array, eta: float, decay: float) -> None:
        """W <- decay W - eta dC/dW, and w <- w - eta dC/dw of all else, in place: as `Backprop.descend`."""
        self._accumulate(self._parameters, -eta / self.rows, decay, 1.0)

    def add_gradients(self, x: Array, gradients: Parameters, scale: float, keep: float = 1.0) -> None:
        """g <- keep g + scale * sum over the batch of every parameter's gradient, in place; keep = 0 overwrites."""
        self._accumulate(gradients, scale, keep, keep)

    def _accumulate(self, of: Parameters, scale: float, keep_W: float, keep: float) -> None:
        for layer in self.layers:
            layer.add_gradients(of, scale, keep_W, keep)
        self._output.add_gradients(self._input, self.delta[-1], of, scale, keep_W, keep)


def first_non_finite(arrays: Sequence[Array]) -> int | None:
    """The first layer (from 1) whose array holds a NaN or an infinity; arrays start at layer 1."""
    return next((layer for layer, x in enumerate(arrays, start=1) if not np.isfinite(x).all()), None)


Passes = Backprop | GeneralBackprop


def check_finite(arrays: Sequence[Array]) -> None:
    """FloatingPointError where a measured pass overflowed: the network has diverged. BLAS called directly sets no flag
    that NumPy looks at."""
    if first_non_finite(arrays) is not None:
        raise FloatingPointError("the pass has overflowed")


def passes(network: Network, parameters: Parameters, rows: int, buffers: Parameters, mode: Mode) -> Passes:
    """The quickest passes that do what `network` needs in `mode`."""
    if network.is_plain and not (mode == "train" and network.is_noisy):
        return Backprop(network, parameters, rows, mode)
    return GeneralBackprop(network, parameters, rows, buffers, mode)
