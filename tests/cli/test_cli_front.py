"""The front page says of every command what typer would, and sets it as typer would."""

from __future__ import annotations

from typing import Any

import pytest
import typer

from vgrad.cli import run
from vgrad.cli.app import app
from vgrad.cli.front import COMMANDS, OPTIONS, page
from vgrad.cli.help import WHOLE, Group

FRONT: Any = typer.main.get_command(app)


def test_sentences_are_those_of_the_commands() -> None:
    said = {name: "" if each.hidden else each.get_short_help_str(WHOLE) for name, each in FRONT.commands.items()}
    assert said == {name: sentence for name, (_, sentence) in COMMANDS.items()}
    assert {name: each.name for name, each in FRONT.commands.items()} == {name: name for name in COMMANDS}


def test_options_are_those_of_the_command_line() -> None:
    context = FRONT.make_context("vgrad", [], resilient_parsing=True)
    records = [each.get_help_record(context) for each in FRONT.get_params(context)]
    assert [name for name, _ in records] == [*OPTIONS]
    ours = {"--version", "--debug"}  # the other sentences are typer's
    assert {name: told for name, told in records if name in ours} == {name: OPTIONS[name] for name in ours}


@pytest.mark.parametrize("columns", [1, 20, 34, 35, 39, 40, 57, 80, 200])
def test_the_page_is_set_as_the_help_of_groups_is(columns: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    context = FRONT.make_context("vgrad", [], resilient_parsing=True)
    formatter = context.make_formatter()
    Group.format_help(FRONT, context, formatter)
    (about, commands), typers = _parts(page()), _parts(formatter.getvalue().rstrip("\n"))
    assert (about, commands) == typers


def _parts(told: str) -> tuple[str, str]:
    """Usage and summary, and commands: the options between them have sentences of typer's."""
    return told.partition("\n\nOptions:\n")[0], told.partition("\n\nCommands:\n")[2]


@pytest.mark.parametrize("words", [["-h"], ["--help"], ["--debug", "--help"], ["--help", "train"]])
def test_it_is_the_help(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(words) == 0
    assert capsys.readouterr() == (page() + "\n", "")


def test_without_a_command_it_is_on_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    assert run([]) == 2
    assert capsys.readouterr() == ("", page() + "\n")
