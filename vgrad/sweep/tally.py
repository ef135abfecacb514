"""Where a sweep stands: counts, active runs and failures, kept from its events and written for `vgrad status`.

`.sweep-<token>.json` in the sweep's folder belongs to one process. It is a report, not a record: what is complete, run
directories say.
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
from typing import Any

from vgrad.errors import RunStateError, StorageError, SweepError, Unreadable, VgradError
from vgrad.runs.folder import read_json
from vgrad.storage import own_folder, write_file
from vgrad.storage.reading import entries, is_file, may_be_folder, state_error
from vgrad.sweep.dispatch import Ended, Event, Failed, Skipped, Task
from vgrad.sweep.job import Progress

PREFIX, SUFFIX = ".sweep-", ".json"
WRITE_SECONDS = 2.0
STALE_SECONDS = 30.0
RECENT = 200
MOST_FAILURES = 1000


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
                self.failures.append((event.job.name, event.cause))

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
        tree = {**self._head, "state": state, **tally.plain()}
        write_file(self._path, json.dumps(tree, indent=1, allow_nan=False).encode() + b"\n")
        self._written = time.monotonic()


def read_statuses(folder: Path) -> tuple[list[dict[str, Any]], list[str]]:
    """The sweeps that run or ran in `folder` or in the folders directly below, with `folder` and `age` in seconds, and
    a line for each file and folder that cannot be read.

    One that says it is running and has not written for a while was killed: its state is `gone`.
    """
    found, problems = [], list[str]()
    here = _listed(folder, problems)
    below = [path for place in here for path in _listed(place, problems)]
    for path in filter(is_report, [*here, *below]):
        try:
            tree = _read(path)
        except RunStateError as error:
            problems += error.problems
            continue
        if tree is not None:
            found.append({"folder": str(path.parent), "age": round(_age(path), 1), **tree})
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


def _read(path: Path) -> dict[str, Any] | None:
    """What the file says; None when it has gone. RunStateError when it is damaged."""
    tree = read_json(path)
    if tree and tree.get("state") == "running" and _age(path) > STALE_SECONDS:
        tree["state"] = "gone"
    return tree


def _is_over(path: Path) -> bool:
    try:
        tree = _read(path)
    except Unreadable:  # another user's, perhaps
        return False
    except RunStateError:
        return is_file(path)
    return tree is None or tree.get("state") != "running"


def _age(path: Path) -> float:
    try:
        return max(time.time() - path.stat().st_mtime, 0.0)
    except OSError:
        return 0.0
