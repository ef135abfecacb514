"""The published algorithm once more, slow and plain: example by example, layer by layer, from the textbook's formulas.

Shares no code with vgrad. Every function takes complex parameters as well, for the complex step. A model is its
names, parameters are `W1, b1, …` as in the files, x is (n_0,) and y is (n_L,) for one example.
"""

from __future__ import annotations

import cmath
import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

ROUNDING = 1e-12  # two orders of summation in float64: some 50 roundings of 1e-16, and margin for cancellation
COMPLEX_STEP = 1e-12  # has no truncation error and no cancellation: as exact as the formulas
CENTRAL = 1e-6  # truncation h^2 f'''/6 and rounding eps/h at h = 1e-5, relative to a layer of a shallow network
AUTOGRAD = 1e-10  # PyTorch's kernels have other exp and log, a few units in the last place each
TRAINED = 1e-10  # rounding that some hundred steps carry on and amplify
PUBLISHED = 1e-9  # agreed on for the reference runs: 100 full batches, or 1000 small ones
SINGLE = 2e-5  # float32 has 6e-8; a shallow network and its sums lose two digits more

Vector = np.ndarray
Params = dict[str, np.ndarray]
Scalar = Callable[[Any], Any]


class Saturated(ArithmeticError):
    """An output is 0 or 1 in float64: the textbook's formulas take its logarithm, or divide by it."""


@dataclass(frozen=True)
class Model:
    """Names of the hidden activations, from layer 1 up, of the output and of the cost."""

    hidden: tuple[str, ...]
    output: str
    cost: str


def exp(z: Any) -> Any:
    return cmath.exp(z) if isinstance(z, complex) else math.exp(z)


def log(z: Any) -> Any:
    return cmath.log(z) if isinstance(z, complex) else math.log(z)


def sigmoid(z: Any) -> Any:
    return 1 / (1 + exp(-z)) if z.real >= 0 else exp(z) / (1 + exp(z))


def tanh(z: Any) -> Any:
    return cmath.tanh(z) if isinstance(z, complex) else math.tanh(z)


def tanh_slope(z: Any) -> Any:
    """(2 / (e^z + e^-z))^2."""
    e = exp(-z if z.real >= 0 else z)
    return (2 * e / (1 + e * e)) ** 2


def bell(z: float) -> float:
    """The density of N(0, 1)."""
    return math.exp(-z * z / 2) / math.sqrt(2 * math.pi)


def below(z: Any) -> Any:
    """P(Z < z) of Z ~ N(0, 1); off the real axis to first order, which the complex step's 1e-30 makes exact."""
    real = math.erfc(-z.real / math.sqrt(2)) / 2
    return complex(real, bell(z.real) * z.imag) if isinstance(z, complex) else real


def size(z: Any) -> Any:
    """|z|, and for complex z what continues it: z or -z."""
    return z if z.real > 0 else -z


def either(right: Scalar, left: Scalar) -> Scalar:
    """One formula for z > 0 and one for the others."""
    return lambda z: right(z) if z.real > 0 else left(z)


def expm1(z: Any) -> Any:
    """e^z - 1, with real part (e^x - 1) cos y - 2 sin^2(y/2), which does not cancel."""
    if not isinstance(z, complex):
        return math.expm1(z)
    x, y = z.real, z.imag
    return complex(math.expm1(x) * math.cos(y) - 2 * math.sin(y / 2) ** 2, math.exp(x) * math.sin(y))


def log1p_exp(z: Any) -> Any:
    """ln(1 + e^z) = max(z, 0) + ln(1 + t), t = e^-|z|; ln(1 + t) = 2 artanh(t / (2 + t)) does not cancel."""
    t = exp(-size(z))
    ratio = t / (2 + t)
    tail = 2 * (cmath.atanh(ratio) if isinstance(ratio, complex) else math.atanh(ratio))
    return z + tail if z.real > 0 else tail


def scaled(unit: tuple[Scalar, Scalar], high: float, wide: float) -> tuple[Scalar, Scalar]:
    """high f(wide z) and its slope."""
    return lambda z: high * unit[0](wide * z), lambda z: high * wide * unit[1](wide * z)


ELU: tuple[Scalar, Scalar] = either(lambda z: z, expm1), either(lambda z: 1.0, exp)
LAMBDA, ALPHA = 1.0507009873554805, 1.6732632423543773

# f and f'. Those with parameters have the defaults of the table.
ACTIVATIONS: dict[str, tuple[Scalar, Scalar]] = {
    "sigmoid": (sigmoid, lambda z: sigmoid(z) * sigmoid(-z)),
    "tanh": (tanh, tanh_slope),
    "scaled_tanh": scaled((tanh, tanh_slope), 1.7159, 2 / 3),
    "relu": (lambda z: z if z.real > 0 else 0.0, lambda z: 1.0 if z.real > 0 else 0.0),
    "leaky_relu": (either(lambda z: z, lambda z: 0.01 * z), either(lambda z: 1.0, lambda z: 0.01)),
    "elu": ELU,
    "selu": (
        either(lambda z: LAMBDA * z, lambda z: LAMBDA * ALPHA * expm1(z)),
        either(lambda z: LAMBDA, lambda z: LAMBDA * ALPHA * exp(z)),
    ),
    "gelu": (lambda z: z * below(z), lambda z: below(z) + z * bell(z)),
    "silu": (lambda z: z * sigmoid(z), lambda z: sigmoid(z) * (1 + z * sigmoid(-z))),
    "softplus": (log1p_exp, sigmoid),
    "softsign": (lambda z: z / (1 + size(z)), lambda z: (1 + size(z)) ** -2),
    "hard_tanh": (
        lambda z: z if abs(z.real) < 1 else math.copysign(1.0, z.real),
        lambda z: 1.0 if abs(z.real) < 1 else 0.0,
    ),
    "identity": (lambda z: z, lambda z: 1.0),
}

STEP: tuple[Scalar, Scalar] = either(lambda z: 1.0, lambda z: 0.0), lambda z: 0.0

# Activations with parameters that this oracle's layers do not have, and what they are elementwise at the start. Their
# layers are tested in test_nn_gradcheck.py and test_nn_torch.py.
LEARNED: dict[str, tuple[Scalar, Scalar]] = {
    "prelu": (either(lambda z: z, lambda z: 0.25 * z), either(lambda z: 1.0, lambda z: 0.25)),
    "maxout": ACTIVATIONS["identity"],
}


def each(f: Scalar, z: Vector) -> Vector:
    return np.array([f(value) for value in z.tolist()]).astype(z.dtype, copy=False)


def outputs(name: str, z: Vector) -> tuple[Vector, np.ndarray]:
    """a^L and the Jacobian da_i/dz_j."""
    if name == "softmax":
        e = each(exp, z - max(z.real))
        a = e / e.sum()
        return a, np.diag(a) - np.outer(a, a)
    f, slope = STEP if name == "step" else ACTIVATIONS[name]
    return each(f, z), np.diag(each(slope, z))


def cost(name: str, z: Vector, a: Vector, y: Vector) -> Any:
    """C_x; Saturated where it has a logarithm of 0. 1 - a of a sigmoid is sigmoid(-z), which does not cancel."""
    refuse_saturated(name, z, a)
    pairs = list(zip(a.tolist(), y.tolist(), strict=True))
    if name == "cross_entropy":
        return -sum(t * log(v) + (1 - t) * log(sigmoid(-w)) for (v, t), w in zip(pairs, z.tolist(), strict=True))
    if name == "log_likelihood":
        return -sum(t * log(v) for v, t in pairs)
    if name == "perceptron":
        return sum(size(w) for w, (v, t) in zip(z.tolist(), pairs, strict=True) if v != t)
    return sum((v - t) * (v - t) for v, t in pairs) / 2


def cost_slope(name: str, z: Vector, a: Vector, y: Vector) -> Vector:
    """dC_x/da_j."""
    refuse_saturated(name, z, a)
    return {
        "cross_entropy": lambda: (a - y) / (a * each(sigmoid, -z)),
        "log_likelihood": lambda: -y / a,
        "quadratic": lambda: a - y,
    }[name]()


def softmax_quadratic_delta(a: Vector, y: Vector) -> Vector:
    """dC_x/dz_j = sum_k a_j a_k (e_j - e_k) with e = a - y: as sum_k a_k = 1, Jacobian times slope of the cost.

    e of the right class, a - 1, is the sum of the other outputs: none of the differences cancels at saturation.
    """
    outs, targets, others = a.tolist(), y.tolist(), range(len(a))
    e = [-sum(outs[k] for k in others if k != j) if targets[j] == 1 else outs[j] - targets[j] for j in others]
    return np.array([sum(outs[j] * outs[k] * (e[j] - e[k]) for k in others) for j in others]).astype(a.dtype)


def output_delta(model: Model, z: Vector, y: Vector) -> Vector:
    """delta^L = (da/dz)^T dC_x/da  (BP1). A step has no slope to go through: of each output that is wrong, |z| grows
    away from its target."""
    a, jacobian = outputs(model.output, z)
    if model.cost == "perceptron":
        return np.array([0.0 if v == t else 1.0 if t == 0 else -1.0 for v, t in zip(a, y, strict=True)])
    if (model.output, model.cost) == ("softmax", "quadratic"):
        return softmax_quadratic_delta(a, y)
    return jacobian.T @ cost_slope(model.cost, z, a, y)


def refuse_saturated(name: str, z: Vector, a: Vector) -> None:
    safe = {
        "cross_entropy": lambda: a.all() and each(sigmoid, -z).all(),
        "log_likelihood": a.all,
        "quadratic": lambda: True,
        "perceptron": lambda: True,
    }
    if not safe[name]():
        raise Saturated


def depth(params: Params) -> int:
    return len(params) // 2


def forward(model: Model, params: Params, x: Vector) -> tuple[list[Vector], list[Vector]]:
    """z^1 … z^L, and a^0 … a^L."""
    zs, activations = [], [x]
    for layer in range(1, depth(params) + 1):
        zs.append(params[f"W{layer}"] @ activations[-1] + params[f"b{layer}"])
        last = layer == depth(params)
        f = ACTIVATIONS[model.hidden[layer - 1]][0] if not last else None
        activations.append(outputs(model.output, zs[-1])[0] if f is None else each(f, zs[-1]))
    return zs, activations


def backprop(model: Model, params: Params, x: Vector, y: Vector) -> tuple[list[Vector], Params]:
    """delta^1 … delta^L and the gradients of one example (BP1 to BP4, with the whole Jacobian at the output)."""
    zs, activations = forward(model, params, x)
    deltas = [output_delta(model, zs[-1], y)]
    for layer in range(depth(params) - 1, 0, -1):
        slope = each(ACTIVATIONS[model.hidden[layer - 1]][1], zs[layer - 1])
        deltas.insert(0, (params[f"W{layer + 1}"].T @ deltas[0]) * slope)
    gradients: Params = {}
    for layer, delta in enumerate(deltas, start=1):
        gradients[f"W{layer}"] = np.outer(delta, activations[layer - 1])
        gradients[f"b{layer}"] = delta
    return deltas, gradients


def mean_cost(model: Model, params: Params, xs: np.ndarray, ys: np.ndarray, name: str | None = None) -> Any:
    """The mean over examples of the model's cost, or of the cost `name`, without penalty."""
    passes = [forward(model, params, x) for x in xs]
    return sum(cost(name or model.cost, z[-1], a[-1], y) for (z, a), y in zip(passes, ys, strict=True)) / len(xs)


def mse(model: Model, params: Params, xs: np.ndarray, ys: np.ndarray) -> float:
    errors = [forward(model, params, x)[1][-1] - y for x, y in zip(xs, ys, strict=True)]
    return math.fsum(value * value for error in errors for value in error.tolist()) / (len(xs) * ys.shape[1])


def accuracy(model: Model, params: Params, xs: np.ndarray, ys: np.ndarray) -> float:
    right = 0
    for x, y in zip(xs, ys, strict=True):
        zs, activations = forward(model, params, x)
        z = zs[-1].tolist()  # of which a is a rising function, but after rounding not a strictly rising one
        one = len(z) == 1
        right += (activations[-1][0] > 0.5) == (y[0] > 0.5) if one else z.index(max(z)) == y.tolist().index(1)
    return right / len(xs)


def mean_gradients(model: Model, params: Params, xs: np.ndarray, ys: np.ndarray) -> Params:
    singles = [backprop(model, params, x, y)[1] for x, y in zip(xs, ys, strict=True)]
    return {name: sum(single[name] for single in singles) / len(xs) for name in params}


def mean_deltas(model: Model, params: Params, xs: np.ndarray, ys: np.ndarray) -> list[list[float]]:
    """The mean over examples of delta^l, neuron by neuron, layer by layer."""
    singles = [backprop(model, params, x, y)[0] for x, y in zip(xs, ys, strict=True)]
    return [
        [math.fsum(column) / len(xs) for column in zip(*(deltas[layer].tolist() for deltas in singles), strict=True)]
        for layer in range(depth(params))
    ]


def delta_norms(model: Model, params: Params, xs: np.ndarray, ys: np.ndarray) -> list[float]:
    return [math.hypot(*means) for means in mean_deltas(model, params, xs, ys)]


def penalty(params: Params, n: int, l2: float = 0.0, l1: float = 0.0) -> float:
    weights = [value for name, W in params.items() if name[0] == "W" for value in W.ravel().tolist()]
    return l2 / (2 * n) * math.fsum(w * w for w in weights) + l1 / n * math.fsum(map(abs, weights))


def step(
    model: Model,
    params: Params,
    xs: np.ndarray,
    ys: np.ndarray,
    *,
    eta: float,
    n: int,
    l2: float = 0.0,
    l1: float = 0.0,
) -> Params:
    """w - eta lambda/n w - eta mu/n sign(w) - (eta/m) sum of gradients, all at the old w (Nielsen, eq. 93 and 96)."""
    mean = mean_gradients(model, params, xs, ys)
    return {
        name: w - eta * mean[name] - (eta / n * (l2 * w + l1 * np.sign(w)) if name[0] == "W" else 0)
        for name, w in params.items()
    }


def batches(n: int, m: int, *, seed: int, epoch: int, shuffle: bool) -> list[np.ndarray]:
    """The examples of each step of an epoch; a full batch stays in file order."""
    order = np.arange(n)
    if shuffle and m < n:
        sequence = np.random.SeedSequence(seed, spawn_key=(2, epoch))
        order = np.random.Generator(np.random.PCG64(sequence)).permutation(n)
    return [order[start : start + m] for start in range(0, n, m)]


def first_bad(model: Model, params: Params, xs: np.ndarray, ys: np.ndarray, **rates: float) -> int | None:
    """The layer in which a step stops being finite: z from below, delta from above, then the new parameters."""
    layers = range(1, depth(params) + 1)
    passes = [(forward(model, params, x)[0], backprop(model, params, x, y)[0]) for x, y in zip(xs, ys, strict=True)]
    after = step(model, params, xs, ys, **rates)  # type: ignore[arg-type]

    def bad(values: Iterable[Vector]) -> bool:
        return not all(np.isfinite(value).all() for value in values)

    return (
        next((layer for layer in layers if bad(z[layer - 1] for z, _ in passes)), None)
        or next((layer for layer in reversed(layers) if bad(delta[layer - 1] for _, delta in passes)), None)
        or next((layer for layer in layers if bad([after[f"W{layer}"], after[f"b{layer}"]])), None)
    )


def complex_step(model: Model, params: Params, xs: np.ndarray, ys: np.ndarray, h: float = 1e-30) -> Params:
    """Im C(w + ih) / h for every single parameter: the gradient without any formula for a derivative."""
    found: Params = {}
    for name, value in params.items():
        found[name] = np.empty(value.shape)
        for index in np.ndindex(value.shape):
            moved = {key: array.astype(complex) for key, array in params.items()}
            moved[name][index] += 1j * h
            found[name][index] = mean_cost(model, moved, xs, ys).imag / h
    return found


def wrong_layers(found: Params, wanted: Params, relative: float) -> list[str]:
    """The gradient checker: parameters whose gradient is off, each measured against its own largest entry.

    A gradient that vanished is measured like any other; where the wanted one is zero, so has to be the found one.
    """
    return [
        name
        for name in wanted
        if not np.abs(found[name] - wanted[name]).max() <= relative * np.abs(wanted[name]).max(initial=0.0)
    ]


def assert_close(found: Any, wanted: Any, relative: float, scale: float | None = None) -> None:
    """Equal up to `relative` times the largest wanted entry (or `scale`): the whole of a layer has one yardstick."""
    found, wanted = np.asarray(found, dtype=np.float64), np.asarray(wanted, dtype=np.float64)
    assert found.shape == wanted.shape
    yardstick = float(np.abs(wanted).max(initial=0.0)) if scale is None else scale
    assert float(np.abs(found - wanted).max(initial=0.0)) <= relative * yardstick


def draw(sizes: Sequence[int], seed: int, spread: float = 1.0) -> Params:
    """W ~ N(0, spread^2/n_in), b ~ N(0, 1)."""
    rng = np.random.default_rng(seed)
    params: Params = {}
    for layer, (n_in, n_out) in enumerate(pairwise(sizes), start=1):
        params[f"W{layer}"] = spread * rng.normal(size=(n_out, n_in)) / math.sqrt(n_in)
        params[f"b{layer}"] = rng.normal(size=n_out)
    return params


def examples(sizes: Sequence[int], m: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """m random inputs, and one-hot targets (0 or 1 on a single output)."""
    rng = np.random.default_rng([seed, 1])
    labels = rng.integers(max(sizes[-1], 2), size=m)
    targets = labels[:, None].astype(float) if sizes[-1] == 1 else np.eye(sizes[-1])[labels]
    return rng.normal(size=(m, sizes[0])), targets
