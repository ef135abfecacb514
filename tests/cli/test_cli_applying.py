"""Options: each is used in a mode of its command or refused there, none is left out without a word."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
from rows import each_row

from vgrad.cli import run
from vgrad.cli.app import app
from vgrad.cli.applying import DIFF, KINDS, PLOT, REPORT, Uses, of_sweeps, way
from vgrad.cli.theory.chain import USES as CHAIN
from vgrad.nn.activations import ACTIVATIONS
from vgrad.report.pictures import PICTURES
from vgrad.study.report.pictures import STUDY_PICTURES
from vgrad.sweeps.executors import EXECUTORS
from vgrad.text.formats import FORMATS
from vgrad.theory.lesson import SECTIONS, Setting, teach

Capture = pytest.CaptureFixture[str]
HERE, CLUSTER = way(0, ""), way(None, "tcp://localhost:1")

EVERYWHERE: dict[str, set[str]] = {
    "train": {"config", "overrides", "seed", "epochs", "runs_dir", "restart", "quiet", "as_json"},
    "sweep": {"config", "axes", "overrides", "seeds", "scheduler", "runs_dir", "retries", "fail_fast", "limit"}
    | {"dry_run", "quiet", "as_json"},
    "reproduce": {"study", "listed", "seeds", "quick", "data", "overrides", "scheduler", "runs_dir", "retries"}
    | {"dry_run", "quiet", "as_json"},
    "status": {"folder", "watch", "as_json"},
    "worker": {"descriptor"},
    "ls": {"folder", "where", "tags", "sort", "as_json"},
    "show": {"run", "runs_dir", "as_json"},
    "tag": {"runs", "tags", "note", "remove", "runs_dir"},
    "evaluate": {"runs", "part", "mistakes", "output", "runs_dir", "as_json"},
    "clean": {"runs", "checkpoints", "whole", "where", "tags", "yes", "runs_dir", "as_json"},
    "report": {"runs", "asked_form", "output", "diff", "as_json", "runs_dir"},
    "plot": {"runs", "output", "kind", "width", "runs_dir"},
    "export tensorboard": {"runs", "output", "runs_dir"},
    "verify": {"runs", "runs_dir", "as_json"},
    "config check": {"files", "overrides", "as_json"},
    "config show": {"config", "overrides", "seed", "as_json"},
    "config schema": {"study"},
    "config new": {"file", "data", "full"},
    "data fetch": {"name"},
    "data verify": {"name", "as_json"},
    "data path": set(),
    "data show": {"data", "overrides", "output", "as_json"},
    "doctor": {"runs_dir", "as_json"},
    "check": {"config", "overrides", "seed", "examples", "as_json"},
    "theory chain": {"section", "activation", "output", "as_json"},
    "theory depth": {"activation", "sigma_w", "sigma_b", "output", "as_json"},
    "theory phase": {"activation", "sigma_w", "sigma_b", "width", "output", "as_json"},
    "theory predict": {"config", "overrides", "seeds", "examples", "output", "as_json"},
    "theory product": {"run", "epoch", "examples", "runs_dir", "output", "as_json"},
}
"""Parameters that every mode of their command uses."""
TABLES: dict[str, Uses] = {
    "plot": PLOT,
    "report": REPORT,
    "theory chain": CHAIN,
    "sweep": of_sweeps(None, ""),
    "reproduce": of_sweeps(None, ""),
}
VALUES = {
    "where": "seed=0",
    "scale": "log",
    "baseline": "seed=0",
    "threshold": "vanishing=0.3",
    "run_timeout": "9",
    "across": "2",
}
"""What is given to an option, where it is not 20."""
MODES: dict[str, list[tuple[str, list[str]]]] = {
    "plot": [(kind, ["r", "-o", "x.svg", "--kind", kind]) for kind in (*KINDS, *STUDY_PICTURES)],
    "report": [(f"--format {form}", ["r", "--format", form]) for form in FORMATS] + [(DIFF, ["r", "r", DIFF])],
    "theory chain": [(section, [section]) for section in SECTIONS],
    "sweep": [(CLUSTER, ["c.yaml", "--scheduler", "tcp://localhost:1"]), (HERE, ["c.yaml", "-j", "0"])],
    "reproduce": [(CLUSTER, ["nielsen", "--scheduler", "tcp://localhost:1"]), (HERE, ["nielsen", "-j", "0"])],
}


def commands() -> dict[str, Any]:
    found: dict[str, Any] = {}

    def walk(command: Any, words: tuple[str, ...]) -> None:
        for name, inner in getattr(command, "commands", {}).items():
            walk(inner, (*words, name))
        if not hasattr(command, "commands"):
            found[" ".join(words)] = command

    walk(typer.main.get_command(app), ())
    return found


COMMANDS = commands()


@each_row("name", COMMANDS)
def test_of_every_option_it_is_said_where_it_is_used(name: str) -> None:
    parameters = {each.name for each in COMMANDS[name].params} - {"help"}
    by_mode = set(TABLES[name].options) if name in TABLES else set()
    assert parameters == EVERYWHERE[name] | by_mode
    assert not EVERYWHERE[name] & by_mode


def unused() -> Iterator[Any]:
    for name, modes in MODES.items():
        uses = TABLES[name]
        for mode, words in modes:
            for parameter, used in uses.options.items():
                if mode not in used:
                    option = max((each.opts for each in COMMANDS[name].params if each.name == parameter), key=len)[-1]
                    if option not in words and not (option == "--jobs" and "-j" in words):
                        value = VALUES.get(parameter, "20")
                        yield pytest.param([*name.split(), *words, option, value], option, id=f"{name} {mode} {option}")


@each_row("words, option", [*unused()])
def test_an_option_without_use_is_refused(
    words: list[str], option: str, capsys: Capture, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(words) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith(f"vgrad: {option}: ")
    assert "makes no use of it; " in err
    assert err.count("\n") == 1


def test_the_modes_are_those_that_there_are() -> None:
    assert set(PICTURES) == set(KINDS)
    named = [mode for uses in TABLES.values() for modes in uses.options.values() for mode in modes]
    known = {
        *KINDS,
        *SECTIONS,
        *(f"--format {form}" for form in FORMATS),
        *(entry.asked for entry in EXECUTORS.values()),
    }
    assert set(named) <= known


@pytest.mark.parametrize("section", SECTIONS)
def test_a_section_looks_at_the_options_that_are_said_to_be_for_it(
    section: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vgrad.theory.lesson.SMALL", ())
    fields = {"neurons": "neurons", "draw_neurons": "neurons", "explode_weight": "weight", "width_weights": "weights"}
    seen: set[str] = set()

    class Watched(Setting):
        def __getattribute__(self, name: str) -> Any:
            if name in Setting.__dataclass_fields__:
                seen.add(fields.get(name, name))
            return super().__getattribute__(name)

    teach(Watched(ACTIVATIONS["sigmoid"](), True, draws=10), [section])
    assert seen - {"activation", "closed_form"} == {name for name, used in CHAIN.options.items() if section in used}


@each_row(
    "words",
    [
        *("report|", "report r --sort|", "plot r -o x.svg --by|", "show|", "verify|", "train|", "config new|"),
        *("sweep c.yaml -g|", "sweep c.yaml --scheduler|", "theory product|", "reproduce nielsen --data|"),
        *("export tensorboard -o t|", "check|", "status|", "theory chain --weights|", "train c.yaml -s|"),
    ],
)
@each_row("empty", ["", " "])
def test_an_empty_value_is_refused(words: str, empty: str, capsys: Capture) -> None:
    assert run([*words.removesuffix("|").split(), empty]) == 2
    assert "empty" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("report r --top 1 --top 2", "--top: stands 2 times, and only one can count; write it once"),
        ("train c.yaml --seed 1 --seed 1", "--seed: stands 2 times, and only one can count; write it once"),
        ("report r --json --format csv", "--json and --format csv: two formats; leave one of them out"),
        ("report r --rows ,", "--rows: names nothing; write names with commas, or leave it out"),
    ],
)
def test_what_would_be_left_out_is_told(words: str, told: str, capsys: Capture, tmp_path: Path) -> None:
    (tmp_path / "r").mkdir()
    assert run(words.split()) == 2
    assert told in capsys.readouterr().err
