"""What reaches the streams: no part of a text steers a terminal, JSON is strict, and what is missing is a line."""

from __future__ import annotations

import io
import os
import resource
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from vgrad import __main__ as entry
from vgrad.cli import run
from vgrad.cli.commands.doctor import _runs
from vgrad.cli.screen.streams import Screen, answer, complain, explain
from vgrad.sweeps.workers import WorkerPool
from vgrad.text.plain import sparkline

HOSTILE = "a\x1b[2Jb\x9b31mc\u202ed\re\x07\ud800f"
SHOWN = r"a\x1b[2Jb\x9b31mc\u202ed\re\x07\ud800f"


def test_nothing_steers_a_terminal(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    answer(f"{HOSTILE}\n{HOSTILE}")
    complain([f"{HOSTILE}\nx"])
    explain(HOSTILE)
    out, err = capsys.readouterr()
    assert out == f"{SHOWN}\n{SHOWN}\n"
    assert err == f"vgrad: {SHOWN}\\nx\n{SHOWN}\n"
    stream = io.StringIO()
    monkeypatch.setattr(stream, "isatty", lambda: True)
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("NO_COLOR", raising=False)
    screen = Screen(stream)
    screen.say([(HOSTILE, ""), (HOSTILE, "bold red")])
    screen.paint([(HOSTILE, "")])
    assert stream.getvalue().count(SHOWN) == 3
    assert "\x1b[2J" not in stream.getvalue()
    assert "\x1b[1;31m" in stream.getvalue()  # our own colour


def test_a_table_keeps_its_own_colours(capsys: pytest.CaptureFixture[str]) -> None:
    answer("\x1b[1mx\x1b[0m", coloured=True)
    assert capsys.readouterr().out == "\x1b[1mx\x1b[0m\n"


def test_a_course_from_one_end_of_the_numbers_to_the_other() -> None:
    assert sparkline([-1e308, 0.0, 1e308], (-1e308, 1e308), 8, pictures=True) == "▁▅█"


@pytest.mark.parametrize(
    ("error", "word"),
    [
        (RuntimeError("can't start new thread"), "no thread can be started"),
        (ImportError("libx.so: failed to map segment from shared object"), "not enough memory"),
    ],
)
def test_what_the_system_does_not_give(
    error: Exception, word: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fails(*_: object, **__: object) -> int:
        raise error

    monkeypatch.setattr("vgrad.cli.app.app", fails)
    assert run(["ls"]) == 5
    assert word in capsys.readouterr().err


class FewThreads:
    """`threading.Thread` on a system that gives one."""

    started = 0

    def __init__(self, target: Any, args: Sequence[Any], daemon: bool) -> None:
        self.target, self.args = target, args

    def start(self) -> None:
        type(self).started += 1
        if self.started > 1:
            raise RuntimeError("can't start new thread")

    def join(self) -> None:
        pass


def test_a_pool_works_with_the_threads_that_there_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vgrad.sweeps.workers.threading.Thread", FewThreads)
    pool = WorkerPool(3)
    for _ in range(4):
        pool.submit(abs, 1)
    assert FewThreads.started == 2
    pool.shutdown(cancel_futures=True)
    with pytest.raises(RuntimeError, match="can't start new thread"):
        WorkerPool(1).submit(abs, 1)


def test_doctor_where_the_current_directory_was_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    what, fine, told = _runs(Path("runs"))
    assert (what, fine) == ("runs", False)
    assert "the current directory was removed" in told


def test_too_little_memory_is_said_before_anything_loads() -> None:
    assert entry.too_little_memory() is None

    def limited() -> None:
        resource.setrlimit(resource.RLIMIT_AS, (150 * 2**20, 150 * 2**20))

    for words, code in ((["ls"], 5), (["--version"], 0)):
        done = subprocess.run(
            [sys.executable, "-m", "vgrad", *words],
            preexec_fn=limited,
            env={**os.environ, "PYTHONPATH": str(Path(entry.__file__).parents[1])},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == code, done.stderr
        assert ("vgrad: not enough memory: the limit is 150 MiB" in done.stderr) == (code == 5)
