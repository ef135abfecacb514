"""`vgrad doctor`: what this machine offers a run, a line each, and what may be wrong with it."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from vgrad.cli.options import Json, folder_name
from vgrad.cli.screen.streams import answer
from vgrad.errors import VgradError
from vgrad.storage.json import strict

CORE_TYPE = "OPENBLAS_CORETYPE"
LITTLE = 2**29  # bytes: a full MNIST run takes less than 300 MB

Finding = tuple[str, bool, str]
"""(what, whether it is as it should be, in words)"""


RunsDir = Annotated[
    Path, typer.Option("--runs-dir", metavar="DIR", parser=folder_name, help="Where run directories are.")
]
"""Here it may be of any kind: what is wrong with it is told."""


def doctor(runs_dir: RunsDir = Path("runs"), as_json: Json = False) -> None:
    """Look at versions, BLAS, data, processor, memory, disk and terminal; a `note` is worth a look, and no failure."""
    findings = [*_software(), *_resources(), _data(), _runs(runs_dir), _terminal()]
    if as_json:
        answer(strict([{"what": what, "ok": fine, "found": told} for what, fine, told in findings]))
        return
    for what, fine, told in findings:
        answer(f"{'ok' if fine else 'note':6}{what:12}{told}")


def _software() -> Iterator[Finding]:
    from vgrad.machine import machine, versions

    yield "versions", True, ", ".join(f"{name} {version}" for name, version in versions().items())
    facts = machine()
    yield "system", facts["system"].startswith("Linux"), f"{facts['system']}, {facts['processor']}"
    for library in facts["blas"]:
        threads = library["num_threads"]
        told = f"{library['internal_api']} {library['version']}, kernel {library['architecture'] or 'unknown'}, "
        yield "blas", threads == 1, told + _count(threads, "thread") + ("" if threads == 1 else ": bits may change")
    yield CORE_TYPE.removeprefix("OPENBLAS_").lower(), *_core_type()


def _core_type(start: Path = Path("/proc/self/environ")) -> tuple[bool, str]:
    """Who chose OpenBLAS's kernel: the environment that the process began with is still to be read in `start`."""
    value = os.environ.get(CORE_TYPE)
    if not value:
        return True, f"{CORE_TYPE} is not set: OpenBLAS chooses"
    try:
        began_with = any(entry.startswith(f"{CORE_TYPE}=".encode()) for entry in start.read_bytes().split(b"\0"))
    except OSError:
        began_with = True  # vgrad sets it on Linux alone
    if not began_with:
        return True, f"{CORE_TYPE}={value}, chosen by vgrad: the faster kernels of this processor"
    return False, f"{CORE_TYPE}={value}, chosen by the environment; unset it to have vgrad choose"


def _resources() -> Iterator[Finding]:
    from vgrad.machine import available_bytes

    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    yield "cores", True, f"{usable} usable of {os.cpu_count()}; a run uses one"
    free = available_bytes()
    told = "unknown" if free is None else f"{free / 2**30:.1f} GiB available"
    yield "memory", free is None or free >= LITTLE, told


def _data() -> Finding:
    from vgrad.data import fetch

    try:
        states = [status.state for status in fetch.verify()]
    except VgradError as error:
        return "mnist", False, error.problems[0]
    whole = states.count("ok")
    told = f"{whole} of {len(states)} files whole in {fetch.data_dir() / 'mnist'}"
    return "mnist", whole == len(states), told if whole == len(states) else f"{told}; `vgrad data fetch` gets the rest"


def _runs(folder: Path) -> Finding:
    """Whether runs can be written: the folder, or the nearest one above it that is there."""
    try:
        whole = folder.absolute()
    except OSError:
        return "runs", False, f"{folder} is nowhere: the current directory was removed; change to another one"
    nearest = next(path for path in [whole, *whole.parents] if os.access(path, os.F_OK))
    fine = nearest.is_dir() and os.access(nearest, os.R_OK | os.W_OK | os.X_OK)
    there = "" if nearest == whole else " (will be made)"
    why = "" if nearest.is_dir() else f": {nearest} is a file"
    return "runs", fine, f"{folder}{there} is {'' if fine else 'not '}writable{why}"


def _terminal() -> Finding:
    encoding = _encoding()
    try:
        "▁█".encode(encoding)
    except UnicodeEncodeError:
        return "terminal", False, f"{encoding}: pictures will be drawn in ASCII; PYTHONUTF8=1 changes that"
    return "terminal", True, f"{encoding}, {'a terminal' if sys.stdout.isatty() else 'not a terminal'}"


def _encoding() -> str:
    return sys.stdout.encoding or "ascii"


def _count(number: int, thing: str) -> str:
    return f"{number} {thing}{'' if number == 1 else 's'}"
