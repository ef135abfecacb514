"""`vgrad export`: runs for other tools."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from vgrad.cli.options import RunsDir
from vgrad.cli.report import Runs
from vgrad.errors import SweepError

export = typer.Typer(help="Runs for other tools.", no_args_is_help=True, rich_markup_mode=None)


@export.command()
def tensorboard(
    runs: Runs,
    output: Annotated[Path, typer.Option("-o", "--output", metavar="DIR", help="The log directory to write to.")],
    runs_dir: RunsDir = Path("runs"),
) -> None:
    """Write metrics and norms as TensorBoard events, a folder a run; then: tensorboard --logdir DIR.

    Needs the extra: pip install "vgrad[tb]".
    """
    from vgrad.report.events import write_events
    from vgrad.report.runs import collect

    found, problems = collect(runs, runs_dir)
    for run in found:
        print(write_events(run, output))
    if problems:
        raise SweepError(*problems, f"exported without the {len(problems)} above")
