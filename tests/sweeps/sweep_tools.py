"""What the tests of sweeps share: small jobs, digests of what they leave, and work that goes wrong in a worker."""

from __future__ import annotations

import hashlib
import os
import resource
import signal
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from vgrad.config.check import check
from vgrad.config.config import Config
from vgrad.runs.folder import RUN
from vgrad.sweeps import job as lab_jobs
from vgrad.sweeps.dispatch import Ended, Failed, Place, Skipped, dispatch
from vgrad.sweeps.executors import EXECUTORS
from vgrad.sweeps.job import Files, Job, Outcome, train_away, train_here
from vgrad.sweeps.request import Request
from vgrad.training.initial import with_digest

__all__ = ["dispatch", "with_digest"]

KILLED, HUNGRY, HANGING, DIVERGING, DAMAGED = 3, 7, 11, 15, 19
"""Seeds of the runs that go wrong."""
TREE = {"name": "t", "layers": {"depth": 2, "width": 3}, "data": "xor", "batch_size": 4, "epochs": 3}


def some_jobs(folder: Path, seeds: Sequence[int], **changes: Any) -> list[Job]:
    """Runs of a second in all."""
    config = check({**TREE, **changes})
    return [Job(config.model_copy(update={"seed": seed}), folder, Path()) for seed in seeds]


def grid_jobs(folder: Path) -> list[Job]:
    """12 runs: two depths, three rates, two seeds."""
    return [
        job
        for depth in (1, 2)
        for rate in (0.1, 0.5, 1.0)
        for job in some_jobs(
            folder,
            range(2),
            layers={"depth": depth, "width": 3},
            optimizer={"name": "sgd", "learning_rate": rate},
        )
    ]


def all_events(jobs: Sequence[Job], place: Place[Job], **options: Any) -> list[Any]:
    """Every event of the sweep."""
    return list(dispatch(iter(jobs), place, **options))


def local_events(jobs: Sequence[Job], name: str = "processes", workers: int = 2, **options: Any) -> list[Any]:
    """Every event of the sweep at a local place."""
    with EXECUTORS[name].open(Request(workers)) as place:
        return all_events(jobs, place, **options)


def counts(events: Sequence[Any]) -> dict[str, int]:
    """How many runs ended how."""
    found = [event.status for event in events if isinstance(event, Ended)]
    found += ["skipped" for event in events if isinstance(event, Skipped)]
    found += ["failed" for event in events if isinstance(event, Failed) and event.final]
    return {status: found.count(status) for status in dict.fromkeys(found)}


def causes(events: Sequence[Any]) -> dict[int, str]:
    """Seed -> cause of the final failures."""
    return {event.job.config.seed: event.cause for event in events if isinstance(event, Failed) and event.final}


def digests(folder: Path) -> dict[str, str]:
    """SHA-256 of every deterministic file below."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != RUN and not path.name.startswith(".")
    }


def stamps(folder: Path) -> dict[str, int]:
    """When each file of a complete run was written."""
    return {
        str(path.relative_to(folder)): path.stat().st_mtime_ns
        for run in folder.glob(f"*/{RUN}")
        for path in run.parent.iterdir()
    }


def thirty(folder: Path) -> list[Job]:
    """Thirty runs, of which one diverges and one has a damaged checkpoint; three more are for `faulty`."""
    jobs = some_jobs(folder, range(30))
    wild = {"optimizer": {"name": "sgd", "learning_rate": 1e300}, "output": "identity", "cost": "quadratic"}
    jobs[DIVERGING] = some_jobs(folder, [DIVERGING], **wild)[0]
    damaged = jobs[DAMAGED].path
    damaged.mkdir(parents=True)
    (damaged / "checkpoint.npz").write_bytes(b"PK\x03\x04 not quite")
    return jobs


def misbehave(seed: int) -> None:
    """What the run with this seed does to its worker."""
    if seed == KILLED:
        os.kill(os.getpid(), signal.SIGKILL)
    if seed == HANGING:
        time.sleep(1000)
    lab_jobs.run = exhausting if seed == HUNGRY else real_run  # type: ignore[attr-defined]


def exhausting(config: Config, *rest: object, **named: object) -> Iterator[Any]:
    """Asks for more memory than there is, as training would."""
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + 2**26, resource.RLIM_INFINITY))
    try:
        yield np.zeros(2**28)
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))


real_run = lab_jobs.run  # type: ignore[attr-defined]


def faulty_here(config: Config, folder: Path, base: Path) -> Outcome:
    """`train_here`, with faults."""
    misbehave(config.seed)
    return train_here(config, folder, base)


def faulty_away(config: Config, files: Files, sent_with: Mapping[str, str]) -> Outcome:
    """`train_away`, with faults."""
    misbehave(config.seed)
    return train_away(config, files, sent_with)


def slow_here(config: Config, folder: Path, base: Path) -> Outcome:
    """`train_here` after a moment."""
    time.sleep(0.3)
    return train_here(config, folder, base)


def slow_away(config: Config, files: Files, sent_with: Mapping[str, str]) -> Outcome:
    """`train_away` after a moment."""
    time.sleep(0.3)
    return train_away(config, files, sent_with)
