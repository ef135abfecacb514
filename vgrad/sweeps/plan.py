"""What a sweep is going to do, before it does anything: its points checked, its runs counted.

Up to `LIMIT` runs, every point is checked and each run has a name that no other has. Above, each value of each axis is
checked once, in the first point that has it, and points are checked when their turn comes: a grid of a million is never
held in memory.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from vgrad.config.check import settled
from vgrad.config.config import Config
from vgrad.errors import ConfigError, VgradError
from vgrad.sweeps.job import Job
from vgrad.sweeps.points.grid import Grid, Point
from vgrad.training.initial import with_digest

LIMIT = 10_000
MOST_PROBLEMS = 20


@dataclass(frozen=True)
class Unfit:
    """A point whose config is wrong; it takes the place of its jobs, and says so when its turn comes."""

    label: str
    problems: tuple[str, ...]

    @property
    def name(self) -> str:
        """What to call it."""
        return self.label

    def is_complete(self) -> bool:
        """Never: raises ConfigError with what is wrong."""
        raise ConfigError(*self.problems)


@dataclass(frozen=True)
class Plan:
    """The runs of `grid` below `runs_dir`; `points` are the checked ones, None where they are checked as they come."""

    grid: Grid
    runs_dir: Path
    base: Path
    points: tuple[tuple[Point, Config], ...] | None

    @cached_property
    def folder(self) -> Path:
        """The directory of the sweep."""
        return self.runs_dir / self.name

    @cached_property
    def name(self) -> str:
        """The sweep's: the `name` of its config."""
        return str(self.grid.base.data["name"])

    @property
    def count(self) -> int:
        """The number of runs; an upper bound when points are not held."""
        return self.grid.most_runs if self.points is None else len(self.points) * len(self.grid.seeds)

    def jobs(self) -> Iterator[Job | Unfit]:
        """Every run, point by point, with all seeds of a point together."""
        for point, config in self._configs():
            if isinstance(config, Unfit):
                yield config
                continue
            for seed in self.grid.seeds:
                yield Job(config.model_copy(update={"seed": seed}), self.folder, self.base, point.cells)

    def _configs(self) -> Iterator[tuple[Point, Config | Unfit]]:
        if self.points is not None:
            yield from self.points
            return
        for point in self.grid.points():
            try:
                yield point, _config(self.grid, point, self.base)
            except VgradError as error:
                yield point, Unfit(point.label, error.problems)


def make_plan(grid: Grid, runs_dir: Path, base: Path, *, limit: int = LIMIT) -> Plan:
    """The plan of `grid`, checked as far as `limit` runs allow; ConfigError with every problem found.

    The same point may come about in two ways; it is done once.
    """
    if grid.most_runs > limit:
        _checked(grid, grid.cover(), base)
        return Plan(grid, runs_dir, base, None)
    points = tuple(_checked(grid, grid.points(), base).values())
    if not points:
        raise ConfigError(f"{grid.base.source}: exclude leaves no point of the grid")
    return Plan(grid, runs_dir, base, points)


def _config(grid: Grid, point: Point, base: Path) -> Config:
    document = grid.document(point)
    return with_digest(settled(document), base)[0]


def _checked(grid: Grid, points: Iterable[Point], base: Path) -> dict[str, tuple[Point, Config]]:
    """Name without seed -> point and config."""
    problems: dict[str, str] = {}
    unknown = set[str]()  # keys, each told with the first of its values
    checked: dict[str, tuple[Point, Config]] = {}
    for point in points:
        try:
            config = _config(grid, point, base)
        except ConfigError as error:
            for problem in error.problems:
                key, is_unknown, _ = problem.partition(": unknown key")
                if not is_unknown or key not in unknown:
                    problems.setdefault(problem, point.label)
                unknown |= {key} if is_unknown else set()
            if len(problems) > MOST_PROBLEMS:
                break
            continue
        first = checked.setdefault(config.identity, (point, config))
        if first[1].plain() != config.plain():
            problems.setdefault(f"{first[0].label} and {point.label} have the same hash; change one a little", "")
    if problems:
        shown = list(problems.items())[:MOST_PROBLEMS]
        lines = [f"{problem} (at {label})" if label and len(grid.keys) > 1 else problem for problem, label in shown]
        raise ConfigError(*lines, *(["and more of them"] if len(problems) > len(shown) else []))
    return checked
