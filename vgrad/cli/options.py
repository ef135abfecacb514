"""Arguments and options that several commands take, and the config that they name."""

from __future__ import annotations

import errno
import os
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vgrad.cli import completion
from vgrad.errors import ConfigError, DataError, StorageError
from vgrad.storage.reading import is_folder, is_there, why
from vgrad.text.escapes import shown

if TYPE_CHECKING:
    from vgrad.config.config import Config
    from vgrad.document.document import Document


def folder_name(text: str | Path) -> Path:
    """The folder that an argument names; ConfigError for the empty name, and for one that no folder can have."""
    if not os.fspath(text):
        raise ConfigError("a folder's name is empty; write . for this one")
    path = Path(text)
    try:
        path.lstat()
    except (OSError, ValueError) as error:
        if isinstance(error, ValueError) or error.errno in (errno.ENAMETOOLONG, errno.ELOOP):
            raise ConfigError(f"{shown(path)}: {why(error)}; choose another folder") from None
    return path


def readable(text: str | Path) -> Path:
    """As `folder_name`, and StorageError where there is something that cannot be looked into."""
    path = folder_name(text)
    try:
        needed = os.R_OK | (os.X_OK if is_folder(path) else 0)
        if not is_there(path) or os.access(path, needed):  # what is not there, whoever wants it will say so
            return path
        reason = "permission denied"
    except OSError as error:
        reason = why(error)
    raise StorageError(f"{shown(path)}: {reason}; change its mode, or choose another folder")


def runs_folder(text: str | Path) -> Path:
    """As `readable`, and StorageError where a file is in the way; it need not be there yet."""
    path = readable(text)
    if is_there(path) and not is_folder(path):
        raise StorageError(f"{shown(path)}: is a file, not a directory; choose another --runs-dir")
    return path


def as_argument(name: str) -> str:
    """A file's name as a command takes it: one that begins like an option is written as a path."""
    return f"./{name}" if name.startswith("-") else name


ConfigFile = Annotated[
    str,
    typer.Argument(
        metavar="CONFIG", autocompletion=completion.configs, help="A YAML file, such as configs/quickstart.yaml."
    ),
]
Overrides = Annotated[
    list[str] | None,
    typer.Option(
        "-s",
        "--set",
        metavar="KEY=VALUE",
        autocompletion=completion.keys,
        help="Set a key of the config: -s optimizer.learning_rate=0.5.",
    ),
]
Seed = Annotated[int | None, typer.Option("--seed", metavar="N", min=0, help="The seed; the same as -s seed=N.")]
RunsDir = Annotated[
    Path, typer.Option("--runs-dir", metavar="DIR", parser=runs_folder, help="Where run directories are.")
]
Json = Annotated[bool, typer.Option("--json", help="Print the answer as JSON.")]


def read_config(
    file: str,
    overrides: list[str] | None,
    seed: int | None = None,
    runs_dir: Path = Path("runs"),
    epochs: int | None = None,
) -> Config:
    """The checked config that a file and overrides make; ConfigError with every problem at its place.

    A sweep is refused with the command that trains it, its runs below `runs_dir`.
    """
    from vgrad.config.check import settled
    from vgrad.document.document import load_yaml, refuse_repeated, with_overrides

    refuse_repeated(overrides or [], "-s")
    settings = list(overrides or [])
    for key, value in (("seed", seed), ("epochs", epochs)):
        if value is not None and any(text.partition("=")[0].strip() == key for text in overrides or []):
            raise ConfigError(f"--{key} {value}: -s {key}=… says it, too; leave one of them out")
        settings += [] if value is None else [f"{key}={value}"]
    document, problems = load_yaml(file), list[str]()
    _refuse_many(document, file, overrides or [], seed, runs_dir)
    for text in settings:
        try:
            document = with_overrides(document, [text])
        except ConfigError as error:
            problems += error.problems
    try:
        config = settled(document, Path(file).stem)
    except ConfigError as error:
        unnamed = f"{document.where(())}: name: " if "name" not in document.data else "\n"
        remedy = "; write name: … in the file or -s name=…"
        told = [f"{line}{remedy}" if line.startswith(unnamed) else line for line in error.problems]
        raise ConfigError(*problems, *told) from None
    if problems:
        raise ConfigError(*problems)
    _check_init_file(config, document, Path(file).parent)
    return config


def _refuse_many(document: Document, file: str, overrides: list[str], seed: int | None, runs_dir: Path) -> None:
    """ConfigError for a sweep and for a study, with the command that trains it."""
    from vgrad.sweeps.points.grid import sweep_key
    from vgrad.text.escapes import printable

    words = [as_argument(file), *(word for text in overrides for word in ("-s", text))]
    words += [] if seed is None else ["--seeds", f"{seed}..{seed}"]
    words += [] if runs_dir == Path("runs") else ["--runs-dir", str(runs_dir)]
    if {"study", "experiments"} <= document.data.keys():
        told = f"this is a study; vgrad reproduce {printable(shlex.join(words[:1]), 400)} trains it"
        raise ConfigError(f"{document.where(('study',), key=True)}: study: {told}")
    key = sweep_key(document)
    if key:
        told = f"this is a sweep, of more than one run; train it with: vgrad sweep {printable(shlex.join(words), 400)}"
        raise ConfigError(f"{document.where((key,), key=True)}: {key}: {told}")


def _check_init_file(config: Config, document: Document, base: Path) -> None:
    """DataError, at its place in the config, when the file of initial parameters is not there."""
    from vgrad.config.fields import InitFile

    if not isinstance(config.init, InitFile):
        return
    path = base / config.init.path
    try:
        if is_there(path):
            return
        reason = "no such file or directory"
    except OSError as error:
        reason = why(error)
    where, hint = (
        document.where(("init", "path")),
        "write the path of an initial.npz or final.npz, relative to the config",
    )
    raise DataError(f"{where}: init.path: {shown(path)}: cannot be read: {reason}; {hint}")
