"""`vgrad status`: how far the sweeps are, from another shell."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vgrad.cli.options import Json, readable
from vgrad.errors import SweepError
from vgrad.storage.json import strict

if TYPE_CHECKING:
    from vgrad.sweeps.tally import Sweep

Folder = Annotated[
    Path, typer.Argument(metavar="DIR", parser=readable, help="A sweep's folder, or the one that has them.")
]


def status(folder: Folder = Path("runs"), as_json: Json = False) -> None:
    """Tell how far the sweeps below DIR are, with their active runs and failures; exits 6 when some cannot be read."""
    from vgrad.cli.screen.streams import answer
    from vgrad.sweeps.tally import read_statuses

    found, problems = read_statuses(folder)
    if as_json:
        answer(strict([sweep.plain() for sweep in found]))
    elif found:
        for sweep in found:
            answer("\n".join(_lines(sweep)))
    elif not problems:
        answer(f"no sweep has run below {folder}")
    if problems:
        raise SweepError(*problems)


def _lines(sweep: Sweep) -> list[str]:
    """One sweep, its active runs and its failures."""
    from vgrad.text.escapes import printable
    from vgrad.text.plain import duration

    status = sweep.status
    head = f"{printable(str(sweep.folder), 200)}: {sweep.state}, {status.finished}/{status.total} runs"
    head += f", {status.failed} failed" if status.failed else ""
    head += f", {status.diverged} diverged" if status.diverged else ""
    if sweep.state == "running":
        head += f", {status.per_minute:.3g} a minute" if status.per_minute else ""
        head += f", {duration(status.seconds_left)} left" if status.seconds_left is not None else ""
    else:
        head += f", {duration(sweep.age)} ago"
    lines = [head]
    for run in status.active:
        cost = "" if run.cost is None else f"  cost {run.cost:.4g}"
        lines.append(f"  {printable(run.run, 120)}  epoch {run.epoch}/{run.epochs}{cost}")
    lines += [f"  FAILED {printable(each.run, 120)}: {printable(each.cause, 400)}" for each in status.failures]
    return lines
