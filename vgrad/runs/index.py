"""Which directories are runs, and all that lie in a folder, in a sweep's or in a study's: found, not read."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

from vgrad.config.fields import NAME_PATTERN
from vgrad.errors import ConfigError
from vgrad.runs.checkpoint import CHECKPOINT
from vgrad.runs.folder import CONFIG, DETERMINISTIC, INITIAL, RUN
from vgrad.storage.reading import is_folder, is_there, may_be_folder, why
from vgrad.text.escapes import printable

STUDY = "study.json"
"""What `vgrad reproduce` writes beside the folders of its sweeps."""
_RUN_NAME = re.compile(rf"{NAME_PATTERN}-[0-9a-f]{{8}}-s[0-9]+")


def is_run(path: Path) -> bool:
    """Whether `path` is a run's directory, whole or damaged: by its name, or by what lies in it.

    One that cannot be looked into counts as one, so that it is told and not left out: `read_run` says what is wrong.
    """
    try:
        inside = _names(path)
    except OSError:
        return True
    if _RUN_NAME.fullmatch(path.name):
        return not inside.isdisjoint({*DETERMINISTIC, RUN})
    return CONFIG in inside and not inside.isdisjoint({INITIAL, CHECKPOINT, RUN})


def find_runs(path: Path) -> list[Path]:
    """The run directories in `path`, in its folders (sweeps, studies) and in those of a study; `path` when it is a run.

    Sorted by name, numbers by value. Whatever else lies there is left alone. ConfigError when there is no `path`.
    """
    if is_run(path):
        return [path]
    try:
        folders = _folders(path)
    except (OSError, ValueError) as error:
        hint = "name the directory that runs are in, or make one with vgrad train CONFIG"
        raise ConfigError(f"{printable(str(path), 200)}: {why(error)}; {hint}") from None
    return sorted((run for folder in folders for run in _runs_of(folder)), key=_natural)


def is_study(folder: Path) -> bool:
    """Whether a study's outcome lies here, whole or damaged."""
    try:
        return is_there(folder / STUDY)
    except OSError:  # whoever looks for runs there says so
        return False


def _names(path: Path) -> set[str]:
    """What lies in a directory; nothing when it is none. OSError when that cannot be found out."""
    try:
        return set(os.listdir(path))  # noqa: PTH208  (no Path a name)
    except (OSError, ValueError):
        if is_folder(path):
            raise
        return set()


def _folders(path: Path) -> list[Path]:
    """The directories in `path` that are not hidden, and what cannot be looked at."""
    names = os.listdir(path)  # noqa: PTH208
    return [path / name for name in names if not name.startswith(".") and may_be_folder(path / name)]


def _runs_of(folder: Path) -> Iterator[Path]:
    """`folder` when it is a run, else the runs in it, and in its folders when it is a study; a folder that cannot be
    looked into stands for its runs, see `is_run`."""
    if is_run(folder):
        yield folder
        return
    study = _may_be_study(folder)
    for each in _inside(folder):
        if is_run(each):
            yield each
        elif study:
            yield from filter(is_run, _inside(each))


def _may_be_study(folder: Path) -> bool:
    try:
        return is_there(folder / STUDY)
    except OSError:
        return True


def _inside(folder: Path) -> list[Path]:
    try:
        return _folders(folder)
    except OSError:  # `is_run` has looked into it a moment ago: it has gone
        return []


def _natural(path: Path) -> list[str | int]:
    parts = re.split("([0-9]+)", str(path))
    return [int(part) if part.isascii() and part.isdigit() else part for part in parts]
