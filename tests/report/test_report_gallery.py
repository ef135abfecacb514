"""The kept runs can be reported on as they are, docs/gallery.md is what they say, and the documents' examples run."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable
from pathlib import Path

import pytest
from likeness import alike

from vgrad.report.runs import collect

ROOT = Path(__file__).resolve().parents[2]
GALLERY = ROOT / "docs" / "gallery.md"
Command = Callable[..., tuple[int, str, str]]


def commands(text: str) -> list[list[str]]:
    return [shlex.split(line)[1:] for line in re.findall(r"^vgrad .*$", text, re.MULTILINE)]


def below(words: list[str]) -> str:
    """What the gallery shows below a command: up to the next heading."""
    shown = GALLERY.read_text(encoding="utf-8").split(f"vgrad {shlex.join(words)}\n```\n\n")[1]
    return shown.split("\n## ")[0]


def test_the_kept_runs_are_whole() -> None:
    runs, problems = collect([str(ROOT / "runs" / "reference" / "gallery")], Path())
    assert (len(runs), problems) == (24, [])
    size = sum(file.stat().st_size for run in runs for file in run.path.iterdir())
    assert size < 2**20


def test_the_gallery_is_current(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    (table,) = [words for words in commands(GALLERY.read_text(encoding="utf-8")) if "markdown" in words]
    code, out, _ = command(*table)
    assert code == 0
    assert alike(below(table), out)
    for words in commands(GALLERY.read_text(encoding="utf-8")):
        if "-o" in words:
            assert (ROOT / words[words.index("-o") + 1]).is_file()


def test_the_pictures_can_be_drawn(command: Command, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(ROOT)
    for words in commands(GALLERY.read_text(encoding="utf-8")):
        if words[0] == "plot" and "neurons" in words:
            words[words.index("-o") + 1] = str(tmp_path / "x.png")
            assert command(*words)[0] == 0


def test_the_notebook_example_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    import vgrad

    monkeypatch.chdir(ROOT)
    runs = vgrad.load_runs("runs/reference/gallery")
    means = runs.groupby(["activation", "layers.depth"])["validation_accuracy"].mean()
    assert len(means) == 8
    norms = vgrad.load_runs("runs/reference/gallery", table="gradients")
    keys = ["hash", "seed", "activation", "layers.depth"]
    first = norms[norms["layer"] == 1].merge(runs[keys], on=["hash", "seed"])
    wide = first.pivot_table(index="epoch", columns=["activation", "layers.depth"], values="delta_norm")
    assert wide.shape == (21, 8)
