"""From a document to a checked config: every problem with the place where it was written."""

from __future__ import annotations

from collections.abc import Sequence

from vgrad.config.choice import Problem, Problems
from vgrad.config.config import Config, check
from vgrad.document.document import Document
from vgrad.errors import ConfigError
from vgrad.text.escapes import printable

MOST_PROBLEMS = 50


def settled(document: Document, name: str | None = None) -> Config:
    """The config that `document` holds, called `name` unless it says otherwise; ConfigError with every problem."""
    tree = document.root.plain()
    if name is not None:
        tree.setdefault("name", name)
    try:
        return check(tree)
    except Problems as failure:
        raise ConfigError(*placed(document, failure.problems)) from None


def placed(document: Document, problems: Sequence[Problem]) -> list[str]:
    """A line for each problem, with the place in `document` that it is about; the first MOST_PROBLEMS of them."""
    lines = [
        f"{document.where(problem.path, key=problem.at_key)}: {_key(problem.path)}{problem.message}"
        for problem in problems[:MOST_PROBLEMS]
    ]
    if len(problems) > MOST_PROBLEMS:
        lines.append(f"{document.source}: and {len(problems) - MOST_PROBLEMS} problems more")
    return lines


def _key(path: tuple[str | int, ...]) -> str:
    return f"{printable('.'.join(map(str, path)), 80)}: " if path else ""
