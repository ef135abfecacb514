"""Documents that are made in part from the code: written anew, or told that they are not current."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path


def settle(document: Path, current: Callable[[str], str]) -> int:
    """With --write, puts `current` of its text into the document; else exit code 1 where that is another text."""
    text = document.read_text(encoding="utf-8")
    made = current(text)
    if "--write" in sys.argv[1:]:
        document.write_text(made, encoding="utf-8")
    elif made != text:
        print(f"{document.name} is not current: python {sys.argv[0]} --write")
        return 1
    return 0
