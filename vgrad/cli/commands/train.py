"""`vgrad train`: one config, one run."""

from __future__ import annotations

import shlex
import signal
import sys
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vgrad.cli.options import ConfigFile, Json, Overrides, RunsDir, Seed, as_argument, read_config
from vgrad.cli.signals import stop_requests
from vgrad.errors import Interrupted
from vgrad.storage.json import strict
from vgrad.text.escapes import shown

if TYPE_CHECKING:
    from vgrad.cli.screen.streams import Screen
    from vgrad.config.config import Config
    from vgrad.runs.runner import Opened
    from vgrad.runs.stored import StoredRun
    from vgrad.training.pretraining import Reconstruction

MOST_LAYERS_TOLD = 30


def train(
    config: ConfigFile,
    overrides: Overrides = None,
    seed: Seed = None,
    epochs: Annotated[
        int | None, typer.Option("--epochs", metavar="N", min=0, help="How many; the same as -s epochs=N.")
    ] = None,
    runs_dir: RunsDir = Path("runs"),
    restart: Annotated[
        bool, typer.Option("--restart", help="Begin at epoch 0; keeps an earlier attempt aside.")
    ] = False,
    quiet: Annotated[bool, typer.Option("-q", "--quiet", help="Show no progress and no table.")] = False,
    as_json: Json = False,
) -> None:
    """Train one network; print its run directory.

    Continues an interrupted run by itself, and the finished one that differs from it in fewer epochs alone. A complete
    run is left alone.

    Progress goes to stderr: a display on a terminal, elsewhere a line per finished epoch; of short epochs one a second,
    and the first and the last. Stdout has the run's path, or with --json one object: run, status, summary.
    """
    from vgrad.cli.screen.streams import Screen, answer
    from vgrad.runs.stored import read_run

    settled = read_config(config, overrides, seed, runs_dir, epochs)
    screen = Screen(sys.stderr)
    again = _command(config, overrides, seed, epochs, runs_dir, quiet, as_json)
    opened = _train(settled, runs_dir, Path(config).parent, restart, quiet, screen, again)
    stored = read_run(opened.folder)
    _tell(stored, opened, screen, quiet)
    if as_json:
        answer(strict({"run": str(stored.path), "status": stored.status, "summary": stored.summary}))
    else:
        answer(stored.path)


def _train(
    config: Config, runs_dir: Path, base: Path, restart: bool, quiet: bool, screen: Screen, again: str
) -> Opened:
    """Trains with what can be seen of it; Interrupted, with the command that continues, when a signal asks to stop."""
    from vgrad.cli.screen.progress import progress_on
    from vgrad.runs.runner import Opened, run
    from vgrad.training.pretraining import Reconstruction
    from vgrad.training.rule import Cancelled

    loading = screen.live and not quiet
    with (
        stop_requests() as request,
        closing(run(config, runs_dir, base=base, restart=restart, progress=loading, cancelled=request)) as events,
    ):
        with request.ending_at_once("interrupted; nothing was begun"):  # data are loaded
            opened = next(events)
        assert isinstance(opened, Opened)
        if opened.complete:
            return opened
        _tell_beginning(opened, config, quiet, screen)
        epoch, before = opened.epoch, opened.pretrained
        try:
            with progress_on(screen, config, quiet=quiet) as progress:
                progress.begin(epoch)
                for event in events:
                    assert not isinstance(event, Opened)
                    if isinstance(event, Reconstruction):
                        before = event
                        progress.pretrained(event)
                    else:
                        epoch = event.epoch
                        progress.show(event)
        except Cancelled:
            last = _moment(before) if before and epoch is None else f"epoch {epoch or 0}"
            told = f"stopped after {last}, which is saved; continue with: {again}"
            raise Interrupted(told, signal_number=request.signal_number or signal.SIGINT) from None
    return opened


def _tell_beginning(opened: Opened, config: Config, quiet: bool, screen: Screen) -> None:
    """Where training begins, and what could not be used for it."""
    epoch = opened.epoch
    end = "; training begins at epoch 0" if opened.source is None else ""
    for line in opened.passed:
        screen.say_words(line + end * (line is opened.passed[-1]), "yellow")
    if opened.source is not None and not quiet:
        screen.say_words(f"continues from {shown(opened.source)}, epoch {epoch}")
    elif epoch is not None and not quiet:
        screen.say_words(f"continuing after epoch {epoch} of {config.epochs}")
    if opened.pretrained is not None and not quiet:
        screen.say_words(f"continuing pretraining after {_moment(opened.pretrained)}")
    if opened.mixed is not None:
        screen.say_words(opened.mixed, "yellow")


def _moment(found: Reconstruction) -> str:
    return f"epoch {found.epoch} of pretraining layer {found.layer}"


def _command(
    config: str,
    overrides: list[str] | None,
    seed: int | None,
    epochs: int | None,
    runs_dir: Path,
    quiet: bool,
    as_json: bool,
) -> str:
    """The command that continues this one, to be pasted into a shell: without --restart, which would begin anew."""
    words = ["vgrad", "train", as_argument(config)]
    words += [word for text in overrides or [] for word in ("-s", text)]
    words += [] if seed is None else ["--seed", str(seed)]
    words += [] if epochs is None else ["--epochs", str(epochs)]
    words += [] if runs_dir == Path("runs") else ["--runs-dir", str(runs_dir)]
    words += [word for word, given in (("--quiet", quiet), ("--json", as_json)) if given]
    return shlex.join(words)


def _tell(stored: StoredRun, opened: Opened, screen: Screen, quiet: bool) -> None:
    """What has become of the run, on the screen."""
    from vgrad.cli.screen.results import monitor_lines, norm_lines, norms_title, verdict_words
    from vgrad.runs.history import delta_norms

    diverged = stored.status == "diverged"
    if opened.complete and not quiet:
        screen.say_words(f"complete already: nothing to do; vgrad show {shlex.quote(str(stored.path))} tells about it")
    if not quiet and not opened.complete:
        seconds = stored.facts["seconds"] if stored.facts else 0
        told = f"{stored.config.run_name}: {stored.epoch or 0} of {stored.config.epochs} epochs in {seconds:.1f} s"
        screen.say_words(told, "bold")
        norms = {record.epoch: found for record in stored.history.records if (found := delta_norms(record))}
        width, summary, sizes = screen.width, stored.summary, stored.config.sizes
        screen.say(monitor_lines(summary, {}, width, screen.pictures))
        screen.say([(norms_title(summary), "")] if summary["gradient"] else [])
        screen.say(norm_lines(summary, norms, sizes, width, screen.pictures, most=MOST_LAYERS_TOLD))
    if diverged or not (quiet or opened.complete):
        screen.say_words(*verdict_words(stored.summary))
