"""Batch gradient descent: the pass of the whole training part, from which the step, the monitors and the norms come.

The cost of epoch k, its norms and the step of epoch k + 1 are functions of the same parameters and the same examples,
so one pass is enough for all three where the batch is the whole part. Its inputs never change: they are gathered and
scaled once, and an input that is 0 in every example (250 of 784 pixels in the first 1,000 images of MNIST) is left out
of the products, which is exact: its weights have the gradient 0.

Everything lies with the examples side by side, as in Nielsen's z = W a + b: z^l is (n_l, m). x is kept in both orders,
since OpenBLAS multiplies each of them a fifth faster in one of the two products. To the outside, z, a and delta are
(m, n_l) views, like those of the other passes.
"""

from __future__ import annotations

import numpy as np

from vgrad.nn.arrays import Array, Parameters, accumulate, aligned
from vgrad.nn.backprop import check_finite
from vgrad.nn.functions import quick
from vgrad.nn.network import Network
from vgrad.nn.parameters import copy_into


class FullBatch:
    """Passes of a plain network over the examples x (m, n_0) with the targets y (m, n_L), with nothing drawn.

    `pass_through()` makes z, a and delta of every layer those of `parameters`; it computes nothing where they are.
    """

    def __init__(self, network: Network, parameters: Parameters, x: Array, y: Array) -> None:
        layers = range(1, network.depth + 1)
        self.network, self.rows, self._parameters, self._y = network, len(x), parameters, y
        self.W, self.b = [parameters[f"W{layer}"] for layer in layers], [parameters[f"b{layer}"] for layer in layers]
        self._used = np.flatnonzero(x.any(axis=0))
        self._x, self._xT = (
            aligned(shape, x.dtype) for shape in ((len(x), len(self._used)), (len(self._used), len(x)))
        )
        np.copyto(self._x, x[:, self._used])
        np.copyto(self._xT, self._x.T)
        self._W1, self._dW1 = (aligned((network.sizes[1], len(self._used)), x.dtype) for _ in range(2))
        z, a, delta = ([aligned((n, len(x)), x.dtype) for n in network.sizes[1:]] for _ in range(3))
        self.z, self.a, self.delta = ([array.T for array in arrays] for arrays in (z, a, delta))
        hidden = network.activations
        f = [quick(function) for function in (*(activation.f for activation in hidden), network.output)]
        self._forwards = list(zip([self._W1, *self.W[1:]], self.b, z, self.z, self.a, f, strict=True))
        slope_of = [quick(activation.slope) for activation in hidden]
        slope = [np.empty_like(each) for each in z[:-1]]
        self._backwards = list(zip(self.W[1:], slope_of, z, a, slope, delta, delta[1:], strict=False))[::-1]
        self._products = list(zip(delta, [self._x, *(each.T for each in a[:-1])], strict=True))
        self._made_of: Parameters = {}  # copies of the parameters that z, a and delta are of

    def pass_through(self) -> None:
        """Forward and backward. What overflows stays in z and delta: a step goes on with it, as with any batch."""
        if self._stands():
            return
        with np.errstate(all="ignore"):
            self._forward()
            self._backward()
        if not self._made_of:
            self._made_of = {name: np.empty_like(value) for name, value in self._parameters.items()}
        copy_into(self._made_of, self._parameters)

    def measured(self) -> FullBatch:
        """Itself, after the pass; FloatingPointError where it overflowed: the network has diverged."""
        self.pass_through()
        check_finite([*self.z, *self.delta])
        return self

    def _stands(self) -> bool:
        """Compared number by number, for a hundredth of a pass: whoever changes parameters has nobody to tell."""
        return bool(self._made_of) and all(
            np.array_equal(value, self._made_of[name]) for name, value in self._parameters.items()
        )

    def _forward(self) -> None:
        """z^l = W^l a^(l-1) + b^l, a^l = f(z^l)."""
        np.take(self.W[0], self._used, axis=1, out=self._W1, mode="clip")
        below = self._xT
        for W, b, z, z_rows, a_rows, f in self._forwards:
            np.dot(W, below, out=z)
            np.add(z, b[:, None], out=z)
            below = f(z_rows, a_rows).T

    def _backward(self) -> None:
        """delta^L from the cost, delta^l = ((W^(l+1))^T delta^(l+1)) * f'(z^l)  (BP1, BP2)."""
        self.network.cost.delta(self.z[-1], self.a[-1], self._y, self.delta[-1])
        for W_above, slope_of, z, a, slope, delta, delta_above in self._backwards:
            np.dot(W_above.T, delta_above, out=delta)
            np.multiply(delta, slope_of(z, a, slope), out=delta)

    def descend(self, eta: float, decay: float) -> None:
        """W <- decay W - (eta/m) delta a^T, b <- b - (eta/m) delta 1, in place  (BP3, BP4; Nielsen, eq. 93)."""
        self._accumulate(self._parameters, -eta / self.rows, decay, 1.0)

    def add_gradients(self, gradients: Parameters, scale: float, keep: float = 1.0) -> None:
        """g <- keep g + scale * sum over the examples of every parameter's gradient, in place; keep = 0 overwrites."""
        self._accumulate(gradients, scale, keep, keep)

    def _accumulate(self, of: Parameters, scale: float, keep_W: float, keep_b: float) -> None:
        for layer, (delta, a_below) in enumerate(self._products, start=1):
            W, b = of[f"W{layer}"], of[f"b{layer}"]
            if layer > 1:
                accumulate(W, np.dot(delta, a_below), scale, keep_W)
            else:
                np.multiply(np.dot(delta, a_below, out=self._dW1), scale, out=self._dW1)
                W[...] = W * keep_W if keep_W else 0.0  # 0 times what was never written may be NaN
                W[:, self._used] += self._dW1
            accumulate(b, delta.sum(axis=1), scale, keep_b)
