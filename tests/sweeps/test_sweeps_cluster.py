"""Sweeps on a Dask cluster: a scheduler and two workers, real processes on 127.0.0.1."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sweep_tools as tools

if not importlib.util.find_spec("distributed"):  # whose import takes a second
    pytest.skip("no Dask here", allow_module_level=True)
from dask_cluster import DaskCluster, dask_cluster

from vgrad.errors import ConfigError
from vgrad.storage.lock import exclusive
from vgrad.sweeps.executors import EXECUTORS
from vgrad.sweeps.job import Progress
from vgrad.sweeps.request import Request

pytestmark = [pytest.mark.filterwarnings("ignore"), pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DaskCluster]:
    with dask_cluster(tmp_path_factory.mktemp("dask")) as cluster:
        yield cluster


@pytest.mark.slow
def test_same_bytes_as_here(cluster: DaskCluster, tmp_path: Path) -> None:
    tools.local_events(tools.grid_jobs(tmp_path / "here"), "in_process")
    with EXECUTORS["cluster"].open(Request(scheduler=cluster.address)) as place:
        events = tools.all_events(tools.grid_jobs(tmp_path / "away"), place)
    assert tools.counts(events) == {"complete": 12}
    assert tools.digests(tmp_path / "away") == tools.digests(tmp_path / "here")
    assert any(isinstance(event, Progress) for event in events)


@pytest.mark.slow
def test_an_interrupted_run_travels_and_continues(cluster: DaskCluster, tmp_path: Path) -> None:
    long = tools.some_jobs(tmp_path / "away", [0], epochs=4000)
    seen: list[Progress] = []
    with EXECUTORS["cluster"].open(Request(scheduler=cluster.address)) as place:
        events = list(_watched(tools.dispatch(iter(long), place, cancelled=lambda: bool(seen)), seen))
    assert tools.counts(events) == {"interrupted": 1}
    assert (long[0].path / "checkpoint.npz").exists()
    with EXECUTORS["cluster"].open(Request(scheduler=cluster.address)) as place:
        assert tools.counts(tools.all_events(long, place)) == {"complete": 1}
    assert '"continued_after_epoch": null' not in (long[0].path / "run.json").read_text()
    tools.local_events(tools.some_jobs(tmp_path / "here", [0], epochs=4000), "in_process")
    assert tools.digests(tmp_path / "away") == tools.digests(tmp_path / "here")


def _watched(events: Iterator[object], seen: list[Progress]) -> Iterator[object]:
    for event in events:
        if isinstance(event, Progress) and event.epoch > 0:
            seen.append(event)
        yield event


@pytest.mark.slow
def test_a_run_that_another_process_has_is_left_to_it(cluster: DaskCluster, tmp_path: Path) -> None:
    jobs = tools.some_jobs(tmp_path, range(2))
    jobs[0].path.mkdir()
    with EXECUTORS["cluster"].open(Request(scheduler=cluster.address)) as place:
        loop = tools.dispatch(iter(jobs), place)
        with exclusive(jobs[0].path):
            first = next(event for event in loop if isinstance(event, tools.Ended))
        assert first.job is jobs[1]
        assert tools.counts(list(loop)) == {"complete": 1}


@pytest.mark.slow
def test_faults_on_a_cluster_stay_with_their_runs(cluster: DaskCluster, tmp_path: Path) -> None:
    jobs = tools.thirty(tmp_path)
    with EXECUTORS["cluster"].open(Request(scheduler=cluster.address, timeout=3)) as place:
        place.work = tools.faulty_away  # type: ignore[attr-defined]
        events = tools.all_events(jobs, place, retries=0)
    causes = tools.causes(events)
    assert sorted(causes) == [tools.KILLED, tools.HUNGRY, tools.HANGING, tools.DAMAGED], causes
    assert "killed by SIGKILL" in causes[tools.KILLED]
    assert "not enough memory" in causes[tools.HUNGRY]
    assert "no result after 3 s" in causes[tools.HANGING]
    assert f"t-{jobs[tools.DAMAGED].config.identity}-s{tools.DAMAGED}/checkpoint.npz" in causes[tools.DAMAGED]
    before = tools.stamps(tmp_path)
    with EXECUTORS["cluster"].open(Request(scheduler=cluster.address)) as place:
        assert tools.counts(tools.all_events(jobs, place)) == {"complete": 3, "skipped": 26, "failed": 1}
    assert before.items() <= tools.stamps(tmp_path).items()


def test_no_scheduler_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vgrad.sweeps.cluster.CONNECT_SECONDS", 1.0)
    with (
        pytest.raises(ConfigError, match="no Dask scheduler answers there"),
        EXECUTORS["cluster"].open(Request(scheduler="tcp://127.0.0.1:1")),
    ):
        pass


@pytest.mark.slow
def test_other_versions_are_refused_before_work_is_sent(cluster: DaskCluster, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vgrad.machine.version", lambda name: "0.0")
    with (
        pytest.raises(ConfigError, match=r"numpy 0\.0 here"),
        EXECUTORS["cluster"].open(Request(scheduler=cluster.address)),
    ):
        pass


@pytest.mark.slow
def test_a_worker_killed_from_outside(tmp_path: Path) -> None:
    (tmp_path / "dask").mkdir()
    with dask_cluster(tmp_path / "dask") as cluster:
        jobs = tools.thirty(tmp_path / "runs")
        with EXECUTORS["cluster"].open(Request(scheduler=cluster.address, timeout=5)) as place:
            place.work = tools.slow_away  # type: ignore[attr-defined]
            events = []
            for event in tools.dispatch(iter(jobs), place):
                events.append(event)
                if len([e for e in events if isinstance(e, tools.Ended)]) == 5 and cluster.workers[0].poll() is None:
                    cluster.workers[0].kill()
                    cluster.start_worker()
    assert tools.counts(events) == {"complete": 28, "diverged": 1, "failed": 1}
    assert list(tools.causes(events)) == [tools.DAMAGED]


@pytest.mark.slow
def test_a_scheduler_killed_and_started_again(tmp_path: Path) -> None:
    (tmp_path / "dask").mkdir()
    with dask_cluster(tmp_path / "dask") as cluster:
        jobs = tools.some_jobs(tmp_path / "runs", range(30))
        with EXECUTORS["cluster"].open(Request(scheduler=cluster.address)) as place:
            place.work = tools.slow_away  # type: ignore[attr-defined]
            events, killed = [], False
            for event in tools.dispatch(iter(jobs), place):
                events.append(event)
                if not killed and len([e for e in events if isinstance(e, tools.Ended)]) == 5:
                    killed = True
                    assert cluster.scheduler
                    cluster.scheduler.kill()
                    cluster.scheduler.wait()
                    for worker in cluster.workers:  # they end by themselves, or their launcher ends them
                        worker.kill()
                    cluster.start_scheduler()
                    cluster.start_worker()
                    cluster.start_worker()
    assert tools.counts(events) == {"complete": 30}
    assert len({event.job.name for event in events if isinstance(event, tools.Ended)}) == 30
    tools.local_events(tools.some_jobs(tmp_path / "here", range(30)), "in_process")
    assert tools.digests(tmp_path / "runs") == tools.digests(tmp_path / "here")


@pytest.mark.slow
def test_a_scheduler_that_goes_while_results_are_fetched(
    cluster: DaskCluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Runs that ended, but whose results do not arrive, are done again; none is waited for without end."""
    from distributed import client

    broken = []

    async def breaks(call: Any, *given: Any, **named: Any) -> Any:
        if len(broken) < 3:
            broken.append(call)
            raise OSError("the scheduler is gone")
        return await asked(call, *given, **named)

    asked = client.retry_operation
    monkeypatch.setattr(client, "retry_operation", breaks)
    with EXECUTORS["cluster"].open(Request(scheduler=cluster.address)) as place:
        events = tools.all_events(tools.some_jobs(tmp_path, range(6)), place, retries=0)
    assert len(broken) == 3
    assert tools.counts(events) == {"complete": 6}


class Mute:
    """A client whose workers fail at being asked."""

    def __init__(self, error: Exception) -> None:
        self.error, self.closed = error, False

    def run(self, *_: object, **__: object) -> None:
        raise self.error

    def close(self) -> None:
        self.closed = True


def test_workers_that_cannot_tell_their_versions_are_named() -> None:
    from vgrad.sweeps.cluster import ClusterPlace

    place: Any = object.__new__(ClusterPlace)
    place._client = Mute(TypeError("Could not serialize\x1b[2J object"))
    with pytest.raises(ConfigError, match=r"cannot tell their versions: TypeError: .*\\x1b\[2J"):
        place._versions_there()
    assert place._client.closed
    place._client = Mute(OSError("the scheduler is gone"))
    with pytest.raises(OSError, match="gone"):
        place._versions_there()
