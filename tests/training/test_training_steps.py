"""Norms within an epoch: they change nothing, and after step k they are those of an epoch that has only k steps."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import runs_factory
from rows import each_row

from vgrad.config.check import check
from vgrad.config.problems import Problems
from vgrad.nn.probes import PROBES
from vgrad.report.panels import Options
from vgrad.report.pictures import PICTURES
from vgrad.report.runs import collect
from vgrad.runs.folder import DETERMINISTIC
from vgrad.runs.integrity import verify
from vgrad.runs.stored import read_run

TREE: dict[str, Any] = {
    "name": "steps",
    "layers": {"depth": 2, "width": 6},
    "data": {"name": "digits", "train": 100, "validation": 40},
    "epochs": 2,
}
RECORD = ["delta_norm", "weight_norm", "update_ratio"]
NOISY = {"optimizer": "adam", "batch_norm": True, "dropout": 0.2, "input_noise": 0.1, "batch_size": 20}


@each_row("extra, every", [({}, 3), (NOISY, 2), ({"batch_size": "full", "dtype": "float32"}, 1)])
def test_nothing_else_of_a_run_changes(extra: dict[str, Any], every: int, tmp_path: Path) -> None:
    plain, told = (
        runs_factory.trained(tmp_path, {**TREE, **extra, "probes": {"record": RECORD, "examples": 50, **more}})
        for more in ({}, {"steps": every})
    )
    assert plain.name != told.name
    own = {"config.yaml", "checkpoint.npz"}
    there = {name for name in DETERMINISTIC if (told / name).exists()}
    assert there - {name for name in DETERMINISTIC if (plain / name).exists()} == {"steps.csv"}
    for name in there - own - {"steps.csv"}:
        assert (told / name).read_bytes() == (plain / name).read_bytes(), name
    assert verify(told).status == "complete"


@each_row("extra, rows", [({}, 25), ({"optimizer": "momentum"}, 50)])
def test_after_step_k_they_are_those_of_an_epoch_of_k_steps(extra: dict[str, Any], rows: int, tmp_path: Path) -> None:
    tree = {**TREE, **extra, "shuffle": False, "batch_size": rows, "epochs": 1}
    probes = {"record": RECORD, "examples": rows}
    found = read_run(runs_factory.trained(tmp_path, {**tree, "probes": {**probes, "steps": 1}})).steps
    for step in range(1, 100 // rows + 1):
        data = {**TREE["data"], "train": step * rows}
        short = read_run(runs_factory.trained(tmp_path, {**tree, "data": data, "probes": probes})).gradients
        due, told = short[short["epoch"] == 1], found[found["step"] == step]
        assert told["layer"].tolist() == due["layer"].tolist() == [1, 2, 3]
        for probe in ("delta_norm", "weight_norm"):
            # one step is a full batch, whose pass sums in another order
            assert told[probe].tolist() == pytest.approx(due[probe].tolist(), rel=1e-12 if step == 1 else 0), (
                step,
                probe,
            )
        assert told["update_ratio"].isna().all()  # of an epoch's last step alone


def test_a_step_of_several_pieces_is_measured_once_it_is_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tree = {**TREE, "batch_size": 50, "probes": {"examples": 50, "steps": 1}}
    whole = read_run(runs_factory.trained(tmp_path, tree)).steps
    monkeypatch.setattr("vgrad.training.descent.LARGEST_STEP", 20)
    from vgrad.runs.runner import run

    config = check(tree)
    list(run(config, tmp_path / "pieces"))
    pieces = read_run(tmp_path / "pieces" / config.run_name).steps
    assert np.allclose(pieces["delta_norm"], whole["delta_norm"], rtol=1e-9)


def test_what_overflows_within_an_epoch_is_empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from vgrad.runs.runner import run

    real, calls = PROBES["delta_norm"], [0]

    def wild(measurement: Any) -> Any:
        calls[0] += 1
        if calls[0] == 3:
            raise FloatingPointError
        found = list(real(measurement))
        return [np.inf, *found[1:]] if calls[0] == 2 else found  # epoch 0, then step 5, then step 10

    monkeypatch.setitem(PROBES, "delta_norm", wild)  # type: ignore[arg-type]
    config = check({**TREE, "epochs": 1, "probes": {"examples": 50, "steps": 5}})
    list(run(config, tmp_path))
    found = read_run(tmp_path / config.run_name).steps["delta_norm"].isna().tolist()
    assert found == [True, False, False, True, True, True]
    assert verify(tmp_path / config.run_name).status == "complete"


@each_row(
    "tree, told",
    [
        ({"probes": {"steps": 11}}, "an epoch has 10 steps, found 11"),
        ({"batch_size": "full", "probes": {"steps": 2}}, "an epoch is one step, found 2"),
        ({"epochs": 10**5, "probes": {"steps": 1}}, "makes 3,000,000 rows of steps.csv, more than 1,000,000"),
        ({"probes": {"steps": 0}}, "must be > 0"),
    ],
)
def test_what_cannot_be_measured_is_told(tree: dict[str, Any], told: str) -> None:
    with pytest.raises(Problems) as caught:
        check({**TREE, **tree})
    assert [problem.path for problem in caught.value.problems] == [("probes", "steps")]
    assert told in caught.value.problems[0].message


def test_the_picture_is_that_of_the_file(tmp_path: Path, command: Callable[..., tuple[int, str, str]]) -> None:
    path = runs_factory.trained(tmp_path, {**TREE, "probes": {"examples": 50, "steps": 5}})
    figure = PICTURES["steps"](collect([str(path)], tmp_path)[0], Options())
    stored = read_run(path)
    for layer, line in enumerate(figure.axes[0].lines[:2], start=1):
        rows = stored.steps[stored.steps["layer"] == layer]
        start = stored.gradients[(stored.gradients["layer"] == layer) & (stored.gradients["epoch"] == 0)]
        assert line.get_xdata().tolist() == [0, 0.5, 1, 1.5, 2]  # type: ignore[union-attr]
        due = [*start["delta_norm"], *rows["delta_norm"]]
        assert np.allclose(line.get_ydata(), due, rtol=1e-12)  # type: ignore[arg-type]
    first = PICTURES["steps"](collect([str(path)], tmp_path)[0], Options(epoch=1))
    assert first.axes[0].lines[0].get_xdata().tolist() == [0, 0.5, 1]  # type: ignore[union-attr]
    plain = runs_factory.trained(tmp_path, TREE)
    code, _, err = command("plot", plain, "--kind", "steps", "-o", tmp_path / "s.png")
    assert (code, "write probes.steps" in err) == (2, True)
