"""Runs compared as a data frame that knows how a paper would have it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import pandas as pd

from vgrad.notebook.runs import Chosen, Where, found
from vgrad.report import compare as comparing
from vgrad.report.layout import lay_out
from vgrad.report.table import CI, Cell, Table
from vgrad.text.latex import as_latex
from vgrad.text.markup import as_markdown

if TYPE_CHECKING:
    from vgrad.text.sheet import Sheet

STATISTICS = ("center", "low", "high", "n")


class Comparison(pd.DataFrame):
    """A row a content of the row keys; columns by value, contents of the column keys, and statistic: center (mean,
    geometric mean, median or the most frequent word), the 95 % interval low … high, and the number n of runs."""

    _metadata = ("sheet",)
    sheet: Sheet

    @property
    def _constructor(self) -> type[pd.DataFrame]:
        return pd.DataFrame  # a part of it is a frame like any other

    def to_latex(self, *args: Any, width: float | None = None, **options: Any) -> str:  # type: ignore[override]
        r"""The table as `vgrad report --format latex` writes it, for \usepackage{booktabs}; `width` in inches."""
        return as_latex(self.sheet, width)

    def to_markdown(self, *args: Any, **options: Any) -> str:  # type: ignore[override]
        """The table as `vgrad report --format markdown` writes it."""
        return as_markdown(self.sheet)

    def _repr_html_(self) -> str:
        from vgrad.notebook.shown import sheet_html

        return sheet_html(self.sheet)


def compare(
    runs: Chosen | pd.DataFrame,
    *,
    rows: Sequence[str] = (),
    columns: Sequence[str] = (),
    values: Sequence[str] = (),
    where: str = "",
    baseline: str | None = None,
    sort: str | None = None,
    top: int | None = None,
    spread: str = CI,
    runs_dir: Where = "runs",
) -> Comparison:
    """The comparison that `vgrad report` makes of these runs: those that differ only in their seed are one row.

    `runs` are a Run, Runs, paths, names of sweeps, or a frame of load_runs; `values` are named as in
    docs/reports.md: "validation_accuracy", "delta_norm[1].end", "epochs_to(validation_accuracy>=0.95)".
    ConfigError for keys and values that the runs do not have.
    """
    chosen, _ = found(runs, runs_dir)
    table = comparing.compare(
        chosen,
        rows=_several(rows),
        columns=_several(columns),
        values=_several(values),
        condition=where,
        baseline=baseline,
        sort=sort,
        top=top,
        spread=spread,
    )
    return _frame(table)


def _several(names: Sequence[str]) -> Sequence[str]:
    return [names] if isinstance(names, str) else names


def _frame(table: Table) -> Comparison:
    columns = [(value, at) for value in table.values for at in table.columns]
    contents = {
        (value.name, *at, statistic): [_statistic(table.cell(row, at, value), statistic) for row in table.rows]
        for value, at in columns
        for statistic in STATISTICS
    }
    alone = len(table.row_keys) == 1
    index: pd.Index[Any] = (
        pd.Index([row[0] for row in table.rows], name=table.row_keys[0])
        if alone
        else pd.MultiIndex.from_tuples(table.rows, names=table.row_keys)
    )
    frame = Comparison(contents, index=index)
    frame.columns = pd.MultiIndex.from_tuples(contents, names=["value", *table.column_keys, "statistic"])
    object.__setattr__(frame, "sheet", lay_out(table))
    return frame


def _statistic(cell: Cell | None, name: str) -> Any:
    if cell is None:
        return math.nan
    if name == "n":
        return len(cell.numbers) or sum(cell.words.values())
    found = cell.rank if name == "center" else getattr(cell.estimate, name, None)
    return math.nan if found is None else found
