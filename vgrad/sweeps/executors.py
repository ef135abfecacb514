"""Where the runs of a sweep happen: the table of executors, and which of them a command line asks for.

Each entry of EXECUTORS opens a `Place` around something like a `concurrent.futures.Executor`; what a run does is the
same everywhere. An executor loads what it needs when it is opened: help texts are made from this table.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from vgrad.sweeps.request import Request

if TYPE_CHECKING:
    from vgrad.sweeps.dispatch import Place
    from vgrad.sweeps.job import Job

OPTIONS = ("jobs", "run_timeout")
"""The options of a sweep that not every executor makes use of."""

Open = Callable[[Request], AbstractContextManager["Place[Job]"]]


@dataclass(frozen=True)
class Executor:
    """An entry of EXECUTORS.

    `asked` is how a command line asks for it, `unused` are those of OPTIONS that it makes no use of, with the reason.
    One that runs elsewhere has an `address`, is found by its `schemes` (None: all that no other one has), and fetches
    its data itself; `summary` says what is at the address.
    """

    open: Open
    asked: str
    unused: Mapping[str, str]
    address: str = ""
    schemes: tuple[str | None, ...] = ()
    summary: str = ""


def chosen(jobs: int | None, scheduler: str) -> str:
    """The name of the executor: by the address where there is one, else by the number of processes."""
    if not scheduler:
        return "in_process" if jobs == 0 else "processes"
    scheme = scheduler.partition("://")[0].lower() if "://" in scheduler else None
    by_scheme = {known: name for name, entry in EXECUTORS.items() for known in entry.schemes}
    return by_scheme.get(scheme, by_scheme[None])


def addresses() -> list[Executor]:
    """The executors that are found at an address."""
    return [entry for entry in EXECUTORS.values() if entry.address]


def _in_process(request: Request) -> AbstractContextManager[Place[Job]]:
    from vgrad.sweeps.local import in_process

    return in_process(request)


def _processes(request: Request) -> AbstractContextManager[Place[Job]]:
    from vgrad.sweeps.local import processes

    return processes(request)


def _cluster(request: Request) -> AbstractContextManager[Place[Job]]:
    from vgrad.errors import ConfigError

    try:
        from vgrad.sweeps.cluster import cluster
    except ImportError:
        raise ConfigError("--scheduler: Dask is not installed; pip install 'vgrad[cluster]'") from None
    return cluster(request)


def cores() -> int:
    """The processors that this process may use: by affinity, and by the quota of its control group."""
    count = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    try:
        quota, period = Path("/sys/fs/cgroup/cpu.max").read_text(encoding="ascii").split()
        return count if quota == "max" else max(1, min(count, int(quota) // int(period)))
    except (OSError, ValueError, ZeroDivisionError):
        return count


EXECUTORS: dict[str, Executor] = {
    "in_process": Executor(_in_process, "-j 0", {"run_timeout": "a run in this process cannot be killed"}),
    "processes": Executor(_processes, "a sweep in processes", {}),
    "cluster": Executor(
        _cluster,
        "--scheduler",
        {"jobs": "the cluster has the workers that it has"},
        "tcp://HOST:PORT",
        ("tcp", None),
        "this Dask cluster",
    ),
}
