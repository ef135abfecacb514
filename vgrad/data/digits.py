"""The 1797 handwritten digits of 8 x 8 pixels that come with scikit-learn: no download, seconds to train on.

They are the test half of the UCI "Optical Recognition of Handwritten Digits" set: 13 writers, one after the other,
pixels 0 to 16.

The split deals the rows out in turn, of every six four to training, one to validation, one to test, in file order.
Cutting the file into three pieces instead would hold out whole writers, but so few that the parts differ: the same
networks then score 96 % on validation and 88 % on test, where dealt out they score 97 to 98 % on both. The price is
that every writer is in every part, so these accuracies say nothing about new writers; MNIST's do.
"""

from __future__ import annotations

import gzip
import importlib.util
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vgrad.data.dataset import Part
from vgrad.errors import DataError
from vgrad.storage.reading import is_there, opened

SIZES = (1199, 299, 299)
SHAPE = (1797, 65)  # 64 pixels and the digit
PIXEL, DIGIT = 16, 9  # the largest values
MOST = 1 << 20  # bytes of the unpacked file that are read; it has 300,000


def digits(progress: bool = False) -> tuple[Part, Part, Part]:
    """Training, validation and test part: inputs uint8 (n, 64) from 0 to 16, labels uint8. DataError if damaged."""
    table = _table()
    if table.shape != SHAPE or table[:, :-1].max() > PIXEL or table[:, -1].max() > DIGIT:
        raise DataError("digits: the copy in scikit-learn is not the one expected; reinstall scikit-learn")
    place = np.arange(len(table)) % 6
    train, validation, test = (Part(table[rows, :-1], table[rows, -1]) for rows in (place < 4, place == 4, place == 5))
    return train, validation, test


def _table() -> NDArray[Any]:
    """All rows, uint8 (1797, 65).

    Read straight from scikit-learn's data file, which takes 0.06 s; importing sklearn.datasets for load_digits takes
    1.1 s and 130 MB, and is left for a scikit-learn that keeps the file elsewhere.
    """
    found = importlib.util.find_spec("sklearn")
    path = Path(found.origin if found and found.origin else "").parent / "datasets" / "data" / "digits.csv.gz"
    try:
        if is_there(path):
            with opened(path) as packed, gzip.GzipFile(fileobj=packed) as file:
                lines = file.read(MOST).splitlines()
            return np.loadtxt(lines or [b"0"], delimiter=",", dtype=np.uint8, ndmin=2)
        from sklearn.datasets import load_digits

        bundled = load_digits()
        return np.column_stack([bundled.data, bundled.target]).astype(np.uint8)
    except (ImportError, OSError, EOFError, ValueError, zlib.error) as error:
        raise DataError(f"digits: scikit-learn's copy cannot be read ({error}); reinstall scikit-learn") from None
