"""The data sets that are files: `npz`, `csv` and `idx`, with what is known of a file once it has been read.

A config names the file, `data: {name: csv, path: iris.csv, label: species}`. When it is settled, the file is read, and
`facts` adds the SHA-256 of its content, the number of inputs, the classes or targets and the sizes of the parts: from
then on the config says all that a report needs, wherever the file has gone, and training takes no other content.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from annotated_types import Ge, Le, MinLen

from vgrad.data.csvfile import read_csv
from vgrad.data.dataset import Part
from vgrad.data.idx import read_any
from vgrad.data.own import MOST_BYTES, Own, Table, inputs, labelled, same_classes
from vgrad.errors import ConfigError, DataError, StorageError
from vgrad.registry import LATER, NonNegativeInt
from vgrad.storage.npz import Arrays, NpzError, unpack
from vgrad.storage.reading import is_there, why
from vgrad.text.escapes import printable

Share = Annotated[float, Ge(0), Le(1)]
INPUTS = "inputs"
"""`targets: inputs`: the network reconstructs what it is given."""
Names = Annotated[list[str] | None, LATER]
Targets = Annotated[list[str] | Literal["inputs"] | None, LATER]
Split = Annotated[list[Share] | None, LATER]
Word = Annotated[str | None, LATER]
Count = Annotated[int | None, LATER]
PathOf = Annotated[str, MinLen(1)]
RECORDED = ("sha256", "inputs", "classes", "targets", "examples")
"""What a settled config says of the file, in the parameters of the same names."""

Parts = tuple[Part, Part, Part]


def npz(
    progress: bool = False,
    *,
    path: PathOf,
    split: Split = None,
    split_seed: NonNegativeInt = 0,
    sha256: Word = None,
    inputs: Count = None,
    classes: Names = None,
    targets: Targets = None,
    examples: Annotated[list[int] | None, LATER] = None,
) -> Parts:
    """An .npz of arrays x (n, …) and y: whole numbers (n,) are classes, others (n,) or (n, K) targets; or x_train,
    y_train, x_test, y_test and, if there is one, x_validation, y_validation. `targets: inputs`: y may be missing."""
    return _parts(read_npz(path, targets == INPUTS), path, split, split_seed, sha256)


def csv(
    progress: bool = False,
    *,
    path: PathOf,
    label: Word = None,
    columns: Names = None,
    split: Split = None,
    split_seed: NonNegativeInt = 0,
    sha256: Word = None,
    inputs: Count = None,
    classes: Names = None,
    targets: Targets = None,
    examples: Annotated[list[int] | None, LATER] = None,
) -> Parts:
    """A CSV file whose first line names its columns: `label` is the column of the classes, or `targets` are those of
    the numbers to be predicted; all others, or `columns`, are inputs. `targets: inputs`: there need be no label."""
    return _parts(_read_csv(path, label, targets, columns), path, split, split_seed, sha256)


def idx(
    progress: bool = False,
    *,
    path: PathOf,
    split: Split = None,
    split_seed: NonNegativeInt = 0,
    sha256: Word = None,
    inputs: Count = None,
    classes: Names = None,
    targets: Targets = None,
    examples: Annotated[list[int] | None, LATER] = None,
) -> Parts:
    """A folder with files in the format and under the names of MNIST's, packed (.gz) or not:
    train-images-idx3-ubyte, train-labels-idx1-ubyte, t10k-images-idx3-ubyte, t10k-labels-idx1-ubyte."""
    return _parts(read_idx_folder(path), path, split, split_seed, sha256)


READERS: dict[str, Callable[[Mapping[str, Any]], Own]] = {
    "npz": lambda given: read_npz(given["path"], given.get("targets") == INPUTS),
    "csv": lambda given: _read_csv(given["path"], given.get("label"), given.get("targets"), given.get("columns")),
    "idx": lambda given: read_idx_folder(given["path"]),
}


def recorded(name: str, given: Mapping[str, Any], base: Path) -> dict[str, Any]:
    """What a settled config says of the file that `given` names, relative to `base`.

    DataError and StorageError where it cannot be read, ConfigError where split or columns do not fit it.
    """
    own = READERS[name]({**given, "path": str(base / given["path"])})
    if given.get("sha256") not in (None, own.digest):
        told = f"holds other data: digest {own.digest[:12]}, not {str(given['sha256'])[:12]}"
        raise DataError(f"{printable(str(base / given['path']), 200)}: {told}")
    parts = own.parts(given.get("split"), given.get("split_seed", 0))
    first = own.first
    found: dict[str, Any] = {"sha256": own.digest, "inputs": int(first.x.shape[1])}
    if given.get("targets") != INPUTS:  # else there are as many outputs as inputs
        found |= {"classes": list(first.classes)} if first.classes else {"targets": list(first.targets)}
    return {**found, "examples": [len(part) for part in parts]}


def _parts(own: Own, path: str, split: list[float] | None, seed: int, sha256: str | None) -> Parts:
    if sha256 is not None and own.digest != sha256:
        told = "holds other data than those the run is of"
        raise DataError(f"{printable(path, 200)}: {told}: digest {own.digest[:12]}, not {sha256[:12]}")
    return own.parts(split, seed)


def _read_csv(path: str, label: str | None, targets: list[str] | str | None, columns: list[str] | None) -> Own:
    names = () if targets == INPUTS else tuple(targets or ())
    if targets != INPUTS and (label is None) == (not names):
        told = "label: the column of the classes, or targets: […], those of the numbers to be predicted"
        raise ConfigError(f"data: write one of {told}")
    return _kept_csv(path, label, names, tuple(columns or ()), _stamp(path))


def read_npz(path: str, unlabelled: bool = False) -> Own:
    """The content of an .npz; DataError where it is none, or has other arrays. `unlabelled`: y may be missing."""
    return _kept_npz(path, unlabelled, _stamp(path))


def read_idx_folder(path: str) -> Own:
    """The content of a folder of IDX files; DataError where they are missing or damaged."""
    return _kept_idx(path, tuple(_stamp(f"{path}/{name}") for name in idx_files(Path(path))))


def _stamp(path: str) -> tuple[int, ...]:
    """What a file that has changed has another one of; of none, nothing."""
    try:
        found = Path(path).stat()
    except (OSError, ValueError):
        return ()
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns


@lru_cache(maxsize=2)
def _kept_csv(
    path: str, label: str | None, targets: tuple[str, ...], columns: tuple[str, ...], stamp: tuple[int, ...]
) -> Own:
    return read_csv(Path(path), label, targets, columns)


@lru_cache(maxsize=2)
def _kept_npz(path: str, unlabelled: bool, stamp: tuple[int, ...]) -> Own:
    shown = printable(path, 200)
    try:
        arrays = unpack(Path(path), MOST_BYTES)
    except NpzError as error:
        raise DataError(f"{shown}: not an .npz of numbers: {printable(str(error), 200)}") from None
    except FileNotFoundError:
        raise DataError(f"{shown}: no such file") from None
    except OSError as error:
        raise DataError(f"{shown}: cannot be read: {why(error)}") from None
    if unlabelled:
        arrays = {name.replace("x", "y", 1): _NO_LABELS for name in arrays if name.startswith("x")} | arrays
    if {"x", "y"} <= arrays.keys():
        return Own((_table(arrays, "", shown),))
    if {"x_train", "y_train", "x_test", "y_test"} <= arrays.keys():
        validation = _table(arrays, "_validation", shown) if "x_validation" in arrays else None
        tables = (_table(arrays, "_train", shown), validation, _table(arrays, "_test", shown))
        same_classes(tables, shown)
        return Own(tables)
    known = ", ".join(map(printable, list(arrays)[:8])) or "no array"
    raise DataError(f"{shown}: has {known}; write arrays x and y, or x_train, y_train, x_test and y_test")


_NO_LABELS = np.empty(0)
"""Stands for a y that is missing and may be."""


def _table(arrays: Arrays, ending: str, where: str) -> Table:
    x, y = (arrays.get(f"{name}{ending}") for name in ("x", "y"))
    if y is _NO_LABELS and x is not None and x.ndim:
        return Table(inputs(x, f"{where}: x{ending}"), np.empty((len(x), 0)))
    if x is None or y is None or not x.ndim or not y.ndim or len(x) != len(y):
        raise DataError(f"{where}: x{ending} and y{ending} do not have a row an example each")
    x = inputs(x, f"{where}: x{ending}")
    if y.ndim == 1 and y.dtype.kind in "iu":
        numbers, classes = labelled(y, f"{where}: y{ending}")
        return Table(x, numbers, classes=classes)
    values = inputs(y, f"{where}: y{ending}").astype(np.float64)
    names = ("y",) if values.shape[1] == 1 else tuple(f"y[{number}]" for number in range(values.shape[1]))
    return Table(x, values, targets=names)


_IDX = ("train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte")


def idx_files(folder: Path) -> list[str]:
    """The names of the four files, packed where only that is there; StorageError where it cannot be looked at."""
    names = []
    for name in _IDX:
        try:
            names.append(name if is_there(folder / name) else f"{name}.gz")
        except OSError as error:
            raise StorageError(f"{folder / name}: cannot be read: {why(error)}") from None
    return names


@lru_cache(maxsize=2)
def _kept_idx(path: str, stamps: tuple[tuple[int, ...], ...]) -> Own:
    folder = Path(path)
    files = [folder / name for name in idx_files(folder)]
    tables = []
    for images, labels in (files[:2], files[2:]):
        x, y = (read_any(file, dimensions=each, most=MOST_BYTES) for file, each in ((images, 3), (labels, 1)))
        if len(x) != len(y):
            raise DataError(f"{images}: {len(x):,} images, and {labels.name} has {len(y):,} labels")
        numbers, classes = labelled(y, str(labels))
        tables.append(Table(x.reshape(len(x), -1), numbers, classes=classes))
    same_classes(tables, path)
    return Own((tables[0], None, tables[1]))
