"""Which config key is what in a figure: the axis, the colour, the marker or the panel.

What is not asked for is settled by what varies: the first key that is left is the axis, the next the colour, and so on.
Every point is of runs that differ in nothing but the seed.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from vgrad.errors import ConfigError
from vgrad.report.compare import default_values
from vgrad.report.keys import DIGESTS, Scalar, order, resolve, text, varying
from vgrad.report.panels import MOST_KEYS, Options
from vgrad.report.runs import Run, configs, known_keys
from vgrad.report.table import Cell, Table, build
from vgrad.report.values import Value, parse_value
from vgrad.text.escapes import visible
from vgrad.vanishing import Thresholds

MOST_VALUES = 6
"""Rows of panels."""
MOST_MARKERS = 7
FREE = ("x", "color", "marker", "panel")
"""The roles that a key that varies may take, in this order."""
MOST = {"color": MOST_KEYS, "marker": MOST_MARKERS, "panel": 12}


@dataclass(frozen=True)
class Plan:
    """`keys` by role: x, y of a heat map ("down"), color, marker and panel; what each of them is, in order, by role in
    `contents`; `table` has a row for each point, its key in the order of `keys`."""

    keys: dict[str, str]
    contents: dict[str, list[Scalar]]
    table: Table

    @property
    def values(self) -> tuple[Value, ...]:
        """What is drawn, a row of panels each."""
        return self.table.values

    def cell(self, value: Value, **at: Scalar) -> Cell | None:
        """The runs at these contents of roles, None where there are none."""
        return self.table.cell(tuple(at[role] for role in self.keys), (), value)


def plan(runs: Sequence[Run], options: Options) -> Plan:
    """What to draw of these runs. ConfigError for keys and values that they do not have, and for a figure that nobody
    could read: too many lines, or points that would mix configs."""
    keys = _asked(runs, options)
    flats = [run.flat for run in configs(runs)]
    free = [role for role in FREE if role not in keys and not ("down" in keys and role in ("color", "marker"))]
    for key in varying(flats):
        if _settles([*keys.values()], key, runs):
            continue
        if not free:
            told = ", ".join(f"{role} {name}" for role, name in keys.items())
            raise ConfigError(f"{key} varies, too, and is none of {told}: choose one of its values with --where")
        keys[free.pop(0)] = _axis(key)
    keys.setdefault("x", "layers.depth")
    keys = {role: keys[role] for role in ("x", "down", "color", "marker", "panel") if role in keys}
    values = _values(runs, options)
    table = build(runs, values, Thresholds(), [*keys.values()], asked=True)
    contents = {role: _distinct(row[index] for row in table.rows) for index, role in enumerate(keys)}
    for role, most in MOST.items():
        if len(contents.get(role, ())) > most:
            told = f"{len(contents[role])} values of {keys[role]} are more than can be told apart as --{role}, {most}"
            raise ConfigError(f"{told}; choose some with --where, or make it --x")
    return Plan(keys, contents, table)


def _asked(runs: Sequence[Run], options: Options) -> dict[str, str]:
    """The keys that were named, by role."""
    known = known_keys(runs)
    along = [word for word in options.x.split(",") if word]
    if len(along) > 2:
        raise ConfigError(f"--x {visible(options.x)[:60]}: one key, or two for a heat map")
    named = {"x": along[:1], "down": along[1:]}
    named |= {"color": [options.color], "marker": [options.marker], "panel": [options.panel]}
    keys = {role: resolve(word[0], known) for role, word in named.items() if word and word[0]}
    twice = {key for key in keys.values() if list(keys.values()).count(key) > 1}
    if twice:
        raise ConfigError(f"{twice.pop()} cannot be two things in one figure")
    unused = [f"--{role}" for role in ("color", "marker") if "down" in keys and role in keys]
    if unused:
        raise ConfigError(f"{' and '.join(unused)}: a heat map has no lines; leave it out, or name one key for --x")
    return keys


def _axis(key: str) -> str:
    return "layers.depth" if key == "layers" else key


def _settles(keys: Sequence[str], key: str, runs: Sequence[Run]) -> bool:
    """Whether the contents of `keys` decide that of `key` in all these runs; a digest goes with its file."""
    if key in DIGESTS and key.partition(".")[0] in {name.partition(".")[0] for name in keys}:
        return True
    pairs = {(tuple(map(run.flat.get, keys)), run.flat.get(key)) for run in configs(runs)}
    return len(pairs) == len({first for first, _ in pairs})


def _distinct(contents: object) -> list[Scalar]:
    return sorted(dict.fromkeys(contents), key=order)  # type: ignore[call-overload]


def _values(runs: Sequence[Run], options: Options) -> list[Value]:
    """The values that were named; else the outcome, and how much slower the first layer learns than the last."""
    thresholds = Thresholds()
    names = list(options.values) or default_values(runs, thresholds, pivot=True)
    found = [parse_value(name, runs, thresholds) for name in names]
    if not options.values:
        found = [value for value in found if value.kind != "word" and any(value.of(run) is not None for run in runs)]
    words = [value.name for value in found if value.kind == "word"]
    if words:
        raise ConfigError(f"--y {', '.join(words)}: a word has no place on an axis; vgrad report --value counts words")
    if not found:
        raise ConfigError("these runs have no value that could be drawn; name one with --y")
    if len(found) > MOST_VALUES:
        raise ConfigError(f"{len(found)} values are more rows than a figure holds, {MOST_VALUES}")
    return found


def short(key: str) -> str:
    """A key as an axis or a legend names it: `learning rate`, `hidden layers`."""
    spoken = {"layers.depth": "hidden layers", "layers.width": "width of hidden layers", "layers": "layers"}
    return spoken.get(key, key.rpartition(".")[2].replace("_", " "))


def heading(value: Value) -> str:
    """A value as the label of an axis: norms in Nielsen's notation, accuracies in percent."""
    math = _NORM.sub(lambda found: rf"$\Vert\delta^{{{found[1]}}}\Vert$", value.title.replace("$", r"\$"))
    return math + (" %" if value.kind == "accuracy" else "")


_NORM = re.compile(r"‖δ\^(\S+?)‖")


def told(content: Scalar) -> str:
    """A content of a key in a picture: a digest in few characters, no dollar that would begin a formula."""
    return visible(text(content))[:40].replace("$", r"\$")
