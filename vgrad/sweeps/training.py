"""Training a sweep: every run of its plan that is missing, with its status file and its table, told event by event."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import nullcontext, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vgrad.document.writer import spell
from vgrad.errors import RunStateError, StorageError
from vgrad.runs.index import is_run
from vgrad.storage import refuse_link, storage_errors
from vgrad.storage.reading import entries, is_folder
from vgrad.sweeps.comparison import Comparison
from vgrad.sweeps.dispatch import Ended, Failed, Skipped, dispatch
from vgrad.sweeps.executors import EXECUTORS, chosen
from vgrad.sweeps.job import Job
from vgrad.sweeps.mixing import Mixing
from vgrad.sweeps.plan import Plan, Unfit
from vgrad.sweeps.request import Request
from vgrad.sweeps.tally import StatusFile, Tally
from vgrad.text.escapes import printable

MOST_FAILURES_TOLD = 20


@dataclass(frozen=True)
class Result:
    """How a sweep went; `failed` are the first failed jobs, `stopped` says that it was asked to end before its end, and
    `mixed` is a line about runs that were computed with different libraries, if there are."""

    tally: Tally
    comparison: Comparison
    failed: dict[str, Job]
    stopped: bool
    mixed: str | None


def train_missing(
    plan: Plan,
    request: Request,
    tally: Tally,
    labels: dict[str, str],
    *,
    show: Callable[[Any], None],
    cancelled: Callable[[], bool],
    retries: int = 1,
    fail_fast: bool = False,
) -> Result:
    """Trains every run of the plan that is not complete; `tally` and `labels` are kept up to date for `show`, which is
    given every event.

    Raises RunStateError and StorageError where the folder of the sweep cannot be one.
    """
    _check_folder(plan.folder)
    mixing = Mixing()
    comparison, failed = Comparison(order=_grid_order(plan)), dict[str, Job]()
    status = StatusFile(plan.folder, plan.name)
    state, due = "stopped", next(missing_jobs(plan), None) is not None
    if due:
        status.write(tally)  # a folder that takes nothing is found out before anything is trained
    try:
        with EXECUTORS[chosen(request.jobs, request.scheduler)].open(request) as place:
            jobs: Iterator[Any] = _labelled(plan.jobs(), labels)
            for event in dispatch(jobs, place, retries=retries, fail_fast=fail_fast, cancelled=cancelled):
                tally.add(event)
                show(event)
                if due:
                    status.write(tally)
                if isinstance(event, Skipped | Ended):
                    if isinstance(event, Skipped) or event.status != "interrupted":
                        comparison.add(event.job)
                        mixing.add(event.job.path)
                    labels.pop(event.job.name, None)
                elif isinstance(event, Failed) and event.final:
                    labels.pop(event.job.name, None)
                    if isinstance(event.job, Job) and len(failed) < MOST_FAILURES_TOLD:
                        failed[event.job.name] = event.job
        stopped = cancelled() and tally.finished < tally.total
        state = "stopped" if stopped else "finished"
    finally:
        with nullcontext() if due else suppress(StorageError):  # where nothing was missing, nothing has to be written
            status.write(tally, state)
    return Result(tally, comparison, failed, stopped, mixing.line)


def _grid_order(plan: Plan) -> dict[str, list[str]]:
    """The values of each axis, as the sweep has them; of a grid too large for a table none."""
    found: dict[str, list[str]] = {}
    for axis in plan.grid.axes if plan.points is not None else ():
        for row in axis.rows:
            for key, node in zip(axis.keys, row, strict=True):
                found.setdefault(key, []).append(spell(node.plain()))
    return {key: list(dict.fromkeys(values)) for key, values in found.items()}


def _check_folder(folder: Path) -> None:
    """RunStateError where the sweep's folder is a run, StorageError where it is a link."""
    refuse_link(folder)
    with storage_errors(folder):
        if is_folder(folder):
            entries(folder)  # one that cannot be listed would be taken for a run
    if is_run(folder):
        raise RunStateError(f"{printable(str(folder), 200)}: is a run; give the sweep another name")


def _labelled(jobs: Iterator[Job | Unfit], labels: dict[str, str]) -> Iterator[Job | Unfit]:
    for job in jobs:
        labels[job.name] = job.label
        yield job


def missing_jobs(plan: Plan) -> Iterator[Job]:
    """The jobs of the plan whose runs are not there; what cannot be looked at will be said when its turn comes."""
    return (job for job in plan.jobs() if isinstance(job, Job) and job.glance() == "missing")
