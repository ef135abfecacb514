"""Configs from files and command lines: `Document` is the plain data and, for every value, where it was written.

    document = with_overrides(load_yaml("run.yaml"), ["optimizer.learning_rate=0.5"])
    document.data                                      {"layers": [784, 30, 10], "optimizer": {...}}
    document.where(("layers", 1))                      "run.yaml:1:15"
    document.where(("optimizer", "learning_rate"))     "-s optimizer.learning_rate=0.5"

Every refusal is a ConfigError whose problems are one line each: "run.yaml:3:1: what is wrong and what to do".
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from vgrad.document.reader import MAX_BYTES, MAX_DEPTH, MAX_NODES, Node, compose, decode
from vgrad.document.words import describe, missing_space
from vgrad.document.writer import dump_yaml
from vgrad.errors import ConfigError
from vgrad.storage.reading import Unfit, opened, why
from vgrad.text.characters import hint
from vgrad.text.escapes import printable

__all__ = ["Document", "describe", "dump_yaml", "load_yaml", "printable", "read_yaml", "with_overrides", "with_value"]

_INDEX = re.compile(r"[0-9]{1,9}")


@dataclass(frozen=True)
class Document:
    """A config as it was written; `source` is the file's name as the user gave it, `root` the tree with places."""

    source: str
    root: Node

    @cached_property
    def data(self) -> dict[str, Any]:
        """The config as plain dicts, lists and scalars."""
        plain: dict[str, Any] = self.root.plain()
        return plain

    def written(self, path: Sequence[str | int]) -> Any:
        """The value at `path`, as it was written: a name that stands for a list or mapping, too. None where there is
        none."""
        tree: Any = self.data
        for part in path:
            if isinstance(tree, dict):
                tree = tree.get(str(part))
            elif isinstance(tree, list):
                tree = tree[part] if isinstance(part, int) and 0 <= part < len(tree) else None
        return tree

    def where(self, path: Sequence[str | int], *, key: bool = False) -> str:
        """`file:line:column` of the value at `path`, or of its key; `-s TEXT` for what an override set.

        A path that does not exist is answered with the nearest parent that does.
        """
        node, place = self.root, self.root.place
        for part in path:
            if isinstance(node.value, dict) and part in node.value:
                place = node.keys[str(part)]
                node = node.value[str(part)]
            elif isinstance(node.value, list) and isinstance(part, int) and 0 <= part < len(node.value):
                node = node.value[part]
                place = node.place
            else:
                return node.place
        return place if key else node.place


def read_yaml(text: str | bytes, source: str) -> Document:
    """The config in `text`, whose file the messages call `source`."""
    name = printable(source, 200)

    def place(line: int, column: int) -> str:
        return f"{name}:{line + 1}:{column + 1}"

    text = decode(text, place, name)
    root = compose(text, place)
    if root is None or root.value is None:
        raise ConfigError(f"{place(0, 0)}: config is empty; write KEY: value")
    if not isinstance(root.value, dict):
        wrong = missing_space(root.value) if isinstance(root.value, str) else None
        found = describe(root.plain())
        told = wrong[1] if wrong else f"expected a mapping (KEY: value), found {found}"
        raise ConfigError(f"{root.place}: {told}{hint(root.value) if isinstance(root.value, str) else ''}")
    return Document(source, root)


def load_yaml(path: str | os.PathLike[str]) -> Document:
    """The config in the file `path`, of which no more than the limit is ever read."""
    source = os.fspath(path)
    return read_yaml(_content(source), source)


def _content(path: str) -> bytes:
    """At most one byte more than the limit of a regular file, so that `decode` sees when it is too large."""
    name = printable(path, 200)
    try:
        with opened(path) as file:
            return file.read(MAX_BYTES + 1)
    except IsADirectoryError:
        raise ConfigError(f"{name}: is a directory; name the YAML file in it") from None
    except Unfit as error:
        raise ConfigError(f"{name}: {why(error)}; a config is a YAML file") from None
    except OSError as error:
        raise ConfigError(f"{name}: cannot be read: {why(error)}") from None


def with_overrides(document: Document, overrides: Iterable[str]) -> Document:
    """`document` with `KEY=VALUE` texts applied in order; the document itself stays as it is.

    KEY is dotted (`optimizer.learning_rate`, `layers.1`), VALUE is YAML. Missing mappings on the way are made; a text
    in the way is a variant's name: `sgd` becomes `{name: sgd}`.
    """
    root, problems = document.root, list[str]()
    for text in overrides:
        try:
            root = _apply(root, text)
        except ConfigError as error:
            problems.extend(error.problems)
    if problems:
        raise ConfigError(*problems)
    return Document(document.source, root)


def refuse_repeated(settings: Iterable[str], option: str) -> None:
    """ConfigError for a key that two of the `KEY=VALUE` texts set: only the last would count."""
    first: dict[str, str] = {}
    for text in settings:
        key = text.partition("=")[0].strip()
        if key in first:
            before = f"{option} {printable(first[key])}"
            raise ConfigError(
                f"{option} {printable(text)}: {printable(key)} is set already by {before}; write one of them"
            )
        first[key] = text


def with_value(document: Document, key: str, value: Node) -> Document:
    """`document` with `value` at the dotted `key`, as an override would set it; ConfigError at the value's place."""
    try:
        return Document(document.source, _set(document.root, [], key.split("."), value))
    except ValueError as error:
        raise ConfigError(f"{value.place}: {error}") from None


def _apply(root: Node, text: str) -> Node:
    here = f"-s {printable(text)}"

    def place(line: int, column: int) -> str:
        return here

    key, equals, value = decode(text, place, here).partition("=")
    parts = key.strip().split(".")
    if not equals:
        raise ConfigError(f"{here}: no '='; write KEY=VALUE, such as epochs=10{hint(text)}")
    if not all(parts):
        raise ConfigError(f"{here}: {'a part of the key' if len(parts) > 1 else 'the key'} is empty; write KEY=VALUE")
    node = compose(value, place) or Node(None, here)
    try:
        if len(parts) + node.height > MAX_DEPTH:
            raise ValueError(f"nested deeper than {MAX_DEPTH} levels")
        root = _set(root, [], parts, node)
        if root.size > MAX_NODES:
            raise ValueError(f"with it the config has more than {MAX_NODES:,} values")
    except ValueError as error:
        raise ConfigError(f"{here}: {error}") from None
    return root


def _set(node: Node | None, done: list[str], rest: list[str], value: Node) -> Node:
    """`node` with `value` at the end of `rest`; `done` is the way that led to `node`. ValueError if it cannot be."""
    if not rest:
        return value
    part, way = rest[0], [*done, rest[0]]
    name, held = printable(".".join(done)), None if node is None else node.value
    if node is not None and isinstance(held, list):
        at = _item(name, part, len(held))
        return replace(node, value=[*held[:at], _set(held[at], way, rest[1:], value), *held[at + 1 :]])
    if not isinstance(held, dict) and _INDEX.fullmatch(part):
        raise ValueError(f"{name} is not a list in the config; write {name}=[…]")
    if node is None or held is None:
        node, held = Node({}, value.place), {}
    elif isinstance(held, str):
        held = {"name": node}
        node = Node(held, node.place, {"name": node.place})
    elif not isinstance(held, dict):
        raise ValueError(f"{name} is {describe(held)} in the config; write {name}={{{printable(part)}: …}}")
    inside = _set(held.get(part), way, rest[1:], value)
    return replace(node, value={**held, part: inside}, keys={part: value.place, **node.keys})


def _item(name: str, part: str, length: int) -> int:
    """The index that `part` of a key means in the list `name`."""
    if not _INDEX.fullmatch(part):
        raise ValueError(f"{name} is a list in the config; write {name}={{{printable(part)}: …}} to replace it")
    if int(part) >= length:
        raise ValueError(f"{name} has {length} items, counted from 0; there is no item {int(part)}")
    return int(part)
