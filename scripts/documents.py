"""Runs the commands that the documents show and compares, or puts in, what they print.

    python scripts/documents.py [--write] README.md docs/*.md

A block that opens with ```console holds commands, lines that begin with "$ ", each followed by its standard output.
Words after `console`: `head=N` shows the first N lines and an ellipsis; `stderr` shows standard error as well; `mnist`
needs the MNIST files and is left alone without them; `show` is not run (set-up commands). The blocks of one document
run in order in one scratch directory that has the project's configs/ and runs/reference/; runs go to its runs/.

Between <!-- COMMAND --> and <!-- end --> stands what the command printed, as Markdown; COMMAND begins with "vgrad".
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

HOUSE = Path(__file__).resolve().parents[1]
BLOCK = re.compile(r"^```console([^\n]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
GENERATED = re.compile(r"^<!-- (vgrad [^\n]*) -->$.*?^<!-- end -->$", re.MULTILINE | re.DOTALL)
ELLIPSIS = "…"


def environment() -> dict[str, str]:
    """A terminal of 80 columns without colour, and the `vgrad` of this very checkout first on the path."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return {**os.environ, "PATH": path, "COLUMNS": "80", "NO_COLOR": "1", "PYTHONPATH": str(HOUSE)}


def mnist_is_there() -> bool:
    """Whether $VGRAD_DATA has MNIST."""
    return Path(os.environ.get("VGRAD_DATA", "/nowhere"), "mnist", "train-images-idx3-ubyte.gz").exists()


def commands(block: str) -> list[str]:
    """The commands of a block; a line that ends in a backslash goes on in the next."""
    found: list[str] = []
    lines = iter(block.splitlines())
    for line in lines:
        if line.startswith("$ "):
            command = line[2:]
            while command.endswith("\\"):
                command += "\n" + next(lines)
            found.append(command)
    return found


def printed(command: str, folder: Path, words: list[str]) -> str:
    """What a command prints, cut as the block's words say."""
    stderr = subprocess.STDOUT if "stderr" in words else subprocess.DEVNULL
    done = subprocess.run(
        ["bash", "-c", command],
        cwd=folder,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=stderr,
        text=True,
        check=False,
    )
    lines = [line.rstrip() for line in done.stdout.rstrip("\n").split("\n")] if done.stdout else []
    heads = [int(word.removeprefix("head=")) for word in words if word.startswith("head=")]
    if heads and len(lines) > heads[0]:
        lines = [*lines[: heads[0]], ELLIPSIS]
    return "".join(f"{line}\n" for line in lines)


def renewed(text: str, folder: Path) -> str:
    """The document with every block as it is when its commands are run now."""

    def run(match: re.Match[str]) -> str:
        words = match[1].split()
        if "show" in words or ("mnist" in words and not mnist_is_there()):
            return match[0]
        body = "".join(f"$ {command}\n{printed(command, folder, words)}" for command in commands(match[2]))
        return f"```console{match[1]}\n{body}```"

    def generate(match: re.Match[str]) -> str:
        return f"<!-- {match[1]} -->\n\n{printed(match[1], folder, [])}\n<!-- end -->"

    return GENERATED.sub(generate, BLOCK.sub(run, text))


def main() -> int:
    """Names each document that is not as it should be; exit 1 when there is one and --write is not given."""
    write = "--write" in sys.argv
    stale = 0
    for name in (word for word in sys.argv[1:] if word != "--write"):
        path = Path(name)
        text = path.read_text(encoding="utf-8")
        with tempfile.TemporaryDirectory(prefix="vgrad-documents-") as scratch:
            folder = Path(scratch)
            (folder / "runs").mkdir()
            for name in ("configs", "runs/reference"):
                (folder / name).symlink_to(HOUSE / name)
            new = renewed(text, folder)
        if new != text:
            stale += 1
            if write:
                path.write_text(new, encoding="utf-8")
            else:
                import difflib

                sys.stdout.writelines(difflib.unified_diff(text.splitlines(True), new.splitlines(True), name, "as run"))
    return 1 if stale and not write else 0


if __name__ == "__main__":
    sys.exit(main())
