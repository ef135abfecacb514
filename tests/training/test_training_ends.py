"""The end of a run: its last epoch is measured however it comes, and its files hold all that the network is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from vgrad.config.check import check
from vgrad.runs import runner
from vgrad.runs.integrity import verify
from vgrad.runs.stored import StoredRun, read_run
from vgrad.training.record import EpochRecord
from vgrad.training.rule import Cancelled

DATA = {"name": "digits", "train": 60, "validation": 40}
PROBES = {"record": ["delta_norm", "update_ratio"], "every": 5, "examples": 30}
STOPPED: dict[str, Any] = {
    "layers": [64, 6, 6, 10],
    "data": DATA,
    "probes": PROBES,
    "epochs": 40,
    "name": "x",
    "optimizer": {"name": "adam", "learning_rate": 0.05},
    "early_stopping": {"monitor": "validation_cost", "patience": 2},
}
DIVERGED: dict[str, Any] = {
    "layers": [64, 6, 6, 10],
    "data": DATA,
    "probes": {**PROBES, "record": ["delta_norm"]},
    "epochs": 40,
    "name": "x",
    "activation": "identity",
    "output": "identity",
    "cost": "quadratic",
    "optimizer": {"name": "sgd", "learning_rate": 0.3},
    "schedule": {"name": "constant", "warmup": 35},
}


def trained(tree: dict[str, Any], folder: Path, *, stop: int = -1, **more: Any) -> StoredRun:
    """Trained in `folder`; stopped once, after epoch `stop`, and continued."""
    config, seen = check({**tree, **more}), list[int]()
    try:
        for event in runner.run(config, folder, base=folder, cancelled=lambda: stop in seen):
            if isinstance(event, EpochRecord):
                seen.append(event.epoch)
    except Cancelled:
        assert stop >= 0
        return trained(tree, folder, **more)
    run = read_run(next(folder.glob("x-*")))
    assert verify(run.path).status == run.status
    return run


@pytest.mark.parametrize("tree", [STOPPED, DIVERGED], ids=["stopped", "diverged"])
def test_the_last_epoch_is_measured(tree: dict[str, Any], tmp_path: Path) -> None:
    for name in ("whole", "again"):
        (tmp_path / name).mkdir()
    run = trained(tree, tmp_path / "whole")
    assert run.epoch is not None
    assert 5 < run.epoch < 40
    assert run.epoch % 5
    epochs = run.gradients["epoch"].unique().tolist()
    assert epochs == [*range(0, run.epoch, 5), run.epoch]
    assert run.summary["gradient"]["end"]["epoch"] == run.epoch
    again = trained(tree, tmp_path / "again", stop=run.epoch - 1)
    for file in ("gradients.csv", "summary.json", "checkpoint.npz", "final.npz"):
        assert (again.path / file).read_bytes() == (run.path / file).read_bytes(), file


def test_the_last_step_before_an_early_end_is_measured(tmp_path: Path) -> None:
    rows = trained(STOPPED, tmp_path).gradients
    last = rows[rows["epoch"] == rows["epoch"].max()]
    assert (last["update_ratio"] > 0).all()


@pytest.mark.parametrize("file", ["final.npz", "best.npz"])
def test_a_network_with_batch_norm_goes_on_where_it_was(file: str, tmp_path: Path) -> None:
    stopping = {**STOPPED, "batch_norm": True, "probes": {"record": ["delta_norm"]}, "epochs": 12}
    run = trained(stopping, tmp_path)
    with np.load(run.path / file) as arrays:
        assert {"mean1", "variance2", "W3"} <= {*arrays.files}
    when = run.epoch if file == "final.npz" else run.summary["best"]["validation_cost"]["epoch"]
    (tmp_path / "given.npz").write_bytes((run.path / file).read_bytes())
    (tmp_path / "more").mkdir()
    asked = {**stopping, "early_stopping": None, "epochs": 0, "init": {"name": "file", "path": "../given.npz"}}
    again = trained(asked, tmp_path / "more")
    for monitor in ("validation_cost", "validation_accuracy"):
        assert again.metrics[monitor][0] == run.metrics[monitor][when], monitor
    bare = {name: value for name, value in np.load(run.path / file).items() if name[:4] not in ("mean", "vari")}
    np.savez(tmp_path / "given.npz", **bare)  # as earlier versions wrote it: the statistics begin anew
    (tmp_path / "bare").mkdir()
    assert trained(asked, tmp_path / "bare").metrics["validation_cost"][0] != again.metrics["validation_cost"][0]
    np.savez(tmp_path / "given.npz", **bare, mean1=np.zeros(6))
    with pytest.raises(Exception, match="variance1 is missing"):
        trained(asked, tmp_path / "bare")
