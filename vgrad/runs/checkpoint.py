"""The checkpoint of a run: the state after its last saved epoch and all that was measured, as one file.

packed(config, saved)    its bytes: the same for the same run, however often it was interrupted
read(path, config)       what is saved there, held against the config in everything that follows from it
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from vgrad.config.config import Config
from vgrad.errors import RunStateError
from vgrad.nn.parameters import problems, split
from vgrad.nn.probes import BINS
from vgrad.runs.history import QUANTITIES, History, empty_history
from vgrad.storage.npz import Arrays, NpzError, pack, unpack
from vgrad.storage.reading import state_error
from vgrad.text.escapes import printable
from vgrad.training.assembly import build_network, fresh_state
from vgrad.training.pretraining import moments
from vgrad.training.record import TrainingState

T = TypeVar("T")

CHECKPOINT = "checkpoint.npz"
CHECKPOINT_FORMAT = 1
_PARTS = ("parameters", "optimizer", "buffers", "best")
"""The arrays of a TrainingState, in the order of the file."""


@dataclass(frozen=True)
class Saved:
    """What a checkpoint holds; `surroundings` are the libraries and kernels that computed it, in their order."""

    state: TrainingState
    history: History
    surroundings: tuple[str, ...] = ()


def most_bytes(config: Config) -> int:
    """More than the arrays of a checkpoint, or of the layers before it, ever have."""
    numbers = build_network(config).parameter_count
    rows = (config.epochs + 2) * (len(config.monitors) + len(config.sizes) * (len(config.probes.record) + 1) + 8)
    neurons = len(config.probes.neurons) * sum(config.sizes)
    bars = len(config.probes.histograms) * len(config.sizes) * len(QUANTITIES) * (2 * BINS + 1)
    within = config.epochs * len(config.step_marks) * len(config.sizes) * len(config.probes.record)
    before = 2 * len(moments(config)) if config.pretrain else 0
    return 8 * (8 * numbers + rows + neurons + bars + within + before) + 2**16


def packed(config: Config, saved: Saved) -> bytes:
    """The content of the file."""
    state = saved.state
    measured, plain = saved.history.pack()
    meta = {"format": CHECKPOINT_FORMAT, "run": config.run_name, "epoch": state.epoch, **plain}
    meta["surroundings"] = list(saved.surroundings)
    arrays: Arrays = {"meta": np.frombuffer(json.dumps(meta, sort_keys=True).encode(), np.uint8)}
    for part in _PARTS:
        arrays |= {f"{part}.{name}": value for name, value in getattr(state, part).items()}
    arrays |= {f"history.{name}": value for name, value in measured.items()}
    return pack(arrays)


def read(path: Path, config: Config) -> Saved | None:
    """What the file at `path` holds, or None when there is none. RunStateError when it is not what a run of this config
    saves."""
    return unpacked(path, config, _saved, "damaged checkpoint")


def unpacked(path: Path, config: Config, take: Callable[[Arrays, Config], T], damaged: str) -> T | None:
    """What `take` makes of the arrays that a run of `config` keeps at `path`, or None when there is no such file.
    RunStateError, which begins with `damaged`, where they are not what it keeps there: `take` raises ValueError,
    KeyError or TypeError then."""
    try:
        return take(unpack(path, most_bytes(config), compressed=False), config)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise state_error(path, error) from error
    except (NpzError, ValueError, KeyError, TypeError, RecursionError) as error:
        told = f"{type(error).__name__} {error}" if isinstance(error, KeyError) else str(error)
        hint = "train again from the start with --restart, which keeps the old files aside"
        raise RunStateError(f"{path}: {damaged}: {printable(told, 200)}; {hint}") from None


def _saved(arrays: Arrays, config: Config) -> Saved:
    """ValueError, KeyError or TypeError for the first thing that is wrong."""
    meta = json.loads(arrays["meta"].tobytes())
    if (meta["format"], meta["run"]) != (CHECKPOINT_FORMAT, config.run_name):
        raise ValueError(f"is of run {printable(str(meta['run']), 120)}, format {meta['format']}")
    parts = {part: _under(f"{part}.", arrays) for part in _PARTS}
    _check_state(config, **parts)
    history = _history(config, _under("history.", arrays), meta)
    return Saved(TrainingState(meta["epoch"], **parts), history, checked_surroundings(meta["surroundings"]))


def _check_state(config: Config, parameters: Arrays, optimizer: Arrays, buffers: Arrays, best: Arrays) -> None:
    """ValueError unless these are arrays that training `config` leaves."""
    shape_of = build_network(config).shapes()
    own, _ = split(best, build_network(config).buffers())
    wrong = problems(parameters, shape_of) + (problems(own, shape_of) if best else [])
    if wrong:
        raise ValueError("; ".join(wrong[:3]))
    if any(value.dtype != config.dtype for value in parameters.values()):
        raise ValueError(f"parameters are not {config.dtype}")
    due = fresh_state(config, parameters)
    if _kinds(optimizer) != _kinds(due.optimizer) or _kinds(buffers) != _kinds(due.buffers):
        raise ValueError("not the state of the config's optimizer and normalization")
    whole = _kinds(best) in (_kinds(parameters | buffers), _kinds(parameters))  # earlier versions kept no statistics
    if best and (config.early_stopping is None or not whole):
        raise ValueError("not the best parameters of this config")


def _history(config: Config, arrays: Arrays, meta: Mapping[str, Any]) -> History:
    """What was measured up to the epoch of the parameters, in the epochs that the config names."""
    history = empty_history(config)
    history.unpack(arrays, meta)
    reached = history.records[-1].epoch if history.records else None
    if type(meta["epoch"]) is not int or meta["epoch"] != reached or reached > config.epochs:
        raise ValueError(f"parameters of epoch {meta['epoch']} with a history of {len(history.records)} epochs")
    for record in history.measured:  # the last one before an early end is measured, too
        due, ended = config.probes.measures(record.epoch, config.epochs), record is history.measured[-1]
        if (record.gradients is not None) != due and not (ended and record.gradients is not None):
            raise ValueError("other epochs were probed than those of the config")
    return history


def checked_surroundings(lines: Any) -> tuple[str, ...]:
    """The libraries and kernels that a file says it was computed with; ValueError when it says something else."""
    texts = [text for text in lines if isinstance(text, str) and text.isascii() and text.isprintable()]
    if not isinstance(lines, list) or texts != lines:
        raise ValueError("no list of surroundings")
    return tuple(texts)


def _kinds(arrays: Arrays) -> dict[str, tuple[np.dtype[Any], tuple[int, ...]]]:
    return {name: (array.dtype, array.shape) for name, array in arrays.items()}


def _under(prefix: str, packed: Arrays) -> Arrays:
    return {name.removeprefix(prefix): value for name, value in packed.items() if name.startswith(prefix)}
