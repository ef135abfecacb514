"""A run that travels: what is sent, how an attempt ends, and files that are published whole or not at all."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import sweep_tools as tools

from vgrad.errors import DataError, RunStateError, StorageError, VgradError
from vgrad.machine import versions
from vgrad.runs.folder import RUN
from vgrad.storage.lock import RunHeld
from vgrad.sweeps import job as jobs
from vgrad.sweeps.job import Files, Outcome, Progress, differences, luggage, publish, train_away, train_here
from vgrad.training.descent import Cancelled
from vgrad.training.initial import with_digest


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Files:
    """Those of a run that was trained away."""
    (job,) = tools.some_jobs(tmp_path_factory.mktemp("away"), [0], epochs=1)
    outcome = train_away(job.config, luggage(job), versions())
    assert (outcome.status, outcome.cause, outcome.again) == ("complete", "", False)
    return outcome.files


def test_what_is_published_is_whole(files: Files, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[str] = []
    monkeypatch.setattr(jobs, "write_file", lambda path, content: written.append(path.name))
    publish(tmp_path, {**files, "unknown": b""})
    assert written == [name for name in written if name in files]
    assert (sorted(written), written[-1]) == (sorted(files), RUN)
    written.clear()
    lost = {name: content for name, content in files.items() if name != "final.npz"}
    for sent in (lost, {**files, "final.npz": b"other"}, {**files, "best.npz": b"more"}):
        with pytest.raises(RunStateError, match="a worker sent files that are not whole"):
            publish(tmp_path, sent)
    assert written == []
    publish(tmp_path, {name: content for name, content in files.items() if name != RUN})  # interrupted
    assert RUN not in written
    assert len(written) == len(files) - 1


@pytest.mark.parametrize(
    ("error", "status", "cause", "again"),
    [
        (StorageError("x: no space"), "failed", "x: no space", True),
        (DataError("x: cut off"), "failed", "x: cut off", False),
        (RunHeld("x: held"), "busy", "x: held", False),
        (Cancelled(), "interrupted", "", False),
        (MemoryError(), "failed", "not enough memory", True),
        (ZeroDivisionError("zero"), "failed", "this is a bug in vgrad: ZeroDivisionError: zero", False),
    ],
)
def test_what_goes_wrong_is_told_and_repeated_where_that_may_help(
    error: Exception, status: str, cause: str, again: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def run(*args: object, **named: object) -> Iterator[Any]:
        raise error
        yield

    monkeypatch.setattr(jobs, "run", run)
    (job,) = tools.some_jobs(tmp_path, [0])
    found = train_here(job.config, tmp_path, tmp_path)
    assert (found.status, found.cause, found.again) == (status, cause, again)


@pytest.mark.parametrize(("seconds", "epochs"), [(0.0, [0, 1, 2, 3]), (1e9, [0])])
def test_progress_is_told_now_and_then(
    seconds: float, epochs: list[int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[Progress] = []
    monkeypatch.setattr(jobs, "report", told.append)
    monkeypatch.setattr(jobs, "REPORT_SECONDS", seconds)
    (job,) = tools.some_jobs(tmp_path, [0], monitor=["train_accuracy", "train_cost"])
    assert train_here(job.config, tmp_path, tmp_path).status == "complete"
    costs = [float(line.split(",")[2]) for line in (job.path / "metrics.csv").read_text().splitlines()[1:]]
    assert told[0] == Progress(job.name, 0, 3, None)
    assert told[1:] == [Progress(job.name, epoch, 3, costs[epoch]) for epoch in epochs]


def test_a_run_that_diverges_is_told(tmp_path: Path) -> None:
    wild = {"optimizer": {"name": "sgd", "learning_rate": 1e300}, "output": "identity", "cost": "quadratic"}
    (job,) = tools.some_jobs(tmp_path, [0], **wild)
    assert train_here(job.config, tmp_path, tmp_path) == Outcome("diverged")


def test_luggage_is_what_a_continued_run_needs(files: Files, tmp_path: Path) -> None:
    (job,) = tools.some_jobs(tmp_path, [0], epochs=1)
    assert luggage(job) == {}
    publish_to = job.path
    publish_to.mkdir()
    publish(publish_to, files)
    needed = ("config.yaml", "initial.npz", "checkpoint.npz")
    assert luggage(job) == {name: files[name] for name in needed}
    continued = train_away(job.config, luggage(job), versions())
    assert {**continued.files, RUN: b""} == {**files, RUN: b""}
    assert json.loads(continued.files[RUN])["continued_after_epoch"] == 1
    (publish_to / "checkpoint.npz").unlink()
    assert luggage(job) == {}
    tree = {**tools.TREE, "init": {"name": "file", "path": "final.npz"}}
    given = replace(job, config=with_digest(tools.check(tree), publish_to)[0], base=publish_to)
    assert luggage(given) == {"initial.npz": files["final.npz"]}
    (publish_to / "final.npz").unlink()
    with pytest.raises(VgradError, match=r"final\.npz: "):
        luggage(given)


def test_other_versions_and_too_large_files_do_not_travel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert differences({"a": "1", "b": "2"}, {"b": "3", "c": "4", "a": "1"}) == (
        "b 2 here, 3 there; c missing here, 4 there"
    )
    (job,) = tools.some_jobs(tmp_path, [0], epochs=0)
    other = train_away(job.config, {}, {**versions(), "numpy": "0"})
    assert (other.status, "numpy" in other.cause, other.files) == ("failed", True, {})
    monkeypatch.setattr(jobs, "MOST_BYTES", 100)
    large = train_away(job.config, {}, versions())
    assert (large.status, "more than" in large.cause, large.files) == ("failed", True, {})


def test_a_complete_run_is_left_alone(files: Files, tmp_path: Path) -> None:
    (job,) = tools.some_jobs(tmp_path, [0], epochs=1)
    assert not job.is_complete()
    job.path.mkdir()
    publish(job.path, files)
    assert job.is_complete()
    assert train_here(job.config, tmp_path, tmp_path).status == "already"
    assert json.loads((job.path / RUN).read_bytes())["status"] == "complete"
