"""Which runs: `vgrad ls --where --sort -t`, and the tags that `vgrad tag` gives them."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import runs_factory
from rows import each_row

from vgrad.runs.integrity import verify

Command = Callable[..., tuple[int, str, str]]
TREE = {"layers": [64, 4, 10], "epochs": 2, "data": {"name": "digits", "train": 100, "validation": 50}}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four runs of two activations and two depths, one of which was interrupted."""
    home = tmp_path_factory.mktemp("tags")
    runs_factory.trained(home, {**TREE, "name": "a"})
    runs_factory.trained(home, {**TREE, "name": "b", "activation": "relu", "seed": 7})
    runs_factory.trained(home, {**TREE, "name": "c", "activation": "relu", "layers": [64, 4, 4, 10]})
    runs_factory.interrupted(home, {**TREE, "name": "d", "epochs": 9})
    return home


@pytest.fixture
def runs(made: Path, tmp_path: Path) -> Path:
    """A copy to tag."""
    return Path(shutil.copytree(made, tmp_path / "runs"))


def listed(command: Command, *words: object) -> list[str]:
    code, out, _ = command("ls", *words, "--json")
    assert code == 0
    return [entry["name"] for entry in json.loads(out)]


@each_row(
    "words, names",
    [
        (("--where", "activation=relu"), "bc"),
        (("--where", "activation=relu,depth>=2"), "c"),
        (("--where", "status=interrupted"), "d"),
        (("--where", "epochs>2"), "d"),
        (("--where", "name=a|b|d", "--sort", "-name"), "dba"),
        (("--sort", "seed"), "acdb"),
        (("--sort", "-layers.depth"), "cabd"),
        (("--where", "activation=sigmoid", "--sort", "status"), "ad"),
    ],
)
def test_conditions_and_order(words: tuple[str, ...], names: str, made: Path, command: Command) -> None:
    assert "".join(listed(command, made, *words)) == names


def test_the_order_of_a_value_is_that_of_its_numbers(made: Path, command: Command) -> None:
    of = {path.name[0]: json.loads((path / "summary.json").read_text())["final"] for path in made.glob("[abc]-*")}
    by_cost = sorted("abc", key=lambda name: of[name]["train_cost"])
    assert listed(command, made, "--where", "status=complete", "--sort", "train_cost") == by_cost
    assert listed(command, made, "--where", "status=complete", "--sort", "-train_cost") == by_cost[::-1]


@each_row(
    "words, told",
    [
        (("--where", "activation=tanh"), "--where activation=tanh: no run is so; activation is relu, sigmoid"),
        (
            ("--where", "activatoin=relu"),
            "no key 'activatoin' in the configs of these runs; did you mean 'activation'?",
        ),
        (("--where", "depth>x"), "--where: depth > needs a number"),
        (("--sort", "costs"), "no key 'costs' in the configs of these runs"),
        (("-t", "good"), "-t good: no run is so; the tags there are: none"),
        (("-t", "../x"), "-t ../x: cannot be a tag"),
    ],
)
def test_what_selects_nothing_says_what_there_is(
    words: tuple[str, ...], told: str, made: Path, command: Command
) -> None:
    code, out, err = command("ls", made, *words)
    assert (code, out) == (2, "")
    assert told in err


def test_tags_are_set_shown_selected_and_taken_away(runs: Path, command: Command) -> None:
    first = next(runs.glob("a-*"))
    before = {path.name: path.read_bytes() for path in first.iterdir()}
    assert not command("ls", runs)[1].splitlines()[0].endswith("tags")
    assert command("tag", "a", "b", "--runs-dir", runs, "-t", "good", "--note", "the “best” <so far>")[0] == 0
    assert command("tag", "b", "--runs-dir", runs, "-t", "paper", "-t", "good") == (
        0,
        f"{next(runs.glob('b-*'))}: paper, good\n",
        "",
    )
    assert listed(command, runs, "-t", "good") == ["a", "b"]
    assert listed(command, runs, "-t", "good", "-t", "paper") == ["b"]
    assert command("ls", runs, "-t", "good", "--where", "activation=tanh")[0] == 2
    lines = command("ls", runs)[1].splitlines()
    assert (lines[0].endswith("tags"), lines[2].endswith("good, paper")) == (True, True)
    assert "good (the “best” <so far>)" in " ".join(command("show", first)[1].split())
    assert json.loads(command("show", first, "--json")[1])["tags"] == {"good": "the “best” <so far>"}
    assert verify(first).status == "complete"
    assert {path.name: path.read_bytes() for path in first.iterdir() if path.name in before} == before
    assert command("tag", runs, "-t", "good", "--remove")[1].count("no longer good") == 2
    code, _, err = command("tag", runs, "-t", "good", "--remove")
    assert (code, "none of these runs has it" in err) == (2, True)
    assert listed(command, runs, "-t", "paper") == ["b"]


@each_row(
    "words, told",
    [
        (("-t", "a/b"), "cannot be a tag"),
        (("-t", ""), "the value is empty"),
        (("-t", "x", "--note", "n" * 4001), "--note: 4,001 bytes, more than 4,000"),
        (("-t", "x", "--note", "n", "--remove"), "--remove makes no use of it"),
    ],
)
def test_what_is_no_tag_writes_nothing(words: tuple[str, ...], told: str, runs: Path, command: Command) -> None:
    code, out, err = command("tag", runs, *words)
    assert (code, out) == (2, "")
    assert told in err
    assert not list(runs.glob("*/*.tag"))


def test_a_note_of_somebody_else_is_read_within_bounds_and_shown_inert(runs: Path, command: Command) -> None:
    path = next(runs.glob("a-*"))
    (path / "x.tag").write_bytes(b"\x1b[2J\xff" * 100)
    (path / "bad\x1b.tag").write_bytes(b"")
    code, out, _ = command("show", path)
    assert (code, "\x1b" in out) == (0, False)
    assert listed(command, runs, "-t", "x") == ["a"]
    (path / "x.tag").write_bytes(b"n" * 4001)
    assert command("show", path)[0] == 4
    (path / "x.tag").unlink()
    os.mkfifo(path / "x.tag")
    assert command("show", path)[0] == 4
    assert command("tag", path, "-t", "x", "--note", "n")[0] == 5
    assert command("plot", path, "-o", path / "x.tag")[0] == 2
