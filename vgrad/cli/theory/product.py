"""`vgrad theory product`: eq. 124 of chapter 5 on a real run."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vgrad.cli import completion
from vgrad.cli.options import RunsDir
from vgrad.errors import ConfigError

if TYPE_CHECKING:
    from vgrad.theory.answer import Answer


def product(
    run: Annotated[
        str,
        typer.Argument(
            metavar="RUN", autocompletion=completion.runs, help="A run directory, its name, or the name's beginning."
        ),
    ],
    epoch: Annotated[str, typer.Option("--epoch", metavar="start|end", help="Before training, or after.")] = "start",
    examples: Annotated[
        int | None,
        typer.Option("--examples", metavar="N", min=1, help="The first N training examples; those of the probes."),
    ] = None,
    runs_dir: RunsDir = Path("runs"),
) -> Answer:
    """The gradient of a run as a product of matrices, Nielsen's equation 124, and where it is lost.

    The matrices are multiplied for each example and compared with what backpropagation gives; exits 1 if they differ.
    """
    from vgrad.runs.places import run_of
    from vgrad.theory.product_answer import product_answer
    from vgrad.theory.run_product import multiply_run

    if epoch not in ("start", "end"):
        raise ConfigError("--epoch: write start or end; a run keeps its parameters of no other epoch")
    found = multiply_run(run_of(run, runs_dir), "start" if epoch == "start" else "end", examples)
    return product_answer(found)
