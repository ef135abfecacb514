"""The table of commands. A command's file loads what it needs when it is called: `vgrad --help` must be quick."""

from __future__ import annotations

from typing import Annotated

import typer

from vgrad import __version__
from vgrad.cli import check as _check
from vgrad.cli import train as _train

app = typer.Typer(
    help="A laboratory for the vanishing gradient: how fast does each layer learn, and why do the early ones stop?",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(asked: bool) -> None:
    if asked:
        print(f"vgrad {__version__}")
        raise typer.Exit


@app.callback()
def _main(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version and end.", callback=_version, is_eager=True)
    ] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
) -> None:
    pass


app.command("train")(_train.train)
app.command("check")(_check.check)
