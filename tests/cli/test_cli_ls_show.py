"""`vgrad ls` and `vgrad show`: what is there, whole or damaged, at every width."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from runs_factory import trained

from vgrad import cli

CONFIG = """\
name: try
layers: {depth: 2, width: 6}
data: {name: digits, train: 100, validation: 50}
epochs: 3
probes: {record: [delta_norm], examples: 50}
"""


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three runs: two seeds, and a deep one in a sweep's folder."""
    home = tmp_path_factory.mktemp("made")
    (home / "try.yaml").write_text(CONFIG, encoding="utf-8")
    deep = ("-s", "name=deep", "-s", "layers.depth=12", "--runs-dir", str(home / "runs" / "sweep"))
    for arguments in (("--seed", "2"), ("--seed", "10"), deep):
        where = () if "--runs-dir" in arguments else ("--runs-dir", str(home / "runs"))
        assert cli.run(["train", str(home / "try.yaml"), "-q", *arguments, *where]) == 0
    return home / "runs"


@pytest.fixture
def runs(made: Path, tmp_path: Path) -> Iterator[Path]:
    """A copy to damage, in the working directory."""
    shutil.copytree(made, tmp_path / "runs")
    before = Path.cwd()
    os.chdir(tmp_path)
    yield tmp_path / "runs"
    os.chdir(before)


def named(runs: Path, pattern: str) -> Path:
    (found,) = runs.glob(pattern)
    return found


def test_ls_lists_runs_in_order_with_those_of_sweeps(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (runs / "foreign" / "deeper").mkdir(parents=True)
    (runs / "foreign" / "config.yaml").write_text("a: 1\n")
    (runs / "notes-\x1b[2J").mkdir()
    assert cli.run(["ls"]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    header, *rows = out.splitlines()
    assert " ".join(header.split()) == "name hash seed layers activation status epochs val. acc. ratio verdict"
    assert [row.split()[:1] + row.split()[2:4] for row in rows] == [
        ["sweep/deep", "0", "64-12×6-10"],
        ["try", "2", "64-6-6-10"],
        ["try", "10", "64-6-6-10"],
    ]
    assert all(
        re.search(r"sigmoid +complete +3/3 +\d+\.\d\d % +\S+ +vanishing, (learned|at chance)$", row) for row in rows
    )


def test_ls_json_has_every_field(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["ls", "runs", "--json"]) == 0
    entries = json.loads(capsys.readouterr().out)
    summary = json.loads((named(runs, "try-*-s2") / "summary.json").read_bytes())
    entry = next(entry for entry in entries if entry["seed"] == 2)
    assert entry["validation_accuracy"] == summary["final"]["validation_accuracy"]
    assert entry["last_first_ratio"] == summary["gradient"]["start"]["last_first_ratio"]
    assert (entry["status"], entry["epoch"], entry["epochs"], entry["layers"]) == ("complete", 3, 3, [64, 6, 6, 10])


def test_ls_lists_the_damaged_ones_and_exits_6(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (named(runs, "try-*-s2") / "summary.json").write_text('{"schema": 1', encoding="utf-8")
    interrupted = named(runs, "try-*-s10")
    for name in ("run.json", "summary.json", "final.npz"):
        (interrupted / name).unlink()
    assert cli.run(["ls"]) == 6
    out, err = capsys.readouterr()
    assert [re.split(" {2,}", row)[0] for row in out.splitlines()[1:]] == [
        "sweep/deep",
        named(runs, "try-*-s2").name,
        "try",
    ]
    assert "damaged" in out.splitlines()[2]
    assert re.search(r"interrupted +3/3", out.splitlines()[3])
    assert re.fullmatch(r"vgrad: runs/try-[0-9a-f]{8}-s2/summary.json: damaged: .*\n", err)
    assert cli.run(["ls", "--json"]) == 6
    assert [entry["status"] for entry in json.loads(capsys.readouterr().out)] == ["complete", "damaged", "interrupted"]


def test_ls_of_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["ls", str(tmp_path)]) == 0
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith(f"no runs in {tmp_path}; ")
    assert cli.run(["ls", str(tmp_path / "not here")]) == 2
    assert re.search(r"no such file or directory; .*vgrad train CONFIG", capsys.readouterr().err)
    assert cli.run(["ls", str(tmp_path), "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == []


@pytest.mark.usefixtures("no_theory")
def test_show_finds_a_run_by_path_name_and_beginning(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = named(runs, "try-*-s2")
    for wanted in (str(path), f"runs/{path.name}", path.name, "deep", path.name.removesuffix("2") + "2"):
        assert cli.run(["show", wanted]) == 0
        capsys.readouterr()
    assert cli.run(["show", "try"]) == 2
    assert re.fullmatch(r"vgrad: try: which one\? runs/try-\w+-s2, runs/try-\w+-s10\n", capsys.readouterr().err)
    assert cli.run(["show", "ty-" + path.name.removeprefix("try-")]) == 2
    assert f"did you mean {path.name!r}?" in capsys.readouterr().err
    assert cli.run(["show", "runs/sweep"]) == 2
    assert "not a run directory; vgrad ls runs/sweep" in capsys.readouterr().err


def test_show_json_and_damage(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = named(runs, "try-*-s2")
    assert cli.run(["show", str(path), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["facts"] == json.loads((path / "run.json").read_bytes())
    assert told["summary"] == json.loads((path / "summary.json").read_bytes())
    assert told["config"]["layers"] == [64, 6, 6, 10]
    (path / "gradients.csv").write_bytes((path / "gradients.csv").read_bytes()[:-7])
    assert cli.run(["show", str(path)]) == 4
    out, err = capsys.readouterr()
    assert out == ""
    assert re.fullmatch(r"vgrad: .*gradients\.csv: damaged: .*\n", err)


@pytest.mark.parametrize(("width", "encoding"), [(40, "utf-8"), (80, "ascii")])
def test_show_and_ls_fit_the_terminal(runs: Path, width: int, encoding: str) -> None:
    """Here stdout is the terminal."""
    program = (
        "import fcntl, os, pty, struct, sys, termios\n"
        "pid, ours = pty.fork()\n"
        "if pid == 0:\n"
        f"    fcntl.ioctl(1, termios.TIOCSWINSZ, struct.pack('HHHH', 24, {width}, 0, 0))\n"
        "    code = 'import vgrad.cli as c; c.run([\\'ls\\']); c.run([\\'show\\', \\'deep\\'])'\n"
        "    os.execv(sys.executable, [sys.executable, '-c', code])\n"
        "while True:\n"
        "    try:\n"
        "        piece = os.read(ours, 65536)\n"
        "    except OSError:\n"
        "        break\n"
        "    sys.stdout.buffer.write(piece)\n"
    )
    run = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        timeout=60,
        env={**os.environ, "TERM": "xterm", "PYTHONIOENCODING": encoding, "NO_COLOR": "1"},
    )
    text = run.stdout.decode(encoding).replace("\r\n", "\n")
    lines = text.splitlines()
    assert all(line.isprintable() for line in lines)
    assert max(map(len, lines)) <= width, [line for line in lines if len(line) > width]
    assert sum("damaged" in line for line in lines) == 0
    courses = [line for line in lines if re.match(r"l\d+ ", line)]
    assert len(courses) == 13
    assert all(len(line.split()[-1]) == 4 for line in courses), "a sparkline of the four epochs stands in every line"
    assert "Verdict: vanishing" in text


def test_show_of_a_perceptron(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tree = {"name": "p", "layers": [2, 1], "data": "halves", "output": "step", "cost": "perceptron", "epochs": 3}
    assert cli.run(["show", str(trained(tmp_path, tree))]) == 0
    told = capsys.readouterr().out
    assert "2-1, no hidden layer, step output, perceptron" in told
    assert "No verdict: it takes two hidden layers to compare." in " ".join(told.split())


def test_show_has_what_theory_predicts(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Seed 30 draws a network whose first layer has half of what most have; with layer norm there is no prediction."""
    tree = {"name": "odd", "layers": [64, 30, 30, 10], "data": "digits", "epochs": 0, "probes": {"examples": 300}}
    path = trained(tmp_path, {**tree, "seed": 30})
    assert cli.run(["show", str(path), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)["predicted"]
    first, second, out = found["layers"]
    same = json.loads((path / "summary.json").read_bytes())["gradient"]["start"]["delta_norm"]
    assert [first["measured"], second["measured"]] == same
    assert first["measured"] < first["low"] / (1 + found["accuracy"]) < first["predicted"] < first["high"]
    assert (first["outside"], second["outside"], out["kind"]) == (True, False, "output")
    assert first["z"] < -2.3
    assert cli.run(["show", str(path)]) == 0
    told = capsys.readouterr().out
    row = rf"l1 +30 +\S+ +{re.escape(format(first['predicted'], '.2e'))} +-\d\.\d "
    assert re.search(rf"^layer +units +epoch 0 +predicted +z .*\n{row}", told, re.M)
    assert f"At epoch 0 l1 (z {first['z']:.1f}) is not where 95 % of networks are" in told
    assert cli.run(["show", str(trained(tmp_path, {**tree, "layer_norm": True}))]) == 0
    assert "Nothing is predicted for epoch 0: layer_norm: mean-field theory" in " ".join(
        capsys.readouterr().out.split()
    )
