"""`vgrad reproduce`: a published study trained again over seeds, judged, tabulated and drawn."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vgrad.cli.applying import of_sweeps, way
from vgrad.cli.command import given
from vgrad.cli.commands.report import tell_study
from vgrad.cli.commands.sweep import DryRun, Jobs, Quiet, Retries, Scheduler, Seeds, Timeout
from vgrad.cli.options import Json, Overrides, RunsDir
from vgrad.cli.sweeps import Outcome, fetch_data, list_runs, processes, tell_plan, train_missing
from vgrad.errors import ConfigError, DataError, Interrupted, StorageError, SweepError, VgradError
from vgrad.study.names import STUDIES

if TYPE_CHECKING:
    from vgrad.cli.screen.streams import Screen
    from vgrad.sweeps.plan import Plan
    from vgrad.sweeps.request import Request


def reproduce(
    context: typer.Context,
    study: Annotated[
        str | None, typer.Argument(metavar="STUDY", help=f"A study: {', '.join(STUDIES)}, or a .yaml file of one.")
    ] = None,
    listed: Annotated[bool, typer.Option("--list", help="Which studies there are, and what came of them.")] = False,
    seeds: Seeds = None,
    quick: Annotated[bool, typer.Option("--quick", help="A look in minutes: fewer seeds where runs are long.")] = False,
    data: Annotated[str, typer.Option("--data", metavar="NAME", help="Another data set: digits is here already.")] = "",
    overrides: Overrides = None,
    jobs: Jobs = None,
    scheduler: Scheduler = "",
    runs_dir: RunsDir = Path("runs"),
    run_timeout: Timeout = None,
    retries: Retries = 1,
    dry_run: DryRun = False,
    quiet: Quiet = False,
    as_json: Json = False,
) -> None:
    """Repeat a published study over seeds, compare its figures with ours, and test its claims.

    Its sweeps and its outcome go to runs/STUDY, the outcome of fewer seeds to a folder in it; started again, only what
    is missing is trained. Exits 1 when the published runs are unlike further seeds of ours, when a claim fails, or when
    they could not be judged.
    """
    from vgrad.cli.screen.streams import Screen
    from vgrad.study.measurement import measure, write
    from vgrad.study.place import check_place, folder_name
    from vgrad.study.plan import make_plans, trained
    from vgrad.study.published import load_study
    from vgrad.study.report.folder import write_pictures
    from vgrad.sweeps.request import Request

    if listed:
        _list(context, runs_dir, as_json)
        return
    if not study:
        raise ConfigError(f"which study? {', '.join(STUDIES)}, or a .yaml file of your own; --list tells of them")
    if quick and seeds is not None:
        raise ConfigError("--quick and --seeds: both say how many seeds; give one of them")
    of_sweeps(jobs, scheduler).refuse_unused(context, way(jobs, scheduler))
    published = load_study(study)
    settings = [*([f"data={data}"] if data else []), *(overrides or [])]
    folder = runs_dir / folder_name(published.contents.study, settings)
    place = folder / ("quick" if quick else f"seeds={seeds}") if quick or seeds is not None else folder
    plans = make_plans(published, folder, settings, seeds, quick=quick)
    if dry_run:
        for plan in plans:
            list_runs(plan, as_json)
        return
    for each in (folder, place):
        check_place(each, published)
    screen = Screen(sys.stderr)
    words = ["vgrad", "reproduce", study, *(["--quick"] if quick else []), *([f"--seeds={seeds}"] if seeds else [])]
    words += [piece for text in settings for piece in ("-s", text)]
    words += [] if runs_dir == Path("runs") else ["--runs-dir", str(runs_dir)]
    failure = _train(plans, Request(processes(jobs), run_timeout, scheduler), screen, words, retries, quiet)
    outcome = measure(published, trained(published, plans, quick=quick), quick=quick)
    write(place, published, outcome, settings=settings, quick=quick)
    written = write_pictures(place)
    tell_study(place, "json" if as_json else "table", None, None)
    if not quiet:
        screen.say([(f"{path}", "") for path in written])
    if failure:
        raise failure
    if outcome.problems:
        told = f"judged without the {len(outcome.problems)} above; vgrad train CONFIG --restart trains one again"
        raise SweepError(*outcome.problems, told)
    if outcome.verdict in ("not reproduced", "undecided"):
        raise VgradError(f"{outcome.verdict}: {outcome.reason}; {place} has the tables and pictures")


def _list(context: typer.Context, runs_dir: Path, as_json: bool) -> None:
    """Tells of the studies there are; ConfigError for other options beside."""
    from vgrad.cli.commands.report import on_screen
    from vgrad.cli.screen.streams import answer
    from vgrad.storage.json import strict
    from vgrad.study.listing import lay_out, shipped

    strange = [option for name, option in given(context).items() if name not in ("listed", "as_json", "runs_dir")]
    if strange:
        raise ConfigError(f"--list: leave {strange[0]} out; it trains nothing")
    rows = shipped(runs_dir)
    text = strict(rows, indent=1) if as_json else on_screen(lay_out(rows), None).removesuffix("\n")
    answer(text, coloured=not as_json)


def _train(
    plans: Sequence[Plan], request: Request, screen: Screen, words: Sequence[str], retries: int, quiet: bool
) -> VgradError | None:
    """Trains what is missing of every experiment, one after the other; an error that tells of the runs that failed."""
    failures, failed, kinds = list[str](), 0, set[type[VgradError]]()
    again = [*words, *(["--scheduler", request.scheduler] if request.scheduler else [])]
    for plan in plans:
        asked = replace(request, jobs=min(request.jobs, plan.count))
        if not quiet:
            tell_plan(plan, asked, screen)
        if not request.scheduler:
            _fetch(plan, screen)
        result = train_missing(plan, asked, screen, retries=retries, quiet=quiet)
        _end_if_stopped(result, plan, again)
        failures += _failures(result)
        failed += result.tally.failed
        kinds |= {result.tally.failure} if result.tally.failed else set()
    if not failures:
        return None
    kind = SweepError if SweepError in kinds else StorageError
    return kind(*failures, f"{failed} runs failed; the same command repeats only them")


def _fetch(plan: Plan, screen: Screen) -> None:
    try:
        fetch_data(plan, screen)
    except DataError as error:
        raise DataError(*error.problems, "without it: --data digits, which is here already") from None


def _end_if_stopped(result: Outcome, plan: Plan, words: Sequence[str]) -> None:
    if result.signal_number is not None:
        told = f"{result.tally.finished} of {result.tally.total} runs of {plan.name} are done, active ones are saved"
        raise Interrupted(f"stopped: {told}; continue with: {shlex.join(words)}", signal_number=result.signal_number)


def _failures(result: Outcome) -> list[str]:
    from vgrad.sweeps.training import MOST_FAILURES_TOLD

    return [f"{run}: {cause}" for run, cause in result.tally.failures[:MOST_FAILURES_TOLD]]
