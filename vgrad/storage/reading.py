"""The only way from disk: regular files, opened without waiting, and no more of them than a stated number of bytes.

A pipe or a device in the place of a file is refused at once: opening it could wait for a writer that never comes, and
reading it could never end. What cannot be looked at (a directory that this user may not search, a failing disk) is an
error and never "there is no such file".
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from io import BufferedReader
from pathlib import Path

from vgrad.errors import VgradError
from vgrad.text.escapes import printable

_SHOWN = 300
_ABSENT = (errno.ENOENT, errno.ENOTDIR)


def why(error: OSError | ValueError) -> str:
    """The reason of an error of the operating system, as it stands in a message: "permission denied"."""
    if isinstance(error, OSError):
        return (error.strerror or str(error)).lower()
    return "not a file name"  # a zero byte or a lone surrogate in the path


@contextmanager
def opened(path: str | os.PathLike[str]) -> Iterator[BufferedReader]:
    """The regular file at `path`, open for reading. OSError where there is none: FileNotFoundError, IsADirectoryError,
    or "not a regular file" for a pipe, a device or a socket, which is not waited for."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
    with os.fdopen(descriptor, "rb") as file:
        mode = os.fstat(descriptor).st_mode
        if stat.S_ISDIR(mode):
            raise IsADirectoryError(errno.EISDIR, "is a directory")
        if not stat.S_ISREG(mode):
            raise OSError(errno.EINVAL, "not a regular file")
        yield file


def read_bounded(path: str | os.PathLike[str], most: int) -> bytes:
    """The content of the regular file at `path`; OSError as of `opened`, and EFBIG when it has more than `most` bytes,
    of which no more than `most` + 1 are read."""
    with opened(path) as file:
        content = file.read(most + 1)
    if len(content) > most:
        raise OSError(errno.EFBIG, f"more than {most:,} bytes")
    return content


@contextmanager
def reading_errors(path: str | os.PathLike[str], kind: type[VgradError], hint: str = "") -> Iterator[None]:
    """Turns an OSError inside into `kind`, in one line that names `path` and the reason, and ends with `hint`.

    FileNotFoundError stays as it is: whether a file has to be there, the caller knows.
    """
    try:
        yield
    except FileNotFoundError:
        raise
    except OSError as error:
        told = f"{printable(os.fspath(path), _SHOWN)}: cannot be read: {why(error)}"
        raise kind(f"{told}; {hint}" if hint else told) from error


def read_file(path: str | os.PathLike[str], most: int, kind: type[VgradError], hint: str = "") -> bytes:
    """`read_bounded` inside `reading_errors`."""
    with reading_errors(path, kind, hint):
        return read_bounded(path, most)


def is_there(path: str | os.PathLike[str]) -> bool:
    """Whether something has the name `path`, a link to nothing included. OSError when that cannot be found out."""
    try:
        os.lstat(path)
    except OSError as error:
        if error.errno in _ABSENT:
            return False
        raise
    return True


def is_folder(path: str | os.PathLike[str]) -> bool:
    """Whether `path` is a directory or a link to one. OSError when that cannot be found out."""
    try:
        return stat.S_ISDIR(os.stat(path).st_mode)
    except OSError as error:
        if error.errno in _ABSENT:
            return False
        raise


def entries(folder: Path) -> list[Path]:
    """What lies in a directory, in the order of names. OSError when it cannot be listed."""
    return sorted(folder.iterdir())
