"""Is a run directory whole? Every file against its digest, and all that follows from the checkpoint against it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vgrad.config.config import Config
from vgrad.config.fields import Init
from vgrad.errors import RunStateError, StorageError
from vgrad.runs import pretrained, tables
from vgrad.runs.checkpoint import CHECKPOINT, Saved
from vgrad.runs.folder import (
    BEST,
    CONFIG,
    DETERMINISTIC,
    FINAL,
    INITIAL,
    RUN,
    SEAL,
    SUMMARY,
    RunFolder,
    config_file,
    most_file_bytes,
    run_config,
    seal,
)
from vgrad.runs.pretrained import ERRORS, LAYERS, Kept
from vgrad.runs.stored import read_run
from vgrad.runs.summary import summarize
from vgrad.storage.json import dump_json, read_json
from vgrad.storage.npz import pack
from vgrad.storage.reading import digest, read_bounded, state_error
from vgrad.text.escapes import printable
from vgrad.training.initial import draw_parameters, looks_at_data
from vgrad.training.memory import check_memory
from vgrad.training.pretraining import pretrained_parameters
from vgrad.training.record import stopped

_REWORDED = ("schema", "verdict", "cause")
_OF_MOMENT, _OF_SPEED = ("epoch", "delta_norm"), ("last_first_ratio",)
"""What a summary of any version says of the norms, and what it says in words of its own."""


@dataclass(frozen=True)
class Verified:
    """A directory in which nothing is wrong: `status` is complete, diverged or interrupted; `files` were compared.

    Without its `checkpoint`, which `vgrad clean` removes, a finished run is whole, but its files were compared with
    their digests alone, and no run of more epochs can go on from it."""

    path: Path
    status: str
    epoch: int
    files: int
    checkpoint: bool = True


def verify(path: Path) -> Verified:
    """Reads everything in the run directory `path`; RunStateError names the first file that is wrong.

    Of an interrupted run, a CSV may end earlier than the checkpoint: a kill may have come between them.
    """
    folder = RunFolder(path)
    config = run_config(path)
    try:
        check_memory(config)
    except StorageError as error:
        raise StorageError(*(f"{path / CONFIG}: {printable(problem, 300)}" for problem in error.problems)) from None
    facts = folder.facts()
    digests = _check_digests(path, config, {} if facts is None else facts.get("files"))
    saved = folder.resume(config)
    if saved is None and facts is not None and CHECKPOINT in digests:
        return _without_checkpoint(path, config, facts, digests)
    if saved is None and facts is None and (kept := folder.resume_pretrained(config)):
        return _in_pretraining(path, config, kept)
    if saved is None:
        slim = facts is not None and CHECKPOINT not in digests
        if facts is not None:
            _check_facts(path, config, facts, None)
        told = f"kept without parameters; its {len(digests)} files are as {RUN} says" if slim else "nothing was saved"
        raise RunStateError(f"{path / CHECKPOINT}: missing: {told}; train again")
    state, history = saved.state, saved.history
    measured = tables.written(config, history.records)
    begun = _check_beginning(path, config)
    if facts is None:
        for name, content in measured.items():
            if not content.startswith(_content(path / name, config, missing=b"")):
                raise RunStateError(f"{path / name}: does not follow from {CHECKPOINT}")
        return Verified(path, "interrupted", state.epoch, begun + len(measured) + 1)
    summary = summarize(history)
    expected = {**measured, SUMMARY: _summary_file(path, summary), FINAL: pack(state.network)}
    if state.best:
        expected[BEST] = pack(state.best)
    earlier = {FINAL: pack(state.parameters)}  # of versions that kept no running statistics in it
    for name, content in expected.items():
        due = [hashlib.sha256(each).hexdigest() for each in (content, earlier.get(name, content))]
        if name not in digests or digests[name] not in due:
            raise RunStateError(f"{path / name}: does not follow from {CHECKPOINT}")
    beginning = {CONFIG, INITIAL, CHECKPOINT, *pretrained.files(config)}
    unexpected = sorted(digests.keys() - {*expected, *beginning})
    if unexpected:
        raise RunStateError(f"{path / unexpected[0]}: does not follow from {CHECKPOINT}")
    missing = sorted(beginning - digests.keys())
    over = state.epoch == config.epochs or history.divergence is not None or stopped(config, history.records)
    if missing or facts["status"] != summary["status"] or not over:
        told = f"no digest of {missing[0]}" if missing else f"{facts['status']} at epoch {state.epoch}"
        raise RunStateError(f"{path / RUN}: damaged: {told}")
    _check_facts(path, config, facts, saved)
    return Verified(path, str(facts["status"]), state.epoch, len(digests))


def _check_beginning(path: Path, config: Config) -> int:
    """How many files were compared that are there before training; RunStateError for one that the config does not
    make."""
    begun = {CONFIG: config_file(config)}
    if isinstance(config.init, Init) and not looks_at_data(config.init):
        initial = draw_parameters(config, config.init)
        if config.pretrain:
            kept = RunFolder(path).resume_pretrained(config)
            if kept is None or not pretrained.is_whole(config, kept.state):
                raise RunStateError(f"{path / LAYERS}: {'has not all layers' if kept else 'missing'}; train again")
            begun |= {LAYERS: pretrained.packed(config, kept), ERRORS: pretrained.written(kept.state)}
            initial = pretrained_parameters(config, initial, kept.state)
        begun[INITIAL] = pack(initial)
    for name, content in begun.items():
        if _content(path / name, config) != content:
            raise RunStateError(f"{path / name}: does not follow from the config")
    return len(begun)


def _in_pretraining(path: Path, config: Config, kept: Kept) -> Verified:
    """What can be said of a run that has not come to training: its config and the table of what was pretrained."""
    begun = {CONFIG: config_file(config), LAYERS: pretrained.packed(config, kept)}
    for name, content in begun.items():
        if _content(path / name, config) != content:
            raise RunStateError(f"{path / name}: does not follow from the config")
    if not pretrained.written(kept.state).startswith(_content(path / ERRORS, config, missing=b"")):
        raise RunStateError(f"{path / ERRORS}: does not follow from {LAYERS}")
    return Verified(path, "interrupted", 0, len(begun) + 1)


def _without_checkpoint(path: Path, config: Config, facts: dict[str, Any], digests: dict[str, str]) -> Verified:
    """What can be said of a finished run whose checkpoint is gone: its digests have been compared."""
    _check_facts(path, config, facts, None)
    if SEAL not in facts:
        raise RunStateError(f"{path / CHECKPOINT}: missing: without it and without a seal nothing can be compared")
    _check_beginning(path, config)
    due = {CONFIG, *pretrained.files(config), INITIAL, FINAL, SUMMARY, CHECKPOINT, *tables.files(config)}
    unlike = sorted(digests.keys() - {BEST} ^ due)
    if unlike:
        raise RunStateError(f"{path / RUN}: damaged: it has no digest of {unlike[0]}, or one too many")
    stored = read_run(path)
    for name in tables.TABLES:
        getattr(stored, name)
    return Verified(path, stored.status, stored.epoch or 0, len(digests) - 1, checkpoint=False)


def _summary_file(path: Path, summary: dict[str, Any]) -> bytes:
    """summary.json as it has to be; that of an earlier version is right as it is when its numbers are."""
    due = dump_json(summary)
    stored = read_json(path / SUMMARY)
    if stored is None or stored.get("schema") == summary["schema"]:
        return due
    speed = next((each["speed"] for each in summary["gradient"].values()), "")
    known = {key: value for key, value in summary.items() if key in stored and key not in _REWORDED}
    told = {key: value for key, value in stored.items() if key in known}
    for tree in (known, told):
        moments = tree["gradient"].items() if isinstance(tree.get("gradient"), dict) else ()
        keys = (*_OF_MOMENT, *(_OF_SPEED if speed == "delta_norm" else ()))
        tree["gradient"] = {name: {key: each.get(key) for key in keys} for name, each in moments}
    return dump_json(stored) if known == told else due


def _check_facts(path: Path, config: Config, facts: dict[str, Any], saved: Saved | None) -> None:
    """RunStateError when run.json is another run's, or not what was written: old ones have no seal, and what the
    checkpoint knows of them is compared."""
    due: dict[str, object] = {"name": config.name, "hash": config.identity, "seed": config.seed}
    if saved is not None:
        due["surroundings"] = list(saved.surroundings)
    wrong = [key for key, value in due.items() if facts.get(key) != value]
    if not wrong and SEAL in facts:
        wrong = [SEAL] if not facts[SEAL] or facts[SEAL] != seal(facts) else []
    elif not wrong and saved is not None and saved.surroundings:
        versions = facts.get("versions")
        known = saved.surroundings[-1].split(", ")
        told = [f"{name} {number}" for name, number in versions.items()] if isinstance(versions, dict) else [""]
        wrong = ["versions"] if told != known[: len(told)] else []
    if wrong == [SEAL]:
        raise RunStateError(f"{path / RUN}: is not what was written: it does not agree with its seal")
    if wrong:
        raise RunStateError(f"{path / RUN}: its {wrong[0]} is not that of {CHECKPOINT if saved else CONFIG}")


def _check_digests(path: Path, config: Config, digests: object) -> dict[str, str]:
    if not isinstance(digests, dict):
        raise RunStateError(f"{path / RUN}: damaged: no digests")
    most = most_file_bytes(config)
    for name, due in digests.items():
        if name not in DETERMINISTIC:
            raise RunStateError(f"{path / RUN}: damaged: {printable(str(name))} is not a file of a run")
        try:
            found = digest(path / name, most)
        except OSError as error:
            if name == CHECKPOINT and isinstance(error, FileNotFoundError):
                continue
            raise state_error(path / name, error) from None
        if found != due:
            raise RunStateError(f"{path / name}: is not what {RUN} says: its SHA-256 differs")
    return digests


def _content(path: Path, config: Config, missing: bytes | None = None) -> bytes:
    """The bytes of a file of the run, which are bounded by what its config can make; `missing` when there is none."""
    try:
        return read_bounded(path, most_file_bytes(config))
    except OSError as error:
        if missing is not None and isinstance(error, FileNotFoundError):
            return missing
        raise state_error(path, error) from None
