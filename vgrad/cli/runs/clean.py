"""`vgrad clean`: room on the disk, from checkpoints and from runs that are no longer wanted."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vgrad.cli import completion
from vgrad.cli.options import Json, RunsDir
from vgrad.cli.selection import Tags, Where, select
from vgrad.errors import ConfigError, StorageError, SweepError
from vgrad.storage.json import strict
from vgrad.text.escapes import printable, shown

if TYPE_CHECKING:
    from vgrad.runs.cleaning import Removal


def clean(
    runs: Annotated[
        list[str],
        typer.Argument(
            metavar="RUNS…", autocompletion=completion.runs, help="Run directories, folders of them, names."
        ),
    ],
    checkpoints: Annotated[bool, typer.Option("--checkpoints", help="Remove checkpoint.npz of finished runs.")] = False,
    whole: Annotated[bool, typer.Option("--runs", help="Remove the runs, with all that vgrad has written.")] = False,
    where: Where = "",
    tags: Tags = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do it; without it, what would go is only shown.")] = False,
    runs_dir: RunsDir = Path("runs"),
    as_json: Json = False,
) -> None:
    """Remove checkpoints or whole runs; without --yes, show what would go.

    A finished run without its checkpoint stays whole for every command; but more epochs cannot go on from it, and
    verify compares its files with their digests alone. Runs that are being trained, damaged ones and files that vgrad
    has not written are never touched.
    """
    from vgrad.cli.screen.streams import answer
    from vgrad.runs.cleaning import of_checkpoint, of_run, remove_checkpoint, remove_run
    from vgrad.runs.places import runs_of

    if checkpoints == whole:
        told = "leave one of them out" if whole else "write one of them"
        raise ConfigError(f"--checkpoints, --runs: what is to go? {told}")
    paths = list(dict.fromkeys(path for wanted in runs for path in runs_of(wanted, runs_dir)))
    found = select(paths, where, tags or ())
    every = [of_run(run.path) if whole else of_checkpoint(run) for run in found.runs]
    due = [removal for removal in every if removal is not None]
    problems = list[str]()
    if yes:
        due = _carry_out(due, remove_run if whole else remove_checkpoint, problems)
    going = [removal for removal in due if not removal.kept]
    if as_json:
        entries = [_entry(removal) for removal in due]
        answer(strict({"removed": yes, "bytes": sum(removal.size for removal in going), "runs": entries}))
    else:
        answer("\n".join([*map(_line, due), _total(going, "runs" if whole else "checkpoints", yes)]))
    if problems:
        raise StorageError(*problems)
    if found.damaged:
        raise SweepError(*found.problems, "what is damaged was left alone")


def _carry_out(due: list[Removal], remove: Callable[[Removal], str], problems: list[str]) -> list[Removal]:
    """What has become of each; what the disk refuses is added to `problems`."""
    from dataclasses import replace

    done = []
    for removal in due:
        kept = removal.kept
        try:
            kept = kept or remove(removal)
        except StorageError as error:
            problems += error.problems
            kept = "could not be removed"
        done.append(replace(removal, kept=kept))
    return done


def _entry(removal: Removal) -> dict[str, object]:
    names = [str(file.relative_to(removal.run)) for file in removal.files]
    plain = {"run": str(removal.run), "bytes": removal.size, "files": names, "foreign": list(removal.foreign)}
    return {**plain, "kept": removal.kept or None}


def _line(removal: Removal) -> str:
    from vgrad.text.plain import size

    if removal.kept:
        return f"{shown(removal.run)}: kept: {removal.kept}"
    stays = f"; stays: {printable(', '.join(removal.foreign), 200)}" if removal.foreign else ""
    return f"{shown(removal.run)}: {size(removal.size)}{stays}"


def _total(going: list[Removal], what: str, yes: bool) -> str:
    from vgrad.text.plain import size

    if not going:
        return f"no {what} to remove"
    told = f"{len(going):,} {what if len(going) > 1 else what[:-1]}, {size(sum(removal.size for removal in going))}"
    return f"{told}: removed" if yes else f"{told} would be removed; --yes does it"
