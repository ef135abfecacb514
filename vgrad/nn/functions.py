"""The elementwise functions behind the activations: f(z, out) -> a and slope(z, a, out) -> f'(z).

z, a and out are (m, n), of one type; `out` is neither z nor a. Each slope is written so that it stays exact where the
neuron saturates: where it underflows, the true slope does, too. Tails are made from exp(-|z|), which cannot overflow.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache, partial
from typing import Any, NamedTuple, ParamSpec

import numpy as np

from vgrad.later import special
from vgrad.nn.arrays import Array

F = Callable[[Array, Array], Array]
Slope = Callable[[Array, Array, Array], Array]
P = ParamSpec("P")

_COSH_LIMIT = {4: 88.0, 8: 700.0}
_ZERO, _ONE, _LARGEST = (
    {4: np.array(number[0], np.float32), 8: np.array(number[1])}
    for number in ((0, 0.0), (1, 1.0), (np.finfo(np.float32).max, np.finfo(np.float64).max))
)
"""By the bytes of a number, arrays without dimensions: a call on a small array takes half as long as with a number."""


def sigmoid_f(z: Array, out: Array) -> Array:
    """The logistic function of z, into `out`."""
    found: Array = special.expit(z, out=out)
    return found


def sigmoid_slope(z: Array, a: Array, out: Array) -> Array:
    """a(z) a(-z), into `out`: exact to rounding for every z.

    The usual a (1 - a) cancels: in float32 it is 0 from z = 17 on, a gradient that vanished in the arithmetic.
    """
    np.negative(z, out=out)
    special.expit(out, out=out)
    return np.multiply(out, a, out=out)


def _quick_sigmoid_f(z: Array, out: Array) -> Array:
    """1 / (1 + exp(-z)) by NumPy's vectorized exp, a fifth of what `expit` costs on large arrays; below -709 (-88 in
    float32), where exp overflows, it is 0."""
    np.negative(z, out)
    np.exp(out, out)
    np.add(out, _ONE[out.itemsize], out)
    return np.reciprocal(out, out)


def _quick_sigmoid_slope(z: Array, a: Array, out: Array) -> Array:
    """a(z) / (1 + exp(z)): the same a(z) a(-z), 0 beyond 709."""
    np.exp(z, out)
    np.add(out, _ONE[out.itemsize], out)
    np.reciprocal(out, out)
    return np.multiply(out, a, out)


def sigmoid_complex(z: Array) -> Array:
    """1 / (1 + exp(-z)) for complex z."""
    return np.asarray(1 / (1 + np.exp(-z)))


def identity_f(z: Array, out: Array) -> Array:
    """Z itself, copied into `out`."""
    np.copyto(out, z)
    return out


def step_f(z: Array, out: Array) -> Array:
    """1 for z > 0, else 0, also at 0: what a perceptron answers  (Rosenblatt 1958; Nielsen ch. 1, eq. 2)."""
    return np.greater(z, 0, out=out)


def identity_slope(z: Array, a: Array, out: Array) -> Array:
    """1 everywhere."""
    out.fill(1)
    return out


def tanh_f(z: Array, out: Array) -> Array:
    """Tanh z."""
    return np.tanh(z, out=out)


def tanh_slope(z: Array, a: Array, out: Array) -> Array:
    """sech^2 z: 1 - a^2 would cancel where the neuron saturates.

    Beyond the limit, sech^2 is 0 and cosh would overflow.
    """
    np.abs(z, out=out)
    np.minimum(out, _COSH_LIMIT[out.itemsize], out=out)
    np.cosh(out, out=out)
    np.reciprocal(out, out=out)
    return np.multiply(out, out, out=out)


def scaled_tanh_f(z: Array, out: Array) -> Array:
    """1.7159 tanh(2z/3)."""
    np.multiply(z, 2 / 3, out=out)
    np.tanh(out, out=out)
    return np.multiply(out, 1.7159, out=out)


def scaled_tanh_slope(z: Array, a: Array, out: Array) -> Array:
    """1.7159 (2/3) sech^2(2z/3)."""
    tanh_slope(2 / 3 * z, a, out)
    return np.multiply(out, 1.7159 * 2 / 3, out=out)


def relu_f(z: Array, out: Array) -> Array:
    """max(z, 0)."""
    return np.maximum(z, 0, out=out)


def relu_slope(z: Array, a: Array, out: Array) -> Array:
    """1 for z > 0, else 0, also at the kink."""
    return np.greater(z, 0, out=out)


def leaky(slope: float | Array) -> tuple[F, Slope, Callable[[Array], Array]]:
    """f, f' and complex f of max(z, 0) + slope min(z, 0); `slope` is a number, or (n,): one a unit."""

    def f(z: Array, out: Array) -> Array:
        np.multiply(z, slope, out=out)
        np.copyto(out, z, where=z > 0)
        return out

    def f_slope(z: Array, a: Array, out: Array) -> Array:
        np.copyto(out, slope)
        np.copyto(out, 1, where=z > 0)
        return out

    return f, f_slope, lambda z: np.where(z.real > 0, z, slope * z)


def exponential_unit(scale: float, alpha: float) -> tuple[F, Slope, Callable[[Array], Array]]:
    """f, f' and complex f of scale * (z for z > 0, else alpha (exp(z) - 1))."""

    def f(z: Array, out: Array) -> Array:
        np.minimum(z, 0, out=out)
        np.expm1(out, out=out)
        np.multiply(out, alpha, out=out)
        np.copyto(out, z, where=z > 0)
        return np.multiply(out, scale, out=out) if scale != 1 else out

    def f_slope(z: Array, a: Array, out: Array) -> Array:
        np.minimum(z, 0, out=out)
        np.exp(out, out=out)
        np.multiply(out, scale * alpha, out=out)
        np.copyto(out, scale, where=z > 0)
        return out

    def f_complex(z: Array) -> Array:
        positive = z.real > 0
        return np.where(positive, scale * z, scale * alpha * (np.exp(np.where(positive, 0, z)) - 1))

    return f, f_slope, f_complex


def gelu_f(z: Array, out: Array) -> Array:
    """Z Phi(z)."""
    special.ndtr(z, out=out)
    return np.multiply(out, z, out=out)


def gelu_slope(z: Array, a: Array, out: Array) -> Array:
    """Phi(z) + z phi(z); beyond 40, phi is 0 and z^2 might overflow."""
    special.ndtr(z, out=out)
    near = np.clip(z, -40, 40)
    out += z * np.exp(-0.5 * near * near) / math.sqrt(2 * math.pi)
    return out


def gelu_complex(z: Array) -> Array:
    """z (1 + erf(z / sqrt 2)) / 2 for complex z."""
    return np.asarray(0.5 * z * (1 + special.erf(z / math.sqrt(2))))


def silu_f(z: Array, out: Array) -> Array:
    """Z sigma(z)."""
    special.expit(z, out=out)
    return np.multiply(out, z, out=out)


def silu_slope(z: Array, a: Array, out: Array) -> Array:
    """sigma(z) (1 + z sigma(-z))."""
    np.negative(z, out=out)
    special.expit(out, out=out)
    np.multiply(out, z, out=out)
    np.add(out, 1, out=out)
    found: Array = np.multiply(out, special.expit(z), out=out)
    return found


def softplus_f(z: Array, out: Array) -> Array:
    """ln(1 + exp(z))."""
    np.logaddexp(0, z, out=out)
    return out


def softplus_slope(z: Array, a: Array, out: Array) -> Array:
    """sigma(z)."""
    found: Array = special.expit(z, out=out)
    return found


def softsign_f(z: Array, out: Array) -> Array:
    """z / (1 + |z|)."""
    np.abs(z, out=out)
    np.add(out, 1, out=out)
    return np.divide(z, out, out=out)


def softsign_slope(z: Array, a: Array, out: Array) -> Array:
    """1 / (1 + |z|)^2."""
    np.abs(z, out=out)
    np.add(out, 1, out=out)
    np.reciprocal(out, out=out)
    return np.multiply(out, out, out=out)


def hard_tanh_f(z: Array, out: Array) -> Array:
    """Z cut to [-1, 1]."""
    return np.clip(z, -1, 1, out=out)


def hard_tanh_slope(z: Array, a: Array, out: Array) -> Array:
    """1 for |z| < 1, else 0, also at the kinks."""
    np.abs(z, out=out)
    return np.less(out, 1, out=out)


_QUICK: Mapping[Callable[..., Array], Callable[..., Array]] = {
    sigmoid_f: _quick_sigmoid_f,
    sigmoid_slope: _quick_sigmoid_slope,
}


def quick(function: Callable[P, Array]) -> Callable[P, Array]:
    """What takes the place of f or f' in training, where nothing looks at the flag of overflow: the same to rounding,
    but for numbers below 1e-307 (1e-38 in float32), which are 0."""
    return _QUICK.get(function, function)


Call = tuple[Callable[..., object], tuple[Any, ...]]
"""A function and what it is given: a step puts its calls together once, and makes them over and over again."""


def make(calls: Iterable[Call]) -> None:
    """Makes the calls, one after the other."""
    for call, arguments in calls:
        call(*arguments)


class InTraining(NamedTuple):
    """f and f' of a step, as calls, which share what they can: those of f(sign z, kept, a) write a = f(z), and may
    leave in `kept` what those of slope(sign z, kept, a) overwrite with f'(z). All arrays have one shape and one type.
    `of_output`: the slope is 0 where a has been set to 0, so that masks need not be applied to it."""

    sign: float
    f: Callable[[Array, Array, Array], list[Call]]
    slope: Callable[[Array, Array, Array], list[Call]]
    of_output: bool = False


@lru_cache(maxsize=64)
def in_training(f: F, slope: Slope) -> InTraining:
    """What a step takes for f and f', to rounding; the same objects for the same functions, which tells layers that can
    share a call."""
    if (f, slope) == (sigmoid_f, sigmoid_slope):
        return InTraining(-1.0, _sigmoid_calls, _sigmoid_slope_calls, of_output=True)
    if (f, slope) == (relu_f, relu_slope):
        return InTraining(1.0, _relu_calls, _relu_slope_calls, of_output=True)
    return InTraining(1.0, lambda z, kept, a: [(f, (z, a))], lambda z, kept, a: [(slope, (z, a, kept))])


def _sigmoid_calls(minus_z: Array, kept: Array, a: Array) -> list[Call]:
    """a = 1 / (1 + e), and e = exp(-z) is kept."""
    return [(np.exp, (minus_z, kept)), (np.add, (kept, _ONE[a.itemsize], a)), (np.reciprocal, (a, a))]


def _sigmoid_slope_calls(minus_z: Array, kept: Array, a: Array) -> list[Call]:
    """a(z) a(-z) = e a^2, without a second exponential; where e overflowed, a is 0."""
    times_a: Call = (np.multiply, (kept, a, kept))
    return [(np.fmin, (kept, _LARGEST[a.itemsize], kept)), times_a, times_a]


def _relu_calls(z: Array, kept: Array, a: Array) -> list[Call]:
    return [(partial(np.maximum, out=a), (z, _ZERO[a.itemsize]))]


def _relu_slope_calls(z: Array, kept: Array, a: Array) -> list[Call]:
    """The sign of a, which is not negative: a third of what a comparison costs that writes numbers."""
    return [(np.sign, (a, kept))]
