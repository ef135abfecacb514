"""`vgrad report` as users call it: one command compares a shallow network with a deep one, in every format."""

from __future__ import annotations

import csv
import json
import shutil
from collections.abc import Callable
from io import StringIO
from pathlib import Path

import pytest

Command = Callable[..., tuple[int, str, str]]


def test_shallow_against_deep_is_one_command(command: Command, pair: tuple[Path, Path]) -> None:
    code, out, err = command("report", *pair)
    assert (code, err) == (0, "")
    assert all(len(line) <= 80 for line in out.splitlines())
    shallow, deep = (json.loads((path / "summary.json").read_text()) for path in pair)
    rows = [line.split() for line in out.splitlines() if line.startswith("64-")]
    assert [row[0] for row in rows[:2]] == ["64-8-8-10", "64-4×8-10"]
    for row, summary in zip(rows, (shallow, deep), strict=False):
        start = summary["gradient"]["start"]
        assert row[1] == "3"
        assert float(row[2]) == pytest.approx(100 * summary["final"]["validation_accuracy"], abs=0.005)
        assert float(row[3]) == pytest.approx(start["last_first_ratio"], rel=0.005)
        assert float(row[4]) == pytest.approx(10 ** start["decay_rate"], rel=0.005)
        assert row[5] == summary["verdict"]
    norms = [float(cell) for cell in rows[3][1:]]
    assert norms == pytest.approx(deep["gradient"]["start"]["delta_norm"], rel=0.005)
    norms = [float(cell) for cell in rows[5][1:]]
    assert norms == pytest.approx(deep["gradient"]["end"]["delta_norm"], rel=0.005)
    assert all(path.name.split("-")[1] in out for path in pair)


@pytest.mark.parametrize("width", [40, 60, 80, 200])
def test_it_fits_the_terminal(command: Command, depths: Path, width: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    code, out, _ = command("report", depths)
    assert code == 0
    assert max(map(len, out.splitlines())) <= width
    assert "…" not in out or "Cut to this width" in out
    assert out.count("sigmoid") >= 3  # labels that leave no room are columns of numbered rows


def test_seeds_share_a_row(command: Command, depths: Path) -> None:
    _, out, _ = command("report", depths, "--format", "csv")
    rows = list(csv.DictReader(StringIO(out)))
    accuracy = [row for row in rows if row["value"] == "validation_accuracy"]
    assert len(accuracy) == 6
    assert {row["n"] for row in accuracy} == {"3"}
    assert all(row["runs"].endswith(" s0-2") for row in rows)
    assert {row["activation"] for row in rows} == {"sigmoid", "relu"}


def test_json_names_every_run(command: Command, depths: Path) -> None:
    code, out, _ = command("report", depths, "--json")
    tree = json.loads(out)
    assert (code, tree["schema"], len(tree["runs"])) == (0, 1, 18)
    for cell in tree["cells"]:
        assert all(len(run["hash"]) == 8 for run in cell["runs"])
        if cell["value"] == "delta_norm[1].start":
            name = f"small-{cell['runs'][1]['hash']}-s{cell['runs'][1]['seed']}"
            summary = json.loads((depths / name / "summary.json").read_text())
            assert cell["runs"][1]["content"] == summary["gradient"]["start"]["delta_norm"][0]


def test_markdown_is_a_pipe_table(command: Command, pair: tuple[Path, Path], tmp_path: Path) -> None:
    code, out, _ = command("report", *pair, "--format", "markdown", "-o", tmp_path / "table.md")
    lines = [line for line in (tmp_path / "table.md").read_text().splitlines() if line.startswith("|")]
    assert (code, out) == (0, "")
    assert len({line.count("|") for line in lines}) == 1
    assert len(lines) == 4


def test_a_pivot(command: Command, depths: Path) -> None:
    code, out, _ = command("report", depths, "--rows", "depth", "--cols", "activation", "--value", "verdict")
    assert code == 0
    assert [line.split()[0] for line in out.splitlines() if line[:12].strip() in ("2", "4")] == ["2", "4"]
    assert "relu" in out


def test_damaged_runs_are_named_and_the_whole_ones_reported(
    command: Command, pair: tuple[Path, Path], tmp_path: Path
) -> None:
    for path in pair:
        shutil.copytree(path, tmp_path / path.name)
    (tmp_path / pair[0].name / "run.json").write_text("{")
    code, out, err = command("report", tmp_path)
    assert code == 6
    assert pair[0].name in err
    assert "64-4×8-10" in out
    (tmp_path / pair[1].name / "run.json").write_text("{")
    assert command("report", tmp_path)[0] == 6


def test_what_is_not_there(command: Command, depths: Path) -> None:
    for arguments, told in [
        ([depths / "nothing"], "no runs there"),
        (["\x1b[31m\x00"], "\\x1b[31m"),
        ([depths, "--value", "validation_acuracy"], "did you mean 'validation_accuracy'"),
        ([depths, "--rows", "activatoin"], "did you mean 'activation'"),
        ([depths, "--format", "docx"], "no format 'docx'"),
        ([depths, "--threshold", "vanishing=x"], "write vanishing=NUMBER"),
    ]:
        code, out, err = command("report", *arguments)
        assert (code, out) == (2, "")
        assert told in err
