"""A sweep: a config with axes, and the points that they span, made one at a time.

    grid:    {layers.depth: 1..4, "activation, init": [[sigmoid, nielsen], [tanh, xavier]]}
    seeds:   5                                   each point with seeds 0 … 4; or a list
    exclude: [{layers.depth: 4, activation: tanh}]   points that are left out; a list of values means any of them
    sample:  50                                  so many points, drawn; or {count: 50, seed: 1}

Axes are applied like overrides, short keys first, so `optimizer` and `optimizer.learning_rate` may both be axes. The
last axis varies fastest. Nothing here knows what a key means, but which variants have which parameters: an axis of
`optimizer.momentum` beside one of `optimizer` counts for the optimizers that have a momentum.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from vgrad.config.fields import CHOICES
from vgrad.document.document import Document, refuse_repeated, with_overrides, with_value
from vgrad.document.reader import Node
from vgrad.document.words import describe
from vgrad.document.writer import spell
from vgrad.errors import ConfigError
from vgrad.registry import did_you_mean
from vgrad.sweeps.points.axes import (
    Axis,
    Draw,
    read_axes,
    read_seeds,
    read_typed,
    typed_seeds,
    variants,
)
from vgrad.sweeps.points.sampling import LARGEST, draw, order
from vgrad.sweeps.points.variants import VARIANT, Settings, chosen
from vgrad.text.escapes import printable

KEYS = ("grid", "seeds", "exclude", "sample")


@dataclass(frozen=True)
class Point:
    """A place on every axis: key path -> value."""

    values: dict[str, Node]

    @property
    def cells(self) -> tuple[tuple[str, str], ...]:
        """(key, value as it is written) on every axis."""
        return tuple((key, spell(node.plain())) for key, node in self.values.items())

    @property
    def label(self) -> str:
        """`layers.depth=2 activation=tanh`."""
        return " ".join(f"{key}={value}" for key, value in self.cells)


@dataclass(frozen=True)
class Sample:
    """So many points, drawn with `seed`."""

    count: int
    seed: int = 0


@dataclass(frozen=True)
class Grid:
    """`base` is the config without the keys of a sweep; `excluded` maps axes to the rows that it takes together.

    `only` maps a key to an axis and those of its rows whose variant has that parameter: momentum counts for the rows of
    `optimizer` that have one. At other points the key is not set, and its axis stands still.
    """

    base: Document
    axes: tuple[Axis, ...]
    ranges: tuple[Draw, ...]
    seeds: Sequence[int]
    excluded: tuple[dict[int, frozenset[int]], ...] = ()
    sample: Sample | None = None
    only: Mapping[str, tuple[int, frozenset[int]]] = field(default_factory=dict)

    @property
    def keys(self) -> tuple[str, ...]:
        """The key paths that vary."""
        axes: tuple[Axis | Draw, ...] = (*self.axes, *self.ranges)
        return tuple(dict.fromkeys(key for axis in axes for key in axis.sets))

    @property
    def _variants(self) -> Mapping[str, Settings]:
        return next((axis.settings for axis in self.axes if axis.settings), {})

    @property
    def size(self) -> int:
        """Points of the axes that have values, excluded ones included."""
        return math.prod(len(axis) for axis in self.axes)

    @property
    def most_runs(self) -> int:
        """Runs there are at the most: what is excluded counts."""
        points = self.size
        if self.sample:
            points = self.sample.count if self.ranges else min(points, self.sample.count)
        return points * len(self.seeds)

    def points(self) -> Iterator[Point]:
        """All points, or those of the sample, in an order that is always the same."""
        if self.sample is None:
            yield from (self._point(index, 0) for index in range(self.size) if not self._is_excluded(index))
        else:
            yield from self._sampled(self.sample)

    def cover(self) -> Iterator[Point]:
        """Points that between them have the values of every axis, the other axes standing at their first ones."""
        weights = [math.prod(map(len, self.axes[at + 1 :])) for at in range(len(self.axes))]
        for axis, weight in zip(self.axes, weights, strict=True):
            at, rows = self.only.get(axis.keys[0], (0, frozenset()))
            for row in range(len(axis)):
                index = row * weight + min(rows, default=0) * weights[at]
                if not self._is_excluded(index):
                    yield self._point(index, 0)
        if not self.axes:
            yield self._point(0, 0)

    def document(self, point: Point) -> Document:
        """The config at `point`."""
        document, values = self.base, dict(point.values)
        if VARIANT in values:
            values |= self._variants[str(values.pop(VARIANT).plain())]
        for key in sorted(values, key=lambda key: key.count(".")):
            document = with_value(document, key, values[key])
        return document

    def _sampled(self, sample: Sample) -> Iterator[Point]:
        taken, number = 0, 0
        while taken < sample.count:
            before = taken
            for index in order(self.size, sample.seed, number):
                if taken == sample.count:
                    return
                if not self._is_excluded(index):
                    yield self._point(index, taken)
                    taken += 1
            number += 1
            if taken == before or not self.ranges:
                return

    def _rows(self, index: int) -> list[int]:
        """The row on every axis of the point `index`: its digits, the last axis being the units."""
        rows = []
        for axis in reversed(self.axes):
            index, row = divmod(index, len(axis))
            rows.append(row)
        return rows[::-1]

    def _is_excluded(self, index: int) -> bool:
        if not self.excluded and not self.only:
            return False
        rows = self._rows(index)
        idle = {at for at, axis in enumerate(self.axes) if self._is_idle(axis.keys[0], rows)}
        return any(rows[at] for at in idle) or any(
            all(axis not in idle and rows[axis] in some for axis, some in group.items()) for group in self.excluded
        )

    def _is_idle(self, key: str, rows: Sequence[int]) -> bool:
        """Whether the variant of a point has no such parameter."""
        entry = self.only.get(key)
        return entry is not None and rows[entry[0]] not in entry[1]

    def _point(self, index: int, k: int) -> Point:
        values: dict[str, Node] = {}
        rows = self._rows(index)
        for axis, row in zip(self.axes, rows, strict=True):
            if not self._is_idle(axis.keys[0], rows):
                values |= zip(axis.keys, axis.rows[row], strict=True)
        for span in self.ranges:
            assert self.sample is not None
            if not self._is_idle(span.keys[0], rows):
                values[span.keys[0]] = span.value(draw(self.sample.seed, span.keys[0], k))
        return Point(values)


def sweep_key(document: Document) -> str | None:
    """The first key of a sweep that `document` has, None where it is a plain config."""
    return next((key for key in document.data if key in KEYS), None)


def read_grid(
    document: Document, *, typed: Sequence[str] = (), overrides: Sequence[str] = (), seeds: str | None = None
) -> Grid:
    """The sweep in `document`, with axes `typed` as KEY=SPEC, overrides as KEY=VALUE and `seeds` on top.

    ConfigError with every problem of the sweep's own keys; whether values fit the config is not looked at.
    """
    found = document.root.value
    assert isinstance(found, dict)
    parts = {key: found[key] for key in KEYS if key in found} | _typed_sample(overrides)
    overrides = [text for text in overrides if text.partition("=")[0].strip().split(".")[0] not in KEYS]
    rest = replace(document.root, value={key: node for key, node in found.items() if key not in KEYS})
    base = with_overrides(Document(document.source, rest), overrides)
    if "name" not in found:
        base = with_value(base, "name", _named(base, document))
    refuse_repeated(overrides, "-s")
    typed_axes = [read_typed(text) for text in typed]
    _refuse_twice(typed_axes, [])
    axes = _replaced(list(read_axes(parts["grid"])) if "grid" in parts else [], typed_axes)
    _refuse_twice(axes, overrides)
    discrete = tuple(axis for axis in axes if isinstance(axis, Axis))
    ranges = tuple(axis for axis in axes if isinstance(axis, Draw))
    sample = _sample(parts["sample"]) if "sample" in parts else None
    if ranges and sample is None:
        raise ConfigError(
            f"{ranges[0].place}: {ranges[0].kind} is drawn from; say how many points: sample: 50, or -s sample=50"
        )
    _refuse_seed(overrides, seeds, parts.get("seeds"))
    drawn = typed_seeds(seeds) if seeds is not None else read_seeds(parts["seeds"]) if "seeds" in parts else None
    excluded = tuple(_exclusions(parts["exclude"], discrete)) if "exclude" in parts else ()
    numbers, only = [_own_seed(base)] if drawn is None else drawn, dict(_only(discrete, axes))
    grid = Grid(base, discrete, ranges, numbers, excluded, sample, only)
    if sample and grid.size > LARGEST:
        raise ConfigError(f"{parts['sample'].place}: a grid of {grid.size:.1e} points is too large to draw from")
    return grid


def _only(discrete: tuple[Axis, ...], axes: Sequence[Axis | Draw]) -> Iterator[tuple[str, tuple[int, frozenset[int]]]]:
    """What `Grid.only` says: the axes of parameters that some of the variants on another axis have, and others not.

    Where -g leaves of the file's variants none that has it, the file's axis of it counts for no point.
    """
    for key, typed in ((axis.keys[0], axis.typed) for axis in axes if len(axis.keys) == 1):
        parent, _, parameter = key.rpartition(".")
        at = next((at for at, axis in enumerate(discrete) if {parent, f"{parent}.name"} & {*axis.keys}), None)
        if parent not in CHOICES or parameter == "name" or at is None:
            continue
        column = next(at for at, key in enumerate(discrete[at].keys) if key in (parent, f"{parent}.name"))
        values = [row[column].plain() for row in discrete[at].rows]
        some = frozenset(row for row, value in enumerate(values) if CHOICES[parent].has(value, parameter))
        narrowed = discrete[at].typed and not typed and CHOICES[parent].is_parameter(parameter)
        if len(some) < len(values) and (some or narrowed):
            yield key, (at, some)


def _named(base: Document, document: Document) -> Node:
    """The name that -s set, or else the file's stem."""
    name = base.data.get("name")
    return Node(Path(document.source).stem if name is None else name, document.root.place)


def _own_seed(base: Document) -> int:
    seed = base.data.get("seed", 0)
    return seed if isinstance(seed, int) and not isinstance(seed, bool) else 0  # anything else is told by the check


def _refuse_seed(overrides: Sequence[str], seeds: str | None, own: Node | None) -> None:
    """ConfigError for `-s seed=N` where it is said otherwise which seeds there are."""
    text = next((text for text in overrides if text.partition("=")[0].strip() == "seed"), None)
    if text is not None and (seeds is not None or own is not None):
        where = f"--seeds {printable(seeds)}" if seeds is not None else f"seeds, at {own.place if own else ''},"
        number = text.partition("=")[2].strip()
        remedy = f"; write --seeds {number}..{number} for that one" if number.isdigit() and number.isascii() else ""
        raise ConfigError(f"-s {printable(text)}: {where} says which seeds there are{remedy}, or leave one of them out")


def _replaced(axes: list[Axis | Draw], typed: list[Axis | Draw]) -> list[Axis | Draw]:
    """The file's axes, with those of the command line in their place or after them."""
    for axis in typed:
        if axis.keys == (VARIANT,):
            axis = _chosen(axis, axes)
        for other in axes:
            if other.keys != axis.keys and set(other.keys) & set(axis.keys):
                together = ", ".join(other.keys)
                raise ConfigError(f"{axis.place}: {together} vary together; write -g '{together}=[…, …], …'")
        at = next((index for index, other in enumerate(axes) if other.keys == axis.keys), len(axes))
        axes[at : at + 1] = [axis]
    return axes


def _chosen(axis: Axis | Draw, axes: Sequence[Axis | Draw]) -> Axis:
    """The variants that -g names, with their settings in the file."""
    there = next((other.settings for other in axes if isinstance(other, Axis) and other.settings), None)
    if there is None or not isinstance(axis, Axis):
        raise ConfigError(f"{axis.place}: the file has no variants; write them there, as an axis of grid")
    return variants(chosen([row[0] for row in axis.rows], there), axis.place, typed=True)


def _refuse_twice(axes: Sequence[Axis | Draw], overrides: Sequence[str]) -> None:
    first: dict[str, str] = {}
    of_variants = {key for axis in axes if axis.keys == (VARIANT,) for key in axis.sets}
    for axis in axes:
        for key in axis.sets:
            if key in first:
                which = "is set by variants" if key in of_variants else "is an axis"
                raise ConfigError(f"{axis.place}: {printable(key, 80)} {which} already, at {first[key]}")
            first[key] = axis.place
    for text in overrides:
        key = text.partition("=")[0].strip()
        above = next((axis for axis in first if key.startswith(f"{axis}.")), None)
        if key in of_variants or above in of_variants:
            which = "is set" if key in first else f"{printable(str(above), 80)} is set"
            raise ConfigError(f"-s {printable(text)}: {which} by variants, at {first[above or key]}; write it there")
        if key in first or above:
            which = (
                "is an axis of the sweep" if key in first else f"{printable(str(above), 80)} is an axis of the sweep"
            )
            raise ConfigError(f"-s {printable(text)}: {which}; write -g {printable(text)}")


def _typed_sample(overrides: Sequence[str]) -> dict[str, Node]:
    """The sample that -s sets; ConfigError for the other keys of a sweep, which have options of their own."""
    root = Document("-s", Node({}, "-s"))
    for text in overrides:
        key, _, value = text.partition("=")
        first = key.strip().split(".")[0]
        if first == "sample":
            root = with_overrides(root, [text])
        elif first in KEYS:
            below = key.strip().partition(".")[2]
            written = {"seeds": f"--seeds {value}", "grid": f"-g {below or 'KEY'}={value if below else 'SPEC'}"}
            told = f"write {written[first]}" if first in written else f"write {first} in the file"
            raise ConfigError(f"-s {printable(text)}: {first} is no key of a config; {printable(told)}")
    return dict(root.root.value) if isinstance(root.root.value, dict) else {}


def _sample(node: Node) -> Sample:
    tree: Any = node.plain()
    parts = {"count": tree} if isinstance(tree, int) else tree
    if not isinstance(parts, dict) or not {"count"} <= set(parts) <= {"count", "seed"}:
        raise ConfigError(f"{node.place}: sample: expected how many points, or {{count: 50, seed: 1}}")
    count, seed = parts["count"], parts.get("seed", 0)
    if any(type(number) is not int for number in (count, seed)) or not 0 < count <= 10**9 or not 0 <= seed < 2**63:
        raise ConfigError(f"{node.place}: sample: expected whole numbers, count from 1 on and seed from 0 on")
    return Sample(count, seed)


def _exclusions(node: Node, axes: tuple[Axis, ...]) -> Iterator[dict[int, frozenset[int]]]:
    if not isinstance(node.value, list):
        raise ConfigError(f"{node.place}: exclude: expected a list of mappings, found {describe(node.plain())}")
    for entry in node.value:
        if not isinstance(entry.value, dict) or not entry.value:
            raise ConfigError(f"{entry.place}: exclude: expected {{KEY: value, …}}, found {describe(entry.plain())}")
        group: dict[int, frozenset[int]] = {}
        for key, wanted in entry.value.items():
            at, rows = _rows_of(key, wanted, axes, entry.keys[key])
            group[at] = group.get(at, rows) & rows
        yield group


def _rows_of(key: str, wanted: Node, axes: tuple[Axis, ...], place: str) -> tuple[int, frozenset[int]]:
    """The axis that has `key`, and its rows with one of the wanted values; each of them has to be there."""
    at = next((index for index, axis in enumerate(axes) if key in axis.keys), None)
    if at is None:
        known = [key for axis in axes for key in axis.keys]
        raise ConfigError(f"{place}: exclude: '{printable(key)}' is not an axis with values{did_you_mean(key, known)}")
    axis = axes[at]
    there = [spell(row[axis.keys.index(key)].plain()) for row in axis.rows]
    options = [wanted, *(wanted.value if isinstance(wanted.value, list) else [])]
    texts = {spell(node.plain()): node for node in options}
    missing = [node for text, node in texts.items() if text not in there and node is not wanted]
    if not axis.typed and (missing or (texts.keys().isdisjoint(there))):
        node = missing[0] if missing else wanted
        value = spell(node.plain())
        raise ConfigError(f"{node.place}: exclude: {printable(key)} is never {value}{did_you_mean(value, there)}")
    return at, frozenset(row for row, text in enumerate(there) if text in texts)
