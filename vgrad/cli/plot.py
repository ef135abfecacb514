"""`vgrad plot`: runs as a picture in a file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from vgrad.cli.options import RunsDir, output_file
from vgrad.cli.report import Keys, Runs, Where, split
from vgrad.cli.terminal import answer, complain
from vgrad.errors import ConfigError, SweepError


def plot(
    runs: Runs,
    output: Annotated[
        Path,
        typer.Option("-o", "--output", metavar="FILE", parser=output_file, help="A .png, .svg or .pdf file."),
    ],
    kind: Annotated[
        str,
        typer.Option("--kind", metavar="KIND", help="curves, neurons, layers, heatmap, accuracy or activations."),
    ] = "curves",
    where: Where = "",
    by: Annotated[Keys, typer.Option("--by", metavar="KEYS", help="Config keys that name lines and panels.")] = None,
    across: Annotated[int | None, typer.Option("--across", min=1, max=12, help="Panels beside each other.")] = None,
    width: Annotated[float, typer.Option("--width", min=2.0, max=40.0, help="Inches; 3.4 is a column.")] = 6.4,
    epoch: Annotated[int | None, typer.Option("--epoch", min=0, help="Of the neurons; the first recorded one.")] = None,
    monitor: Annotated[str, typer.Option("--monitor", help="Column of metrics.csv.")] = "validation_accuracy",
    scale: Annotated[
        str | None, typer.Option("--scale", metavar="SCALE", help="log or linear, for norms; by default as fits.")
    ] = None,
    runs_dir: RunsDir = Path("runs"),
) -> None:
    """Draw runs: Nielsen's learning-speed curves, and more kinds; print the file's name.

    Runs that differ only in their seed are one line with a band of a standard deviation to each side.
    """
    from vgrad.registry import lookup
    from vgrad.report.figures import content, styled, suffix
    from vgrad.report.fonts import load_matplotlib
    from vgrad.report.keys import resolve
    from vgrad.report.pictures import PICTURES, Options
    from vgrad.report.runs import collect, known_keys, without_copies
    from vgrad.report.select import where as chosen
    from vgrad.report.sheet import provenance
    from vgrad.report.verdicts import Thresholds
    from vgrad.storage import write_file

    form = suffix(output)
    if scale not in (None, "log", "linear"):
        raise ConfigError("--scale: write log or linear")
    try:
        draw = lookup(PICTURES, kind, "kind of picture")
    except KeyError as error:
        raise ConfigError(str(error.args[0])) from None
    found, problems = collect(runs, runs_dir)
    found, copies = without_copies(found)
    complain(copies)
    left = chosen(found, where, Thresholds()) if found else []
    if not left:
        raise SweepError(*problems, "no whole run left to draw")
    keys = tuple(resolve(key, known_keys(left)) for key in split(by))
    load_matplotlib()
    with styled():
        figure = draw(left, Options(width, keys, across, epoch, scale, monitor))
        write_file(output, content(figure, form, f"vgrad: {kind}", provenance(left)))
    answer(output)
    if problems:
        raise SweepError(*problems, f"drawn without the {len(problems)} above")
