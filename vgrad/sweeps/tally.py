"""Where a sweep stands: counts, active runs and failures, kept from its events and written for `vgrad status`.

`.sweep-<token>.json` in the sweep's folder belongs to one process. It is a report, not a record: what is complete, run
directories say. `SweepStatus` is what stands in it, and is what writes it and reads it.
"""

from __future__ import annotations

import json
import os
import socket
import time
import uuid
from collections import deque
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from vgrad.errors import RunStateError, StorageError, SweepError, Unreadable, VgradError
from vgrad.runs.facts import Count, Words, checked
from vgrad.storage import own_folder, write_file
from vgrad.storage.json import read_json
from vgrad.storage.reading import entries, may_be_folder, state_error
from vgrad.sweeps.dispatch import Ended, Event, Failed, Skipped, Task
from vgrad.sweeps.job import Progress

PREFIX, SUFFIX = ".sweep-", ".json"
WRITE_SECONDS = 2.0
STALE_SECONDS = 30.0
RECENT = 200
MOST_FAILURES = 1000
MOST_CAUSE = 2000


_MODEL = ConfigDict(strict=True, allow_inf_nan=False, frozen=True)
_Seconds = Annotated[float, Field(ge=0, le=1e15)]


class ActiveRun(BaseModel):
    """A run that is being trained: its last epoch and the cost there."""

    model_config = _MODEL
    run: Words
    epoch: Count
    epochs: Count
    cost: float | None


class FailedRun(BaseModel):
    """A run that failed for good, and why."""

    model_config = _MODEL
    run: Words
    cause: str = Field(max_length=MOST_CAUSE)


class SweepStatus(BaseModel):
    """A `.sweep-….json`: which sweep of which process, and where it stands."""

    model_config = _MODEL
    sweep: Words
    pid: Count
    host: Words
    state: Literal["running", "finished", "stopped"]
    total: Count
    trained: Count
    skipped: Count
    elsewhere: Count
    diverged: Count
    failed: Count
    interrupted: Count
    per_minute: Annotated[float, Field(ge=0)] | None
    seconds_left: _Seconds | None
    active: list[ActiveRun]
    failures: list[FailedRun]

    @property
    def finished(self) -> int:
        """Runs about which nothing is left to do."""
        return self.trained + self.skipped + self.failed


@dataclass(frozen=True)
class Sweep:
    """A sweep that runs or ran in `folder`: its status, `age` seconds old. One that says it is running and has not
    written for a while was killed: its `state` is gone."""

    folder: Path
    age: float
    status: SweepStatus

    @property
    def state(self) -> str:
        """That of the status, or gone."""
        return "gone" if self.status.state == "running" and self.age > STALE_SECONDS else self.status.state

    def plain(self) -> dict[str, Any]:
        """For JSON."""
        tree = {"folder": str(self.folder), "age": round(self.age, 1), **self.status.model_dump()}
        return {**tree, "state": self.state}


@dataclass
class Tally:
    """`total` is the number of runs, `trained` counts those that this sweep did, diverged ones included, and
    `storage` those of the failed ones that disk, permission or memory stopped."""

    total: int
    trained: int = 0
    skipped: int = 0
    elsewhere: int = 0
    diverged: int = 0
    failed: int = 0
    interrupted: int = 0
    storage: int = 0
    active: dict[str, Progress] = field(default_factory=dict)
    failures: list[tuple[str, str]] = field(default_factory=list)
    _ends: deque[float] = field(default_factory=lambda: deque(maxlen=RECENT))
    _begun: float = field(default_factory=time.monotonic)

    @property
    def finished(self) -> int:
        """Runs about which nothing is left to do."""
        return self.trained + self.skipped + self.failed

    @property
    def failure(self) -> type[VgradError]:
        """What runs that failed mean for the sweep: nothing but the place, where nothing else was wrong with any."""
        return StorageError if self.storage == self.failed else SweepError

    @property
    def per_minute(self) -> float | None:
        """Runs trained a minute, over the last RECENT ones."""
        if not self._ends:
            return None
        since = self._begun if len(self._ends) < RECENT else self._ends[0]
        return 60 * len(self._ends) / max(time.monotonic() - since, 1e-3)

    @property
    def seconds_left(self) -> float | None:
        """At the present pace."""
        pace = self.per_minute
        return None if not pace else 60 * max(self.total - self.finished, 0) / pace

    def add(self, event: Event[Task]) -> None:
        """Takes one event in."""
        if isinstance(event, Progress):
            self.active[event.run] = event
            return
        self.active.pop(event.job.name, None)
        if isinstance(event, Skipped):
            self.skipped += 1
            self.elsewhere += event.elsewhere
        elif isinstance(event, Ended) and event.status == "interrupted":
            self.interrupted += 1
        elif isinstance(event, Ended):
            self.trained += 1
            self.diverged += event.status == "diverged"
            self._ends.append(time.monotonic())
        elif isinstance(event, Failed) and event.final:
            self.failed += 1
            self.storage += event.storage
            if len(self.failures) < MOST_FAILURES:
                self.failures.append((event.job.name, event.cause[:MOST_CAUSE]))

    def plain(self) -> dict[str, Any]:
        """For JSON."""
        names = ("total", "trained", "skipped", "elsewhere", "diverged", "failed", "interrupted")
        counts = {name: getattr(self, name) for name in names}
        return {
            **counts,
            "per_minute": self.per_minute,
            "seconds_left": self.seconds_left,
            "active": [asdict(progress) for progress in self.active.values()],
            "failures": [{"run": run, "cause": cause} for run, cause in self.failures],
        }


class StatusFile:
    """What other shells can read of a sweep that runs in `folder`."""

    def __init__(self, folder: Path, name: str) -> None:
        self._path = folder / f"{PREFIX}{uuid.uuid4().hex[:8]}{SUFFIX}"
        self._head = {"sweep": name, "pid": os.getpid(), "host": socket.gethostname()}
        self._written = float("-inf")

    def write(self, tally: Tally, state: str = "running") -> None:
        """At most every WRITE_SECONDS while it is running. The first time, reports of ended sweeps are removed."""
        if state == "running" and time.monotonic() - self._written < WRITE_SECONDS:
            return
        if self._written < 0:
            own_folder(self._path.parent)
            _clear(self._path.parent)
        status = SweepStatus.model_validate({**self._head, "state": state, **tally.plain()})
        write_file(self._path, json.dumps(status.model_dump(), indent=1, allow_nan=False).encode() + b"\n")
        self._written = time.monotonic()


def read_statuses(folder: Path) -> tuple[list[Sweep], list[str]]:
    """The sweeps that run or ran in `folder` or in the folders directly below, and a line for each file that does not
    tell of one, and for each file and folder that cannot be read."""
    found, problems = list[Sweep](), list[str]()
    here = _listed(folder, problems)
    below = [path for place in here for path in _listed(place, problems)]
    for path in filter(is_report, [*here, *below]):
        try:
            sweep = _read(path)
        except Unreadable as error:
            problems += error.problems
            continue
        except RunStateError as error:
            problems += [f"{problem}; remove it" for problem in error.problems]
            continue
        found += [sweep] if sweep else []
    return found, problems


def is_report(path: Path) -> bool:
    """Whether this is the name of a sweep's report."""
    return path.name.startswith(PREFIX) and path.name.endswith(SUFFIX)


def _listed(folder: Path, problems: list[str]) -> list[Path]:
    """What lies in `folder`; nothing when it is none, and a problem more where that cannot be found out."""
    try:
        return entries(folder) if may_be_folder(folder) else []
    except FileNotFoundError:
        return []
    except OSError as error:
        problems += state_error(folder, error).problems
        return []


def _clear(folder: Path) -> None:
    """Removes what is told of sweeps that are over; what cannot be read or removed stays."""
    for path in filter(is_report, _listed(folder, [])):
        with suppress(OSError):
            if _is_over(path):
                path.unlink()


def _read(path: Path) -> Sweep | None:
    """None when there is no such file any more; RunStateError when it is not one that a sweep writes."""
    tree = read_json(path)
    return None if tree is None else Sweep(path.parent, _age(path), checked(SweepStatus, tree, path))


def _is_over(path: Path) -> bool:
    """Whether this is of a sweep that has ended. What is not a sweep's is left alone."""
    try:
        sweep = _read(path)
    except RunStateError:
        return False
    return sweep is not None and sweep.state != "running"


def _age(path: Path) -> float:
    try:
        return max(time.time() - path.stat().st_mtime, 0.0)
    except OSError:
        return 0.0
