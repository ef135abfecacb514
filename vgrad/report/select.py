"""Which runs and rows: `--where "activation=relu,depth>=3"`, `--sort -validation_accuracy`, `--top 5`.

A condition is NAME OP TEXT, with OP one of = != < <= > >=; a comma means and; `relu|tanh` are alternatives; NAME is a
config key or a value. It is parsed here, and compared, never evaluated as code.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from vgrad.errors import ConfigError
from vgrad.report.absent import contents
from vgrad.report.keys import Scalar, order, resolve, text
from vgrad.report.runs import Run, known_keys
from vgrad.report.table import Cell, Key, Table, against
from vgrad.report.values import parse_value
from vgrad.text.characters import hint
from vgrad.text.escapes import visible
from vgrad.vanishing import Thresholds

_CONDITION = re.compile(
    r"\s*(?P<name>[a-z][\w.]*(?:/predicted)?(?:\([^()]*\))?(?:\[[^\[\]]*\])?(?:[.@]\w+)?)\s*(?P<sign>>=|<=|!=|==|=|<|>)\s*"
    r'(?P<right>"[^"]*"|\[[^\[\]]*\]|[^,"\[\]]*?)\s*(?:,|$)'
)
_SIGNS: dict[str, Callable[[float, float], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


@dataclass(frozen=True)
class Condition:
    """`name` `sign` one of `rights`."""

    name: str
    sign: str
    rights: tuple[str, ...]

    @property
    def told(self) -> str:
        """As it was written, about."""
        return visible(f"{self.name}{self.sign}{'|'.join(self.rights)}")[:60]

    def holds(self, content: Scalar, sizes: Sequence[int]) -> bool:
        """Whether it holds for this content of a run whose layers are `sizes`."""
        if self.sign in _SIGNS:
            if not isinstance(content, int | float) or isinstance(content, bool):
                return False
            return _SIGNS[self.sign](content, float(self.rights[0]))
        return any(_equal(content, right, sizes) for right in self.rights) == (self.sign == "=")


def _equal(content: Scalar, right: str, sizes: Sequence[int]) -> bool:
    if right.startswith("["):  # layers, as a config writes them
        return re.findall(r"[0-9]+", right) == [str(size) for size in sizes]
    if isinstance(content, int | float) and not isinstance(content, bool):
        try:
            return float(content) == float(right)
        except ValueError:
            return False
    return right == ("null" if content is None else text(content)) or right == content


def parse_conditions(source: str, option: str = "--where") -> list[Condition]:
    """The conditions in `source`. ConfigError that points at the first one that is none."""
    found, at = [], 0
    while at < len(source):
        match = _CONDITION.match(source, at)
        if match is None:
            rest = source[at : at + 40]
            raise ConfigError(
                f"{option}: cannot read {visible(rest)!r}; write KEY=VALUE or KEY>=NUMBER, with commas{hint(rest)}"
            )
        sign, right = match["sign"].replace("==", "="), match["right"]
        bare = not right.startswith(('"', "["))
        rights = tuple(part.strip() for part in right.split("|")) if bare else (right.strip('"'),)
        if sign in _SIGNS and not _is_number(right):
            raise ConfigError(
                f"{option}: {match['name']} {sign} needs a number, found {visible(right)[:40]!r}{hint(right)}"
            )
        found.append(Condition(match["name"], sign, rights))
        at = match.end()
    return found


def _is_number(word: str) -> bool:
    try:
        return float(word) == float(word)
    except ValueError:
        return False


def where(runs: Sequence[Run], source: str, thresholds: Thresholds, option: str = "--where") -> list[Run]:
    """The runs for which every condition holds; ConfigError, with what there is, when none is left."""
    left = list(runs)
    known = known_keys(runs) if source else []
    for condition in parse_conditions(source, option):
        content = _content(condition.name, runs, known, thresholds)
        chosen = [run for run in left if condition.holds(content(run), run.config["layers"])]
        if left and not chosen:
            among = "" if len(left) == len(runs) else f" of the {len(left)} that the conditions before it leave"
            told = f"no run{among} is so; {condition.name} is {_there(left, content)}{hint('|'.join(condition.rights))}"
            raise ConfigError(f"{option} {condition.told}: {told}")
        left = chosen
    return left


def _there(runs: Sequence[Run], content: Callable[[Run], Scalar]) -> str:
    return contents(content(run) for run in runs)


def _content(name: str, runs: Sequence[Run], known: Sequence[str], thresholds: Thresholds) -> Callable[[Run], Scalar]:
    """What `name` is of a run: a config key, or else a value."""
    try:
        key = resolve(name, known)
    except ConfigError as unknown:
        try:
            return parse_value(name, runs, thresholds).of
        except ConfigError:
            raise unknown from None
    return lambda run: run.flat.get(key)


def in_order(runs: Sequence[Run], sort: str, thresholds: Thresholds) -> list[Run]:
    """The runs in the order of a key or value, descending with a minus before it; those that have none come last."""
    content = _content(sort.removeprefix("-"), runs, known_keys(runs), thresholds)
    ranked = [(order(content(run)), run) for run in runs]
    ranked.sort(key=lambda pair: pair[0], reverse=sort.startswith("-"))
    ranked.sort(key=lambda pair: pair[0][0] == 2)
    return [run for _, run in ranked]


def compare_with(table: Table, baseline: str) -> Table:
    """The table with differences to the rows, or columns, whose runs meet the condition `baseline`."""
    chosen = {id(run) for run in where(table.runs, baseline, table.thresholds, "--baseline")}
    places: dict[str, Scalar] = {}
    for key in (*table.row_keys, *table.column_keys):
        inside = {run.flat.get(key) for run in table.runs if id(run) in chosen}
        outside = {run.flat.get(key) for run in table.runs if id(run) not in chosen}
        if len(inside) == 1 and outside - inside:
            places[key] = inside.pop()
    if not places:
        raise ConfigError(f"--baseline {visible(baseline)[:60]}: that is no row or column of this table")
    compared = against(table, baseline, places)
    if not any(cell.difference for cell in compared.cells.values()):
        told = "no value of this table is a number there and elsewhere, from one run a seed, with seeds in common"
        raise ConfigError(f"--baseline {visible(baseline)[:60]}: there is no difference to it: {told}")
    return compared


def arrange(table: Table, sort: str | None, top: int | None) -> Table:
    """The rows in the order of a key or value, descending with a minus before it, and the first `top` of them."""
    rows = list(table.rows)
    if sort:
        name = sort.removeprefix("-")
        rows = sorted(rows, key=_rank(table, name), reverse=sort.startswith("-"))
        rows.sort(key=lambda row: _rank(table, name)(row)[0] == 2)  # what has no value comes last, either way
    rows = rows[:top] if top else rows
    place = {row: index for index, row in enumerate(rows)}
    left = [(at, cell) for at, cell in table.cells.items() if at[0] in place]
    cells = dict(sorted(left, key=lambda item: place[item[0][0]]) if sort else left)
    runs = {id(run) for cell in cells.values() for run in cell.runs}
    return replace(table, rows=tuple(rows), cells=cells, runs=tuple(run for run in table.runs if id(run) in runs))


def _rank(table: Table, name: str) -> Callable[[Key], tuple[int, float, str]]:
    try:
        index = table.row_keys.index(resolve(name, table.row_keys))
        return lambda row: order(row[index])
    except ConfigError as unknown:
        named = [value for value in table.values if value.name == name or value.name.split(".")[0] == name]
        if not named:
            shown = ", ".join((*table.row_keys, *(value.name for value in table.values)))
            raise ConfigError(f"--sort {visible(name)[:60]}: not in the table, which has {shown}") from unknown
    return lambda row: _best(table.cell(row, table.columns[0], named[0]))


def _best(cell: Cell | None) -> tuple[int, float, str]:
    rank = cell.rank if cell else None
    if rank is None:
        return 2, 0.0, ""
    return (1, 0.0, rank) if isinstance(rank, str) else (0, rank, "")
