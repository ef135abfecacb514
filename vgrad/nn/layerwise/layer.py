"""One layer that reconstructs what lies below it: v -> h = s(v W^T + b) -> r = s(h W + c), s the logistic function.

Rows are examples: v and r are (m, n_v), h is (m, n_h), W is (n_h, n_v), b is (n_h,), c is (n_v,). Every entry of v is
in [0, 1]: pixels, or the mean activations of the layer below.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.random import Generator

from vgrad.compiled import expit
from vgrad.nn.arrays import Array

SD = 0.01
"""Of the first weights (Hinton 2010, sec. 8)."""


class Layer(NamedTuple):
    """W, b and c; of a gradient their derivatives."""

    W: Array
    b: Array
    c: Array


def first(n_h: int, total: Array, n: int, generator: Generator) -> Layer:
    """The layer before any step; `total` (n_v,) is the sum of v over n examples.

    W ~ N(0, 0.01^2), b = 0, c = ln(p/(1 - p)): the reconstruction of nothing is the mean p of v. One example of each
    kind is added, p = (total + 1)/(n + 2), so that a pixel which is always 0 has a finite c (Hinton 2010, sec. 8).
    """
    p = (total + 1) / (n + 2)
    return Layer(generator.normal(0.0, SD, (n_h, len(total))), np.zeros(n_h), np.log(p) - np.log1p(-p))


def up(layer: Layer, v: Array) -> Array:
    """h = s(v W^T + b), (m, n_h): the mean activations that the next layer is trained on."""
    return np.asarray(expit(v @ layer.W.T + layer.b))


def down(layer: Layer, h: Array) -> Array:
    """r = s(h W + c), (m, n_v)."""
    return np.asarray(expit(h @ layer.W + layer.c))


def errors(layer: Layer, v: Array) -> tuple[float, float]:
    """How r differs from v, summed over the m examples: (cross-entropy, squared error).

    The cross-entropy -sum_j (v ln r + (1 - v) ln(1 - r)) is taken from z = h W + c, as max(z, 0) + ln(1 + exp(-|z|))
    - v z; the squared error is the mean over the n_v units.
    """
    z = (up(layer, v) @ layer.W + layer.c).astype(np.float64)
    entropy = np.maximum(z, 0) + np.log1p(np.exp(-np.abs(z))) - v * z
    return float(entropy.sum()), float(np.square(expit(z) - v).mean(axis=1).sum())
