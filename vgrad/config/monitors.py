"""Monitors: the columns of metrics.csv, each a mean over the examples of one part.

A monitor is `<part>_<measure>`: train, validation or test; `cost` (the one trained on), `accuracy`, `mse`, or any cost
by name that the output allows. Penalties are no part of any of them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from vgrad.nn.arrays import Array
from vgrad.nn.costs import COSTS, mean_squared_error

PARTS = ("train", "validation", "test")
Measure = Callable[[Array, Array, Array], Array]
"""(z^L, a^L, y), each (m, n_L) -> (m,) float64, whose mean over examples is the monitor's value."""


def measures(cost: str, output: str) -> dict[str, Measure]:
    """What can be measured on each part of the data for a network with this cost and output."""
    return {
        "cost": COSTS[cost][output].per_example,
        "accuracy": correct,
        "mse": mean_squared_error,
        **{name: pairs[output].per_example for name, pairs in COSTS.items() if output in pairs},
    }


def correct(z: Array, a: Array, y: Array) -> Array:
    """1.0 where the network names the right class: the largest z, of equals the first, or a single output on the right
    side of 1/2."""
    right = (a > 0.5) == (y > 0.5) if y.shape[1] == 1 else _names_the_right(z, y)
    return np.asarray(right, dtype=np.float64).reshape(len(y))


def _names_the_right(z: Array, y: Array) -> NDArray[np.bool_]:
    """Where the examples lie side by side, argmax takes four times as long as this: y is one-hot, so that y . z is the
    right one's z."""
    if not z.flags.c_contiguous:
        largest = z.max(axis=1)
        if np.count_nonzero(z == largest[:, None]) == len(z):  # no equals
            return np.asarray(np.einsum("ij,ij->i", y, z) == largest)
    return np.asarray(z.argmax(axis=1) == y.argmax(axis=1))


def split(monitor: str) -> tuple[str, str]:
    """The part and the measure that a monitor's name is made of."""
    part, _, measure = monitor.partition("_")
    return part, measure


def is_best(values: Sequence[float]) -> bool:
    """Whether the last value is less than all before."""
    return all(values[-1] < value for value in values[:-1])


def waited(values: Sequence[float]) -> int:
    """Epochs since the best, that is the least value, was first reached."""
    return len(values) - 1 - min(range(len(values)), key=lambda index: (values[index], index)) if values else 0


def turned(monitor: str, value: float | None) -> float:
    """A monitor's value turned so that less is better: an accuracy's sign changes."""
    return math.inf if value is None else -value if monitor.endswith("accuracy") else value
