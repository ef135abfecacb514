"""The files of MNIST and its like: where they are, whether they are the right ones, and how to get them.

They live in `$VGRAD_DATA/mnist/`, `…/fashion_mnist/` and `…/kmnist/` (default: the user's cache directory) as they were
published; MNIST also unpacked or packed anew as a course hands it out: what counts is the SHA-256 of the content. A
right file is never downloaded again; a wrong one is never used, and a packed one is replaced only by `fetch`.
"""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from vgrad.data.download import MirrorError, download, host
from vgrad.data.idx import content_digest
from vgrad.data.published import COLLECTIONS, MNIST, Published
from vgrad.errors import DataError, StorageError
from vgrad.storage import folder_for, remove_abandoned
from vgrad.storage.reading import Unfit, digest, why


@dataclass(frozen=True)
class FileStatus:
    """What was found under `path`, which may be that of the unpacked file; `digest` is the SHA-256 of the file in hex,
    empty if it is missing or too large to be it."""

    name: str
    path: Path
    state: Literal["ok", "missing", "wrong"]
    digest: str
    collection: str = "mnist"

    @property
    def due(self) -> Published:
        """What the file must be."""
        return files_of(self.collection)[self.name]


MIRRORS, FILES = MNIST.mirrors, MNIST.files

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


def files_of(collection: str) -> dict[str, Published]:
    """The files of a set, by name."""
    return FILES if collection == "mnist" else COLLECTIONS[collection].files


def mirrors(collection: str = "mnist") -> tuple[str, ...]:
    """Base addresses to try in turn: `$VGRAD_MIRRORS` (separated by spaces; of other sets than MNIST a folder below, by
    the set's name), or else the published ones."""
    chosen = os.environ.get("VGRAD_MIRRORS", "").split()
    below = "" if collection == "mnist" else f"{collection}/"
    return tuple(f"{each.rstrip('/')}/{below}" if below else each for each in chosen) or COLLECTIONS[collection].mirrors


def verify(collection: str = "mnist") -> list[FileStatus]:
    """Look at every file; downloads nothing. StorageError if one is there and cannot be read."""
    return [_status(name, collection) for name in files_of(collection)]


def fetch(
    progress: bool = False, collection: str = "mnist", *, timeout: float = 10.0, limit: float = 300.0
) -> list[Path]:
    """Download what is missing or wrong; the paths of all files.

    `progress` shows a bar if stderr is a terminal; `timeout` (seconds) bounds a connection or a read, `limit` a file
    from one mirror. DataError if no mirror gives a file, StorageError if the disk does not take it.
    """
    found = verify(collection)
    for status in found:
        remove_abandoned(_target(status), ABANDONED)
    return _complete(found, progress, timeout, limit)


def present(progress: bool = False, collection: str = "mnist") -> list[Path]:
    """The paths of all files, for reading: missing ones are downloaded, as by `fetch`; DataError if one is wrong."""
    found = verify(collection)
    wrong = [status for status in found if status.state == "wrong"]
    if wrong:
        raise DataError(*map(_complaint, wrong))
    return _complete(found, progress, timeout=10.0, limit=300.0)


def _status(name: str, collection: str) -> FileStatus:
    """The right file under the published name or that without .gz; else the first that is there."""
    folder = data_dir() / collection
    found = [_of_file(name, folder / each, collection) for each in (name, name.removesuffix(PACKED))]
    states = [status.state for status in found]
    return next((found[states.index(state)] for state in ("ok", "wrong") if state in states), found[0])


def _of_file(name: str, path: Path, collection: str) -> FileStatus:
    due = files_of(collection)[name]
    try:
        found = digest(path, HASHED)
    except (Unfit, IsADirectoryError):
        return FileStatus(name, path, "wrong", "", collection)
    except (FileNotFoundError, NotADirectoryError):
        return FileStatus(name, path, "missing", "", collection)
    except OSError as error:
        raise StorageError(f"{path}: cannot be read: {why(error)}") from None
    right = found == due.sha256 or (due.content and content_digest(path, due.unpacked) == due.content)
    return FileStatus(name, path, "ok" if right else "wrong", found, collection)


def _target(status: FileStatus) -> Path:
    """Where the file is downloaded to: an unpacked one is never replaced."""
    return status.path.with_name(status.name)


def _complaint(status: FileStatus) -> str:
    found = f"SHA-256 {status.digest[:12]}" if status.digest else "something else"
    due = status.due.sha256[:12]
    remedy = "replaces it" if status.path == _target(status) else f"downloads {status.name} beside it"
    return f"{status.path}: damaged: {found} where {due} is due; `{command(status.collection)}` {remedy}"


def command(collection: str) -> str:
    """What fetches a set."""
    return "vgrad data fetch" + ("" if collection == "mnist" else f" {collection}")


def _complete(found: list[FileStatus], progress: bool, timeout: float, limit: float) -> list[Path]:
    """Download the files that are not "ok", each from the first mirror that gives it."""
    due = [status for status in found if status.state != "ok"]
    order = list(mirrors(found[0].collection))
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

    due = status.due
    url = f"{mirror.rstrip('/')}/{status.name}"
    hidden = not (progress and sys.stderr.isatty())
    with tqdm(total=due.size, desc=status.name, unit="B", unit_scale=True, disable=hidden) as bar:
        download(
            url, _target(status), size=due.size, sha256=due.sha256, bar=not hidden and bar, timeout=timeout, limit=limit
        )


def _no_mirror(due: list[FileStatus], reasons: list[str]) -> str:
    names = ", ".join(status.name for status in due)
    return (
        f"{due[0].collection}: {names}: missing or damaged, and no mirror gave the first ({'; '.join(reasons)}); "
        f"put them into {due[0].path.parent}, or use `data: digits`, which needs no download"
    )
