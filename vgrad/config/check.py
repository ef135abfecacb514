"""From a document to a checked config: every problem with the place where it was written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from vgrad.config.config import Config
from vgrad.config.fields import DATA_CHOICE
from vgrad.config.fit import problems
from vgrad.config.keys import placed_keys
from vgrad.config.lone import lone_examples
from vgrad.config.problems import Problem, Problems, validated
from vgrad.data.files import READERS, recorded
from vgrad.document.document import Document
from vgrad.errors import ConfigError
from vgrad.text.characters import hint
from vgrad.text.escapes import printable

FITTING = {"layers", "activation", "output", "cost", "epochs", "batch_size", "data", "monitor", "probes"}
"""The keys that have to fit each other; a wrong one says nothing about the others."""

MOST_PROBLEMS = 50


def settled(document: Document, name: str | None = None) -> Config:
    """The config that `document` holds, called `name` unless it says otherwise, with what is known of a file of data,
    which is read. ConfigError with every problem; DataError and StorageError where the file is unfit."""
    tree = document.root.plain()
    if name is not None:
        tree.setdefault("name", name)
    try:
        config = check(_with_file(tree, document))
    except Problems as failure:
        raise ConfigError(*placed(document, failure.problems)) from None
    alone = list(lone_examples(config, tree))
    if alone:
        raise ConfigError(*placed(document, alone))
    return config


def _with_file(tree: dict[str, Any], document: Document) -> dict[str, Any]:
    """The tree with what `data` does not say yet of its file; a `data` that is wrong stays as it is, for the check."""
    data = tree.get("data")
    if not isinstance(data, dict) or data.get("name") not in READERS:
        return tree
    if all(data.get(key) is not None for key in ("sha256", "inputs", "examples")):
        return tree  # a settled config, whose file may be gone
    try:
        given = DATA_CHOICE.check(data).parameters
    except Problems:
        return tree
    try:
        return {**tree, "data": {**data, **recorded(data["name"], given, Path(document.source).parent)}}
    except ConfigError as error:
        told = [line.partition(": ") for line in error.problems]
        raise Problems([Problem(tuple(key.split(".")), message) for key, _, message in told]) from None


def placed(document: Document, problems: Sequence[Problem]) -> list[str]:
    """A line for each problem, with the place in `document` that it is about; the first MOST_PROBLEMS of them."""
    lines = [
        f"{document.where(problem.path, key=problem.at_key)}: {_key(problem.path)}{_told(document, problem)}"
        for problem in problems[:MOST_PROBLEMS]
    ]
    if len(problems) > MOST_PROBLEMS:
        lines.append(f"{document.source}: and {len(problems) - MOST_PROBLEMS} problems more")
    return lines


def _told(document: Document, problem: Problem) -> str:
    """The message, and which characters in the key or value are not what they look like."""
    written = problem.path[-1] if problem.at_key and problem.path else document.written(problem.path)
    texts = [text for text in (written if isinstance(written, list) else [written]) if isinstance(text, str)]
    return problem.message + hint(", ".join(texts), remedy="; write " not in problem.message)


def _key(path: tuple[str | int, ...]) -> str:
    return f"{printable('.'.join(map(str, path)), 80)}: " if path else ""


def check(tree: Mapping[str, Any]) -> Config:
    """The config that a plain tree is; raises Problems with everything that is wrong in it."""
    try:
        return _checked(tree)
    except Problems as failure:
        raise Problems(placed_keys(failure.problems, tree)) from None


def _checked(tree: Mapping[str, Any]) -> Config:
    try:
        return _fitting(validated(Config, tree))
    except Problems as first:
        wrong = {problem.path[0] for problem in first.problems if problem.path}
        if wrong & FITTING or not wrong:
            raise
        # what fits together or not is asked only of fields that are right: ask it without the wrong ones
        try:
            _fitting(validated(Config, {key: value for key, value in tree.items() if key not in wrong}))
        except Problems as second:
            others = [problem for problem in second.problems if not wrong & {*problem.path[:1]}]
            raise Problems([*first.problems, *others]) from None
        raise


def _fitting(config: Config) -> Config:
    wrong = problems(config)
    if wrong:
        raise Problems(wrong)
    return config
