"""The CSV files of a run: their columns, said once, by which they are written, and read back bit for bit.

    metrics.csv      epoch | monitors …, others …                       epochs 0 … last
    gradients.csv    epoch, layer, kind, units | probes …               measured epochs x layers 1 … L
    steps.csv        epoch, step, layer, kind, units | probes …         epochs 1 … last x named steps x layers
    neurons.csv      epoch, layer, neuron | delta                       named epochs x layers x neurons
    histograms.csv   epoch, layer, quantity | low, high, count          named epochs x layers x quantities x bins

What stands before the bar, the keys, is known from the config and the last epoch; a file that has anything else is
damaged. What stands behind it was measured. A key is a line in TABLES; a number of an epoch one in
`vgrad.training.metrics` (OTHERS), one of a layer a probe.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from vgrad.config.config import Config
from vgrad.errors import RunStateError
from vgrad.nn.probes import BINS
from vgrad.runs.history import QUANTITIES, columns, sparse
from vgrad.storage.reading import read_bounded, state_error
from vgrad.text.escapes import printable
from vgrad.training.metrics import OF_STEPS
from vgrad.training.record import EpochRecord

if TYPE_CHECKING:
    from pandas import DataFrame

METRICS, GRADIENTS, STEPS = "metrics.csv", "gradients.csv", "steps.csv"
NEURONS, HISTOGRAMS = "neurons.csv", "histograms.csv"
HIDDEN, OUTPUT = "hidden", "output"
MOST_BYTES = 2**28
_NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?(e[+-]?[0-9]+)?")
_CELL = 32  # bytes of the longest cell with its comma
Row = Sequence[float | None]


@dataclass(frozen=True)
class Table:
    """One file. The first key is the epoch; `keys` are the others, each the column that it has in every epoch.

    `values` are the columns of numbers, of which those in `gaps` are empty in the first row, and those in `sparse` may
    be empty in any. `epochs` are those that the file has when so many are done, with `ended` and the last one too where
    a run has come to its end early; `rows` are the numbers of a record, None when it has none. With `bins`, each group
    of so many rows has a `low` that is the `high` of the row before.
    """

    file: str
    keys: Mapping[str, Callable[[Config], NDArray[Any]]]
    values: Callable[[Config], Sequence[str]]
    epochs: Callable[[Config, int], Sequence[int]]
    rows: Callable[[Config, EpochRecord], Iterable[Row] | None]
    asked: Callable[[Config], bool] = field(default=lambda config: True)
    ended: bool = False
    gaps: Sequence[str] = ()
    sparse: Callable[[Sequence[str]], Sequence[str]] = field(default=lambda names: ())
    bins: int = 0

    def header(self, config: Config) -> str:
        """The first line."""
        return ",".join(("epoch", *self.keys, *self.values(config)))

    def known(self, config: Config) -> list[list[Any]]:
        """The keys of an epoch's rows, column by column."""
        return [column(config).tolist() for column in self.keys.values()]


def files(config: Config) -> list[str]:
    """The names of the files that a run of `config` has."""
    return [table.file for table in TABLES.values() if table.asked(config)]


def written(config: Config, records: Sequence[EpochRecord]) -> dict[str, bytes]:
    """Those files with their content: what these records hold."""
    return {table.file: _written(table, config, records) for table in TABLES.values() if table.asked(config)}


def _written(table: Table, config: Config, records: Sequence[EpochRecord]) -> bytes:
    keys = ["".join(f",{cell}" for cell in row) for row in zip(*table.known(config), strict=True)] or [""]
    lines = [table.header(config)]
    for record in records:
        rows = None if record.divergence else table.rows(config, record)
        if rows is not None:
            pairs = zip(keys, rows, strict=True)
            lines += [",".join((f"{record.epoch}{key}", *map(_cell, row))) for key, row in pairs]
    return ("\n".join(lines) + "\n").encode("ascii")


def _cell(value: object) -> str:
    """Numbers as Python writes them: the shortest text that reads back bit for bit; None as an empty cell."""
    return "" if value is None else repr(value) if isinstance(value, float) else str(value)


def read(table: Table, config: Config, last: int | None, content: bytes | None, path: Path) -> DataFrame:
    """`content`, or when it is None the file at `path`, as a frame; RunStateError when it is not `table` up to epoch
    `last`, None when nothing is measured yet."""
    epochs = [] if last is None else list(table.epochs(config, last))
    within = table.known(config)
    each = len(within[0]) if within else 1
    limit = min(_CELL * ((len(epochs) + 1) * each + 1) * (1 + table.header(config).count(",")), MOST_BYTES)
    if not table.asked(config):
        content = _written(table, config, [])
    try:
        content = read_bounded(path, limit) if content is None else content
        if table.ended and last is not None and last not in epochs and content.count(b"\n") > len(epochs) * each + 1:
            epochs.append(last)
        return _parse(table, config, epochs, len(epochs) * each, content)
    except OSError as error:
        raise state_error(path, error) from None
    except ValueError as error:
        raise RunStateError(f"{path}: damaged: {printable(str(error), 200)}") from None


def _parse(table: Table, config: Config, epochs: Sequence[int], count: int, content: bytes) -> DataFrame:
    import pandas as pd

    due, names = table.header(config), table.values(config)
    cells = split_cells(content, due, count)
    known = {"epoch": np.repeat(np.array(epochs, dtype=np.int64), count // max(1, len(epochs)))}
    known |= {name: np.tile(column(config), len(epochs)) for name, column in table.keys.items()}
    frame: dict[str, NDArray[Any] | pd.Series] = {}
    for (name, expected), column in zip(known.items(), cells, strict=False):
        check_keys(name, column, expected)
        frame[name] = pd.Series(expected, dtype=str) if expected.dtype.kind == "U" else expected.astype(np.int64)
    may_be_empty = table.sparse(names)
    for name, column in zip(names, cells[len(known) :], strict=True):
        empty = [name in may_be_empty and cell == "" for cell in column]
        empty[:1] = [name in table.gaps or any(empty[:1])]
        frame[name] = read_numbers(name, column[: len(empty)], empty)
    if table.bins and count:
        low, high = (np.asarray(frame[name]).reshape(-1, table.bins) for name in ("low", "high"))
        if not (low[:, 1:] == high[:, :-1]).all():
            raise ValueError("the bins do not follow on each other")
    return pd.DataFrame(frame)


def split_cells(content: bytes, due: str, count: int) -> list[Sequence[str]]:
    """The cells column by column; ValueError unless there are the header `due` and `count` whole rows."""
    header, *lines = content.decode("ascii").split("\n")
    if header != due:
        raise ValueError(f"its columns are {printable(header, 80)!r}, not {printable(due, 80)!r}")
    commas = header.count(",")
    wrong = next((number for number, line in enumerate(lines[:-1], 2) if line.count(",") != commas), None)
    if wrong or lines[-1:] != [""]:
        raise ValueError(f"line {wrong or len(lines) + 1} is cut off or has too many cells")
    if len(lines) - 1 != count:
        raise ValueError(f"{len(lines) - 1} rows, not {count}")
    empty: list[Sequence[str]] = [()] * (commas + 1)
    return list(zip(*(line.split(",") for line in lines[:-1]), strict=True)) or empty


def check_keys(name: str, column: Sequence[str], known: NDArray[Any]) -> None:
    """ValueError for the first cell of the column `name` that is another than the known one."""
    for number, (cell, due) in enumerate(zip(column, known.tolist(), strict=True), start=2):
        if cell != str(due):
            raise ValueError(f"line {number}: {name} is {printable(cell, 30)!r}, not {due}")


def read_numbers(name: str, column: Sequence[str], gaps: Sequence[bool]) -> NDArray[np.float64]:
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


def hidden(rows: DataFrame) -> DataFrame:
    """Of the rows of gradients.csv those of hidden layers."""
    return rows[rows["kind"] == HIDDEN]


def measured(rows: DataFrame) -> list[str]:
    """The columns of a frame that are not keys."""
    return [name for name in rows.columns if name not in KEYS]


def _layers(config: Config) -> NDArray[Any]:
    return np.arange(1, len(config.sizes))


def _kinds(config: Config) -> NDArray[Any]:
    return np.array([HIDDEN] * (len(config.sizes) - 2) + [OUTPUT])


def _per_layer(config: Config, record: EpochRecord) -> Iterable[Row] | None:
    norms = record.gradients
    layers = range(len(config.sizes) - 1)
    return None if norms is None else [[norms[probe][layer] for probe in config.probes.record] for layer in layers]


def _per_step(config: Config, record: EpochRecord) -> Iterable[Row] | None:
    if not record.epoch:
        return None
    layers = range(len(config.sizes) - 1)
    return ([step[probe][layer] for probe in config.probes.record] for step in record.steps for layer in layers)


def _per_neuron(config: Config, record: EpochRecord) -> Iterable[Row] | None:
    return None if record.neurons is None else ((float(delta),) for deltas in record.neurons for delta in deltas)


def _per_bin(config: Config, record: EpochRecord) -> Iterable[Row] | None:
    if record.histograms is None:
        return None
    return (
        (float(low), float(high), int(count))
        for layer in record.histograms
        for counts, edges in (layer[quantity] for quantity in QUANTITIES)
        for low, high, count in zip(edges[:-1], edges[1:], counts, strict=True)
    )


def _named(names: Sequence[int], last: int) -> list[int]:
    return [epoch for epoch in sorted(set(names)) if epoch <= last]


TABLES = {
    "metrics": Table(
        METRICS,
        {},
        lambda config: columns(config.monitors),
        lambda config, last: range(last + 1),
        lambda config, record: [[record.metrics[name] for name in columns(config.monitors)]],
        gaps=OF_STEPS,
    ),
    "gradients": Table(
        GRADIENTS,
        {"layer": _layers, "kind": _kinds, "units": lambda config: np.array(config.sizes[1:])},
        lambda config: config.probes.record,
        lambda config, last: config.probes.measured(last, config.epochs),
        _per_layer,
        sparse=sparse,
        ended=True,
    ),
    "steps": Table(
        STEPS,
        {
            "step": lambda config: np.repeat(np.array(config.step_marks), len(config.sizes) - 1),
            "layer": lambda config: np.tile(_layers(config), len(config.step_marks)),
            "kind": lambda config: np.tile(_kinds(config), len(config.step_marks)),
            "units": lambda config: np.tile(np.array(config.sizes[1:]), len(config.step_marks)),
        },
        lambda config: config.probes.record,
        lambda config, last: range(1, last + 1),
        _per_step,
        asked=lambda config: bool(config.step_marks),
        sparse=lambda names: names,
    ),
    "neurons": Table(
        NEURONS,
        {
            "layer": lambda config: np.repeat(_layers(config), config.sizes[1:]),
            "neuron": lambda config: np.concatenate([np.arange(1, width + 1) for width in config.sizes[1:]]),
        },
        lambda config: ("delta",),
        lambda config, last: _named(config.probes.neurons, last),
        _per_neuron,
        asked=lambda config: bool(config.probes.neurons),
    ),
    "histograms": Table(
        HISTOGRAMS,
        {
            "layer": lambda config: np.repeat(_layers(config), len(QUANTITIES) * BINS),
            "quantity": lambda config: np.tile(np.repeat(np.array(QUANTITIES), BINS), len(config.sizes) - 1),
        },
        lambda config: ("low", "high", "count"),
        lambda config, last: _named(config.probes.histograms, last),
        _per_bin,
        asked=lambda config: bool(config.probes.histograms),
        bins=BINS,
    ),
}
"""name -> file, in the order in which they are written."""
KEYS = {"epoch", *(name for table in TABLES.values() for name in table.keys)}
