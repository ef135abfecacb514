"""CSV files: numbers in columns with names, one of them the label, or some of them targets.

Whatever cannot be used is told with its line and column.
"""

from __future__ import annotations

import csv
import re
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from vgrad.data.own import MOST_BYTES, MOST_CLASSES, Own, Table, labelled
from vgrad.errors import DataError, StorageError
from vgrad.registry import did_you_mean
from vgrad.storage.reading import Unfit, read_bounded, why
from vgrad.text.escapes import printable

if TYPE_CHECKING:
    from pandas import DataFrame, Series

MOST_COLUMNS = 20_000
DELIMITERS = ",;\t"
_NUMBER = re.compile(r"\s*[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?\s*")


def read_csv(path: Path, label: str | None, targets: tuple[str, ...], columns: tuple[str, ...]) -> Own:
    """The examples in the file: inputs are `columns`, by default all that are neither `label` nor among `targets`;
    without either of them, there are no labels.

    DataError with line and column for what is no number, missing or not finite, and for names that the file has not.
    """
    text = _text(path)
    frame = _frame(path, text)
    names = list(map(str, frame.columns))
    for name in (*([label] if label is not None else []), *targets, *columns):
        if name not in names:
            raise DataError(f"{path}: no column {printable(repr(name))}{did_you_mean(name, names)}")
    chosen = list(columns) or [name for name in names if name != label and name not in targets]
    if not chosen or not len(frame):
        raise DataError(f"{path}: no {'column of inputs' if len(frame) else 'line below the first'} is left")
    if 8 * len(frame) * len(chosen) > MOST_BYTES:
        raise DataError(f"{path}: {len(frame):,} x {len(chosen):,} numbers are more than {MOST_BYTES:,} bytes hold")
    x = np.column_stack([_numbers(path, frame[name], name) for name in chosen])
    if targets:
        y = np.column_stack([_numbers(path, frame[name], name) for name in targets])
        return Own((Table(x, y, targets=tuple(targets)),))
    if label is None:
        return Own((Table(x, np.empty((len(x), 0))),))
    numbers, classes = _classes(path, frame[label], label)
    return Own((Table(x, numbers, classes=classes),))


def _text(path: Path) -> str:
    """The content, UTF-8 with or without a byte order mark."""
    try:
        content = read_bounded(path, MOST_BYTES // 2)
    except FileNotFoundError:
        raise DataError(f"{path}: no such file") from None
    except (Unfit, IsADirectoryError) as error:
        raise DataError(f"{path}: {why(error)}") from None
    except OSError as error:
        raise StorageError(f"{path}: cannot be read: {why(error)}") from None
    if content[:2] in (b"\xff\xfe", b"\xfe\xff"):
        raise DataError(f"{path}: is UTF-16; save it as UTF-8")
    if b"\0" in content:
        line = content[: content.index(b"\0")].count(b"\n") + 1
        raise DataError(f"{path}:{line}: holds a zero byte; this is no text")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise DataError(f"{path}:{line}: is not UTF-8; save it as that") from None


def _frame(path: Path, text: str) -> DataFrame:
    """The table, its columns as pandas finds them; every line has as many fields as the first, which names them."""
    import pandas as pd

    head = text.partition("\n")[0]
    delimiter = max(DELIMITERS, key=head.count)
    if head.count(delimiter) >= MOST_COLUMNS:
        raise DataError(f"{path}:1: {head.count(delimiter) + 1:,} columns, more than {MOST_COLUMNS:,}")
    try:
        names = [name.strip() for name in next(csv.reader([head], delimiter=delimiter), [])]
    except csv.Error:
        raise DataError(f"{path}:1: the first line has to name the columns, and cannot be taken apart") from None
    if not any(names):
        raise DataError(f"{path}:1: the first line has to name the columns, and is empty")
    if all(_NUMBER.fullmatch(name) for name in names):
        raise DataError(f"{path}:1: the first line has to name the columns, and has numbers")
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise DataError(f"{path}:1: two columns are called {printable(repr(twice))}")
    body = text.partition("\n")[2].rstrip("\r\n")
    try:
        return pd.read_csv(
            StringIO(body),
            sep=delimiter,
            header=None,
            names=names,
            index_col=False,
            keep_default_na=False,
            na_values=[""],
            skip_blank_lines=False,
            low_memory=False,
        )
    except pd.errors.EmptyDataError:
        raise DataError(f"{path}: has no line below its first") from None
    except (pd.errors.ParserError, pd.errors.ParserWarning, ValueError, csv.Error):
        raise DataError(_uneven(path, text, delimiter, len(names))) from None


def _uneven(path: Path, text: str, delimiter: str, wanted: int) -> str:
    """The first line that has another number of fields than the first."""
    reader = csv.reader(StringIO(text), delimiter=delimiter)
    try:
        for fields in reader:
            if len(fields) > wanted:
                return (
                    f"{path}:{reader.line_num}: {len(fields):,} fields, where the first line names {wanted:,} columns"
                )
    except csv.Error:
        pass
    return f"{path}:{reader.line_num + 1}: cannot be taken apart; a quotation mark may be open"


def _numbers(path: Path, column: Series, name: str) -> np.ndarray:
    """A column as float64. DataError with the line of the first field that is none."""
    import pandas as pd

    told = f"column {printable(repr(name))}"
    found = (
        pd.to_numeric(column, errors="coerce").to_numpy(np.float64) if column.dtype != bool else column.to_numpy(float)
    )
    wrong = np.flatnonzero(~np.isfinite(found))
    if len(wrong):
        row = int(wrong[0])
        text = column.iloc[row]
        if isinstance(text, float) and np.isnan(text):
            raise DataError(f"{path}:{row + 2}: {told}: is missing")
        if isinstance(text, str) and not _NUMBER.fullmatch(text):
            more = "; leave it out with columns: […]" if found.size - len(wrong) < len(wrong) else ""
            raise DataError(f"{path}:{row + 2}: {told}: {printable(repr(text))} is not a number{more}")
        raise DataError(f"{path}:{row + 2}: {told}: {printable(str(text))} is not a finite number")
    return found


def _classes(path: Path, column: Series, name: str) -> tuple[np.ndarray, tuple[str, ...]]:
    """The classes of a column of texts or whole numbers."""
    told = f"{path}: column {printable(repr(name))}"
    missing = np.flatnonzero(column.isna().to_numpy())
    if len(missing):
        raise DataError(f"{path}:{missing[0] + 2}: column {printable(repr(name))}: the label is missing")
    values = column.to_numpy()
    if values.dtype.kind == "f":
        fraction = np.flatnonzero(values != np.floor(values))
        if len(fraction):
            number = values[fraction[0]]
            more = f"; to predict the number, write targets: [{printable(name)}]"
            raise DataError(f"{path}:{fraction[0] + 2}: column {printable(repr(name))}: {number} names no class{more}")
        values = values.astype(np.int64)
    if values.dtype.kind == "O":
        values = np.array([str(each).strip() for each in values])
    if values.dtype.kind in "iu" and len(np.unique(values)) > MOST_CLASSES:
        told += f"; to predict the number, write targets: [{printable(name)}]"
    return labelled(values, told)
