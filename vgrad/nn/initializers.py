"""Initial weights and biases, drawn from a generator that the caller passes in.

A weight initializer draws W^l of shape (n_l, n_(l-1)) and a bias initializer b^l of shape (n_l,), always in float64.
n_in = n_(l-1) is the fan-in, n_out = n_l the fan-out. Weights and biases have a generator each, so that a change of
one leaves the other as it was. A maxout layer of k pieces draws k times. Some initializers look at data (`DataDriven`).
Normal distributions are whole, as in PyTorch; Keras and JAX cut off the tails beyond two sigma and keep the variance.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from typing import Annotated

import numpy as np
from annotated_types import Gt
from numpy.random import Generator

from vgrad.nn.arrays import Array, Parameters
from vgrad.nn.backprop import GeneralBackprop
from vgrad.nn.network import Network
from vgrad.registry import LATER, NonNegative, Positive, PositiveInt

Weights = Callable[[Generator, int, int], Array]
"""(generator, n_out, n_in) -> W of shape (n_out, n_in)."""
Biases = Callable[[Generator, int], Array]
"""(generator, n) -> b of shape (n,)."""


@dataclass(frozen=True)
class DataDriven:
    """Weights that are drawn as usual, then adapted in place: adapt(network, parameters, x, gain), x of shape (m, n_0).

    ValueError where what is asked for cannot be reached."""

    draw: Weights
    adapt: Callable[[Network, Parameters, Array, float], None]

    def __call__(self, generator: Generator, n_out: int, n_in: int) -> Array:
        """W as it is before it is adapted."""
        return self.draw(generator, n_out, n_in)


def initialize(
    sizes: Sequence[int],
    weights: Weights,
    biases: Biases,
    gain: float,
    generators: tuple[Generator, Generator],
    pieces: Sequence[int] = (),
) -> Parameters:
    """Parameters for layers of `sizes` = (n_0, …, n_L), weights multiplied by `gain`, drawn from layer 1 upwards.

    `pieces` are those of the hidden layers, 1 where it is too short.
    """
    for_weights, for_biases = generators
    parameters: Parameters = {}
    for layer, (n_in, n_out) in enumerate(pairwise(sizes), start=1):
        k = pieces[layer - 1] if layer <= len(pieces) else 1
        parameters[f"W{layer}"] = gain * np.concatenate([weights(for_weights, n_out, n_in) for _ in range(k)])
        parameters[f"b{layer}"] = np.concatenate([biases(for_biases, n_out) for _ in range(k)])
    return parameters


def _normal(standard_deviation: Callable[[int, int], float]) -> Weights:
    return lambda generator, n_out, n_in: generator.normal(0.0, standard_deviation(n_in, n_out), (n_out, n_in))


def _uniform(bound: Callable[[int, int], float]) -> Weights:
    def draw(generator: Generator, n_out: int, n_in: int) -> Array:
        return generator.uniform(-bound(n_in, n_out), bound(n_in, n_out), (n_out, n_in))

    return draw


def zeros() -> Weights:
    """W = 0: every neuron of a layer stays like its neighbours, and no delta passes below the output."""
    return lambda generator, n_out, n_in: np.zeros((n_out, n_in))


def constant(*, value: float = 0.1) -> Weights:
    """W = value: delta passes, but the neurons of a layer stay alike."""
    return lambda generator, n_out, n_in: np.full((n_out, n_in), value)


def normal(*, sd: Annotated[float, Gt(0), LATER] = 1.0) -> Weights:
    """W ~ N(0, sd^2); with sd = 1 the chapter's first choice, which saturates wide layers  (Nielsen ch. 3)."""
    return _normal(lambda n_in, n_out: sd)


def uniform(*, bound: Positive = 0.05) -> Weights:
    """W ~ U[-bound, bound]."""
    return _uniform(lambda n_in, n_out: bound)


def standard() -> Weights:
    """W ~ U[-1/sqrt(n_in), 1/sqrt(n_in)]: variance 1/(3 n_in)  (Glorot and Bengio 2010, eq. 1)."""
    return _uniform(lambda n_in, n_out: n_in**-0.5)


def lecun_normal() -> Weights:
    """W ~ N(0, 1/n_in): Nielsen's choice in chapter 5, and LeCun's  (LeCun et al. 1998)."""
    return _normal(lambda n_in, n_out: n_in**-0.5)


def lecun_uniform() -> Weights:
    """W ~ U[-r, r] with r = sqrt(3/n_in): variance 1/n_in  (LeCun et al. 1998)."""
    return _uniform(lambda n_in, n_out: (3 / n_in) ** 0.5)


def glorot_normal() -> Weights:
    """W ~ N(0, 2/(n_in + n_out))  (Glorot and Bengio 2010, eq. 12)."""
    return _normal(lambda n_in, n_out: (2 / (n_in + n_out)) ** 0.5)


def glorot_uniform() -> Weights:
    """W ~ U[-r, r] with r = sqrt(6/(n_in + n_out))  (Glorot and Bengio 2010, eq. 16)."""
    return _uniform(lambda n_in, n_out: (6 / (n_in + n_out)) ** 0.5)


def he_normal() -> Weights:
    """W ~ N(0, 2/n_in)  (He et al. 2015, eq. 10)."""
    return _normal(lambda n_in, n_out: (2 / n_in) ** 0.5)


def he_uniform() -> Weights:
    """W ~ U[-r, r] with r = sqrt(6/n_in): He's variance 2/n_in, drawn uniformly  (He et al. 2015)."""
    return _uniform(lambda n_in, n_out: (6 / n_in) ** 0.5)


def orthogonal() -> Weights:
    """W W^T = 1, or W^T W = 1 where n_out > n_in, all such equally likely: singular values 1  (Saxe 2013)."""

    def draw(generator: Generator, n_out: int, n_in: int) -> Array:
        q, r = np.linalg.qr(generator.standard_normal((max(n_out, n_in), min(n_out, n_in))))
        q *= np.where(np.diag(r) < 0, -1.0, 1.0)  # without the signs of r the distribution is not Haar's
        return np.ascontiguousarray(q if n_out >= n_in else q.T)

    return draw


def sparse(*, k: PositiveInt = 15, sd: Positive = 1.0) -> Weights:
    """k incoming weights a unit ~ N(0, sd^2), the others 0  (Martens 2010; Sutskever et al. 2013, sec. 3.1)."""

    def draw(generator: Generator, n_out: int, n_in: int) -> Array:
        W = np.zeros((n_out, n_in))
        kept = min(k, n_in)
        chosen = np.argsort(generator.random((n_out, n_in)), axis=1)[:, :kept]
        np.put_along_axis(W, chosen, generator.normal(0.0, sd, (n_out, kept)), axis=1)
        return W

    return draw


def lsuv(*, tolerance: Positive = 0.01, iterations: PositiveInt = 10) -> Weights:
    """Orthogonal, then layer by layer from below W^l <- W^l / sd(z^l) until |var(z^l) - 1| < tolerance  (Mishkin 2016).

    The variance is that of all of z^l over the first training examples (with a norm z^l has unit variance anyway); with
    a `gain` it is gain^2. Biases that are not 0 and maxout make z^l no multiple of W^l: where that has not settled in
    so many iterations, its scale is bisected.
    """

    def adapt(network: Network, parameters: Parameters, x: Array, gain: float) -> None:
        passes = GeneralBackprop(network, parameters, len(x), network.buffers(), "probe")

        def scaled(layer: int, factor: float) -> float:
            """The variance of z^l over gain^2 with W^l multiplied by this."""
            parameters[f"W{layer}"] *= factor
            passes.forward(x)
            return float((passes.z[layer - 1] / gain).var())  # gain^2 may be beyond floats

        for layer in range(1, network.depth + 1):
            variance = scaled(layer, 1.0)
            for _ in range(iterations):
                if variance == 0 or abs(variance - 1) < tolerance:
                    break
                variance = scaled(layer, variance**-0.5)
            if variance != 0 and not abs(variance - 1) < tolerance:
                _bisect(parameters[f"W{layer}"], partial(scaled, layer, 1.0), tolerance, layer)

    return DataDriven(orthogonal(), adapt)


def _bisect(W: Array, variance: Callable[[], float], tolerance: float, layer: int) -> None:
    """Scales W, which has been scaled in vain, until `variance` is within `tolerance` of 1. ValueError where no scale
    does: what is there without W is more than that."""
    given, low, high = W.copy(), 0.0, 1.0

    def at(factor: float) -> float:
        np.multiply(given, factor, out=W)
        return variance()

    least = at(0.0)
    while least < 1 and at(high) < 1 and high < 2**60:
        high *= 2
    for _ in range(200):
        middle = (low + high) / 2
        found = at(middle)
        if abs(found - 1) < tolerance:
            return
        low, high = (middle, high) if found < 1 else (low, middle)
    raise ValueError(f"lsuv: no scale of W{layer} gives z{layer} the variance; its biases alone have {least:.3g} of it")


def exploding(*, weight: Positive = 100.0) -> Weights:
    """W = ±weight/sqrt(n_in), random signs, W^1 = 0, and biases that put every z^l of every input at 0.

    The chapter's explosion: each layer multiplies delta by about weight f'(0) — 25 for the sigmoid and its weight of
    100 (Nielsen ch. 5). W^1 is 0 so that z = 0 holds for every input, not for one only.
    """

    def draw(generator: Generator, n_out: int, n_in: int) -> Array:
        signs = np.where(generator.random((n_out, n_in)) < 0.5, -1.0, 1.0)
        return np.asarray(signs * (weight / n_in**0.5))

    def adapt(network: Network, parameters: Parameters, x: Array, gain: float) -> None:
        passes = GeneralBackprop(network, parameters, len(x), network.buffers(), "probe")
        parameters["W1"].fill(0)
        for layer in range(1, network.depth + 1):
            parameters[f"b{layer}"].fill(0)
            passes.forward(x)
            a = passes.a[layer - 2][0] if layer > 1 else x[0]
            np.negative(parameters[f"W{layer}"] @ a, out=parameters[f"b{layer}"])

    return DataDriven(draw, adapt)


def zero_biases() -> Biases:
    """b = 0."""
    return lambda generator, n: np.zeros(n)


def constant_biases(*, value: float = 0.1) -> Biases:
    """b = value."""
    return lambda generator, n: np.full(n, value)


def normal_biases(*, sd: Annotated[NonNegative, LATER] = 1.0) -> Biases:
    """b ~ N(0, sd^2); with sd = 1 Nielsen's choice."""
    return lambda generator, n: generator.normal(0.0, sd, n)


def uniform_biases(*, bound: Positive = 0.05) -> Biases:
    """b ~ U[-bound, bound]."""
    return lambda generator, n: generator.uniform(-bound, bound, n)


INITIALIZERS: dict[str, Callable[..., Weights]] = {
    "zeros": zeros,
    "constant": constant,
    "normal": normal,
    "uniform": uniform,
    "standard": standard,
    "lecun_normal": lecun_normal,
    "lecun_uniform": lecun_uniform,
    "glorot_normal": glorot_normal,
    "glorot_uniform": glorot_uniform,
    "he_normal": he_normal,
    "he_uniform": he_uniform,
    "orthogonal": orthogonal,
    "sparse": sparse,
    "lsuv": lsuv,
    "exploding": exploding,
}

BIASES: dict[str, Callable[..., Biases]] = {
    "zeros": zero_biases,
    "constant": constant_biases,
    "normal": normal_biases,
    "uniform": uniform_biases,
}

PRESETS: dict[str, tuple[str, str]] = {
    "nielsen": ("lecun_normal", "normal"),
    "large": ("normal", "normal"),
}
"""name -> (weights, biases). A weight initializer's own name is a preset too: with biases that are zero."""
