"""A Dask scheduler and two worker processes on 127.0.0.1, as a user would start them by hand."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

HERE = Path(__file__).parent


class DaskCluster:
    """Processes that can be killed one by one and started again."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.port = _free_port()
        self.address = f"tcp://127.0.0.1:{self.port}"
        self.scheduler: subprocess.Popen[bytes] | None = None
        self.workers: list[subprocess.Popen[bytes]] = []

    def start_scheduler(self) -> None:
        """On the same port every time."""
        self.scheduler = self._start("scheduler", "--host", "127.0.0.1", "--port", str(self.port), "--no-show")
        _wait_for(self.port)

    def start_worker(self) -> None:
        """One process with one thread. Without a nanny: what is killed stays dead."""
        limits = ("--nthreads", "1", "--no-nanny", "--host", "127.0.0.1", "--memory-limit", "0")
        where = ("--local-directory", str(self._folder), "--death-timeout", "60")
        self.workers.append(self._start("worker", self.address, *limits, *where))

    def _start(self, *words: str) -> subprocess.Popen[bytes]:
        path = os.pathsep.join([str(HERE), *(part for part in sys.path if part)])
        with (self._folder / f"{words[0]}-{time.monotonic_ns()}.log").open("wb") as log:
            return subprocess.Popen(
                [sys.executable, "-m", "dask", *words, "--no-dashboard"],
                env={**os.environ, "PYTHONPATH": path},
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
            )

    def end(self) -> None:
        """Ends what is left."""
        for process in [self.scheduler, *self.workers]:
            if process and process.poll() is None:
                process.send_signal(signal.SIGKILL)
        for process in [self.scheduler, *self.workers]:
            if process:
                process.wait()


@contextmanager
def dask_cluster(folder: Path) -> Iterator[DaskCluster]:
    """A scheduler and two workers."""
    cluster = DaskCluster(folder)
    try:
        cluster.start_scheduler()
        cluster.start_worker()
        cluster.start_worker()
        from distributed import Client  # its import takes half a second

        with Client(cluster.address, set_as_default=False) as client:
            client.wait_for_workers(2, timeout=60)
        yield cluster
    finally:
        cluster.end()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_for(port: int) -> None:
    for _ in range(600):
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            time.sleep(0.1)
    raise TimeoutError(f"no scheduler on port {port}")
