"""Runs commands over hostile inputs under an audit hook and prints what they did that they must not do.

python tests/faults/audited.py ALLOWED_FOLDER < commands.json     a JSON list of argument lists
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

FORBIDDEN = ("socket.", "subprocess.", "os.system", "os.exec", "os.fork", "os.posix_spawn", "os.startfile", "pty.")
FORBIDDEN += ("marshal.", "pickle.find_class", "urllib.Request", "http.client", "ftplib.", "shutil.")
CHANGES = {"os.rename": 2, "os.remove": 1, "os.rmdir": 1, "os.mkdir": 1, "os.link": 2, "os.symlink": 2}
CHANGES |= {"os.truncate": 1, "os.chmod": 1, "os.utime": 1, "os.chown": 1}
NAMED_IN_DATA = {"antigravity", "this", "turtledemo", "vgrad_hostile", "webbrowser"}


def main() -> None:
    allowed = Path(sys.argv[1]).resolve()
    commands = json.load(sys.stdin)

    from vgrad.__main__ import fix_blas_environment

    fix_blas_environment()

    from vgrad import cli

    seen: list[str] = []
    on = False

    def inside(path: object) -> bool:
        if isinstance(path, int):  # a descriptor that is open already
            return True
        text = os.fsdecode(path) if isinstance(path, bytes | str | os.PathLike) else str(path)
        return text == os.devnull or (allowed in (full := Path(text).absolute()).parents or full == allowed)

    def hook(event: str, arguments: tuple[object, ...]) -> None:
        if not on:
            return
        if event.startswith(FORBIDDEN):
            seen.append(f"{event} {arguments!r:.200}")
        elif event == "open" and len(arguments) == 3:
            path, mode, flags = arguments
            writes = isinstance(flags, int) and flags & (
                os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
            )
            if writes and not inside(path):
                seen.append(f"writes {path!r} {mode!r} {flags!r}")
        elif event in CHANGES and not all(inside(path) for path in arguments[: CHANGES[event]]):
            seen.append(f"{event} {arguments!r:.200}")
        elif event == "import" and str(arguments[0]).split(".")[0] in NAMED_IN_DATA:
            seen.append(f"imports {arguments[0]}")
        elif event in ("exec", "compile") and any(word in repr(arguments)[:2000] for word in NAMED_IN_DATA):
            seen.append(f"{event} {arguments!r:.200}")

    sys.addaudithook(hook)
    sys.dont_write_bytecode = True
    codes = []
    for arguments in commands:
        on = True
        codes.append(cli.run(arguments))
        on = False
    print(json.dumps({"codes": codes, "seen": seen}))


if __name__ == "__main__":
    main()
