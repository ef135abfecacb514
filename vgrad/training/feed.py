"""From stored bytes to batches: examples are gathered, scaled and paired with targets in arrays made once."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from vgrad.data.dataset import Dataset, Part, Scaling, gather
from vgrad.errors import ConfigError
from vgrad.nn.arrays import Array, aligned

Index = NDArray[np.intp]
MOST_COPIED = 2**24
"""Bytes of which a copy may be made; of 50,000 images, which use 717 pixels, it would be more than vgrad needs."""
ROUNDING = 1e-6
"""What scaling to [0, 1] may leave it by, in either type."""


def targets(classes: int, outputs: int, smoothing: float = 0.0) -> Array:
    """(classes, outputs): the target row of each class, one-hot; for two classes on one output, 0 and 1.

    Label smoothing s mixes in the uniform distribution: y <- (1 - s) y + s/classes  (Szegedy et al. 2016, sec. 7).
    """
    y = np.arange(classes, dtype=np.float64)[:, None] if outputs == 1 else np.eye(classes)
    return (1 - smoothing) * y + smoothing / classes if smoothing else y


def without_zeros(dataset: Dataset) -> tuple[Dataset, Index | None]:
    """The set with those inputs alone that are not 0 in all training examples, a copy of its training part, and which
    these are; or the set and None.

    Of MNIST's 784 pixels, the first 5,000 images use 663.
    """
    inputs = dataset.train.inputs
    if inputs.nbytes > MOST_COPIED or dataset.reconstructs or not dataset.scaling.keeps_zeros:
        return dataset, None
    used = np.flatnonzero(inputs.any(axis=0))
    if len(used) == dataset.n_inputs:
        return dataset, None
    return replace(dataset, train=Part(inputs[:, used], dataset.train.labels)), used


def check_unit_interval(dataset: Dataset) -> None:
    """ConfigError where an input of some part, as it is scaled, leaves [0, 1]: as a target of a cross-entropy it would
    be no probability. Scaling keeps order, so that the ends of each input's range tell."""
    for name in ("train", "validation", "test"):
        inputs = getattr(dataset, name).inputs
        if not len(inputs):
            continue
        ends = np.stack([inputs.min(axis=0), inputs.max(axis=0)])
        low, high = (each(dataset.scaling.apply(ends, np.empty(ends.shape))) for each in (np.min, np.max))
        if not -ROUNDING <= low <= high <= 1 + ROUNDING:
            told = f"{name} inputs reach from {low:.4g} to {high:.4g}, and targets of cross_entropy lie in [0, 1]"
            raise ConfigError(f"data.scale: {told}; use binary, or cost: quadratic")


class _Loaded:
    """Loads up to `rows` examples at a time, inputs and targets, of type `dtype`: those of the classes, those of a
    regression, or the inputs as they are scaled."""

    def __init__(self, dataset: Dataset, outputs: int, rows: int, dtype: DTypeLike, smoothing: float = 0.0) -> None:
        self.rows = rows
        self._scaling = dataset.scaling
        one_hot = dataset.train.labels.ndim == 1  # a regression has its targets in the place of labels
        self._reconstructs = dataset.reconstructs
        self._targets = targets(dataset.classes, outputs, smoothing).astype(dtype) if one_hot else None
        self._raw = np.empty((rows, dataset.n_inputs), dataset.train.inputs.dtype)
        self._x = aligned((rows, dataset.n_inputs), dtype)
        self._y = aligned((rows, outputs), dtype)
        self._labels = np.empty((rows, *dataset.train.labels.shape[1:]), dataset.train.labels.dtype)

    def load(self, part: Part, index: Index) -> tuple[Array, Array]:
        """x (m, n_0) and y (m, n_L) of the examples at `index`: views that the next call overwrites."""
        m = len(index)
        x, y, labels = self._x[:m], self._y[:m], self._labels[:m]
        gather(part, index, self._scaling, self._raw[:m], x)
        if self._reconstructs:
            return x, x
        np.take(part.labels, index, axis=0, out=labels, mode="clip")
        return x, self._of(labels, y)

    def _of(self, labels: NDArray[Any], y: Array) -> Array:
        if self._targets is None:
            np.copyto(y, labels, casting="same_kind")
        else:
            np.take(self._targets, labels, axis=0, out=y, mode="clip")
        return y


class Feed(_Loaded):
    """Loads examples for passes that have them as rows, and the targets of a whole part."""

    def targets(self, part: Part) -> Array:
        """y of all examples of `part` in file order, a new array."""
        y = np.empty((len(part), self._y.shape[1]), self._y.dtype)
        return self._scaling.apply(part.inputs, y) if self._reconstructs else self._of(part.labels, y)


class Batches(_Loaded):
    """Loads batches of m examples side by side, for `AugmentedStep`: x is (columns, m), where `unit` times x is a^0,
    then 1 (without `bias` 0), then zeros; y is (n_L, m). Whole numbers with one factor stay as they are stored."""

    def __init__(
        self,
        dataset: Dataset,
        outputs: int,
        rows: int,
        dtype: DTypeLike,
        smoothing: float,
        m: int,
        columns: int,
        bias: bool = True,
    ) -> None:
        super().__init__(dataset, outputs, rows, dtype, smoothing)
        self.unit, n = 1.0, dataset.n_inputs
        if self._raw.dtype.kind == "u" and not self._reconstructs:
            self.unit, self._scaling = dataset.scaling.in_units()
        self._whole_rows = Scaling.identity()
        if isinstance(self._scaling, Scaling):  # of a part of each row, NumPy takes twice as long
            self._whole_rows, self._scaling = self._scaling.widened(n, columns), Scaling.identity()
        wide = aligned((rows, columns), dtype)
        wide[:, n:] = 0
        wide[:, n] = bias / self.unit
        self._x, self._wide, self._m = wide[:, :n], wide, m
        self._turned = aligned((rows // m, outputs, m), dtype)
        self._last: dict[int, tuple[Array, Array]] = {}
        self._whole = [(wide[i * m : i * m + m].T, y) for i, y in enumerate(self._turned)]

    def batches(self, part: Part, index: Index) -> list[tuple[Array, Array]]:
        """(x, y) of each batch of the examples at `index`, the last one shorter: each time in the same arrays."""
        _, y = self.load(part, index)
        self._whole_rows.in_place(self._wide[: len(index)])
        count, rest = divmod(len(index), self._m)
        whole = y[: len(y) - rest].reshape(count, self._m, y.shape[1])
        np.copyto(self._turned[:count], whole.transpose(0, 2, 1))  # subtracting y from a^L takes .4 us instead of 1
        if not rest:
            return self._whole[:count]
        if len(y) not in self._last:
            self._last[len(y)] = self._wide[len(y) - rest : len(y)].T, y[len(y) - rest :].T
        return [*self._whole[:count], self._last[len(y)]]
