"""Sweeps in processes of this machine: the same bytes however they are run, and failures that stay where they are."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
import sweep_tools as tools

from vgrad.errors import RunStateError
from vgrad.sweeps.dispatch import Failed, Skipped
from vgrad.sweeps.executors import EXECUTORS
from vgrad.sweeps.job import Job, Progress
from vgrad.sweeps.request import Request

pytestmark = pytest.mark.usefixtures("forked_workers")


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What 12 runs leave, trained one after the other in this process."""
    folder = tmp_path_factory.mktemp("reference")
    assert tools.counts(tools.local_events(tools.grid_jobs(folder), "in_process")) == {"complete": 12}
    return tools.digests(folder)


@pytest.mark.parametrize(
    ("workers", "shuffled"), [(2, True), (7, False), pytest.param(1, False, marks=pytest.mark.slow)]
)
def test_same_bytes_whatever_the_workers_and_the_order(
    reference: dict[str, str], workers: int, shuffled: bool, tmp_path: Path
) -> None:
    jobs = tools.grid_jobs(tmp_path)
    if shuffled:
        random.Random(1).shuffle(jobs)
    assert tools.counts(tools.local_events(jobs, workers=workers)) == {"complete": 12}
    assert tools.digests(tmp_path) == reference
    assert len(reference) == 12 * 7


def test_a_second_start_touches_nothing(tmp_path: Path) -> None:
    jobs = tools.some_jobs(tmp_path, range(3))
    tools.local_events(jobs)
    before = tools.stamps(tmp_path)
    assert tools.counts(tools.local_events(jobs)) == {"skipped": 3}
    assert tools.stamps(tmp_path) == before


def test_a_grown_sweep_trains_what_is_missing(tmp_path: Path) -> None:
    tools.local_events(tools.some_jobs(tmp_path, range(2)))
    before = tools.stamps(tmp_path)
    assert tools.counts(tools.local_events(tools.some_jobs(tmp_path, range(5)))) == {"skipped": 2, "complete": 3}
    assert before.items() <= tools.stamps(tmp_path).items()


def test_failures_stay_with_their_runs(tmp_path: Path) -> None:
    jobs = tools.thirty(tmp_path)
    with EXECUTORS["processes"].open(Request(2, timeout=3)) as place:
        place.work = tools.faulty_here  # type: ignore[attr-defined]
        events = tools.all_events(jobs, place)
    assert tools.counts(events) == {"complete": 25, "diverged": 1, "failed": 4}
    causes = tools.causes(events)
    assert sorted(causes) == [tools.KILLED, tools.HUNGRY, tools.HANGING, tools.DAMAGED]
    assert "killed by SIGKILL" in causes[tools.KILLED]
    assert "not enough memory" in causes[tools.HUNGRY]
    assert causes[tools.HANGING] == "no result after 3 s; its worker was killed"
    assert "damaged checkpoint" in causes[tools.DAMAGED]
    attempts = [event.job.config.seed for event in events if isinstance(event, Failed)]
    assert sorted(attempts) == sorted([*[tools.KILLED, tools.HUNGRY, tools.HANGING] * 2, tools.DAMAGED])

    before = tools.stamps(tmp_path)
    again = tools.local_events(jobs)
    assert tools.counts(again) == {"complete": 3, "skipped": 26, "failed": 1}
    assert before.items() <= tools.stamps(tmp_path).items()


def test_fail_fast_ends_the_sweep(tmp_path: Path) -> None:
    jobs = tools.some_jobs(tmp_path, [tools.KILLED, *range(100, 160)])
    with EXECUTORS["processes"].open(Request(2)) as place:
        place.work = tools.faulty_here  # type: ignore[attr-defined]
        events = tools.all_events(jobs, place, retries=0, fail_fast=True)
    assert tools.counts(events)["failed"] == 1
    assert tools.counts(events).get("complete", 0) < 50


def test_a_request_to_stop_saves_what_is_active(tmp_path: Path) -> None:
    jobs = tools.some_jobs(tmp_path, range(4), epochs=10**6)
    seen: list[object] = []
    with EXECUTORS["processes"].open(Request(2)) as place:
        events = tools.dispatch(iter(jobs), place, cancelled=lambda: len({getattr(e, "run", 0) for e in seen}) >= 2)
        for event in events:
            if isinstance(event, Progress) and event.epoch > 0:
                seen.append(event)
            elif not isinstance(event, Progress):
                assert event.status == "interrupted"  # type: ignore[union-attr]
    saved = [job for job in jobs if (job.path / "checkpoint.npz").exists()]
    assert len(saved) == 2


def test_two_sweeps_share_the_work(tmp_path: Path) -> None:
    """Two loops, each with workers of its own, turn about in one thread."""
    jobs = tools.some_jobs(tmp_path, range(12))
    with EXECUTORS["processes"].open(Request(2)) as one, EXECUTORS["processes"].open(Request(2)) as other:
        one.work = other.work = tools.slow_here  # type: ignore[attr-defined]
        loops = [tools.dispatch(iter(jobs), place) for place in (one, other)]
        events: list[list[object]] = [[], []]
        while loops:
            for loop, found in list(zip(loops, events, strict=False)):
                event = next(loop, None)
                if event is None:
                    loops.remove(loop)
                else:
                    found.append(event)
    ended = [event.job.name for found in events for event in found if isinstance(event, tools.Ended)]
    trained = [tools.counts(found).get("complete", 0) for found in events]
    assert all(tools.counts(found).get("failed", 0) == 0 for found in events)
    assert sorted(ended) == sorted(job.name for job in jobs)
    assert min(trained) > 0
    skipped = [event for found in events for event in found if isinstance(event, Skipped)]
    assert len(ended) + len(skipped) == 24


def test_another_config_with_the_same_hash_is_refused(tmp_path: Path) -> None:
    job = tools.some_jobs(tmp_path, [0])[0]
    tools.local_events([job], "in_process")
    text = (job.path / "config.yaml").read_text()
    (job.path / "config.yaml").write_text(text.replace("epochs: 3", "epochs: 4"))
    with pytest.raises(RunStateError, match="another config with the same hash"):
        job.is_complete()
    assert "same hash" in tools.causes(tools.local_events([job]))[0]


def test_a_file_of_parameters_is_part_of_the_run(tmp_path: Path) -> None:
    first = tools.some_jobs(tmp_path / "a", [0])[0]
    tools.local_events([first], "in_process")
    tree = {**tools.TREE, "init": {"name": "file", "path": "final.npz"}}
    config = tools.with_digest(tools.check(tree), first.path)[0]
    job = Job(config, tmp_path / "b", first.path)
    assert tools.counts(tools.local_events([job])) == {"complete": 1}
    assert job.is_complete()
