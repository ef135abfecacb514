"""The only way to disk: a file under its final name is whole.

    temporary file beside the target -> write -> fsync -> rename over the target -> fsync of the directory

The old content stays until the rename, which is atomic. Every failure is a StorageError with the path, and the
temporary file is removed; what a killed process leaves behind is removed by `remove_leftovers`, called by the next
one that holds the directory.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from secrets import token_hex

from vgrad.errors import StorageError

_SUFFIX = ".tmp"


def write_file(path: Path, content: bytes) -> None:
    """Puts `content` at `path`, all of it or nothing."""
    _publish(path, content, os.rename)


def write_new(path: Path, content: bytes) -> bool:
    """As `write_file`, but False, and nothing done, where a file is there, even if it came at the last moment."""
    was_there = False

    def link(temporary: Path, target: Path) -> None:
        nonlocal was_there
        try:
            os.link(temporary, target)
        except FileExistsError:
            was_there = True
        os.unlink(temporary)

    _publish(path, content, link)
    return not was_there


def _publish(path: Path, content: bytes, place: Callable[[Path, Path], None]) -> None:
    with storage_errors(path):
        temporary = path.with_name(f".{path.name}.{token_hex(4)}{_SUFFIX}")
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o666)
        try:
            try:
                _write_all(descriptor, content)
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
            place(temporary, path)
        except BaseException:
            with suppress(OSError):
                os.unlink(temporary)
            raise
        sync_folder(path.parent)


def make_folder(path: Path) -> None:
    """The directory `path` and its parents; it may be there already."""
    with storage_errors(path):
        missing = [folder for folder in (path, *path.parents) if not folder.exists()]
        for folder in reversed(missing):
            with suppress(FileExistsError):  # another process may make it at the same time
                os.mkdir(folder)
            sync_folder(folder.parent)
        if not path.is_dir():
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR))


def rename(source: Path, target: Path) -> None:
    """Moves `source` to `target`, atomically, on the same file system."""
    with storage_errors(target):
        os.rename(source, target)
        sync_folder(target.parent)
        sync_folder(source.parent)


def remove_leftovers(folder: Path) -> None:
    """Removes temporary files that killed writers left in `folder`, which the caller must hold alone."""
    with storage_errors(folder):
        for path in folder.glob(f".*{_SUFFIX}"):
            os.unlink(path)


def sync_folder(folder: Path) -> None:
    """Makes the names in `folder` durable."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def storage_errors(path: Path) -> Iterator[None]:
    """Turns an OSError inside into a StorageError that names `path` and the reason."""
    try:
        yield
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise StorageError(f"{path}: cannot be written: {reason}; free some space or choose another folder") from error


def _write_all(descriptor: int, content: bytes) -> None:
    view = memoryview(content)
    while view:
        written = os.write(descriptor, view)  # may be short: a full disk says so only at the next call
        view = view[written:]
