"""What an argument means: the run directories that a user names, the same way for every command.

A directory that is there wins, as it is written or in the folder of runs, whatever characters its name has. Only what
is no path can be a pattern, and only the argument is one, never the folder of runs. Last, runs may be named by what
their directories are called after, `<name>-<hash>-s<seed>`: by the hash, or six and more of its digits, by the name,
both of which all seeds share, or by the beginning of the whole.
"""

from __future__ import annotations

import glob
import os
import re
from pathlib import Path

from vgrad.errors import ConfigError
from vgrad.registry import did_you_mean
from vgrad.runs.index import find_runs, is_run
from vgrad.storage.reading import is_folder, is_there, may_be_folder
from vgrad.text.escapes import printable, shown

MOST_NAMES = 8
_REMEDY = "name run directories, a folder of them, or a sweep; vgrad ls lists them"


def runs_of(argument: str, runs_dir: Path) -> list[Path]:
    """The run directories that `argument` names: a run, those in a folder, those that a pattern matches, those of a
    hash or of a name, or the one that is called so. ConfigError when there are none."""
    place = _directory(argument, runs_dir)
    places = [place] if place else _matches(argument, runs_dir)
    if not places:
        return _by_name(argument, runs_dir)
    found = [run for place in places for run in find_runs(place)]
    if not found:
        raise ConfigError(f"{shown(argument)}: no runs there; {_REMEDY}")
    return found


def run_of(argument: str, runs_dir: Path) -> Path:
    """The one run directory that `argument` names; ConfigError when there is none, or more than one."""
    place = _directory(argument, runs_dir)
    if place and is_run(place):
        return place
    if place and place == Path(argument):
        find_runs(place)  # what cannot be looked into is told as that
        told = shown(argument)
        raise ConfigError(f"{told}: not a run directory; vgrad ls {told} lists the runs in it")
    runs = [run for match in _matches(argument, runs_dir) for run in find_runs(match)]
    return _only(argument, runs or _by_name(argument, runs_dir))


def _directory(argument: str, runs_dir: Path) -> Path | None:
    """The directory that has this very name, here or in `runs_dir`."""
    if not argument:
        raise ConfigError("a run's name is empty; write . for all runs in this folder")
    if "\0" in argument:
        raise ConfigError(f"{shown(argument)}: not a file name; {_REMEDY}")
    return next((path for path in (Path(argument), runs_dir / argument) if may_be_folder(path)), None)


def _matches(argument: str, runs_dir: Path) -> list[Path]:
    """The directories that a pattern matches, here or else in `runs_dir`."""
    if not glob.has_magic(argument):
        return []
    within = os.path.join(glob.escape(os.fspath(runs_dir)), argument)  # noqa: PTH118  (Path would drop a last /)
    matches = sorted(glob.glob(argument)) or sorted(glob.glob(within))  # noqa: PTH207
    return [path for path in map(Path, matches) if may_be_folder(path)]


def _by_name(wanted: str, runs_dir: Path) -> list[Path]:
    """The runs in `runs_dir`, or in a sweep's folder there, with this hash or name, or the one that is called so."""
    if is_there(wanted):
        what = "is a file" if Path(wanted).exists() else "is a link to nothing"
        raise ConfigError(f"{shown(wanted)}: {what}; name a run directory")
    if glob.has_magic(wanted):
        raise ConfigError(f"{shown(wanted)}: no run matches, here or in {shown(str(runs_dir))}; {_REMEDY}")
    if len(Path(wanted).parts) > 1 or not is_folder(runs_dir):
        raise ConfigError(f"{shown(wanted)}: no runs there; {_REMEDY}")
    known = find_runs(runs_dir)
    runs = [run for run in known if run.name == wanted or run.name.endswith(f"-{wanted}")]
    runs = runs or [run for run in known if wanted in _shared(run.name)]
    if not runs and re.fullmatch(r"[0-9a-f]{6,}", wanted):
        of_hash = [run for run in known if _shared(run.name)[-1].startswith(wanted)]
        if len({_shared(run.name)[-1] for run in of_hash}) > 1:
            _only(wanted, of_hash)  # raises: the digits are those of several
        runs = of_hash
    if not runs:
        begun = [run for run in known if run.name.startswith(wanted)]
        runs = [_only(wanted, begun)] if begun else []
    if not runs:
        hint = did_you_mean(wanted, [run.name for run in known])
        raise ConfigError(f"{shown(wanted)}: no such run in {shown(str(runs_dir))}{printable(hint, 2000)}")
    return runs


def _shared(name: str) -> tuple[str, str]:
    """What the seeds of one config share of `<name>-<hash>-s<seed>`: name and hash; empty words for other names."""
    found = re.fullmatch(r"(.+)-([0-9a-f]{8})-s[0-9]+", name)
    return (found[1], found[2]) if found else ("", "")


def _only(wanted: str, runs: list[Path]) -> Path:
    if len(runs) == 1:
        return runs[0]
    names = ", ".join(printable(str(run), 120) for run in runs[:MOST_NAMES])
    more = f" and {len(runs) - MOST_NAMES} more" if len(runs) > MOST_NAMES else ""
    raise ConfigError(f"{shown(wanted)}: which one? {names}{more}")
