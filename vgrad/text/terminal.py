"""The table in a terminal: blocks that fit its width, labels repeated, shading of the last/first ratio by decades.

What does not fit is cut with an ellipsis, and the last line says so.
"""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from io import StringIO

from vgrad.text.escapes import ascii_only, visible
from vgrad.text.sheet import Column, Sheet

GAP = "  "
SHADES = ("#08306b", "#2171b5", "#6baed6")
"""From three decades of last/first on, from two, from one: one hue, dark to light, told apart without colour vision."""
PROSE, UNLIMITED = 80, 10**9
NARROWEST = 9  # a title is not wrapped narrower than this


def render(sheet: Sheet, *, width: int | None = None, colour: bool = False, unicode: bool = True) -> str:
    """The table as lines of at most `width` characters; without one, only sentences are broken."""
    room, width = width or UNLIMITED, width or PROSE
    lines: list[str] = [*_wrapped(sheet.caption, width, unicode), ""]
    cut = False
    for table in (*sheet.before, sheet):
        lines += _wrapped(table.caption, width, unicode) if table is not sheet else []
        labels, columns = _labelled(table, room, unicode)
        for block in _blocks(labels, columns, room, unicode):
            drawn, shortened = _draw(table, labels, block, room, colour, unicode)
            cut = cut or shortened
            lines += [*drawn, ""]
    for note in sheet.notes:
        lines += _wrapped(note, width, unicode)
    lines += _wrapped(sheet.origin, width, unicode)
    if cut:
        lines += _wrapped("Cut to this width: texts that end in …; --format csv has all of them.", width, unicode)
    return "\n".join(lines) + "\n"


def _plain(text: str, unicode: bool) -> str:
    shown = visible(text)
    return shown if unicode else ascii_only(shown)


def _wrapped(text: str, width: int, unicode: bool) -> list[str]:
    return textwrap.wrap(_plain(text, unicode), max(width, 20), break_on_hyphens=False)


def _title(column: Column, unicode: bool) -> list[str]:
    """The title on as many lines as make the column no wider than its cells or its longest word."""
    title = _plain(column.short or column.title, unicode)
    pieces = (*title.split(" "), *(_plain(cell, unicode) for cell in column.cells))
    widest = max(NARROWEST, *map(len, pieces))
    return textwrap.wrap(title, widest, break_on_hyphens=False) or [""]


def _length(column: Column, unicode: bool) -> int:
    return max(len(piece) for piece in (*_title(column, unicode), *(_plain(cell, unicode) for cell in column.cells)))


def _labelled(sheet: Sheet, width: int, unicode: bool) -> tuple[Sequence[Column], Sequence[Column]]:
    """What names the rows in every block, and the columns.

    Labels that leave no room beside them are columns themselves, and the rows are numbered.
    """
    widest = max((_length(column, unicode) for column in sheet.columns), default=0)
    if sum(_length(label, unicode) + len(GAP) for label in sheet.labels) + widest <= width:
        return sheet.labels, sheet.columns
    numbers = tuple(str(row) for row in range(1, 1 + len(sheet.labels[0].cells)))
    return (Column("row", numbers),), (*sheet.labels, *sheet.columns)


def _cut(text: str, length: int, unicode: bool) -> str:
    mark = "…" if unicode else "..."
    return text if len(text) <= length else text[: max(length - len(mark), 1)] + mark


def _blocks(labels: Sequence[Column], columns: Sequence[Column], width: int, unicode: bool) -> list[list[Column]]:
    """Columns in groups that fit beside the labels; a new panel is a new group."""
    taken = sum(_length(label, unicode) + len(GAP) for label in labels)
    blocks: list[list[Column]] = []
    used = 0
    for column in columns:
        needed = _length(column, unicode) + len(GAP)
        if not blocks or column.panel != blocks[-1][0].panel or used + needed - len(GAP) > width:
            blocks.append([])
            used = taken
        blocks[-1].append(column)
        used += needed
    return blocks


def _draw(
    sheet: Sheet, labels: Sequence[Column], block: Sequence[Column], width: int, colour: bool, unicode: bool
) -> tuple[list[str], bool]:
    """The lines of one block, and whether a cell had to be cut."""
    columns = [*labels, *block]
    room = width - sum(_length(label, unicode) + len(GAP) for label in labels)
    widths = [_length(column, unicode) for column in labels]
    widths += [min(_length(column, unicode), max(room, 4)) for column in block]
    shortened = any(_length(column, unicode) > size for column, size in zip(columns, widths, strict=True))
    titles = [_title(column, unicode) for column in columns]
    head = max(map(len, titles))
    cells = [
        [*[""] * (head - len(title)), *title, *column.cells] for title, column in zip(titles, columns, strict=True)
    ]
    lines = [_plain(block[0].panel, unicode)] if block[0].panel else []
    for row in range(len(cells[0])):
        if row >= head:
            lines += _headings(sheet, row - head, min(width, PROSE), unicode)
        pieces = []
        for column, content, size in zip(columns, cells, widths, strict=True):
            fitted = _cut(_plain(content[row], unicode), size, unicode)
            padded = fitted.rjust(size) if column.numeric else fitted.ljust(size)
            shade = column.shades[row - head] if column.shades and row >= head else None
            pieces.append(_shaded(padded, shade) if colour and shade is not None else padded)
        lines.append(GAP.join(pieces).rstrip())
        if row == head - 1:
            lines.append(GAP.join(("─" if unicode else "-") * size for size in widths))
    return lines, shortened


def _headings(sheet: Sheet, row: int, width: int, unicode: bool) -> list[str]:
    """The headings before a row, and a line of space before one of the first level."""
    found = sheet.headings(row)
    space = [""] if row and found and len(found) == len(sheet.groups[row]) else []
    return space + [line for heading in found for line in _wrapped(heading, width, unicode)]


def _shaded(text: str, decades: float) -> str:
    """`text` on the shade of that many decades, whichever way the ratio goes; none below one."""
    from rich.console import Console
    from rich.text import Text

    step = min(int(abs(decades)), len(SHADES))
    if step < 1:
        return text
    console = Console(file=StringIO(), force_terminal=True, color_system="256", width=len(text) + 1)
    front = "black" if step == 1 else "white"
    console.print(Text(text, style=f"{front} on {SHADES[-step]}"), end="", soft_wrap=True)
    found = console.file
    assert isinstance(found, StringIO)
    return found.getvalue()
