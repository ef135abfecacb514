"""`vgrad plot`: runs as a picture in a file."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vgrad.cli.commands.report import Keys, Runs, Where, split, study_folder
from vgrad.cli.options import RunsDir, output_file
from vgrad.cli.screen.streams import answer, complain
from vgrad.errors import ConfigError, SweepError

if TYPE_CHECKING:
    from vgrad.report.panels import Options


def plot(
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
            help="curves, neurons, layers, heatmap, accuracy, activations, or of a study: study-speed, …",
        ),
    ] = "curves",
    where: Where = "",
    by: Annotated[Keys, typer.Option("--by", metavar="KEYS", help="Config keys that name lines and panels.")] = None,
    across: Annotated[int | None, typer.Option("--across", min=1, max=12, help="Panels beside each other.")] = None,
    width: Annotated[
        float | None,
        typer.Option("--width", min=2.0, max=40.0, help="Inches, 6.4 or a slide's 10 of a study; 3.4 is a column."),
    ] = None,
    epoch: Annotated[int | None, typer.Option("--epoch", min=0, help="Of the neurons; the first recorded one.")] = None,
    monitor: Annotated[str, typer.Option("--monitor", help="Column of metrics.csv.")] = "validation_accuracy",
    scale: Annotated[
        str | None, typer.Option("--scale", metavar="SCALE", help="log or linear, for norms; by default as fits.")
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
    if _is_of_a_study(kind):
        unused = {"--where": where, "--by": by, "--across": across, "--epoch": epoch, "--scale": scale}
        given = [name for name, value in unused.items() if value not in (None, "", [])]
        answer(_plot_study(runs, runs_dir, kind, output, width, given))
        return
    options = Options(width or Options.width, tuple(split(by)), across, epoch, scale, monitor)
    problems = _plot_runs(runs, runs_dir, kind, output, where, options)
    answer(output)
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
    from vgrad.report.verdicts import Thresholds
    from vgrad.storage import write_file

    found, problems = collect(arguments, runs_dir)
    found, copies = without_copies(found)
    complain(copies)
    left = chosen(found, where, Thresholds()) if found else []
    if not left:
        raise SweepError(*problems, "no whole run left to draw")
    left, left_out = drawable(kind, left, options)
    complain(left_out)
    keys = tuple(resolve(key, known_keys(left)) for key in options.keys)
    load_matplotlib()
    with styled():
        figure = PICTURES[kind](left, replace(options, keys=keys))
        write_file(output, content(figure, suffix(output), f"vgrad: {kind}", provenance(left)))
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


def _plot_study(
    arguments: list[str], runs_dir: Path, kind: str, output: Path, width: float | None, unused: list[str]
) -> Path:
    from vgrad.pictures.fonts import load_matplotlib
    from vgrad.pictures.style import suffix
    from vgrad.storage import write_file
    from vgrad.study.outcome import read_outcome
    from vgrad.study.report.folder import picture

    if unused:
        raise ConfigError(f"{', '.join(unused)}: not for {kind}, which draws a whole study; leave it out")
    folder = study_folder(arguments, runs_dir)
    if folder is None:
        raise ConfigError(f"--kind {kind} draws one folder that vgrad reproduce made; name one that has study.json")
    load_matplotlib()
    write_file(output, picture(read_outcome(folder), kind, suffix(output), width))
    return output
