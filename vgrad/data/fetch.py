"""The files of MNIST: where they are, whether they are the right ones, and how to get them.

They live in `$VGRAD_DATA/mnist/` (default: the user's cache directory) as they were published. A file with the right
SHA-256 is never downloaded again; one with a wrong SHA-256 is never used, and replaced only by `fetch`.
"""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from vgrad.data.download import MirrorError, download, host
from vgrad.errors import DataError, StorageError
from vgrad.storage import folder_for, remove_abandoned
from vgrad.storage.reading import Unfit, digest, why


@dataclass(frozen=True)
class Published:
    """What a file must be: its size in bytes and its SHA-256 in hex."""

    size: int
    sha256: str


@dataclass(frozen=True)
class FileStatus:
    """What was found under `path`; `digest` is its SHA-256 in hex, empty if it is missing or too large to be it."""

    name: str
    path: Path
    state: Literal["ok", "missing", "wrong"]
    digest: str


MIRRORS = (
    "https://ossci-datasets.s3.amazonaws.com/mnist/",
    "https://storage.googleapis.com/cvdf-datasets/mnist/",
)

FILES = {
    "train-images-idx3-ubyte.gz": Published(
        9912422, "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609"
    ),
    "train-labels-idx1-ubyte.gz": Published(28881, "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c"),
    "t10k-images-idx3-ubyte.gz": Published(1648877, "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6"),
    "t10k-labels-idx1-ubyte.gz": Published(4542, "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6"),
}

HASHED = 1 << 26  # bytes; a larger file is wrong without being read
ABANDONED = 86_400.0  # seconds; an older temporary file is that of a fetch that was killed


def data_dir() -> Path:
    """The folder of all data: `$VGRAD_DATA`, or else the user's cache directory. It need not exist."""
    chosen = os.environ.get("VGRAD_DATA")
    if chosen:
        return Path(chosen)
    import pooch

    return Path(pooch.os_cache("vgrad"))


def mirrors() -> tuple[str, ...]:
    """Base addresses to try in turn: `$VGRAD_MIRRORS` (separated by spaces), or else MIRRORS."""
    return tuple(os.environ.get("VGRAD_MIRRORS", "").split()) or MIRRORS


def verify() -> list[FileStatus]:
    """Look at every file; downloads nothing. StorageError if one is there and cannot be read."""
    return [_status(name) for name in FILES]


def fetch(progress: bool = False, *, timeout: float = 10.0, limit: float = 300.0) -> list[Path]:
    """Download what is missing or wrong; the paths of all files.

    `progress` shows a bar if stderr is a terminal; `timeout` (seconds) bounds a connection or a read, `limit` a file
    from one mirror. DataError if no mirror gives a file, StorageError if the disk does not take it.
    """
    found = verify()
    for status in found:
        remove_abandoned(status.path, ABANDONED)
    return _complete(found, progress, timeout, limit)


def present(progress: bool = False) -> list[Path]:
    """The paths of all files, for reading: missing ones are downloaded, as by `fetch`; DataError if one is wrong."""
    found = verify()
    wrong = [status for status in found if status.state == "wrong"]
    if wrong:
        raise DataError(*map(_complaint, wrong))
    return _complete(found, progress, timeout=10.0, limit=300.0)


def _status(name: str) -> FileStatus:
    path = data_dir() / "mnist" / name
    due = FILES[name]
    try:
        found = digest(path, HASHED)
    except (Unfit, IsADirectoryError):
        return FileStatus(name, path, "wrong", "")
    except (FileNotFoundError, NotADirectoryError):
        return FileStatus(name, path, "missing", "")
    except OSError as error:
        raise StorageError(f"{path}: cannot be read: {why(error)}") from None
    return FileStatus(name, path, "ok" if found == due.sha256 else "wrong", found)


def _complaint(status: FileStatus) -> str:
    found = f"SHA-256 {status.digest[:12]}" if status.digest else "something else"
    due = FILES[status.name].sha256[:12]
    return f"{status.path}: damaged: {found} where {due} is due; `vgrad data fetch` replaces it"


def _complete(found: list[FileStatus], progress: bool, timeout: float, limit: float) -> list[Path]:
    """Download the files that are not "ok", each from the first mirror that gives it."""
    due = [status for status in found if status.state != "ok"]
    order = list(mirrors())
    for position, status in enumerate(due):
        reasons = []
        with folder_for(status.path.parent):
            for _ in range(len(order)):
                try:
                    _from_mirror(order[0], status, progress, timeout, limit)
                    break
                except MirrorError as error:
                    reasons.append(f"{host(order[0])}: {error}")
                    order.append(order.pop(0))  # the next file starts with the mirror that works
            else:
                raise DataError(_no_mirror(due[position:], reasons))
    return [status.path for status in found]


def _from_mirror(mirror: str, status: FileStatus, progress: bool, timeout: float, limit: float) -> None:
    from tqdm import tqdm  # type: ignore[import-untyped]

    due = FILES[status.name]
    url = f"{mirror.rstrip('/')}/{status.name}"
    hidden = not (progress and sys.stderr.isatty())
    with tqdm(total=due.size, desc=status.name, unit="B", unit_scale=True, disable=hidden) as bar:
        download(
            url, status.path, size=due.size, sha256=due.sha256, bar=not hidden and bar, timeout=timeout, limit=limit
        )


def _no_mirror(due: list[FileStatus], reasons: list[str]) -> str:
    names = ", ".join(status.name for status in due)
    return (
        f"mnist: {names}: missing or damaged, and no mirror gave the first ({'; '.join(reasons)}); "
        f"put them into {due[0].path.parent}, or use `data: digits`, which needs no download"
    )
