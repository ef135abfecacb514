"""The way to disk: files in pieces, what killed writers leave, and what a user is told to do."""

from __future__ import annotations

import errno
import os
import time
from pathlib import Path

import pytest

from vgrad.errors import StorageError
from vgrad.storage import (
    make_folder,
    remove_abandoned,
    remove_leftovers,
    rename,
    storage_errors,
    streaming,
    write_file,
    write_new,
    writing,
)

SPACE, RIGHTS = "free some space or choose another folder", "change its permissions or choose another folder"
REMEDIES = {
    errno.ENOSPC: SPACE,
    errno.EDQUOT: SPACE,
    errno.EACCES: RIGHTS,
    errno.EPERM: RIGHTS,
    errno.EROFS: RIGHTS,
    errno.EIO: "choose another folder",
}


@pytest.mark.parametrize("number", REMEDIES, ids=lambda number: errno.errorcode[number])
def test_the_remedy_fits_the_reason(number: int) -> None:
    with pytest.raises(StorageError) as caught, storage_errors(Path("x")):
        raise OSError(number, os.strerror(number))
    assert str(caught.value) == f"x: cannot be written: {os.strerror(number).lower()}; {REMEDIES[number]}"


def test_an_error_without_a_number_has_a_remedy() -> None:
    with pytest.raises(StorageError, match="written: odd; choose another folder"), storage_errors(Path("x")):
        raise OSError("odd")


def test_pieces_become_one_file_at_the_end(tmp_path: Path) -> None:
    target = tmp_path / "x"
    target.write_bytes(b"old")
    with streaming(target) as file:
        assert [file.write(b"one "), file.write(b""), file.write(b"two")] == [4, 0, 3]
        assert target.read_bytes() == b"old"
        assert len(list(tmp_path.iterdir())) == 2
    assert [path.name for path in tmp_path.iterdir()] == ["x"]
    assert target.read_bytes() == b"one two"
    with pytest.raises(ValueError, match="closed"):
        file.write(b"late")


def test_a_file_may_have_the_number_of_a_closed_stdin(tmp_path: Path) -> None:
    kept = os.dup(0)
    os.close(0)
    try:
        write_file(tmp_path / "x", b"content")
    finally:
        os.dup2(kept, 0)
        os.close(kept)
    assert (tmp_path / "x").read_bytes() == b"content"


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_a_failure_in_the_middle_leaves_the_old_file(error: type[BaseException], tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"old")

    def fail() -> None:
        with streaming(tmp_path / "x") as file:
            file.write(b"new")
            raise error

    with pytest.raises(error):
        fail()
    assert [path.name for path in tmp_path.iterdir()] == ["x"]
    assert (tmp_path / "x").read_bytes() == b"old"


def test_a_new_file_never_replaces_another(tmp_path: Path) -> None:
    assert write_new(tmp_path / "x", b"first")
    assert not write_new(tmp_path / "x", b"second")
    (tmp_path / "link").symlink_to("nowhere")
    assert not write_new(tmp_path / "link", b"third")
    assert {path.name for path in tmp_path.iterdir()} == {"x", "link"}
    assert (tmp_path / "x").read_bytes() == b"first"


@pytest.mark.parametrize("path", [".", "/"])
def test_a_target_without_a_name_is_refused(path: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for write in (write_file, write_new):
        with pytest.raises(StorageError, match="cannot be written: it has no name"):
            write(Path(path), b"")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_as_a_target_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x").mkdir()
    with pytest.raises(StorageError, match="cannot be written"):
        write_file(tmp_path / "x", b"")
    assert [path.name for path in tmp_path.iterdir()] == ["x"]


def test_what_is_made_has_the_rights_that_the_umask_leaves(tmp_path: Path) -> None:
    for umask in (0o000, 0o027):
        before = os.umask(umask)
        try:
            write_file(tmp_path / "x", b"")
            make_folder(tmp_path / f"a{umask}" / "b")
        finally:
            os.umask(before)
        assert (tmp_path / "x").stat().st_mode & 0o777 == 0o666 & ~umask
        assert (tmp_path / f"a{umask}").stat().st_mode & 0o777 == 0o777 & ~umask


def test_names_of_new_folders_are_made_durable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[Path] = []
    monkeypatch.setattr(writing, "sync_folder", synced.append)
    make_folder(tmp_path / "a" / "b")
    assert synced == [tmp_path, tmp_path / "a"]
    make_folder(tmp_path / "a" / "b")
    rename(tmp_path / "a" / "b", tmp_path / "c")
    assert synced[2:] == [tmp_path, tmp_path / "a"]


def test_a_file_is_renamed_over_another(tmp_path: Path) -> None:
    (tmp_path / "from").write_bytes(b"new")
    (tmp_path / "to").write_bytes(b"old")
    rename(tmp_path / "from", tmp_path / "to")
    assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir()] == [("to", b"new")]
    with pytest.raises(StorageError, match=r"elsewhere: cannot be written: no such file"):
        rename(tmp_path / "to", tmp_path / "none" / "elsewhere")
    assert (tmp_path / "to").exists()


def test_only_temporary_files_of_ours_are_leftovers(tmp_path: Path) -> None:
    kept = {".notes.tmp", ".x.0123ABCD.tmp", ".x.0123abcde.tmp", "x.0123abcd.tmp", ".0123abcd.tmp", "..0123abcd.tmp"}
    for name in {*kept, ".x.0123abcd.tmp", ".a.b.ffffffff.tmp"}:
        (tmp_path / name).touch()
    (tmp_path / ".d.0123abcd.tmp").mkdir()
    (tmp_path / ".l.0123abcd.tmp").symlink_to(tmp_path / ".d.0123abcd.tmp")
    remove_leftovers(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == kept | {".d.0123abcd.tmp"}


def test_only_old_temporary_files_of_the_target_are_abandoned(tmp_path: Path) -> None:
    old, gone = time.time() - 100, {".x.0123abcd.tmp", ".x.a_bcdef9.part"}
    kept = {
        ".y.0123abcd.tmp",
        "x",
        ".x.0123abcd.tmp2",
        ".x.0123abc.tmp",
        "x.0123abcd.tmp",
        ".x.ffffffff.tmp",
        ".x.d_000000.tmp",
    }
    for name in gone | kept - {".x.d_000000.tmp"}:
        (tmp_path / name).touch()
    (tmp_path / ".x.d_000000.tmp").mkdir()
    for name in gone | kept - {".x.ffffffff.tmp"}:  # that one is young
        os.utime(tmp_path / name, (old, old))
    remove_abandoned(tmp_path / "x", 200.0)
    assert {path.name for path in tmp_path.iterdir()} == gone | kept
    remove_abandoned(tmp_path / "x", 50.0)
    assert {path.name for path in tmp_path.iterdir()} == kept


def test_abandoned_files_in_no_folder_are_none(tmp_path: Path) -> None:
    remove_abandoned(tmp_path / "missing" / "x", 0.0)
    assert list(tmp_path.iterdir()) == []
