"""`vgrad verify`: are run directories whole?"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from vgrad.cli import completion
from vgrad.cli.options import Json, RunsDir
from vgrad.cli.screen.streams import answer
from vgrad.errors import ConfigError, RunStateError, StorageError, Unreadable
from vgrad.storage.json import strict

CANNOT = "not compared with its history, and more epochs begin at epoch 0"


def verify(
    runs: Annotated[
        list[str],
        typer.Argument(
            metavar="RUNS…", autocompletion=completion.runs, help="Run directories, folders of them, names."
        ),
    ],
    runs_dir: RunsDir = Path("runs"),
    as_json: Json = False,
) -> None:
    """Check every file of run directories against its digest and the saved history.

    Names the first wrong file of each directory; exits 4 when there is one, and 6 when all that is wrong is that some
    cannot be read.
    """
    from vgrad.runs.integrity import verify as look_at
    from vgrad.runs.places import runs_of

    answers: list[dict[str, object]] = []
    problems, unread = list[str](), 0
    paths: dict[Path, None] = {}
    for wanted in runs:
        try:
            paths |= dict.fromkeys(runs_of(wanted, runs_dir))
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
        state = {"status": found.status, "epoch": found.epoch, "checkpoint": found.checkpoint}
        answers.append({"run": str(path), "whole": True, **state})
        if not as_json:
            told = f"{path}: whole; {found.status}, epoch {found.epoch}, {found.files} files"
            answer(told if found.checkpoint else f"{told}; without checkpoint.npz, and so {CANNOT}")
    if as_json:
        answer(strict(answers))
    if problems:
        raise (Unreadable if unread == len(problems) else RunStateError)(*problems)
