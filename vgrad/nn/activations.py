"""Activation functions a = f(z), each with its slope f'(z) beside it.

z and a are (m, n): weighted inputs and activations, rows are examples. Both functions write into `out`, which may be
any array of z's shape and type but z itself, and return it. The slope gets both z and a, so that it can use whichever
is cheaper or more exact.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.special import expit

from vgrad.nn.arrays import Array


@dataclass(frozen=True)
class Activation:
    """f and f', with the formula as LaTeX and where it comes from.

    f(z, out) -> a; slope(z, a, out) -> f'(z).
    """

    f: Callable[[Array, Array], Array]
    slope: Callable[[Array, Array, Array], Array]
    latex: str
    source: str


def sigmoid() -> Activation:
    """f(z) = 1 / (1 + exp(-z)), f'(z) = f(z) f(-z) <= 1/4  (Nielsen, eq. 3)."""
    return Activation(sigmoid_f, sigmoid_slope, r"\frac{1}{1+e^{-z}}", "Nielsen 2015, ch. 1")


def tanh() -> Activation:
    """f(z) = tanh z, f'(z) = 1 / cosh^2 z  (LeCun et al. 1998)."""
    return Activation(_tanh_f, _tanh_slope, r"\tanh z", "LeCun et al. 1998, Efficient BackProp")


def relu() -> Activation:
    """f(z) = max(z, 0), f'(z) = 1 for z > 0, else 0, also at the kink  (Glorot et al. 2011)."""
    return Activation(_relu_f, _relu_slope, r"\max(0, z)", "Glorot et al. 2011")


def identity() -> Activation:
    """f(z) = z, f'(z) = 1: a deep linear network  (Saxe et al. 2013)."""
    return Activation(identity_f, _identity_slope, "z", "Saxe et al. 2013")


def sigmoid_f(z: Array, out: Array) -> Array:
    """The logistic function of z, into `out`."""
    return expit(z, out=out)


def sigmoid_slope(z: Array, a: Array, out: Array) -> Array:
    """a(z) a(-z), into `out`: exact to rounding for every z.

    The usual a (1 - a) cancels: in float32 it is 0 from z = 17 on, a gradient that vanished in the arithmetic.
    """
    np.negative(z, out=out)
    expit(out, out=out)
    return np.multiply(out, a, out=out)


def identity_f(z: Array, out: Array) -> Array:
    """Z itself, copied into `out`."""
    np.copyto(out, z)
    return out


def _identity_slope(z: Array, a: Array, out: Array) -> Array:
    out.fill(1)
    return out


def _tanh_f(z: Array, out: Array) -> Array:
    return np.tanh(z, out=out)


_COSH_LIMIT = {4: 88.0, 8: 700.0}


def _tanh_slope(z: Array, a: Array, out: Array) -> Array:
    # sech^2 z: 1 - a^2 would cancel where the neuron saturates. Beyond the limit, sech^2 is 0 and cosh would overflow.
    np.abs(z, out=out)
    np.minimum(out, _COSH_LIMIT[out.itemsize], out=out)
    np.cosh(out, out=out)
    np.reciprocal(out, out=out)
    return np.multiply(out, out, out=out)


def _relu_f(z: Array, out: Array) -> Array:
    return np.maximum(z, 0, out=out)


def _relu_slope(z: Array, a: Array, out: Array) -> Array:
    return np.greater(z, 0, out=out)


ACTIVATIONS: dict[str, Callable[..., Activation]] = {
    "sigmoid": sigmoid,
    "tanh": tanh,
    "relu": relu,
    "identity": identity,
}
