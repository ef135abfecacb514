"""`vgrad verify`: are run directories whole?"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Annotated

import typer

from vgrad.cli.options import Json, RunsDir
from vgrad.cli.screen.streams import answer
from vgrad.errors import ConfigError, RunStateError


def verify(
    runs: Annotated[list[str], typer.Argument(metavar="RUNS...", help="Run directories, folders of them, names.")],
    runs_dir: RunsDir = Path("runs"),
    as_json: Json = False,
) -> None:
    """Check every file of run directories against its digest and the saved history.

    Names the first wrong file of each directory; exits 4 when there is one.
    """
    from vgrad.runs.integrity import verify as look_at
    from vgrad.runs.places import runs_of

    answers: list[dict[str, object]] = []
    problems: list[str] = []
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
        except RunStateError as error:
            told = [_once(problem, path) for problem in error.problems]
            problems += told
            answers.append({"run": str(path), "whole": False, "problem": told[0]})
            continue
        answers.append({"run": str(path), "whole": True, "status": found.status, "epoch": found.epoch})
        if not as_json:
            answer(f"{path}: whole; {found.status}, epoch {found.epoch}, {found.files} files")
    if as_json:
        answer(json.dumps(answers, indent=2))
    if problems:
        raise RunStateError(*problems)


def _once(problem: str, path: Path) -> str:
    """`problem` with the path of the config once: what reads it puts the path in front as well."""
    return re.sub(rf"(?<=: damaged: ){re.escape(str(path / 'config.yaml'))}: ?", "", problem, count=1)
