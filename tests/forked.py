"""Processes that begin where Python has long started: `Popen` and `run` as in `subprocess`, for Python commands.

Most of what a short `python -m vgrad …` takes is the start of Python and the imports. Here one process, the nursery,
has imported them all, and forks for each command: a process of its own, with a session, streams, signals and an end of
its own, in milliseconds.

    Popen --unix socket: command, directory, environment, descriptors--> nursery --fork--> keeper --fork--> the command
          <-- its process id, and in the end its exit status ----------------------------- keeper

What a start itself promises (the environment before NumPy loads, the path, `-P`) needs `subprocess`.
"""

from __future__ import annotations

import atexit
import contextlib
import functools
import gc
import importlib
import inspect
import io
import json
import os
import pkgutil
import runpy
import select
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import threading
import traceback
from collections.abc import Sequence
from pathlib import Path
from subprocess import DEVNULL, PIPE, STDOUT, CompletedProcess, TimeoutExpired
from typing import Any, NoReturn

__all__ = ["DEVNULL", "PIPE", "STDOUT", "CompletedProcess", "Popen", "TimeoutExpired", "in_bash", "run"]

NURSERY = "VGRAD_TESTS_NURSERY"
"""Names the socket of the nursery; what it has started finds it, too."""
ANSWER = 16
"""Bytes of a number: the length of a request, a process id, an exit status."""


class Popen(subprocess.Popen[Any]):
    """`subprocess.Popen` of [sys.executable, …]; `closed` are standard streams that the process is to lack."""

    def __init__(self, args: Sequence[str], *, closed: Sequence[int] = (), **options: Any) -> None:
        self._closed, self._keeper = list(closed), socket.socket(socket.AF_UNIX)
        super().__init__(args, **options)

    def _execute_child(self, *given: Any) -> None:  # type: ignore[override]
        names = inspect.signature(subprocess.Popen._execute_child).bind(self, *given).arguments  # type: ignore[attr-defined]
        pipes = [names[name] for name in ("p2cread", "p2cwrite", "c2pread", "c2pwrite", "errread", "errwrite")]
        streams = {number: end if end >= 0 else number for number, end in enumerate((pipes[0], pipes[3], pipes[5]))}
        streams = {number: end for number, end in streams.items() if number not in self._closed}
        passed = {**streams, **{number: number for number in names["pass_fds"]}}
        request = {
            "args": list(map(os.fspath, names["args"])),
            "cwd": os.fspath(names["cwd"] or Path.cwd()),
            "env": dict(os.environ if names["env"] is None else names["env"]),
            "session": bool(names["start_new_session"]),
            "numbers": list(passed),
        }
        assert request["args"][0] == sys.executable
        self._keeper.connect(nursery())
        message = json.dumps(request).encode()
        socket.send_fds(self._keeper, [b"%16d" % len(message)], list(passed.values()))
        self._keeper.sendall(message)
        self._close_pipe_fds(*pipes)  # type: ignore[attr-defined]
        self.pid = int(self._keeper.recv(ANSWER))
        self._child_created = True

    def _internal_poll(self, *_: Any, **__: Any) -> int | None:
        with contextlib.suppress(TimeoutExpired):
            self._wait(0)
        return self.returncode

    def _wait(self, timeout: float | None) -> int:
        if self.returncode is None:
            if not select.select([self._keeper], [], [], timeout)[0]:
                raise TimeoutExpired(self.args, timeout or 0)
            self.returncode = os.waitstatus_to_exitcode(int(self._keeper.recv(ANSWER)))
            self._keeper.close()
        return self.returncode


def run(
    args: Sequence[str], *, input: str | None = None, capture_output: bool = False, timeout: float = 100, **options: Any
) -> CompletedProcess[Any]:
    """`subprocess.run`, without `check`."""
    if capture_output:
        options |= {"stdout": PIPE, "stderr": PIPE}
    if input is not None:
        options["stdin"] = PIPE
    with Popen(args, **options) as process:
        try:
            out, err = process.communicate(input, timeout)
        except BaseException:
            process.kill()
            raise
    return CompletedProcess(args, process.returncode, out, err)


@functools.cache
def nursery() -> str:
    """The socket of the nursery, which is started when it is first asked for and ends with this process."""
    if NURSERY in os.environ:
        return os.environ[NURSERY]
    folder = tempfile.TemporaryDirectory(prefix="nursery-")
    path = str(Path(folder.name, "s"))
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        listener.listen(64)
        command = [sys.executable, __file__, str(listener.fileno()), path]
        path_of_modules = os.pathsep.join(part for part in sys.path if part)
        environment = {**os.environ, "PYTHONPATH": path_of_modules}
        process = subprocess.Popen(command, pass_fds=[listener.fileno()], stdin=PIPE, env=environment)

    def close() -> None:
        process.communicate()  # the end of its stdin is the end of it
        folder.cleanup()

    atexit.register(close)
    return path


CLIENT = """
import json, os, socket, sys
keeper = socket.socket(socket.AF_UNIX)
keeper.connect(os.environ["VGRAD_TESTS_NURSERY"])
request = {"args": ["python", *sys.argv[1:]], "cwd": os.getcwd(), "env": dict(os.environ)}
request |= {"session": False, "numbers": [0, 1, 2]}
message = json.dumps(request).encode()
socket.send_fds(keeper, [b"%16d" % len(message)], [0, 1, 2])
keeper.sendall(message)
keeper.recv(16)
os._exit(os.waitstatus_to_exitcode(int(keeper.recv(16))) & 255)
"""


def in_bash(name: str) -> dict[str, str]:
    """An environment in which `name` of a bash script is `python -m name`, forked."""
    function = f'() {{ {sys.executable} -I -S -c "$VGRAD_TESTS_CLIENT" -m {name} "$@"; }}'
    return {**os.environ, NURSERY: nursery(), "VGRAD_TESTS_CLIENT": CLIENT, f"BASH_FUNC_{name}%%": function}


# In the nursery.

SOCKET = sys.argv[2] if __name__ == "__main__" else ""


def serve(listener: socket.socket) -> None:
    """Forks a keeper for every command that is asked for, until stdin ends."""
    preload()
    gc.collect()
    gc.freeze()
    keepers = set[int]()
    while 0 not in select.select([listener, 0], [], [])[0]:
        asked, _ = listener.accept()
        if (pid := os.fork()) == 0:
            listener.close()
            keep(asked)
        asked.close()
        keepers = {keeper for keeper in {*keepers, pid} if os.waitpid(keeper, os.WNOHANG)[0] == 0}


def hasten() -> None:
    """Leaves out what takes a short command longest, and what no test can see."""
    import threadpoolctl
    import typer.main

    from vgrad.data import digits

    threadpoolctl.threadpool_info = functools.cache(threadpoolctl.threadpool_info)  # all libraries, twice a run
    typer.main.get_command = functools.cache(typer.main.get_command)  # built anew in every call
    digits._table = functools.cache(digits._table)  # type: ignore[assignment]  # read anew for every run
    sync = os.fsync

    def without_disk(descriptor: int) -> None:
        """No test cuts the power; test_durability.py sees the calls. What is neither file nor folder has errors."""
        if not stat.S_ISREG(mode := os.fstat(descriptor).st_mode) and not stat.S_ISDIR(mode):
            sync(descriptor)

    os.fsync = without_disk


def preload() -> None:
    """What commands import, some of it late, and the command line, which takes longer to build than to use."""
    for name in ("matplotlib.backends.backend_agg", "matplotlib.figure", "pandas", "rich.console", "typer.main"):
        importlib.import_module(name)
    for floor in ("cli", "sweeps"):
        package = importlib.import_module(f"vgrad.{floor}")
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if module.name != "vgrad.sweeps.cluster":  # it needs Dask
                importlib.import_module(module.name)

    hasten()

    import threadpoolctl
    import typer.main

    import vgrad.sweeps.workers
    from vgrad.cli.app import app

    dict(typer.main.get_command(app).commands)  # type: ignore[attr-defined]  # builds them all
    threadpoolctl.threadpool_info()
    vgrad.sweeps.workers.subprocess = sys.modules[__name__]  # type: ignore[attr-defined]


def keep(asked: socket.socket) -> NoReturn:
    """Starts the command and tells its end."""
    length, descriptors, _, _ = socket.recv_fds(asked, ANSWER, 64)
    with asked.makefile("rb") as file:
        request = json.loads(file.read(int(length)))
    pid = os.fork()
    if pid == 0:
        asked.close()
        begin(request, descriptors)
    for descriptor in descriptors:
        os.close(descriptor)
    for number in (0, 1, 2):  # nobody who reads to the end of a stream may wait for the keeper
        with contextlib.suppress(OSError):
            os.close(number)
    asked.send(b"%16d" % pid)
    status = os.waitpid(pid, 0)[1]
    with contextlib.suppress(OSError):
        asked.send(b"%16d" % status)
    os._exit(0)


def begin(request: dict[str, Any], descriptors: list[int]) -> NoReturn:
    """Becomes the command: as if Python had just been started."""
    if request["session"]:
        os.setsid()
    signal.signal(signal.SIGINT, signal.default_int_handler)  # the tests may have been started with it ignored
    high = [fd_above(descriptor, 512) for descriptor in descriptors]
    for number in {0, 1, 2} - set(request["numbers"]):
        with contextlib.suppress(OSError):
            os.close(number)
    for descriptor, number in zip(high, request["numbers"], strict=True):
        os.dup2(descriptor, number)
        os.close(descriptor)
    os.chdir(request["cwd"])
    os.environ.clear()
    os.environ.update(request["env"] | {NURSERY: SOCKET})
    sys.path[:0] = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    sys.stdin, sys.stdout, sys.stderr = (stream(number) for number in (0, 1, 2))  # type: ignore[assignment]
    code: Any = 1
    try:
        execute(request["args"][1:])
        code = 0
    except SystemExit as end:
        code = end.code
    except BaseException:
        traceback.print_exc()
    if not isinstance(code, int):
        if code is not None:
            print(code, file=sys.stderr)
        code = int(code is not None)
    threading._shutdown()  # type: ignore[attr-defined]
    for name in ("stdout", "stderr"):
        try:
            getattr(sys, name).flush()
        except (OSError, ValueError, AttributeError):
            code = 120 if name == "stdout" and getattr(sys, name) else code
    os._exit(code & 255)


def fd_above(descriptor: int, least: int) -> int:
    """Moves a descriptor out of the way."""
    import fcntl

    moved = fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, least)
    os.close(descriptor)
    return moved


def stream(number: int) -> io.TextIOWrapper | None:
    """The standard stream of a number, as Python makes it at its start; None if it is closed."""
    try:
        os.fstat(number)
    except OSError:
        return None
    encoding, _, errors = os.environ.get("PYTHONIOENCODING", "utf-8").partition(":")
    file = open(number, "rb" if number == 0 else "wb", closefd=False)  # noqa: SIM115
    errors = "backslashreplace" if number == 2 else errors or "strict"
    made = io.TextIOWrapper(file, encoding or "utf-8", errors, line_buffering=number == 2 or file.isatty())
    made.mode = "r" if number == 0 else "w"
    return made


def execute(words: list[str]) -> None:
    """python [-P] (-m module | -c code | file) arguments …"""
    if words[0] == "-P":
        words = words[1:]
    if words[0] == "-m":
        sys.modules.pop(f"{words[1]}.__main__", None)
        sys.argv = words[1:]
        runpy.run_module(words[1], run_name="__main__", alter_sys=True)
    elif words[0] == "-c":
        sys.argv = ["-c", *words[2:]]
        main = type(sys)("__main__")
        sys.modules["__main__"] = main
        exec(compile(words[1], "<string>", "exec"), vars(main))
    else:
        sys.argv = words
        sys.path.insert(0, os.path.dirname(os.path.abspath(words[0])))  # noqa: PTH100, PTH120
        runpy.run_path(words[0], run_name="__main__")


if __name__ == "__main__":
    from vgrad.__main__ import fix_blas_environment

    fix_blas_environment()
    sys.modules["forked"] = sys.modules[__name__]
    serve(socket.socket(fileno=int(sys.argv[1])))
