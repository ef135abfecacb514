"""`vgrad report`: runs compared, as a table for the terminal or for a file."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from vgrad.cli import completion
from vgrad.cli.applying import DIFF, REPORT
from vgrad.cli.options import Json, RunsDir
from vgrad.cli.outputs import form_of, output_file, save
from vgrad.cli.screen.streams import answer, complain
from vgrad.errors import ConfigError, SweepError
from vgrad.text.formats import DEFAULT
from vgrad.text.formats import FORMATS as NAMES

if TYPE_CHECKING:
    from vgrad.report.runs import Run
    from vgrad.text.sheet import Sheet

Runs = Annotated[
    list[str],
    typer.Argument(
        metavar="RUNS…", autocompletion=completion.runs, help="Run directories, folders of them, globs, names."
    ),
]
Where = Annotated[
    str, typer.Option("--where", metavar="CONDITIONS", help='Only these runs: "activation=relu|tanh,depth>=3".')
]
Keys = list[str] | None
Values = Annotated[
    Keys,
    typer.Option(
        "--value",
        metavar="VALUES",
        autocompletion=completion.values,
        help="What to show: validation_accuracy.best,verdict.",
    ),
]
Spread = Annotated[
    str,
    typer.Option("--spread", metavar="ci|se|sd", help="What ± and ×÷ are: 95 % interval, standard error or deviation."),
]
Width = Annotated[
    float | None,
    typer.Option(
        "--width",
        min=2,
        max=10_000,
        metavar="N",
        help=f"Characters of a line, else the terminal's, or inches (3.4, 6.9) of LaTeX, {REPORT.told('width')}.",
    ),
]
AskedFormat = Annotated[
    str | None,
    typer.Option(
        "--format",
        metavar="FORMAT",
        autocompletion=completion.formats,
        help=f"{', '.join(NAMES)}; else as FILE ends.",
    ),
]
LATEX = "latex"
OF_A_WIDTH = (DEFAULT, LATEX)
LEAST_CHARACTERS = 20
Write = TypeVar("Write", bound=Callable[..., str])


def report(
    context: typer.Context,
    runs: Runs,
    rows: Annotated[Keys, typer.Option("--rows", metavar="KEYS", help="Config keys of the rows: layers.depth.")] = None,
    cols: Annotated[Keys, typer.Option("--cols", metavar="KEYS", help="Config keys of the columns.")] = None,
    value: Values = None,
    where: Where = "",
    baseline: Annotated[
        str | None, typer.Option("--baseline", metavar="KEY=VALUE", help="Add differences to it, paired by seed.")
    ] = None,
    sort: Annotated[
        str | None, typer.Option("--sort", metavar="NAME", help="By a key or value; -NAME descends.")
    ] = None,
    top: Annotated[int | None, typer.Option("--top", min=1, metavar="N", help="Only the first N rows.")] = None,
    threshold: Annotated[
        Keys, typer.Option("--threshold", metavar="NAME=X", help="Verdicts: vanishing=0.3 (decades a layer), …")
    ] = None,
    spread: Spread = "ci",
    asked_form: AskedFormat = None,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", metavar="FILE", parser=output_file, help="Write to a file.")
    ] = None,
    width: Width = None,
    diff: Annotated[bool, typer.Option("--diff", help="Of two runs: where their configs and curves part.")] = False,
    as_json: Json = False,
    runs_dir: RunsDir = Path("runs"),
) -> None:
    """Compare runs: how well they learned, and how fast each layer did.

    Runs that differ only in their seed share a row. Without --rows, what varies becomes the rows.
    The folder that vgrad reproduce made gives that study: published figures beside measured ones.
    """
    from vgrad.report.compare import compare, parse_thresholds
    from vgrad.report.diff import DIFF_FORMATS
    from vgrad.report.formats import FORMATS
    from vgrad.report.layout import lay_out
    from vgrad.report.runs import collect, without_copies
    from vgrad.report.table import CI

    if as_json and asked_form not in (None, "json"):
        raise ConfigError(f"--json and --format {asked_form}: two formats; leave one of them out")
    form = form_of("json" if as_json else asked_form, output)
    _known(form)
    REPORT.refuse_unused(context, DIFF if diff else f"--format {form}")
    asked = (rows, cols, value, where, baseline, sort, top, threshold, diff, spread != CI)
    folder = None if any(asked) else study_folder(runs, runs_dir)
    if folder:
        tell_study(folder, form, output, width)
        return
    held = parse_thresholds(threshold) if threshold else None
    axes = {"rows": split(rows, "--rows"), "columns": split(cols, "--cols"), "values": split(value, "--value")}
    write: Callable[..., str] = (
        _writer(DIFF_FORMATS, form, DIFF) if diff else _writer(FORMATS, form, "a comparison of runs")
    )
    found, problems = collect(runs, runs_dir)
    if diff:
        _tell(_differ(found, problems, write), form, output, width)
    elif found:
        found, copies = without_copies(found)
        complain(copies)
        table = compare(
            found, **axes, thresholds=held, condition=where, baseline=baseline, sort=sort, top=top, spread=spread
        )
        _tell(lay_out(table) if form in OF_A_WIDTH else write(table), form, output, width)
    if problems:
        raise SweepError(*problems, f"reported without the {len(problems)} above" if found else "no whole run left")


def study_folder(arguments: Sequence[str], runs_dir: Path) -> Path | None:
    """The folder of a study that a single argument names, by its path or by its name in `runs_dir`."""
    from vgrad.runs.index import is_study

    if len(arguments) != 1:
        return None
    return next((path for path in (Path(arguments[0]), runs_dir / arguments[0]) if is_study(path)), None)


def _known(form: str) -> None:
    from vgrad.registry import lookup

    try:
        lookup(NAMES, form, "format")
    except KeyError as error:
        raise ConfigError(str(error.args[0])) from None


def _writer(table: Mapping[str, Write], form: str, what: str) -> Write:
    """How `what` is written in a format; ConfigError for a format of other reports alone."""
    if form not in table:
        raise ConfigError(f"--format {form}: {what} is not written so; there are {', '.join(table)}")
    return table[form]


def tell_study(folder: Path, form: str, output: Path | None, width: float | None) -> None:
    """Prints the outcome of a study in a format, or writes it to a file."""
    from vgrad.study.files import read_outcome
    from vgrad.study.report.formats import STUDY_FORMATS
    from vgrad.study.report.table import lay_out

    write = _writer(STUDY_FORMATS, form, "a study")
    outcome = read_outcome(folder)
    _tell(lay_out(outcome) if form in OF_A_WIDTH else write(outcome), form, output, width)


def _tell(found: Sheet | str, form: str, output: Path | None, width: float | None) -> None:
    """Prints a table or a text of another format, or writes it to a file.

    A text of a format is UTF-8 wherever it goes: an HTML page says so itself, and what is printed may go to a file.
    """
    from vgrad.text.latex import as_latex
    from vgrad.text.terminal import render

    characters = _characters(width) if form == DEFAULT else None
    if form == LATEX and not isinstance(found, str):
        found = as_latex(found, width)
    if output:
        save(output, (found if isinstance(found, str) else render(found, width=characters)).encode())
    elif isinstance(found, str):
        answer(found.removesuffix("\n").encode())
    else:
        answer(on_screen(found, characters).removesuffix("\n"), coloured=True)


def _characters(width: float | None) -> int | None:
    """The characters of a line; ConfigError for parts of one, and for fewer than a table needs."""
    if width is not None and (width < LEAST_CHARACTERS or width != int(width)):
        raise ConfigError(f"--width {width:g}: a table of text has {LEAST_CHARACTERS} characters in a line, or more")
    return None if width is None else int(width)


def _differ(runs: list[Run], problems: list[str], write: Callable[..., str]) -> str:
    from vgrad.report.diff import difference

    if problems:
        raise SweepError(*problems)
    if len(runs) != 2:
        raise ConfigError(f"--diff is of two runs; this is of {len(runs)} run{'' if len(runs) == 1 else 's'}")
    return write(difference(*runs), unicode=_unicode())


def _unicode() -> bool:
    return (sys.stdout.encoding or "ascii").lower().startswith("utf")


def split(texts: Keys, option: str) -> list[str]:
    """`a,b` and repeated options as one list; ConfigError for commas with nothing between them."""
    pieces = [piece.strip() for text in texts or [] for piece in text.split(",") if piece.strip()]
    if texts and not pieces:
        raise ConfigError(f"{option}: names nothing; write names with commas, or leave it out")
    return pieces


def on_screen(sheet: Sheet, width: int | None) -> str:
    """The table as this terminal can show it: its width, its characters, its colours.

    Without a terminal, only COLUMNS or --width limits the width.
    """
    from vgrad.text.terminal import render

    terminal = sys.stdout.isatty()
    if width is None and (terminal or os.environ.get("COLUMNS")):
        width = max(shutil.get_terminal_size((80, 24)).columns, 20)
    colour = terminal and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
    return render(sheet, width=width, colour=colour, unicode=_unicode())
