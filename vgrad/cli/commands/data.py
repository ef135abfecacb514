"""`vgrad data`: what data sets have, and MNIST and its like on this disk; the others are in the package, or files."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vgrad.cli import completion
from vgrad.cli.command import Command
from vgrad.cli.help import Group
from vgrad.cli.options import Json, Overrides, read_config
from vgrad.cli.outputs import answer_name, output_file, save
from vgrad.cli.screen.streams import answer
from vgrad.errors import ConfigError, DataError
from vgrad.storage.json import strict

if TYPE_CHECKING:
    from vgrad.data.fetch import FileStatus

app = typer.Typer(
    cls=Group,
    help="Look at data sets; fetch and verify MNIST and its like; others need no download.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

SHOWN = 12  # digits of a SHA-256 in the table; all of them with --json


Fetched = Annotated[str, typer.Argument(metavar="[NAME]", help="mnist, fashion_mnist or kmnist.")]


def _known(name: str) -> str:
    from vgrad.data.published import COLLECTIONS
    from vgrad.registry import lookup

    try:
        lookup(COLLECTIONS, name, "set that is fetched")
    except KeyError as error:
        raise ConfigError(str(error.args[0])) from None
    return name


@app.command("fetch", cls=Command)
def fetch(name: Fetched = "mnist") -> None:
    """Download what is missing or damaged of a set, by default MNIST (12 MB); print the paths of its files."""
    from vgrad.data import fetch as files

    for path in files.fetch(progress=True, collection=_known(name)):
        _write(os.fspath(path))


@app.command("verify", cls=Command)
def verify(name: Fetched = "mnist", as_json: Json = False) -> None:
    """Compare the files of a set, by default MNIST, with the published SHA-256. Exits with 3 when one is missing or
    wrong."""
    from vgrad.data import fetch as files

    found = files.verify(_known(name))
    if as_json:
        _write(strict([_plain(status) for status in found]))
    else:
        for status in found:
            _write(f"{status.state:8}{status.digest[:SHOWN] or '-':{SHOWN + 2}}{status.path}")
    if any(status.state != "ok" for status in found):
        raise DataError(_advice(found))


@app.command("path", cls=Command)
def path() -> None:
    """Print the folder of all data: $VGRAD_DATA, or else the user's cache directory."""
    from vgrad.data.fetch import data_dir

    _write(os.fspath(data_dir()))


@app.command("show", cls=Command)
def show(
    data: Annotated[
        str, typer.Argument(metavar="NAME|CONFIG", autocompletion=completion.data_sets, help="digits, or a config.")
    ],
    overrides: Overrides = None,
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", metavar="FILE", parser=output_file, help="Draw examples: .png, .svg or .pdf."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Show what a data set has: parts, classes, the range of its inputs; of a config, as it is trained on.

    A config may name a file of your own: data: {name: csv, path: iris.csv, label: species}.
    """
    from vgrad.cli.screen.dataset import drawn, lines, tree
    from vgrad.config.synonyms import no_such
    from vgrad.data.datasets import BUILT_IN, DATASETS, load
    from vgrad.data.describe import describe

    if output:
        from vgrad.pictures.style import suffix

        suffix(output)
    if data in BUILT_IN:
        if overrides:
            raise ConfigError("-s: sets keys of a config, and this is a data set; name a config that has it")
        name, given, base = data, {}, Path()
    else:
        if data not in DATASETS and "." not in data and "/" not in data and not os.path.exists(data):  # noqa: PTH110
            raise ConfigError(no_such("data set", data, DATASETS))
        config = read_config(data, overrides)
        name, given, base = config.data.name, dict(config.data.parameters), Path(data).parent
    dataset = load(name, base=base, **given)
    found = describe(dataset)
    if output:
        save(output, drawn(dataset, given, output))
    if as_json:
        _write(strict(tree(name, dataset, given, found)))
        return
    for line in lines(name, dataset, given, found):
        answer(line)
    if output:
        answer_name(output)


def _plain(status: FileStatus) -> dict[str, str | None]:
    return {
        "name": status.name,
        "state": status.state,
        "path": os.fspath(status.path),
        "sha256": status.digest or None,
    }


def _advice(found: Sequence[FileStatus]) -> str:
    bad = {state: [status.name for status in found if status.state == state] for state in ("missing", "wrong")}
    told = "; ".join(f"{state}: {', '.join(names)}" for state, names in bad.items() if names)
    from vgrad.data.fetch import command

    name = found[0].collection
    return f"{name}: {told}; `{command(name)}` downloads them, `data: digits` in a config needs no download"


def _write(line: str) -> None:
    """A line on stdout; names of files as they are, in bytes."""
    answer(os.fsencode(line))
