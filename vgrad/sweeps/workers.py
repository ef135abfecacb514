"""Functions in child processes: `WorkerPool` is an Executor whose workers may die without taking others down.

    parent thread  --socket: (function, arguments)-->        child: `vgrad worker FD`
                   <--socket: ("report", …)*, ("result", …)--
                   --stdin: nothing; its end says stop-->

Each worker is a new process, never a fork, with a thread of its own in the parent, so when one dies or hangs the run in
it is known. The end of the child's stdin is the request to stop: it comes when the parent asks and when the parent is
killed. Workers have a session of their own: Ctrl-C reaches the parent alone, which then asks.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import CancelledError, Executor, Future
from contextlib import suppress
from multiprocessing.connection import Connection
from multiprocessing.reduction import ForkingPickler
from queue import SimpleQueue
from typing import IO, Any, TypeVar

from vgrad.text.escapes import printable

GRACE = 60.0
"""Seconds that a worker may go on after it was asked to stop."""
LAST_WORDS = 2000

T = TypeVar("T")
Report = Callable[[Any], None]
_Task = tuple["Future[Any]", Callable[..., Any], Sequence[Any], Mapping[str, Any]]


class WorkerDied(Exception):
    """The process of a worker ended while it had work; the message says how."""


class WorkerHung(Exception):
    """A worker gave no result in time and was killed."""


# In the child.

STOP = threading.Event()
_report: Report = lambda payload: None  # noqa: E731


def report(payload: object) -> None:
    """Tells the parent something while work goes on."""
    _report(payload)


def report_to(receiver: Report) -> None:
    """Sets what `report` calls in this process."""
    global _report
    _report = receiver


def serve(descriptor: int) -> None:
    """The loop of a child: calls what comes through the socket `descriptor` until it is closed."""
    connection = Connection(descriptor)

    def tell(payload: object) -> None:
        with suppress(ConnectionError):  # the parent is gone; stdin tells
            connection.send(("report", payload))

    threading.Thread(target=_watch_stdin, args=(descriptor,), daemon=True).start()
    report_to(tell)
    with suppress(EOFError, ConnectionError):
        connection.send(("ready", None))
        while not STOP.is_set():
            message = connection.recv_bytes()
            answer = _answer(message)
            try:
                connection.send(answer)
            except ConnectionError:
                raise
            except Exception as error:  # what cannot be pickled
                connection.send(("error", RuntimeError(f"{answer[1]!r} cannot be sent: {error}"[:LAST_WORDS])))


def _answer(message: bytes) -> tuple[str, Any]:
    try:
        function, arguments, named = ForkingPickler.loads(message)
        return "result", function(*arguments, **named)
    except Exception as error:
        return "error", error


def _watch_stdin(descriptor: int) -> None:
    """Waits for the end of stdin, then wakes the loop; a process that goes on for too long after it ends itself."""
    with suppress(OSError):
        while os.read(0, 1):
            pass
    STOP.set()
    with suppress(OSError), socket.socket(fileno=os.dup(descriptor)) as end:
        end.shutdown(socket.SHUT_RD)
    time.sleep(GRACE)
    os.kill(os.getpid(), signal.SIGKILL)


# In the parent.


class Worker:
    """A child process that does one thing at a time; a new one is started when the last one is gone."""

    def __init__(self, timeout: float | None = None, receive: Report = lambda payload: None) -> None:
        self._timeout, self._receive = timeout, receive
        self._process: subprocess.Popen[bytes] | None = None
        self._connection: Connection[Any, Any] | None = None
        self._errors: IO[bytes] | None = None
        self._guard = threading.Lock()
        self._stopped = threading.Event()

    def call(self, function: Callable[..., T], arguments: Sequence[Any] = (), named: Mapping[str, Any] = {}) -> T:
        """What `function` returns or raises there. WorkerDied and WorkerHung when it does neither; CancelledError when
        the worker was asked to stop before it began."""
        if self._stopped.is_set():
            raise CancelledError
        try:
            connection = self._started()
            connection.send((function, tuple(arguments), dict(named)))
            kind, value = self._outcome(connection)
        except (EOFError, ConnectionError):
            told, code = self._how_it_ended()
            if self._stopped.is_set() and code == 0:
                raise CancelledError from None
            raise WorkerDied(told) from None
        if kind == "error":
            raise value
        return value  # type: ignore[no-any-return]

    def stop(self) -> None:
        """Asks what runs to end early; later calls are refused."""
        with self._guard:
            self._stopped.set()
            self._close_stdin()

    def close(self) -> None:
        """Ends the process: when its work is done, and after GRACE in any case."""
        self.stop()
        self._forget(GRACE)

    def kill(self) -> None:
        """Ends the process at once."""
        if self._process:
            self._process.kill()
        self._forget(None)

    def _started(self) -> Connection[Any, Any]:
        if self._process and self._process.poll() is not None:  # died while it had nothing to do
            self._forget(0)
        if self._connection is None:
            ours, theirs = socket.socketpair()
            self._errors = tempfile.TemporaryFile()  # noqa: SIM115
            path = os.pathsep.join(part for part in sys.path if part)
            with self._guard, theirs:
                self._process = subprocess.Popen(
                    [sys.executable, "-P", "-m", "vgrad", "worker", str(theirs.fileno())],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.DEVNULL,
                    stderr=self._errors,
                    pass_fds=[theirs.fileno()],
                    env={**os.environ, "PYTHONPATH": path},
                    start_new_session=True,
                )
                if self._stopped.is_set():
                    self._close_stdin()
            self._connection = Connection(ours.detach())
            if not self._connection.poll(GRACE):
                self.kill()
                raise WorkerHung(f"its worker did not start within {GRACE:g} s")
            self._connection.recv()  # "ready": a run's time does not count the imports
        return self._connection

    def _outcome(self, connection: Connection[Any, Any]) -> tuple[str, Any]:
        """ "result" or "error", and what it is; reports on the way are passed on."""
        deadline = None if self._timeout is None else time.monotonic() + self._timeout
        while True:
            if deadline is not None and not connection.poll(max(deadline - time.monotonic(), 0)):
                self.kill()
                raise WorkerHung(f"no result after {self._timeout:g} s; its worker was killed")
            kind, value = connection.recv()
            if kind != "report":
                return kind, value
            self._receive(value)

    def _how_it_ended(self) -> tuple[str, int | None]:
        """How the process ended, with the last line that it wrote; and its exit code."""
        process, words = self._process, b""
        assert process is not None
        with suppress(subprocess.TimeoutExpired):
            process.wait(GRACE)
        if self._errors:
            self._errors.seek(max(self._errors.seek(0, os.SEEK_END) - LAST_WORDS, 0))
            words = self._errors.read(LAST_WORDS)
        code = process.returncode
        self._forget(0)
        lines = words.decode("utf-8", "replace").strip().splitlines()
        last = f": {printable(lines[-1], 200)}" if lines else ""
        if code is None or code >= 0:
            return f"its worker ended with exit code {code}{last}", code
        name = signal.Signals(-code).name if -code in {*signal.Signals} else f"signal {-code}"
        hint = " (from outside, or by the system when memory ran out)" if -code == signal.SIGKILL else ""
        return f"its worker was killed by {name}{hint}{last}", code

    def _close_stdin(self) -> None:
        if self._process and self._process.stdin:
            with suppress(OSError):
                self._process.stdin.close()

    def _forget(self, patience: float | None) -> None:
        """Closes what leads to the process and reaps it, killed if it does not end in time."""
        if self._connection:
            self._connection.close()
        if self._process:
            self._close_stdin()
            try:
                self._process.wait(patience)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        if self._errors:
            self._errors.close()
        self._process = self._connection = self._errors = None


class WorkerPool(Executor):
    """`workers` processes, started when there is work for them. A run that takes longer than `timeout` seconds is
    killed; `receive` is called, in a thread, with what functions report."""

    def __init__(self, workers: int, *, timeout: float | None = None, receive: Report = lambda payload: None) -> None:
        self._tasks: SimpleQueue[_Task | None] = SimpleQueue()
        self._workers = [Worker(timeout, receive) for _ in range(workers)]
        self._threads: list[threading.Thread] = []
        self._closed = False
        self._guard = threading.Lock()

    def submit(self, fn: Callable[..., T], /, *args: Any, **kwargs: Any) -> Future[T]:
        """Calls fn(*args, **kwargs) in a worker; both have to be picklable."""
        future: Future[T] = Future()
        with self._guard:
            if self._closed:
                raise RuntimeError("cannot schedule new futures after shutdown")
            self._tasks.put((future, fn, args, kwargs))
            if len(self._threads) < len(self._workers):
                worker = self._workers[len(self._threads)]
                thread = threading.Thread(target=self._lane, args=(worker,), daemon=True)
                try:
                    thread.start()
                except RuntimeError:  # the system's limit is reached: with fewer it takes longer
                    if not self._threads:
                        raise
                    self._workers = self._workers[: len(self._threads)]
                else:
                    self._threads.append(thread)
        return future

    def stop(self) -> None:
        """Asks all that runs to end early."""
        for worker in self._workers:
            worker.stop()

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Ends the workers once the submitted work is done, or that which has begun if `cancel_futures`."""
        with self._guard:
            self._closed = True
            while cancel_futures and not self._tasks.empty():
                task = self._tasks.get()
                if task:
                    task[0].cancel()
            for _ in self._threads:
                self._tasks.put(None)
        if wait:
            for thread in self._threads:
                thread.join()

    def _lane(self, worker: Worker) -> None:
        """What the thread of one worker does."""
        while task := self._tasks.get():
            future, function, arguments, named = task
            if future.set_running_or_notify_cancel():
                try:
                    result = worker.call(function, arguments, named)
                except BaseException as error:
                    future.set_exception(error)
                else:
                    future.set_result(result)
                    del result
            del task, future, function, arguments, named
        worker.close()
