"""What shells complete, by the functions and in real shells; and help that is whole at any width."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import typer

from vgrad.cli import completion, run
from vgrad.cli.app import app
from vgrad.nn.optimizers import OPTIMIZERS
from vgrad.report.pictures import PICTURES


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name in ("runs/first-12345678-s0", "runs/sweep", "configs/nielsen", "runs/odd name", ".hidden"):
        (tmp_path / name).mkdir(parents=True)
    for name in ("quick.yaml", "notes.txt", "configs/a.yml", "runs/first-12345678-s0/config.yaml"):
        (tmp_path / name).write_text("layers: [2, 2]\n")
    os.mkfifo(tmp_path / "quiet.yaml")
    return tmp_path


@pytest.mark.usefixtures("place")
def test_words_that_begin_as_what_is_typed(monkeypatch: pytest.MonkeyPatch) -> None:
    for complete, typed, wanted in (
        (completion.configs, "", ["configs/", "quick.yaml", "runs/"]),
        (completion.configs, "q", ["quick.yaml"]),
        (completion.configs, "configs/", ["configs/a.yml", "configs/nielsen/"]),
        (completion.configs, "nowhere/", []),
        (completion.configs, "\0", []),
        (completion.runs, "fi", ["first-12345678-s0"]),
        (completion.runs, "runs/s", ["runs/sweep"]),
        (completion.keys, "layers.", ["layers.depth", "layers.width"]),
        (
            completion.keys,
            "optimizer.name=ada",
            ["optimizer.name=adagrad", *(f"optimizer.name={n}" for n in ("adadelta", "adam", "adamw"))],
        ),
        (completion.keys, "optimizer.b", ["optimizer.beta1", "optimizer.beta2"]),
        (completion.keys, "nothing=", []),
        (completion.kinds, "stu", [kind for kind in completion.kinds("") if kind.startswith("study-")]),
        (completion.formats, "mark", ["markdown"]),
        (completion.values, "ver", ["verdict"]),
        (completion.data_sets, "m", ["mnist"]),
    ):
        assert complete(typed) == wanted, (complete, typed)
    assert set(PICTURES) < set(completion.kinds(""))
    assert {f"optimizer={name}" for name in OPTIMIZERS} == set(completion.keys("optimizer="))
    monkeypatch.setenv("_VGRAD_COMPLETE", "complete_fish")
    assert completion.keys("layers.d") == ["layers.depth="]


@pytest.mark.slow
@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_real_shell_completes(place: Path, shell: str) -> None:
    if shutil.which(shell) is None:
        pytest.skip(f"there is no {shell} here")
    programs = place / "bin"
    programs.mkdir()
    (programs / "vgrad").write_text(f"#!{sys.executable}\nfrom vgrad.__main__ import main\nraise SystemExit(main())\n")
    (programs / "vgrad").chmod(0o755)
    house = str(Path(__file__).resolve().parents[2])
    environment = {"HOME": str(place), "PATH": f"{programs}:{os.environ['PATH']}", "PYTHONPATH": house, "TERM": "dumb"}

    def said(script: str) -> list[str]:
        done = subprocess.run([shell, "-c", script], env=environment, capture_output=True, text=True, timeout=60)
        assert done.stderr == "", done.stderr
        return done.stdout.split("\n")

    assert f"{shell} completion installed in" in said("vgrad --install-completion; true")[0]
    ask = {
        "bash": "source ~/.bashrc; COMP_WORDS=(vgrad train q) COMP_CWORD=2; _vgrad_completion vgrad; echo $COMPREPLY",
        "zsh": "_TYPER_COMPLETE_ARGS='vgrad train q' _VGRAD_COMPLETE=complete_zsh vgrad",
        "fish": 'complete -C "vgrad train q"',
    }[shell]
    assert any("quick.yaml" in line for line in said(ask))
    assert not any("notes.txt" in line for line in said(ask))


@pytest.mark.slow
def test_a_completion_loads_little() -> None:
    asked = "import sys; from vgrad.cli import completion as c; c.keys(''); c.configs(''); c.runs(''); "
    asked += "print(*sorted({'matplotlib', 'pandas', 'pydantic_settings', 'torch'} & {*sys.modules}))"
    done = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.strip() == ""


def every_command() -> list[str]:
    found: list[str] = []

    def walk(command: object, words: tuple[str, ...]) -> None:
        found.append(" ".join(words))
        for name, each in getattr(command, "commands", {}).items():
            walk(each, (*words, name))

    walk(typer.main.get_command(app), ())
    return found


@pytest.mark.parametrize("width", [40, 80, 200])
def test_help_is_whole_at_any_width(
    width: int, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    for words in every_command():
        assert run([*words.split(), "--help"]) == 0
        out = capsys.readouterr().out
        usage, *rest = out.splitlines()
        assert usage.startswith("Usage: vgrad")
        assert not re.search(r"[{}]|\[\[|\]\]", usage), usage
        assert "<" not in re.sub(r"-?[\d.]*<=x<=[\d.]*|<-", "", out), out
        if not words or words in ("config", "data", "theory", "export"):
            assert not re.search(r"\.\.\.$", "\n".join(rest), re.MULTILINE)
        if width == 80:
            assert max(map(len, out.splitlines())) <= 84, words
