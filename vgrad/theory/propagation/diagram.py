"""The plane of sigma_w and sigma_b, its critical line, and where initializers lie on it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from vgrad.nn.activations import Activation
from vgrad.nn.arrays import Array
from vgrad.theory.propagation.draws import Place, places
from vgrad.theory.propagation.medium import Stack, medium

ACROSS, UP = 40, 30
"""Stacks along sigma_w and sigma_b."""
ROOM, LEAST_W = 1.25, 2.0
"""How far beyond the critical line the plane goes, and at the least."""


@dataclass(frozen=True)
class Diagram:
    """The plane: `stacks` is over (sigma_b, sigma_w) in one row after another; `line` has sigma_w of chi = 1 for each
    sigma_b, NaN where there is none; `at` the stack of each place."""

    named: str
    sigma_w: Array
    sigma_b: Array
    stacks: Stack
    line: Array
    width: int
    places: tuple[Place, ...]
    at: Stack

    def plane(self, values: Array) -> Array:
        """(sigma_b, sigma_w)."""
        return values.reshape(len(self.sigma_b), len(self.sigma_w))


def diagram(activation: Activation, named: str, width: int, most_w: float | None, most_b: float) -> Diagram:
    """The plane up to `most_w` and `most_b`; by default as far as the critical line, and some more."""
    found = medium(activation)
    sigma_b = np.linspace(0.0, most_b, UP)
    line = found.critical(sigma_b)
    if most_w is None:
        most_w = max(LEAST_W, ROOM * float(np.nanmax(line)) if np.isfinite(line).any() else 0.0)
    sigma_w = np.linspace(most_w / ACROSS, most_w, ACROSS)
    w, b = np.meshgrid(sigma_w, sigma_b)
    where = places(width)
    at = found.stacks(np.array([each.sigma_w for each in where]), np.array([each.sigma_b for each in where]))
    return Diagram(named, sigma_w, sigma_b, found.stacks(w.ravel(), b.ravel()), line, width, where, at)
