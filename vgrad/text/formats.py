"""The formats of reports, said once: their names, the endings of their files, and those that are made of a sheet.

A format with `of_sheet` is one that both a comparison of runs and a study are written in; another one needs a writer
of its own in report/formats.py, in study/report/formats.py, or in both.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from vgrad.text.latex import as_latex
from vgrad.text.markup import as_markdown
from vgrad.text.sheet import Sheet
from vgrad.text.terminal import render

T = TypeVar("T")


@dataclass(frozen=True)
class Format:
    """What is written to a file with that `ending`; `told` says in a few words what it is for.

    One that is `whole` has every statistic, whatever `--spread` asks for.
    """

    ending: str
    told: str
    of_sheet: Callable[[Sheet], str] | None = None
    whole: bool = False


FORMATS: dict[str, Format] = {
    "table": Format(".txt", "a terminal, or a file of text", render),
    "markdown": Format(".md", "a document", as_markdown),
    "latex": Format(".tex", "a paper; needs booktabs", as_latex),
    "csv": Format(".csv", "a spreadsheet or pandas: a line a cell, numbers bit for bit", whole=True),
    "json": Format(".json", "a program: everything that the report knows", whole=True),
    "html": Format(".html", "a browser: one page, with pictures"),
}
DEFAULT = "table"
ENDINGS = {found.ending: name for name, found in FORMATS.items()}
"""What a file's name asks for."""


def writers(lay_out: Callable[[T], Sheet], own: Mapping[str, Callable[[T], str]]) -> dict[str, Callable[[T], str]]:
    """By name, how a report is written in each format that it has: by its `own` writers and from its sheet."""
    found: dict[str, Callable[[T], str]] = {}
    for name, each in FORMATS.items():
        if name in own:
            found[name] = own[name]
        elif each.of_sheet:
            found[name] = _laid_out(lay_out, each.of_sheet)
    return found


def _laid_out(lay_out: Callable[[T], Sheet], write: Callable[[Sheet], str]) -> Callable[[T], str]:
    return lambda report: write(lay_out(report))
