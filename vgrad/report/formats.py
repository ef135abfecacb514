"""The formats of `vgrad report`: each takes a table to the text of a file; every one carries the hashes of its runs.

What people read (text, Markdown, LaTeX) is written from a sheet, whatever it was laid out from; CSV and JSON are
written from the table itself.
"""

from __future__ import annotations

import csv
from dataclasses import asdict
from io import StringIO
from typing import Any

from vgrad.report.keys import Scalar
from vgrad.report.layout import lay_out, provenance
from vgrad.report.table import INFINITE, Cell, Key, Table
from vgrad.report.theory.held import held
from vgrad.report.values import THEORY, parts
from vgrad.storage.json import strict
from vgrad.text import escapes
from vgrad.text.formats import writers

SCHEMA = 1
_STATISTICS = ("n", "center", "low", "high", "spread", "median", "least", "greatest")


def as_csv(table: Table) -> str:
    """Tidy: a line for each cell, with its keys, statistics and runs; numbers read back bit for bit."""
    keys = (*table.row_keys, *table.column_keys)
    out = StringIO()
    writer = csv.writer(out, lineterminator="\n")
    differences = ("difference", "difference_low", "difference_high", "p", "p_holm", "pairs") if table.baseline else ()
    writer.writerow(
        [*map(escapes.spreadsheet, keys), "value", "text", *_STATISTICS, "diverged", "absent", *differences, "runs"]
    )
    for row in table.rows:
        for column in table.columns:
            for value in table.values:
                cell = table.cell(row, column, value)
                if cell is not None:
                    found = _differences(cell) if differences else []
                    line = [*map(_plain, (*row, *column)), value.name, *_numbers(cell), *found, provenance(cell.runs)]
                    writer.writerow(line)
    return out.getvalue()


def _plain(value: Scalar) -> str:
    if isinstance(value, float):
        return repr(value)
    return "" if value is None else str(value).lower() if isinstance(value, bool) else escapes.spreadsheet(str(value))


def _number(value: float | int | None) -> str:
    return "" if value is None else repr(value)


def _numbers(cell: Cell) -> list[str]:
    told = dict(cell.words) | {why: count for why, count in cell.lost.items() if why == INFINITE}
    words = "; ".join(f"{word} {count}" if len(cell.runs) > 1 else word for word, count in told.items())
    found = asdict(cell.estimate) if cell.estimate else {"n": sum(cell.words.values())}
    return [
        words,
        *(_number(found.get(name)) for name in _STATISTICS),
        str(cell.lost.get("diverged", 0)),
        str(cell.lost.get("no value", 0)),
    ]


def _differences(cell: Cell) -> list[str]:
    found = cell.difference
    if found is None:
        return [""] * 6
    return [*map(_number, (found.center, found.low, found.high, found.p, cell.p, found.n))]


def as_json(table: Table) -> str:
    """Everything; docs/reports.md says what the keys are."""
    tree = {
        "schema": SCHEMA,
        "rows": list(table.row_keys),
        "columns": list(table.column_keys),
        "constant": dict(table.constant),
        "thresholds": asdict(table.thresholds),
        "baseline": table.baseline or None,
        "values": [{"name": value.name, "kind": value.kind, "title": value.title} for value in table.values],
        "cells": [
            _cell(table, at, cell)
            for at, cell in table.cells.items()
            if at[2] in {value.name for value in table.values}
        ],
        **_theory(table),
        "runs": [
            {"hash": run.hash, "seed": run.seed, "name": run.config["name"], "status": run.status} for run in table.runs
        ],
    }
    return strict(tree, indent=1) + "\n"


def _theory(table: Table) -> dict[str, Any]:
    """Where theory held, if a value of it stands in the table."""
    if not any(parts(value.name)[0] in THEORY for value in table.values):
        return {}
    found = held(table.runs)
    left = [{"hash": each.run.hash, "layer": each.layer, "ratio": each.ratio} for each in found.left]
    return {"theory": {"networks": found.networks, "left": left, "silent": found.silent}}


def _cell(table: Table, at: tuple[Key, Key, str], cell: Cell) -> dict[str, Any]:
    row, column, value = at
    return {
        "row": list(row),
        "column": list(column),
        "value": value,
        "estimate": asdict(cell.estimate) if cell.estimate else None,
        "words": dict(cell.words),
        "lost": dict(cell.lost),
        "difference": {**asdict(cell.difference), "p_holm": cell.p} if cell.difference else None,
        "runs": [
            {"hash": run.hash, "seed": run.seed, "content": cell.numbers.get(index)}
            for index, run in enumerate(cell.runs)
        ],
    }


def as_page(table: Table) -> str:
    """The page, which also shows the runs epoch by epoch."""
    from vgrad.report.page.page import render as render_page

    return render_page(table)


FORMATS = writers(lay_out, {"csv": as_csv, "json": as_json, "html": as_page})
"""What a comparison is written in: text/formats.py has the names and the endings."""
