"""Files of a run and of a sweep with what may not stand there: a line that names the field, and never "a bug".

fields.py puts everything everywhere; these are the cases by which the models' bounds can be told.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from vgrad.cli import run
from vgrad.config.check import check
from vgrad.runs.runner import run as train
from vgrad.sweeps.tally import SweepStatus

TREE = {"name": "r", "layers": [64, 5, 5, 10], "epochs": 2, "data": {"name": "digits", "train": 30, "validation": 20}}
ESCAPE = "\x1b[2J\x9b31m"


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two seeds of a run: the second one goes the quick way through `report`."""
    folder = tmp_path_factory.mktemp("whole") / "runs"
    for seed in (0, 1):
        list(train(check({**TREE, "seed": seed}), folder))
    return folder


@pytest.mark.parametrize(
    ("file", "way", "value"),
    [
        ("summary.json", ("gradient", "start", "verdict"), ESCAPE),
        ("summary.json", ("gradient", "start", "epoch"), 2**62),
        ("summary.json", ("gradient", "worst", "epoch"), 3),
        ("summary.json", ("gradient", "end", "delta_norm"), [1.0, -1.0]),
        ("summary.json", ("gradient", "end", "decay_rate"), 1e308),
        ("summary.json", ("learning", "examples"), 2**62),
        ("summary.json", ("best", "train_cost", "epoch"), 7),
        ("summary.json", ("final", "validation_accuracy"), 1e308),
        ("summary.json", ("final", "train_cost"), None),
        ("run.json", ("seconds",), -1.0),
        ("run.json", ("continued_after_epoch",), 2**62),
        ("run.json", ("machine", "host"), "x" * 10_000),
        ("run.json", ("machine", "blas"), [{"version": 10**400}]),
    ],
)
def test_a_field_out_of_range_is_named(
    whole: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], file: str, way: tuple[str, ...], value: Any
) -> None:
    folder = Path(shutil.copytree(whole, tmp_path / "runs"))
    path = sorted(folder.iterdir())[1]
    tree = json.loads((path / file).read_text())
    holder = tree
    for part in way[:-1]:
        holder = holder[part]
    holder[way[-1]] = value
    (path / file).write_text(json.dumps(tree))
    for words, code in ((["show", str(path)], 4), (["report", str(folder)], 6), (["ls", str(folder)], 6)):
        assert run(words) == code
        out, err = capsys.readouterr()
        assert f"{path / file}: damaged: " in err
        assert all(line.isprintable() for line in (out + err).split("\n"))


STATUS: dict[str, Any] = {
    "sweep": "s",
    "pid": 1,
    "host": "h",
    "state": "stopped",
    "per_minute": None,
    "seconds_left": None,
    **dict.fromkeys(("total", "trained", "skipped", "elsewhere", "diverged", "failed", "interrupted"), 1),
    "active": [{"run": "r", "epoch": 1, "epochs": 2, "cost": 0.5}],
    "failures": [{"run": "r", "cause": ESCAPE}],
}


@pytest.mark.parametrize(
    "wrong",
    [
        *({name: value} for name in ("total", "diverged") for value in (ESCAPE, -1, 2**62, None, [], 1.5, True)),
        *({"active": [{"run": "r", "epoch": value, "epochs": 2, "cost": None}]} for value in (ESCAPE, -1)),
        *({"seconds_left": value} for value in (1e308, -1.0, "soon")),
        {"state": "gone"},
        {"active": {}},
        {"failures": [None]},
    ],
    ids=str,
)
def test_a_status_that_no_sweep_writes_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], wrong: dict[str, Any]
) -> None:
    (tmp_path / ".sweep-a.json").write_text(json.dumps(SweepStatus.model_validate(STATUS).model_dump()))
    (tmp_path / ".sweep-b.json").write_text(json.dumps({**STATUS, **wrong}))
    (tmp_path / ".sweep-c.json").mkdir()
    assert run(["status", str(tmp_path)]) == 6
    out, err = capsys.readouterr()
    assert "stopped, 3/1 runs" in out
    assert r"FAILED r: \x1b[2J\x9b31m" in out
    assert [Path(line.removeprefix("vgrad: ").split(":")[0]).name for line in err.splitlines()] == [
        ".sweep-b.json",
        ".sweep-c.json",
    ]
    assert all(line.isprintable() for line in (out + err).split("\n"))
