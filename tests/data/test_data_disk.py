"""The data folder: full, blocked, or holding odd things under the names of the files."""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from data_files import NAMES, QUICK, Mirror, content, put, use

from vgrad.data import fetch, load
from vgrad.errors import DataError, StorageError
from vgrad.storage import writing as storage


def test_odd_things_under_the_names(folder: Path, made: dict[str, bytes]) -> None:
    put(folder, {})
    (folder / "mnist" / NAMES[0]).mkdir()
    os.mkfifo(folder / "mnist" / NAMES[1])
    with (folder / "mnist" / NAMES[2]).open("wb") as file:
        file.truncate(1 << 40)
    assert [(status.state, status.digest) for status in fetch.verify()] == [("wrong", "")] * 3 + [("missing", "")]
    with pytest.raises(DataError, match="something else where"):
        load("mnist")


@pytest.mark.parametrize("call", ["write", "fsync", "rename", "open"])
def test_the_disk_refuses(
    call: str, folder: Path, made: dict[str, bytes], served: Mirror, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    use(monkeypatch, served.address("good"), served.address("good"))
    put(folder, {NAMES[0]: b"old"})
    monkeypatch.setattr(storage, "os", _Full(call, full))
    with pytest.raises(
        StorageError, match="no space left on device; free some space or choose another folder"
    ) as caught:
        fetch.fetch(**QUICK)
    monkeypatch.undo()
    assert str(folder / "mnist" / NAMES[0]) in str(caught.value)
    assert "\n" not in str(caught.value)
    assert content(folder) == {NAMES[0]: b"old"}
    assert len(served.requests) <= 1


class _Full:
    """Stands in for the module `os`, with one call replaced."""

    def __init__(self, name: str, call: Callable[..., int]) -> None:
        setattr(self, name, call)

    def __getattr__(self, name: str) -> object:
        return getattr(os, name)


def test_a_file_where_the_folder_should_be(folder: Path, made: dict[str, bytes]) -> None:
    (folder / "mnist").write_bytes(b"")
    assert [status.state for status in fetch.verify()] == ["missing"] * 4
    with pytest.raises(StorageError, match="cannot be written"):
        fetch.fetch(**QUICK)


DAY = 86_400
KILLED = (f".{NAMES[0]}.0123abcd.tmp", f".{NAMES[3]}.k_x3abcd.part")
OTHERS = (f".{NAMES[0]}.notes.tmp", ".x.0123abcd.tmp", f"{NAMES[0]}.tmp")


def test_the_next_fetch_removes_what_killed_ones_left(
    folder: Path, made: dict[str, bytes], served: Mirror, monkeypatch: pytest.MonkeyPatch
) -> None:
    use(monkeypatch, served.address("good"))
    young = f".{NAMES[1]}.0123abcd.tmp"
    put(folder, dict.fromkeys((*KILLED, *OTHERS, young), b"x"))
    (folder / "mnist" / f".{NAMES[0]}.ffffffff.tmp").mkdir()
    for path in (folder / "mnist").iterdir():
        age = DAY - 60 if path.name == young else DAY + 60
        os.utime(path, (time.time() - age,) * 2)
    fetch.fetch()
    assert content(folder) == made | dict.fromkeys((*OTHERS, young), b"x")
    assert (folder / "mnist" / f".{NAMES[0]}.ffffffff.tmp").is_dir()


def test_a_failed_fetch_leaves_no_folders_of_its_own(
    tmp_path: Path, made: dict[str, bytes], served: Mirror, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VGRAD_DATA", str(tmp_path / "a" / "b"))
    (tmp_path / "a").mkdir()
    use(monkeypatch, served.address("not_found"))
    with pytest.raises(DataError):
        fetch.fetch(**QUICK)
    assert [path.name for path in tmp_path.rglob("*")] == ["a"]
    use(monkeypatch, served.address("good"))
    (tmp_path / "a" / "b" / "mnist").mkdir(parents=True)
    fetch.fetch()
    assert content(tmp_path) == made
