"""What a data set has, in numbers: its parts, its classes, and the range of its inputs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from vgrad.data.dataset import ROWS, Array, Dataset

PARTS = ("train", "validation", "test")
NOISE = 1e-12
"""A mean that is so much smaller than the numbers is that of rounding, and 0."""


@dataclass(frozen=True)
class Range:
    """The least and the largest of some numbers, their mean and standard deviation (divisor n), and how many of the
    columns never change."""

    least: float
    largest: float
    mean: float
    deviation: float
    constant: int


@dataclass(frozen=True)
class Description:
    """`sizes` by part; `counts` of each class, or the `targets` of a regression, by part, neither of them where the
    inputs are the targets; `inputs` are those of the training part, as they stand in the file and as training has
    them."""

    sizes: dict[str, int]
    counts: dict[str, list[int]]
    targets: dict[str, Range]
    inputs: Range
    scaled: Range


def describe(dataset: Dataset) -> Description:
    """The description of a data set."""
    parts = {name: getattr(dataset, name) for name in PARTS}
    regression = dataset.train.labels.ndim == 2 and not dataset.reconstructs
    classes = dataset.train.labels.ndim == 1
    rows = dataset.train.inputs
    scaled = np.concatenate(
        [dataset.scaling.apply(rows[at : at + ROWS], np.empty(rows[at : at + ROWS].shape)) for at in _steps(len(rows))]
    )
    return Description(
        {name: len(part) for name, part in parts.items()},
        {name: np.bincount(part.labels, minlength=dataset.classes).tolist() for name, part in parts.items()}
        if classes
        else {},
        {name: of(part.labels) for name, part in parts.items() if len(part)} if regression else {},
        of(rows),
        of(scaled),
    )


def _steps(n: int) -> range:
    return range(0, n, ROWS)


def of(x: Array) -> Range:
    """The range of all numbers in x (n, k)."""
    least, largest = x.min(axis=0), x.max(axis=0)
    mean, most = float(x.mean(dtype=np.float64)), max(abs(float(least.min())), abs(float(largest.max())))
    mean = 0.0 if abs(mean) < NOISE * most else mean
    return Range(
        float(least.min()), float(largest.max()), mean, float(x.std(dtype=np.float64)),
        int((least == largest).sum()),
    )  # fmt: skip
