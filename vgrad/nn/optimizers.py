"""Optimizers: how gradients change parameters, in place.

An optimizer is two functions and a state that is a value. `init(parameters)` makes the state, a dict of arrays that a
checkpoint can keep; `update(parameters, gradients, state, learning_rate)` changes parameters and state in place.
Gradients are dC/dw with the penalty's share already in them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from vgrad.nn.arrays import Parameters
from vgrad.registry import Positive

State = dict[str, np.ndarray]


@dataclass(frozen=True)
class Optimizer:
    """`is_plain_descent` says that the step is exactly w <- w - eta g, which the network can fuse with the product that
    makes g (`Backprop.descend`)."""

    learning_rate: float
    init: Callable[[Parameters], State]
    update: Callable[[Parameters, Parameters, State, float], None]
    is_plain_descent: bool = False


def sgd(*, learning_rate: Positive = 0.1) -> Optimizer:
    """w <- w - eta g  (Nielsen ch. 1, eq. 20-21)."""

    def update(parameters: Parameters, gradients: Parameters, state: State, eta: float) -> None:
        for name, w in parameters.items():
            w -= eta * gradients[name]

    return Optimizer(learning_rate, lambda parameters: {}, update, is_plain_descent=True)


OPTIMIZERS: dict[str, Callable[..., Optimizer]] = {"sgd": sgd}
