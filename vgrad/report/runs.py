"""The runs that a report is about: found by directory, glob or name, read once, with what is damaged told apart."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from vgrad.errors import RunStateError
from vgrad.report.keys import Scalar, flatten
from vgrad.runs.evaluating import kept
from vgrad.runs.folder import CONFIG, RUN, SUMMARY, around_seed
from vgrad.runs.places import runs_of
from vgrad.runs.stored import StoredRun, check_like, read_run
from vgrad.storage.json import parsed
from vgrad.storage.reading import read_bounded
from vgrad.text.escapes import visible

MOST_BYTES = 2**20


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
    """Reads run directories; runs that differ in nothing but the seed have their config checked once.

    That is most of the work. Everything else of such a run is held against that config, and whatever is not as it
    should be is read by `read_run`, which says what is wrong with it.
    """

    def __init__(self) -> None:
        self._known: dict[tuple[bytes, bytes], tuple[Run, StoredRun]] = {}

    def load(self, path: Path) -> Run:
        """The run at `path`; RunStateError when it is not complete or damaged."""
        key, seed = _text(f"{path}/{CONFIG}")
        like = self._known.get(key) if key else None
        run = _alike(path, *like, seed) if like else None
        if run is None:
            stored = read_run(path)
            run = _load(stored)
            if key and run.status == "complete":
                self._known[key] = run, stored
        return run


def _text(file: str) -> tuple[tuple[bytes, bytes] | None, int]:
    """The text of a config around its seed, and the seed; (None, 0) of one that cannot be read."""
    try:
        return around_seed(read_bounded(file, MOST_BYTES))
    except OSError:
        return None, 0


def _alike(path: Path, like: Run, stored: StoredRun, seed: int) -> Run | None:
    """The complete run at `path`, whose config is that of `like` but for the seed; None unless all of it fits."""
    try:
        facts, summary = (parsed(read_bounded(f"{path}/{name}", MOST_BYTES)) for name in (RUN, SUMMARY))
        files = check_like(stored, seed, path, facts, summary)
        present = set(os.listdir(path))  # noqa: PTH208
    except (OSError, ValueError, RecursionError, RunStateError):
        return None
    if facts["status"] != "complete" or not present.issuperset(files):
        return None
    config = {**like.config, "seed": seed}
    found = replace(like, path=path, seed=seed, summary=summary, config=config, seconds=_seconds(facts))
    vars(found)["flat"] = {**like.flat, "seed": seed}  # what the cached property would say
    return found


def _load(stored: StoredRun) -> Run:
    if stored.facts is None:
        raise RunStateError(f"{visible(str(stored.path))}: {stored.status}, not complete; vgrad train continues it")
    return as_run(stored)


def as_run(stored: StoredRun) -> Run:
    """A run as reports see it, complete or not."""
    return Run(
        stored.path,
        stored.config.identity,
        stored.config.seed,
        stored.status,
        stored.config.plain(),
        stored.summary,
        _seconds(stored.facts or {}),
    )


def _seconds(facts: Mapping[str, Any]) -> float | None:
    seconds = facts.get("seconds")
    whole = facts.get("continued_after_epoch") is None and isinstance(seconds, int | float)
    return float(seconds) if whole and seconds is not None else None
