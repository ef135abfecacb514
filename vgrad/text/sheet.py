"""A table as text: titled columns of short cells, a caption that says what all runs share, notes that explain.

The sheet is the same for the terminal, Markdown, LaTeX and HTML; each escapes it in its own way.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Column:
    """`cells` under `title`; `shades` are decades of a ratio, or None; cells sort by `ranks`.

    Columns of one `panel` stand together, and below that heading the `short` title is enough. `over` is a heading that
    may span columns, with the title below it, where the whole `title` has both.
    """

    title: str
    cells: tuple[str, ...]
    panel: str = ""
    short: str = ""
    numeric: bool = True
    shades: tuple[float | None, ...] = ()
    ranks: tuple[float | str | None, ...] = ()
    over: tuple[str, str] | None = None

    @property
    def heading(self) -> str:
        """What stands above this column and its neighbours, where headings can span columns; else nothing."""
        return self.over[0] if self.over else self.panel

    @property
    def below(self) -> str:
        """The title that is enough below the heading."""
        return self.over[1] if self.over else self.short or self.title


@dataclass(frozen=True)
class Sheet:
    """`labels` name the rows and come first; `caption` is said before the table and `notes` after it.

    `provenance` names the runs, all of them; `origin` is what a terminal is told of them. `groups`, where there are
    any, hold the headings under which each row stands, the most general first: neighbours that have the same share
    them. `before` are tables that stand between the caption and this one, each with a caption of its own.
    """

    labels: tuple[Column, ...]
    columns: tuple[Column, ...]
    caption: str
    notes: tuple[str, ...]
    provenance: str
    origin: str
    groups: tuple[tuple[str, ...], ...] = ()
    before: tuple[Sheet, ...] = ()

    def headings(self, row: int) -> tuple[str, ...]:
        """The headings before this row: those that the row above it does not stand under."""
        if not self.groups:
            return ()
        here, above = self.groups[row], self.groups[row - 1] if row else ()
        shared = 0
        while shared < min(len(here), len(above)) and here[shared] == above[shared]:
            shared += 1
        return here[shared:]


def named(runs: Iterable[tuple[str, int]]) -> str:
    """Names with their seeds, neighbouring seeds together."""
    seeds: dict[str, list[int]] = {}
    for name, seed in runs:
        seeds.setdefault(name, []).append(seed)
    return ", ".join(f"{name} {' '.join(_spans(sorted(found)))}" for name, found in seeds.items())


def _spans(seeds: Sequence[int]) -> list[str]:
    spans: list[list[int]] = []
    for seed in seeds:
        if spans and seed <= spans[-1][1] + 1:
            spans[-1][1] = seed
        else:
            spans.append([seed, seed])
    return [f"s{first}" if first == last else f"s{first}-{last}" for first, last in spans]
