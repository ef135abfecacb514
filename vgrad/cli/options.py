"""Arguments and options that several commands take, and the config that they name."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from vgrad.lab.config import Config

ConfigFile = Annotated[str, typer.Argument(metavar="CONFIG", help="A YAML file, such as configs/quickstart.yaml.")]
Overrides = Annotated[
    list[str] | None,
    typer.Option("-s", "--set", metavar="KEY=VALUE", help="Set a key of the config: -s optimizer.learning_rate=0.5."),
]
Seed = Annotated[int | None, typer.Option("--seed", min=0, help="The seed; the same as -s seed=N.")]
RunsDir = Annotated[Path, typer.Option("--runs-dir", metavar="DIR", help="Where run directories are.")]
Json = Annotated[bool, typer.Option("--json", help="Print the answer as JSON.")]


def read_config(file: str, overrides: list[str] | None, seed: int | None = None) -> Config:
    """The checked config that a file and overrides make; ConfigError with every problem at its place."""
    from vgrad.lab.loading import load_yaml, with_overrides
    from vgrad.lab.settling import settled

    settings = [*(overrides or []), *([] if seed is None else [f"seed={seed}"])]
    return settled(with_overrides(load_yaml(file), settings), Path(file).stem)
