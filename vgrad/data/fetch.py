"""The files of MNIST: where they are, whether they are the right ones, and how to get them.

They live in `$VGRAD_DATA/mnist/` (default: the user's cache directory) as they were published, or unpacked or packed
anew as a course hands them out: what counts is the SHA-256 of the content. A right file is never downloaded again; a
wrong one is never used, and a packed one is replaced only by `fetch`.
"""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from vgrad.data.download import MirrorError, download, host
from vgrad.data.idx import content_digest
from vgrad.errors import DataError, StorageError
from vgrad.storage import folder_for, remove_abandoned
from vgrad.storage.reading import Unfit, digest, why


@dataclass(frozen=True)
class Published:
    """What a file must be: its size in bytes and its SHA-256 in hex, as it is published and unpacked."""

    size: int
    sha256: str
    unpacked: int = 0
    content: str = ""


@dataclass(frozen=True)
class FileStatus:
    """What was found under `path`, which may be that of the unpacked file; `digest` is the SHA-256 of the file in hex,
    empty if it is missing or too large to be it."""

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
        9912422,
        "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
        47040016,
        "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    ),
    "train-labels-idx1-ubyte.gz": Published(
        28881,
        "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
        60008,
        "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    ),
    "t10k-images-idx3-ubyte.gz": Published(
        1648877,
        "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
        7840016,
        "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    ),
    "t10k-labels-idx1-ubyte.gz": Published(
        4542,
        "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
        10008,
        "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
    ),
}

PACKED = ".gz"
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
        remove_abandoned(_target(status), ABANDONED)
    return _complete(found, progress, timeout, limit)


def present(progress: bool = False) -> list[Path]:
    """The paths of all files, for reading: missing ones are downloaded, as by `fetch`; DataError if one is wrong."""
    found = verify()
    wrong = [status for status in found if status.state == "wrong"]
    if wrong:
        raise DataError(*map(_complaint, wrong))
    return _complete(found, progress, timeout=10.0, limit=300.0)


def _status(name: str) -> FileStatus:
    """The right file under the published name or that without .gz; else the first that is there."""
    folder = data_dir() / "mnist"
    found = [_of_file(name, folder / each) for each in (name, name.removesuffix(PACKED))]
    states = [status.state for status in found]
    return next((found[states.index(state)] for state in ("ok", "wrong") if state in states), found[0])


def _of_file(name: str, path: Path) -> FileStatus:
    due = FILES[name]
    try:
        found = digest(path, HASHED)
    except (Unfit, IsADirectoryError):
        return FileStatus(name, path, "wrong", "")
    except (FileNotFoundError, NotADirectoryError):
        return FileStatus(name, path, "missing", "")
    except OSError as error:
        raise StorageError(f"{path}: cannot be read: {why(error)}") from None
    right = found == due.sha256 or (due.content and content_digest(path, due.unpacked) == due.content)
    return FileStatus(name, path, "ok" if right else "wrong", found)


def _target(status: FileStatus) -> Path:
    """Where the file is downloaded to: an unpacked one is never replaced."""
    return status.path.with_name(status.name)


def _complaint(status: FileStatus) -> str:
    found = f"SHA-256 {status.digest[:12]}" if status.digest else "something else"
    due = FILES[status.name].sha256[:12]
    remedy = "replaces it" if status.path == _target(status) else f"downloads {status.name} beside it"
    return f"{status.path}: damaged: {found} where {due} is due; `vgrad data fetch` {remedy}"


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
    return [status.path if status.state == "ok" else _target(status) for status in found]


def _from_mirror(mirror: str, status: FileStatus, progress: bool, timeout: float, limit: float) -> None:
    from tqdm import tqdm  # type: ignore[import-untyped]

    due = FILES[status.name]
    url = f"{mirror.rstrip('/')}/{status.name}"
    hidden = not (progress and sys.stderr.isatty())
    with tqdm(total=due.size, desc=status.name, unit="B", unit_scale=True, disable=hidden) as bar:
        download(
            url, _target(status), size=due.size, sha256=due.sha256, bar=not hidden and bar, timeout=timeout, limit=limit
        )


def _no_mirror(due: list[FileStatus], reasons: list[str]) -> str:
    names = ", ".join(status.name for status in due)
    return (
        f"mnist: {names}: missing or damaged, and no mirror gave the first ({'; '.join(reasons)}); "
        f"put them into {due[0].path.parent}, or use `data: digits`, which needs no download"
    )
