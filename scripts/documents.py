"""Runs the commands that the documents show and compares, or puts in, what they print.

    python scripts/documents.py [--write] README.md docs/*.md

A block that opens with ```console holds commands, lines that begin with "$ ", each followed by its standard output.
Words after `console`: `head=N` shows the first N lines and an ellipsis; `stderr` shows standard error as well; `mnist`
needs the MNIST files and is left alone without them; `show` is not run (set-up commands). The blocks of one document
run in order in one scratch directory that has the project's configs/ and runs/reference/; runs go to its runs/.

What a command writes to docs/pictures/ is the picture that the document shows: it has to look like the one in the
project (--write puts it there).

Between <!-- COMMAND --> and <!-- end --> stands what the command printed, as Markdown; COMMAND begins with "vgrad".
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

HOUSE = Path(__file__).resolve().parents[1]
BLOCK = re.compile(r"^```console([^\n]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
GENERATED = re.compile(r"^<!-- (vgrad [^\n]*) -->$.*?^<!-- end -->$", re.MULTILINE | re.DOTALL)
ELLIPSIS = "…"
PICTURES = "docs/pictures"
MOST_DIFFERENCE = 0.005  # of the range of a channel, over all pixels


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


def alike(new: Path, old: Path) -> bool:
    """Whether two pictures are of one size and hardly differ: another release of a library may move an edge."""
    import numpy as np
    from matplotlib.image import imread

    if not old.exists():
        return False
    ours, theirs = imread(new), imread(old)
    return ours.shape == theirs.shape and float(np.abs(ours - theirs).mean()) < MOST_DIFFERENCE


def main() -> int:
    """Names each document that is not as it should be; exit 1 when there is one and --write is not given."""
    write = "--write" in sys.argv
    stale = 0
    for document in (word for word in sys.argv[1:] if word != "--write"):
        path = Path(document)
        text = path.read_text(encoding="utf-8")
        with tempfile.TemporaryDirectory(prefix="vgrad-documents-") as scratch:
            folder = Path(scratch)
            for name in ("runs", PICTURES):
                (folder / name).mkdir(parents=True)
            for name in ("configs", "runs/reference"):
                (folder / name).symlink_to(HOUSE / name)
            new = renewed(text, folder)
            drawn = sorted((folder / PICTURES).rglob("*.png"))
            other = [picture for picture in drawn if not alike(picture, HOUSE / picture.relative_to(folder))]
            for picture in other:
                print(f"{document}: {picture.relative_to(folder)} looks different now")
                if write:
                    place = HOUSE / picture.relative_to(folder)
                    place.parent.mkdir(parents=True, exist_ok=True)
                    shutil.copyfile(picture, place)
            stale += len(other)
        if new != text:
            stale += 1
            if write:
                path.write_text(new, encoding="utf-8")
            else:
                import difflib

                sys.stdout.writelines(
                    difflib.unified_diff(text.splitlines(True), new.splitlines(True), document, "as run")
                )
    return 1 if stale and not write else 0


if __name__ == "__main__":
    sys.exit(main())
