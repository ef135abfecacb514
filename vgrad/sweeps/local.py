"""Runs of a sweep on this machine: one after the other in this process, or in processes of their own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import contextmanager
from queue import SimpleQueue

from vgrad.sweeps.dispatch import Place, outcome_of
from vgrad.sweeps.job import Job, Outcome, Progress, train_here
from vgrad.sweeps.request import Request
from vgrad.sweeps.workers import STOP, WorkerPool, report_to

AHEAD = 2
"""Jobs handed out for each worker: one that runs and one that waits, so no worker waits for the parent."""


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
    report_to(mail.put)
    try:
        with ThreadPoolExecutor(1) as executor:
            try:
                yield LocalPlace(executor, 1, mail, STOP.set)
            finally:
                STOP.set()  # what still runs ends early
    finally:
        STOP.clear()  # nothing does any more: whoever trains next in this process is not asked to stop


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
