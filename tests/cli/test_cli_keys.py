"""Keys of the config in the place of options and arguments: each is told as what to type, and nothing is done."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest
from rows import each_row

from vgrad.cli import run

CONFIG = "layers: [2, 3, 2]\ndata: xor\nbatch_size: 4\nepochs: 1\n"

# the command, with C for the config; how the message begins, and what is in it
TYPED = [
    ("train C lr=0.1", "lr=0.1: train takes keys of the config as -s KEY=VALUE: write -s optimizer.learning_rate=0.1"),
    ("train C optimizer.learning_rate=0.1", "write -s optimizer.learning_rate=0.1"),
    ("train lr=0.1 C", "write -s optimizer.learning_rate=0.1"),
    ("train C --l2 10", "--l2: train takes keys of the config as -s KEY=VALUE: write -s l2=10"),
    ("train C --lr 0.1", "write -s optimizer.learning_rate=0.1"),
    ("train C -lr 0.1", "write -s optimizer.learning_rate=0.1"),
    ("train C --learning-rate=0.1", "write -s optimizer.learning_rate=0.1"),
    ("train C --l2 -1", "write -s l2=-1"),
    ("train C --l2 --restart", "write -s l2=VALUE"),
    ("train C --depth 3", "write -s layers.depth=3"),
    ("train C 'activation={name: elu, alpha: 2}'", "write -s 'activation={name: elu, alpha: 2}'"),
    ("train C --weight-decay 0.1", "of weight_decay: l2 is n times as much, with n training examples"),
    ("train C --device cuda", "of device: vgrad has none"),
    ("train C --foo 3", "No such option: --foo"),
    ("train C foo=3", "Got unexpected extra argument(s) (foo=3)"),
    ("train missing=2.yaml", "missing=2.yaml: cannot be read"),
    ("sweep C --seed 3", "and seeds as --seeds: write --seeds 3..3"),
    ("sweep C layers.depth=1..4", "and axes as -g KEY=SPEC: write -g layers.depth=1..4"),
    ("sweep C activation=relu,tanh", "write -g activation=relu,tanh"),
    (
        "config check C lr=0.1",
        "lr=0.1: check takes keys of the config as -s KEY=VALUE: write -s optimizer.learning_rate=0.1",
    ),
    ("config check C --seed 3", "write -s seed=3"),
    ("ls lr=0.1", "lr=0.1: no such file or directory"),
]


@each_row("command, told", TYPED)
def test_keys_are_told_as_what_to_type(
    command: str, told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("c.yaml").write_text(CONFIG)
    assert run([{"C": "c.yaml"}.get(word, word) for word in shlex.split(command)]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert told in err
    assert err.count("\n") == 1
    assert [*tmp_path.iterdir()] == [tmp_path / "c.yaml"]


def test_a_file_whose_name_has_an_equals_sign_is_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("depth=2").write_text(CONFIG)
    assert run(["config", "check", "depth=2"]) == 0
    assert capsys.readouterr().out.startswith("depth=2: fine")
