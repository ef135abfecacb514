"""What of run directories can go: the checkpoints of finished runs, or whole runs; told first, then removed.

Only files that vgrad writes are ever removed, never what somebody put beside them, and nothing of a run that a process
holds. A kill leaves a run that is whole: of a run, run.json goes first and config.yaml last, so that what is left is an
interrupted run.
"""

from __future__ import annotations

import stat
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from vgrad.runs.checkpoint import CHECKPOINT
from vgrad.runs.evaluating import EVALUATION
from vgrad.runs.folder import CONFIG, DETERMINISTIC, RUN, RunFolder
from vgrad.runs.runner import ATTEMPT
from vgrad.runs.stored import StoredRun
from vgrad.runs.tags import SUFFIX
from vgrad.storage import refuse_link, storage_errors, sync_folder
from vgrad.storage.lock import LOCK, OWNER, RunHeld, exclusive, is_held
from vgrad.storage.reading import entries, state_errors
from vgrad.storage.writing import is_leftover

HELD = "is being trained"
INTERRUPTED = "not finished: its checkpoint is all that was saved"


@dataclass(frozen=True)
class Removal:
    """Files of the directory `run`, of `size` bytes, in the order in which they go; `kept` says why none of them does.
    `foreign` names what else lies there, and stays."""

    run: Path
    files: tuple[Path, ...]
    size: int
    kept: str = ""
    foreign: tuple[str, ...] = ()


def of_checkpoint(run: StoredRun) -> Removal | None:
    """The checkpoint of a run; None when there is none. That of a run that has not finished is kept."""
    file = run.path / CHECKPOINT
    with state_errors(run.path):
        size = _bytes(file)
    if size is None:
        return None
    kept = HELD if is_held(run.path) else INTERRUPTED if run.facts is None else ""
    return Removal(run.path, (file,), size, kept)


def of_run(path: Path) -> Removal:
    """All files of the run at `path`: its own, those of attempts that were set aside, and its tags."""
    with state_errors(path):
        attempts = [each for each in entries(path) if ATTEMPT.fullmatch(each.name) and _is_real_folder(each)]
        sizes = {file: size for folder in (path, *attempts) for file, size in _own(folder)}
        foreign = [file for folder in (path, *attempts) for file in entries(folder) if file not in sizes]
    left = tuple(str(file.relative_to(path)) for file in foreign if file not in attempts)
    order = sorted(
        sizes, key=lambda file: (file.name in (LOCK, OWNER), file == path / CONFIG, file != path / RUN, file)
    )
    return Removal(path, tuple(order), sum(sizes.values()), HELD if is_held(path) else "", left)


def remove_checkpoint(removal: Removal) -> str:
    """Removes what `of_checkpoint` told of; why nothing was removed, or nothing to say."""
    try:
        with exclusive(removal.run):
            if RunFolder(removal.run).facts() is None:  # it is trained again since
                return INTERRUPTED
            _unlink(removal.files)
    except RunHeld:
        return HELD
    return ""


def remove_run(removal: Removal) -> str:
    """Removes what is there by now of what `of_run` tells of, and the directory when it is empty then; why nothing was
    removed, or nothing to say. StorageError for a link, which is left alone with what it leads to."""
    path = removal.run
    refuse_link(path)
    try:
        with exclusive(path):
            _unlink(of_run(path).files)
            with suppress(OSError):  # what else lies there keeps it
                for attempt in filter(_is_real_folder, path.glob("attempt-*")):
                    with suppress(OSError):
                        attempt.rmdir()
                path.rmdir()
                sync_folder(path.parent)
    except RunHeld:
        return HELD
    return ""


def _own(folder: Path) -> Iterator[tuple[Path, int]]:
    """The files there that vgrad has written, each with its size."""
    for file in entries(folder):
        own = (*DETERMINISTIC, RUN, EVALUATION, LOCK, OWNER)
        known = file.name in own or file.name.endswith(SUFFIX) or is_leftover(file.name)
        size = _bytes(file) if known else None
        if size is not None:
            yield file, size


def _bytes(file: Path) -> int | None:
    """The size of a regular file; None for what is none, a link included."""
    try:
        found = file.lstat()
    except FileNotFoundError:
        return None
    return found.st_size if stat.S_ISREG(found.st_mode) else None


def _is_real_folder(path: Path) -> bool:
    return path.is_dir() and not path.is_symlink()


def _unlink(files: tuple[Path, ...]) -> None:
    for file in files:
        with storage_errors(file), suppress(FileNotFoundError):
            file.unlink()
        with storage_errors(file):
            sync_folder(file.parent)
