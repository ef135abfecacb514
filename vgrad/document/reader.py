"""A safe, bounded reader of YAML 1.2: text in, a tree of `Node` out, every node with the place it came from.

PyYAML (libyaml when it is there) cuts the text into events; the tree is built here, without recursion, so that the
limits below hold while reading and nothing in a file can name a Python type. Plain scalars have the meaning of the
YAML 1.2 core schema: `1e-3` is a float, `012` is 12, `on`, `1:30`, `1_000` and `2024-01-01` are text.
Tags and directives are refused, `<<` is a key like any other.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import yaml

from vgrad.document.scalars import Scalar, resolve
from vgrad.document.words import describe, missing_space, syntax_problem
from vgrad.errors import ConfigError
from vgrad.text.characters import named
from vgrad.text.escapes import printable

MAX_BYTES = 2**20
MAX_DEPTH = 20
MAX_NODES = 10_000
MAX_SCALAR = 10_000
MAX_PROBLEMS = 20

LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

Place = Callable[[int, int], str]
"""Where a line and a column, both counted from 0, are for the user: "run.yaml:3:1" or "-s epochs=3"."""

_REFUSED = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\ufeff\ufffe\uffff]")
_DIRECTIVE = re.compile(r"^%|(?<=\r)%", re.MULTILINE)


@dataclass(slots=True)
class Node:
    """A value with its place; `keys` are the places of a mapping's keys.

    `size` counts the nodes of the tree, keys included; `height` its nested lists and mappings.
    """

    value: Scalar | list[Node] | dict[str, Node]
    place: str
    keys: dict[str, str] = field(default_factory=dict)
    size: int = field(init=False)
    height: int = field(init=False)

    def __post_init__(self) -> None:
        """Measure the tree, from children that are measured."""
        self.size, self.height = 1 + len(self.keys), 0
        if isinstance(self.value, list | dict):
            children = self.value if isinstance(self.value, list) else self.value.values()
            self.size += sum(child.size for child in children)
            self.height = 1 + max((child.height for child in children), default=0)

    def plain(self) -> Any:
        """The value as plain dicts, lists and scalars, no part shared with any other."""
        if isinstance(self.value, dict):
            return {key: child.plain() for key, child in self.value.items()}
        if isinstance(self.value, list):
            return [child.plain() for child in self.value]
        return self.value


def decode(text: str | bytes, place: Place, source: str) -> str:
    """`text` as characters that YAML allows, without byte order mark; ConfigError for anything else."""
    if len(text) > MAX_BYTES or (isinstance(text, str) and len(text.encode("utf-8", "surrogatepass")) > MAX_BYTES):
        raise ConfigError(f"{source}: larger than {MAX_BYTES // 2**20} MiB; a config is a small file")
    try:
        text = (text if isinstance(text, str) else text.decode("utf-8")).removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        at = _position(error.object[: error.start].decode("utf-8").removeprefix("\ufeff"))
        byte = error.object[error.start]
        raise ConfigError(f"{place(*at)}: byte 0x{byte:02x} is not UTF-8; save the file as UTF-8") from None
    refused = _REFUSED.search(text)
    if refused:
        at = _position(text[: refused.start()])
        character = f"character {named(refused[0])}"
        raise ConfigError(f"{place(*at)}: {character} is not allowed; write it as an escape in double quotes")
    directive = _DIRECTIVE.search(text)
    if directive:
        at = _position(text[: directive.start()])
        raise ConfigError(f"{place(*at)}: a line cannot start with %; YAML directives are not used here")
    return text


def _position(before: str) -> tuple[int, int]:
    """Line and column, counted from 0, of what follows the text `before`."""
    lines = re.split(r"\r\n|\r|\n", before)
    return len(lines) - 1, len(lines[-1])


def compose(text: str, place: Place) -> Node | None:
    """The tree of the one document in `text`, which `decode` has passed; None when there is no document."""
    builder = _Builder(place)
    try:
        for event in yaml.parse(text, Loader=LOADER):
            builder.feed(event)
    except yaml.YAMLError as error:
        line, column, message = syntax_problem(error, text)
        builder.stop(place(line, column), message)
    except (ValueError, OverflowError):  # an escape that stands for no character
        builder.stop(builder.here, "not valid YAML: an escape after this place stands for no character")
    builder.finish()
    return builder.root


@dataclass(slots=True)
class _Open:
    """A list or a mapping that is being read; `key` is the key that waits for its value, None for a refused one."""

    place: str
    anchor: str | None
    value: list[Node] | dict[str, Node]
    flow: bool
    keys: dict[str, str] = field(default_factory=dict)
    waits: bool = False
    key: str | None = None


class _Builder:
    """Events in, `root` out: an explicit stack of open lists and mappings, with the limits checked at every event."""

    def __init__(self, place: Place) -> None:
        self.place = place
        self.here = place(0, 0)
        self.root: Node | None = None
        self._problems: list[str] = []
        self._open: list[_Open] = []
        self._anchors: dict[str, Node | None] = {}
        self._nodes = 0

    def feed(self, event: Any) -> None:
        """Take one event of the parser."""
        self.here = self.place(event.start_mark.line, event.start_mark.column)
        if isinstance(event, yaml.NodeEvent):
            self._begin(event)
        elif isinstance(event, yaml.CollectionEndEvent):
            ended = self._open.pop()
            self._add(Node(ended.value, ended.place, ended.keys), ended.anchor)
        elif isinstance(event, yaml.DocumentStartEvent) and self.root:
            self.stop(self.here, "a second document starts here; a config is one document")

    def stop(self, place: str, message: str) -> None:
        """End with this problem and those that were found before it."""
        self._problems.append(f"{place}: {message}")
        self.finish()

    def finish(self) -> None:
        """Raise what was found, if anything."""
        shown, more = self._problems[:MAX_PROBLEMS], len(self._problems) - MAX_PROBLEMS
        if shown:
            raise ConfigError(*shown, *([f"{self.here}: and {more:,} problems more before this"] if more > 0 else []))

    def _problem(self, place: str, message: str) -> None:
        self._problems.append(f"{place}: {message}")

    def _begin(self, event: Any) -> None:
        """A scalar, an alias, or the start of a list or a mapping."""
        if isinstance(event, yaml.AliasEvent):
            self._add(self._alias(str(event.anchor)), None)
            return
        self._count(1, 0)
        if event.tag is not None:
            tag = event.tag.replace("tag:yaml.org,2002:", "!!", 1)
            self._problem(self.here, f"tags are not allowed; remove '{printable(tag)}'")
        if isinstance(event, yaml.ScalarEvent):
            self._add(Node(self._scalar(event), self.here), event.anchor)
            return
        self._count(0, 1)
        if event.anchor:
            self._anchors[event.anchor] = None
        value: list[Node] | dict[str, Node] = {} if isinstance(event, yaml.MappingStartEvent) else []
        self._open.append(_Open(self.here, event.anchor, value, bool(event.flow_style)))

    def _count(self, size: int, height: int) -> None:
        self._nodes += size
        if self._nodes > MAX_NODES:
            self.stop(self.here, f"more than {MAX_NODES:,} values, counting what aliases stand for")
        if len(self._open) + height > MAX_DEPTH:
            self.stop(self.here, f"nested deeper than {MAX_DEPTH} levels")

    def _scalar(self, event: Any) -> Scalar:
        if len(event.value) > MAX_SCALAR:
            self.stop(self.here, f"text of {len(event.value):,} characters; at most {MAX_SCALAR:,} are read")
        try:
            return resolve(event.value) if event.implicit[0] else str(event.value)
        except ValueError as error:
            self._problem(self.here, str(error))
            return 0

    def _alias(self, name: str) -> Node:
        node = self._anchors.get(name)
        if node is None:
            reason = "stands inside what it names" if name in self._anchors else f"has no anchor &{printable(name)}"
            self._count(1, 0)
            self._problem(self.here, f"the alias *{printable(name)} {reason}")
            return Node(f"*{name}", self.here)
        self._count(node.size, node.height)
        return replace(node, place=self.here)

    def _add(self, node: Node, anchor: str | None) -> None:
        """Put a whole node where it belongs: the root, an item, a key or the value of the key that waits."""
        if anchor:
            self._anchors[anchor] = node
        if not self._open:
            self.root = node
            return
        parent = self._open[-1]
        if isinstance(parent.value, list):
            parent.value.append(node)
        elif not parent.waits:
            parent.waits, parent.key = True, self._key(parent, node)
        else:
            self._entry(parent, parent.value, node)

    def _entry(self, parent: _Open, entries: dict[str, Node], node: Node) -> None:
        """The value of the key that waits; `{depth:3}` is a key without value, which nobody means."""
        if parent.key is not None:
            entries[parent.key] = node
            wrong = missing_space(parent.key) if parent.flow and node.value is None else None
            if wrong:
                self._problem(parent.keys[parent.key], wrong[1])
        parent.waits = False

    def _key(self, parent: _Open, node: Node) -> str | None:
        """The text of a new key, whose place is noted; None when it is refused."""
        if not isinstance(node.value, str):
            remedy = "" if node.height else "; put it in quotes"
            if parent.flow and isinstance(node.value, int) and parent.key and _is_number(parent.value, parent.key):
                remedy = f"; in {parent.key}, a decimal number has a point: 0.{abs(node.value)}"
            self._problem(node.place, f"a key must be text, found {describe(node.plain())}{remedy}")
            return None
        first = parent.keys.setdefault(node.value, node.place)
        if node.value in parent.value:
            again = f"; the first is at {first}" if first != node.place else ""
            self._problem(node.place, f"duplicate key '{printable(node.value)}'{again}")
            return None
        return node.value


def _is_number(entries: list[Node] | dict[str, Node], key: str) -> bool:
    """Whether `key` has a number, which a decimal comma may have cut in two: `{learning_rate: 0,5}`."""
    return isinstance(entries, dict) and key in entries and isinstance(entries[key].value, int)
