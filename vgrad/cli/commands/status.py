"""`vgrad status`: how far the sweeps are, from another shell."""

from __future__ import annotations

import sys
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


def status(
    folder: Folder = Path("runs"),
    watch: Annotated[bool, typer.Option("--watch", help="Go on until no sweep is running.")] = False,
    as_json: Json = False,
) -> None:
    """Tell how far the sweeps below DIR are, with their active runs and failures; exits 6 when some cannot be read.

    With --watch a terminal is painted anew every second; elsewhere there is a line for each change, with --json an
    object in a line. Ctrl-C ends the watching, and the sweeps go on.
    """
    from vgrad.cli.screen.streams import answer
    from vgrad.cli.screen.sweep_watch import lines
    from vgrad.sweeps.tally import read_statuses

    found, problems = _watched(folder, as_json) if watch else read_statuses(folder)
    if as_json and not watch:
        answer(strict([sweep.plain() for sweep in found]))
    elif found and (not watch or (_is_painted() and not as_json)):
        for sweep in found:
            answer("\n".join(lines(sweep)))
    elif not found and not problems:
        answer(f"no sweep has run below {folder}")
    if problems:
        raise SweepError(*problems)


def _is_painted() -> bool:
    from vgrad.cli.screen.streams import Screen

    return Screen(sys.stdout).live


def _watched(folder: Path, as_json: bool) -> tuple[list[Sweep], list[str]]:
    """What there was at the end; Interrupted when a signal ended the watching."""
    from vgrad.cli.screen.streams import Screen
    from vgrad.cli.screen.sweep_watch import watch
    from vgrad.cli.signals import stop_requests
    from vgrad.errors import Interrupted

    with stop_requests() as request:
        found, problems = watch(folder, Screen(sys.stdout), request, as_json=as_json)
    if request.signal_number is not None and any(sweep.state == "running" for sweep in found):
        raise Interrupted("no longer watching; the sweeps go on", signal_number=request.signal_number)
    return found, problems
