"""How runs and comparisons show themselves in a notebook: a table, and of one run a small picture."""

from __future__ import annotations

import base64
from collections.abc import Sequence

from vgrad.errors import ConfigError
from vgrad.pictures.style import content, styled
from vgrad.report.compare import compare
from vgrad.report.drawable import picture
from vgrad.report.layout import lay_out
from vgrad.report.panels import Options
from vgrad.report.runs import Run
from vgrad.text.escapes import page
from vgrad.text.sheet import Column, Sheet

WIDTH = 4.5
"""Inches of the picture of a run."""


def sheet_html(sheet: Sheet) -> str:
    """A sheet as an HTML table with its caption and its notes."""
    columns = [*sheet.labels, *sheet.columns]
    head = "".join(f"<th>{page(column.title)}</th>" for column in columns)
    cells = zip(*(column.cells for column in columns), strict=True)
    rows = "".join(f"<tr>{''.join(map(_cell, columns, row))}</tr>" for row in cells)
    notes = "".join(f"<div>{page(note)}</div>" for note in sheet.notes)
    return f"<table><caption>{page(sheet.caption)}</caption><tr>{head}</tr>{rows}</table><small>{notes}</small>"


def _cell(column: Column, text: str) -> str:
    return f'<td style="text-align:{"right" if column.numeric else "left"}">{page(text)}</td>'


def runs_html(runs: Sequence[Run], problems: Sequence[str]) -> str:
    """The comparison of several runs, and a line for each one that is missing."""
    told = sheet_html(lay_out(compare(runs))) if runs else "<p>no runs</p>"
    return told + "".join(f"<p>{page(problem)}</p>" for problem in problems)


def run_html(run: Run) -> str:
    """The table of one run, and its learning-speed curves where it has any."""
    told = sheet_html(lay_out(compare([run])))
    try:
        figure, _, _ = picture("curves", [run], "", Options(width=WIDTH))
    except ConfigError:  # nothing was measured that has curves
        return told
    with styled():
        data = base64.b64encode(content(figure, "png", run.label, run.label)).decode()
    return (
        f'{told}<img alt="learning speed of each layer" width="{int(WIDTH * 100)}" src="data:image/png;base64,{data}">'
    )
