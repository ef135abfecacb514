r"""A sheet as LaTeX that fits an article: booktabs, columns grouped under their headings, numbers as a paper has them.

A table that is wider than `width` inches is set smaller, and where that is not enough, parted: columns go to further
tables that repeat the labels, rows beyond a page as well. Widths are estimated from those of Computer Modern Roman
(Knuth 1986), a little on the wide side.
"""

from __future__ import annotations

import hashlib
import re
import textwrap
from collections.abc import Sequence

from vgrad.text import escapes
from vgrad.text.markup import rows_of
from vgrad.text.sheet import Column, Sheet

COLUMN, PAGE = 3.4, 6.9
"""Inches: a column of a two-column article, and both of them."""
SIZES = {r"\normalsize": 10.0, r"\small": 9.25, r"\footnotesize": 8.5}
"""Points of two digits: smaller type is wider for its height."""
POINTS = 72.27
SEPARATION = 8.0
"""Points between two columns."""
NARROWEST = 8  # characters: a title is not broken to less
MOST_ROWS = 50
"""Rows of one table; more do not fit a page."""
_WIDE = {**dict.fromkeys("mwMW%@×÷±–", 0.85), **dict.fromkeys("fijlt.,:;|!'()[]- ", 0.38)}
_POWER = re.compile(r"(?<![\w.])(-?\d+(?:\.\d+)?)e(-?\d+)(?![\w.])")
_SPECIAL = re.compile(r"(×÷|(?<![\w.])-?\d+(?:\.\d+)?e-?\d+(?![\w.])|(?<![\w.])-(?=\d))")
_NORM = re.compile(r"‖δ\^?[^‖]+‖")


def as_latex(sheet: Sheet, width: float | None = None) -> str:
    r"""Tables to \input; they need \usepackage{booktabs} and nothing else.

    Without a `width` in inches, what fits a column is a table of one, and everything else is as wide as a page.
    """
    head = f"% made by vgrad report; runs: {escapes.ascii_only(escapes.visible(sheet.provenance))}"
    return "\n".join([head, *(line for table in (*sheet.before, sheet) for line in _tables(table, width)), ""])


def _tables(sheet: Sheet, width: float | None) -> list[str]:
    """The tables of one sheet, in parts where it is too wide or too high."""
    labels, columns = list(sheet.labels), list(sheet.columns)
    room = POINTS * (width or (COLUMN if _points([*labels, *columns], 8.5) <= POINTS * COLUMN else PAGE))
    size = next((name for name, high in SIZES.items() if _points([*labels, *columns], high) <= room), r"\footnotesize")
    blocks = _blocks(labels, columns, room, SIZES[size])
    count = len(next((column.cells for column in (*labels, *columns)), ()))
    pages = [range(at, min(at + MOST_ROWS, count)) for at in range(0, count, MOST_ROWS)] or [range(0)]
    lines = list[str]()
    parts = [(rows, block) for rows in pages for block in blocks]
    for number, (rows, block) in enumerate(parts):
        told = escapes.latex(sheet.caption) if not number else "(continued)"
        head = [rf"\caption{{{told}}}", *([_label(sheet)] if not number else [])]
        again = [r"\addtocounter{table}{-1}"] if number else []  # one table in parts has one number
        body = _tabular(sheet, labels, block, rows, room / SIZES[size])
        notes = _notes(sheet) if number == len(parts) - 1 else []
        kind = "table" if room <= POINTS * (COLUMN + 0.1) else "table*"
        lines += [
            rf"\begin{{{kind}}}",
            *again,
            r"\centering",
            *head,
            size,
            rf"\setlength{{\tabcolsep}}{{{SEPARATION / 2:g}pt}}",
        ]
        lines += [*body, *notes, rf"\end{{{kind}}}"]
    return lines


def _label(sheet: Sheet) -> str:
    r"""For \ref; the same table has the same name, whatever its last digits are, and another one another."""
    content = repr((sheet.caption, sheet.provenance, [column.title for column in (*sheet.labels, *sheet.columns)]))
    return rf"\label{{tab:vgrad-{hashlib.sha256(content.encode('utf-8', 'replace')).hexdigest()[:6]}}}"


def _notes(sheet: Sheet) -> list[str]:
    runs = [f"Runs: {sheet.provenance}."] if sheet.provenance else []
    told = " ".join(map(escapes.latex, (*sheet.notes, *runs)))
    if not told:
        return []
    return ["", r"\medskip\raggedright\footnotesize", told]


def _tabular(sheet: Sheet, labels: Sequence[Column], block: Sequence[Column], rows: range, ems: float) -> list[str]:
    """One table: headings of groups of columns, titles, and the rows, what is repeated below itself left out. Headings
    of rows are broken where they are wider than so many `ems`."""
    columns = [*labels, *block]
    lines = [
        rf"\begin{{tabular}}{{@{{}}{''.join('r' if column.numeric else 'l' for column in columns)}@{{}}}}",
        r"\toprule",
    ]
    lines += _spanned(labels, block)
    titles = [_title(column) for column in columns]
    high = max(map(len, titles))
    for line in zip(*([""] * (high - len(title)) + title for title in titles), strict=True):
        lines.append(" & ".join(map(escapes.latex, line)) + r" \\")
    lines.append(r"\midrule")
    every = rows_of(columns)
    for row in rows:
        headings = [line for heading in sheet.headings(row) for line in _broken(heading, ems)]
        new = row == rows[0] or bool(headings)
        shown = ["" if not new and _repeats(labels, index, row) else _cell(column, every[row][index])
                 for index, column in enumerate(columns)]  # fmt: skip
        first = row != rows[0] and len(labels) > 1 and not headings and not _repeats(labels, 0, row)
        lines += [r"\addlinespace"] if (headings and row != rows[0]) or (first and _any_repeats(labels)) else []
        lines += [rf"\multicolumn{{{len(columns)}}}{{@{{}}l}}{{{escapes.latex(heading)}}} \\" for heading in headings]
        lines.append(" & ".join(shown) + r" \\")
    return [*lines, r"\bottomrule", r"\end{tabular}"]


def _broken(heading: str, ems: float) -> list[str]:
    """The lines of a heading, each of at most so many ems."""
    lines = [""]
    for word in heading.split(" "):
        longer = f"{lines[-1]} {word}" if lines[-1] else word
        lines = [*lines, word] if lines[-1] and _ems(longer) > ems else [*lines[:-1], longer]
    return lines


def _repeats(labels: Sequence[Column], index: int, row: int) -> bool:
    """Whether this label and all before it say what they say in the row above; the last label is always shown."""
    if index >= len(labels) - 1 or not row:
        return False
    return all(label.cells[row] == label.cells[row - 1] for label in labels[: index + 1])


def _any_repeats(labels: Sequence[Column]) -> bool:
    return any(_repeats(labels, 0, row) for row in range(1, len(labels[0].cells)))


def _spanned(labels: Sequence[Column], block: Sequence[Column]) -> list[str]:
    """The line of headings above the titles, with rules below them; none where no column has one."""
    if not any(column.heading for column in block):
        return []
    groups: list[list[int]] = []
    for index, column in enumerate(block):
        if not groups or column.heading != block[groups[-1][0]].heading:
            groups.append([])
        groups[-1].append(index)
    words = [rf"\multicolumn{{{len(labels)}}}{{l}}{{}}"] if labels else []
    words += [rf"\multicolumn{{{len(group)}}}{{c}}{{{escapes.latex(block[group[0]].heading)}}}" for group in groups]
    at = [(len(labels) + group[0] + 1, len(labels) + group[-1] + 1) for group in groups if block[group[0]].heading]
    rules = "".join(rf"\cmidrule(lr){{{first}-{last}}}" for first, last in at)
    return [" & ".join(words) + r" \\", rules]


def _title(column: Column) -> list[str]:
    """The title on as many lines as make the column no wider than its cells or its longest word."""
    pieces = (*column.below.split(" "), *column.cells)
    return textwrap.wrap(column.below, max(NARROWEST, *map(len, pieces)), break_on_hyphens=False) or [""]


def _cell(column: Column, text: str) -> str:
    """Numbers as a paper has them: powers of ten, minus signs that are no hyphens, ×÷ as one sign."""
    if not column.numeric:
        return escapes.latex(text)
    return "".join(map(_piece, _SPECIAL.split(text)))


def _piece(piece: str) -> str:
    power = _POWER.fullmatch(piece)
    if power:
        return rf"${power[1]}\times10^{{{power[2]}}}$"
    return {"×÷": r"$\times\!/\!\div$", "-": "$-$"}.get(piece) or escapes.latex(piece)


def _blocks(labels: Sequence[Column], columns: Sequence[Column], room: float, size: float) -> list[list[Column]]:
    """Columns in groups that fit beside the labels; a group has at least one."""
    blocks: list[list[Column]] = []
    for column in columns:
        if not blocks or _points([*labels, *blocks[-1], column], size) > room:
            blocks.append([])
        blocks[-1].append(column)
    return blocks or [[]]


def _points(columns: Sequence[Column], size: float) -> float:
    """About how wide a table of these columns is, in points, at a size of type."""
    widest = [max(_ems(text) for text in (*_title(column), *column.cells)) for column in columns]
    total = sum(widest) * size + SEPARATION * max(len(columns) - 1, 0)
    for heading in {column.heading for column in columns if column.heading}:
        under = [wide for wide, column in zip(widest, columns, strict=True) if column.heading == heading]
        needed = _ems(heading) * size
        total += max(0.0, needed - sum(under) * size - SEPARATION * (len(under) - 1))
    return total


def _ems(text: str) -> float:
    """About how wide a text is, in units of its size; a norm is a formula of four signs."""
    shown = _NORM.sub("nnnn", _POWER.sub(r"\1×00\2", text))
    return sum(_WIDE.get(character, 0.72 if character.isupper() else 0.5) for character in shown)
