"""Is a run directory whole? Every file against its digest, every CSV and the summary against the checkpoint's history."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from vgrad.errors import ConfigError, RunStateError
from vgrad.lab.choices import Problems
from vgrad.lab.config import Config, check
from vgrad.lab.loading import load_yaml, printable
from vgrad.lab.store import CHECKPOINT, CONFIG, DETERMINISTIC, RUN, SUMMARY, RunFolder, dump_json
from vgrad.lab.summary import summarize


@dataclass(frozen=True)
class Verified:
    """A directory in which nothing is wrong: `status` is complete, diverged or interrupted; `files` were compared."""

    path: Path
    status: str
    epoch: int
    files: int


def verify(path: Path) -> Verified:
    """Reads everything in the run directory `path`; RunStateError names the first file that is wrong."""
    folder = RunFolder(path)
    config = _config(path)
    facts = folder.facts()
    digests = {} if facts is None else facts.get("files")
    if not isinstance(digests, dict) or (facts is not None and CONFIG not in digests):
        raise RunStateError(f"{path / RUN}: damaged: no digests")
    for name, digest in digests.items():
        if name not in DETERMINISTIC:
            raise RunStateError(f"{path / RUN}: damaged: {printable(str(name))} is not a file of a run")
        if _digest(path / name) != digest:
            raise RunStateError(f"{path / name}: is not what {RUN} says: its SHA-256 differs")
    saved = folder.resume(config)
    if saved is None:
        raise RunStateError(f"{path / CHECKPOINT}: missing: nothing was saved; train again")
    state, history = saved
    if facts is None:
        return Verified(path, "interrupted", state.epoch, 1)
    expected = {**history.files(), SUMMARY: dump_json(summarize(history))}
    for name, content in expected.items():
        if name not in digests or hashlib.sha256(content).hexdigest() != digests[name]:
            raise RunStateError(f"{path / name}: does not follow from the history in {CHECKPOINT}")
    return Verified(path, str(facts["status"]), state.epoch, len(digests))


def _config(path: Path) -> Config:
    if not path.is_dir():
        raise RunStateError(f"{path}: no such run directory; `vgrad ls` lists them")
    try:
        return check(load_yaml(path / CONFIG).data)
    except (ConfigError, Problems) as error:
        raise RunStateError(f"{path / CONFIG}: damaged: {printable(str(error).splitlines()[0], 200)}") from None


def _digest(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise RunStateError(f"{path}: cannot be read: {(error.strerror or str(error)).lower()}") from None
