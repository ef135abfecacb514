"""The data folder: full, blocked, or holding odd things under the names of the files."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest
from data_files import NAMES, QUICK, Mirror, content, put, use

from vgrad.data import fetch, load
from vgrad.errors import DataError, StorageError


def test_odd_things_under_the_names(folder: Path, made: dict[str, bytes]) -> None:
    put(folder, {})
    (folder / "mnist" / NAMES[0]).mkdir()
    os.mkfifo(folder / "mnist" / NAMES[1])
    with (folder / "mnist" / NAMES[2]).open("wb") as file:
        file.truncate(1 << 40)
    assert [(status.state, status.digest) for status in fetch.verify()] == [("wrong", "")] * 3 + [("missing", "")]
    with pytest.raises(DataError, match="something else where"):
        load("mnist")


@pytest.mark.parametrize("call", ["write", "fsync", "replace", "mkstemp"])
def test_the_disk_refuses(
    call: str, folder: Path, made: dict[str, bytes], served: Mirror, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    targets = {"fsync": "os.fsync", "replace": "pathlib.Path.replace", "mkstemp": "tempfile.mkstemp"}
    use(monkeypatch, served.address("good"), served.address("good"))
    put(folder, {NAMES[0]: b"old"})
    if call == "write":
        monkeypatch.setattr("os.fdopen", lambda number, mode: _Full(number))
    else:
        monkeypatch.setattr(targets[call], full)
    with pytest.raises(StorageError, match="No space left") as caught:
        fetch.fetch(**QUICK)
    monkeypatch.undo()
    assert str(folder / "mnist" / NAMES[0]) in str(caught.value)
    assert "\n" not in str(caught.value)
    assert content(folder) == {NAMES[0]: b"old"}
    assert len(served.requests) <= 1


class _Full:
    """A file on a full disk."""

    def __init__(self, number: int) -> None:
        self.number = number

    def __enter__(self) -> _Full:
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self.number)

    def write(self, chunk: bytes) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")


def test_a_file_where_the_folder_should_be(folder: Path, made: dict[str, bytes]) -> None:
    (folder / "mnist").write_bytes(b"")
    assert [status.state for status in fetch.verify()] == ["missing"] * 4
    with pytest.raises(StorageError, match="cannot be written"):
        fetch.fetch(**QUICK)
