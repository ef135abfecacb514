"""The comparison itself: runs grouped by config keys, a cell for every group and value, differences to a baseline.

Runs that differ in nothing but the seed share a cell. `build` makes it; the formats only write it down.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

from vgrad.errors import ConfigError
from vgrad.report.keys import Scalar, order, resolve, varying
from vgrad.report.runs import Run, configs, known_keys
from vgrad.report.values import Value
from vgrad.statistics import Difference, Estimate, arithmetic, geometric, holm, paired, reached_by
from vgrad.vanishing import Thresholds

Key = tuple[Scalar, ...]
CI, SE, SD = "ci", "se", "sd"
SPREADS = (CI, SE, SD)
"""What stands behind ± and ×÷: half of the 95 % t interval of the mean, its standard error, the standard deviation."""
DIVERGED, ABSENT, INFINITE, ZERO = "diverged", "no value", "infinite", "exactly 0"


@dataclass(frozen=True)
class Cell:
    """What one value is over one group of runs. `lost` counts the runs that are not in it, and why: one that diverged
    before there was a value, one that has none, one whose value is larger than any number, and one that is exactly 0
    where others spread by factors, of which 0 is none. `watched`: of runs that have not reached a bound, the epochs up
    to which they were trained, infinite where they ended by themselves before they were due; None where the value is no
    time to reach one."""

    runs: tuple[Run, ...]
    kind: str
    numbers: Mapping[int, float] = field(default_factory=dict)
    words: Mapping[str, int] = field(default_factory=dict)
    lost: Mapping[str, int] = field(default_factory=dict)
    difference: Difference | None = None
    p: float | None = None
    watched: tuple[float, ...] | None = None

    @cached_property
    def estimate(self) -> Estimate | None:
        """The statistics that this kind of value has; None without numbers, and for a bound that less than half of the
        runs have reached."""
        numbers = list(self.numbers.values())
        if not numbers:
            return None
        if self.watched:
            return reached_by(numbers, self.watched)
        return geometric(numbers) if self.multiplicative else arithmetic(numbers)

    @property
    def rank(self) -> float | str | None:
        """What rows are sorted by: the number or the word that the cell shows first."""
        if self.estimate:
            return self.estimate.median if self.kind == "count" else self.estimate.center
        return next(iter(self.words), None)

    @property
    def multiplicative(self) -> bool:
        """Whether these numbers spread by factors."""
        return self.kind == "factor" and min(self.numbers.values(), default=0) > 0


@dataclass(frozen=True)
class Table:
    """Cells by row, column and value. `constant` are the keys that all runs share; `baseline` the row compared with."""

    runs: tuple[Run, ...]
    row_keys: tuple[str, ...]
    column_keys: tuple[str, ...]
    rows: tuple[Key, ...]
    columns: tuple[Key, ...]
    values: tuple[Value, ...]
    cells: Mapping[tuple[Key, Key, str], Cell]
    constant: Mapping[str, Scalar]
    thresholds: Thresholds
    baseline: str = ""
    spread: str = CI

    def cell(self, row: Key, column: Key, value: Value) -> Cell | None:
        """The cell, or None where no run is."""
        return self.cells.get((row, column, value.name))

    @property
    def repeated(self) -> bool:
        """Whether any cell holds more than one run."""
        return any(len(cell.runs) > 1 for cell in self.cells.values())


def build(
    runs: Sequence[Run],
    values: Sequence[Value],
    thresholds: Thresholds,
    rows: Sequence[str] = (),
    columns: Sequence[str] = (),
    *,
    asked: bool = False,
) -> Table:
    """The table over these runs; without keys for `rows`, they are what varies and is no column.

    A value that no run has is left out, unless it was `asked` for.
    """
    flats, known = [run.flat for run in configs(runs)], known_keys(runs)
    row_keys = tuple(resolve(key, known) for key in rows)
    column_keys = tuple(resolve(key, known) for key in columns)
    if set(row_keys) & set(column_keys):
        raise ConfigError(f"{', '.join(set(row_keys) & set(column_keys))} cannot be both rows and columns")
    if not row_keys:
        row_keys = tuple(key for key in varying(flats) if not _settled(key, column_keys)) or ("layers",)
    groups: dict[tuple[Key, Key], list[Run]] = {}
    for run in runs:
        at = tuple(run.flat.get(key) for key in row_keys), tuple(run.flat.get(key) for key in column_keys)
        groups.setdefault(at, []).append(run)
    for group in groups.values():
        group.sort(key=lambda run: (run.seed, run.hash))
    cells = {
        (row, column, value.name): fill(group, value) for (row, column), group in groups.items() for value in values
    }
    depth = {run.flat["layers"]: (run.hidden, *run.config["layers"]) for run in configs(runs)}
    return Table(
        tuple(runs),
        row_keys,
        column_keys,
        _sorted({row for row, _ in groups}, row_keys, depth),
        _sorted({column for _, column in groups}, column_keys, depth),
        tuple(value for value in values if asked or any(_has(cells[(*at, value.name)]) for at in groups)),
        cells,
        {
            key: flats[0].get(key)
            for key in known
            if key not in ("name", "seed") and len({flat.get(key) for flat in flats}) == 1
        },
        thresholds,
    )


def _settled(key: str, columns: Sequence[str]) -> bool:
    """Whether `key` needs no row because a column says it: itself, or layers by their depth."""
    return key in columns or (key == "layers" and any(column.startswith("layers.") for column in columns))


def _has(cell: Cell) -> bool:
    return bool(cell.numbers or cell.words)


def _sorted(keys: set[Key], names: Sequence[str], depth: Mapping[Scalar, tuple[int, ...]]) -> tuple[Key, ...]:
    """In natural order; layers from shallow to deep."""

    def rank(key: Key) -> list[tuple[tuple[int, ...], tuple[int, float, str]]]:
        return [
            (depth.get(part, ()) if name == "layers" else (), order(part))
            for name, part in zip(names, key, strict=True)
        ]

    return tuple(sorted(keys, key=rank))


def fill(runs: Sequence[Run], value: Value) -> Cell:
    """The cell of one value over these runs, which are in the order of their seeds."""
    numbers: dict[int, float] = {}
    words: Counter[str] = Counter()
    lost: Counter[str] = Counter()
    for index, run in enumerate(runs):
        content = None if value.late and run.status == DIVERGED else value.of(run)
        if content is None:
            lost[DIVERGED if run.status == DIVERGED else ABSENT] += 1
        elif isinstance(content, str):
            words[content] += 1
        elif not math.isfinite(content):
            lost[INFINITE] += 1
        else:
            numbers[index] = float(content)
    if value.kind == "factor" and any(numbers.values()) and not all(numbers.values()):
        lost[ZERO] = sum(number == 0 for number in numbers.values())
        numbers = {index: number for index, number in numbers.items() if number}
    watched = None
    if value.name.startswith("epochs_to("):
        watched = tuple(_watched(run) for at, run in enumerate(runs) if at not in numbers)
    return Cell(tuple(runs), value.kind, numbers, dict(words.most_common()), dict(lost), watched=watched)


def _watched(run: Run) -> float:
    """The epoch up to which a run was seen not to reach a bound; one that diverged or stopped early never would."""
    done: int = run.summary["epochs"] or 0
    return done if done == run.config["epochs"] and run.status != DIVERGED else math.inf


def against(table: Table, baseline: str, chosen: Mapping[str, Scalar]) -> Table:
    """The table with differences to the cells whose keys are those of `chosen`, paired by seed, p adjusted by Holm."""
    keys = (*table.row_keys, *table.column_keys)
    cells, ps = dict(table.cells), dict[tuple[Key, Key, str, int], float]()
    tests: dict[tuple[Key, Key, str], tuple[Key, Key, str, int]] = {}
    for (row, column, name), cell in table.cells.items():
        there = [chosen.get(key, part) for key, part in zip(keys, (*row, *column), strict=True)]
        base = table.cells.get((tuple(there[: len(row)]), tuple(there[len(row) :]), name))
        if base is None or base is cell:
            continue
        difference = _difference(cell, base)
        cells[row, column, name] = replace(cell, difference=difference)
        if difference and difference.p is not None:
            test = (row, column, _hypothesis(name, cell, base), difference.n)
            tests[row, column, name] = test
            ps.setdefault(test, difference.p)
    adjusted = dict(zip(ps, holm(list(ps.values())), strict=True))
    for at, test in tests.items():
        cells[at] = replace(cells[at], p=adjusted[test])
    return replace(table, cells=cells, baseline=baseline)


def _hypothesis(name: str, cell: Cell, base: Cell) -> str:
    """What a value is about: decay rate and decay factor of one moment are functions of one another, and in networks of
    one depth so is last/first."""
    one_depth = len({run.hidden for run in (*cell.runs, *base.runs)}) == 1
    for head in ("decay_rate", "decay_factor", *(["last_first_ratio"] if one_depth else [])):
        if name.startswith(head):
            return f"decay{name.removeprefix(head)}"
    return name


def _difference(cell: Cell, base: Cell) -> Difference | None:
    """Paired by seed where both have one run a seed; None without common seeds, where a bound was not reached (the
    runs that did reach it are no fair sample), and where one has norms and the other zeros, of which there is no
    quotient."""
    quotient = cell.multiplicative and base.multiplicative
    if cell.watched or base.watched or (cell.kind == "factor" and not quotient):
        return None
    mine, other = ({each.runs[index].seed: number for index, number in each.numbers.items()} for each in (cell, base))
    if len(mine) != len(cell.numbers) or len(other) != len(base.numbers):
        return None  # two runs of one seed in a cell: nothing says which belong together
    seeds = [seed for seed in mine if seed in other]
    if not seeds:
        return None
    return paired([mine[seed] for seed in seeds], [other[seed] for seed in seeds], quotient=quotient)
