"""Data of one's own: what the readers of files give, and how it becomes the parts of a data set.

A file with one part is split at random, stratified by class: in the order of a permutation drawn with `split_seed`,
the j-th of the m examples of class k of K goes where (j + (k + 1/2)/K)/m falls between 0, the first share, the first
two and 1, so that neither a class nor the whole is off by more than one example. A file with a training and a test part
may have its training part split in two alike.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from vgrad.data.dataset import Array, Part
from vgrad.errors import ConfigError, DataError

MOST_CLASSES = 1000
MOST_BYTES = 2**28
"""Of the numbers of a set, as they are kept; a file of text may have half of that."""
WHOLE, FURTHER = (0.8, 0.1, 0.1), (0.9, 0.1)
"""How a file is split that has one part, and the training part of one that has no validation part."""


@dataclass(frozen=True, eq=False)
class Table:
    """Examples as they stand in a file: `x` (n, n_0), uint8 or float64, and `y`: (n,) of numbers 0 … K - 1 of
    classes, whose names are `classes`, or (n, K) float64 of targets, whose names are `targets`, or (n, 0)."""

    x: Array
    y: Array
    classes: tuple[str, ...] = ()
    targets: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Own:
    """The content of a file of data: one Table, or one each of training, validation (which may be None) and test."""

    tables: tuple[Table | None, ...]

    @property
    def first(self) -> Table:
        """The whole, or the training part."""
        found = self.tables[0]
        assert found is not None
        return found

    @property
    def digest(self) -> str:
        """SHA-256 (hex) of all numbers and of the names of classes or targets, on every platform the same."""
        total = hashlib.sha256(b"vgrad own data 1\n")
        for table in self.tables:
            if table is None:
                total.update(b"none\n")
                continue
            total.update(f"{table.classes!r} {table.targets!r}\n".encode())
            for array in (table.x, table.y):
                plain = np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("<"))
                total.update(f"{plain.dtype.str} {plain.shape}\n".encode())
                total.update(plain.data.cast("B") if plain.size else b"")
        return total.hexdigest()

    def parts(self, split: Sequence[float] | None, seed: int) -> tuple[Part, Part, Part]:
        """Training, validation and test part. ConfigError for a split that does not fit what the file has."""
        if len(self.tables) == 1:
            shares = WHOLE if split is None else tuple(split)
            if len(shares) != 3:
                raise ConfigError("data.split: write three shares, of training, validation and test: [0.8, 0.1, 0.1]")
            return _split(self.first, shares, seed)
        train, validation, test = self.tables
        if validation is not None:
            if split is not None:
                raise ConfigError("data.split: the file has its three parts already; leave it out")
            return _part(train), _part(validation), _part(test)
        shares = FURTHER if split is None else tuple(split)
        if len(shares) != 2:
            raise ConfigError("data.split: the file has a test part; write two shares, of training and validation")
        learn, validate, _ = _split(self.first, (*shares, 0.0), seed)
        return learn, validate, _part(test)


def _part(table: Table | None) -> Part:
    assert table is not None
    return Part(table.x, table.y)


def _split(table: Table, shares: tuple[float, ...], seed: int) -> tuple[Part, Part, Part]:
    if abs(sum(shares) - 1) > 1e-9 or min(shares) < 0 or not shares[0]:
        raise ConfigError(f"data.split: {list(shares)} are no shares of a whole: they add up to 1, the first above 0")
    order = np.random.Generator(np.random.PCG64(np.random.SeedSequence(seed))).permutation(len(table.y))
    group = table.y[order] if table.classes else np.zeros(len(order), np.int64)
    place = np.empty(len(order))
    kinds = np.unique(group)
    for number, each in enumerate(kinds):
        members = np.flatnonzero(group == each)
        place[members] = (np.arange(len(members)) + (number + 0.5) / len(kinds)) / len(members)
    which = np.searchsorted(np.cumsum(shares)[:2] - 1e-12, place, side="right")
    first, second, third = (
        Part(table.x[order[which == number]], table.y[order[which == number]]) for number in range(3)
    )
    return first, second, third


def inputs(x: Array, where: str) -> Array:
    """(n, n_0) of uint8 or float64. DataError for what is empty, and for the first number that is not finite."""
    if not x.size:
        raise DataError(f"{where}: has no numbers")
    rows = x.reshape(len(x), -1) if x.ndim != 1 else x[:, None]
    if rows.dtype == np.uint8:
        return rows
    rows = rows.astype(np.float64)
    wrong = np.argwhere(~np.isfinite(rows))
    if len(wrong):
        raise DataError(
            f"{where}: example {wrong[0, 0]}, input {wrong[0, 1]} is {rows[tuple(wrong[0])]}, no finite number"
        )
    return rows


def labelled(y: Array, where: str) -> tuple[Array, tuple[str, ...]]:
    """Numbers 0 … K - 1 of the classes that whole numbers (n,) name, and these names, in ascending order. DataError
    for a single class and for more than MOST_CLASSES."""
    names, numbers = np.unique(y, return_inverse=True)
    if len(names) > MOST_CLASSES:
        raise DataError(f"{where}: {len(names):,} different labels, more than {MOST_CLASSES:,} classes")
    if len(names) < 2:
        raise DataError(f"{where}: all examples have one label; there is nothing to tell apart")
    return numbers.astype(np.int64).reshape(len(y)), tuple(map(str, names))


def same_classes(given: Sequence[Table | None], where: str) -> None:
    """DataError where parts do not have the same inputs, or a part has what the training part has not."""
    tables = [table for table in given if table is not None]
    widths = sorted({table.x.shape[1] for table in tables})
    if len(widths) > 1:
        raise DataError(f"{where}: the parts have {' and '.join(map(str, widths))} inputs")
    outputs = {(table.classes, table.targets) for table in tables}
    if len(outputs) > 1:
        raise DataError(f"{where}: the parts do not have the same classes")
