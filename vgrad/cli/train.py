"""`vgrad train`: one config, one run."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from vgrad.cli.options import ConfigFile, Json, Overrides, RunsDir, Seed, read_config


def train(
    config: ConfigFile,
    overrides: Overrides = None,
    seed: Seed = None,
    runs_dir: RunsDir = Path("runs"),
    restart: Annotated[bool, typer.Option("--restart", help="Begin anew; keeps an earlier attempt aside.")] = False,
    as_json: Json = False,
) -> None:
    """Train one network; print its run directory.

    Continues an interrupted run by itself. A complete run is left alone.
    """
    from vgrad.lab.runner import Opened, run

    settled = read_config(config, overrides, seed)
    folder = None
    for event in run(settled, runs_dir, base=Path(config).parent, restart=restart):
        if isinstance(event, Opened):
            folder = event.folder
    print(folder)
