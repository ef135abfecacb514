"""Run directories: what is in them, how they are written and how they are read back.

    config.yaml    the resolved config                     deterministic
    pretraining.npz, pretraining.csv    hidden layers and their errors, with pretrain    deterministic
    initial.npz, final.npz    parameters                   deterministic
    best.npz       those of the best epoch, with early stopping
    metrics.csv, gradients.csv, steps.csv, neurons.csv, histograms.csv    deterministic
    summary.json   final and best numbers, verdict         deterministic
    checkpoint.npz parameters, optimizer state, history    deterministic once the run is complete
    run.json       status, versions, machine, digests      written last: a run is complete only when it says so

The checkpoint is the one commit point of a run that is not complete, and before it pretraining.npz; all else is made
again from them.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vgrad.config.check import check
from vgrad.config.config import Config
from vgrad.config.problems import Problems
from vgrad.document.document import read_yaml
from vgrad.document.reader import MAX_BYTES
from vgrad.document.writer import dump_yaml
from vgrad.errors import ConfigError, RunStateError, Unreadable
from vgrad.nn.arrays import Parameters
from vgrad.runs import checkpoint, pretrained, tables
from vgrad.runs.checkpoint import CHECKPOINT, Saved, most_bytes
from vgrad.runs.pretrained import ERRORS, LAYERS, Kept
from vgrad.runs.summary import summarize
from vgrad.runs.tables import GRADIENTS, HISTOGRAMS, METRICS, NEURONS, STEPS
from vgrad.storage import storage_errors, write_file
from vgrad.storage.json import dump_json, read_json
from vgrad.storage.npz import pack
from vgrad.storage.reading import digest, entries, is_folder, read_state, state_errors
from vgrad.text.escapes import printable

CONFIG, RUN, SUMMARY = "config.yaml", "run.json", "summary.json"
INITIAL, FINAL, BEST = "initial.npz", "final.npz", "best.npz"
DETERMINISTIC = (
    *(CONFIG, LAYERS, ERRORS, INITIAL, FINAL, BEST),
    *(METRICS, GRADIENTS, STEPS, NEURONS, HISTOGRAMS, SUMMARY, CHECKPOINT),
)
SOMETIMES = (LAYERS, ERRORS, BEST, STEPS, NEURONS, HISTOGRAMS)
"""Those of them that are there only when the config asks for them."""
SEAL = "seal"


def most_file_bytes(config: Config) -> int:
    """More than any file of a run ever has: a number has 8 bytes, and up to 32 in a CSV."""
    return 4 * most_bytes(config) + MAX_BYTES


def run_config(folder: Path) -> Config:
    """The config of the run in `folder`; RunStateError when there is none, or it is damaged."""
    with state_errors(folder):
        if not is_folder(folder):
            raise RunStateError(f"{printable(str(folder), 200)}: no such run directory; vgrad ls lists them")
    try:
        return _parsed(read_state(folder / CONFIG, MAX_BYTES), folder / CONFIG)
    except (FileNotFoundError, Unreadable) as error:
        with state_errors(folder):
            entries(folder)  # one that cannot be listed is said to be that
        if isinstance(error, Unreadable):
            raise
        raise RunStateError(f"{printable(str(folder / CONFIG), 200)}: damaged: missing") from None


def config_file(config: Config) -> bytes:
    """config.yaml of a run: its own copy of an init file in the place of the given one, so that it can be run again."""
    tree = config.plain()
    if isinstance(tree["init"], dict) and tree["init"].get("name") == "file":
        tree["init"]["path"] = INITIAL
    return dump_yaml(tree).encode()


def _parsed(content: bytes, file: Path) -> Config:
    """The config in config.yaml of a run, of which this is the content; RunStateError when it is no config."""
    try:
        return check(read_yaml(content, str(file)).data)
    except (ConfigError, Problems) as error:
        told = error.problems[0] if isinstance(error, ConfigError) else error.problems[0].message
        name = printable(str(file), 200)
        raise RunStateError(f"{name}: damaged: {printable(told.removeprefix(f'{name}:').lstrip(), 200)}") from None


@dataclass(frozen=True)
class RunFolder:
    """The directory of one run."""

    path: Path

    def begin(self, config: Config) -> None:
        """The file that makes the directory a run's."""
        write_file(self.path / CONFIG, config_file(config))

    def save_pretrained(self, config: Config, kept: Kept) -> None:
        """Commits an epoch of pretraining: the layers, then the errors that follow from them."""
        write_file(self.path / LAYERS, pretrained.packed(config, kept))
        write_file(self.path / ERRORS, pretrained.written(kept.state))

    def start(self, initial: Parameters) -> None:
        """The file that is there before training."""
        write_file(self.path / INITIAL, pack(initial))

    def save(self, config: Config, saved: Saved) -> None:
        """Commits an epoch: the checkpoint, then the CSVs that follow from it."""
        write_file(self.path / CHECKPOINT, checkpoint.packed(config, saved))
        for name, content in tables.written(config, saved.history.records).items():
            write_file(self.path / name, content)

    def resume(self, config: Config) -> Saved | None:
        """What was saved of the last epoch, or None before the first. RunStateError when it is damaged."""
        return checkpoint.read(self.path / CHECKPOINT, config)

    def resume_pretrained(self, config: Config) -> Kept | None:
        """What was saved of pretraining, or None. RunStateError when it is damaged."""
        return pretrained.read(self.path / LAYERS, config) if config.pretrain else None

    def finish(self, config: Config, saved: Saved, facts: dict[str, Any]) -> None:
        """The last files of a run whose last epoch is saved; at the very end run.json, with `facts` and the digests of
        what this run has written, whatever else lies there under a name that it does not use."""
        state, summary = saved.state, summarize(saved.history)
        last = {FINAL: pack(state.network), SUMMARY: dump_json(summary)}
        if state.best:
            last[BEST] = pack(state.best)
        for name, content in last.items():
            write_file(self.path / name, content)
        written = {CONFIG, *pretrained.files(config), INITIAL, CHECKPOINT, *tables.files(config), *last}
        most = most_file_bytes(config)
        with storage_errors(self.path):
            digests = {name: digest(self.path / name, most) for name in DETERMINISTIC if name in written}
        whole = {"status": summary["status"], **facts, "files": digests}
        write_file(self.path / RUN, dump_json({**whole, SEAL: seal(whole)}))

    def holds(self, config: Config) -> bool:
        """Whether config.yaml is that of this very config: the same text, or at least the same run. FileNotFoundError
        when there is none, RunStateError when it is damaged."""
        file = self.path / CONFIG
        content = read_state(file, MAX_BYTES)
        if content == config_file(config):
            return True
        stored = _parsed(content, file)
        return (stored.run_name, _numbers(stored)) == (config.run_name, _numbers(config))

    def check_config(self, config: Config) -> None:
        """RunStateError when the directory holds another config than `config`, or a damaged one."""
        try:
            if self.holds(config):
                return
        except FileNotFoundError:
            return
        except Unreadable:
            raise
        except RunStateError as error:
            raise RunStateError(f"{error}; train again with --restart") from None
        told = "another config lies under this name; train with another name or --runs-dir"
        raise RunStateError(f"{self.path / CONFIG}: {told}")

    def facts(self) -> dict[str, Any] | None:
        """What run.json says, or None when there is none: the run is not complete. RunStateError when it is damaged."""
        facts = read_json(self.path / RUN)
        if facts is not None and facts.get("status") not in ("complete", "diverged"):
            raise RunStateError(f"{self.path / RUN}: damaged: no status; train again with --restart")
        return facts


def _numbers(config: Config) -> dict[str, Any]:
    """All of a config that decides the numbers: where an init file lies does not."""
    tree = config.plain()
    if isinstance(tree["init"], dict):
        tree["init"].pop("path", None)
    return tree


def seal(facts: dict[str, Any]) -> str:
    """The digest of what run.json says, itself left out: a changed fact is found, whichever it is.

    Empty for what no run writes, an infinite number or half a character, so that no file is sealed with it.
    """
    try:
        content = dump_json({key: value for key, value in facts.items() if key != SEAL})
    except ValueError:
        return ""
    return hashlib.sha256(content).hexdigest()
