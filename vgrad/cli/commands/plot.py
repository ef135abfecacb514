"""`vgrad plot`: runs as a picture in a file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vgrad.cli import completion
from vgrad.cli.applying import KINDS, PLOT
from vgrad.cli.commands.report import Keys, Runs, Where, split, study_folder
from vgrad.cli.options import RunsDir
from vgrad.cli.outputs import answer_name, output_file, save
from vgrad.cli.screen.streams import complain
from vgrad.errors import ConfigError, SweepError

if TYPE_CHECKING:
    from vgrad.report.panels import Options


Kind = Annotated[
    str | None,
    typer.Option(
        "--kind",
        metavar="KIND",
        autocompletion=completion.kinds,
        help=f"{', '.join(KINDS)}, or of a study: study-speed, …; by default curves, and values where --x or --y is.",
    ),
]
Output = Annotated[
    Path, typer.Option("-o", "--output", metavar="FILE", parser=output_file, help="A .png, .svg or .pdf file.")
]
Width = Annotated[
    float | None,
    typer.Option(
        "--width", metavar="INCHES", min=2.0, max=40.0, help="Inches, 6.4 or a slide's 10 of a study; 3.4 is a column."
    ),
]
By = Annotated[
    Keys, typer.Option("--by", metavar="KEYS", help=f"Config keys that name lines and panels, {PLOT.told('by')}.")
]
Across = Annotated[
    int | None,
    typer.Option("--across", metavar="N", min=1, max=12, help=f"Panels beside each other, {PLOT.told('across')}."),
]
Epoch = Annotated[
    int | None,
    typer.Option(
        "--epoch", metavar="N", min=0, help=f"Epoch, {PLOT.told('epoch')}: the last one, the first recorded one."
    ),
]
Monitor = Annotated[
    str, typer.Option("--monitor", metavar="NAME", help=f"Column of metrics.csv, {PLOT.told('monitor')}.")
]
Under = Annotated[
    str, typer.Option("--under", metavar="NAME", help=f"Column of metrics.csv below the norms, {PLOT.told('under')}.")
]
Smooth = Annotated[
    int, typer.Option("--smooth", metavar="N", min=1, help=f"Mean over N epochs around each, {PLOT.told('smooth')}.")
]
Theory = Annotated[
    bool,
    typer.Option("--theory", help=f"Networks on the 95 % band that theory predicts, {PLOT.told('theory')}."),
]
Scale = Annotated[
    str | None,
    typer.Option("--scale", metavar="SCALE", help=f"log or linear, {PLOT.told('scale')}; by default as fits."),
]
AgainstX = Annotated[
    str, typer.Option("--x", metavar="KEY[,KEY]", help="Config key of the axis; of both axes of a heat map.")
]
AgainstY = Annotated[Keys, typer.Option("--y", metavar="VALUES", help="Values of vgrad report, a row of panels each.")]
Color = Annotated[str, typer.Option("--color", metavar="KEY", help="Config key that colours tell apart.")]
Marker = Annotated[str, typer.Option("--marker", metavar="KEY", help="Config key that markers and dashes tell apart.")]
Panel = Annotated[str, typer.Option("--panel", metavar="KEY", help="Config key with a panel for each of its values.")]
Each = Annotated[bool, typer.Option("--each", help="Show every seed in place of 95 % intervals.")]


def plot(
    context: typer.Context,
    runs: Runs,
    output: Output,
    kind: Kind = None,
    where: Where = "",
    x: AgainstX = "",
    y: AgainstY = None,
    color: Color = "",
    marker: Marker = "",
    panel: Panel = "",
    each: Each = False,
    by: By = None,
    across: Across = None,
    width: Width = None,
    epoch: Epoch = None,
    monitor: Monitor = "validation_accuracy",
    under: Under = "",
    smooth: Smooth = 1,
    theory: Theory = False,
    scale: Scale = None,
    runs_dir: RunsDir = Path("runs"),
) -> None:
    """Draw runs: Nielsen's learning-speed curves, values against a swept key, and more; print the file's name.

    Runs that differ only in their seed are one line: over epochs with a band of a standard deviation to each side,
    of values (--x, --y) with the 95 % interval of the mean.
    Of the folder that vgrad reproduce made, the kinds study-speed, study-ratio, study-bars, study-accuracy and
    study-figures draw published figures and measured ones, study-claims what is claimed and study-overview its tables.
    """
    from vgrad.pictures.style import suffix
    from vgrad.report.panels import Options

    suffix(output)
    if scale not in (None, "log", "linear"):
        raise ConfigError("--scale: write log or linear")
    kind = kind or ("values" if x or y else "curves")
    of_a_study = _is_of_a_study(kind)
    PLOT.refuse_unused(context, kind)
    if of_a_study:
        _plot_study(runs, runs_dir, kind, output, width)
        answer_name(output)
        return
    options = Options(
        width or Options.width, tuple(split(by, "--by")), across, epoch, scale, monitor, under, smooth, theory,
        x, tuple(split(y, "--y")), color, marker, panel, each,
    )  # fmt: skip
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
    from vgrad.report import drawable
    from vgrad.report.layout import provenance
    from vgrad.report.runs import collect, without_copies
    from vgrad.report.theory.band import unpredicted

    found, problems = collect(arguments, runs_dir)
    found, copies = without_copies(found)
    complain(copies)
    if not found:
        raise SweepError(*problems, "no whole run left to draw")
    load_matplotlib()
    figure, drawn, left_out = drawable.picture(kind, found, where, options)
    complain([*left_out, *(unpredicted(drawn) if options.theory else ())])
    with styled():
        save(output, content(figure, suffix(output), f"vgrad: {kind}", provenance(drawn)))
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
