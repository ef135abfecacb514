"""One writer a run directory: an exclusive `flock` that dies with its process, whatever kills it.

The lock file stays when the lock is given back: removing it would let two processes hold locks on two files of one
name. Where a file system has no `flock`, a file made exclusively names its owner by host, boot, process and start time;
one whose owner is gone is taken over.

Both files are written, so they have to be locks of vgrad: regular, of one name, and with nothing in them but an owner.
Anything else in their place (a link, a second name of some file, a pipe) is left as it is, and is an error.
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
import socket
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from vgrad.errors import RunStateError, StorageError
from vgrad.storage import storage_errors
from vgrad.storage.reading import read_bounded
from vgrad.text.escapes import printable

LOCK = ".lock"
OWNER = ".owner"
PATIENCE = 50  # looks, 10 ms apart
MOST_BYTES = 4096
_SIGNED = b'{"pid": '
_NO_FLOCK = {errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.EINVAL}


class RunHeld(RunStateError):
    """Another process holds the run directory."""


@contextmanager
def exclusive(folder: Path) -> Iterator[None]:
    """Holds `folder` alone. RunStateError at once, naming the holder, when another process does."""
    descriptor = _open_and_lock(folder)
    try:
        if descriptor is None:
            with _exclusive_by_name(folder):
                yield
        else:
            with storage_errors(folder / LOCK):
                os.truncate(descriptor, 0)
                os.pwrite(descriptor, json.dumps(_me()).encode(), 0)
            yield
    finally:
        if descriptor is not None:
            with suppress(OSError):
                os.truncate(descriptor, 0)  # nobody's any more, though the file stays
            with suppress(OSError):
                os.close(descriptor)


def is_held(folder: Path) -> bool:
    """Whether some process holds `folder` now; looks without taking."""
    path = folder / LOCK
    try:
        if not stat.S_ISREG(path.lstat().st_mode):  # to open a device may do something
            return False
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return _is_alive(_read_owner(folder / OWNER))
    finally:
        os.close(descriptor)
    return False


def _open_and_lock(folder: Path) -> int | None:
    """A descriptor with the lock, or None where the file system has no flock.

    A holder that has not signed yet, or one that only looks (`is_held`), gets a moment's patience.
    """
    path = folder / LOCK
    for _ in range(PATIENCE):
        _check_lock(path)
        with storage_errors(path):
            flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
            descriptor = os.open(path, flags, 0o666)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            if _is_alive(_read_owner(path)):
                break
            time.sleep(0.01)
            continue
        except OSError as error:
            os.close(descriptor)
            if error.errno in _NO_FLOCK:
                return None
            with storage_errors(path):
                raise
        if _is_still(path, descriptor):
            try:
                _check_lock(path)  # again: now nobody else writes to it
            except BaseException:
                os.close(descriptor)
                raise
            return descriptor
        os.close(descriptor)  # the holder before us removed the directory with the file that we opened: once more
    raise _held(folder, _read_owner(path))


def _check_lock(path: Path) -> None:
    """RunStateError when what lies at `path` is not a lock, which alone may be emptied and written."""
    try:
        found = path.lstat()
        if not stat.S_ISREG(found.st_mode):
            wrong = "not a regular file"
        elif found.st_nlink > 1:
            wrong = "a file that has other names, too"
        elif found.st_size > MOST_BYTES or not _is_signed(read_bounded(path, MOST_BYTES)):
            wrong = "a file with something else in it"
        else:
            return
    except OSError:
        return  # there is none, or who opens it says why not
    shown = printable(str(path), 300)
    raise RunStateError(f"{shown}: is not a lock of vgrad: {wrong}; nothing was written to it: move it away")


def _is_signed(content: bytes) -> bool:
    """Whether this is empty or names an owner; a power failure may leave a part of it, or zeros."""
    content = content.strip(b"\0")
    return content[: len(_SIGNED)] == _SIGNED[: len(content)]


def _is_still(path: Path, descriptor: int) -> bool:
    try:
        named = path.lstat()
    except FileNotFoundError:
        return False
    mine = os.fstat(descriptor)
    return (named.st_dev, named.st_ino) == (mine.st_dev, mine.st_ino)


@contextmanager
def _exclusive_by_name(folder: Path) -> Iterator[None]:
    path = folder / OWNER
    _check_lock(path)
    if path.exists():
        owner = next(filter(None, _looks(path)), {})
        if _is_alive(owner):
            raise _held(folder, owner)
        _take_away(path, owner)
    try:
        with storage_errors(path):
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o666)
    except StorageError as error:
        if isinstance(error.__cause__, FileExistsError):  # another one was quicker
            raise _held(folder, _read_owner(path)) from None
        raise
    try:
        with storage_errors(path):
            os.write(descriptor, json.dumps(_me()).encode())
            os.close(descriptor)
        yield
    finally:
        with suppress(OSError):
            path.unlink()


def _take_away(path: Path, owner: dict[str, object]) -> None:
    """Removes the file of an owner that is gone; not the one that another process may have put there since."""
    aside = path.with_name(f"{OWNER}.{os.getpid()}")
    with storage_errors(path), suppress(FileNotFoundError):
        path.rename(aside)
        if _read_owner(aside) != owner:
            with suppress(FileExistsError):
                os.link(aside, path)
        aside.unlink()


def _held(folder: Path, owner: dict[str, object]) -> RunHeld:
    holder = f"process {owner.get('pid', '?')} on {printable(str(owner.get('host', 'this machine')), 60)}"
    return RunHeld(f"{folder}: is being trained by {holder}; wait for it to end or stop it")


def _me() -> dict[str, object]:
    return {"pid": os.getpid(), "host": socket.gethostname(), "boot": _boot(), "start": _start_time(os.getpid())}


def _looks(path: Path) -> Iterator[dict[str, object]]:
    """The owner, looked at again and again for a moment: one that has made the file may not have signed it yet."""
    for _ in range(PATIENCE):
        yield _read_owner(path)
        time.sleep(0.01)


def _read_owner(path: Path) -> dict[str, object]:
    try:
        owner = json.loads(read_bounded(path, MOST_BYTES))
    except (OSError, ValueError, RecursionError):
        return {}
    return owner if isinstance(owner, dict) else {}


def _is_alive(owner: dict[str, object]) -> bool:
    """Whether the owner may still run. One on another host cannot be asked, so it counts as alive."""
    if owner.get("host") != socket.gethostname():
        return bool(owner)
    pid = owner.get("pid")
    return owner.get("boot") == _boot() and isinstance(pid, int) and owner.get("start") == _start_time(pid) is not None


def _boot() -> str:
    with suppress(OSError):
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    return ""


def _start_time(pid: int) -> str | None:
    """When process `pid` started, in ticks since boot: a process id that is used again has another one."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    return stat.rpartition(")")[2].split()[19]
