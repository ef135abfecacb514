"""An executor is a function that opens a place, and a line in EXECUTORS: options, refusals and choice follow."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from queue import SimpleQueue

import pytest
import typer

from vgrad.cli import run
from vgrad.sweeps.dispatch import Place
from vgrad.sweeps.executors import EXECUTORS, Executor, chosen
from vgrad.sweeps.job import Job
from vgrad.sweeps.local import LocalPlace
from vgrad.sweeps.request import Request

Capture = pytest.CaptureFixture[str]
CONFIG = "layers: [64, 4, 10]\nepochs: 1\ndata: {name: digits, train: 40}\n"


@contextmanager
def thread(request: Request) -> Iterator[Place[Job]]:
    with ThreadPoolExecutor(1) as executor:
        yield LocalPlace(executor, 1, SimpleQueue(), lambda: None)


@pytest.mark.parametrize(
    ("jobs", "scheduler", "name"),
    [
        (0, "", "in_process"),
        (None, "", "processes"),
        (3, "", "processes"),
        (None, "tcp://h:1", "cluster"),
        (None, "tls://h:1", "cluster"),
        (None, "h:1", "cluster"),
        (None, "nowhere", "cluster"),
        (None, "toy://h", "cluster"),
    ],
)
def test_which_executor_is_asked_for(jobs: int | None, scheduler: str, name: str) -> None:
    assert chosen(jobs, scheduler) == name


def test_an_executor_from_outside(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: Capture) -> None:
    opened: list[Request] = []

    @contextmanager
    def watched(request: Request) -> Iterator[Place[Job]]:
        opened.append(request)
        with thread(request) as place:
            yield place

    monkeypatch.setitem(
        EXECUTORS,
        "toy",
        Executor(watched, "--scheduler toy://", {"run_timeout": "toys do not end"}, "toy://NAME", ("toy",), "a toy"),
    )
    (tmp_path / "c.yaml").write_text(CONFIG)
    words = [
        "sweep",
        str(tmp_path / "c.yaml"),
        "-q",
        "-g",
        "optimizer.learning_rate=0.1,0.2",
        "--scheduler",
        "toy://here",
    ]
    assert run([*words, "-j", "1", "--runs-dir", str(tmp_path / "toy")]) == 0
    assert [request.scheduler for request in opened] == ["toy://here"]
    assert run([*words[:-2], "-j", "0", "--runs-dir", str(tmp_path / "map")]) == 0
    capsys.readouterr()
    files = sorted(path.relative_to(tmp_path / "toy") for path in (tmp_path / "toy").rglob("metrics.csv"))
    assert len(files) == 2
    for file in files:
        assert (tmp_path / "toy" / file).read_bytes() == (tmp_path / "map" / file).read_bytes()
    assert run([*words, "--run-timeout", "9"]) == 2
    assert "--scheduler toy:// makes no use of it; toys do not end: leave it out" in capsys.readouterr().err


def test_help_is_made_from_the_table() -> None:
    from vgrad.cli.app import app

    commands = typer.main.get_command(app).commands  # type: ignore[attr-defined]
    for name in ("sweep", "reproduce"):
        option = next(each for each in commands[name].params if each.name == "scheduler")
        for entry in EXECUTORS.values():
            assert entry.address in option.metavar
            assert entry.summary in option.help
