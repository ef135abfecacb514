"""The CSV tables of a run, read back and checked: the columns, rows and keys that the config calls for, bit for bit.

    metrics.csv      epoch | monitors …, penalty, learning_rate         epochs 0 … last
    gradients.csv    epoch, layer, kind, units | probes …               measured epochs x layers 1 … L
    neurons.csv      epoch, layer, neuron | delta                       named epochs x layers x neurons
    histograms.csv   epoch, layer, quantity | low, high, count          named epochs x layers x quantities x bins

What stands before the bar is known from the config and the last epoch; a file that has anything else is damaged.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from vgrad.config.config import Config
from vgrad.errors import RunStateError
from vgrad.nn.probes import BINS
from vgrad.runs.history import QUANTITIES, sparse
from vgrad.storage.reading import read_bounded, state_error
from vgrad.text.escapes import printable

if TYPE_CHECKING:
    from pandas import DataFrame

MOST_BYTES = 2**28
_NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?(e[+-]?[0-9]+)?")
_CELL = 32  # bytes of the longest cell with its comma


@dataclass(frozen=True)
class Table:
    """What a file must hold: `keys` are the columns that are known, and `known()` their content; `values` are columns
    of numbers, of which those in `gaps` are empty in the first row, and those in `sparse` may be empty in any. With
    `bins`, each group of so many rows has a `low` that is the `high` of the row before."""

    keys: tuple[str, ...]
    values: Sequence[str]
    rows: int
    known: Callable[[], Sequence[NDArray[Any]]]
    gaps: Sequence[str] = ()
    sparse: Sequence[str] = ()
    bins: int = 0

    @property
    def header(self) -> str:
        """The first line."""
        return ",".join((*self.keys, *self.values))


def metrics(config: Config, last: int | None) -> Table:
    """metrics.csv up to epoch `last`, None when nothing is measured yet."""
    rows = _count(last)
    return Table(
        ("epoch",), (*config.monitors, "penalty", "learning_rate"), rows, lambda: [np.arange(rows)], ("learning_rate",)
    )


def gradients(config: Config, last: int | None) -> Table:
    """gradients.csv up to epoch `last`."""
    every, layers = config.probes.every, len(config.sizes) - 1
    regular = range(0, _count(last), every)
    extra = [last] if last is not None and last == config.epochs and last % every else []

    def known() -> Sequence[NDArray[Any]]:
        epochs = np.array([*regular, *extra], dtype=np.int64)
        kinds = np.array(["hidden"] * (layers - 1) + ["output"])
        per_layer = (np.arange(1, layers + 1), kinds, np.array(config.sizes[1:]))
        return [np.repeat(epochs, layers), *(np.tile(column, len(epochs)) for column in per_layer)]

    rows = layers * (len(regular) + len(extra))
    probes = config.probes.record
    return Table(("epoch", "layer", "kind", "units"), probes, rows, known, sparse=sparse(probes))


def neurons(config: Config, last: int | None) -> Table:
    """neurons.csv up to epoch `last`."""
    epochs = [epoch for epoch in sorted(set(config.probes.neurons)) if epoch < _count(last)]
    widths = config.sizes[1:]

    def known() -> Sequence[NDArray[Any]]:
        layer = np.repeat(np.arange(1, len(widths) + 1), widths)
        neuron = np.concatenate([np.arange(1, width + 1) for width in widths])
        once = np.repeat(np.array(epochs, dtype=np.int64), len(layer))
        return once, np.tile(layer, len(epochs)), np.tile(neuron, len(epochs))

    return Table(("epoch", "layer", "neuron"), ("delta",), len(epochs) * sum(widths), known)


def histograms(config: Config, last: int | None) -> Table:
    """histograms.csv up to epoch `last`."""
    epochs = [epoch for epoch in sorted(set(config.probes.histograms)) if epoch < _count(last)]
    layers, kinds = len(config.sizes) - 1, np.repeat(np.array(QUANTITIES), BINS)

    def known() -> Sequence[NDArray[Any]]:
        layer = np.repeat(np.arange(1, layers + 1), len(kinds))
        once = np.repeat(np.array(epochs, dtype=np.int64), len(layer))
        return once, np.tile(layer, len(epochs)), np.tile(kinds, layers * len(epochs))

    keys, values = ("epoch", "layer", "quantity"), ("low", "high", "count")
    return Table(keys, values, len(epochs) * layers * len(kinds), known, bins=BINS)


def _count(last: int | None) -> int:
    return 0 if last is None else last + 1


def read(table: Table, content: bytes | None, path: Path) -> DataFrame:
    """`content`, or when it is None the file at `path`, as a frame; RunStateError when it is not `table`."""
    limit = min(_CELL * (table.rows + 1) * (len(table.keys) + len(table.values)), MOST_BYTES)
    try:
        return _parse(table, read_bounded(path, limit) if content is None else content)
    except OSError as error:
        raise state_error(path, error) from None
    except ValueError as error:
        raise RunStateError(f"{path}: damaged: {printable(str(error), 200)}") from None


def _parse(table: Table, content: bytes) -> DataFrame:
    import pandas as pd

    header, *lines = content.decode("ascii").split("\n")
    if header != table.header:
        raise ValueError(f"its columns are {printable(header, 80)!r}, not {printable(table.header, 80)!r}")
    commas = header.count(",")
    wrong = next((number for number, line in enumerate(lines[:-1], 2) if line.count(",") != commas), None)
    if wrong or lines[-1:] != [""]:
        raise ValueError(f"line {wrong or len(lines) + 1} is cut off or has too many cells")
    if len(lines) - 1 != table.rows:
        raise ValueError(f"{len(lines) - 1} rows, not {table.rows}")
    cells = list(zip(*(line.split(",") for line in lines[:-1]), strict=True)) or [()] * (commas + 1)
    columns: dict[str, NDArray[Any] | pd.Series] = {}
    for name, column, known in zip(table.keys, cells, table.known(), strict=False):
        _check_keys(name, column, known)
        columns[name] = pd.Series(known, dtype=str) if name in ("kind", "quantity") else known.astype(np.int64)
    for name, column in zip(table.values, cells[len(table.keys) :], strict=True):
        empty = [name in table.sparse and cell == "" for cell in column]
        empty[:1] = [name in table.gaps or any(empty[:1])]
        columns[name] = _numbers(name, column[: len(empty)], empty)
    if table.bins and table.rows:
        low, high = (np.asarray(columns[name]).reshape(-1, table.bins) for name in ("low", "high"))
        if not (low[:, 1:] == high[:, :-1]).all():
            raise ValueError("the bins do not follow on each other")
    return pd.DataFrame(columns)


def _check_keys(name: str, column: Sequence[str], known: NDArray[Any]) -> None:
    for number, (cell, due) in enumerate(zip(column, known.tolist(), strict=True), start=2):
        if cell != str(due):
            raise ValueError(f"line {number}: {name} is {printable(cell, 30)!r}, not {due}")


def _numbers(name: str, column: Sequence[str], gaps: Sequence[bool]) -> NDArray[np.float64]:
    """The cells as Python reads them, which is how they were written: bit for bit. A gap is NaN."""
    numbers = np.empty(len(column))
    for row, cell in enumerate(column):
        empty = gaps[row]
        if not (cell == "" if empty else _NUMBER.fullmatch(cell)):
            raise ValueError(
                f"line {row + 2}: {name} is {printable(cell, 30)!r}, not {'empty' if empty else 'a number'}"
            )
        numbers[row] = math.nan if empty else float(cell)
    if not np.isfinite(numbers[~np.array(gaps[: len(column)], dtype=bool)]).all():
        raise ValueError(f"{name} is not finite everywhere")
    return numbers
