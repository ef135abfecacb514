"""`vgrad data`: MNIST on this disk. The other data sets come with the package."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

import typer

from vgrad.cli.command import Command
from vgrad.cli.help import Group
from vgrad.cli.options import Json
from vgrad.cli.screen.streams import answer
from vgrad.errors import DataError
from vgrad.storage.json import strict

if TYPE_CHECKING:
    from vgrad.data.fetch import FileStatus

app = typer.Typer(cls=Group, help="Fetch and verify MNIST; the other sets need no download.", no_args_is_help=True)

SHOWN = 12  # digits of a SHA-256 in the table; all of them with --json


@app.command("fetch", cls=Command)
def fetch() -> None:
    """Download what is missing or damaged of MNIST (12 MB); print the paths of its files."""
    from vgrad.data import fetch as mnist

    for path in mnist.fetch(progress=True):
        _write(os.fspath(path))


@app.command("verify", cls=Command)
def verify(as_json: Json = False) -> None:
    """Compare the files of MNIST with the published SHA-256. Exits with 3 when one is missing or wrong."""
    from vgrad.data import fetch as mnist

    found = mnist.verify()
    if as_json:
        _write(strict([_plain(status) for status in found]))
    else:
        for status in found:
            _write(f"{status.state:8}{status.digest[:SHOWN] or '-':{SHOWN + 2}}{status.path}")
    if any(status.state != "ok" for status in found):
        raise DataError(_advice(found))


@app.command("path", cls=Command)
def path() -> None:
    """Print the folder of all data: $VGRAD_DATA, or else the user's cache directory."""
    from vgrad.data.fetch import data_dir

    _write(os.fspath(data_dir()))


def _plain(status: FileStatus) -> dict[str, str | None]:
    return {
        "name": status.name,
        "state": status.state,
        "path": os.fspath(status.path),
        "sha256": status.digest or None,
    }


def _advice(found: Sequence[FileStatus]) -> str:
    bad = {state: [status.name for status in found if status.state == state] for state in ("missing", "wrong")}
    told = "; ".join(f"{state}: {', '.join(names)}" for state, names in bad.items() if names)
    return f"mnist: {told}; `vgrad data fetch` downloads them, `data: digits` in a config needs no download"


def _write(line: str) -> None:
    """A line on stdout; names of files as they are, in bytes."""
    answer(os.fsencode(line))
