"""`vgrad plot`: runs as a picture in a file."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vgrad.cli import completion
from vgrad.cli.applying import KINDS, ONE_RUN, PLOT
from vgrad.cli.commands.report import Keys, Runs, Where, split, study_folder
from vgrad.cli.options import RunsDir
from vgrad.cli.outputs import answer_name, output_file, save
from vgrad.cli.screen.streams import complain
from vgrad.errors import ConfigError, SweepError

if TYPE_CHECKING:
    from vgrad.report.panels import Options


def plot(
    context: typer.Context,
    runs: Runs,
    output: Annotated[
        Path,
        typer.Option("-o", "--output", metavar="FILE", parser=output_file, help="A .png, .svg or .pdf file."),
    ],
    kind: Annotated[
        str,
        typer.Option(
            "--kind",
            metavar="KIND",
            autocompletion=completion.kinds,
            help=f"{', '.join(KINDS)}, or of a study: study-speed, …",
        ),
    ] = "curves",
    where: Where = "",
    by: Annotated[
        Keys, typer.Option("--by", metavar="KEYS", help=f"Config keys that name lines and panels, {PLOT.told('by')}.")
    ] = None,
    across: Annotated[
        int | None,
        typer.Option("--across", metavar="N", min=1, max=12, help=f"Panels beside each other, {PLOT.told('across')}."),
    ] = None,
    width: Annotated[
        float | None,
        typer.Option("--width", metavar="INCHES", min=2.0, max=40.0, help="6.4, or 10 of a study; 3.4 is a column."),
    ] = None,
    epoch: Annotated[
        int | None,
        typer.Option(
            "--epoch", metavar="N", min=0, help=f"Epoch, {PLOT.told('epoch')}: the last one, the first recorded one."
        ),
    ] = None,
    monitor: Annotated[
        str, typer.Option("--monitor", metavar="NAME", help=f"Column of metrics.csv, {PLOT.told('monitor')}.")
    ] = "validation_accuracy",
    scale: Annotated[
        str | None,
        typer.Option("--scale", metavar="SCALE", help=f"log or linear, {PLOT.told('scale')}; by default as fits."),
    ] = None,
    runs_dir: RunsDir = Path("runs"),
) -> None:
    """Draw runs: Nielsen's learning-speed curves, and more kinds; print the file's name.

    Runs that differ only in their seed are one line with a band of a standard deviation to each side.
    Of the folder that vgrad reproduce made, the kinds study-speed, study-ratio, study-bars, study-accuracy and
    study-figures draw published figures and measured ones.
    """
    from vgrad.pictures.style import suffix
    from vgrad.report.panels import Options

    suffix(output)
    if scale not in (None, "log", "linear"):
        raise ConfigError("--scale: write log or linear")
    of_a_study = _is_of_a_study(kind)
    PLOT.refuse_unused(context, kind)
    if of_a_study:
        _plot_study(runs, runs_dir, kind, output, width)
        answer_name(output)
        return
    options = Options(width or Options.width, tuple(split(by, "--by")), across, epoch, scale, monitor)
    problems = _plot_runs(runs, runs_dir, kind, output, where, options)
    answer_name(output)
    if problems:
        raise SweepError(*problems, f"drawn without the {len(problems)} above")


def _plot_runs(
    arguments: list[str], runs_dir: Path, kind: str, output: Path, where: str, options: Options
) -> list[str]:
    """Draws the whole runs, and gives a line for each one that is not."""
    from vgrad.pictures.fonts import load_matplotlib
    from vgrad.pictures.style import content, styled, suffix
    from vgrad.report.drawable import drawable
    from vgrad.report.keys import resolve
    from vgrad.report.layout import provenance
    from vgrad.report.pictures import PICTURES
    from vgrad.report.runs import collect, known_keys, without_copies
    from vgrad.report.select import where as chosen
    from vgrad.vanishing import Thresholds

    found, problems = collect(arguments, runs_dir)
    found, copies = without_copies(found)
    complain(copies)
    if not found:
        raise SweepError(*problems, "no whole run left to draw")
    left, left_out = drawable(kind, chosen(found, where, Thresholds()), options)
    complain(left_out)
    if kind in ONE_RUN and len(left) > 1:
        told = f"{len(left)} runs, the first {left[0].label}"
        raise ConfigError(f"--kind {kind} draws one run, and these are {told}; name one, or choose with --where")
    keys = tuple(resolve(key, known_keys(left)) for key in options.keys)
    load_matplotlib()
    with styled():
        figure = PICTURES[kind](left, replace(options, keys=keys))
        save(output, content(figure, suffix(output), f"vgrad: {kind}", provenance(left)))
    return problems


def _is_of_a_study(kind: str) -> bool:
    """Whether this is a picture of a study and not of runs; ConfigError when it is neither."""
    from vgrad.registry import lookup
    from vgrad.report.pictures import PICTURES
    from vgrad.study.report.pictures import STUDY_PICTURES

    try:
        lookup({**PICTURES, **STUDY_PICTURES}, kind, "kind of picture")
    except KeyError as error:
        raise ConfigError(str(error.args[0])) from None
    return kind in STUDY_PICTURES


def _plot_study(arguments: list[str], runs_dir: Path, kind: str, output: Path, width: float | None) -> None:
    from vgrad.pictures.fonts import load_matplotlib
    from vgrad.pictures.style import suffix
    from vgrad.study.files import read_outcome
    from vgrad.study.report.pictures import picture

    folder = study_folder(arguments, runs_dir)
    if folder is None:
        raise ConfigError(f"--kind {kind} draws one folder that vgrad reproduce made; name one that has study.json")
    load_matplotlib()
    save(output, picture(read_outcome(folder), kind, suffix(output), width))
