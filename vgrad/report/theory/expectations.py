"""What theory expects of the runs of a report: looked up once for all seeds of a config."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING

from vgrad.report.runs import Run

if TYPE_CHECKING:  # theory is imported where it is asked: reports without it start sooner
    from vgrad.theory.propagation.expected import Expected

CONFIGS = 4096


@dataclass(frozen=True)
class _Config:
    """A run, known by its hash: theory expects the same of all seeds."""

    hash: str
    run: Run = field(compare=False)


def expectation(run: Run) -> Expected | str:
    """What theory expects of a run before training, or a clause that says why it says nothing."""
    return _found(_Config(run.hash, run))


@lru_cache(maxsize=CONFIGS)
def _found(known: _Config) -> Expected | str:
    from vgrad.theory.propagation.expected import of_run

    return of_run(known.run.stored)


def anew() -> None:
    """Ask again: data that were not there for one report may be there for the next. Predictions are kept."""
    _found.cache_clear()


def silent(runs: Iterable[Run]) -> dict[str, list[Run]]:
    """The clauses that say why theory says nothing, each with the runs that it is about."""
    found: dict[str, list[Run]] = {}
    for run in runs:
        told = expectation(run)
        if isinstance(told, str):
            found.setdefault(told, []).append(run)
    return found
