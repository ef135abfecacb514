"""The axes of a sweep: key paths and the values that they take, each with the place where it was written.

    layers.depth: 1..8                                  a range, both ends included; 1..9..2 has a step
    activation: [sigmoid, {name: tanh}]                 a list
    activation, init: [[sigmoid, nielsen], [tanh, xavier]]      keys that vary together, a row for each
    optimizer.learning_rate: {log_uniform: [1e-4, 1]}   drawn anew for every point of a sample

On the command line an axis is KEY=SPEC, where SPEC is what stands inside the brackets: `a,b,c`, `1..5`, `1..3,10`.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from vgrad.document.reader import Node, compose, decode
from vgrad.document.scalars import MAX_NUMBER
from vgrad.document.words import describe
from vgrad.errors import ConfigError
from vgrad.text.characters import hint
from vgrad.text.escapes import printable

MOST_VALUES = 100_000
MOST_SEEDS = 10**9
DIGITS = 4
"""Significant digits of a drawn value: enough to tell learning rates apart, few enough to be read in a table."""

_RANGE = re.compile(r"([-+]?[0-9]{1,15})\.\.([-+]?[0-9]{1,15})(?:\.\.([-+]?[0-9]{1,15}))?")
_LIKE_A_RANGE = re.compile(r"[-+0-9.eE]+\.\.[-+0-9.eE]+")
_WITH_A_DASH = re.compile(r"([0-9]{1,15}) ?[-\u2012\u2013\u2014] ?([0-9]{1,15})")


@dataclass(frozen=True)
class Axis:
    """`keys` take the values of one row of `rows` at a time; `typed` on the command line, not in the file."""

    keys: tuple[str, ...]
    rows: tuple[tuple[Node, ...], ...]
    place: str
    typed: bool = False

    def __len__(self) -> int:
        """How many values there are."""
        return len(self.rows)


@dataclass(frozen=True)
class LogUniform:
    """10^u with u uniform between log10 of `low` and of `high`, rounded to DIGITS significant digits."""

    keys: tuple[str]
    low: float
    high: float
    place: str
    typed: bool = False

    def value(self, u: float) -> Node:
        """The value for `u` in [0, 1)."""
        low, high = math.log10(self.low), math.log10(self.high)
        return Node(float(f"{10 ** (low + u * (high - low)):.{DIGITS}g}"), self.place)


def read_axes(node: Node) -> Iterator[Axis | LogUniform]:
    """The axes of a `grid` mapping."""
    if not isinstance(node.value, dict):
        raise ConfigError(f"{node.place}: grid: expected a mapping (KEY: [values]), found {describe(node.plain())}")
    for key, values in node.value.items():
        yield _axis(key, values, node.keys[key], typed=False)


def read_typed(text: str) -> Axis | LogUniform:
    """The axis that `-g KEY=SPEC` names."""
    here = f"-g {printable(text)}"

    def place(line: int, column: int) -> str:
        return here

    key, equals, spec = decode(text, place, here).partition("=")
    if not equals or not spec.strip():
        raise ConfigError(f"{here}: write KEY=SPEC, such as layers.depth=1..5 or activation=tanh,relu{hint(text)}")
    node = compose(f"[{spec}]", place)
    assert node is not None
    values = node.value
    if isinstance(values, list) and len(values) == 1 and _is_log_uniform(values[0]):
        node = values[0]
    return _axis(key, node, here, typed=True)


def read_seeds(node: Node) -> Sequence[int]:
    """`5` is 0 … 4; else a range or a list of seeds and ranges."""
    if isinstance(node.value, int) and not isinstance(node.value, bool):
        if not 0 < node.value <= MOST_SEEDS:
            one = f"; {node.value}..{node.value} is that one seed" if MOST_SEEDS < node.value < 10**15 else ""
            found = describe(node.value)
            raise ConfigError(f"{node.place}: seeds: expected how many, from 1 to {MOST_SEEDS:,}, found {found}{one}")
        return range(node.value)
    seeds = [entry.value for entry in _values(node, "seeds")]
    for entry in seeds:
        if isinstance(entry, bool) or not isinstance(entry, int) or not 0 <= entry < 2**63:
            raise ConfigError(
                f"{node.place}: seeds: expected whole numbers from 0 on, found {describe(entry)}{_hint(entry)}"
            )
    return list(dict.fromkeys(entry for entry in seeds if isinstance(entry, int)))


def typed_seeds(text: str) -> Sequence[int]:
    """`--seeds 5`, `--seeds 0..9` or `--seeds 3,7`."""
    here, text = f"--seeds {printable(text)}", text.strip()
    if re.fullmatch(rf"[0-9]{{1,{MAX_NUMBER}}}", text):
        return read_seeds(Node(int(text), here))
    node = compose(f"[{decode(text, lambda line, column: here, here)}]", lambda line, column: here)
    assert node is not None
    alone = node.value[0].value if isinstance(node.value, list) and len(node.value) == 1 else None
    if isinstance(alone, int) and not isinstance(alone, bool) and alone >= 0 and "," not in text:
        raise ConfigError(
            f"{here}: could be how many or which; write {alone} for so many, {alone}..{alone} for that one"
        )
    return read_seeds(node)


def _hint(value: object) -> str:
    return hint(value) if isinstance(value, str) else ""


def _axis(key: str, node: Node, place: str, *, typed: bool) -> Axis | LogUniform:
    keys = tuple(part.strip() for part in key.split(","))
    name = printable(key, 80)
    if not all(part for path in keys for part in path.split(".")):
        raise ConfigError(f"{place}: '{name}': a part of the key is empty; write a key such as layers.depth")
    if len(set(keys)) < len(keys):
        raise ConfigError(f"{place}: {name}: a key stands twice")
    if set(keys) & {"name", "seed"}:
        instead = "seeds: [0, 1, 2]" if "seed" in keys else "name: … outside of grid"
        raise ConfigError(f"{place}: {name}: cannot be an axis; write {instead}")
    if _is_log_uniform(node):
        return _log_uniform(keys, node, name, typed)
    values = _values(node, name) if len(keys) == 1 else _list(node, name)
    if len(keys) == 1:
        return Axis(keys, tuple((value,) for value in values), place, typed)
    return Axis(keys, tuple(_row(value, keys, name) for value in values), place, typed)


def _row(node: Node, keys: tuple[str, ...], name: str) -> tuple[Node, ...]:
    if not isinstance(node.value, list) or len(node.value) != len(keys):
        found = describe(node.plain())
        raise ConfigError(f"{node.place}: {name}: expected a list of {len(keys)} values, one for each key, not {found}")
    return tuple(node.value)


def _list(node: Node, name: str) -> list[Node]:
    if not isinstance(node.value, list):
        raise ConfigError(f"{node.place}: {name}: expected a list of values, found {describe(node.plain())}")
    if not node.value:
        raise ConfigError(f"{node.place}: {name}: the list is empty; name the values")
    return node.value


def _values(node: Node, name: str) -> list[Node]:
    """The entries of a list, with ranges written out; a range may also stand alone."""
    entries = [node] if isinstance(node.value, str) and ".." in node.value else _list(node, name)
    values = [value for entry in entries for value in _written_out(entry, name)]
    if len(values) > MOST_VALUES:
        raise ConfigError(f"{node.place}: {name}: {len(values):,} values, more than {MOST_VALUES:,}")
    return values


def _written_out(node: Node, name: str) -> list[Node]:
    if not isinstance(node.value, str):
        return [node]
    found = _RANGE.fullmatch(node.value.strip())
    if not found:
        if _LIKE_A_RANGE.fullmatch(node.value):
            raise ConfigError(
                f"{node.place}: {name}: a range has whole numbers, such as 1..5; found {describe(node.value)}"
            )
        dashed = _WITH_A_DASH.fullmatch(node.value)
        if dashed:
            told = f"found {describe(node.value)}; write {dashed[1]}..{dashed[2]}"
            raise ConfigError(f"{node.place}: {name}: a range has two points, {told}")
        return [node]
    first, last, step = int(found[1]), int(found[2]), int(found[3] or 1)
    if step == 0 or (last - first) * step < 0:
        raise ConfigError(f"{node.place}: {name}: {node.value} is empty; write the smaller end first, or a step < 0")
    numbers = range(first, last + (1 if step > 0 else -1), step)
    if len(numbers) > MOST_VALUES:
        raise ConfigError(f"{node.place}: {name}: {len(numbers):,} values, more than {MOST_VALUES:,}")
    return [Node(number, node.place) for number in numbers]


def _is_log_uniform(node: Node) -> bool:
    return isinstance(node.value, dict) and "log_uniform" in node.value


def _log_uniform(keys: tuple[str, ...], node: Node, name: str, typed: bool) -> LogUniform:
    tree = node.plain()
    ends = tree["log_uniform"]
    if len(keys) > 1 or len(tree) > 1:
        raise ConfigError(
            f"{node.place}: {name}: log_uniform takes one key and stands alone: {{log_uniform: [1e-4, 1]}}"
        )
    numbers = isinstance(ends, list) and all(type(end) in (int, float) and 0 < end < math.inf for end in ends)
    if not numbers or len(ends) != 2 or ends[0] >= ends[1]:
        raise ConfigError(f"{node.place}: {name}: log_uniform: expected [low, high] with 0 < low < high")
    return LogUniform((keys[0],), float(ends[0]), float(ends[1]), node.place, typed)
