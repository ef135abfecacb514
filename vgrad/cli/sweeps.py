"""Training a sweep from the command line: the plan told, data fetched, the missing runs trained with their progress."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import nullcontext, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vgrad.cli.screen.streams import answer, complain
from vgrad.cli.signals import stop_requests
from vgrad.errors import ConfigError, RunStateError, StorageError
from vgrad.storage.json import strict

if TYPE_CHECKING:
    from vgrad.cli.screen.streams import Screen
    from vgrad.sweep.comparison import Comparison
    from vgrad.sweep.job import Job
    from vgrad.sweep.plan import Plan, Unfit
    from vgrad.sweep.request import Request
    from vgrad.sweep.tally import Tally

MOST_FAILURES_TOLD = 20
MOST_A_CORE = 4
"""Processes that a core is given at the most: a run keeps one core busy, and more of them only take memory."""


@dataclass(frozen=True)
class Result:
    """How a sweep went; `failed` are the first failed jobs, `signal_number` what ended it early, if anything did."""

    tally: Tally
    comparison: Comparison
    failed: dict[str, Job]
    signal_number: int | None


def processes(jobs: int | None) -> int:
    """How many processes train at a time: by default one a core, never more than MOST_A_CORE, which is then told."""
    from vgrad.sweep.executors import cores

    usable = cores()
    most = MOST_A_CORE * usable
    if jobs is not None and jobs > most:
        told = f"{MOST_A_CORE} for each of {usable} cores" if usable > 1 else f"{MOST_A_CORE} for the one core"
        complain([f"-j {jobs}: more than this machine can use; at most {most} processes train at a time, {told}"])
    return usable if jobs is None else min(jobs, most)


def train_missing(
    plan: Plan, request: Request, screen: Screen, *, retries: int, fail_fast: bool = False, quiet: bool
) -> Result:
    """Trains every run of the plan that is not complete, telling `screen` how it goes."""
    from vgrad.cli.screen.sweep_progress import SweepProgress
    from vgrad.sweep.comparison import Comparison
    from vgrad.sweep.dispatch import Ended, Failed, Skipped, dispatch
    from vgrad.sweep.executors import EXECUTORS, chosen
    from vgrad.sweep.job import Job
    from vgrad.sweep.mixing import Mixing
    from vgrad.sweep.tally import StatusFile, Tally

    _check_folder(plan.folder)
    mixing = Mixing()
    tally, comparison, failed, labels = (
        Tally(plan.count),
        Comparison(order=_grid_order(plan)),
        dict[str, Job](),
        dict[str, str](),
    )
    status, progress = StatusFile(plan.folder, plan.name), SweepProgress(screen, plan.name, tally, labels, quiet=quiet)
    state, due = "stopped", next(missing_jobs(plan), None) is not None
    if due:
        status.write(tally)  # a folder that takes nothing is found out before anything is trained
    try:
        with stop_requests() as stop, EXECUTORS[chosen(request.jobs, request.scheduler)].open(request) as place:
            jobs: Iterator[Any] = _labelled(plan.jobs(), labels)
            for event in dispatch(jobs, place, retries=retries, fail_fast=fail_fast, cancelled=stop):
                tally.add(event)
                progress.show(event)
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
        early = stop.signal_number if tally.finished < tally.total else None
        state = "finished" if early is None else "stopped"
    finally:
        progress.end()
        with nullcontext() if due else suppress(StorageError):  # where nothing was missing, nothing has to be written
            status.write(tally, state)
    if mixing.line:
        screen.say_words(mixing.line, "yellow")
    return Result(tally, comparison, failed, early)


def _grid_order(plan: Plan) -> dict[str, list[str]]:
    """The values of each axis, as the sweep has them; of a grid too large for a table none."""
    from vgrad.document.writer import spell

    found: dict[str, list[str]] = {}
    for axis in plan.grid.axes if plan.points is not None else ():
        for row in axis.rows:
            for key, node in zip(axis.keys, row, strict=True):
                found.setdefault(key, []).append(spell(node.plain()))
    return {key: list(dict.fromkeys(values)) for key, values in found.items()}


def _check_folder(folder: Path) -> None:
    """RunStateError where the sweep's folder is a run, StorageError where it is a link."""
    from vgrad.runs.index import is_run
    from vgrad.storage import refuse_link, storage_errors
    from vgrad.storage.reading import entries, is_folder
    from vgrad.text.escapes import printable

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


def fetch_data(plan: Plan, screen: Screen) -> None:
    """Each data set that a missing run wants is there, or is fetched, before the first one starts."""
    from vgrad.data.datasets import DATASETS, load
    from vgrad.registry import parameters

    missing = missing_jobs(plan) if plan.points is not None else iter(())
    fetched = set[str]()
    for data in (job.config.data for job in missing):
        own = {key: data.parameters[key] for key in parameters(DATASETS[data.name].load)}
        if (known := f"{data.name} {own}") not in fetched:
            fetched.add(known)
            load(data.name, progress=screen.live, **own)


def missing_jobs(plan: Plan) -> Iterator[Job]:
    """The jobs of the plan whose runs are not there; what cannot be looked at will be said when its turn comes."""
    from vgrad.sweep.job import Job

    return (job for job in plan.jobs() if isinstance(job, Job) and job.glance() == "missing")


def tell_plan(plan: Plan, request: Request, screen: Screen) -> None:
    """The axes, how many runs are missing, and what they will take."""
    from vgrad.sweep.estimate import estimate
    from vgrad.text.plain import duration

    about = "at most " if plan.points is None else ""
    lines = [f"{plan.name}: {about}{plan.count:,} runs, with {len(plan.grid.seeds):,} seeds each"]
    lines += [f"  {line}" for line in axis_lines(plan)]
    if plan.points is not None:
        missing = sum(1 for _ in missing_jobs(plan))
        each = estimate([config for _, config in plan.points])
        size = f"{missing * each.bytes / 1e6:,.1f} MB"
        where = "of processor time" if request.scheduler else f"on {max(request.jobs, 1)} processes"
        seconds = missing * each.seconds / (1 if request.scheduler else max(request.jobs, 1))
        lines.append(f"  {missing:,} of them are missing: about {duration(seconds)} {where}, {size} in {plan.folder}")
    screen.say([(line, "") for line in lines])


def axis_lines(plan: Plan) -> list[str]:
    """A line for each axis: its keys, and the first of the values that its points have."""
    from vgrad.document.writer import spell

    lines = []
    there = None if plan.points is None else {cell for point, _ in plan.points for cell in point.cells}
    for axis in plan.grid.axes:
        rows = [[spell(node.plain()) for node in row] for row in axis.rows]
        used = [row for row in rows if there is None or set(zip(axis.keys, row, strict=True)) <= there]
        values = [", ".join(row) for row in used[:13]]
        told = ", ".join(values if len(axis.keys) == 1 else [f"({value})" for value in values])
        lines.append(f"{', '.join(axis.keys)}: {told}{', …' if len(used) > 13 else ''}")
    spans = plan.grid.ranges
    return lines + [
        f"{span.keys[0]}: from {span.low:g} to {span.high:g}, {span.kind.replace('_', '-')}" for span in spans
    ]


def list_runs(plan: Plan, as_json: bool) -> None:
    """Every run in a line, as it is made; nothing is held, and a reader that goes ends it."""
    from vgrad.sweep.job import Job

    for job in plan.jobs():
        if not isinstance(job, Job):
            raise ConfigError(*job.problems)
        state = job.glance()
        if as_json:
            answer(strict({"run": str(job.path), "state": state, "at": dict(job.cells), "seed": job.config.seed}, None))
        else:
            answer(f"{job.path} {state} {job.label} seed={job.config.seed}")
