"""What the shell may complete: configs, runs, keys of a config with their names, kinds, formats and values.

Each function takes the beginning of a word and gives words. Nothing here is slow, prints, or fails: where it cannot be
told what there is, there is nothing to complete. Names come from the tables that commands use.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from functools import wraps
from pathlib import Path

MOST = 500
Completer = Callable[[str], list[str]]


def _quiet(found: Callable[[str], Iterable[str]]) -> Completer:
    """The words that begin as what is typed, in their order; none where anything is wrong."""

    @wraps(found)
    def completer(incomplete: str) -> list[str]:
        try:
            words = dict.fromkeys(word for word in found(incomplete) if word.startswith(incomplete) and _is_plain(word))
            return list(words)[:MOST]
        except Exception:  # a completion that fails would be written into the command line
            return []

    del completer.__wrapped__  # the shell's library looks at the parameters
    return completer


def _is_plain(word: str) -> bool:
    return word.isprintable() and not any(character.isspace() for character in word)


def _entries(typed: str) -> Iterator[os.DirEntry[str]]:
    """What is in the folder that the typed path leads to."""
    with os.scandir(Path(typed).parent if not typed.endswith("/") else typed) as entries:
        for number, entry in enumerate(entries):
            if number >= MOST * 10:
                return
            if not entry.name.startswith("."):
                yield entry


def _written(entry: os.DirEntry[str], typed: str) -> str:
    """An entry's path as it was begun: without ./ where none was typed."""
    return f"{typed.rpartition('/')[0]}/{entry.name}" if "/" in typed else entry.name


@_quiet
def configs(incomplete: str) -> Iterator[str]:
    """YAML files, and folders that may have some."""
    for entry in sorted(_entries(incomplete), key=lambda each: each.name):
        if entry.is_dir():
            yield _written(entry, incomplete) + "/"
        elif entry.name.endswith((".yaml", ".yml")) and entry.is_file():
            yield _written(entry, incomplete)


@_quiet
def runs(incomplete: str) -> Iterator[str]:
    """Folders, and names of runs in runs/ and in the sweeps below it."""
    for entry in sorted(_entries(incomplete), key=lambda each: each.name):
        if entry.is_dir():
            yield _written(entry, incomplete)
    if "/" not in incomplete:
        for entry in sorted(_entries("runs/"), key=lambda each: each.name):
            if entry.is_dir():
                yield entry.name


@_quiet
def keys(incomplete: str) -> Iterator[str]:
    """Keys of a config as -s and -g take them, with =; behind it the names that the key can have."""
    from vgrad.config.config import Config

    end = "=" if "fish" in os.environ.get("_VGRAD_COMPLETE", "") else ""  # other shells put a space behind it
    key, equals, _ = incomplete.partition("=")
    tables = _tables()
    if equals:
        yield from (f"{key}={name}" for name in tables.get(key, ()))
        return
    yield from (f"{name}{end}" for name in Config.model_fields)
    yield from (f"{outer}.{inner}{end}" for outer, inner in _inner(tables))


def _tables() -> dict[str, Iterable[str]]:
    from vgrad.config.fields import presets
    from vgrad.data.datasets import DATASETS, SCALES
    from vgrad.nn.activations import ACTIVATIONS
    from vgrad.nn.costs import COSTS, OUTPUTS
    from vgrad.nn.initializers import BIASES, INITIALIZERS
    from vgrad.nn.optimizers import OPTIMIZERS
    from vgrad.nn.schedules import MOMENTUM_SCHEDULES, SCHEDULES

    found: dict[str, Iterable[str]] = {
        "activation": ACTIVATIONS,
        "output": OUTPUTS,
        "cost": COSTS,
        "init": presets(),
        "init.weights": INITIALIZERS,
        "init.biases": BIASES,
        "optimizer": OPTIMIZERS,
        "schedule": SCHEDULES,
        "momentum_schedule": MOMENTUM_SCHEDULES,
        "data": DATASETS,
        "data.scale": SCALES,
        "dtype": ("float64", "float32"),
    }
    named = ("activation", "optimizer", "schedule", "momentum_schedule", "data")
    return found | {f"{key}.name": found[key] for key in named}


def _inner(tables: dict[str, Iterable[str]]) -> Iterator[tuple[str, str]]:
    """(outer, inner) keys: those of the tables, parameters of their entries, and what a section has."""
    from vgrad.config.fields import Probes
    from vgrad.data.datasets import PARTS
    from vgrad.nn.optimizers import OPTIMIZERS
    from vgrad.nn.schedules import SCHEDULES
    from vgrad.registry import parameters

    yield from (("layers", "depth"), ("layers", "width"))
    yield from ((key.partition(".")[0], key.partition(".")[2]) for key in tables if "." in key)
    for outer, table in (("optimizer", OPTIMIZERS), ("schedule", SCHEDULES)):
        yield from ((outer, inner) for entry in table.values() for inner in parameters(entry))
    yield from (("data", part) for part in PARTS)
    yield from (("probes", name) for name in Probes.model_fields)


@_quiet
def kinds(incomplete: str) -> Iterable[str]:
    """Kinds of pictures, those of studies included."""
    from vgrad.report.pictures import PICTURES
    from vgrad.study.report.pictures import STUDY_PICTURES

    return (*PICTURES, *STUDY_PICTURES)


@_quiet
def formats(incomplete: str) -> Iterable[str]:
    """Formats of reports."""
    from vgrad.report.formats import FORMATS

    return FORMATS


@_quiet
def values(incomplete: str) -> Iterable[str]:
    """Values of reports that any run has, and the usual monitors."""
    from vgrad.report.values import KNOWN, THEORY

    return (
        *KNOWN,
        "validation_accuracy",
        "validation_accuracy.best",
        "test_accuracy",
        "train_cost",
        "delta_norm[1]",
        "delta_norm[-1]",
        *(f"{name}[1]" for name in THEORY),
    )


@_quiet
def data_sets(incomplete: str) -> Iterable[str]:
    """Names of data sets."""
    from vgrad.data.datasets import DATASETS

    return DATASETS
