"""What a run keeps of its pretraining: the layers as one file, which is its commit point, and the errors as a table.

    pretraining.npz   W1, b1, c1 … of the hidden layers before any shuffle, `measured` (a row an epoch), and `meta`
    pretraining.csv   layer, epoch | cross_entropy, mse        layers 1 … L - 1 x epochs 0 … last

The table, and with the drawn output layer initial.npz, follow from the first file. How far pretraining has come follows
from the rows of `measured`.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from vgrad.config.config import Config
from vgrad.errors import RunStateError
from vgrad.nn.layerwise.layer import Layer
from vgrad.nn.parameters import problems
from vgrad.runs import tables
from vgrad.runs.checkpoint import checked_surroundings, unpacked
from vgrad.storage.npz import Arrays, pack
from vgrad.storage.reading import read_bounded, state_error
from vgrad.text.escapes import printable
from vgrad.training.pretraining import Pretrained, Reconstruction, moments

if TYPE_CHECKING:
    from pandas import DataFrame

LAYERS, ERRORS = "pretraining.npz", "pretraining.csv"
PRETRAINING_FORMAT = 1
_KEYS, _VALUES = ("layer", "epoch"), ("cross_entropy", "mse")
_ROW = 80
"""Bytes that no row has."""


@dataclass(frozen=True)
class Kept:
    """What the file holds; `surroundings` are the libraries and kernels that computed it, in their order."""

    state: Pretrained
    surroundings: tuple[str, ...] = ()


def files(config: Config) -> tuple[str, ...]:
    """The names of the files that a run of `config` has."""
    return (LAYERS, ERRORS) if config.pretrain else ()


def packed(config: Config, kept: Kept) -> bytes:
    """The content of pretraining.npz: the same for the same run, however often it was interrupted."""
    meta = {"format": PRETRAINING_FORMAT, "run": config.run_name, "surroundings": list(kept.surroundings)}
    arrays: Arrays = {"meta": np.frombuffer(json.dumps(meta, sort_keys=True).encode(), np.uint8)}
    for number, layer in enumerate(kept.state.layers, 1):
        arrays |= {f"{name}{number}": value for name, value in layer._asdict().items()}
    rows = [(each.cross_entropy, each.mse) for each in kept.state.measured]
    return pack({**arrays, "measured": np.array(rows, dtype=np.float64).reshape(len(rows), 2)})


def written(state: Pretrained) -> bytes:
    """The content of pretraining.csv."""
    lines = [",".join((*_KEYS, *_VALUES))]
    lines += [f"{each.layer},{each.epoch},{each.cross_entropy!r},{each.mse!r}" for each in state.measured]
    return ("\n".join(lines) + "\n").encode("ascii")


def read(path: Path, config: Config) -> Kept | None:
    """What the file at `path` holds, or None when there is none. RunStateError when it is not what pretraining `config`
    saves."""
    return unpacked(path, config, _kept, "damaged")


def _kept(arrays: Arrays, config: Config) -> Kept:
    """ValueError, KeyError or TypeError for the first thing that is wrong."""
    meta = json.loads(arrays.pop("meta").tobytes())
    if (meta["format"], meta["run"]) != (PRETRAINING_FORMAT, config.run_name):
        raise ValueError(f"is of run {printable(str(meta['run']), 120)}, format {meta['format']}")
    measured, due = arrays.pop("measured"), moments(config)
    if measured.dtype != np.float64 or not 0 < len(measured) <= len(due) or measured.shape != (len(measured), 2):
        raise ValueError(f"measured is {measured.dtype} of shape {measured.shape}")
    if not np.isfinite(measured).all():
        raise ValueError("measured holds NaN or infinity")
    reached = due[len(measured) - 1][0]
    shapes: dict[str, tuple[int, ...]] = {}
    for number in range(1, reached + 1):
        n_v, n_h = config.sizes[number - 1 : number + 1]
        shapes |= {f"W{number}": (n_h, n_v), f"b{number}": (n_h,), f"c{number}": (n_v,)}
    wrong = problems(arrays, shapes)
    wrong += [f"{name} is not {config.dtype}" for name, value in arrays.items() if value.dtype != config.dtype]
    if wrong:
        raise ValueError("; ".join(wrong[:3]))
    layers = tuple(Layer(*(arrays[f"{name}{number}"] for name in Layer._fields)) for number in range(1, reached + 1))
    pairs = zip(due, measured.tolist(), strict=False)
    told = tuple(Reconstruction(layer, epoch, *row) for (layer, epoch), row in pairs)
    return Kept(Pretrained(layers, told), checked_surroundings(meta["surroundings"]))


def is_whole(config: Config, state: Pretrained) -> bool:
    """Whether nothing is left to pretrain."""
    return len(state.measured) == len(moments(config))


def frame(config: Config, path: Path, state: Pretrained | None) -> DataFrame:
    """pretraining.csv as a frame: that of `state`, or where it is None the one at `path`, which is of a finished run.
    RunStateError when it is damaged."""
    import pandas as pd

    due = moments(config) if config.pretrain else []
    due = due if state is None else due[: len(state.measured)]
    try:
        content = read_bounded(path, _ROW * (len(due) + 1)) if state is None else written(state)
        cells = tables.split_cells(content, ",".join((*_KEYS, *_VALUES)), len(due))
        known: dict[str, Any] = {key: np.array([each[i] for each in due], np.int64) for i, key in enumerate(_KEYS)}
        for (name, expected), column in zip(known.items(), cells, strict=False):
            tables.check_keys(name, column, expected)
        full = [False] * len(due)
        columns = zip(_VALUES, cells[len(_KEYS) :], strict=True)
        return pd.DataFrame(known | {name: tables.read_numbers(name, column, full) for name, column in columns})
    except OSError as error:
        raise state_error(path, error) from None
    except ValueError as error:
        raise RunStateError(f"{path}: damaged: {printable(str(error), 200)}") from None
