"""Kinds of greedy layer-wise pretraining: how a layer learns to reconstruct v, which is (m, n_v).

A step on a batch of m examples is  W <- (1 - eta lambda) W - eta/m dW,  b <- b - eta/m db,  c <- c - eta/m dc  with the
decay lambda; (dW, db, dc) are the sums over examples that the kind's gradient gives.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Literal

import numpy as np
from numpy.random import Generator

from vgrad.nn.arrays import Array
from vgrad.nn.layerwise.layer import Layer, down, up
from vgrad.registry import LATER, Fraction, NonNegative, Positive, PositiveInt

Gradient = Callable[[Layer, Array, Generator], Layer]
"""(layer, v, generator) -> the derivatives, summed over the examples."""
Control = Annotated[Literal["shuffled", "gaussian"] | None, LATER]
"""What takes the place of the layers when all are trained. `shuffled`: the entries of each W change places, and their
distribution stays; `gaussian`: W ~ N(0, s^2), s^2 the mean square of its entries, with b = 0: their scale stays."""


@dataclass(frozen=True)
class Pretraining:
    """How each hidden layer is trained, and the control that takes its place in the end, if one does."""

    epochs: int
    learning_rate: float
    decay: float
    batch_size: int
    gradient: Gradient
    control: Control = None

    def step(self, layer: Layer, sums: Layer, m: int) -> None:
        """One step, in place, from the sums over m examples."""
        np.multiply(layer.W, 1 - self.learning_rate * self.decay, out=layer.W)
        for value, derivative in zip(layer, sums, strict=True):
            np.multiply(derivative, self.learning_rate / m, out=derivative)
            np.subtract(value, derivative, out=value)


def autoencoder(
    *,
    epochs: PositiveInt = 3,
    learning_rate: Positive = 0.01,
    decay: NonNegative = 0.03,
    batch_size: PositiveInt = 20,
    control: Control = None,
) -> Pretraining:
    """Descends the cross-entropy of r = s(h W + c), h = s(v W^T + b), whose weights are tied (Bengio et al. 2007)."""
    return Pretraining(epochs, learning_rate, decay, batch_size, reconstruction, control)


def denoising(
    *,
    epochs: PositiveInt = 3,
    learning_rate: Positive = 0.01,
    decay: NonNegative = 0.03,
    batch_size: PositiveInt = 20,
    noise: Fraction = 0.2,
    control: Control = None,
) -> Pretraining:
    """An autoencoder that sees v with a share `noise` of zeros, drawn anew in each step (Vincent et al. 2010)."""
    gradient = partial(reconstruction, noise=noise)
    return Pretraining(epochs, learning_rate, decay, batch_size, gradient, control)


def rbm(
    *,
    epochs: PositiveInt = 3,
    learning_rate: Positive = 0.02,
    decay: NonNegative = 0.03,
    batch_size: PositiveInt = 20,
    control: Control = None,
) -> Pretraining:
    """A restricted Boltzmann machine by one step of contrastive divergence, CD-1 (Hinton 2002; Hinton et al. 2006)."""
    return Pretraining(epochs, learning_rate, decay, batch_size, contrastive_divergence, control)


def controlled(layer: Layer, control: Control, generator: Generator) -> Layer:
    """What takes the place of a trained layer."""
    if control == "shuffled":
        return layer._replace(W=generator.permutation(layer.W.ravel()).reshape(layer.W.shape))
    if control == "gaussian":
        s = np.sqrt(np.mean(np.square(layer.W, dtype=np.float64)))
        drawn = (s * generator.standard_normal(layer.W.shape)).astype(layer.W.dtype)
        return layer._replace(W=drawn, b=np.zeros_like(layer.b))
    return layer


def reconstruction(layer: Layer, v: Array, generator: Generator, noise: float = 0.0) -> Layer:
    """d/d(W, b, c) of sum -(v ln r + (1 - v) ln(1 - r)), r = s(h W + c), h = s(v~ W^T + b); v~ is v with a share
    `noise` of zeros. dr = r - v, dh = (dr W^T) h (1 - h), dW = dh^T v~ + h^T dr (Bengio et al. 2007, sec. 3)."""
    seen = v * (generator.random(v.shape) >= noise) if noise else v
    h = up(layer, seen)
    dr = down(layer, h)
    dr -= v
    dh = dr @ layer.W.T
    dh *= h * (1 - h)
    dW = dh.T @ seen
    dW += h.T @ dr
    return Layer(dW, dh.sum(axis=0), dr.sum(axis=0))


def contrastive_divergence(layer: Layer, v: Array, generator: Generator) -> Layer:
    """The downhill direction of CD-1: p0 = s(v W^T + b), h ~ p0, v1 = s(h W + c), p1 = s(v1 W^T + b);
    dW = p1^T v1 - p0^T v, db = p1 - p0, dc = v1 - v, summed over examples (Hinton 2010, sec. 3)."""
    p0 = up(layer, v)
    v1 = down(layer, (generator.random(p0.shape) < p0).astype(v.dtype))
    p1 = up(layer, v1)
    dW = p1.T @ v1
    dW -= p0.T @ v
    return Layer(dW, (p1 - p0).sum(axis=0), (v1 - v).sum(axis=0))


PRETRAININGS: dict[str, Callable[..., Pretraining]] = {"autoencoder": autoencoder, "denoising": denoising, "rbm": rbm}
