"""Gradient check: every parameter's derivative, once by backpropagation and once from the cost alone.

The cost comes from a second forward pass, written for complex numbers and for many changed parameters at once: arrays
are (P, m, n), P changes of m examples. Complex step: dC/dp = Im C(p + ih)/h with h = 1e-30, exact to rounding, for
there is no difference to cancel (Squire and Trapp 1998). Where an activation or a cost has no complex formula:
central differences, (C(p + h) - C(p - h))/(2h). Masks and noise are held, batch statistics are those of the examples.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vgrad.nn.activations import Activation
from vgrad.nn.arrays import Array, Parameters
from vgrad.nn.backprop import GeneralBackprop
from vgrad.nn.network import Network, Noise
from vgrad.nn.parameters import layer_of

COMPLEX_STEP, CENTRAL_STEP = 1e-30, 1e-5
TOLERANCE = {"complex step": 1e-9, "central differences": 1e-5}
"""Largest error relative to the array's largest derivative. What is found is about 1e-14 and 1e-9."""
AT_ONCE = 128
Numbers = NDArray[Any]


@dataclass(frozen=True)
class ParameterCheck:
    """One parameter array: its greatest error relative to its greatest derivative, by `method`.

    `verdict`: ok, wrong, or unresolved where central differences cannot tell so small a derivative from rounding.
    """

    name: str
    layer: int
    entries: int
    method: str
    largest: float
    error: float
    verdict: str


def gradient_check(
    network: Network,
    parameters: Parameters,
    x: Array,
    y: Array,
    noise: Noise | None = None,
    gradients: Mapping[str, Array] | None = None,
) -> Iterator[ParameterCheck]:
    """Checks every entry of `parameters` (float64) on the examples x, y; `gradients` stand in for backpropagation's."""
    passes = GeneralBackprop(network, parameters, len(x), network.buffers(), "train")
    passes.forward(x, noise)
    passes.backward(y)
    if gradients is None:
        gradients = {name: np.zeros_like(value) for name, value in parameters.items()}
        passes.add_gradients(x, gradients, 1 / len(x))
    forward = _Forward(network, parameters, passes, y)
    for name, value in parameters.items():
        layer = layer_of(name)
        numeric = np.concatenate(
            [forward.derivatives(name, layer, part) for part in _parts(value.size)] or [np.empty(0)]
        )
        yield _compare(name, layer, forward, gradients[name].ravel(), numeric, _rounding(passes, layer))


def _parts(n: int) -> list[NDArray[np.intp]]:
    return [np.arange(start, min(start + AT_ONCE, n)) for start in range(0, n, AT_ONCE)]


def _rounding(passes: GeneralBackprop, layer: int) -> float:
    """What the sum over examples may be off by: terms of this layer's size cancel to no better than their rounding."""
    below = passes.a[layer - 2] if layer > 1 else passes.x
    terms = float(np.abs(passes.delta[layer - 1]).max()) * max(1.0, float(np.abs(below).max()))
    return 100 * float(np.finfo(np.float64).eps) * terms


def _compare(
    name: str, layer: int, forward: _Forward, gradient: Array, numeric: Array, rounding: float
) -> ParameterCheck:
    largest = float(np.abs(numeric).max(initial=0.0))
    difference = float(np.abs(gradient - numeric).max(initial=0.0))
    method = "complex step" if forward.is_analytic else "central differences"
    if not forward.is_analytic:
        rounding += 10 * float(np.finfo(np.float64).eps) * abs(forward.cost) / CENTRAL_STEP
    scale = max(largest, float(np.abs(gradient).max(initial=0.0)))
    verdict = "ok" if difference <= TOLERANCE[method] * scale + rounding else "wrong"
    if verdict == "ok" and not forward.is_analytic and 0 < scale < 1000 * rounding:
        verdict = "unresolved"
    error = difference / max(scale, rounding) if difference else 0.0
    return ParameterCheck(name, layer, len(numeric), method, largest, error, verdict)


class _Forward:
    """The cost of the network with some parameters changed, from the changed layer upwards."""

    def __init__(self, network: Network, parameters: Parameters, passes: GeneralBackprop, y: Array) -> None:
        self._network, self._parameters, self._y = network, parameters, y
        self._masks = [layer.mask for layer in passes.layers] if network.dropout else None
        functions = [f.complex_f for f in network.activations]
        self.is_analytic = network.cost.complex_cost is not None and None not in functions
        self._below: list[Numbers] = [passes.x.copy()]
        self._u: list[Numbers] = []
        for layer in range(1, network.depth + 1):
            self._u.append(self._affine(layer, self._below[-1]))
            if layer < network.depth:
                self._below.append(self._hidden(layer, self._u[-1], self._below[-1], parameters))
        self.cost = float(self._cost(self._u[-1]).real)

    def derivatives(self, name: str, layer: int, part: NDArray[np.intp]) -> Array:
        """dC/dp of the entries `part` (flat indices) of the parameter `name`."""
        if self.is_analytic:
            return np.asarray(self._changed(name, layer, part, 1j * COMPLEX_STEP).imag / COMPLEX_STEP)
        up, down = (self._changed(name, layer, part, h) for h in (CENTRAL_STEP, -CENTRAL_STEP))
        return np.asarray((up.real - down.real) / (2 * CENTRAL_STEP))

    def _changed(self, name: str, layer: int, part: NDArray[np.intp], h: complex) -> Numbers:
        """(P,): the cost with entry part[i] of `name` changed by h."""
        value = self._parameters[name]
        changes = np.arange(len(part))
        kind = type(h)
        parameters: dict[str, Numbers] = dict(self._parameters)
        u = np.repeat(self._u[layer - 1][None], len(part), axis=0).astype(kind)
        if name == f"W{layer}":
            i, j = np.unravel_index(part, value.shape)
            u[changes, :, i] += h * self._below[layer - 1][:, j].T
        elif name == f"b{layer}":
            if self._uses_bias(layer):
                u[changes, :, part] += h
        else:
            changed = np.repeat(value[None], len(part), axis=0).astype(kind)
            changed[changes, part] += h
            parameters[name] = changed[:, None, :]
        below = self._below[layer - 1]
        for upper in range(layer, self._network.depth):
            below = self._hidden(upper, u, below, parameters)
            u = self._affine(upper + 1, below)
        return self._cost(u)

    def _uses_bias(self, layer: int) -> bool:
        norm = self._network.norm
        if layer == self._network.depth or norm is None or norm.axis == 1:
            return True
        return self._network.activations[layer - 1].pieces > 1

    def _affine(self, layer: int, below: Numbers) -> Numbers:
        u = below @ self._parameters[f"W{layer}"].T
        return np.asarray(u + self._parameters[f"b{layer}"] if self._uses_bias(layer) else u)

    def _hidden(self, layer: int, u: Numbers, below: Numbers, parameters: Mapping[str, Numbers]) -> Numbers:
        network, activation = self._network, self._network.activations[layer - 1]
        z = u
        if activation.pieces > 1:
            pieces = u.reshape(*u.shape[:-1], activation.pieces, -1)
            winner = np.expand_dims(pieces.real.argmax(axis=-2), -2)
            z = np.take_along_axis(pieces, winner, axis=-2)[..., 0, :]
        if network.norm is not None:
            axis = network.norm.axis - 2
            centred = z - z.mean(axis=axis, keepdims=True)
            variance = (centred * centred).mean(axis=axis, keepdims=True)
            unit = centred / np.sqrt(variance + network.norm.epsilon)
            z = unit * parameters[f"gamma{layer}"] + parameters[f"beta{layer}"]
        if activation.learned is not None:
            activation = activation.learned.bind(parameters[f"{activation.learned.name}{layer}"])
        h = self._f(activation, z)
        if self._masks is not None:
            h = h * self._masks[layer - 1]
        return np.asarray(below + h if network.residual and below.shape[-1] == h.shape[-1] else h)

    def _f(self, activation: Activation, z: Numbers) -> Numbers:
        if self.is_analytic and activation.complex_f is not None:
            return activation.complex_f(z)
        return activation.f(z, np.empty_like(z))

    def _cost(self, z: Numbers) -> Numbers:
        """(P,): the mean over examples of the cost at the weighted inputs z of the output layer."""
        cost = self._network.cost
        if self.is_analytic and cost.complex_cost is not None:
            return np.asarray(cost.complex_cost(z, self._y).mean(axis=-1))
        flat = z.reshape(-1, *z.shape[-2:])
        each = [cost.per_example(zi, self._network.output(zi, np.empty_like(zi)), self._y).mean() for zi in flat]
        return np.array(each).reshape(z.shape[:-2])
