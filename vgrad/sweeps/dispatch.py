"""The loop of a sweep: jobs in, events out; a window of them at a time, failures kept to their own run.

    for event in dispatch(jobs, place, …): …     Skipped, Progress, Ended and Failed, as they happen

A run that fails is repeated `retries` times. One that another process trains is looked at again later. When a worker
of a cluster dies, all runs that it had are suspects: they are repeated when everything else is done, one alone at a
time, so the guilty one is known and the others lose nothing. What is remembered grows with failures only.
"""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError, Future
from dataclasses import dataclass, replace
from functools import partial
from queue import Empty, SimpleQueue
from typing import Generic, Protocol, TypeVar

from vgrad.errors import VgradError
from vgrad.sweeps.job import Outcome, Progress, failure
from vgrad.sweeps.workers import WorkerDied, WorkerHung
from vgrad.text.escapes import printable

POLL_SECONDS = 0.2
BUSY_SECONDS = 1.0
MOST_LOST = 10
"""So many times may a cluster lose a run before that counts as the run's failure."""


class Task(Protocol):
    """What the loop needs to know of a job."""

    @property
    def name(self) -> str:
        """The run's name."""

    def is_complete(self) -> bool:
        """Whether nothing is left to do. A VgradError is a failure of this run."""


T = TypeVar("T", bound=Task)
T_contra = TypeVar("T_contra", bound=Task, contravariant=True)


class Place(Protocol[T_contra]):
    """Where runs happen. `mail` brings the progress that they tell, put there by any thread."""

    mail: SimpleQueue[Progress]

    def width(self) -> int:
        """How many jobs to hand out at a time."""

    def submit(self, job: T_contra) -> Future[Outcome]:
        """Begins a job."""

    def receive(self, job: T_contra, future: Future[Outcome]) -> Outcome:
        """How a job ended; called once for each, in the thread of the loop."""

    def stop(self) -> None:
        """Asks all that runs to end early with a checkpoint, and begins nothing more."""


@dataclass(frozen=True)
class Skipped(Generic[T]):
    """The run was complete; `elsewhere` when another process completed it while this sweep ran."""

    job: T
    elsewhere: bool = False


@dataclass(frozen=True)
class Ended(Generic[T]):
    """A run ended: `complete`, `diverged` or `interrupted`."""

    job: T
    status: str


@dataclass(frozen=True)
class Failed(Generic[T]):
    """Attempt number `attempt` of a run failed; `final` when there will be no other; `storage` when disk, permission or
    memory was what failed."""

    job: T
    cause: str
    attempt: int
    final: bool
    storage: bool = False


Event = Skipped[T] | Ended[T] | Failed[T] | Progress


def outcome_of(future: Future[Outcome]) -> Outcome:
    """What a finished future means for its run."""
    try:
        return future.result()
    except CancelledError:
        return Outcome("lost", "it was lost")
    except (WorkerDied, WorkerHung) as error:
        return Outcome("failed", str(error), again=True)
    except Exception as error:
        return Outcome("failed", f"{type(error).__name__}: {printable(str(error), 200)}", again=True)


def dispatch(
    jobs: Iterator[T],
    place: Place[T],
    *,
    retries: int = 1,
    fail_fast: bool = False,
    cancelled: Callable[[], bool] = lambda: False,
) -> Iterator[Event[T]]:
    """Does all `jobs` at `place`. Ends early, with what runs asked to stop and waited for, when `cancelled()` becomes
    true, or at the first final failure if `fail_fast`."""
    yield from _Loop(jobs, place, retries, fail_fast, cancelled).events()


class _Loop(Generic[T]):
    def __init__(
        self, jobs: Iterator[T], place: Place[T], retries: int, fail_fast: bool, cancelled: Callable[[], bool]
    ) -> None:
        self._jobs, self._place, self._retries = jobs, place, retries
        self._fail_fast, self._cancelled = fail_fast, cancelled
        self._done: SimpleQueue[tuple[T, Future[Outcome]] | Progress] = place.mail  # type: ignore[assignment]
        self._active = 0
        self._exhausted = self._stopping = self._alone = False
        self._again: deque[T] = deque()
        self._busy: deque[tuple[float, T]] = deque()
        self._suspects: deque[T] = deque()
        self._attempts: Counter[str] = Counter()
        self._losses: Counter[str] = Counter()

    def events(self) -> Iterator[Event[T]]:
        while True:
            if not self._stopping and self._cancelled():
                self._stop()
            job, seen = self._next()
            if job is not None:
                yield from self._begin(job, seen)
            elif not self._active and (self._stopping or not self._waiting()):
                return
            yield from self._mail(patient=job is None)

    def _waiting(self) -> bool:
        return bool(not self._exhausted or self._again or self._busy or self._suspects)

    def _stop(self) -> None:
        self._stopping = True
        self._place.stop()

    def _next(self) -> tuple[T | None, bool]:
        """The job to begin now, if any, and whether it has been looked at before."""
        if self._stopping or self._alone or self._active >= self._place.width():
            return None, False
        if self._again:
            return self._again.popleft(), True
        if self._busy and self._busy[0][0] <= time.monotonic():
            return self._busy.popleft()[1], True
        if not self._exhausted:
            job = next(self._jobs, None)
            if job is not None:
                return job, False
            self._exhausted = True
        if self._suspects and not self._active and not self._busy:
            self._alone = True
            return self._suspects.popleft(), True
        return None, False

    def _begin(self, job: T, seen: bool) -> Iterator[Event[T]]:
        try:
            complete = job.is_complete()
        except VgradError as error:
            yield self._failed(job, failure(error))
            return
        if complete:
            self._alone = False
            yield Skipped(job, elsewhere=seen)
            return
        self._active += 1
        self._place.submit(job).add_done_callback(partial(self._post, job))

    def _post(self, job: T, future: Future[Outcome]) -> None:
        self._done.put((job, future))

    def _mail(self, patient: bool) -> Iterator[Event[T]]:
        """What has come in; `patient` waits for it, but not for long, as a signal may want to be heard."""
        try:
            message = self._done.get(timeout=POLL_SECONDS) if patient else self._done.get_nowait()
            while True:
                if isinstance(message, Progress):
                    yield message
                else:
                    self._active -= 1
                    alone, self._alone = self._alone, False
                    yield from self._end(message[0], self._place.receive(*message), alone)
                message = self._done.get_nowait()
        except Empty:
            return

    def _end(self, job: T, outcome: Outcome, alone: bool) -> Iterator[Event[T]]:
        if outcome.status in ("complete", "diverged", "interrupted"):
            del self._attempts[job.name], self._losses[job.name]
            yield Ended(job, outcome.status)
        elif outcome.status == "already":
            yield Skipped(job, elsewhere=True)
        elif outcome.status == "failed" or (outcome.status == "suspect" and alone):
            yield self._failed(job, replace(outcome, again=outcome.again or alone), alone=alone)
        elif outcome.status == "busy":
            self._busy.append((time.monotonic() + BUSY_SECONDS, job))
        elif outcome.status == "suspect":
            self._suspects.append(job)
        else:
            self._losses[job.name] += 1
            if self._losses[job.name] >= MOST_LOST:
                yield self._failed(job, Outcome("failed", f"{outcome.cause}, {MOST_LOST} times"))
            else:
                self._again.append(job)

    def _failed(self, job: T, outcome: Outcome, *, alone: bool = False) -> Failed[T]:
        self._attempts[job.name] += 1
        attempt = self._attempts[job.name]
        final = not outcome.again or attempt > self._retries
        if final:
            del self._attempts[job.name]
            if self._fail_fast and not self._stopping:
                self._stop()
        else:
            (self._suspects if alone else self._again).append(job)
        return Failed(job, outcome.cause, attempt, final, outcome.storage)
