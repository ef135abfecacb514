"""Runs the commands that the documents show and compares, or puts in, what they print.

    python scripts/documents.py [--write] README.md docs/*.md

A block that opens with ```console holds commands, lines that begin with "$ ", each followed by its standard output.
Words after `console`: `head=N` shows the first N lines and an ellipsis; `stderr` shows standard error as well; `mnist`
needs the MNIST files and is left alone without them; `show` is not run (set-up commands); `within=0.02` is for what
long training gives, which processors agree on to two digits. The blocks of one document run in order in one scratch
directory that has the project's configs/ and runs/reference/; runs go to its runs/.

What is printed is compared as likeness.py says, number by number; --write leaves alone what is alike.

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

from likeness import alike

HOUSE = Path(__file__).resolve().parents[1]
BLOCK = re.compile(r"^```console([^\n]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
GENERATED = re.compile(r"^<!-- (vgrad [^\n]*) -->\n\n?(.*?)\n?^<!-- end -->$", re.MULTILINE | re.DOTALL)
COMMAND = re.compile(r"^\$ ((?:.*\\\n)*.*)\n((?:(?!\$ ).*\n)*)", re.MULTILINE)
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


def commands(block: str) -> list[tuple[str, str]]:
    """The commands of a block, each with what is shown below it; a backslash at its end goes on in the next line."""
    return [(found[1], found[2]) for found in COMMAND.finditer(block)]


def after(name: str, words: list[str]) -> str:
    """What follows `name` in the word of a block that begins with it; nothing when there is none."""
    return next((word.removeprefix(name) for word in words if word.startswith(name)), "")


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
    head = int(after("head=", words) or len(lines))
    if len(lines) > head:
        lines = [*lines[:head], ELLIPSIS]
    return "".join(f"{line}\n" for line in lines)


def renewed(text: str, folder: Path) -> str:
    """The document with every output that is no longer alike as it is when its command is run now."""

    def current(command: str, shown: str, words: list[str]) -> str:
        new = printed(command, folder, words)
        return shown if alike(shown, new, float(after("within=", words) or 0)) else new

    def run(match: re.Match[str]) -> str:
        words = match[1].split()
        if "show" in words or ("mnist" in words and not mnist_is_there()):
            return match[0]
        body = "".join(f"$ {told}\n{current(told, shown, words)}" for told, shown in commands(match[2]))
        return f"```console{match[1]}\n{body}```"

    def generate(match: re.Match[str]) -> str:
        return f"<!-- {match[1]} -->\n\n{current(match[1], match[2], [])}\n<!-- end -->"

    return GENERATED.sub(generate, BLOCK.sub(run, text))


def look_alike(new: Path, old: Path) -> bool:
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
            other = [picture for picture in drawn if not look_alike(picture, HOUSE / picture.relative_to(folder))]
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
