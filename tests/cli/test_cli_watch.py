"""`vgrad status --watch`: a line a change in a pipe, a block on a terminal, and an end that is clean."""

from __future__ import annotations

import io
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from vgrad.cli.screen import sweep_watch
from vgrad.cli.screen.streams import Screen
from vgrad.sweeps.dispatch import Ended, Failed
from vgrad.sweeps.job import Progress
from vgrad.sweeps.tally import StatusFile, Sweep, Tally, read_statuses

Command = Callable[..., tuple[int, str, str]]


@dataclass(frozen=True)
class Named:
    name: str

    def is_complete(self) -> bool:
        return False


class Fake:
    """A sweep of three runs that does one thing more each time somebody looks."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self._tally, self._file, self.looks = Tally(3), StatusFile(folder, "s"), 0
        self._events = self._course()
        next(self._events)
        monkeypatch.setattr("vgrad.sweeps.tally.WRITE_SECONDS", -1.0)
        monkeypatch.setattr(sweep_watch, "SECONDS_PER_LOOK", 0.0)
        monkeypatch.setattr(sweep_watch, "read_statuses", self._look)

    def _course(self) -> Iterator[None]:
        events: list[Any] = [
            Progress("b", 3, 30, 0.25),
            Progress("b", 4, 30, 0.24),  # no change of what is done
            Ended(Named("b"), "complete"),
            Failed(Named("c"), "its worker was killed by SIGKILL", 2, final=True),
            Ended(Named("d"), "diverged"),
        ]
        self._file.write(self._tally)
        yield
        for event in events:
            self._tally.add(event)
            self._file.write(self._tally)
            yield
        self._file.write(self._tally, "finished")
        yield

    def _look(self, folder: Path) -> tuple[list[Sweep], list[str]]:
        found = read_statuses(folder)
        self.looks += 1
        next(self._events, None)
        return found


def test_a_pipe_gets_a_line_a_change(tmp_path: Path, command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    fake = Fake(tmp_path / "s", monkeypatch)
    code, out, err = command("status", tmp_path, "--watch")
    assert (code, err, fake.looks) == (0, "", 7)
    assert re.sub(r", \S+ (a minute|ago).*", "", out).replace(f"{tmp_path / 's'}: ", "").splitlines() == [
        "running, 0/3 runs",
        "running, 1/3 runs",
        "running, 2/3 runs, 1 failed",
        "  FAILED c: its worker was killed by SIGKILL",
        "running, 3/3 runs, 1 failed, 1 diverged",
        "finished, 3/3 runs, 1 failed, 1 diverged",
    ]


def test_json_is_an_object_in_a_line(tmp_path: Path, command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    Fake(tmp_path / "s", monkeypatch)
    code, out, _ = command("status", tmp_path, "--watch", "--json")
    trees = [json.loads(line) for line in out.splitlines()]
    assert code == 0
    assert [(tree["state"], tree["trained"] + tree["failed"]) for tree in trees] == [
        *(("running", done) for done in range(4)),
        ("finished", 3),
    ]


class Painted(Screen):
    """A terminal of 40 x 5 that keeps what is painted."""

    def __init__(self) -> None:
        super().__init__(io.StringIO())
        self.live, self.painted, self.erased = True, list[list[str]](), 0

    @property
    def size(self) -> tuple[int, int]:
        return 40, 5

    def paint(self, lines: Any) -> None:
        self.painted.append([text for text, _ in lines])

    def erase(self) -> None:
        self.erased += 1


def test_a_terminal_is_painted_within_its_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake, screen = Fake(tmp_path / "s", monkeypatch), Painted()
    found, problems = sweep_watch.watch(tmp_path, screen, lambda: False, as_json=False)
    assert ([sweep.state for sweep in found], problems, screen.erased) == (["finished"], [], 1)
    assert len(screen.painted) == fake.looks == 7
    assert screen.painted[1][1] == "  b  epoch 3/30  cost 0.25"
    assert all(len(block) <= 3 and all(len(line) < 40 for line in block) for block in screen.painted)


def test_it_ends_when_nobody_reads_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake = Fake(tmp_path / "s", monkeypatch)
    monkeypatch.setattr(sweep_watch, "answer", lambda text: False)
    sweep_watch.watch(tmp_path, Screen(io.StringIO()), lambda: False, as_json=False)
    assert fake.looks == 1


def test_where_nothing_runs_it_says_what_there_is(tmp_path: Path, command: Command) -> None:
    assert command("status", tmp_path, "--watch") == (0, f"no sweep has run below {tmp_path}\n", "")
    StatusFile(tmp_path / "s", "s").write(Tally(2), "stopped")
    assert command("status", tmp_path, "--watch")[1].startswith(f"{tmp_path / 's'}: stopped, 0/2 runs")
    (tmp_path / "s" / ".sweep-bad.json").write_text("{")
    assert command("status", tmp_path, "--watch")[0] == 6


@pytest.mark.slow
def test_a_signal_ends_the_watching_and_nothing_else(tmp_path: Path) -> None:
    StatusFile(tmp_path / "s", "s").write(Tally(2))
    before = {path: path.read_bytes() for path in (tmp_path / "s").iterdir()}
    words = [sys.executable, "-m", "vgrad", "status", str(tmp_path), "--watch"]
    process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline().startswith(f"{tmp_path / 's'}: running, 0/2 runs")
    begun = time.monotonic()
    os.kill(process.pid, signal.SIGINT)
    out, err = process.communicate(timeout=20)
    assert (process.returncode, out, err) == (130, "", "vgrad: no longer watching; the sweeps go on\n")
    assert time.monotonic() - begun < 10
    assert {path: path.read_bytes() for path in (tmp_path / "s").iterdir()} == before
