"""Initial weights and biases, drawn from a generator that the caller passes in.

A weight initializer draws W^l of shape (n_l, n_(l-1)) and a bias initializer b^l of shape (n_l,), always in float64.
n_in = n_(l-1) is the fan-in, n_out = n_l the fan-out. Weights and biases have a generator each, so that a change of
one leaves the other as it was.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise

import numpy as np
from numpy.random import Generator

from vgrad.nn.arrays import Array, Parameters

Weights = Callable[[Generator, int, int], Array]
"""(generator, n_out, n_in) -> W of shape (n_out, n_in)."""
Biases = Callable[[Generator, int], Array]
"""(generator, n) -> b of shape (n,)."""


def initialize(
    sizes: Sequence[int], weights: Weights, biases: Biases, gain: float, generators: tuple[Generator, Generator]
) -> Parameters:
    """Parameters for layers of `sizes` = (n_0, …, n_L), weights multiplied by `gain`, drawn from layer 1 upwards."""
    for_weights, for_biases = generators
    parameters: Parameters = {}
    for layer, (n_in, n_out) in enumerate(pairwise(sizes), start=1):
        parameters[f"W{layer}"] = gain * weights(for_weights, n_out, n_in)
        parameters[f"b{layer}"] = biases(for_biases, n_out)
    return parameters


def _normal(standard_deviation: Callable[[int, int], float]) -> Weights:
    return lambda generator, n_out, n_in: generator.normal(0.0, standard_deviation(n_in, n_out), (n_out, n_in))


def _uniform(bound: Callable[[int, int], float]) -> Weights:
    def draw(generator: Generator, n_out: int, n_in: int) -> Array:
        return generator.uniform(-bound(n_in, n_out), bound(n_in, n_out), (n_out, n_in))

    return draw


def normal() -> Weights:
    """W ~ N(0, 1): the chapter's first choice, which saturates wide layers  (Nielsen ch. 3)."""
    return _normal(lambda n_in, n_out: 1.0)


def lecun_normal() -> Weights:
    """W ~ N(0, 1/n_in): Nielsen's choice in chapter 5, and LeCun's  (LeCun et al. 1998)."""
    return _normal(lambda n_in, n_out: n_in**-0.5)


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


def zeros() -> Weights:
    """W = 0: every neuron of a layer stays like its neighbours, and no delta passes below the output."""
    return lambda generator, n_out, n_in: np.zeros((n_out, n_in))


def zero_biases() -> Biases:
    """b = 0."""
    return lambda generator, n: np.zeros(n)


def normal_biases() -> Biases:
    """b ~ N(0, 1): Nielsen's choice."""
    return lambda generator, n: generator.normal(0.0, 1.0, n)


INITIALIZERS: dict[str, Callable[..., Weights]] = {
    "normal": normal,
    "lecun_normal": lecun_normal,
    "glorot_normal": glorot_normal,
    "glorot_uniform": glorot_uniform,
    "he_normal": he_normal,
    "he_uniform": he_uniform,
    "zeros": zeros,
}

BIASES: dict[str, Callable[..., Biases]] = {
    "zeros": zero_biases,
    "normal": normal_biases,
}

PRESETS: dict[str, tuple[str, str]] = {
    "nielsen": ("lecun_normal", "normal"),
    "large": ("normal", "normal"),
}
"""name -> (weights, biases). A weight initializer's own name is a preset too: with biases that are zero."""
