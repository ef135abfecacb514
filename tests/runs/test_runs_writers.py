"""Writing to folders that were there before: attempts stay, links are not followed, sweeps tell what mixes."""

from __future__ import annotations

import errno
import json
import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from vgrad import cli, machine
from vgrad.errors import StorageError, SweepError
from vgrad.sweeps.dispatch import Failed
from vgrad.sweeps.job import Job
from vgrad.sweeps.tally import Tally

CONFIG = "layers: [2, 2, 2]\ndata: xor\nbatch_size: 4\nepochs: %d\nname: w\n"
SWEEP = CONFIG % 2 + "grid: {activation: [tanh, sigmoid]}\nseeds: 2\n"


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "w.yaml").write_text(CONFIG % 2)
    (tmp_path / "s.yaml").write_text(SWEEP)
    return tmp_path


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def test_a_restart_never_touches_an_earlier_attempt(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Whatever its number, and whatever has the name of the next one: a link, a file, a directory that is not empty."""
    assert cli.run(["train", "w.yaml", "-q"]) == 0
    (run,) = (here / "runs").iterdir()
    elsewhere = here / "elsewhere"
    elsewhere.mkdir()
    (run / "attempt-999999999").mkdir()
    (run / "attempt-1000000000").mkdir()
    (run / "attempt-1000000000" / "run.json").write_text("kept")
    (run / f"attempt-{'9' * 200}").mkdir()
    (run / "attempt-7").mkdir()
    (run / "attempt-8").symlink_to(elsewhere)
    (run / "attempt-9").write_text("kept")
    (run / "attempt-10").symlink_to(here / "nothing")
    (run / "attempt-999999").symlink_to(elsewhere)
    (run / "attempt-1000001").mkdir()
    for last in ("attempt-1000000", "attempt-1000002"):
        before = contents(run)
        capsys.readouterr()
        assert cli.run(["train", "w.yaml", "-q", "--restart"]) == 0, capsys.readouterr().err
        after = contents(run)
        assert {name for name in after if "attempt-" in name} - set(before) == {
            str(run / last / path.name)
            for path in run.iterdir()
            if path.is_file() and path.name not in (".lock", "attempt-9")
        }
        assert all(after[name] == content for name, content in before.items() if "attempt-" in name)
    assert not list(elsewhere.iterdir())
    assert not (here / "nothing").exists()


def linked(here: Path, name: str) -> Path:
    """`name` in the runs directory leads elsewhere."""
    elsewhere = here / "elsewhere"
    elsewhere.mkdir()
    (here / "runs" / name).parent.mkdir(parents=True)
    (here / "runs" / name).symlink_to(elsewhere)
    return elsewhere


@pytest.mark.parametrize("words", [["sweep", "s.yaml", "-q", "-j", "0"], ["sweep", "s.yaml", "-q", "--scheduler", "x"]])
def test_the_folder_of_a_sweep_is_no_link(here: Path, words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    elsewhere = linked(here, "w")
    assert cli.run(words) == 5
    assert "is a link to somewhere else" in capsys.readouterr().err
    assert not list(elsewhere.iterdir())


def test_a_folder_that_a_person_names_may_be_a_link(here: Path) -> None:
    elsewhere = here / "elsewhere"
    elsewhere.mkdir()
    (here / "link").symlink_to(elsewhere)
    assert cli.run(["train", "w.yaml", "-q", "--runs-dir", "link"]) == 0
    assert cli.run(["sweep", "s.yaml", "-q", "-j", "0", "--runs-dir", "link"]) == 0
    assert cli.run(["report", "link/w", "-o", "link/x.csv"]) == 0
    assert (here / "link").is_symlink()
    assert len(list(elsewhere.glob("**/run.json"))) == 5
    assert (elsewhere / "x.csv").stat().st_size > 100


def run_names(here: Path, capsys: pytest.CaptureFixture[str], config: str) -> list[str]:
    assert cli.run(["sweep", config, "--dry-run"]) == 0
    return [Path(line.split()[0]).name for line in capsys.readouterr().out.splitlines()]


def test_a_run_directory_is_no_link_and_failures_of_storage_alone_are_exit_5(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first, *others = run_names(here, capsys, "s.yaml")
    elsewhere = linked(here, f"w/{first}")
    assert cli.run(["sweep", "s.yaml", "-q", "-j", "0", "--retries", "0"]) == 5
    assert "is a link to somewhere else" in capsys.readouterr().err
    assert not list(elsewhere.iterdir())
    (here / "runs" / "w" / others[0] / "run.json").write_text("{")
    assert cli.run(["sweep", "s.yaml", "-q", "-j", "0", "--retries", "0"]) == 6
    assert all((here / "runs" / "w" / name / "run.json").exists() for name in others)


def test_a_cluster_writes_into_no_link_and_empties_no_file_with_two_names(here: Path) -> None:
    cluster = pytest.importorskip("vgrad.sweeps.cluster")
    from vgrad.config.check import check

    config = check({"name": "w", "layers": [2, 2, 2], "data": "xor", "batch_size": 4, "epochs": 2})
    sent: list[object] = []
    place = SimpleNamespace(_locks={}, _client=SimpleNamespace(submit=lambda *given, **_: sent.append(given)))
    place._unlock = lambda job: cluster.ClusterPlace._unlock(place, job)
    place._left = lambda job, outcome: cluster.ClusterPlace._left(place, job, outcome)
    elsewhere = linked(here, config.run_name)
    job = Job(config, here / "runs", here)
    outcome = cluster.ClusterPlace.submit(place, job).result()
    assert (outcome.status, outcome.storage) == ("failed", True)
    assert not list(elsewhere.iterdir())
    job.path.unlink()
    job.path.mkdir()
    (here / "victim").write_text("kept")
    os.link(here / "victim", job.path / ".lock")
    outcome = cluster.ClusterPlace.submit(place, job).result()
    assert (outcome.status, outcome.storage) == ("failed", False)
    assert (here / "victim").read_text() == "kept"
    assert sent == []


def test_a_sweep_in_the_place_of_a_run_is_refused(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["train", "w.yaml", "-q"]) == 0
    (run,) = (here / "runs").iterdir()
    before = contents(run)
    assert cli.run(["sweep", "s.yaml", "-s", f"name={run.name}", "-q", "-j", "0"]) == 4
    assert "is a run; give the sweep another name" in capsys.readouterr().err
    assert contents(run) == before


def test_failures_are_of_storage_when_all_of_them_are() -> None:
    tally, job = Tally(3), cast(Any, SimpleNamespace(name="x"))
    tally.add(Failed(job, "full", 1, final=False, storage=True))
    tally.add(Failed(job, "full", 2, final=True, storage=True))
    assert tally.failure is StorageError
    tally.add(Failed(job, "bad", 1, final=True))
    assert tally.failure is SweepError


def test_a_full_disk_is_exit_5_of_a_sweep(
    here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    real = os.write

    def write(descriptor: int, content: bytes) -> int:
        if ".npz" in str(Path(f"/proc/self/fd/{descriptor}").readlink()):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return real(descriptor, content)

    monkeypatch.setattr(os, "write", write)
    assert cli.run(["sweep", "s.yaml", "-q", "-j", "0", "--retries", "0"]) == 5
    assert "no space left on device" in capsys.readouterr().err


def test_a_sweep_continued_under_other_libraries_says_so_once(
    here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.run(["sweep", "s.yaml", "-q", "-j", "0"]) == 0
    assert capsys.readouterr().err == ""
    monkeypatch.setattr(machine, "versions", lambda: {"numpy": "9.9"})
    assert cli.run(["sweep", "s.yaml", "-q", "-j", "0", "--seeds", "3"]) == 0
    told = capsys.readouterr().err
    assert told.startswith("2 of 6 runs were computed with numpy 9.9")
    assert "; the others with vgrad " in told
    assert told.endswith(": other bits than an undisturbed sweep's\n")
    (run, *_) = sorted((here / "runs" / "w").glob("w-*-s0"))
    facts = json.loads((run / "run.json").read_text())
    (run / "run.json").write_text(json.dumps({**facts, "surroundings": ["numpy 1", "numpy 9.9"]}))
    monkeypatch.undo()
    monkeypatch.chdir(here)
    assert cli.run(["sweep", "s.yaml", "-q", "-j", "0"]) == 0
    assert capsys.readouterr().err.startswith(
        "1 of 4 runs were computed with numpy 1, then numpy 9.9; the others with "
    )
