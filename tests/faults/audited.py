"""Runs commands under an audit hook and prints, for each, its exit code and what it did that it must not do.

    python tests/faults/audited.py ALLOWED_FOLDER < commands.json

A command is a list of arguments of vgrad, or the name of one of VIOLATIONS, which the hook has to see. Forbidden are
sockets, processes, unpickling, importing, compiling or executing what has MARK in its name or text (every hostile input
has it), and changing anything outside ALLOWED_FOLDER, links followed.
"""

from __future__ import annotations

import ctypes
import importlib
import json
import os
import pickle
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import CodeType

MARK = "vgrad_hostile"
NAMED = (MARK, "antigravity")
FORBIDDEN = ("socket.", "subprocess.", "os.system", "os.exec", "os.fork", "os.posix_spawn", "os.spawn", "os.startfile")
FORBIDDEN += (
    "pty.",
    "pickle.",
    "urllib.",
    "http.",
    "ftplib.",
    "smtplib.",
    "webbrowser.",
    "shutil.",
    "os.kill",
    "os.chdir",
)
FORBIDDEN += ("signal.pthread_kill", "cpython.run_")
HARMLESS = {"socket.gethostname"}  # asks the system, not the network
OF_NAMES = {"os.rename": 2, "os.remove": 1, "os.rmdir": 1, "os.mkdir": 1, "os.symlink": 2, "os.link": 2}
OF_CONTENT = {"os.truncate": 1, "os.chmod": 1, "os.utime": 1, "os.chown": 1, "os.setxattr": 1, "os.chflags": 1}
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND


class Watch:
    """While `on`, notes in `seen` what is forbidden."""

    def __init__(self, allowed: Path) -> None:
        self.allowed, self.on, self.seen = allowed.resolve(), False, list[str]()
        sys.addaudithook(self.hook)

    def hook(self, event: str, arguments: tuple[object, ...]) -> None:
        if self.on:
            self.on = False  # not what the look itself does
            try:
                if self.is_forbidden(event, arguments):
                    self.seen.append(f"{event} {arguments!r:.300}")
            finally:
                self.on = True

    def is_forbidden(self, event: str, arguments: tuple[object, ...]) -> bool:
        if event.startswith(FORBIDDEN):
            return event not in HARMLESS
        if event == "open":
            path, _, flags = arguments
            writes = isinstance(flags, int) and bool(flags & WRITING)
            follows = isinstance(flags, int) and not flags & os.O_NOFOLLOW
            return writes and not self.is_inside(path, follows)
        if event in OF_NAMES:
            changed = arguments[1:2] if event == "os.symlink" else arguments[: OF_NAMES[event]]
            return not all(self.is_inside(path, False) for path in changed)
        if event in OF_CONTENT:
            return not self.is_inside(arguments[0], True)
        if event in ("import", "exec", "compile", "ctypes.dlopen"):
            return any(name in text for argument in arguments for text in texts(argument) for name in NAMED)
        return False

    def is_inside(self, path: object, follows: bool) -> bool:
        """A name is where its directory really is; `follows`: where the file really is."""
        if isinstance(path, int):  # a descriptor, whose opening has been looked at
            return True
        full = Path(os.fsdecode(path)).absolute()  # type: ignore[arg-type]
        real = full.resolve() if follows else full.parent.resolve() / full.name
        return full == Path(os.devnull) or self.allowed == real or self.allowed in real.parents


def texts(value: object) -> list[str]:
    """What a module, a source or a code object says."""
    if isinstance(value, CodeType):
        names = [*value.co_names, *value.co_varnames, value.co_filename, value.co_name]
        return [*names, *(text for constant in value.co_consts for text in texts(constant))]
    if isinstance(value, bytes):
        return [value.decode("latin-1")]
    return [value] if isinstance(value, str) else []


def _inside_link(allowed: Path) -> Path:
    link = allowed / "link"
    if not link.is_symlink():
        link.symlink_to(allowed.parent)
    return link


VIOLATIONS: dict[str, Callable[[Path], object]] = {
    "opens a socket": lambda allowed: socket.socket().close(),
    "asks for an address": lambda allowed: socket.getaddrinfo("127.0.0.1", 9),
    "starts a process": lambda allowed: subprocess.run(["true"], check=False),
    "runs a shell": lambda allowed: os.system("true"),
    "forks": lambda allowed: os.fork() or os._exit(0),
    "unpickles": lambda allowed: pickle.loads(pickle.dumps(print)),
    "imports": lambda allowed: __import__(MARK),
    "imports by importlib": lambda allowed: _imported(allowed),
    "executes": lambda allowed: exec(f"{MARK} = 1"),
    "executes what was compiled": lambda allowed: exec(COMPILED),
    "evaluates": lambda allowed: eval(f"'{MARK}'"),
    "loads a library": lambda allowed: ctypes.CDLL(f"{MARK}.so"),
    "writes outside": lambda allowed: (allowed.parent / "x").write_text(""),
    "appends outside": lambda allowed: (allowed.parent / "x").open("a").close(),
    "writes through a link": lambda allowed: (_inside_link(allowed) / "x").write_text(""),
    "writes into a link": lambda allowed: _link_to_file(allowed).write_text(""),
    "renames to the outside": lambda allowed: _file(allowed).rename(allowed.parent / "y"),
    "removes outside": lambda allowed: (allowed.parent / "y").unlink(),
    "makes a directory outside": lambda allowed: (allowed.parent / "z").mkdir(),
    "removes a directory outside": lambda allowed: (allowed.parent / "z").rmdir(),
    "makes a link outside": lambda allowed: (allowed.parent / "l").symlink_to("x"),
    "changes a mode outside": lambda allowed: (allowed.parent / "x").chmod(0o600),
    "changes a time outside": lambda allowed: os.utime(allowed.parent / "x"),
    "truncates outside": lambda allowed: os.truncate(allowed.parent / "x", 0),
}
COMPILED = compile(f"x = '{MARK}'", "compiled before", "exec")


def _imported(allowed: Path) -> object:
    (allowed / f"{MARK}.py").touch()
    sys.path.append(str(allowed))
    return importlib.import_module(MARK)


def _file(allowed: Path) -> Path:
    (allowed / "y").touch()
    return allowed / "y"


def _link_to_file(allowed: Path) -> Path:
    link = allowed / "link-to-file"
    link.symlink_to(allowed.parent / "x")
    return link


def main() -> None:
    from vgrad.__main__ import fix_blas_environment

    fix_blas_environment()
    from vgrad import cli

    sys.dont_write_bytecode = True
    allowed = Path(sys.argv[1])
    watch = Watch(allowed)
    answers = []
    for command in json.load(sys.stdin):
        watch.seen, watch.on = [], True
        code: int | str
        try:
            code = cli.run(command) if isinstance(command, list) else str(VIOLATIONS[command](allowed))
        except (ImportError, OSError) as error:
            code = type(error).__name__
        watch.on = False
        answers.append({"command": command, "code": code, "seen": watch.seen})
    print("\n" + json.dumps(answers))


if __name__ == "__main__":
    main()
