"""Executors: all of them equal `map`, and workers may die, hang, or be asked to stop."""

from __future__ import annotations

import operator
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import CancelledError
from pathlib import Path

import forked
import pytest

from vgrad.sweeps.executors import EXECUTORS, cores
from vgrad.sweeps.request import Request
from vgrad.sweeps.workers import WorkerDied, WorkerHung, WorkerPool


@pytest.fixture(scope="module")
def pool() -> Iterator[WorkerPool]:
    with WorkerPool(1) as pool:  # really started, from the beginning
        yield pool


@pytest.mark.usefixtures("forked_workers")
@pytest.mark.parametrize("name", [name for name, entry in EXECUTORS.items() if not entry.address])
def test_executors_equal_map(name: str) -> None:
    with EXECUTORS[name].open(Request(2)) as place:
        executor = place._executor  # type: ignore[attr-defined]
        assert list(executor.map(operator.mul, range(9), range(9))) == list(map(operator.mul, range(9), range(9)))


@pytest.mark.parametrize("name", [name for name, entry in EXECUTORS.items() if entry.address])
def test_an_executor_that_runs_elsewhere_is_tested_in_a_file_of_its_own(name: str) -> None:
    text = Path(__file__).with_name(f"test_sweeps_{name}.py").read_text(encoding="utf-8")
    assert f'EXECUTORS["{name}"].open(' in text
    assert "digests(" in text


def test_errors_come_back(pool: WorkerPool) -> None:
    with pytest.raises(ZeroDivisionError):
        pool.submit(operator.truediv, 1, 0).result()
    with pytest.raises(ConnectionError, match="of the function"):
        pool.submit(raise_connection_error).result()
    with pytest.raises(RuntimeError, match="cannot be sent"):
        pool.submit(threading.Lock).result()
    with pytest.raises((AttributeError, TypeError), match="pickle"):
        pool.submit(lambda: 0).result()
    assert pool.submit(operator.add, 1, 1).result() == 2


def raise_connection_error() -> None:
    raise ConnectionError("of the function")


@pytest.mark.usefixtures("forked_workers")
def test_a_worker_that_dies_takes_nothing_along() -> None:
    with WorkerPool(2) as pool:
        futures = [pool.submit(*task) for task in [(time.sleep, 0.2), (sys.exit, 3), (os.abort,), (abs, -1)]]
        errors = [future.exception() for future in futures]
        assert futures[3].result() == 1
    assert errors[0] is errors[3] is None
    assert isinstance(errors[1], WorkerDied)
    assert str(errors[1]) == "its worker ended with exit code 3"
    assert str(errors[2]).startswith("its worker was killed by SIGABRT")


@pytest.mark.usefixtures("forked_workers")
def test_last_words_are_told() -> None:
    with WorkerPool(1) as pool, pytest.raises(WorkerDied, match="exit code 1: out of luck"):
        pool.submit(sys.exit, "out of luck").result()


@pytest.mark.usefixtures("forked_workers")
def test_a_worker_that_hangs_is_killed() -> None:
    with WorkerPool(1, timeout=0.5) as pool:
        pid = pool.submit(os.getpid).result()
        with pytest.raises(WorkerHung, match=r"no result after 0.5 s"):
            pool.submit(time.sleep, 100).result()
        assert not Path(f"/proc/{pid}").exists()
        assert pool.submit(abs, -1).result() == 1


def test_one_blas_thread_and_a_session_of_its_own(pool: WorkerPool) -> None:
    assert pool.submit(os.getenv, "OPENBLAS_NUM_THREADS").result() == "1"
    assert pool.submit(os.getsid, 0).result() != os.getsid(0)


@pytest.mark.usefixtures("forked_workers")
def test_stop_refuses_what_has_not_begun() -> None:
    with WorkerPool(1) as pool:
        pool.submit(abs, -1).result()
        pool.stop()
        with pytest.raises(CancelledError):
            pool.submit(abs, -1).result()
    with pytest.raises(RuntimeError):
        pool.submit(abs, -1)


def test_workers_end_with_their_parent() -> None:
    code = (
        "import os, sys; from vgrad.sweeps.workers import WorkerPool; pool = WorkerPool(1);"
        "print(pool.submit(os.getpid).result(), flush=True); os.kill(os.getpid(), 9)"
    )
    parent = forked.run([sys.executable, "-c", code], stdout=forked.PIPE, text=True)
    assert parent.returncode == -signal.SIGKILL
    child = Path(f"/proc/{int(parent.stdout)}")
    deadline = time.monotonic() + 10
    while child.exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not child.exists()


def test_cores() -> None:
    assert 1 <= cores() <= (os.cpu_count() or 1)
