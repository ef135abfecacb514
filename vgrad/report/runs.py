"""The runs that a report is about: found by directory, glob or name, read once, with what is damaged told apart."""

from __future__ import annotations

import glob
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from vgrad.errors import ConfigError, RunStateError
from vgrad.lab.reading import StoredRun, find_runs, read_run
from vgrad.report.inert import visible
from vgrad.report.keys import Scalar, flatten


@dataclass(frozen=True)
class Run:
    """One run as reports see it: `config` is the resolved config as a plain tree."""

    path: Path
    hash: str
    seed: int
    status: str
    config: dict[str, Any]
    summary: dict[str, Any]
    seconds: float | None

    @cached_property
    def flat(self) -> dict[str, Scalar]:
        """The config as flat keys."""
        return flatten(self.config)

    @cached_property
    def stored(self) -> StoredRun:
        """The run directory itself, for its curves."""
        return read_run(self.path)

    @property
    def label(self) -> str:
        """`<name>-<hash>-s<seed>`, whatever the directory is called by now."""
        return f"{self.config['name']}-{self.hash}-s{self.seed}"

    @property
    def hidden(self) -> int:
        """The number of hidden layers."""
        return len(self.config["layers"]) - 2


def collect(arguments: Sequence[str], runs_dir: Path) -> tuple[list[Run], list[str]]:
    """The whole runs that `arguments` name, each once, and a line for each one that cannot be read.

    ConfigError for an argument that names nothing.
    """
    runs: dict[Path, Run] = {}
    problems: list[str] = []
    for path in _folders(arguments, runs_dir):
        try:
            runs.setdefault(path.resolve(), load(path))
        except RunStateError as error:
            problems.extend(error.problems)
    return list(runs.values()), problems


def load(path: Path) -> Run:
    """The run at `path`; RunStateError when it is not complete or damaged."""
    stored = read_run(path)
    if stored.facts is None:
        raise RunStateError(f"{visible(str(path))}: {stored.status}, not complete; vgrad train continues it")
    seconds = stored.facts.get("seconds")
    return Run(
        path,
        stored.config.identity,
        stored.config.seed,
        stored.status,
        stored.config.plain(),
        stored.summary,
        float(seconds) if isinstance(seconds, int | float) else None,
    )


def _folders(arguments: Iterable[str], runs_dir: Path) -> list[Path]:
    found: dict[Path, None] = {}
    for argument in arguments:
        here = [path for place in _places(argument, runs_dir) for path in find_runs(place)]
        if not here:
            raise ConfigError(
                f"{visible(argument)[:200]}: no runs there; name run directories, a folder of them, or a sweep"
            )
        found |= dict.fromkeys(here)
    return list(found)


def _places(argument: str, runs_dir: Path) -> list[Path]:
    """What an argument may mean: a directory, a glob, or the name of a run or sweep in `runs_dir`."""
    try:
        if Path(argument).is_dir():
            return [Path(argument)]
        matches = sorted(glob.glob(argument)) or sorted(glob.glob(str(runs_dir / argument)))  # noqa: PTH207
        return [path for path in map(Path, matches) if path.is_dir()]
    except (OSError, ValueError):  # a name no file can have
        return []
