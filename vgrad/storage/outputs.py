"""Where a person sends an answer (`-o FILE`): a file is replaced whole, and what is no file is written, never replaced.

    a new name, a regular file       temporary file beside it -> rename; owner and mode are those of the file before
    a link                           the same for its target, which need not be there; links in a circle are an error
    a device, a pipe, /dev/stdout    opened and written; a pipe that nobody reads is an error after a moment
    a directory, a socket            an error

Of a file that has several names (hard links), the named one is replaced; under the others lies what was there.
"""

from __future__ import annotations

import errno
import os
import re
import stat
import time
from contextlib import suppress
from pathlib import Path

from vgrad.storage.writing import storage_errors, streaming, write_all, write_new

READER_SECONDS = 1.0
"""How long a pipe may be without a reader."""
_MOST_LINKS = 40
_DESCRIPTOR = re.compile(r"(?:/proc/([0-9]+)(?:/task/[0-9]+)?|/dev)/fd/([0-9]+)")
_OF_ANOTHER = -1


def write_output(path: Path, content: bytes, *, new: bool = False) -> bool:
    """Puts `content` where `path` leads. `new`: False, and nothing done, where a file is there already."""
    with storage_errors(path):
        number = _descriptor(path)
        if number not in (None, _OF_ANOTHER):
            write_all(number, content)
            return True
        before = _status(path)
        if number == _OF_ANOTHER or (before is not None and not stat.S_ISREG(before.st_mode)):
            _write_through(path, content)
            return True
        target = Path(os.path.realpath(path))
    if new:
        return write_new(target, content)

    def place(temporary: Path, target: Path) -> None:
        if before is not None:
            with suppress(OSError):  # only root may give a file away
                os.chown(temporary, before.st_uid, before.st_gid)
            os.chmod(temporary, stat.S_IMODE(before.st_mode) & 0o777)
        os.rename(temporary, target)

    with streaming(target, place) as stream:
        stream.write(content)
    return True


def is_stdout(path: Path) -> bool:
    """Whether `path` is another name of the standard output, which then holds the answer and nothing else."""
    return _descriptor(path) == 1


def _descriptor(path: Path) -> int | None:
    """The number of the open file that `path` leads to, link by link (/dev/stdout, /dev/fd/1, /proc/self/fd/1); it is
    written at its place, also where it is a regular file. _OF_ANOTHER when another process has opened it."""
    name = os.path.abspath(path)
    for _ in range(_MOST_LINKS):
        folder, last = os.path.split(name)
        name = os.path.join(os.path.realpath(folder), last)
        found = _DESCRIPTOR.fullmatch(name)
        if found:
            return int(found[2]) if found[1] in (None, str(os.getpid())) else _OF_ANOTHER
        try:
            name = os.path.join(os.path.dirname(name), os.readlink(name))
        except OSError:  # not a link
            return None
    return None


def _status(path: Path) -> os.stat_result | None:
    """What `path` leads to; None for a new name and for a link to nothing."""
    try:
        return os.stat(path)
    except FileNotFoundError:
        return None


def _write_through(path: Path, content: bytes) -> None:
    descriptor = _opened(path)
    try:
        os.set_blocking(descriptor, True)
        write_all(descriptor, content)
    finally:
        os.close(descriptor)


def _opened(path: Path) -> int:
    due = time.monotonic() + READER_SECONDS
    while True:
        try:
            return os.open(path, os.O_WRONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
        except OSError as error:
            if error.errno != errno.ENXIO or not stat.S_ISFIFO(os.stat(path).st_mode):
                raise
            if time.monotonic() >= due:
                raise OSError(errno.ENXIO, "nobody reads this pipe") from None
        time.sleep(0.02)
