"""From stored bytes to batches: examples are gathered, scaled and paired with targets in arrays made once."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from vgrad.data.dataset import Dataset, Part, gather
from vgrad.nn.arrays import Array, aligned

Index = NDArray[np.intp]


def targets(classes: int, outputs: int, smoothing: float = 0.0) -> Array:
    """(classes, outputs): the target row of each class, one-hot; for two classes on one output, 0 and 1.

    Label smoothing s mixes in the uniform distribution: y <- (1 - s) y + s/classes  (Szegedy et al. 2016, sec. 7).
    """
    y = np.arange(classes, dtype=np.float64)[:, None] if outputs == 1 else np.eye(classes)
    return (1 - smoothing) * y + smoothing / classes if smoothing else y


class Feed:
    """Loads up to `rows` examples at a time; x is (m, n_0) and y is (m, n_L), of type `dtype`."""

    def __init__(self, dataset: Dataset, outputs: int, rows: int, dtype: DTypeLike, smoothing: float = 0.0) -> None:
        self.rows = rows
        self._scaling = dataset.scaling
        one_hot = dataset.train.labels.ndim == 1  # a regression has its targets in the place of labels
        self._targets = targets(dataset.classes, outputs, smoothing).astype(dtype) if one_hot else None
        self._raw = np.empty((rows, dataset.n_inputs), dataset.train.inputs.dtype)
        self._x = aligned((rows, dataset.n_inputs), dtype)
        self._y = aligned((rows, outputs), dtype)
        self._labels = np.empty((rows, *dataset.train.labels.shape[1:]), dataset.train.labels.dtype)

    def load(self, part: Part, index: Index) -> tuple[Array, Array]:
        """x and y of the examples at `index`: views that the next call overwrites."""
        m = len(index)
        x, y, labels = self._x[:m], self._y[:m], self._labels[:m]
        gather(part, index, self._scaling, self._raw[:m], x)
        np.take(part.labels, index, axis=0, out=labels, mode="clip")
        return x, self._of(labels, y)

    def targets(self, part: Part) -> Array:
        """y of all examples of `part` in file order, a new array."""
        return self._of(part.labels, np.empty((len(part), self._y.shape[1]), self._y.dtype))

    def _of(self, labels: NDArray[Any], y: Array) -> Array:
        if self._targets is None:
            np.copyto(y, labels, casting="same_kind")
        else:
            np.take(self._targets, labels, axis=0, out=y, mode="clip")
        return y
