"""`vgrad export`: runs for other tools."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from vgrad.cli.command import Command
from vgrad.cli.commands.report import Runs
from vgrad.cli.help import Group
from vgrad.cli.options import RunsDir, folder_name
from vgrad.cli.screen.streams import answer, complain
from vgrad.errors import SweepError

export = typer.Typer(cls=Group, help="Runs for other tools.", no_args_is_help=True, rich_markup_mode=None)


@export.command(cls=Command)
def tensorboard(
    runs: Runs,
    output: Annotated[
        Path,
        typer.Option("-o", "--output", metavar="DIR", parser=folder_name, help="The log directory to write to."),
    ],
    runs_dir: RunsDir = Path("runs"),
) -> None:
    """Write metrics and norms as TensorBoard events, a folder a run; then: tensorboard --logdir DIR.

    Needs the extra: pip install "vgrad[tb]".
    """
    from vgrad.report.runs import collect, without_copies
    from vgrad.report.tensorboard import write_events

    found, problems = collect(runs, runs_dir)
    found, copies = without_copies(found)
    complain(copies)
    for run in found:
        answer(write_events(run, output))
    if problems:
        raise SweepError(*problems, f"exported without the {len(problems)} above")
