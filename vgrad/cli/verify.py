"""`vgrad verify`: are run directories whole?"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from vgrad.cli.options import Json
from vgrad.cli.terminal import answer
from vgrad.errors import RunStateError


def verify(
    runs: Annotated[list[Path], typer.Argument(metavar="RUNS...", help="Run directories.")],
    as_json: Json = False,
) -> None:
    """Check every file of run directories against its digest and the saved history.

    Names the first wrong file of each directory; exits 4 when there is one.
    """
    from vgrad.lab.verifying import verify as look_at

    answers: list[dict[str, object]] = []
    problems: list[str] = []
    for path in runs:
        try:
            found = look_at(path)
        except RunStateError as error:
            problems += error.problems
            answers.append({"run": str(path), "whole": False, "problem": error.problems[0]})
            continue
        answers.append({"run": str(path), "whole": True, "status": found.status, "epoch": found.epoch})
        if not as_json:
            answer(f"{path}: whole; {found.status}, epoch {found.epoch}, {found.files} files")
    if as_json:
        answer(json.dumps(answers, indent=2))
    if problems:
        raise RunStateError(*problems)
