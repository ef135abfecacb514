"""The array types of the package, and norms that neither overflow nor underflow."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import DTypeLike, NDArray

from vgrad.later import blas

Array = NDArray[np.floating]
Parameters = dict[str, Array]
"""`W1, b1, …, WL, bL`: W^l has shape (n_l, n_(l-1)), b^l has shape (n_l,); in this order."""


LINE = 64
"""Bytes of a cache line, and of the longest vector register."""


def aligned(shape: tuple[int, ...], dtype: DTypeLike) -> Array:
    """An uninitialized array that begins at a cache line. NumPy's begin at any 16 bytes, as it happens: a step of
    vgrad then takes up to a tenth longer in one process than in the next, of loads that lie across two lines."""
    size = math.prod(shape) * np.dtype(dtype).itemsize
    room = np.empty(size + LINE, np.uint8)
    start = -room.ctypes.data % LINE
    return room[start : start + size].view(dtype).reshape(shape)


def in_a_row(shapes: Sequence[tuple[int, ...]], dtype: DTypeLike) -> tuple[Array, list[Array]]:
    """A vector of zeros, and arrays of those shapes that lie in it one behind the other, each at a cache line."""
    line = LINE // np.dtype(dtype).itemsize
    sizes = [-(-math.prod(shape) // line) * line for shape in shapes]
    vector = aligned((sum(sizes),), dtype)
    vector.fill(0)  # also between the arrays: what is computed of the whole vector has to be finite there
    starts = itertools.accumulate(sizes, initial=0)
    return vector, [
        vector[start : start + math.prod(shape)].reshape(shape) for start, shape in zip(starts, shapes, strict=False)
    ]


def add_scaled(y: Array, x: Array, scale: float) -> None:
    """Y <- y + scale x, in place and without a temporary; both contiguous, of one type and shape."""
    if y.ndim > 1:
        y, x = y.reshape(-1), x.reshape(-1)
    (blas.daxpy if y.dtype == np.float64 else blas.saxpy)(x, y, len(y), scale)


def accumulate(target: Array, sums: Array, scale: float, keep: float) -> None:
    """Target <- keep * target + scale * sums, in place; keep = 0 overwrites it, whatever it holds."""
    if keep == 0:
        np.multiply(sums, scale, out=target)
    else:
        if keep != 1:
            target *= keep
        add_scaled(target, sums, scale)


def all_finite(x: Array) -> bool:
    """Whether no number is NaN or infinite: where the sum of their squares is finite, which takes BLAS half the time,
    they all are."""
    return math.isfinite(_sum_of_squares(x.ravel(order="K"))) or bool(np.isfinite(x).all())


def _sum_of_squares(x: Array) -> float:
    """Of a vector; where it overflows, nothing is raised, as np.dot would."""
    dot = blas.ddot if x.dtype == np.float64 else blas.sdot
    return float(dot(x, x)) if len(x) else 0.0


def mean_norm(rows: Array) -> float:
    """The mean of the Euclidean norms of the rows of a float64 matrix, right to rounding as `norm` is."""
    squares = np.einsum("ij,ij->i", rows, rows)
    if len(squares) and squares.min() > 1e-280:
        total = float(np.sqrt(squares, out=squares).sum())
        if total < math.inf:
            return total / len(rows)
    largest = float(np.abs(rows).max(initial=0.0))  # scaled by it no square that counts underflows
    if largest == 0.0 or not np.isfinite(largest):
        return largest
    return float(np.sqrt(np.square(rows / largest).sum(axis=1)).mean()) * largest


def norm(x: Array) -> float:
    """Euclidean norm of all entries, right to rounding from 5e-324 to 1e308.

    The entries are divided by the largest before they are squared: `np.linalg.norm` squares in the input's type, so
    in float32 it is already 1 % off at entries of 1e-22 and 0 at 1e-23, which looks like a vanished gradient.
    NaN and infinite entries give nan and inf. A plain sum of squares that is far from both ends has the same bits.
    """
    wide = np.asarray(x, dtype=np.float64).ravel()
    squares = _sum_of_squares(wide)
    if 1e-200 < squares < 1e300:
        return math.sqrt(squares)
    wide = np.abs(wide)
    largest = float(wide.max(initial=0.0))
    if largest == 0.0 or not np.isfinite(largest):
        return largest
    # exponents, not a plain division: 1 / 5e-324 overflows, and scaling by a power of two rounds nothing
    exponent = int(np.frexp(largest)[1])
    scaled = np.ldexp(wide, -exponent)
    return float(np.ldexp(np.sqrt(np.dot(scaled, scaled)), exponent))
