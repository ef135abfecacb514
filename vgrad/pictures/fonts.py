"""Matplotlib with nothing but what it brings itself: its own fonts and settings, no process started, nothing written.

Left alone, the import runs `fc-list` for the fonts of the system, keeps a list of them below the home directory, reads
a `matplotlibrc` of the working directory and fails on a `MPLBACKEND` that it does not know, such as that of a notebook
that starts vgrad in an environment of its own. A picture would then depend on where it was drawn.
"""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NoReturn


def load_matplotlib() -> None:
    """Imports matplotlib so, for commands only: who has imported it already keeps the fonts that they have."""
    spec = find_spec("matplotlib")
    if "matplotlib.font_manager" in sys.modules or spec is None or spec.origin is None:
        return
    own = Path(spec.origin).parent / "mpl-data"
    with ExitStack() as changes:
        changes.enter_context(_setting("MATPLOTLIBRC", str(own / "matplotlibrc")))
        changes.enter_context(_replaced(os.path, "exists", _all_but("matplotlibrc", os.path.exists)))
        changes.enter_context(_setting("MPLBACKEND", ""))  # a file needs none
        changes.enter_context(_setting("FREETYPE_PROPERTIES", ""))  # how letters are rounded to pixels
        import matplotlib as mpl
        from matplotlib import cbook

        changes.enter_context(_replaced(subprocess, "check_output", _refuse))
        changes.enter_context(_replaced(os, "walk", _only(own / "fonts" / "ttf")))
        for name in ("get_configdir", "get_cachedir"):
            changes.enter_context(_replaced(mpl, name, lambda: os.devnull))  # no directory: nothing is in it
        changes.enter_context(_replaced(cbook, "_lock_path", _refuse))
        changes.enter_context(_replaced(logging.getLogger("matplotlib.font_manager"), "disabled", True))
        import matplotlib.font_manager
        import matplotlib.style
        import matplotlib.texmanager  # noqa: F401


def _refuse(*_: Any, **__: Any) -> NoReturn:
    raise OSError("not while matplotlib is imported")


def _all_but(name: str, exists: Callable[[Any], bool]) -> Any:
    """os.path.exists that finds no file of this name in the working directory."""
    return lambda path: path != name and exists(path)


def _only(folder: Path) -> Any:
    """os.walk that finds `folder` and nothing else."""
    walk = os.walk
    return lambda top, *rest, **options: walk(top, *rest, **options) if Path(top) == folder else iter(())


@contextmanager
def _replaced(owner: Any, name: str, value: Any) -> Iterator[None]:
    before = getattr(owner, name)
    setattr(owner, name, value)
    try:
        yield
    finally:
        setattr(owner, name, before)


@contextmanager
def _setting(variable: str, value: str) -> Iterator[None]:
    before = os.environ.get(variable)
    os.environ[variable] = value
    try:
        yield
    finally:
        if before is None:
            del os.environ[variable]
        else:
            os.environ[variable] = before
