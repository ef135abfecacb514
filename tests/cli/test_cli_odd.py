"""Every option of every command with values that nobody means: an answer or a word, a code of the table, no bug."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
from project import FULL

from vgrad.cli import run
from vgrad.cli.app import app

ODD = [
    "",
    " ",
    ",",
    "-1",
    "0",
    "1e999",
    "9" * 60,
    "\u22123",
    "\u00e9\u200b",
    "a=b",
    "[",
    "{",
    "*",
    "no/such",
    "\x1b[31m",
]
ODD += ["nan", "'\"", "a" * 5000, "x[1] y\nz*", "-dash", "1,2", "null", "true", ".", "\udc80", "nonsense"]
CONFIG = "layers: [64, 2, 2, 10]\ndata: {name: digits, train: 20, validation: 0, test: 0}\nepochs: 0\n"
WORDS = {
    **{name: ["c.yaml"] for name in ("train", "check", "config show", "config check")},
    "sweep": ["c.yaml", "--dry-run"],
    "reproduce": ["nielsen", "--quick", "--dry-run"],
    **{name: ["a"] for name in ("show", "report", "verify", "theory product")},
    "plot": ["a", "-o", "x.svg"],
    "export tensorboard": ["a", "-o", "events"],
    "theory chain": ["factors"],
}
LEFT_OUT = {"worker", "data fetch", "reproduce"}
"""The worker is no command for users; the others fetch data."""
A_CASE = len(ODD) if FULL else 4


def commands(command: Any, words: tuple[str, ...] = ()) -> Iterator[tuple[str, Any]]:
    for name, inner in getattr(command, "commands", {}).items():
        yield from commands(inner, (*words, name))
    if not hasattr(command, "commands"):
        yield " ".join(words), command


def cases() -> Iterator[Any]:
    for name, command in commands(typer.main.get_command(app)):
        for parameter in [] if name in LEFT_OUT else command.params:
            if not getattr(parameter, "is_flag", False):
                yield pytest.param(name, parameter.opts[0], id=f"{name} {parameter.opts[0]}")


@pytest.mark.slow
@pytest.mark.parametrize(("name", "option"), [*cases()])
def test_odd_values(
    name: str, option: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("c.yaml").write_text(CONFIG, encoding="utf-8")
    assert run(["train", "c.yaml", "-q", "-s", "name=a"]) == 0
    capsysbinary.readouterr()
    for value in random.Random(f"{name} {option}").sample(ODD, A_CASE):
        given = ["--", value] if not option.startswith("-") else [option, value]
        rest = (
            WORDS.get(name, []) if option.startswith("-") else [word for word in WORDS.get(name, []) if word[0] == "-"]
        )
        rest = ["-o", "x.svg"] if name == "plot" and not option.startswith("-") else rest
        rest = ["-o", "events"] if name == "export tensorboard" and not option.startswith("-") else rest
        code = run([*name.split(), *rest, *given])
        out, err = capsysbinary.readouterr()
        assert code in (0, 2, 3, 4, 5, 6), (value, err)
        assert out or err or option == "-o", value  # a report in a file is its answer
        assert b"bug" not in err, value
        assert b"\x1b" not in err, value
