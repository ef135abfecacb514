"""After a power failure: what a file system may keep when only what was fsynced is certain.

The calls of one run are recorded and replayed on a model: a file has the content that was last fsynced, a name is in
its directory for certain once the directory was fsynced after the rename, and may be there before. A crash is tried
after every call.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from vgrad.config.check import check
from vgrad.runs import runner
from vgrad.runs.folder import DETERMINISTIC, RUN, SOMETIMES
from vgrad.storage import writing as storage

FINAL = {*DETERMINISTIC, RUN}


@dataclass
class Inode:
    written: bytes = b""
    durable: bytes = b""


@dataclass
class Disk:
    """Names and contents: `now` is what programs see, `sure` what a crash cannot take away."""

    now: dict[Path, Inode] = field(default_factory=dict)
    sure: dict[Path, Inode] = field(default_factory=dict)
    open: dict[int, Inode | Path] = field(default_factory=dict)
    torn: list[str] = field(default_factory=list)
    calls: int = 0

    def crash(self, call: str) -> None:
        """Every final name, whether its directory entry survived or not, has a whole content."""
        self.calls += 1
        for names in (self.now, self.sure):
            for path, inode in names.items():
                if path.name in FINAL and inode.durable != inode.written:
                    self.torn.append(f"crash after call {self.calls} ({call}): {path.name} is torn")


class Recorder:
    """Stands in for `os` in `vgrad.storage`."""

    def __init__(self, disk: Disk) -> None:
        self._disk = disk

    def __getattr__(self, name: str) -> object:
        return getattr(os, name)

    def open(self, path: Path, flags: int, mode: int = 0o777) -> int:
        descriptor, disk = os.open(path, flags, mode), self._disk
        if flags & os.O_DIRECTORY:
            disk.open[descriptor] = Path(path)
        else:
            disk.open[descriptor] = disk.now[Path(path)] = Inode()
        disk.crash("open")
        return descriptor

    def write(self, descriptor: int, content: bytes) -> int:
        count, inode = os.write(descriptor, content), self._disk.open[descriptor]
        assert isinstance(inode, Inode)
        inode.written += bytes(content[:count])
        self._disk.crash("write")
        return count

    def fsync(self, descriptor: int) -> None:
        os.fsync(descriptor)
        disk, what = self._disk, self._disk.open[descriptor]
        if isinstance(what, Inode):
            what.durable = what.written
        else:
            disk.sure = {path: inode for path, inode in disk.sure.items() if path.parent != what}
            disk.sure |= {path: inode for path, inode in disk.now.items() if path.parent == what}
        disk.crash("fsync")

    def rename(self, source: Path, target: Path) -> None:
        os.rename(source, target)
        self._disk.now[Path(target)] = self._disk.now.pop(Path(source))
        self._disk.crash("rename")


def test_power_failure_at_any_call_leaves_no_torn_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    disk = Disk()
    monkeypatch.setattr(storage, "os", Recorder(disk))
    monkeypatch.setattr(runner, "CHECKPOINT_SECONDS", 0.0)
    monkeypatch.setattr(runner, "CHECKPOINT_SHARE", 0)
    config = check({"name": "x", "layers": [64, 5, 10], "epochs": 2, "data": {"name": "digits", "train": 50}})
    for _ in runner.run(config, tmp_path):
        pass
    assert disk.torn == []
    assert disk.calls > 80
    kept = {path.name for path in disk.sure}
    assert kept >= FINAL - set(SOMETIMES), "a run that has ended must survive: its directory was not fsynced"


def test_the_model_sees_a_missing_fsync(tmp_path: Path) -> None:
    disk = Disk()
    recorder = Recorder(disk)
    descriptor = recorder.open(tmp_path / "new", os.O_WRONLY | os.O_CREAT)
    recorder.write(descriptor, b"content")
    os.close(descriptor)
    recorder.rename(tmp_path / "new", tmp_path / "metrics.csv")
    assert disk.torn == ["crash after call 3 (rename): metrics.csv is torn"]
