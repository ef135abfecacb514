"""The CSV files of a study's folder, both ways; read strictly: every cell by the kind of its column, numbers finite.

`read` gives the rows as mappings, and `written` takes them. Each column has a function that takes the text of a cell to
its value and raises ValueError, which `read` turns into one line that names file, line and column. A field of a row's
class is declared with that function, as Name, Count, Maybe and so on; `columns` gives those of a class.
"""

from __future__ import annotations

import csv
import math
import re
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from io import StringIO
from pathlib import Path
from typing import Annotated, Any, get_type_hints

from vgrad.errors import RunStateError
from vgrad.storage.reading import read_bounded, state_error
from vgrad.text.escapes import visible

MOST_BYTES = 2**25
MOST_WORDS = 300
Parse = Callable[[str], Any]
_NUMBER = re.compile(r"-?[0-9]{1,400}(\.[0-9]{1,400})?(e[+-]?[0-9]{1,4})?")
_COUNT = re.compile(r"[0-9]{1,15}")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/+-]{0,99}")
_LAYERS = re.compile(r"[0-9]{1,9}(-[0-9]{1,9}){1,60}")
_LINE = re.compile(r"[1-9][0-9]{0,2}|ratio")


def number(cell: str) -> float:
    """A finite number, bit for bit as it was written."""
    if not _NUMBER.fullmatch(cell):
        raise ValueError("a number")
    found = float(cell)
    if not math.isfinite(found):
        raise ValueError("a finite number")
    return found


def maybe(cell: str) -> float | None:
    """A finite number, or nothing."""
    return number(cell) if cell else None


def bound(cell: str) -> float | None:
    """A number, which may be infinite where few seeds scatter widely, or nothing."""
    return float(cell) if cell in ("inf", "-inf") else maybe(cell)


def count(cell: str) -> int:
    """A whole number from 0 on."""
    if not _COUNT.fullmatch(cell):
        raise ValueError("a whole number")
    return int(cell)


def place(cell: str) -> int:
    """The number of a layer or neuron, from 1 on."""
    found = count(cell)
    if not 1 <= found <= 999_999:
        raise ValueError("a number from 1 on")
    return found


def flag(cell: str) -> bool | None:
    """true, false, or nothing."""
    if cell not in ("true", "false", ""):
        raise ValueError("true, false or empty")
    return cell == "true" if cell else None


def _matching(pattern: re.Pattern[str], what: str) -> Parse:
    def parse(cell: str) -> str:
        if not pattern.fullmatch(cell):
            raise ValueError(what)
        return cell

    return parse


name = _matching(_NAME, "a name")
layers = _matching(_LAYERS, "layers such as 784-30-10")
line = _matching(_LINE, "the number of a layer, or ratio")


def words(cell: str) -> str:
    """Free text on one line; whoever shows it escapes it."""
    if len(cell) > MOST_WORDS:
        raise ValueError(f"a text of at most {MOST_WORDS} characters")
    return cell


def one_of(*known: str) -> Parse:
    """One of these words."""

    def parse(cell: str) -> str:
        if cell not in known:
            raise ValueError(" or ".join(known))
        return cell

    return parse


Name = Annotated[str, name]
Words = Annotated[str, words]
Layers = Annotated[str, layers]
LineName = Annotated[str, line]
Number = Annotated[float, number]
Maybe = Annotated[float | None, maybe]
Bound = Annotated[float | None, bound]
Count = Annotated[int, count]
Place = Annotated[int, place]
Flag = Annotated[bool | None, flag]


@cache
def columns(row: type) -> dict[str, Parse]:
    """The columns that are fields of this class, in their order."""
    hints = get_type_hints(row, include_extras=True)
    return {field: hint.__metadata__[0] for field, hint in hints.items() if hasattr(hint, "__metadata__")}


def later(row: type) -> frozenset[str]:
    """Those of its columns that a file may be without: the fields that have a default."""
    return frozenset(field for field in columns(row) if hasattr(row, field))


def written(rows: Sequence[Mapping[str, Any]], names: Sequence[str]) -> bytes:
    """A CSV of these columns; numbers read back bit for bit, what is not there is empty. ValueError for a row with
    another column."""
    out = StringIO()
    writer = csv.DictWriter(out, names, lineterminator="\n")
    writer.writeheader()
    writer.writerows([{column: _cell(value) for column, value in row.items()} for row in rows])
    return out.getvalue().encode()


def _cell(value: Any) -> str:
    if value is None or (isinstance(value, float) and not math.isfinite(value)):
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    return repr(value) if isinstance(value, float) else str(value)


def read(path: Path, wanted: Mapping[str, Parse], optional: frozenset[str] = frozenset()) -> list[dict[str, Any]]:
    """The rows of the file at `path`, its columns parsed as `wanted` says, the `optional` ones where they are there;
    RunStateError for another file."""
    shown = visible(str(path))
    try:
        return _parse(_text(path), wanted, optional)
    except FileNotFoundError:
        raise RunStateError(f"{shown}: no such file; vgrad reproduce writes it again") from None
    except OSError as error:
        raise state_error(path, error) from None
    except (ValueError, csv.Error) as error:
        raise RunStateError(f"{shown}: damaged: {visible(str(error))[:200]}") from None


def _text(path: Path) -> str:
    """The file at `path`, whose last line has to be whole."""
    content = read_bounded(path, MOST_BYTES)
    if content and not content.endswith(b"\n"):
        raise ValueError("its last line is cut off")
    return content.decode("utf-8")


def _parse(content: str, wanted: Mapping[str, Parse], optional: frozenset[str]) -> list[dict[str, Any]]:
    lines = csv.reader(StringIO(content, newline=""), strict=True)
    header = next(lines, [])
    missing = [column for column in wanted if column not in header and column not in optional]
    if missing:
        raise ValueError(f"no column {missing[0]}")
    if len(set(header)) < len(header):
        raise ValueError("a column stands there twice")
    places = [(column, header.index(column), parse) for column, parse in wanted.items() if column in header]
    rows = []
    for row in lines:
        if len(row) != len(header):
            raise ValueError(f"line {lines.line_num} has {len(row)} cells, not {len(header)}")
        found = {}
        for column, place, parse in places:
            try:
                found[column] = parse(row[place])
            except ValueError as error:
                told = f"line {lines.line_num}: {column} is {visible(row[place])[:40]!r}, not {error}"
                raise ValueError(told) from None
        rows.append(found)
    return rows
