"""`vgrad sweep`: a config with axes, a run for every point of the grid and every seed."""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from vgrad.cli.options import ConfigFile, Json, Overrides, RunsDir
from vgrad.cli.signals import stop_requests
from vgrad.errors import ConfigError, Interrupted, SweepError

if TYPE_CHECKING:
    from vgrad.cli.terminal import Screen
    from vgrad.lab.comparison import Comparison
    from vgrad.lab.executors import Request
    from vgrad.lab.jobs import Job
    from vgrad.lab.planning import Plan, Unfit
    from vgrad.lab.tally import Tally

MOST_FAILURES_TOLD = 20
LIMIT = 10_000

Axes = Annotated[
    list[str] | None,
    typer.Option("-g", "--grid", metavar="KEY=SPEC", help="An axis: layers.depth=1..5, width=10,20 or x=1..9..2."),
]
Seeds = Annotated[str | None, typer.Option("--seeds", metavar="N", help="So many seeds, or which: 0..9 or 3,7.")]
Jobs = Annotated[
    int | None,
    typer.Option("-j", "--jobs", metavar="N", min=0, help="Processes; by default one a core. 0: in this process."),
]
Scheduler = Annotated[str, typer.Option("--scheduler", metavar="tcp://HOST:PORT", help="Run on this Dask cluster.")]
Timeout = Annotated[
    float | None, typer.Option("--run-timeout", metavar="SECONDS", min=0.1, help="Kill a run that takes longer.")
]
Retries = Annotated[int, typer.Option("--retries", metavar="N", min=0, help="Repeat a run that fails so many times.")]
FailFast = Annotated[bool, typer.Option("--fail-fast", help="Stop at the first run that fails for good.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="List the runs and end.")]
Limit = Annotated[int, typer.Option("--limit", metavar="N", min=1, help="Refuse sweeps of more runs.")]
Quiet = Annotated[bool, typer.Option("-q", "--quiet", help="Show no progress.")]


def sweep(
    config: ConfigFile,
    axes: Axes = None,
    overrides: Overrides = None,
    seeds: Seeds = None,
    jobs: Jobs = None,
    scheduler: Scheduler = "",
    runs_dir: RunsDir = Path("runs"),
    run_timeout: Timeout = None,
    retries: Retries = 1,
    fail_fast: FailFast = False,
    limit: Limit = LIMIT,
    dry_run: DryRun = False,
    quiet: Quiet = False,
    as_json: Json = False,
) -> None:
    """Train a grid of networks in parallel; print the comparison.

    CONFIG is a config, with axes of its own under `grid` or with those of -g. Started again, it trains what is missing.
    """
    from vgrad.cli.terminal import Screen
    from vgrad.lab.executors import Request, cores
    from vgrad.lab.grid import read_grid
    from vgrad.lab.loading import load_yaml
    from vgrad.lab.planning import make_plan

    grid = read_grid(load_yaml(config), typed=axes or [], overrides=overrides or [], seeds=seeds)
    plan = make_plan(grid, runs_dir, Path(config).parent)
    if dry_run:
        _list(plan, as_json)
        return
    if plan.count > limit:
        raise ConfigError(f"{config}: {plan.count:,} runs, more than {limit:,}; --limit {plan.count} goes ahead")
    screen = Screen(sys.stderr)
    request = Request(min(cores() if jobs is None else jobs, plan.count), run_timeout, scheduler)
    if not quiet:
        _tell_plan(plan, request, screen)
    words = _words(config, overrides, runs_dir)
    typed = [word for text in axes or [] for word in ("-g", text)] + ([] if seeds is None else ["--seeds", seeds])
    command = shlex.join(["vgrad", "sweep", *words, *typed, *(["--scheduler", scheduler] if scheduler else [])])
    if not scheduler:
        _fetch_data(plan, screen)
    tally, comparison, failed, signal_number = _run(plan, request, screen, retries, fail_fast, quiet)
    _answer(plan, tally, comparison, as_json)
    if signal_number is not None:
        told = f"{tally.finished} of {tally.total} runs are done, {tally.interrupted} active ones are saved"
        raise Interrupted(f"stopped: {told}; continue with: {command}", signal_number=signal_number)
    if tally.failed:
        raise SweepError(*_failures(tally, failed, plan, words))


def _words(config: str, overrides: list[str] | None, runs_dir: Path) -> list[str]:
    """What every command about this sweep begins with, after `vgrad sweep`."""
    words = [config, *(word for text in overrides or [] for word in ("-s", text))]
    return words + ([] if runs_dir == Path("runs") else ["--runs-dir", str(runs_dir)])


def _run(
    plan: Plan, request: Request, screen: Screen, retries: int, fail_fast: bool, quiet: bool
) -> tuple[Tally, Comparison, dict[str, Job], int | None]:
    """Trains all that is missing; the tally, the comparison, the failed jobs, and the signal that ended it early."""
    from vgrad.cli.sweep_progress import SweepProgress
    from vgrad.lab.comparison import Comparison
    from vgrad.lab.dispatch import Ended, Failed, Skipped, dispatch
    from vgrad.lab.executors import EXECUTORS
    from vgrad.lab.jobs import Job
    from vgrad.lab.tally import StatusFile, Tally

    tally, comparison, failed, labels = Tally(plan.count), Comparison(), dict[str, Job](), dict[str, str]()
    status, progress = StatusFile(plan.folder, plan.name), SweepProgress(screen, plan.name, tally, labels, quiet=quiet)
    state = "stopped"
    try:
        with stop_requests() as stop, EXECUTORS[_executor(request)](request) as place:
            jobs: Iterator[Any] = _labelled(plan.jobs(), labels)
            for event in dispatch(jobs, place, retries=retries, fail_fast=fail_fast, cancelled=stop):
                tally.add(event)
                progress.show(event)
                status.write(tally)
                if isinstance(event, Skipped | Ended):
                    if isinstance(event, Skipped) or event.status != "interrupted":
                        comparison.add(event.job)
                    labels.pop(event.job.name, None)
                elif isinstance(event, Failed) and event.final:
                    labels.pop(event.job.name, None)
                    if isinstance(event.job, Job) and len(failed) < MOST_FAILURES_TOLD:
                        failed[event.job.name] = event.job
        early = stop.signal_number if tally.finished < tally.total else None
        state = "finished" if early is None else "stopped"
    finally:
        progress.end()
        status.write(tally, state)
    return tally, comparison, failed, early


def _executor(request: Request) -> str:
    return "cluster" if request.scheduler else "processes" if request.jobs else "in_process"


def _labelled(jobs: Iterator[Job | Unfit], labels: dict[str, str]) -> Iterator[Job | Unfit]:
    for job in jobs:
        labels[job.name] = job.label
        yield job


def _fetch_data(plan: Plan, screen: Screen) -> None:
    """Each data set that a missing run wants is there, or is fetched, before the first one starts."""
    from vgrad.data.datasets import load
    from vgrad.lab.jobs import Job
    from vgrad.lab.store import RUN

    jobs = plan.jobs() if plan.points is not None else iter(())
    missing = (job for job in jobs if isinstance(job, Job) and not (job.path / RUN).exists())
    for name in dict.fromkeys(job.config.data.name for job in missing):
        load(name, progress=screen.live)


def _tell_plan(plan: Plan, request: Request, screen: Screen) -> None:
    from vgrad.cli.figures import duration
    from vgrad.lab.axes import spell
    from vgrad.lab.estimating import estimate
    from vgrad.lab.store import RUN

    grid, about = plan.grid, "at most " if plan.points is None else ""
    lines = [f"{plan.name}: {about}{plan.count:,} runs, with {len(grid.seeds):,} seeds each"]
    for axis in grid.axes:
        values = [", ".join(spell(node.plain()) for node in row) for row in axis.rows[:13]]
        told = ", ".join(values if len(axis.keys) == 1 else [f"({value})" for value in values])
        lines.append(f"  {', '.join(axis.keys)}: {told}{', …' if len(axis) > 13 else ''}")
    lines += [f"  {span.keys[0]}: from {span.low:g} to {span.high:g}, log-uniform" for span in grid.ranges]
    if plan.points is not None:
        missing = sum(not (plan.folder / job.name / RUN).exists() for job in plan.jobs())
        each = estimate([config for _, config in plan.points])
        size = f"{missing * each.bytes / 1e6:,.1f} MB"
        where = "of processor time" if request.scheduler else f"on {max(request.jobs, 1)} processes"
        seconds = missing * each.seconds / (1 if request.scheduler else max(request.jobs, 1))
        lines.append(f"  {missing:,} of them are missing: about {duration(seconds)} {where}, {size} in {plan.folder}")
    screen.say([(line, "") for line in lines])


def _list(plan: Plan, as_json: bool) -> None:
    """Every run in a line, as it is made; nothing is held, and a reader that goes ends it."""
    from vgrad.cli.terminal import answer
    from vgrad.lab.jobs import Job
    from vgrad.lab.store import RUN

    for job in plan.jobs():
        if not isinstance(job, Job):
            raise ConfigError(*job.problems)
        state = "complete" if (job.path / RUN).exists() else "missing"
        if as_json:
            answer(json.dumps({"run": str(job.path), "state": state, "at": dict(job.cells), "seed": job.config.seed}))
        else:
            answer(f"{job.path} {state} {job.label} seed={job.config.seed}")


def _answer(plan: Plan, tally: Tally, comparison: Comparison, as_json: bool) -> None:
    from vgrad.cli.sweep_table import table_lines
    from vgrad.cli.terminal import answer

    if as_json:
        tree = {"sweep": plan.name, "folder": str(plan.folder), **tally.plain(), "table": comparison.table()}
        answer(
            json.dumps({key: value for key, value in tree.items() if key not in ("active", "seconds_left")}, indent=2)
        )
        return
    for line in table_lines(comparison.table()):
        answer(line)
    if comparison.overflown:
        answer(f"… and more points: vgrad report {shlex.quote(str(plan.folder))}")


def _failures(tally: Tally, failed: dict[str, Job], plan: Plan, words: list[str]) -> list[str]:
    """A line a failed run: its cause and the command that repeats it alone."""
    lines = []
    for run, cause in tally.failures[:MOST_FAILURES_TOLD]:
        job = failed.get(run)
        repeat = f"; repeat it with: {_repeat(job, plan, words)}" if job else ""
        lines.append(f"{run}: {cause}{repeat}")
    more = tally.failed - len(lines)
    lines += [f"and {more:,} more; vgrad status {shlex.quote(str(plan.folder))} lists them"] if more else []
    return [*lines, f"{tally.failed:,} of {tally.total:,} runs failed; the same command repeats only them"]


def _repeat(job: Job, plan: Plan, words: list[str]) -> str:
    cells, seed = dict(job.cells), job.config.seed
    given: list[str] = []
    for keys in [axis.keys for axis in plan.grid.axes] + [span.keys for span in plan.grid.ranges]:
        values = [cells[key] for key in keys]
        spec = values[0] if len(values) == 1 else f"[{', '.join(values)}]"
        given += ["-g", f"{','.join(keys)}={spec}"]
    return shlex.join(["vgrad", "sweep", *words, *given, "--seeds", f"{seed}..{seed}"])
