"""Run directories: what is in them, how they are written and how they are read back.

    config.yaml    the resolved config                     deterministic
    initial.npz, final.npz    parameters                   deterministic
    best.npz       those of the best epoch, with early stopping
    metrics.csv, gradients.csv, neurons.csv, histograms.csv    deterministic
    summary.json   final and best numbers, verdict         deterministic
    checkpoint.npz parameters, optimizer state, history    deterministic once the run is complete
    run.json       status, versions, machine, digests      written last: a run is complete only when it says so

The checkpoint is the one commit point of a run that is not complete; all else is made again from it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from vgrad.config.check import check
from vgrad.config.config import Config
from vgrad.config.problems import Problems
from vgrad.document.document import read_yaml
from vgrad.document.reader import MAX_BYTES
from vgrad.document.writer import dump_yaml
from vgrad.errors import ConfigError, RunStateError, Unreadable
from vgrad.nn.arrays import Parameters
from vgrad.nn.parameters import problems
from vgrad.nn.probes import BINS
from vgrad.runs.history import GRADIENTS, HISTOGRAMS, METRICS, NEURONS, QUANTITIES, History
from vgrad.runs.summary import summarize
from vgrad.storage import storage_errors, write_file
from vgrad.storage.json import dump_json, read_json
from vgrad.storage.npz import Arrays, NpzError, pack, unpack
from vgrad.storage.reading import digest, entries, is_folder, read_state, state_error, state_errors
from vgrad.text.escapes import printable
from vgrad.training.assembly import build_network, fresh_state
from vgrad.training.record import TrainingState

CONFIG, RUN, SUMMARY = "config.yaml", "run.json", "summary.json"
INITIAL, FINAL, BEST, CHECKPOINT = "initial.npz", "final.npz", "best.npz", "checkpoint.npz"
DETERMINISTIC = (CONFIG, INITIAL, FINAL, BEST, METRICS, GRADIENTS, NEURONS, HISTOGRAMS, SUMMARY, CHECKPOINT)
SOMETIMES = (BEST, NEURONS, HISTOGRAMS)
"""Those of them that are there only when the config asks for them."""
SEAL = "seal"
CHECKPOINT_FORMAT = 1


def empty_history(config: Config) -> History:
    """The history of a run that has not begun."""
    probes = config.probes
    named = tuple(probes.neurons), tuple(probes.histograms)
    return History(config.sizes, config.monitors, tuple(probes.record), *named)


def most_bytes(config: Config) -> int:
    """More than the arrays of a checkpoint ever have."""
    numbers = build_network(config).parameter_count
    rows = (config.epochs + 2) * (len(config.monitors) + len(config.sizes) * (len(config.probes.record) + 1) + 8)
    neurons = len(config.probes.neurons) * sum(config.sizes)
    bars = len(config.probes.histograms) * len(config.sizes) * len(QUANTITIES) * (2 * BINS + 1)
    return 8 * (8 * numbers + rows + neurons + bars) + 2**16


def most_file_bytes(config: Config) -> int:
    """More than any file of a run ever has: a number has 8 bytes, and up to 32 in a CSV."""
    return 4 * most_bytes(config) + MAX_BYTES


@dataclass(frozen=True)
class Saved:
    """What a checkpoint holds; `surroundings` are the libraries and kernels that computed it, in their order."""

    state: TrainingState
    history: History
    surroundings: tuple[str, ...] = ()


def stored_config(file: Path) -> Config:
    """The config in config.yaml of a run; FileNotFoundError, and RunStateError when it is no config."""
    try:
        return check(read_yaml(read_state(file, MAX_BYTES), str(file)).data)
    except (ConfigError, Problems) as error:
        told = error.problems[0] if isinstance(error, ConfigError) else error.problems[0].message
        name = printable(str(file), 200)
        raise RunStateError(f"{name}: damaged: {printable(told.removeprefix(f'{name}:').lstrip(), 200)}") from None


def run_config(folder: Path) -> Config:
    """The config of the run in `folder`; RunStateError when there is none, or it is damaged."""
    with state_errors(folder):
        if not is_folder(folder):
            raise RunStateError(f"{printable(str(folder), 200)}: no such run directory; vgrad ls lists them")
    try:
        return stored_config(folder / CONFIG)
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


@dataclass(frozen=True)
class RunFolder:
    """The directory of one run."""

    path: Path

    def begin(self, config: Config, initial: Parameters) -> None:
        """The files that are there from the start."""
        write_file(self.path / CONFIG, config_file(config))
        write_file(self.path / INITIAL, pack(initial))

    def save(self, config: Config, state: TrainingState, history: History, surroundings: Sequence[str]) -> None:
        """Commits an epoch: the checkpoint, then the CSVs that follow from it."""
        arrays, plain = history.pack()
        meta = {"format": CHECKPOINT_FORMAT, "run": config.run_name, "epoch": state.epoch, **plain}
        meta["surroundings"] = list(surroundings)
        packed: Arrays = {"meta": np.frombuffer(json.dumps(meta, sort_keys=True).encode(), np.uint8)}
        packed |= {f"parameters.{name}": value for name, value in state.parameters.items()}
        packed |= {f"optimizer.{name}": value for name, value in state.optimizer.items()}
        packed |= {f"buffers.{name}": value for name, value in state.buffers.items()}
        packed |= {f"best.{name}": value for name, value in state.best.items()}
        packed |= {f"history.{name}": value for name, value in arrays.items()}
        write_file(self.path / CHECKPOINT, pack(packed))
        for name, content in history.files().items():
            write_file(self.path / name, content)

    def finish(self, config: Config, state: TrainingState, history: History, facts: dict[str, Any]) -> None:
        """The last files of a run whose last epoch is saved; at the very end run.json, with `facts` and the digests of
        what this run has written, whatever else lies there under a name that it does not use."""
        summary = summarize(history)
        last = {FINAL: pack(state.parameters), SUMMARY: dump_json(summary)}
        if state.best:
            last[BEST] = pack(state.best)
        for name, content in last.items():
            write_file(self.path / name, content)
        written = {CONFIG, INITIAL, CHECKPOINT, *history.files(), *last}
        most = most_file_bytes(config)
        with storage_errors(self.path):
            digests = {name: digest(self.path / name, most) for name in DETERMINISTIC if name in written}
        whole = {"status": summary["status"], **facts, "files": digests}
        write_file(self.path / RUN, dump_json({**whole, SEAL: seal(whole)}))

    def check_config(self, config: Config) -> None:
        """RunStateError when the directory holds another config than `config`, or a damaged one."""
        path = self.path / CONFIG
        try:
            stored = stored_config(path)
        except FileNotFoundError:
            return
        except Unreadable:
            raise
        except RunStateError as error:
            raise RunStateError(f"{error}; train again with --restart") from None
        if (stored.run_name, _numbers(stored)) != (config.run_name, _numbers(config)):
            raise RunStateError(f"{path}: another config lies under this name; train with another name or --runs-dir")

    def facts(self) -> dict[str, Any] | None:
        """What run.json says, or None when there is none: the run is not complete. RunStateError when it is damaged."""
        facts = read_json(self.path / RUN)
        if facts is not None and facts.get("status") not in ("complete", "diverged"):
            raise RunStateError(f"{self.path / RUN}: damaged: no status; train again with --restart")
        return facts

    def resume(self, config: Config) -> Saved | None:
        """What was saved of the last epoch, or None before the first. RunStateError when it is damaged."""
        path = self.path / CHECKPOINT
        shape_of = build_network(config).shapes()
        try:
            packed = unpack(path, most_bytes(config), compressed=False)
            meta = json.loads(packed["meta"].tobytes())
            if (meta["format"], meta["run"]) != (CHECKPOINT_FORMAT, config.run_name):
                raise ValueError(f"is of run {printable(str(meta['run']), 120)}, format {meta['format']}")
            parameters = _under("parameters.", packed)
            best = _under("best.", packed)
            wrong = problems(parameters, shape_of) + (problems(best, shape_of) if best else [])
            if wrong:
                raise ValueError("; ".join(wrong[:3]))
            if any(value.dtype != config.dtype for value in parameters.values()):
                raise ValueError(f"parameters are not {config.dtype}")
            optimizer, buffers = _under("optimizer.", packed), _under("buffers.", packed)
            due = fresh_state(config, parameters)
            if _kinds(optimizer) != _kinds(due.optimizer) or _kinds(buffers) != _kinds(due.buffers):
                raise ValueError("not the state of the config's optimizer and normalization")
            if best and (config.early_stopping is None or _kinds(best) != _kinds(parameters)):
                raise ValueError("not the best parameters of this config")
            history = empty_history(config)
            history.unpack(_under("history.", packed), meta)
            reached = history.records[-1].epoch if history.records else None
            if type(meta["epoch"]) is not int or meta["epoch"] != reached or reached > config.epochs:
                raise ValueError(f"parameters of epoch {meta['epoch']} with a history of {len(history.records)} epochs")
            every, last = config.probes.every, config.epochs
            if any((r.gradients is None) == (r.epoch % every == 0 or r.epoch == last) for r in history.measured):
                raise ValueError("other epochs were probed than those of the config")
            surroundings = meta["surroundings"]
            texts = [text for text in surroundings if isinstance(text, str) and text.isascii() and text.isprintable()]
            if not isinstance(surroundings, list) or texts != surroundings:
                raise ValueError("no list of surroundings")
            state = TrainingState(reached, parameters, optimizer, buffers, best)
            return Saved(state, history, tuple(surroundings))
        except FileNotFoundError:
            return None
        except OSError as error:
            raise state_error(path, error) from error
        except (NpzError, ValueError, KeyError, TypeError, RecursionError) as error:
            told = f"{type(error).__name__} {error}" if isinstance(error, KeyError) else str(error)
            hint = "train again from the start with --restart, which keeps the old files aside"
            raise RunStateError(f"{path}: damaged checkpoint: {printable(told, 200)}; {hint}") from None


def _numbers(config: Config) -> dict[str, Any]:
    """All of a config that decides the numbers: where an init file lies does not."""
    tree = config.plain()
    if isinstance(tree["init"], dict):
        tree["init"].pop("path", None)
    return tree


def _kinds(arrays: Arrays) -> dict[str, tuple[np.dtype[Any], tuple[int, ...]]]:
    return {name: (array.dtype, array.shape) for name, array in arrays.items()}


def _under(prefix: str, packed: Arrays) -> Arrays:
    return {name.removeprefix(prefix): value for name, value in packed.items() if name.startswith(prefix)}


def seal(facts: dict[str, Any]) -> str:
    """The digest of what run.json says, itself left out: a changed fact is found, whichever it is."""
    return hashlib.sha256(dump_json({key: value for key, value in facts.items() if key != SEAL})).hexdigest()
