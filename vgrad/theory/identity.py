"""The identity neuron: w_2 f(w_1 x + b) close to x for 0 <= x <= 1  (Nielsen ch. 5, problem "identity neuron").

With x = 1/2 + D and c = w_1/2 + b, Taylor gives

    w_2 f(c + w_1 D) = w_2 f(c) + w_2 w_1 f'(c) D + w_2 w_1^2 f''(c) D^2 / 2 + …

At f''(c) = 0 and w_2 = 1/(w_1 f'(c)) the part that depends on x is D up to a third order in w_1. But there is a
constant, too: w_2 f(c) should be 1/2, so w_1 f'(c) / f(c) = 2. For the sigmoid f'/f = 1 - f, so w_1 > 2 whatever c is:
a small w_1 makes x plus a constant, which the next neuron's bias has to take away, and without that help the output
stays at a distance from x. What has f(c) = 0 where it is steep (tanh) needs no such help with b = 0.

Errors are the largest |output - x| over POINTS.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize_scalar

from vgrad.nn.activations import Activation
from vgrad.nn.arrays import Array
from vgrad.theory.neuron import respond, steepest_point

POINTS = (1 - np.cos(np.linspace(0, np.pi, 401))) / 2
"""Inputs from 0 to 1, denser at the ends, where errors are largest."""
LIMITS = (0.05, 40.0)
"""Of w_1, where the best one is looked for."""
_GOLDEN = (5**0.5 - 1) / 2
SMALL = (4.0, 2.0, 1.0, 0.5, 0.2, 0.1)


@dataclass(frozen=True)
class Imitation:
    """w_2 f(w_1 x + b) + constant, and its largest distance from x on [0, 1]."""

    w1: float
    b: float
    w2: float
    constant: float
    error: float


def output(activation: Activation, found: Imitation, x: Array) -> Array:
    """w_2 f(w_1 x + b) + constant."""
    return found.w2 * respond(activation, found.w1 * x + found.b)[0] + found.constant


def _made(activation: Activation, w1: float, b: float, w2: float, constant: float) -> Imitation:
    trial = Imitation(w1, b, w2, constant, 0.0)
    return Imitation(w1, b, w2, constant, float(np.abs(output(activation, trial, POINTS) - POINTS).max()))


def expanded(activation: Activation, w1: float) -> Imitation:
    """What the expansion chooses: w_2 = 1/(w_1 f'(c)) and the constant 1/2 - w_2 f(c), with c where f is straightest.

    Where f is steepest, f'' = 0; but some are steepest at a kink, so c is that point, 0, 1 or 2: the one that is best.
    """
    found = []
    for c in (steepest_point(activation)[0], 0.0, 1.0, 2.0):
        (height,), (slope,) = respond(activation, c)
        if slope != 0:
            w2 = float(1 / (w1 * slope))
            found.append(_made(activation, w1, c - w1 / 2, w2, 0.5 - w2 * float(height)))
    return min(found, key=lambda one: one.error)


def best(activation: Activation, w1: float | None = None) -> Imitation:
    """The least error without a constant, over w_2 and b, and over w_1 in LIMITS where it is not given.

    For w_1 and b the best w_2 is that of a convex problem in one unknown; b is found on ever finer grids, w_1 by
    scipy.optimize around the best of a coarse one.
    """
    if w1 is not None:
        return _best_of(activation, w1, POINTS[::8])
    logs = np.log(np.geomspace(*LIMITS, 13))

    def error(log: float, every: int = 10) -> float:
        return _best_of(activation, float(np.exp(log)), POINTS[::every], 1e-5).error

    at = int(np.argmin([error(log, 25) for log in logs]))
    around = (logs[max(at - 1, 0)], logs[min(at + 1, len(logs) - 1)])
    solved = minimize_scalar(error, bounds=around, method="bounded", options={"xatol": 1e-4})
    candidates = (float(np.exp(solved.x)), float(np.exp(logs[at])))
    return min((_best_of(activation, w, POINTS[::4]) for w in candidates), key=lambda one: one.error)


def _best_of(activation: Activation, w1: float, x: Array, close: float = 1e-7) -> Imitation:
    """Over b and w_2, at the points x; first over b in steps that grow with |b|, then around the best until `close`."""
    half = np.geomspace(1e-3, 12.0, 30)
    b = np.concatenate([-w1 - half[::-1], np.linspace(-w1, 0.0, 21), half])
    while True:
        w2, errors = _scaled(respond(activation, w1 * x + b[:, None])[0], x)
        at = int(errors.argmin())
        low, high = float(b[max(at - 1, 0)]), float(b[min(at + 1, len(b) - 1)])
        if high - low < close:
            return _made(activation, w1, float(b[at]), float(w2[at]), 0.0)
        b = np.linspace(low, high, 17)


def _scaled(a: Array, x: Array) -> tuple[Array, Array]:
    """For each row of a, (k, points): the w_2 with the least max |w_2 a - x|, and that error; by golden section.

    The error is convex in w_2, is max x = 1 at w_2 = 0, and above 1 where |w_2| max |a| > 2.
    """
    largest = np.abs(a).max(axis=1)
    reach = 2.0 / np.maximum(largest, 1e-12)
    low, high = -reach, reach.copy()

    def error(w2: Array) -> Array:
        return np.asarray(np.abs(w2[:, None] * a - x).max(axis=1))

    for _ in range(40):
        left, right = high - _GOLDEN * (high - low), low + _GOLDEN * (high - low)
        lower = error(left) < error(right)
        low, high = np.where(lower, low, left), np.where(lower, right, high)
    w2 = (low + high) / 2
    return w2, error(w2)
