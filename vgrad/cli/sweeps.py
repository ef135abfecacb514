"""Training a sweep from the command line: the plan told, data fetched, the missing runs trained with their progress."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from vgrad.cli.screen.streams import answer, complain
from vgrad.cli.signals import stop_requests
from vgrad.errors import ConfigError
from vgrad.storage.json import strict

if TYPE_CHECKING:
    from vgrad.cli.screen.streams import Screen
    from vgrad.sweeps.comparison import Comparison
    from vgrad.sweeps.job import Job
    from vgrad.sweeps.plan import Plan
    from vgrad.sweeps.request import Request
    from vgrad.sweeps.tally import Tally

MOST_A_CORE = 4
"""Processes that a core is given at the most: a run keeps one core busy, and more of them only take memory."""


@dataclass(frozen=True)
class Outcome:
    """How a sweep went; `failed` are the first failed jobs, `signal_number` what ended it early, if anything did."""

    tally: Tally
    comparison: Comparison
    failed: dict[str, Job]
    signal_number: int | None


def processes(jobs: int | None) -> int:
    """How many processes train at a time: by default one a core, never more than MOST_A_CORE, which is then told."""
    from vgrad.sweeps.executors import cores

    usable = cores()
    most = MOST_A_CORE * usable
    if jobs is not None and jobs > most:
        told = f"{MOST_A_CORE} for each of {usable} cores" if usable > 1 else f"{MOST_A_CORE} for the one core"
        complain([f"-j {jobs}: more than this machine can use; at most {most} processes train at a time, {told}"])
    return usable if jobs is None else min(jobs, most)


def train_missing(
    plan: Plan, request: Request, screen: Screen, *, retries: int, fail_fast: bool = False, quiet: bool
) -> Outcome:
    """Trains every run of the plan that is not complete, telling `screen` how it goes, until a signal stops it."""
    from vgrad.cli.screen.sweep_progress import SweepProgress
    from vgrad.sweeps import training
    from vgrad.sweeps.tally import Tally

    tally, labels = Tally(plan.count), dict[str, str]()
    progress = SweepProgress(screen, plan.name, tally, labels, quiet=quiet)
    with stop_requests() as stop:
        try:
            result = training.train_missing(
                plan,
                request,
                tally,
                labels,
                show=progress.show,
                cancelled=stop,
                retries=retries,
                fail_fast=fail_fast,
            )
        finally:
            progress.end()
    if result.mixed:
        screen.say_words(result.mixed, "yellow")
    return Outcome(result.tally, result.comparison, result.failed, stop.signal_number if result.stopped else None)


def fetch_data(plan: Plan, screen: Screen) -> None:
    """Each data set that a missing run wants is there, or is fetched, before the first one starts."""
    from vgrad.data.datasets import DATASETS, load
    from vgrad.registry import parameters
    from vgrad.sweeps.training import missing_jobs

    missing = missing_jobs(plan) if plan.points is not None else iter(())
    fetched = set[str]()
    for data in (job.config.data for job in missing):
        if DATASETS[data.name].of_file:  # which has been read when the plan was made
            continue
        own = {key: data.parameters[key] for key in parameters(DATASETS[data.name].load) if key in data.parameters}
        if (known := f"{data.name} {own}") not in fetched:
            fetched.add(known)
            load(data.name, progress=screen.live, **own)


def tell_plan(plan: Plan, request: Request, screen: Screen) -> None:
    """The axes, how many runs are missing, and what they will take."""
    from vgrad.sweeps.estimate import estimate
    from vgrad.sweeps.training import missing_jobs
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
    from vgrad.sweeps.job import Job

    for job in plan.jobs():
        if not isinstance(job, Job):
            raise ConfigError(*job.problems)
        state = job.glance()
        if as_json:
            answer(strict({"run": str(job.path), "state": state, "at": dict(job.cells), "seed": job.config.seed}, None))
        else:
            answer(f"{job.path} {state} {job.label} seed={job.config.seed}")
