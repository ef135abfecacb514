"""`vgrad sweep`: a config with axes, a run for every point of the grid and every seed."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vgrad.cli import completion
from vgrad.cli.applying import of_sweeps, way
from vgrad.cli.options import ConfigFile, Json, Overrides, RunsDir, as_argument
from vgrad.cli.sweeps import fetch_data, list_runs, processes, tell_plan, train_missing
from vgrad.errors import ConfigError, Interrupted, SweepError
from vgrad.storage.json import strict
from vgrad.sweeps.executors import addresses
from vgrad.sweeps.request import Request

if TYPE_CHECKING:
    from vgrad.sweeps.comparison import Comparison
    from vgrad.sweeps.job import Job
    from vgrad.sweeps.plan import Plan
    from vgrad.sweeps.tally import Tally

LIMIT = 10_000

Axes = Annotated[
    list[str] | None,
    typer.Option(
        "-g",
        "--grid",
        metavar="KEY=SPEC",
        autocompletion=completion.keys,
        help="An axis: layers.depth=1..5, width=10,20 or x=1..9..2.",
    ),
]
Seeds = Annotated[str | None, typer.Option("--seeds", metavar="N", help="So many seeds, or which: 0..9 or 3,7.")]
Jobs = Annotated[
    int | None,
    typer.Option("-j", "--jobs", metavar="N", min=0, help="Processes; by default one a core. 0: in this process."),
]
Scheduler = Annotated[
    str,
    typer.Option(
        "--scheduler",
        metavar="|".join(each.address for each in addresses()),
        help=f"Run on {' or '.join(each.summary for each in addresses())}.",
    ),
]
Timeout = Annotated[
    float | None, typer.Option("--run-timeout", metavar="SECONDS", min=0.1, help="Kill a run that takes longer.")
]
Retries = Annotated[int, typer.Option("--retries", metavar="N", min=0, help="Repeat a run that fails so many times.")]
FailFast = Annotated[bool, typer.Option("--fail-fast", help="Stop at the first run that fails for good.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="List the runs and end.")]
Limit = Annotated[int, typer.Option("--limit", metavar="N", min=1, help="Refuse sweeps of more runs.")]
Quiet = Annotated[bool, typer.Option("-q", "--quiet", help="Show no progress.")]


def sweep(
    context: typer.Context,
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
    from vgrad.cli.screen.streams import Screen
    from vgrad.document.document import load_yaml
    from vgrad.sweeps.plan import make_plan
    from vgrad.sweeps.points.grid import read_grid

    of_sweeps(jobs, scheduler).refuse_unused(context, way(jobs, scheduler))
    grid = read_grid(load_yaml(config), typed=axes or [], overrides=overrides or [], seeds=seeds)
    plan = make_plan(grid, runs_dir, Path(config).parent)
    if dry_run:
        list_runs(plan, as_json)
        return
    if plan.count > limit:
        raise ConfigError(f"{config}: {plan.count:,} runs, more than {limit:,}; --limit {plan.count} goes ahead")
    screen = Screen(sys.stderr)
    request = Request(min(processes(jobs), plan.count), run_timeout, scheduler)
    if not quiet:
        tell_plan(plan, request, screen)
    words = _words(config, overrides, runs_dir)
    typed = [word for text in axes or [] for word in ("-g", text)] + ([] if seeds is None else ["--seeds", seeds])
    command = shlex.join(["vgrad", "sweep", *words, *typed, *(["--scheduler", scheduler] if scheduler else [])])
    if not scheduler:
        fetch_data(plan, screen)
    result = train_missing(plan, request, screen, retries=retries, fail_fast=fail_fast, quiet=quiet)
    tally = result.tally
    _answer(plan, tally, result.comparison, as_json)
    if result.signal_number is not None:
        told = f"{tally.finished} of {tally.total} runs are done, {tally.interrupted} active ones are saved"
        raise Interrupted(f"stopped: {told}; continue with: {command}", signal_number=result.signal_number)
    problems = result.comparison.problems
    if tally.failed:
        raise (SweepError if problems else tally.failure)(*problems, *_failures(tally, result.failed, plan, words))
    if problems:
        raise SweepError(*problems)


def _words(config: str, overrides: list[str] | None, runs_dir: Path) -> list[str]:
    """What every command about this sweep begins with, after `vgrad sweep`."""
    words = [as_argument(config), *(word for text in overrides or [] for word in ("-s", text))]
    return words + ([] if runs_dir == Path("runs") else ["--runs-dir", str(runs_dir)])


def _answer(plan: Plan, tally: Tally, comparison: Comparison, as_json: bool) -> None:
    from vgrad.cli.screen.streams import answer
    from vgrad.cli.screen.sweep_table import table_lines

    if as_json:
        tree = {"sweep": plan.name, "folder": str(plan.folder), **tally.plain(), "table": comparison.table()}
        answer(strict({key: value for key, value in tree.items() if key not in ("active", "seconds_left")}))
        return
    for line in table_lines(comparison.table()):
        answer(line)
    if comparison.overflown:
        answer(f"… and more points: vgrad report {shlex.quote(str(plan.folder))}")


def _failures(tally: Tally, failed: dict[str, Job], plan: Plan, words: list[str]) -> list[str]:
    """A line a failed run: its cause and the command that repeats it alone."""
    from vgrad.sweeps.training import MOST_FAILURES_TOLD

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
        values = [cells[key] for key in keys if key in cells]
        if not values:  # the parameter of another variant
            continue
        spec = values[0] if len(values) == 1 else f"[{', '.join(values)}]"
        given += ["-g", f"{','.join(keys)}={spec}"]
    return shlex.join(["vgrad", "sweep", *words, *given, "--seeds", f"{seed}..{seed}"])
