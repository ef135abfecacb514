"""Where the runs of a sweep happen: in this process, in processes of this machine, or on a Dask cluster.

Each entry of EXECUTORS opens a `Place` around a `concurrent.futures.Executor`; what a run does is the same everywhere.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue

from vgrad.errors import ConfigError
from vgrad.sweep.dispatch import Place, outcome_of
from vgrad.sweep.job import Job, Outcome, Progress, train_here
from vgrad.sweep.workers import STOP, WorkerPool, report_to

AHEAD = 2
"""Jobs handed out for each worker: one that runs and one that waits, so no worker waits for the parent."""


@dataclass(frozen=True)
class Request:
    """What a user asks of an executor."""

    jobs: int = 1
    timeout: float | None = None
    scheduler: str = ""


class LocalPlace:
    """Runs that share this machine's file system and train in their own directories; `work` does one of them."""

    def __init__(self, executor: Executor, width: int, mail: SimpleQueue[Progress], stop: Callable[[], None]) -> None:
        self.mail = mail
        self.work: Callable[..., Outcome] = train_here
        self._executor, self._width, self._ask = executor, width, stop

    def width(self) -> int:
        """How many jobs to hand out at a time."""
        return self._width

    def submit(self, job: Job) -> Future[Outcome]:
        """Begins a job."""
        return self._executor.submit(self.work, job.config, job.folder, job.base)

    def receive(self, job: Job, future: Future[Outcome]) -> Outcome:
        """How a job ended."""
        return outcome_of(future)

    def stop(self) -> None:
        """Asks what runs to end early; what waits is cancelled."""
        self._ask()
        self._executor.shutdown(wait=False, cancel_futures=True)


@contextmanager
def in_process(request: Request) -> Iterator[Place[Job]]:
    """One run after the other in a thread of this process: for debuggers. A crash takes all along."""
    mail: SimpleQueue[Progress] = SimpleQueue()
    STOP.clear()
    report_to(mail.put)
    with ThreadPoolExecutor(1) as executor:
        try:
            yield LocalPlace(executor, 1, mail, STOP.set)
        finally:
            STOP.set()


@contextmanager
def processes(request: Request) -> Iterator[Place[Job]]:
    """`jobs` processes of this machine."""
    mail: SimpleQueue[Progress] = SimpleQueue()
    pool = WorkerPool(request.jobs, timeout=request.timeout, receive=mail.put)
    try:
        yield LocalPlace(pool, AHEAD * request.jobs, mail, pool.stop)
    finally:
        pool.stop()
        pool.shutdown(cancel_futures=True)


@contextmanager
def cluster(request: Request) -> Iterator[Place[Job]]:
    """The workers of the Dask scheduler at `scheduler`."""
    try:
        from vgrad.sweep.cluster import ClusterPlace
    except ImportError:
        raise ConfigError("--scheduler: Dask is not installed; pip install 'vgrad[cluster]'") from None

    place = ClusterPlace(request.scheduler, request.timeout)
    try:
        yield place
    finally:
        place.close()


def cores() -> int:
    """The processors that this process may use: by affinity, and by the quota of its control group."""
    count = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    try:
        quota, period = Path("/sys/fs/cgroup/cpu.max").read_text(encoding="ascii").split()
        return count if quota == "max" else max(1, min(count, int(quota) // int(period)))
    except (OSError, ValueError, ZeroDivisionError):
        return count


EXECUTORS: dict[str, Callable[[Request], AbstractContextManager[Place[Job]]]] = {
    "in_process": in_process,
    "processes": processes,
    "cluster": cluster,
}
