"""`vgrad verify`: are run directories whole?"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from vgrad.cli.commands.show import find
from vgrad.cli.options import Json, RunsDir
from vgrad.cli.screen.streams import answer
from vgrad.errors import ConfigError, RunStateError, StorageError, Unreadable


def verify(
    runs: Annotated[list[str], typer.Argument(metavar="RUNS...", help="Run directories, folders of them, names.")],
    runs_dir: RunsDir = Path("runs"),
    as_json: Json = False,
) -> None:
    """Check every file of run directories against its digest and the saved history.

    Names the first wrong file of each directory; exits 4 when there is one, and 6 when all that is wrong is that some
    cannot be read.
    """
    from vgrad.runs.integrity import verify as look_at

    answers: list[dict[str, object]] = []
    problems, unread = list[str](), 0
    paths: dict[Path, None] = {}
    for wanted in runs:
        try:
            paths |= dict.fromkeys(_meant(wanted, runs_dir))
        except ConfigError as error:
            problems += error.problems
            answers.append({"run": wanted, "whole": False, "problem": error.problems[0]})
    for path in paths:
        try:
            found = look_at(path)
        except (RunStateError, StorageError) as error:
            problems += error.problems
            unread += isinstance(error, Unreadable)
            answers.append({"run": str(path), "whole": False, "problem": error.problems[0]})
            continue
        answers.append({"run": str(path), "whole": True, "status": found.status, "epoch": found.epoch})
        if not as_json:
            answer(f"{path}: whole; {found.status}, epoch {found.epoch}, {found.files} files")
    if as_json:
        answer(json.dumps(answers, indent=2))
    if problems:
        raise (Unreadable if unread == len(problems) else RunStateError)(*problems)


def _meant(wanted: str, runs_dir: Path) -> list[Path]:
    """The run directories that an argument names: a run, a folder of runs, or a name in `runs_dir`."""
    from vgrad.runs.stored import find_runs
    from vgrad.storage.reading import is_there, may_be_folder
    from vgrad.text.escapes import printable

    path, shown = Path(wanted), printable(wanted, 200)
    if wanted and not may_be_folder(path) and not is_there(path):
        if may_be_folder(runs_dir / path):
            path = runs_dir / path
        elif len(path.parts) == 1 and may_be_folder(runs_dir):
            return [find(wanted, runs_dir)]
        else:
            raise ConfigError(f"{shown}: no such run directory; vgrad ls lists them")
    if not wanted or not may_be_folder(path):
        raise ConfigError(f"{shown}: {'is a file' if wanted else 'an empty name'}; name a run directory")
    found = find_runs(path)
    if not found:
        raise ConfigError(f"{shown}: no runs there; vgrad ls lists them")
    return found
