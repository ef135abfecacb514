"""The only way from disk: regular files, opened without waiting, and no more of them than a stated number of bytes.

A pipe or a device in the place of a file is refused at once: opening it could wait for a writer that never comes, and
reading it could never end. What cannot be looked at (a directory that this user may not search, a failing disk) is an
error and never "there is no such file".

    read_file(path, most, ConfigError)    the content, or one line of that kind
    read_state(path, most)                that of a run, study or sweep: damaged, or unreadable
    opened(path), digest(path, most)      a piece at a time
"""

from __future__ import annotations

import errno
import hashlib
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import BufferedReader
from pathlib import Path

from vgrad.errors import RunStateError, Unreadable, VgradError
from vgrad.text.escapes import printable

CHUNK = 2**18
_SHOWN = 300
_ABSENT = {errno.ENOENT, errno.ENOTDIR, errno.ENAMETOOLONG, errno.ELOOP}
_NO_FILE = {errno.EISDIR, errno.ENOTDIR, errno.ENAMETOOLONG, errno.ELOOP}
_NO_DRIVER = {errno.ENXIO, errno.ENODEV}  # a socket, or a device that nothing stands behind


class Unfit(OSError):
    """What has the name is no regular file, or has more bytes than it may have."""


def why(error: OSError | ValueError) -> str:
    """The reason of an error of the operating system, as it stands in a message: "permission denied"."""
    if isinstance(error, OSError):
        return (error.strerror or str(error)).lower()
    return "not a file name"  # a zero byte or a lone surrogate in the path


def regular(path: str | os.PathLike[str]) -> int:
    """A descriptor of the regular file at `path`, for reading. OSError where there is none: FileNotFoundError,
    IsADirectoryError, or Unfit for a link to nothing and for a pipe, a device or a socket, which is not waited for."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
    except ValueError as error:
        raise OSError(errno.EINVAL, why(error)) from None
    except FileNotFoundError:
        if is_there(path):
            raise Unfit(errno.ENOENT, "is a link to nothing") from None
        raise
    except OSError as error:
        if error.errno in _NO_DRIVER:
            raise Unfit(errno.EINVAL, "not a regular file") from None
        raise
    mode = os.fstat(descriptor).st_mode
    if stat.S_ISREG(mode):
        return descriptor
    os.close(descriptor)
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, "is a directory")
    raise Unfit(errno.EINVAL, "not a regular file")


@contextmanager
def opened(path: str | os.PathLike[str]) -> Iterator[BufferedReader]:
    """The regular file at `path`, open for reading; OSError as of `regular`."""
    with os.fdopen(regular(path), "rb") as file:
        yield file


def read_bounded(path: str | os.PathLike[str], most: int) -> bytes:
    """The content of the regular file at `path`; OSError as of `regular`, and Unfit when it has more than `most` bytes,
    of which no more than `most` + 1 are read."""
    descriptor = regular(path)
    try:
        promised = _size(descriptor, most)
        content = os.read(descriptor, promised + 1)  # all of it and the end, unless it grows or its size is not known
        if len(content) == promised and promised:
            return content
        pieces, left = [content], most - len(content)
        while left >= 0 and (piece := os.read(descriptor, min(CHUNK, left + 1))):
            pieces.append(piece)
            left -= len(piece)
    finally:
        os.close(descriptor)
    if left < 0:
        raise _too_large(most)
    return b"".join(pieces)


def digest(path: str | os.PathLike[str], most: int) -> str:
    """The SHA-256, in hex, of the regular file at `path`, which is never in memory as a whole; OSError as of
    `read_bounded`."""
    total, left = hashlib.sha256(), most
    with opened(path) as file:
        _size(file.fileno(), most)
        while left >= 0 and (piece := file.read(min(CHUNK, left + 1))):
            total.update(piece)
            left -= len(piece)
    if left < 0:
        raise _too_large(most)
    return total.hexdigest()


def _size(descriptor: int, most: int) -> int:
    size = os.fstat(descriptor).st_size
    if size > most:
        raise _too_large(most)
    return size


def _too_large(most: int) -> Unfit:
    return Unfit(errno.EFBIG, f"more than {most:,} bytes")


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


def state_error(path: str | os.PathLike[str], error: OSError) -> RunStateError:
    """What is said of a run's, study's or sweep's file that could not be read: Unreadable where the system refuses it,
    as of a permission; else that it is damaged, or not there."""
    name = printable(os.fspath(path), _SHOWN)
    if isinstance(error, Unfit) or error.errno in _NO_FILE:
        return RunStateError(f"{name}: damaged: {why(error)}")
    kind = RunStateError if isinstance(error, FileNotFoundError) else Unreadable
    return kind(f"{name}: cannot be read: {why(error)}")


@contextmanager
def state_errors(path: str | os.PathLike[str]) -> Iterator[None]:
    """Turns an OSError inside into `state_error`; FileNotFoundError stays as it is."""
    try:
        yield
    except FileNotFoundError:
        raise
    except OSError as error:
        raise state_error(path, error) from error


def read_state(path: str | os.PathLike[str], most: int) -> bytes:
    """`read_bounded` inside `state_errors`."""
    with state_errors(path):
        return read_bounded(path, most)


def is_there(path: str | os.PathLike[str]) -> bool:
    """Whether something has the name `path`, a link to nothing included. OSError when that cannot be found out."""
    return _mode(path, os.lstat) != 0


def is_folder(path: str | os.PathLike[str]) -> bool:
    """Whether `path` is a directory or a link to one. OSError when that cannot be found out."""
    return stat.S_ISDIR(_mode(path, os.stat))


def may_be_folder(path: str | os.PathLike[str]) -> bool:
    """As `is_folder`, and True for what cannot be looked at: whoever reads it then says why it cannot be read."""
    try:
        return is_folder(path)
    except OSError:
        return True


def is_file(path: str | os.PathLike[str]) -> bool:
    """Whether `path` is a regular file or a link to one. OSError when that cannot be found out."""
    return stat.S_ISREG(_mode(path, os.stat))


def _mode(path: str | os.PathLike[str], look: Callable[[str | os.PathLike[str]], os.stat_result]) -> int:
    """What lies at `path`, 0 for nothing: a name that no file can have is that of nothing."""
    try:
        return look(path).st_mode
    except ValueError:
        return 0
    except OSError as error:
        if error.errno in _ABSENT:
            return 0
        raise


def entries(folder: Path) -> list[Path]:
    """What lies in a directory, in the order of names. OSError when it cannot be listed."""
    return sorted(folder.iterdir())
