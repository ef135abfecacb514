"""Variances of what initializers draw, found by drawing: of any entry of the table, LATER ones too."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from vgrad.nn.initializers import BIASES, INITIALIZERS, PRESETS, Biases, DataDriven, Weights

ENTRIES, MANY, MOST_DRAWS = 2**20, 2**21, 10_000
"""Weights or biases drawn to find their variance, to 0.14 %, or to 0.1 %; matrices at most."""
SAME = 0.01
"""Initializers whose sigma differ by a smaller share are at one place."""


class NoSpread(ValueError):
    """Weights or biases that are no draws around 0, said in words."""


def variances(
    weights: Weights, biases: Biases, gain: float, n_in: int, n_out: int, entries: int = ENTRIES
) -> tuple[float, float]:
    """v_w and v_b of a layer. NoSpread where weights are all alike, or the mean of either is not 0."""
    random = np.random.default_rng(0)
    rows = max(1, min(entries // (n_in * n_out), MOST_DRAWS))
    W = gain * np.concatenate([weights(random, n_out, n_in).ravel() for _ in range(rows)])
    b = biases(random, entries)
    if not W.std() or abs(W.mean()) > 6 * W.std() / math.sqrt(W.size):
        raise NoSpread("its weights have no spread around 0")
    if abs(b.mean()) > 6 * b.std() / math.sqrt(len(b)) + 1e-12:
        raise NoSpread("the mean of its biases is not 0")
    return float(np.square(W).mean()), float(np.square(b).mean())


@dataclass(frozen=True)
class Place:
    """Initializers, by name, that have these sigma between layers of equal width."""

    names: tuple[str, ...]
    sigma_w: float
    sigma_b: float


@lru_cache(maxsize=4)
def places(width: int) -> tuple[Place, ...]:
    """Where presets and initializers lie, sigma_w^2 = n v_w between layers of `width` units, by sigma_w.

    Without those that look at data, and those whose weights have no spread around 0.
    """
    presets = PRESETS | {name: (name, "zeros") for name in INITIALIZERS}
    found: list[tuple[float, float, str]] = []
    for name, (weights, biases) in presets.items():
        draw = INITIALIZERS[weights]()
        if isinstance(draw, DataDriven):
            continue
        try:
            v_w, v_b = variances(draw, BIASES[biases](), 1.0, width, width, MANY)
        except NoSpread:
            continue
        found.append((math.sqrt(v_b), math.sqrt(width * v_w), name))
    groups: list[list[tuple[float, float, str]]] = []
    for each in sorted(found):
        first = groups[-1][0] if groups else (math.inf, math.inf, "")
        if max(abs(each[0] - first[0]), abs(each[1] - first[1])) < SAME * each[1]:
            groups[-1].append(each)
        else:
            groups.append([each])
    made = [Place(tuple(one[2] for one in group), _mean(group, 1), _mean(group, 0)) for group in groups]
    return tuple(sorted(made, key=lambda place: place.sigma_w))


def _mean(group: list[tuple[float, float, str]], at: int) -> float:
    return sum(float(one[at]) for one in group) / len(group)
