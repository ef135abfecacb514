"""What of a config is computed once, and what commands that only read do without."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from vgrad.cli import run
from vgrad.config.check import check
from vgrad.runs import folder

TREE = {"layers": [64, 5, 10], "data": "digits", "activation": "tanh", "name": "x"}


def test_a_copy_with_other_values_computes_anew() -> None:
    config = check({**TREE, "seed": 1})
    before = (config.identity, config.sizes, config.run_name)
    other = config.model_copy(update={"epochs": config.epochs + 1})
    assert other.identity == check({**TREE, "epochs": config.epochs + 1}).identity != before[0]
    assert config.model_copy(update={"seed": 5}).run_name == f"x-{before[0]}-s5"
    assert (config.identity, config.sizes, config.run_name) == before


READING = {"ls": ["ls", "."], "check": ["config", "check", "c.yaml"], "help": ["--help"]}


@pytest.mark.parametrize("name", READING)
def test_commands_that_only_read_load_no_scipy(name: str, tmp_path: Path) -> None:
    (tmp_path / "c.yaml").write_text("layers: [64, 5, 10]\ndata: digits\n")
    code = f"import sys; from vgrad.cli import run; run({READING[name]!r}); print(*sys.modules)"
    told = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True)
    loaded = {*told.stdout.splitlines()[-1].split()}
    heavy = {"scipy.special", "scipy.linalg", "pandas", "matplotlib"} | (
        {"numpy", "pydantic"} if name == "help" else set()
    )
    assert not heavy & loaded


@pytest.mark.parametrize("command", ["ls", "report"])
def test_of_runs_that_differ_in_the_seed_two_have_their_config_checked(
    command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("k.yaml").write_text("layers: {depth: 1, width: 3}\ndata: xor\nbatch_size: 4\nepochs: 1\ngrid: {l2: [0, 1]}\n")
    assert run(["sweep", "k.yaml", "--seeds", "5", "-j", "0", "-q"]) == 0
    calls, known = list[int](), folder.check
    monkeypatch.setattr(folder, "check", lambda *others: (calls.append(1), known(*others))[1])
    capsys.readouterr()
    assert run([command, "runs"]) == 0
    assert "xor" in capsys.readouterr().out or command == "ls"
    assert len(calls) == 2 * 2
