"""Output activations and costs, paired so that delta^L = dC/dz^L never divides by a vanished slope.

z, a and y are (m, n_L): the output layer's weighted inputs, its activations and the targets (one-hot rows, or a single
column of 0 and 1). A cost is summed over outputs; the mean over examples is the caller's. Costs are computed from z,
not from a, so that a saturated output costs what it should instead of infinity (Nielsen ch. 3, docs/numerics.md).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import DTypeLike

from vgrad.later import special
from vgrad.nn.arrays import Array
from vgrad.nn.functions import identity_f, sigmoid_complex, sigmoid_f, sigmoid_slope, step_f


@dataclass(frozen=True)
class Cost:
    """One cost on one kind of output.

    per_example(z, a, y) -> (m,), float64: the cost of each example. delta(z, a, y, out) -> (m, n_L): dC_x/dz^L of each
    example, written into `out`. `summary` is a line for help texts. complex_cost(z, y) -> (…, m) is the cost for
    complex z of shape (…, m, n_L), for gradient checks by complex step; None leaves them to central differences.
    """

    per_example: Callable[[Array, Array, Array], Array]
    delta: Callable[[Array, Array, Array, Array], Array]
    summary: str
    complex_cost: Callable[[Array, Array], Array] | None = None


def softmax_f(z: Array, out: Array) -> Array:
    """a_j = exp(z_j) / sum_k exp(z_k), shifted by the row's largest z: nothing overflows  (Nielsen, eq. 78)."""
    np.subtract(z, np.maximum.reduce(z, axis=1, keepdims=True), out)
    np.exp(out, out)
    return np.divide(out, np.add.reduce(out, axis=1, keepdims=True), out)


def _cross_entropy(z: Array, a: Array, y: Array) -> Array:
    """-sum_j y ln a + (1 - y) ln(1 - a) = sum_j max(z, 0) + ln(1 + exp(-|z|)) - y z  (Nielsen, eq. 63)."""
    wide = z.astype(np.float64, copy=False)
    cost = np.abs(wide)
    for step in (np.negative, np.exp, np.log1p):
        step(cost, out=cost)
    cost += np.maximum(wide, 0)
    cost -= y * wide
    return np.asarray(cost.sum(axis=1))


def _perceptron(z: Array, a: Array, y: Array) -> Array:
    """sum_j max(z_j, 0) - y_j z_j: |z_j| of each output on the wrong side, the perceptron criterion.

    It is the cross-entropy without its tail. dC/dz_j = a_j - y_j with a = step(z) is 0 where the output is right, so
    that a step on one example is Rosenblatt's rule w <- w + eta (y - a) x  (1958). From w = 0 that makes at most
    R^2/gamma^2 mistakes, if ||x|| <= R and (2y - 1) u.x >= gamma > 0 for some unit vector u and every x, of which the
    last entry is the bias's 1  (Novikoff 1962). At z = 0, the kink of C, a is 0: for y = 1 a mistake that costs 0.
    """
    wide = z.astype(np.float64)
    return np.asarray((np.maximum(wide, 0) - y * wide).sum(axis=1))


def _log_likelihood(z: Array, a: Array, y: Array) -> Array:
    """-sum_j y_j ln a_j with a = softmax(z): -ln of the probability of the right class  (Nielsen, eq. 80)."""
    return np.asarray(-(y * special.log_softmax(z.astype(np.float64), axis=1)).sum(axis=1))


def _quadratic(z: Array, a: Array, y: Array) -> Array:
    """Half the squared error, 1/2 sum_j (a_j - y_j)^2  (Nielsen, eq. 6)."""
    error = a.astype(np.float64) - y
    return np.asarray(0.5 * (error * error).sum(axis=1))


def mean_squared_error(z: Array, a: Array, y: Array) -> Array:
    """(1/n_L) sum_j (a_j - y_j)^2: the mean over outputs that other libraries call MSE."""
    return np.asarray(_quadratic(z, a, y) * (2 / a.shape[1]))


def output_error(z: Array, a: Array, y: Array, out: Array) -> Array:
    """delta^L = a - y: sigmoid with cross-entropy, softmax with log-likelihood, identity with quadratic  (BP1), and the
    step with the perceptron criterion, of which it is a subgradient."""
    return np.subtract(a, y, out)


def _quadratic_sigmoid_delta(z: Array, a: Array, y: Array, out: Array) -> Array:
    """delta^L = (a - y) f'(z)  (Nielsen, eq. 30)."""
    return np.multiply(sigmoid_slope(z, a, out), a - y, out=out)


@lru_cache(maxsize=8)
def _all_others(n: int, dtype: DTypeLike) -> Array:
    """(n, n): x times it is sum over k != j of x_k for each j, with nothing taken away again."""
    return np.asarray(1 - np.eye(n), dtype)


def _quadratic_softmax_delta(z: Array, a: Array, y: Array, out: Array) -> Array:
    """delta_j = a_j (e_j (1 - a_j) - sum over k != j of a_k e_k), e = a - y: the softmax's Jacobian is diag(a) - a a^T.

    1 - a_j is the sum of the other outputs, and so is -e_j of the right class: as differences, both would cancel where
    the softmax saturates, and with them all of delta.
    """
    others = _all_others(a.shape[1], a.dtype)
    rest = a @ others
    error = a - y
    np.negative(rest, out=error, where=y == 1)
    np.multiply(error, rest, out=out)
    np.subtract(out, (error * a) @ others, out=out)
    return np.multiply(out, a, out=out)


def _complex_cross_entropy(z: Array, y: Array) -> Array:
    positive = z.real > 0
    tail = np.log1p(np.exp(np.where(positive, -z, z)))
    return np.asarray((np.where(positive, z, 0) + tail - y * z).sum(axis=-1))


def _complex_perceptron(z: Array, y: Array) -> Array:
    return np.asarray((np.where(z.real > 0, z, 0) - y * z).sum(axis=-1))


def _complex_log_likelihood(z: Array, y: Array) -> Array:
    shifted = z - z.real.max(axis=-1, keepdims=True)
    return np.asarray(y.sum(axis=-1) * np.log(np.exp(shifted).sum(axis=-1)) - (y * shifted).sum(axis=-1))


def _complex_quadratic(output: Callable[[Array], Array]) -> Callable[[Array, Array], Array]:
    return lambda z, y: np.asarray(0.5 * np.square(output(z) - y).sum(axis=-1))


def _complex_softmax(z: Array) -> Array:
    e = np.exp(z - z.real.max(axis=-1, keepdims=True))
    return np.asarray(e / e.sum(axis=-1, keepdims=True))


OUTPUTS: Mapping[str, Callable[[Array, Array], Array]] = {
    "sigmoid": sigmoid_f,
    "softmax": softmax_f,
    "identity": identity_f,
    "step": step_f,
}

COSTS: Mapping[str, Mapping[str, Cost]] = {
    "cross_entropy": {
        "sigmoid": Cost(
            _cross_entropy, output_error, "sum over outputs of -(y ln a + (1 - y) ln(1 - a))", _complex_cross_entropy
        ),
    },
    "quadratic": {
        "sigmoid": Cost(
            _quadratic, _quadratic_sigmoid_delta, "half the squared error", _complex_quadratic(sigmoid_complex)
        ),
        "softmax": Cost(
            _quadratic, _quadratic_softmax_delta, "half the squared error", _complex_quadratic(_complex_softmax)
        ),
        "identity": Cost(_quadratic, output_error, "half the squared error", _complex_quadratic(lambda z: z)),
    },
    "log_likelihood": {
        "softmax": Cost(
            _log_likelihood, output_error, "-ln of the probability of the right class", _complex_log_likelihood
        ),
    },
    "perceptron": {
        "step": Cost(
            _perceptron, output_error, "the size of z, summed over the outputs that are wrong", _complex_perceptron
        ),
    },
}
"""cost -> output -> the pair. A pair that is missing has no use: its delta^L divides by a slope that vanishes."""
