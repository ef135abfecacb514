"""A run that travels: what is sent, how an attempt ends, and files that are published whole or not at all."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import sweep_tools as tools

from vgrad.config.check import settled
from vgrad.config.choice import Choice
from vgrad.document.document import load_yaml, with_overrides
from vgrad.errors import DataError, RunStateError, StorageError, VgradError
from vgrad.machine import versions
from vgrad.runs import runner
from vgrad.runs.folder import RUN
from vgrad.storage.lock import RunHeld
from vgrad.sweeps import job as jobs
from vgrad.sweeps.job import Files, Outcome, Progress, differences, luggage, publish, train_away, train_here
from vgrad.training.initial import with_digest
from vgrad.training.pretraining import pretrain
from vgrad.training.rule import Cancelled

EXAMPLES = Path(__file__).resolve().parents[2] / "configs" / "examples" / "data"


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


def test_pretraining_goes_on_where_it_is_sent_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (job,) = tools.some_jobs(tmp_path, [0], epochs=1, pretrain={"name": "rbm", "epochs": 2, "batch_size": 2})
    whole = train_away(job.config, {}, versions()).files
    states = []

    def once(*given: Any) -> Iterator[Any]:
        for state in pretrain(*given):
            states.append(state)
            yield state
            if len(states) == 2:
                raise Cancelled

    monkeypatch.setattr(runner, "pretrain", once)
    cut = train_away(job.config, luggage(job), versions())
    assert (cut.status, sorted(cut.files)) == ("interrupted", ["config.yaml", "pretraining.csv", "pretraining.npz"])
    job.path.mkdir()
    publish(job.path, cut.files)
    assert set(luggage(job)) == {"config.yaml", "pretraining.npz"}
    ended = train_away(job.config, luggage(job), versions())
    assert {**ended.files, RUN: b""} == {**whole, RUN: b""}
    assert len(states[-1].measured) == len(states)  # none was computed twice


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


@pytest.mark.parametrize("kind", ["csv", "npz", "idx"])
def test_data_of_a_relative_path_go_along(kind: str, tmp_path: Path) -> None:
    """With the bytes of a run at home; from an absolute path, a worker takes what it has there."""
    file = EXAMPLES / f"{kind}.yaml"
    config = settled(with_overrides(load_yaml(file), ["epochs=1"]), kind)
    job = jobs.Job(config, tmp_path, EXAMPLES, ())
    sent = luggage(job)
    assert sent
    assert all(name.startswith("given/") for name in sent)
    away = train_away(config, sent, versions())
    assert (away.status, away.cause) == ("complete", "")
    assert train_here(config, tmp_path, EXAMPLES).status == "complete"
    for name in ("metrics.csv", "gradients.csv", "final.npz", "config.yaml"):
        assert away.files[name] == (job.path / name).read_bytes()
    assert "no such file" in train_away(config, {}, versions()).cause
    moved = {**config.data.parameters, "path": str(EXAMPLES / config.data.parameters["path"])}
    fixed = config.model_copy(update={"data": Choice(kind, moved)})
    assert luggage(replace(job, config=fixed, folder=tmp_path / "other")) == {}
    assert train_away(fixed, {}, versions()).status == "complete"
    outside = config.model_copy(update={"data": Choice(kind, {**moved, "path": "../data/x"})})
    with pytest.raises(DataError, match="leads out of the folder of the config; write an absolute path"):
        luggage(replace(job, config=outside))
