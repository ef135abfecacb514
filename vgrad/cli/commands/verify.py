"""`vgrad verify`: are run directories whole?"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated

import typer

from vgrad.cli.commands.show import find
from vgrad.cli.options import Json, RunsDir
from vgrad.cli.screen.streams import answer
from vgrad.errors import ConfigError, RunStateError
from vgrad.text.strict_json import strict


def verify(
    runs: Annotated[list[str], typer.Argument(metavar="RUNS...", help="Run directories, folders of them, names.")],
    runs_dir: RunsDir = Path("runs"),
    as_json: Json = False,
) -> None:
    """Check every file of run directories against its digest and the saved history.

    Names the first wrong file of each directory; exits 4 when there is one.
    """
    from vgrad.runs.integrity import verify as look_at

    answers: list[dict[str, object]] = []
    problems: list[str] = []
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
        except RunStateError as error:
            told = [_once(problem, path) for problem in error.problems]
            problems += told
            answers.append({"run": str(path), "whole": False, "problem": told[0]})
            continue
        answers.append({"run": str(path), "whole": True, "status": found.status, "epoch": found.epoch})
        if not as_json:
            answer(f"{path}: whole; {found.status}, epoch {found.epoch}, {found.files} files")
    if as_json:
        answer(strict(answers))
    if problems:
        raise RunStateError(*problems)


def _meant(wanted: str, runs_dir: Path) -> list[Path]:
    """The run directories that an argument names: a run, a folder of runs, or a name in `runs_dir`."""
    from vgrad.runs.stored import find_runs
    from vgrad.text.escapes import printable

    path, shown = Path(wanted), printable(wanted, 200)
    if wanted and not path.is_dir() and not path.exists():
        if (runs_dir / path).is_dir():
            path = runs_dir / path
        elif len(path.parts) == 1 and runs_dir.is_dir():
            return [find(wanted, runs_dir)]
        else:
            raise ConfigError(f"{shown}: no such run directory; vgrad ls lists them")
    if not wanted or not path.is_dir():
        raise ConfigError(f"{shown}: {'is a file' if wanted else 'an empty name'}; name a run directory")
    found = find_runs(path)
    if not found:
        raise ConfigError(f"{shown}: no runs there; vgrad ls lists them")
    return found


def _once(problem: str, path: Path) -> str:
    """`problem` with the path of the config once: what reads it puts the path in front as well."""
    return re.sub(rf"(?<=: damaged: ){re.escape(str(path / 'config.yaml'))}: ?", "", problem, count=1)
