"""Tags: what a person calls a run, with a note. Each is a file of its own in the run directory, NAME.tag, whose content
is the note; so two shells may tag one run at a time, also one that is being trained. They are no part of what the run
is: not of its hash, nor of the digests in run.json.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

from vgrad.config.fields import NAME_PATTERN
from vgrad.errors import ConfigError
from vgrad.storage import storage_errors, write_file
from vgrad.storage.reading import is_file, read_state, state_errors
from vgrad.text.escapes import shown

SUFFIX = ".tag"
MOST_BYTES = 4000


def check_tag(name: str) -> str:
    """`name`; ConfigError when it cannot be that of a tag."""
    if not re.fullmatch(NAME_PATTERN, name):
        told = "1 to 100 of A-Z a-z 0-9 . _ = , + -, the first a letter or digit"
        raise ConfigError(f"-t {shown(name)}: cannot be a tag: {told}")
    return name


def check_note(note: str) -> bytes:
    """The note as it is kept; ConfigError when it is too long."""
    content = note.encode("utf-8", "replace")
    if len(content) > MOST_BYTES:
        raise ConfigError(f"--note: {len(content):,} bytes, more than {MOST_BYTES:,}; keep a file of your own")
    return content


def tags_of(run: Path) -> list[str]:
    """The names of a run's tags, in order. RunStateError where its directory cannot be listed."""
    with state_errors(run):
        names = [name.removesuffix(SUFFIX) for name in os.listdir(run) if name.endswith(SUFFIX)]  # noqa: PTH208
    return sorted(name for name in names if re.fullmatch(NAME_PATTERN, name))


def note_of(run: Path, name: str) -> str:
    """What was written to the tag; RunStateError where that cannot be read."""
    return read_state(run / f"{name}{SUFFIX}", MOST_BYTES).decode("utf-8", "replace")


def set_tag(run: Path, name: str, note: bytes | None) -> None:
    """Gives the run this tag; without a note, one that it has already stays as it is."""
    path = run / f"{name}{SUFFIX}"
    with storage_errors(path):
        kept = note is None and is_file(path)
    if not kept:
        write_file(path, note or b"")


def remove_tag(run: Path, name: str) -> bool:
    """Takes the tag away; False where the run has none of this name."""
    path = run / f"{name}{SUFFIX}"
    with storage_errors(path):
        try:
            path.unlink()
        except FileNotFoundError:
            return False
    return True
