"""The way from disk: regular files only, not waited for, no more of them than was asked; no error means absence."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from vgrad.errors import DataError, RunStateError
from vgrad.storage import reading
from vgrad.storage.reading import entries, is_folder, is_there, opened, read_bounded, read_file, reading_errors, why


@pytest.fixture
def file(tmp_path: Path) -> Path:
    (tmp_path / "x").write_bytes(b"12345")
    return tmp_path / "x"


def test_no_more_is_read_than_was_asked(file: Path) -> None:
    assert read_bounded(file, 5) == read_file(file, 6, DataError) == b"12345"
    with pytest.raises(OSError, match="more than 4 bytes") as caught:
        read_bounded(file, 4)
    assert caught.value.errno == errno.EFBIG
    with pytest.raises(DataError, match=r"x: cannot be read: more than 4 bytes$"):
        read_file(file, 4, DataError)
    file.write_bytes(bytes(1001))
    with pytest.raises(RunStateError, match=r"x: cannot be read: more than 1,000 bytes; try again$"):
        read_file(file, 1000, RunStateError, "try again")


def test_what_is_no_regular_file_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path, kind, told in (
        (tmp_path / "pipe", OSError, "not a regular file"),
        (Path("/dev/zero"), OSError, "not a regular file"),
        (tmp_path, IsADirectoryError, "is a directory"),
        (tmp_path / "none", FileNotFoundError, "no such file"),
    ):
        with pytest.raises(kind) as caught, opened(path):
            pass
        assert why(caught.value).startswith(told)
    before = len(list(Path("/proc/self/fd").iterdir()))
    for _ in range(3):
        with pytest.raises(OSError, match="not a regular file"):
            read_bounded(tmp_path / "pipe", 1)
    assert len(list(Path("/proc/self/fd").iterdir())) == before


def test_a_file_that_is_not_there_is_the_callers_matter(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        read_file(tmp_path / "none", 9, DataError)
    with pytest.raises(DataError) as caught, reading_errors("a\x1b[2J", DataError):
        raise PermissionError(errno.EACCES, "Permission denied")
    assert caught.value.problems[0].endswith("cannot be read: permission denied")
    assert caught.value.problems[0].isprintable()
    assert isinstance(caught.value.__cause__, PermissionError)
    assert why(OSError("Odd")) == "odd"
    assert why(ValueError("embedded null byte")) == "not a file name"


def test_only_what_is_absent_is_not_there(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (file.parent / "link").symlink_to("nowhere")
    places = {
        file: (True, False),
        file.parent: (True, True),
        file.parent / "link": (True, False),
        file.parent / "none": (False, False),
        file / "below": (False, False),  # not a directory
    }
    for path, (there, folder) in places.items():
        assert (is_there(path), is_folder(path)) == (there, folder), path
    assert entries(file.parent) == [file.parent / "link", file]

    def forbidden(path: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(reading.os, "lstat", forbidden)
    monkeypatch.setattr(reading.os, "stat", forbidden)
    for look in (is_there, is_folder):
        with pytest.raises(PermissionError):
            look(file)
