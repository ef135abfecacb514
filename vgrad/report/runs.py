"""The runs that a report is about: found by directory, glob or name, read once, with what is damaged told apart."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from vgrad.errors import RunStateError
from vgrad.report.keys import Scalar, flatten
from vgrad.runs import stored
from vgrad.runs.evaluating import kept
from vgrad.runs.places import runs_of
from vgrad.runs.stored import StoredRun, read_run
from vgrad.text.escapes import visible


@dataclass(frozen=True)
class Run:
    """One run as reports see it: `config` is the resolved config as a plain tree; `seconds` is None where the run was
    continued, because only those of the last process are known."""

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

    @cached_property
    def evaluated(self) -> dict[str, float]:
        """`test_accuracy` and its like, of a run that `vgrad evaluate` has looked at."""
        return kept(self.stored)

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
    runs: dict[object, Run] = {}
    problems: list[str] = []
    reader = Reader()
    for path in dict.fromkeys(path for argument in arguments for path in runs_of(argument, runs_dir)):
        try:
            runs.setdefault(_place(path), reader.load(path))
        except RunStateError as error:
            problems.extend(error.problems)
    return list(runs.values()), problems


def without_copies(runs: Sequence[Run]) -> tuple[list[Run], list[str]]:
    """The first run of each hash and seed, which decide its numbers, and a line for each other one, left out."""
    first: dict[tuple[str, int], Run] = {}
    told = []
    for run in runs:
        kept = first.setdefault((run.hash, run.seed), run)
        if kept is not run:
            paths = visible(str(run.path)), visible(str(kept.path))
            told.append(f"{paths[0]}: a copy of {paths[1]} ({run.hash}, seed {run.seed}), left out")
    return list(first.values()), told


def _place(path: Path) -> object:
    """What a directory is known by, however it is named."""
    try:
        found = path.stat()
    except OSError:
        return path
    return found.st_dev, found.st_ino


def configs(runs: Iterable[Run]) -> list[Run]:
    """A run for each config: those after it differ in nothing but the seed."""
    return list({(run.hash, run.config["name"]): run for run in runs}.values())


def known_keys(runs: Iterable[Run]) -> list[str]:
    """The flat config keys that these runs have."""
    return list(dict.fromkeys(key for run in configs(runs) for key in run.flat))


class Reader:
    """Reads run directories; what follows from the config is made once for all runs that differ in the seed alone."""

    def __init__(self) -> None:
        self._reader = stored.Reader()
        self._known: dict[Path, Run] = {}

    def load(self, path: Path) -> Run:
        """The run at `path`; RunStateError when it is not complete or damaged."""
        found, first = self._reader.read_like(path)
        like = self._known.get(first) if first else None
        if like is None:
            self._known[path] = run = _load(found)
            return run
        seed, seconds = found.config.seed, _seconds(found.facts)
        config = {**like.config, "seed": seed}
        run = replace(like, path=path, seed=seed, config=config, summary=found.summary, seconds=seconds)
        vars(run)["flat"] = {**like.flat, "seed": seed}  # what the cached property would say
        return run


def _load(run: StoredRun) -> Run:
    if run.facts is None:
        raise RunStateError(f"{visible(str(run.path))}: {run.status}, not complete; vgrad train continues it")
    return as_run(run)


def as_run(run: StoredRun) -> Run:
    """A run as reports see it, complete or not."""
    config = run.config
    return Run(run.path, run.identity, config.seed, run.status, config.plain(), run.summary, _seconds(run.facts))


def _seconds(facts: Mapping[str, Any] | None) -> float | None:
    facts = facts or {}
    seconds = facts.get("seconds")
    whole = facts.get("continued_after_epoch") is None and isinstance(seconds, int | float)
    return float(seconds) if whole and seconds is not None else None
