"""The table of theory commands, and what all of them have: `--json`, `-o`, and lines that fit the terminal.

A command is a function: its parameters are its arguments and options, its docstring is its help, and it returns an
`Answer`. It loads what it needs when it is called.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, get_type_hints

import typer

from vgrad.cli.command import Command
from vgrad.cli.help import Group
from vgrad.cli.options import Json
from vgrad.cli.outputs import answer_name, output_file, save
from vgrad.cli.screen.streams import Screen, answer
from vgrad.cli.theory.chain import chain
from vgrad.cli.theory.depth import depth
from vgrad.cli.theory.phase import phase
from vgrad.cli.theory.predict import predict
from vgrad.cli.theory.product import product
from vgrad.errors import VgradError
from vgrad.storage.json import strict

if TYPE_CHECKING:
    from vgrad.theory.answer import Answer

Picture = Annotated[
    Path | None,
    typer.Option(
        "-o",
        "--output",
        metavar="FILE",
        parser=output_file,
        help="Draw it instead, as a slide: a .png, .svg or .pdf file.",
    ),
]

THEORIES: dict[str, Callable[..., Answer]] = {
    "chain": chain,
    "depth": depth,
    "phase": phase,
    "predict": predict,
    "product": product,
}


def command(name: str, compute: Callable[..., Answer]) -> Callable[..., None]:
    """What typer calls: the parameters of `compute`, then -o and --json."""

    def run(*, output: Path | None, as_json: bool, **asked: Any) -> None:
        from vgrad.pictures.style import suffix

        form = "" if output is None else suffix(output)
        found = compute(**asked)
        if output is not None:
            _draw(found, name, output, form)
        if as_json:
            answer(strict(found.tree()))
        elif output is not None:
            answer_name(output)
        else:
            screen = Screen(sys.stdout)
            answer("\n".join(found.lines(screen.width, screen.pictures)))
        if found.problem:
            raise VgradError(found.problem)

    hints = get_type_hints(compute, localns={"Answer": object}, include_extras=True)
    own = [each.replace(annotation=hints[each.name]) for each in inspect.signature(compute).parameters.values()]
    common = [
        inspect.Parameter("output", inspect.Parameter.KEYWORD_ONLY, default=None, annotation=Picture),
        inspect.Parameter("as_json", inspect.Parameter.KEYWORD_ONLY, default=False, annotation=Json),
    ]
    run.__signature__ = inspect.Signature([*own, *common])  # type: ignore[attr-defined]
    run.__annotations__, run.__doc__ = {}, compute.__doc__
    return run


def _draw(found: Answer, name: str, output: Path, form: str) -> None:
    from vgrad.pictures.fonts import load_matplotlib
    from vgrad.pictures.style import content, styled

    load_matplotlib()
    with styled():
        title = f"vgrad theory {name}" + (f": {found.about}" if found.about else "")
        save(output, content(found.figure(), form, title, found.runs, "vgrad theory"))


app = typer.Typer(
    cls=Group,
    help="What theory says of the gradient, computed.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
for _name, _compute in THEORIES.items():
    app.command(_name, cls=Command)(command(_name, _compute))
