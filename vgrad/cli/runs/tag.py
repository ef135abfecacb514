"""`vgrad tag`: names and notes for runs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from vgrad.cli import completion
from vgrad.cli.options import RunsDir
from vgrad.errors import ConfigError


def tag(
    runs: Annotated[
        list[str],
        typer.Argument(
            metavar="RUNS…", autocompletion=completion.runs, help="Run directories, folders of them, names."
        ),
    ],
    tags: Annotated[list[str], typer.Option("-t", "--tag", metavar="NAME", help="The tag; more than once: several.")],
    note: Annotated[str | None, typer.Option("--note", metavar="TEXT", help="What there is to say of it.")] = None,
    remove: Annotated[bool, typer.Option("--remove", help="Take the tags away again.")] = False,
    runs_dir: RunsDir = Path("runs"),
) -> None:
    """Tag runs, with a note; vgrad ls -t NAME lists them, vgrad show has the notes.

    A tag is a file of the run directory, NAME.tag, with the note in it. It changes neither the hash of a run nor what
    verify looks at.
    """
    from vgrad.cli.screen.streams import answer
    from vgrad.runs.places import runs_of
    from vgrad.runs.tags import check_note, check_tag, remove_tag, set_tag

    if remove and note is not None:
        raise ConfigError("--note: --remove makes no use of it; leave one of them out")
    names, kept = [check_tag(name) for name in tags], None if note is None else check_note(note)
    paths = dict.fromkeys(path for wanted in runs for path in runs_of(wanted, runs_dir))
    done = False
    for path in paths:
        changed = [name for name in names if not remove or remove_tag(path, name)]
        for name in () if remove else names:
            set_tag(path, name, kept)
        done = done or bool(changed)
        if changed:
            answer(f"{path}: {'no longer ' if remove else ''}{', '.join(changed)}")
    if not done:
        raise ConfigError(f"-t {' -t '.join(names)}: none of these runs has it; vgrad ls lists tags")
