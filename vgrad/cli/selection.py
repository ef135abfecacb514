"""Which runs `ls` and `clean` are about: `--where` conditions over keys and values, and tags; the same for both."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vgrad.errors import ConfigError, RunStateError
from vgrad.text.escapes import printable, shown

if TYPE_CHECKING:
    from vgrad.runs.stored import StoredRun

Where = Annotated[
    str, typer.Option("--where", metavar="CONDITIONS", help='Only these runs: "activation=relu|tanh,epochs>=3".')
]
Tags = Annotated[list[str] | None, typer.Option("-t", "--tag", metavar="NAME", help="Only runs with this tag.")]


@dataclass(frozen=True)
class Found:
    """The runs that were asked for, and a line for each directory that is damaged, by its path."""

    runs: list[StoredRun]
    damaged: dict[Path, list[str]]

    @property
    def problems(self) -> list[str]:
        """All those lines."""
        return [line for lines in self.damaged.values() for line in lines]


def select(paths: Sequence[Path], where: str = "", tags: Sequence[str] = (), sort: str = "") -> Found:
    """The runs at `paths` with all of `tags` for which every condition of `where` holds, in the order of a key or a
    value. ConfigError, with what there is, when none is left, and for a key or value that none of them has."""
    from vgrad.report.runs import as_run
    from vgrad.report.select import in_order, parse_conditions
    from vgrad.report.select import where as holding
    from vgrad.runs.stored import Reader
    from vgrad.vanishing import USUAL

    parse_conditions(where)
    found, reader = Found([], {}), Reader()
    for path in paths:
        try:
            found.runs.append(reader.read(path))
        except RunStateError as error:
            found.damaged[path] = list(error.problems)
    if not found.runs or not (where or tags or sort):
        return found
    runs = [as_run(stored) for stored in _tagged(found.runs, tags)]
    by_path = {stored.path: stored for stored in found.runs}
    runs = holding(runs, where, USUAL) if where else runs
    runs = in_order(runs, sort, USUAL) if sort else runs
    return Found([by_path[run.path] for run in runs], found.damaged)


def _tagged(runs: Sequence[StoredRun], tags: Sequence[str]) -> list[StoredRun]:
    """Those with all of the tags; ConfigError, with the tags that there are, when there is none."""
    from vgrad.runs.tags import check_tag, tags_of

    due = {check_tag(tag) for tag in tags}
    if not due:
        return list(runs)
    each = {run.path: set(tags_of(run.path)) for run in runs}
    left = [run for run in runs if due <= each[run.path]]
    if not left:
        there = ", ".join(sorted(set().union(*each.values()))) or "none; vgrad tag RUN -t NAME sets one"
        raise ConfigError(f"-t {shown(' -t '.join(tags))}: no run is so; the tags there are: {printable(there, 300)}")
    return left
