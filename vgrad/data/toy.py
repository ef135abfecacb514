"""Small sets in the plane: XOR and two concentric rings, which no line separates, and two halves, which one does."""

from __future__ import annotations

from typing import Annotated

import numpy as np
from annotated_types import Ge, Le

from vgrad.data.dataset import Part
from vgrad.errors import ConfigError
from vgrad.registry import NonNegativeInt

RADII = (1.0, 0.5)  # of class 0 and class 1
CIRCLES = (400, 200, 200)  # training, validation, test
LOUDEST = 100.0
HALVES = (100, 100, 100)
WIDEST = 0.5


def xor(progress: bool = False) -> tuple[Part, Part, Part]:
    """The four corners of the unit square; the class is x_1 xor x_2.

    All three parts are the same four points: they are the whole domain of the function, so nothing is held out, and a
    network that is right on them is right.
    """
    corners = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
    part = Part(corners, np.array([0, 1, 1, 0], dtype=np.int64))
    return part, part, part


def circles(
    progress: bool = False, *, noise: Annotated[float, Ge(0), Le(LOUDEST)] = 0.05, sample_seed: NonNegativeInt = 0
) -> tuple[Part, Part, Part]:
    """Points on rings of radius 1 (class 0) and 0.5 (class 1), in turn, plus N(0, noise^2) on each coordinate.

    Angles are uniform. Depends on `noise` and `sample_seed` alone. ConfigError for a noise above 100.
    """
    if not 0 <= noise <= LOUDEST:
        raise ConfigError(f"data.noise: {noise:g} is not between 0 and {LOUDEST:g}")
    random = np.random.Generator(np.random.PCG64(np.random.SeedSequence(sample_seed)))
    labels = np.arange(sum(CIRCLES), dtype=np.int64) % 2
    angle = random.uniform(0.0, 2.0 * np.pi, size=labels.size)
    ring = np.asarray(RADII)[labels, None] * np.column_stack([np.cos(angle), np.sin(angle)])
    points = ring + noise * random.standard_normal(ring.shape)
    ends = np.cumsum(CIRCLES)[:-1]
    train, validation, test = map(Part, np.split(points, ends), np.split(labels, ends))
    return train, validation, test


def halves(
    progress: bool = False, *, margin: Annotated[float, Ge(0), Le(WIDEST)] = 0.1, sample_seed: NonNegativeInt = 0
) -> tuple[Part, Part, Part]:
    """Points of the unit square on both sides of x_1 + x_2 = 1, in turn, none nearer to that line than `margin`.

    Class 1 is above. Points are uniform over what is left of the square; one on the side that it is not the turn of is
    mirrored, x -> 1 - x. Depends on `margin` and `sample_seed` alone. ConfigError for a margin above 0.5.
    """
    if not 0 <= margin <= WIDEST:
        raise ConfigError(f"data.margin: {margin:g} is not between 0 and {WIDEST:g}")
    random = np.random.Generator(np.random.PCG64(np.random.SeedSequence(sample_seed)))
    labels = np.arange(sum(HALVES), dtype=np.int64) % 2
    points = np.empty((0, 2))
    while len(points) < labels.size:
        drawn = random.uniform(size=(labels.size, 2))
        far = np.abs(drawn.sum(axis=1) - 1) > np.sqrt(2) * margin
        points = np.concatenate([points, drawn[far]])
    points = points[: labels.size]
    above = points.sum(axis=1) > 1
    points = np.where((above == labels)[:, None], points, 1 - points)
    ends = np.cumsum(HALVES)[:-1]
    train, validation, test = map(Part, np.split(points, ends), np.split(labels, ends))
    return train, validation, test
