"""Runs on a Dask cluster, whose workers share no file system with the submitting process.

    submitting process                          Dask worker
    lock of the run, files to continue from --> train_on_worker --> a child process of its own, train_away
    run directory, run.json last            <-- all files of the run
    progress                                <-- events of a topic

A worker trains in a child process, as a local sweep does: same BLAS settings, so same bytes, and a run that crashes or
hangs leaves the Dask worker alone. The lock is held from submission to publication, so a run that two sweeps want is
done once. When the scheduler goes, its runs are lost and wait here until one answers at the same address again.
"""

from __future__ import annotations

import logging
import resource
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import astuple, replace
from queue import SimpleQueue
from typing import Any

from distributed import Client, KilledWorker, get_worker

from vgrad.config.config import Config
from vgrad.errors import ConfigError, SweepError, VgradError
from vgrad.machine import versions
from vgrad.runs.folder import RUN, RunFolder
from vgrad.runs.runner import remove_if_unused
from vgrad.storage import own_folder, remove_leftovers
from vgrad.storage.lock import RunHeld, exclusive
from vgrad.sweeps.dispatch import Place, outcome_of
from vgrad.sweeps.job import Files, Job, Outcome, Progress, differences, failure, luggage, publish, train_away
from vgrad.sweeps.request import Request
from vgrad.sweeps.workers import Worker
from vgrad.text.escapes import printable

CONNECT_SECONDS = 10.0
AWAY_SECONDS = 600.0
"""How long the scheduler may be gone."""
WIDTH_SECONDS = 2.0
AHEAD = 2
SPARE_FILES = 128
PUBLISHERS = 8
"""Threads that write what has come back: they wait for the disk, which takes several waits together."""

Work = Callable[[Config, Files, Mapping[str, str]], Outcome]

# On a worker.

_lanes: dict[int, tuple[str, Worker]] = {}
_stopped: set[str] = set()


def train_on_worker(
    sweep: str, timeout: float | None, work: Work, config: Config, files: Files, sent_with: Mapping[str, str]
) -> Outcome:
    """A task of the sweep with this token: does `work` in the child process of the thread that calls."""
    if sweep in _stopped:
        return Outcome("lost")
    here, thread = get_worker(), threading.get_ident()
    token, lane = _lanes.get(thread, ("", None))
    if lane is None or token != sweep:
        if lane:
            lane.close()

        def tell(progress: Progress) -> None:
            here.log_event(sweep, astuple(progress))

        lane = Worker(timeout, tell)
        _lanes[thread] = (sweep, lane)
    try:
        return lane.call(work, (config, files, dict(sent_with)))
    except CancelledError:
        return Outcome("lost")


def stop_on_worker(sweep: str) -> None:
    """Asks the runs of this sweep to end early; tasks of it that come later do nothing."""
    _stopped.add(sweep)
    for token, lane in list(_lanes.values()):
        if token == sweep:
            lane.stop()


# In the submitting process.


@contextmanager
def cluster(request: Request) -> Iterator[Place[Job]]:
    """The workers of the Dask scheduler at the request's address."""
    place = ClusterPlace(request.scheduler, request.timeout)
    try:
        yield place
    finally:
        place.close()


class ClusterPlace:
    """The workers of the scheduler at `address`; each run is done by `work` there."""

    def __init__(self, address: str, timeout: float | None) -> None:
        self.mail: SimpleQueue[Progress] = SimpleQueue()
        self.work: Work = train_away
        self._address, self._timeout = address, timeout
        self._sweep = f"vgrad-{uuid.uuid4().hex}"
        self._versions = versions()
        self._locks: dict[str, ExitStack] = {}
        self._publishers = ThreadPoolExecutor(PUBLISHERS)
        self._width, self._asked, self._gone_since = 0, float("-inf"), None
        self._most = _files_allowed()
        logging.getLogger("distributed").setLevel(logging.CRITICAL)  # what it would log is told by this class
        try:
            self._connect()
        except (OSError, ValueError, TypeError) as error:
            told = printable(str(error), 120)
            raise ConfigError(f"--scheduler {printable(address)}: no Dask scheduler answers there: {told}") from None

    _gone_since: float | None
    _client: Any

    def width(self) -> int:
        """Two jobs for each thread of the workers that there are now; none while the scheduler is gone."""
        now = time.monotonic()
        if now - self._asked < WIDTH_SECONDS:
            return self._width
        self._asked = now
        try:
            if self._client.status == "closed":
                self._connect()
            if self._client.status == "running":
                self._client.subscribe_topic(self._sweep, self._hear)  # a scheduler that was restarted has forgotten
                threads = sum(self._client.nthreads().values())
                self._width, self._gone_since = min(AHEAD * threads, self._most), None
                return self._width
        except OSError:
            pass
        self._width, self._gone_since = 0, self._gone_since or now
        if now - self._gone_since > AWAY_SECONDS:
            raise SweepError(f"the scheduler at {self._address} is gone; start one, then the same command continues")
        return 0

    def submit(self, job: Job) -> Future[Outcome]:
        """Begins a job, whose directory is locked until it is received."""
        try:
            own_folder(job.path)
            lock = ExitStack()
            lock.enter_context(exclusive(job.path))
            self._locks[job.name] = lock
            remove_leftovers(job.path)
            if RunFolder(job.path).facts() is not None:
                return self._left(job, Outcome("busy", "it has just been completed"))
            files = luggage(job)
        except RunHeld as error:
            return self._left(job, Outcome("busy", str(error)))
        except VgradError as error:
            return self._left(job, failure(error))
        published: Future[Outcome] = Future()
        try:
            returned = self._client.submit(
                train_on_worker, self._sweep, self._timeout, self.work, job.config, files, self._versions, pure=False
            )
        except Exception as error:  # the client has just closed; distributed has no common error for it
            return self._left(job, Outcome("lost", f"it could not be sent: {printable(str(error), 120)}"))
        returned.add_done_callback(lambda done: self._publishers.submit(self._arrive, job, done, published) and None)
        return published

    def receive(self, job: Job, future: Future[Outcome]) -> Outcome:
        """How a job ended; what it sent is in its directory by now, and the lock is given back."""
        return outcome_of(future)

    def _arrive(self, job: Job, returned: Any, published: Future[Outcome]) -> None:
        """What a publisher does with a run that is back; `returned` is Dask's future."""
        try:
            outcome = self._outcome(job, returned)
        except BaseException as error:
            self._unlock(job)
            published.set_exception(error)
        else:
            self._unlock(job)
            published.set_result(outcome)

    def _outcome(self, job: Job, returned: Any) -> Outcome:
        if returned.status == "error" and isinstance(returned.exception(), KilledWorker):
            return Outcome("suspect", "the Dask workers that it was sent to died one after the other")
        try:  # not by Dask's executor, whose futures stay undone when the scheduler goes while a result is fetched
            outcome = returned.result() if returned.status == "finished" else outcome_of(returned)
        except Exception as error:
            return Outcome("lost", f"it could not be fetched: {printable(str(error), 120)}")
        try:
            if outcome.status in ("complete", "diverged") and RUN not in outcome.files:
                return Outcome("failed", "its worker sent no run.json", again=True)
            publish(job.path, outcome.files)
        except VgradError as error:
            return failure(error, again=True)
        return replace(outcome, files={})

    def _left(self, job: Job, outcome: Outcome) -> Future[Outcome]:
        """The future of a job that was not sent."""
        self._unlock(job)
        future: Future[Outcome] = Future()
        future.set_result(outcome)
        return future

    def _unlock(self, job: Job) -> None:
        lock = self._locks.pop(job.name, None)
        if lock:
            remove_if_unused(job.path)
            lock.close()

    def stop(self) -> None:
        """Asks what runs to end early; what waits at the scheduler comes back undone."""
        with suppress(Exception):  # without scheduler nothing of ours runs any more
            if self._client.status == "running":
                self._client.run(stop_on_worker, self._sweep, on_error="ignore")

    def close(self) -> None:
        """Ends the children of this sweep and the connection."""
        self.stop()
        with suppress(Exception):
            self._client.close(timeout=CONNECT_SECONDS)
        self._publishers.shutdown()
        for lock in self._locks.values():
            lock.close()

    def _connect(self) -> None:
        dask: Any = Client  # untyped
        self._client = dask(self._address, timeout=CONNECT_SECONDS, set_as_default=False)
        self._compare(self._versions_there())

    def _versions_there(self) -> Mapping[str, Any]:
        """Those of every worker, or the exception that asking it ended in; ConfigError where asking does not work."""
        try:
            found: Mapping[str, Any] = self._client.run(versions, on_error="return")
        except OSError:  # the scheduler is gone
            raise
        except Exception as error:  # what a worker cannot unpickle or send; distributed has no common error for it
            told = printable(f"{type(error).__name__}: {error}", 200)
            self._client.close()
            raise ConfigError(f"--scheduler: its workers cannot tell their versions: {told}") from None
        return found

    def _hear(self, event: tuple[float, tuple[Any, ...]]) -> None:
        self.mail.put(Progress(*event[1]))

    def _compare(self, found: Mapping[str, Any]) -> None:
        """ConfigError where a worker would give other bits."""
        wrong = []
        for worker, theirs in found.items():
            if isinstance(theirs, BaseException):
                wrong.append(f"{worker}: vgrad does not work there: {printable(str(theirs), 120)}")
            elif theirs != self._versions:
                wrong.append(f"{worker}: {differences(self._versions, theirs)}")
        if wrong:
            self._client.close()
            raise ConfigError(*(f"--scheduler: worker {line}; install the same versions" for line in wrong[:20]))


def _files_allowed() -> int:
    """How many locks may be held: each is an open file."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        with suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
            soft = hard
    return 10**6 if soft == resource.RLIM_INFINITY else max(soft - SPARE_FILES, 1)
