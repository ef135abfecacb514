"""The command line as typer has it: of its commands, those that are asked for are loaded and built, one as a rule.

To load and build all takes longer than to load NumPy. A command's file loads what it needs when it is called.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import Annotated, Any

import typer

from vgrad.cli.command import Command
from vgrad.cli.front import ABOUT, COMMANDS, OPTIONS, page
from vgrad.cli.help import Group
from vgrad.cli.screen.streams import answer
from vgrad.version import VERSION


class Commands(Mapping[str, Any]):
    """Name -> command, or group of commands, each built when it is first looked up."""

    def __init__(self) -> None:
        self._built: dict[str, Any] = {}

    def __getitem__(self, name: str) -> Any:
        """The command; KeyError where there is none."""
        if name not in self._built:
            self._built[name] = _build(name, *COMMANDS[name])
        return self._built[name]

    def __iter__(self) -> Iterator[str]:
        """Names, in the order of the front page."""
        return iter(COMMANDS)

    def __len__(self) -> int:
        """How many there are."""
        return len(COMMANDS)


def _build(name: str, place: str, sentence: str) -> Any:
    module, _, attribute = place.partition(":")
    found = getattr(import_module(f"vgrad.cli.{module}"), attribute)
    if isinstance(found, typer.Typer):
        group = typer.main.get_group(found)
        group.name = name
        return group
    alone = typer.Typer(add_completion=False, rich_markup_mode=None)
    alone.command(name, cls=Command, hidden=not sentence)(found)
    return typer.main.get_command(alone)


class Front(Group):
    """All commands, and the front page for their help."""

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes | {"commands": Commands()})

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """The front page."""
        formatter.write(page())


app = typer.Typer(
    cls=Front,
    help=ABOUT,
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
        bool, typer.Option("--version", help=OPTIONS["--version"], callback=_version, is_eager=True)
    ] = False,
    debug: Annotated[bool, typer.Option("--debug", help=OPTIONS["--debug"])] = False,
) -> None:
    pass
