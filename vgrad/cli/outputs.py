"""The file that `-o` names: which files it may not be, and how the answer gets there."""

from __future__ import annotations

import os
import re
from contextlib import suppress
from pathlib import Path

from vgrad.cli.screen.streams import answer
from vgrad.errors import ConfigError
from vgrad.text.escapes import printable, shown
from vgrad.text.formats import DEFAULT, ENDINGS


def output_file(text: str | Path) -> Path:
    """The file that is to be written; ConfigError for what cannot be the name of one, and for a file of a run."""
    path = Path(text)
    folder = os.path.isdir(path)  # noqa: PTH112  (False for a name that is too long; writing says so)
    if not os.fspath(text) or path.name in ("", "..") or folder:
        what = f"{shown(path)} is a directory" if os.fspath(text) else "the name is empty"
        raise ConfigError(f"output: {what}; name the file to write")
    owner = _owner(Path(os.path.realpath(path)))
    if owner:
        raise ConfigError(f"output: {shown(path)} is the name of a file of {owner}; choose another one")
    return path


def save(output: Path, content: bytes) -> None:
    """Puts an answer into the file that `output_file` gave; a config is never replaced by one."""
    from vgrad.storage import write_output

    target = Path(os.path.realpath(output))
    if target.suffix.lower() in (".yaml", ".yml") and target.is_file():
        raise ConfigError(f"output: {shown(output)} is a config; choose another name")
    write_output(output, content)


def answer_name(output: Path) -> None:
    """Prints the name of a file that was written; nothing where stdout has the content."""
    from vgrad.storage import is_stdout

    if not is_stdout(output):
        answer(output)


def form_of(asked: str | None, output: Path | None) -> str:
    """The format that is asked for, or that the output's ending stands for. ConfigError when they differ, and for an
    ending that stands for none."""
    ending = output.suffix.lower() if output else ""
    meant = ENDINGS.get(ending)
    if asked is None and ending and meant is None:
        told = f"{shown(output)}: no format has that ending" if output else ""
        raise ConfigError(f"output: {told}; write {', '.join(ENDINGS)}, or give --format")
    if asked is not None and meant not in (None, asked, DEFAULT):  # any format is text, too
        raise ConfigError(
            f"output: {ending} is {meant}, and --format says {printable(asked, 40)}; leave one of them out"
        )
    return asked or meant or DEFAULT


def _owner(target: Path) -> str | None:
    """The run, sweep or study that `target` is a file of, or would be."""
    from vgrad.runs.evaluating import EVALUATION
    from vgrad.runs.folder import DETERMINISTIC, RUN
    from vgrad.runs.index import STUDY, is_run
    from vgrad.runs.tags import SUFFIX as TAG
    from vgrad.storage.lock import LOCK, OWNER
    from vgrad.study.files import TABLES
    from vgrad.study.report.folder import PAGE
    from vgrad.study.report.pictures import STUDY_PICTURES
    from vgrad.sweeps.tally import PREFIX, SUFFIX

    folder, name = target.parent, target.name
    kept = name.startswith((LOCK, OWNER))
    with suppress(OSError):
        run = folder.parent if re.fullmatch("attempt-[0-9]+", folder.name) else folder
        if (kept or name in (*DETERMINISTIC, RUN, EVALUATION) or name.endswith(TAG)) and is_run(run):
            return f"the run {shown(run)}"
        if name.startswith(PREFIX) and name.endswith(SUFFIX):
            return f"a sweep in {shown(folder)}"
        of_study = (STUDY, *TABLES, PAGE, *(f"{kind}.png" for kind in STUDY_PICTURES))
        if name in of_study and (folder / STUDY).exists():
            return f"the study {shown(folder)}"
    return None
