"""Fixed points and depth scales of deep stacks of one activation, and where it is critical."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from vgrad.nn.activations import Activation
from vgrad.theory.propagation.medium import Stack, medium

SHARES = (0.1, 0.25, 0.5, 0.75, 0.9, 1.0, 1.1, 1.5, 2.0)
"""Of the critical sigma_w, or of 1 where there is none."""
CURVE = 400
STEP, NEAR = 0.001, 0.1
"""chi is 1 at a sigma_w if ln chi is NEAR 0 at those larger and smaller by this share; else it jumps over 1."""


@dataclass(frozen=True)
class Depths:
    """Stacks of one sigma_b, by sigma_w; `critical` is the sigma_w at which chi goes over 1, None where there is none,
    and `beside` chi shortly below and above it; `curve` has many stacks over the same sigma_w, for the picture."""

    named: str
    sigma_b: float
    critical: float | None
    beside: tuple[float, float] | None
    stacks: Stack
    curve: Stack

    @property
    def jumps(self) -> bool:
        """Whether chi is nowhere 1, though below it and above it."""
        return self.beside is not None and any(abs(math.log(chi)) >= NEAR for chi in self.beside)


def depths(activation: Activation, named: str, sigma_w: list[float] | None, sigma_b: float) -> Depths:
    """The stacks of these sigma_w, by default around the critical one."""
    found = medium(activation)
    line = float(found.critical(np.array([sigma_b]))[0])
    critical = None if math.isnan(line) else line
    around = [share * (critical or 1.0) for share in SHARES]
    each = np.array(sigma_w if sigma_w is not None else around)
    many = np.linspace(each.min(), each.max(), CURVE)
    stacks, curve = (found.stacks(w, np.full_like(w, sigma_b)) for w in (each, many))
    beside = critical and (found.chi(critical * (1 - STEP), sigma_b), found.chi(critical * (1 + STEP), sigma_b))
    return Depths(named, sigma_b, critical, beside or None, stacks, curve)
