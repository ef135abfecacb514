"""The axes of a sweep: key paths and the values that they take, each with the place where it was written.

    layers.depth: 1..8                                  a range, both ends included; 1..9..2 has a step
    l2: 0..1..0.25                                      a step of decimals
    optimizer.learning_rate: 1e-4..1..*10               a step that is a factor
    activation: [sigmoid, {name: tanh}]                 a list, in which ranges may stand
    activation, init: [[sigmoid, nielsen], [tanh, zeros]]       keys that vary together, a row for each
    optimizer.learning_rate: {log_uniform: [1e-4, 1]}   drawn anew for every point of a sample; or {uniform: [0, 1]}
    variant: {plain: {}, rectifiers: {activation: relu}}    settings by name (sweeps/points/variants.py)

On the command line an axis is KEY=SPEC, where SPEC is what stands inside the brackets: `a,b,c`, `1..5`, `1..3,10`.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal, localcontext
from typing import Any

from vgrad.document.reader import Node, compose, decode
from vgrad.document.scalars import MAX_NUMBER
from vgrad.document.words import describe
from vgrad.errors import ConfigError
from vgrad.sweeps.points.variants import VARIANT, Settings, read_variants
from vgrad.text.characters import hint
from vgrad.text.escapes import printable

MOST_VALUES = 100_000
MOST_SEEDS = 10**9
DIGITS = 4
"""Significant digits of a drawn value: enough to tell learning rates apart, few enough to be read in a table."""
DRAWS: Mapping[str, tuple[Callable[[float], float], Callable[[float], float]]] = {
    "uniform": (float, float),
    "log_uniform": (math.log10, lambda u: float(10**u)),
}
"""name -> the scale on which a draw is uniform, and the way back from it."""

NUMBER = r"[-+]?[0-9]{1,15}(?:\.[0-9]{1,15})?(?:[eE][-+]?[0-9]{1,2})?"
RANGE = rf"{NUMBER}\.\.{NUMBER}(?:\.\.\*?{NUMBER})?"
_RANGE = re.compile(rf"({NUMBER})\.\.({NUMBER})(?:\.\.(\*?)({NUMBER}))?")
_LIKE_A_RANGE = re.compile(r"[-+0-9.eE]+\.\.[-+*x/0-9.eE]+")
_NEAR_THE_END = Decimal("0.001")
_SHORT = 6
"""Significant digits that a value of a range keeps at the most, if it is not whole."""
_WITH_A_DASH = re.compile(r"([0-9]{1,15}) ?[-\u2012\u2013\u2014] ?([0-9]{1,15})")


@dataclass(frozen=True)
class Axis:
    """`keys` take the values of one row of `rows` at a time; `typed` on the command line, not in the file. The axis
    `variant` has names in its rows, and their `settings`."""

    keys: tuple[str, ...]
    rows: tuple[tuple[Node, ...], ...]
    place: str
    typed: bool = False
    settings: Mapping[str, Settings] = field(default_factory=dict)

    @property
    def sets(self) -> tuple[str, ...]:
        """The keys of the config that it sets."""
        return (
            tuple(dict.fromkeys(key for each in self.settings.values() for key in each)) if self.settings else self.keys
        )

    def __len__(self) -> int:
        """How many values there are."""
        return len(self.rows)


@dataclass(frozen=True)
class Draw:
    """A value between `low` and `high`, uniform on the scale that DRAWS has for `kind`, rounded to DIGITS digits."""

    keys: tuple[str]
    kind: str
    low: float
    high: float
    place: str
    typed: bool = False

    @property
    def sets(self) -> tuple[str, ...]:
        """The key of the config that it sets."""
        return self.keys

    def value(self, u: float) -> Node:
        """The value for `u` in [0, 1)."""
        scale, back = DRAWS[self.kind]
        low, high = scale(self.low), scale(self.high)
        drawn = float(f"{back(low + u * (high - low)):.{DIGITS}g}")
        return Node(min(max(drawn, self.low), self.high), self.place)


def read_axes(node: Node) -> Iterator[Axis | Draw]:
    """The axes of a `grid` mapping."""
    if not isinstance(node.value, dict):
        raise ConfigError(f"{node.place}: grid: expected a mapping (KEY: [values]), found {describe(node.plain())}")
    for key, values in node.value.items():
        yield _axis(key, values, node.keys[key], typed=False)


def read_typed(text: str) -> Axis | Draw:
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
    if isinstance(values, list) and len(values) == 1 and _is_drawn(values[0]):
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


def axis_schema(value: Mapping[str, Any]) -> dict[str, Any]:
    """The JSON Schema of an axis whose values have the schema `value`: a range, a list with ranges in it, or a draw."""
    span = {"type": "string", "pattern": f"^{RANGE}$"}
    pair = {"type": "array", "items": {"type": "number"}, "minItems": 2, "maxItems": 2}
    draws = [
        {"type": "object", "properties": {kind: pair}, "required": [kind], "additionalProperties": False}
        for kind in DRAWS
    ]
    return {"anyOf": [span, {"type": "array", "items": {"anyOf": [value, span]}, "minItems": 1}, *draws]}


def _axis(key: str, node: Node, place: str, *, typed: bool) -> Axis | Draw:
    keys = tuple(part.strip() for part in key.split(","))
    name = printable(key, 80)
    if not all(part for path in keys for part in path.split(".")):
        raise ConfigError(f"{place}: '{name}': a part of the key is empty; write a key such as layers.depth")
    if len(set(keys)) < len(keys):
        raise ConfigError(f"{place}: {name}: a key stands twice")
    if set(keys) & {"name", "seed"}:
        instead = "seeds: [0, 1, 2]" if "seed" in keys else "name: … outside of grid"
        raise ConfigError(f"{place}: {name}: cannot be an axis; write {instead}")
    if key == VARIANT and not typed:
        return variants(read_variants(node), place)
    if _is_drawn(node):
        return _draw(keys, node, name, typed)
    values = _values(node, name) if len(keys) == 1 else _list(node, name)
    if len(keys) == 1:
        return Axis(keys, tuple((value,) for value in values), place, typed)
    return Axis(keys, tuple(_row(value, keys, name) for value in values), place, typed)


def variants(settings: Mapping[str, Settings], place: str, *, typed: bool = False) -> Axis:
    """The axis of these variants."""
    return Axis((VARIANT,), tuple((Node(name, place),) for name in settings), place, typed, settings)


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
                f"{node.place}: {name}: a range is 1..5, 0..1..0.1 or 1e-4..1..*10; found {describe(node.value)}"
            )
        dashed = _WITH_A_DASH.fullmatch(node.value)
        if dashed:
            told = f"found {describe(node.value)}; write {dashed[1]}..{dashed[2]}"
            raise ConfigError(f"{node.place}: {name}: a range has two points, {told}")
        return [node]
    try:
        return [Node(number, node.place) for number in numbers(node.value.strip(), *found.groups())]
    except ValueError as error:
        raise ConfigError(f"{node.place}: {name}: {error}") from None


def numbers(text: str, first: str, last: str, times: str | None, step: str | None) -> Sequence[int | float]:
    """The values of the range `text`, which is first..last, first..last..step or first..last..*factor.

    They are computed as decimals, so nothing is in them that was not written. Whole numbers where the ends are written
    as such and every value is one. ValueError with what is wrong.
    """
    whole = not re.search(r"[.eE]", first + last)
    if step is None and not whole:
        raise ValueError(f"{text} needs a step; write {text}..*10 for a factor, {text}..0.1 for a sum")
    with localcontext(prec=60):
        a, b, by = Decimal(first), Decimal(last), Decimal(step or "1")
        values = _multiplied(text, a, b, by) if times else _added(text, a, b, by)
        if whole and all(value == value.to_integral_value() for value in values):
            return [int(value) for value in values]
        return [float(value) for value in values]


def _added(text: str, a: Decimal, b: Decimal, step: Decimal) -> list[Decimal]:
    if step == 0:
        raise ValueError(f"{text} has a step of 0, which leads nowhere; write a step such as 1")
    if (b - a) * step < 0:
        raise ValueError(f"{text} is empty; write the smaller end first, or a step {'<' if step > 0 else '>'} 0")
    return [a + k * step for k in range(_count((b - a) / step))]


def _multiplied(text: str, a: Decimal, b: Decimal, factor: Decimal) -> list[Decimal]:
    """a, a factor, a factor^2, … up to b. Where that comes within 0.1 % of b, the last one is b, and those between lie
    evenly on a log scale, rounded to DIGITS digits: 1e-4..1..*3.1623 is 1e-4, 3.162e-4, 1e-3, …"""
    if a <= 0 or b <= 0:
        raise ValueError(f"{text} has a factor; both ends have to be > 0")
    if factor <= 0 or factor == 1:
        raise ValueError(f"{text} has a factor of {factor}, which leads nowhere; write one such as *10")
    if (b - a) * (factor - 1) < 0:
        raise ValueError(f"{text} leads away from its end; write the ends the other way round, or *{_inverse(factor)}")
    steps = (b / a).ln() / factor.ln()
    nearest = int(steps.to_integral_value())
    _count(steps + 1)
    if nearest and abs(a * factor**nearest / b - 1) <= _NEAR_THE_END:
        exact = a * factor**nearest == b
        each = factor if exact else (b / a) ** (1 / Decimal(nearest))
        return [a, *(_rounded(a * each**k, _SHORT if exact else DIGITS) for k in range(1, nearest)), b]
    return [a, *(_rounded(a * factor**k, _SHORT) for k in range(1, int(steps) + 1))]


def _count(steps: Decimal) -> int:
    """How many values so many steps are, the first one included; ValueError for too many."""
    if steps >= MOST_VALUES:
        raise ValueError(f"{int(steps) + 1:,} values, more than {MOST_VALUES:,}")
    return int(steps) + 1


def _rounded(value: Decimal, digits: int) -> Decimal:
    return value if value == value.to_integral_value() else Decimal(f"{value:.{digits}g}")


def _inverse(factor: Decimal) -> str:
    return f"{float(_rounded(1 / factor, _SHORT)):g}"


def _is_drawn(node: Node) -> bool:
    return isinstance(node.value, dict) and not DRAWS.keys().isdisjoint(node.value)


def _draw(keys: tuple[str, ...], node: Node, name: str, typed: bool) -> Draw:
    tree = node.plain()
    kind = next(kind for kind in DRAWS if kind in tree)
    ends, above = tree[kind], 0 if kind == "log_uniform" else -math.inf
    if len(keys) > 1 or len(tree) > 1:
        raise ConfigError(f"{node.place}: {name}: {kind} takes one key and stands alone: {{{kind}: [0.001, 1]}}")
    finite = isinstance(ends, list) and all(type(end) in (int, float) and above < end < math.inf for end in ends)
    if not finite or len(ends) != 2 or ends[0] >= ends[1]:
        least = "0 < " if kind == "log_uniform" else ""
        raise ConfigError(f"{node.place}: {name}: {kind}: expected [low, high] with {least}low < high")
    return Draw((keys[0],), kind, float(ends[0]), float(ends[1]), node.place, typed)
