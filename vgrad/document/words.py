"""Words for messages: values named, YAML's syntax errors told in one line."""

from __future__ import annotations

import re

import yaml

from vgrad.text.characters import hint
from vgrad.text.escapes import printable

_NO_SPACE = re.compile(r"[ \t]*(?:- +)*([A-Za-z_][\w.]*):(?![\s/:])\S")
_TAB_INDENT = re.compile(r" *\t")
_KIND = {dict: "a mapping", list: "a list", type(None): "null"}


def describe(value: object) -> str:
    """A value of a config in words: "a list", "the text 'relu'", "the number 3", "true", "null"."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return f"the number {printable(repr(value), 30)}"
    if isinstance(value, str):
        return f"the text '{printable(value, 30)}'"
    return _KIND.get(type(value), type(value).__name__)


def missing_space(line: str) -> tuple[int, str] | None:
    """For a line such as `epochs:3`: the column after the colon, counted from 0, and what is wrong."""
    found = _NO_SPACE.match(line)
    return found and (found.end(1) + 1, f"a space is missing after '{printable(found[1])}:'")


def syntax_problem(error: yaml.YAMLError, text: str) -> tuple[int, int, str]:
    """Line and column, counted from 0, and the message for what the YAML parser refused in `text`."""
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    if mark is None:
        return 0, 0, f"not valid YAML: {printable(str(error), 200)}"
    start = getattr(error, "context_mark", None) or mark
    lines = [*text.splitlines(), ""]
    tab = _TAB_INDENT.match(lines[min(mark.line, len(lines) - 1)])
    if tab:
        return mark.line, tab.end() - 1, "a tab cannot indent YAML; use spaces"
    for number in _near(mark, start):
        wrong = missing_space(lines[min(number, len(lines) - 1)])
        if wrong:
            return number, *wrong
    message = f"not valid YAML: {getattr(error, 'problem', None) or 'unexpected text'}"
    context = getattr(error, "context", None)
    if context:
        message += f" {context}" + (f" from line {start.line + 1}" if start.line != mark.line else "")
    told = next((told for number in _near(mark, start) if (told := hint(_code(lines, number), remedy=False))), "")
    return mark.line, mark.column, printable(message, 200) + told


def _near(mark: yaml.Mark, start: yaml.Mark) -> list[int]:
    """The lines in which a mistake may be that the parser met at `mark`."""
    return sorted({mark.line, max(mark.line - 1, 0), start.line})


def _code(lines: list[str], number: int) -> str:
    """A line without its comment."""
    return lines[min(number, len(lines) - 1)].partition(" #")[0]
