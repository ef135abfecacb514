"""Activation functions a = f(z), each with its slope f'(z) beside it.

z and a are (m, n): weighted inputs and activations, rows are examples. Both functions write into `out`, which may be
any array of z's shape and type but z itself, and return it. The slope gets both z and a, so that it can use whichever
is cheaper or more exact. `build(name, gain=2.0)` makes any of them steeper: f(2 z).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Annotated, Any

import numpy as np
from annotated_types import Gt, Le

from vgrad.nn import functions as of
from vgrad.nn.arrays import Array
from vgrad.nn.functions import identity_f, sigmoid_f, sigmoid_slope
from vgrad.registry import LATER, NonNegative, Positive, lookup

__all__ = ["ACTIVATIONS", "Activation", "Learned", "build", "identity_f", "sigmoid_f", "sigmoid_slope", "steepest"]

SELU_LAMBDA, SELU_ALPHA = 1.0507009873554805, 1.6732632423543773


@dataclass(frozen=True)
class Learned:
    """A parameter p of shape (n_l,) that f has beside z, named `<name><l>` and at first `initial` for every unit.

    `bind(p)` is the activation with that array in it; `gradient(z)` is df/dp, elementwise, of z's shape.
    """

    name: str
    initial: float
    bind: Callable[[Array], Activation]
    gradient: Callable[[Array], Array]


@dataclass(frozen=True)
class Activation:
    """f and f', with the formula as LaTeX and where it comes from.

    f(z, out) -> a; slope(z, a, out) -> f'(z). `complex_f(z)` is f for complex z, for gradient checks by complex step:
    where f has a kink, the branch is chosen by the real part; None leaves them to central differences. `pieces` > 1:
    each unit has so many weighted inputs, and z is the largest of them. `bounded`: f stays between two bounds, near
    which the unit is saturated.
    """

    f: Callable[[Array, Array], Array]
    slope: Callable[[Array, Array, Array], Array]
    latex: str
    source: str
    complex_f: Callable[[Array], Array] | None = None
    pieces: int = 1
    learned: Learned | None = None
    bounded: bool = False


def sigmoid() -> Activation:
    """f(z) = 1 / (1 + exp(-z)), f'(z) = f(z) f(-z) <= 1/4  (Nielsen, eq. 3)."""
    return Activation(
        sigmoid_f, sigmoid_slope, r"\frac{1}{1+e^{-z}}", "Nielsen 2015, ch. 1", of.sigmoid_complex, bounded=True
    )


def tanh() -> Activation:
    """f(z) = tanh z, f'(z) = 1 / cosh^2 z  (LeCun et al. 1998)."""
    return Activation(
        of.tanh_f, of.tanh_slope, r"\tanh z", "LeCun et al. 1998, Efficient BackProp", np.tanh, bounded=True
    )


def scaled_tanh() -> Activation:
    """f(z) = 1.7159 tanh(2z/3): f(±1) = ±1, f'' largest there  (LeCun et al. 1998, sec. 4.4)."""

    def complex_f(z: Array) -> Array:
        return np.asarray(1.7159 * np.tanh(2 / 3 * z))

    formula = r"1.7159 \tanh\frac{2z}{3}"
    return Activation(
        of.scaled_tanh_f, of.scaled_tanh_slope, formula, "LeCun et al. 1998, sec. 4.4", complex_f, bounded=True
    )


def relu() -> Activation:
    """f(z) = max(z, 0), f'(z) = 1 for z > 0, else 0, also at the kink  (Glorot et al. 2011)."""
    complex_f = of.leaky(0.0)[2]
    return Activation(of.relu_f, of.relu_slope, r"\max(0, z)", "Glorot et al. 2011", complex_f)


def leaky_relu(*, slope: NonNegative = 0.01) -> Activation:
    """f(z) = z for z > 0, else slope z  (Maas et al. 2013)."""
    f, f_slope, complex_f = of.leaky(slope)
    return Activation(f, f_slope, rf"\max(0, z) + {slope:g} \min(0, z)", "Maas et al. 2013", complex_f)


def prelu(*, slope: NonNegative = 0.25) -> Activation:
    """f(z) = z for z > 0, else p z, with p learned, one a unit and at first `slope`; df/dp = min(z, 0)  (He 2015).

    As in the paper, L2 does not act on p. PyTorch's `PReLU()` shares one p; `PReLU(n)` is this.
    """

    def bind(p: Array) -> Activation:
        f, f_slope, complex_f = of.leaky(p)
        return Activation(f, f_slope, r"\max(0, z) + p \min(0, z)", "He et al. 2015, eq. 1", complex_f)

    learned = Learned("slope", slope, bind, lambda z: np.minimum(z, 0))
    return replace(bind(np.float64(slope)), learned=learned)  # type: ignore[arg-type]  # a number for all units


def elu(*, alpha: Positive = 1.0) -> Activation:
    """f(z) = z for z > 0, else alpha (exp(z) - 1)  (Clevert et al. 2016)."""
    f, slope, complex_f = of.exponential_unit(1.0, alpha)
    return Activation(f, slope, rf"z>0: z;\ {alpha:g}(e^z - 1)", "Clevert et al. 2016, eq. 15", complex_f)


def selu() -> Activation:
    """f(z) = lambda z for z > 0, else lambda alpha (exp(z) - 1): keeps mean 0, variance 1  (Klambauer 2017)."""
    f, slope, complex_f = of.exponential_unit(SELU_LAMBDA, SELU_ALPHA)
    return Activation(f, slope, r"\lambda z,\ z>0;\ \lambda\alpha(e^z-1)", "Klambauer et al. 2017, eq. 2", complex_f)


def gelu() -> Activation:
    """f(z) = z Phi(z), Phi the normal distribution function; exact, not the tanh approximation  (Hendrycks 2016)."""
    return Activation(of.gelu_f, of.gelu_slope, r"z\,\Phi(z)", "Hendrycks and Gimpel 2016", of.gelu_complex)


def silu() -> Activation:
    """f(z) = z / (1 + exp(-z)), also called swish  (Elfwing et al. 2018)."""

    def complex_f(z: Array) -> Array:
        return z * of.sigmoid_complex(z)

    return Activation(of.silu_f, of.silu_slope, r"\frac{z}{1+e^{-z}}", "Elfwing et al. 2018", complex_f)


def softplus() -> Activation:
    """f(z) = ln(1 + exp(z)), f'(z) = sigmoid(z)  (Dugas et al. 2001)."""

    def complex_f(z: Array) -> Array:
        return np.asarray(np.log(1 + np.exp(z)))

    return Activation(of.softplus_f, of.softplus_slope, r"\ln(1+e^z)", "Dugas et al. 2001", complex_f)


def softsign() -> Activation:
    """f(z) = z / (1 + |z|), f'(z) = 1 / (1 + |z|)^2: it falls as 1/z^2  (Bergstra 2009)."""

    def complex_f(z: Array) -> Array:
        return np.asarray(z / (1 + np.where(z.real < 0, -z, z)))

    return Activation(
        of.softsign_f, of.softsign_slope, r"\frac{z}{1+|z|}", "Bergstra et al. 2009", complex_f, bounded=True
    )


def hard_tanh() -> Activation:
    """f(z) = z cut to [-1, 1]; f'(z) = 1 for |z| < 1, else 0  (Collobert 2004)."""

    def complex_f(z: Array) -> Array:
        return np.where(np.abs(z.real) < 1, z, np.sign(z.real))

    return Activation(
        of.hard_tanh_f, of.hard_tanh_slope, r"\max(-1, \min(1, z))", "Collobert 2004", complex_f, bounded=True
    )


def maxout(*, pieces: Annotated[int, Gt(1), Le(64)] = 2) -> Activation:
    """a_j = z_j = the largest of k weighted inputs, each with weights of its own  (Goodfellow et al. 2013).

    W^l is (k n_l, n_(l-1)) and b^l (k n_l,): first all units' first pieces, then their second ones. z^l and delta^l
    stay (m, n_l): they are those of the piece that won, and only that piece's weights get the gradient; of equals, the
    first.
    """
    formula = r"\max_k z_k"
    return replace(identity(), latex=formula, source="Goodfellow et al. 2013", pieces=pieces)


def identity() -> Activation:
    """f(z) = z, f'(z) = 1: a deep linear network  (Saxe et al. 2013)."""
    return Activation(identity_f, of.identity_slope, "z", "Saxe et al. 2013", lambda z: z)


def build(name: str, *, gain: Annotated[float, Gt(0), LATER] = 1.0, **own: Any) -> Activation:
    """The entry `name` of ACTIVATIONS with its own parameters, `gain` times as steep: f(gain z), slope gain f'(gain z).

    The range of f stays; only how fast it is passed through changes  (Nielsen ch. 5 asks what a larger slope would do).
    """
    activation = lookup(ACTIVATIONS, name, "activation")(**own)
    return activation if gain == 1 else _steeper(activation, gain)


def _steeper(inner: Activation, gain: float) -> Activation:
    def slope(z: Array, a: Array, out: Array) -> Array:
        return np.multiply(inner.slope(gain * z, a, out), gain, out=out)

    inner_complex, learned = inner.complex_f, inner.learned
    return replace(
        inner,
        f=lambda z, out: inner.f(gain * z, out),
        slope=slope,
        latex=f"[{inner.latex}]_{{z \\to {gain:g} z}}",
        complex_f=None if inner_complex is None else lambda z: inner_complex(gain * z),
        learned=learned
        and Learned(
            learned.name,
            learned.initial,
            lambda p: _steeper(learned.bind(p), gain),
            lambda z: learned.gradient(gain * z),
        ),
    )


def steepest(activation: Activation, units: int = 1) -> Array:
    """(units,): the largest |f'(z)| over a grid from -30 to 30 in steps of 0.005, which `saturated` is relative to."""
    z = np.repeat(np.linspace(-30, 30, 12_001)[:, None], units, axis=1)
    slope = activation.slope(z, activation.f(z, np.empty_like(z)), np.empty_like(z))
    return np.asarray(np.abs(slope).max(axis=0))


ACTIVATIONS: dict[str, Callable[..., Activation]] = {
    "sigmoid": sigmoid,
    "tanh": tanh,
    "scaled_tanh": scaled_tanh,
    "relu": relu,
    "leaky_relu": leaky_relu,
    "prelu": prelu,
    "elu": elu,
    "selu": selu,
    "gelu": gelu,
    "silu": silu,
    "softplus": softplus,
    "softsign": softsign,
    "hard_tanh": hard_tanh,
    "maxout": maxout,
    "identity": identity,
}
