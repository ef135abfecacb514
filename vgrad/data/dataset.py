"""Examples, their scaling and their fingerprint.

Rows are examples: inputs are (n, n_0), labels (n,). Pixels stay bytes in memory and are scaled as they are gathered,
x -> (x - shift) * factor or x -> [x > limit], so the set is eight times smaller than in float64 and can be shared by
processes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

ROWS = 1000  # rows that are turned into float64 at a time: 6 MB of 28 x 28 images


@dataclass(frozen=True, eq=False)
class Part:
    """The training, the validation or the test part of a set: `inputs` (n, n_0) and `labels` (n,), read-only.

    Inputs are uint8 (images) or float64 (toy sets); labels are class numbers, uint8 or int64, or the targets of a
    regression, (n, K) float64, none of them, (n, 0), where the inputs are the targets. ValueError where the shapes do
    not belong together.
    """

    inputs: Array
    labels: Array

    def __post_init__(self) -> None:
        """Check the shapes; keep contiguous views that cannot be written through."""
        if self.inputs.ndim != 2 or self.labels.shape[:1] != self.inputs.shape[:1] or self.labels.ndim > 2:
            raise ValueError(f"inputs {self.inputs.shape} and labels {self.labels.shape} do not belong together")
        for name in ("inputs", "labels"):
            view = np.ascontiguousarray(getattr(self, name)).view()
            view.flags.writeable = False
            object.__setattr__(self, name, view)

    def __len__(self) -> int:
        """The number of examples."""
        return len(self.labels)

    @property
    def largest_class(self) -> int:
        """How many examples the most frequent class has: naming it always is right so often."""
        return int(np.bincount(self.labels).max(initial=0))

    def first(self, k: int) -> Part:
        """A view of the first k examples in file order (all of them when there are fewer)."""
        return Part(self.inputs[:k], self.labels[:k])

    def unlabelled(self) -> Part:
        """The inputs alone, which are the targets, too."""
        return Part(self.inputs, np.empty((len(self), 0)))


@dataclass(frozen=True, eq=False)
class Scaling:
    """x -> (x - shift) * factor; both float64, of shape () for all features or (n_0,) for each its own."""

    factor: Array
    shift: Array

    @classmethod
    def identity(cls) -> Scaling:
        """x -> x."""
        return cls(np.ones(()), np.zeros(()))

    @classmethod
    def unit(cls, maximum: float) -> Scaling:
        """x -> x / maximum: values of 0 to `maximum` fill [0, 1]."""
        return cls(np.asarray(1.0 / maximum), np.zeros(()))

    @classmethod
    def extent(cls, inputs: Array) -> Scaling:
        """Each feature's range over `inputs` (n, n_0) becomes [0, 1]; a constant feature becomes exactly 0."""
        low, high = _range(inputs)
        return cls(1.0 / np.where(high > low, high - low, 1.0), low)

    @classmethod
    def standard(cls, inputs: Array) -> Scaling:
        """Mean 0 and standard deviation 1 (divisor n) for each feature of `inputs` (n, n_0), the training part.

        A constant feature becomes exactly 0. Two passes over ROWS rows at a time.
        """
        low, high = _range(inputs)
        mean = np.where(high > low, sum(block.sum(axis=0) for block in _blocks(inputs)) / len(inputs), low)
        variance = sum(((block - mean) ** 2).sum(axis=0) for block in _blocks(inputs)) / len(inputs)
        return cls(1.0 / np.sqrt(np.where(high > low, variance, 1.0)), mean)

    def in_units(self) -> tuple[float, Scaling]:
        """(c, rest): c times the rest; where that is one factor for all inputs, the rest leaves them as they are."""
        return (float(self.factor), Scaling.identity()) if self.keeps_zeros else (1.0, self)

    @property
    def keeps_zeros(self) -> bool:
        """Whether all inputs are scaled alike, and 0 stays 0."""
        return not self.factor.ndim and not self._shifts

    @cached_property
    def _shifts(self) -> bool:
        return bool(self.shift.any())

    @cached_property
    def _stretches(self) -> bool:
        return bool((self.factor != 1).any())

    @cached_property
    def _in_single(self) -> tuple[Array, Array]:
        return self.factor.astype(np.float32), self.shift.astype(np.float32)

    def apply(self, rows: Array, out: Array) -> Array:
        """Write the scaled `rows` (m, n_0) into `out` (m, n_0), float64 or float32, and return it.

        All the work is done in the type of `out` and nothing is allocated. Converting first and scaling in place is
        twice as fast as a multiplication that converts as it goes; what changes nothing is left out.
        """
        np.copyto(out, rows, casting="same_kind")
        return self.in_place(out)

    def in_place(self, out: Array) -> Array:
        """Scales `out` (m, n_0), and returns it."""
        factor, shift = self._in_single if out.dtype == np.float32 else (self.factor, self.shift)
        if self._shifts:
            np.subtract(out, shift, out=out)
        return np.multiply(out, factor, out=out) if self._stretches else out

    def widened(self, n: int, columns: int) -> Scaling:
        """That of rows of `columns` numbers, whose first n are the inputs; the others it leaves as they are."""
        factor, shift = np.ones(columns), np.zeros(columns)
        factor[:n], shift[:n] = self.factor, self.shift
        return Scaling(factor, shift)


@dataclass(frozen=True, eq=False)
class Threshold:
    """x -> 1 where x > `limit`, else 0; float64, of shape () for all features or (n_0,) for each its own."""

    limit: Array

    @classmethod
    def half(cls, maximum: float) -> Threshold:
        """1 above half of `maximum`: of bytes, from 128 on."""
        return cls(np.asarray(maximum / 2))

    @classmethod
    def middle(cls, inputs: Array) -> Threshold:
        """1 above the middle of each feature's range over `inputs` (n, n_0); a feature that is constant there is 0."""
        low, high = _range(inputs)
        return cls(np.where(high > low, low / 2 + high / 2, low))

    def in_units(self) -> tuple[float, Threshold]:
        """(1, itself), as `Scaling.in_units`."""
        return 1.0, self

    @property
    def keeps_zeros(self) -> bool:
        """As that of a `Scaling`."""
        return not self.limit.ndim and bool(self.limit >= 0)

    @cached_property
    def _of_bytes(self) -> Array:
        whole = np.floor(self.limit)  # the same for whole numbers, and compared twice as fast
        return whole.astype(np.uint8) if whole.min() >= 0 and whole.max() < 256 else self.limit

    def apply(self, rows: Array, out: Array) -> Array:
        """Write 0 and 1 of `rows` (m, n_0) into `out` (m, n_0), float64 or float32, and return it.

        The numbers are compared as they are stored: both types of `out` get the same.
        """
        return np.greater(rows, self._of_bytes if rows.dtype == np.uint8 else self.limit, out=out)


@dataclass(frozen=True, eq=False)
class Dataset:
    """A set that is ready for training; every part but `train` may be empty.

    `digest` is the SHA-256 (hex) of what decides the numbers: raw inputs and labels after the split and the cut, and
    the name of the scaling.
    """

    name: str
    classes: int
    train: Part
    validation: Part
    test: Part
    scaling: Scaling | Threshold
    digest: str

    @property
    def n_inputs(self) -> int:
        """n_0, the number of inputs."""
        return int(self.train.inputs.shape[1])

    @property
    def reconstructs(self) -> bool:
        """Whether the inputs, as they are scaled, are the targets: there are no labels."""
        return self.train.labels.shape[1:] == (0,)


def gather(part: Part, index: Array, scaling: Scaling | Threshold, rows: Array, out: Array) -> Array:
    """Write the scaled examples `index` (m,) of `part` into `out` (m, n_0) and return it; allocates nothing.

    `rows` (m, n_0) is a workspace of the inputs' own type. `index` must lie within the part and should be intp:
    mode="clip" is what lets NumPy write into `rows` without a buffer.
    """
    np.take(part.inputs, index, axis=0, out=rows, mode="clip")
    return scaling.apply(rows, out)


def fingerprint(parts: tuple[Part, Part, Part], scale: str) -> str:
    """SHA-256 (hex) of the three parts and the scaling's name, in bytes that are the same on every platform."""
    total = hashlib.sha256(f"vgrad data 1\nscale {scale}\n".encode())
    for part in parts:
        inputs = part.inputs.astype(part.inputs.dtype.newbyteorder("<"), copy=False)
        total.update(f"{inputs.dtype.kind}{inputs.dtype.itemsize} {inputs.shape[0]} {inputs.shape[1]}\n".encode())
        total.update(inputs.data.cast("B") if inputs.size else b"")
        total.update(part.labels.astype("<f8" if part.labels.dtype.kind == "f" else "<i8").tobytes())
    return total.hexdigest()


def _blocks(inputs: Array) -> Iterator[NDArray[np.float64]]:
    return (inputs[start : start + ROWS].astype(np.float64) for start in range(0, len(inputs), ROWS))


def _range(inputs: Array) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    return inputs.min(axis=0).astype(np.float64), inputs.max(axis=0).astype(np.float64)
