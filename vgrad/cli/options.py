"""Arguments and options that several commands take, and the config that they name."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vgrad.errors import ConfigError

if TYPE_CHECKING:
    from vgrad.lab.config import Config

MOST_PROBLEMS = 50

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
    from vgrad.lab.choices import Problems
    from vgrad.lab.config import check
    from vgrad.lab.loading import load_yaml, with_overrides

    settings = [*(overrides or []), *([] if seed is None else [f"seed={seed}"])]
    document = with_overrides(load_yaml(file), settings)
    tree = document.data
    tree.setdefault("name", Path(file).stem)
    try:
        return check(tree)
    except Problems as failure:
        lines = [
            f"{document.where(problem.path, key=problem.at_key)}: {_key(problem.path)}{problem.message}"
            for problem in failure.problems[:MOST_PROBLEMS]
        ]
        if len(failure.problems) > MOST_PROBLEMS:
            lines.append(f"{file}: and {len(failure.problems) - MOST_PROBLEMS} problems more")
        raise ConfigError(*lines) from None


def _key(path: tuple[str | int, ...]) -> str:
    from vgrad.lab.loading import printable

    return f"{printable('.'.join(map(str, path)), 80)}: " if path else ""
