"""Where a run of more epochs may begin: at the end of a finished one that differs from it in nothing but `epochs`.

No schedule and no draw depends on how many epochs there are, so the checkpoint of the shorter run is what the longer
one would have saved there, once the norms that were measured for its last epoch alone are left out. It is taken only
from a directory that is whole by `vgrad.runs.integrity.verify`, and only under the libraries and kernels that computed
it: so the longer run has the bytes of one from the start.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from vgrad.config.config import Config
from vgrad.document.reader import MAX_BYTES
from vgrad.errors import RunStateError, StorageError
from vgrad.machine import Surroundings
from vgrad.runs.checkpoint import CHECKPOINT, Saved
from vgrad.runs.facts import read_facts
from vgrad.runs.folder import CONFIG, RunFolder
from vgrad.runs.history import History
from vgrad.runs.integrity import verify
from vgrad.runs.pretrained import Kept
from vgrad.storage.reading import read_bounded
from vgrad.text.escapes import printable
from vgrad.training.record import stopped

_EPOCHS = re.compile(rb"^epochs: ([0-9]{1,8})$", re.MULTILINE)


@dataclass(frozen=True)
class Start:
    """What a longer run begins with: the end of the run at `path`, and its pretraining where there is one."""

    path: Path
    saved: Saved
    kept: Kept | None = None


def find_start(config: Config, runs_dir: Path, data: str) -> tuple[Start | None, list[str]]:
    """The end of the longest finished run in `runs_dir` that `config` may go on from, None when there is none; and a
    line for each one that was longer and cannot be used. `data` is the digest of the data set."""
    passed = []
    for shorter in sorted(_shorter(config, runs_dir), key=lambda each: -each.epochs):
        path = runs_dir / shorter.run_name
        try:
            saved = _end(shorter, path, data)
        except (RunStateError, StorageError) as error:
            reason = error.problems[0].removeprefix(str(path)).lstrip("/: ").split(";")[0]
            told = f"cannot continue from {printable(str(path), 200)}, epoch {shorter.epochs}"
            passed.append(f"{told}: {printable(reason, 300)}")
            continue
        if saved is not None:
            kept = RunFolder(path).resume_pretrained(shorter)
            return Start(path, replace(saved, history=_going_on(config, saved.history)), kept), passed
    return None, passed


def _shorter(config: Config, runs_dir: Path) -> Iterator[Config]:
    """The configs of runs there that have fewer epochs and are else this one, by the hash in their names."""
    named = re.compile(rf"{re.escape(config.name)}-[0-9a-f]{{8}}-s{config.seed}")
    try:
        names = os.listdir(runs_dir)  # noqa: PTH208
    except OSError:  # one may write into a folder that one may not read
        return
    for name in filter(named.fullmatch, names):
        try:
            found = _EPOCHS.search(read_bounded(runs_dir / name / CONFIG, MAX_BYTES))
        except OSError:  # whatever it is, it is nothing to go on from
            continue
        if found and int(found[1]) < config.epochs:
            shorter = config.model_copy(update={"epochs": int(found[1])})
            if shorter.run_name == name:
                yield shorter


def _end(shorter: Config, path: Path, data: str) -> Saved | None:
    """What the finished run `shorter` ended with; None when it has not finished. RunStateError or StorageError when it
    is not whole, or was computed from other data or with other libraries."""
    folder = RunFolder(path)
    if folder.facts() is None:
        return None
    verify(path)
    facts = read_facts(path, shorter)
    saved = folder.resume(shorter) if folder.holds(shorter) else None
    if facts is None:  # it has changed since it was found whole
        return None
    if saved is None:
        raise RunStateError(f"{path / CHECKPOINT}: missing")
    if facts["data"].get("sha256") != data:
        raise RunStateError(f"{path}: its data were others")
    if Surroundings.now(saved.surroundings).mixed is not None:
        raise RunStateError(f"{path}: computed with {saved.surroundings[-1]}, which are not those of now")
    return saved


def _going_on(config: Config, history: History) -> History:
    """The history as the longer run has it: without norms that its last epoch has only because it was the last."""
    last = history.records[-1]
    due = config.probes.measures(last.epoch, config.epochs)
    if due or history.divergence is not None or stopped(config, history.records):
        return history
    plain = replace(last, gradients=None, silent=None, mean_norms=None)
    return replace(history, records=[*history.records[:-1], plain])
