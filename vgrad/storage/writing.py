"""The only way to disk: a file under its final name is whole.

    temporary file beside the target -> write -> fsync -> rename over the target -> fsync of the directory

The old content stays until the rename, which is atomic. Every failure is a StorageError with the path, and the
temporary file is removed; what a killed process leaves behind is removed by `remove_leftovers`, called by the next
one that holds the directory, or by `remove_abandoned` where several write at once.
"""

from __future__ import annotations

import errno
import os
import re
import stat
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from secrets import token_hex
from threading import Lock

from vgrad.errors import StorageError
from vgrad.storage.reading import why

_SUFFIX = ".tmp"
_LEFTOVER = re.compile(r"\..+\.[0-9a-f]{8}\.tmp", re.DOTALL)
_REMEDIES = {
    **dict.fromkeys((errno.ENOSPC, errno.EDQUOT), "free some space or choose another folder"),
    **dict.fromkeys((errno.EISDIR, errno.EINVAL, errno.ELOOP), "remove it or choose another folder"),
    **dict.fromkeys((errno.EACCES, errno.EPERM, errno.EROFS), "change its permissions or choose another folder"),
}


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


class Stream:
    """What `streaming` gives: a file that takes bytes until it is closed, from any thread."""

    def __init__(self, path: Path, descriptor: int) -> None:
        self._path, self._descriptor, self._lock = path, descriptor, Lock()

    def write(self, content: bytes) -> int:
        """Takes all of `content`, or raises a StorageError; ValueError once the file is closed."""
        with self._lock, storage_errors(self._path):
            if self._descriptor < 0:
                raise ValueError("the file is closed")
            write_all(self._descriptor, content)
        return len(content)

    def _sync(self) -> None:
        with self._lock:
            os.fsync(self._descriptor)

    def _close(self) -> None:
        with self._lock:  # a thread that is still writing must not meet the next file of the same number
            descriptor, self._descriptor = self._descriptor, -1
            os.close(descriptor)


@contextmanager
def streaming(path: Path, place: Callable[[Path, Path], None] | None = None) -> Iterator[Stream]:
    """As `write_file`, for content that comes in pieces: what was written is put at `path` at the end of the block.

    When the block raises, nothing is, and an OSError of the block counts as one of the disk. `place` moves the
    temporary file to the target; by default it is a rename.
    """
    if not path.name:
        raise StorageError(f"{path}: cannot be written: it has no name; choose the name of a file")
    with storage_errors(path):
        _check_replaceable(path)
        temporary = path.with_name(f".{path.name}.{token_hex(4)}{_SUFFIX}")
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o666)
        try:
            stream = Stream(path, descriptor)
            try:
                yield stream
                stream._sync()
            finally:
                stream._close()
            (place or os.rename)(temporary, path)
        except BaseException:
            with suppress(OSError):
                os.unlink(temporary)
            raise
        sync_folder(path.parent)


def _check_replaceable(path: Path) -> None:
    """OSError where neither a file nor a link lies at `path`: a directory, or a device or pipe that would be lost. A
    link is replaced itself, and what it leads to is left alone."""
    try:
        mode = os.lstat(path).st_mode
    except FileNotFoundError:
        return
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, "is a directory")
    if not (stat.S_ISREG(mode) or stat.S_ISLNK(mode)):
        raise OSError(errno.EINVAL, "not a regular file")


def _publish(path: Path, content: bytes, place: Callable[[Path, Path], None]) -> None:
    with streaming(path, place) as stream:
        stream.write(content)


def make_folder(path: Path) -> None:
    """The directory `path` and its parents; it may be there already."""
    with storage_errors(path):
        for folder in reversed(_missing(path)):
            with suppress(FileExistsError):  # another process may make it at the same time
                os.mkdir(folder)
            sync_folder(folder.parent)
        if not path.is_dir():
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR))


def refuse_link(path: Path) -> None:
    """StorageError when `path` is a link: a directory that vgrad names itself is where its name says, and nothing is
    written to wherever a link may lead. Folders that a person names may be links."""
    with storage_errors(path):
        if path.is_symlink():
            raise OSError(errno.ELOOP, "is a link to somewhere else")


def own_folder(path: Path) -> None:
    """`make_folder` for a directory that vgrad names itself."""
    refuse_link(path)
    make_folder(path)


def new_folder(folder: Path) -> bool:
    """Makes the directory `folder`; False where anything has that name already."""
    with storage_errors(folder):
        try:
            os.mkdir(folder)
        except FileExistsError:
            return False
        sync_folder(folder.parent)
    return True


@contextmanager
def folder_for(path: Path) -> Iterator[None]:
    """`make_folder` for what is put into `path` inside; when that fails, no empty directory made here stays."""
    with storage_errors(path):
        missing = _missing(path)
    try:
        make_folder(path)
        yield
    except BaseException:
        for folder in missing:
            with suppress(OSError):  # it was not made, or somebody uses it
                os.rmdir(folder)
        raise


def _missing(path: Path) -> list[Path]:
    """The directories that `path` needs and that are not there, the innermost first."""
    return [folder for folder in (path, *path.parents) if not folder.exists()]


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
            if is_leftover(path.name) and not stat.S_ISDIR(path.lstat().st_mode):
                os.unlink(path)


def is_leftover(name: str) -> bool:
    """Whether this is the name of a temporary file."""
    return _LEFTOVER.fullmatch(name) is not None


def remove_abandoned(target: Path, seconds: float) -> None:
    """Removes temporary files of `target` that nobody has touched for `seconds`; others may write `target` meanwhile.

    What cannot be removed stays: it is in nobody's way.
    """
    due = time.time() - seconds
    name = re.compile(rf"\.{re.escape(target.name)}\.[0-9a-z_]{{8}}\.(tmp|part)")
    with suppress(OSError):
        for path in target.parent.iterdir():
            if name.fullmatch(path.name) and stat.S_ISREG((found := path.lstat()).st_mode) and found.st_mtime < due:
                path.unlink(missing_ok=True)


def sync_folder(folder: Path) -> None:
    """Makes the names in `folder` durable."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def storage_errors(path: Path) -> Iterator[None]:
    """Turns an OSError inside into a StorageError that names `path`, the reason and a way out."""
    try:
        yield
    except OSError as error:
        remedy = _REMEDIES.get(error.errno or 0, "choose another folder")
        raise StorageError(f"{path}: cannot be written: {why(error)}; {remedy}") from error


def write_all(descriptor: int, content: bytes) -> None:
    """All of `content` to an open file; OSError where it does not take it."""
    view = memoryview(content)
    while view:
        written = os.write(descriptor, view)  # may be short: a full disk says so only at the next call
        view = view[written:]
