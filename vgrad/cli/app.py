"""The table of commands. A command's file loads what it needs when it is called: `vgrad --help` must be quick."""

from __future__ import annotations

from typing import Annotated

import typer

from vgrad.cli.command import Command
from vgrad.cli.commands import check as _check
from vgrad.cli.commands import config as _config
from vgrad.cli.commands import data as _data
from vgrad.cli.commands import doctor as _doctor
from vgrad.cli.commands import export as _export
from vgrad.cli.commands import ls as _ls
from vgrad.cli.commands import plot as _plot
from vgrad.cli.commands import report as _report
from vgrad.cli.commands import reproduce as _reproduce
from vgrad.cli.commands import show as _show
from vgrad.cli.commands import status as _status
from vgrad.cli.commands import sweep as _sweep
from vgrad.cli.commands import train as _train
from vgrad.cli.commands import verify as _verify
from vgrad.cli.commands import worker as _worker
from vgrad.cli.help import Group
from vgrad.cli.runs import clean as _clean
from vgrad.cli.runs import evaluate as _evaluate
from vgrad.cli.runs import tag as _tag
from vgrad.cli.screen.streams import answer
from vgrad.cli.theory import theory as _theory
from vgrad.version import VERSION

app = typer.Typer(
    cls=Group,
    help="A laboratory for the vanishing gradient: how fast does each layer learn, and why do the early ones stop?",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(asked: bool) -> None:
    if asked:
        answer(f"vgrad {VERSION}")
        raise typer.Exit


@app.callback()
def _main(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version and end.", callback=_version, is_eager=True)
    ] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
) -> None:
    pass


app.command("train", cls=Command)(_train.train)
app.command("sweep", cls=Command)(_sweep.sweep)
app.command("reproduce", cls=Command)(_reproduce.reproduce)
app.command("status", cls=Command)(_status.status)
app.command("worker", cls=Command, hidden=True)(_worker.worker)
app.command("ls", cls=Command)(_ls.ls)
app.command("tag", cls=Command)(_tag.tag)
app.command("show", cls=Command)(_show.show)
app.command("report", cls=Command)(_report.report)
app.command("evaluate", cls=Command)(_evaluate.evaluate)
app.command("plot", cls=Command)(_plot.plot)
app.add_typer(_export.export, name="export")
app.command("verify", cls=Command)(_verify.verify)
app.command("clean", cls=Command)(_clean.clean)
app.add_typer(_config.app, name="config")
app.add_typer(_data.app, name="data")
app.command("doctor", cls=Command)(_doctor.doctor)
app.command("check", cls=Command)(_check.check)
app.add_typer(_theory.app, name="theory")
