"""The lock of a run directory: one holder, also without flock, and no lock that outlives its process."""

from __future__ import annotations

import errno
import json
import os
import sys
import time
from pathlib import Path

import forked
import pytest

from vgrad.errors import RunStateError, StorageError
from vgrad.storage import lock as locking
from vgrad.storage.lock import LOCK, OWNER, exclusive, is_held

HOLDER = "import sys, time; from pathlib import Path; from vgrad.storage.lock import exclusive\n"
HOLDER += "with exclusive(Path(sys.argv[1])): print('held', flush=True); time.sleep(60)"


@pytest.fixture
def without_flock(monkeypatch: pytest.MonkeyPatch) -> None:
    def flock(descriptor: int, operation: int) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(locking.fcntl, "flock", flock)


def test_the_second_one_is_refused_at_once_and_told_who_holds(tmp_path: Path) -> None:
    holder = forked.Popen([sys.executable, "-c", HOLDER, str(tmp_path)], stdout=forked.PIPE, text=True)
    try:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        assert is_held(tmp_path)
        begun = time.monotonic()
        with pytest.raises(RunStateError, match=f"is being trained by process {holder.pid} on "), exclusive(tmp_path):
            pass
        assert time.monotonic() - begun < 1
    finally:
        holder.kill()
        holder.communicate()
    assert not is_held(tmp_path)
    with exclusive(tmp_path):  # no manual unlock after kill -9
        assert is_held(tmp_path)


def test_a_directory_that_was_removed_and_made_again_has_a_lock_of_its_own(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    folder.mkdir()
    with exclusive(folder):
        (folder / LOCK).unlink()
        with exclusive(folder):
            assert is_held(folder)


@pytest.mark.usefixtures("without_flock")
def test_without_flock_a_file_names_the_owner(tmp_path: Path) -> None:
    with exclusive(tmp_path):
        assert is_held(tmp_path)
        with pytest.raises(RunStateError, match=f"process {os.getpid()} on "), exclusive(tmp_path):
            pass
    assert not (tmp_path / OWNER).exists()
    with exclusive(tmp_path):
        pass


GONE = {"pid": 2**22 + 5}  # larger than any process id
REUSED = {"start": "1"}
BOOTED = {"boot": "another boot"}


@pytest.mark.usefixtures("without_flock")
@pytest.mark.parametrize("change", [GONE, REUSED, BOOTED], ids=["dead", "process id reused", "rebooted"])
def test_without_flock_an_owner_that_is_gone_is_taken_over(tmp_path: Path, change: dict[str, object]) -> None:
    (tmp_path / OWNER).write_text(json.dumps({**locking._me(), **change}))
    with exclusive(tmp_path):
        assert json.loads((tmp_path / OWNER).read_text()) == locking._me()
    assert [path.name for path in tmp_path.iterdir()] == [LOCK]


def test_a_holder_that_has_not_signed_yet_gets_a_moment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real, left, slept = locking.fcntl.flock, 3, list[float]()

    def flock(descriptor: int, operation: int) -> None:
        nonlocal left
        left -= 1
        if left >= 0:
            raise BlockingIOError
        real(descriptor, operation)

    monkeypatch.setattr(locking.fcntl, "flock", flock)
    monkeypatch.setattr(locking.time, "sleep", slept.append)
    with exclusive(tmp_path):
        assert slept == [0.01] * 3
    left, descriptors = 10**6, len(os.listdir("/proc/self/fd"))
    with pytest.raises(RunStateError, match=r"process \? on this machine"), exclusive(tmp_path):
        pass
    assert 0.5 <= sum(slept[3:]) <= 1
    assert len(os.listdir("/proc/self/fd")) == descriptors
    assert not is_held(tmp_path / "missing")


def test_the_lock_names_its_holder_and_nobody_afterwards(tmp_path: Path) -> None:
    (tmp_path / LOCK).write_text(json.dumps({**locking._me(), "host": "a" * 200}))  # left by one that was killed
    with exclusive(tmp_path):
        assert json.loads((tmp_path / LOCK).read_text()) == locking._me()
    assert (tmp_path / LOCK).read_bytes() == b""
    assert not is_held(tmp_path)


def test_a_process_is_known_by_when_it_started() -> None:
    began = locking._start_time(os.getpid())
    assert began is not None
    assert 0 < int(began) / os.sysconf("SC_CLK_TCK") <= time.clock_gettime(time.CLOCK_BOOTTIME)
    assert locking._start_time(GONE["pid"]) is None
    assert locking._boot() == Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    me = locking._me()
    assert locking._is_alive(me)
    for change in (GONE, REUSED, BOOTED, {"pid": str(os.getpid())}, {"start": None, **GONE}):
        assert not locking._is_alive({**me, **change}), change
    assert locking._is_alive({**me, **GONE, "host": "elsewhere"})
    assert not locking._is_alive({})


def test_an_owner_that_came_meanwhile_is_put_back(tmp_path: Path) -> None:
    owner = tmp_path / OWNER
    owner.write_text(json.dumps(locking._me()))
    locking._take_away(owner, {**locking._me(), **GONE})
    assert json.loads(owner.read_text()) == locking._me()
    assert list(tmp_path.iterdir()) == [owner]


@pytest.mark.usefixtures("without_flock")
def test_without_flock_an_owner_on_another_host_cannot_be_asked_and_counts(tmp_path: Path) -> None:
    (tmp_path / OWNER).write_text(json.dumps({**locking._me(), "host": "elsewhere"}))
    with pytest.raises(RunStateError, match="on elsewhere"), exclusive(tmp_path):
        pass


@pytest.mark.usefixtures("without_flock")
def test_without_flock_a_half_written_owner_file_is_taken_over(tmp_path: Path) -> None:
    (tmp_path / OWNER).write_text('{"pid": 12')
    with exclusive(tmp_path):
        assert is_held(tmp_path)


def test_a_lock_file_that_cannot_be_made_is_a_storage_error(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match=r"\.lock: cannot be written"), exclusive(tmp_path / "nowhere"):
        pass


VICTIM = "worth keeping\n"
NO_LOCKS = {
    "a second name of a file": lambda victim, path: os.link(victim, path),
    "a second name of an empty file": lambda victim, path: (victim.write_bytes(b""), os.link(victim, path)),
    "a link": lambda victim, path: path.symlink_to(victim),
    "a link to nothing": lambda victim, path: path.symlink_to(f"{victim}x"),
    "a file of somebody": lambda victim, path: path.write_text(VICTIM),
    "a large file": lambda victim, path: path.write_bytes(b'{"pid": ' + bytes(5000)),
    "a pipe": lambda victim, path: os.mkfifo(path),
    "a directory": lambda victim, path: path.mkdir(),
}


@pytest.mark.parametrize("name", [LOCK, OWNER])
@pytest.mark.parametrize("kind", NO_LOCKS)
def test_what_is_no_lock_is_refused_and_left_as_it_is(
    tmp_path: Path, kind: str, name: str, request: pytest.FixtureRequest
) -> None:
    if name == OWNER:
        request.getfixturevalue("without_flock")
    folder, victim = tmp_path / "run", tmp_path / "victim"
    folder.mkdir()
    victim.write_text(VICTIM)
    NO_LOCKS[kind](victim, folder / name)
    before = [
        (path.name, path.lstat()[:6]) for path in sorted(tmp_path.rglob("*")) if path.name != LOCK or name == LOCK
    ]
    content = victim.read_bytes()
    begun = time.monotonic()
    with pytest.raises(RunStateError, match="is not a lock of vgrad"), exclusive(folder):
        pass
    assert not is_held(folder)
    assert time.monotonic() - begun < 2
    now = [(path.name, path.lstat()[:6]) for path in sorted(tmp_path.rglob("*")) if path.name != LOCK or name == LOCK]
    assert (now, victim.read_bytes()) == (before, content)
    assert not list(tmp_path.glob("victimx"))


@pytest.mark.parametrize("left", [b"", b'{"p', b'{"pid": 12, "host"', bytes(64)])
def test_what_a_power_failure_leaves_of_a_lock_is_a_lock(tmp_path: Path, left: bytes) -> None:
    (tmp_path / LOCK).write_bytes(left)
    with exclusive(tmp_path):
        pass
