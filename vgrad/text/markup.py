"""A sheet as Markdown."""

from __future__ import annotations

from collections.abc import Sequence

from vgrad.text import escapes
from vgrad.text.sheet import Column, Sheet


def rows_of(columns: Sequence[Column]) -> list[tuple[str, ...]]:
    """The cells of columns, row by row."""
    return list(zip(*(column.cells for column in columns), strict=True))


def as_markdown(sheet: Sheet) -> str:
    """Pipe tables, each with its caption before it; the notes of the sheet after them. A heading is a row with one
    cell."""
    lines = [line for table in sheet.before for line in ["", *_pipes(table)]]
    lines = [escapes.markdown(sheet.caption), *lines, "", *_pipes(sheet, captioned=False), ""]
    lines += [f"- {escapes.markdown(note)}" for note in (*sheet.notes, f"Runs: {sheet.provenance}.")]
    return "\n".join(lines) + "\n"


def _pipes(sheet: Sheet, *, captioned: bool = True) -> list[str]:
    columns = [*sheet.labels, *sheet.columns]
    written = [" | ".join(escapes.markdown(column.title) for column in columns)]
    written.append(" | ".join("---:" if column.numeric else ":---" for column in columns))
    for index, row in enumerate(rows_of(columns)):
        for heading in sheet.headings(index):
            written.append(f"**{escapes.markdown(heading)}**" + " | " * (len(columns) - 1))
        written.append(" | ".join(map(escapes.markdown, row)))
    caption = [escapes.markdown(sheet.caption), ""] if captioned else []
    return [*caption, *(f"| {row} |" for row in written)]
