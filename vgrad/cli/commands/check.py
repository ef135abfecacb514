"""`vgrad check`: does backpropagation compute the derivative of the cost, for exactly this network?"""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from vgrad.cli.options import ConfigFile, Json, Overrides, Seed, read_config
from vgrad.cli.screen.streams import answer
from vgrad.errors import VgradError
from vgrad.storage.json import strict


def check(
    config: ConfigFile,
    overrides: Overrides = None,
    seed: Seed = None,
    examples: Annotated[
        int, typer.Option("--examples", metavar="N", min=1, max=100, help="Check on the first N examples.")
    ] = 5,
    as_json: Json = False,
) -> None:
    """Check the gradient of every parameter of the initial network against the cost alone.

    By complex step, or central differences where the network is not analytic. Exits 1 when a gradient is wrong.
    """
    from vgrad.training.gradient_check import check_gradients

    found = list(check_gradients(read_config(config, overrides, seed), Path(config).parent, examples))
    if as_json:
        answer(strict([asdict(row) for row in found]))
    else:
        answer(f"{'layer':>5}  {'parameter':<10}{'entries':>9}  {'method':<20}{'largest':>10}{'error':>10}  verdict")
        for row in found:
            numbers = f"{row.largest:>10.2e}{row.error:>10.1e}"
            answer(f"{row.layer:>5}  {row.name:<10}{row.entries:>9,}  {row.method:<20}{numbers}  {row.verdict}")
    wrong = [row.name for row in found if row.verdict == "wrong"]
    if wrong:
        raise VgradError(f"gradient check: {', '.join(wrong)} of {len(found)} arrays are wrong")
