"""Configs in Python: a path to a YAML file or a mapping, with keywords on top."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from vgrad.config.check import settled
from vgrad.config.config import Config
from vgrad.document.document import Document, load_yaml, read_yaml, with_overrides
from vgrad.document.writer import dump_yaml, spell
from vgrad.errors import ConfigError
from vgrad.sweeps.points.grid import sweep_key

Given = str | os.PathLike[str] | Mapping[str, Any]
SOURCE = "config"
"""What a mapping is called in messages, and the name of its runs unless it has one."""


def document(config: Given) -> tuple[Document, Path, str]:
    """The document, the folder that its relative paths start from, and its name where it has none of its own.

    ConfigError for a file that cannot be read and for values that no config can have.
    """
    if isinstance(config, Mapping):
        return read_yaml(dump_yaml(plain(config)), SOURCE), Path(), SOURCE
    path = Path(config)
    return load_yaml(path), path.parent, path.stem


def settings(overrides: Mapping[str, Any]) -> list[str]:
    """Keywords as KEY=VALUE: `epochs=3`, and `optimizer__learning_rate=0.1` for optimizer.learning_rate."""
    return [f"{key.replace('__', '.')}={spell(plain(value))}" for key, value in overrides.items()]


def read(config: Given, overrides: Mapping[str, Any]) -> tuple[Config, Path]:
    """The checked config and the folder of its relative paths; ConfigError with every problem at its place."""
    found, base, name = document(config)
    key = sweep_key(found)
    if key:
        raise ConfigError(f"{found.where((key,), key=True)}: {key}: this is a sweep, of more than one run: vgrad.sweep")
    return settled(with_overrides(found, settings(overrides)), name), base


def plain(value: Any) -> Any:
    """As YAML has it: tuples and arrays are lists, NumPy's numbers Python's, paths texts."""
    if isinstance(value, Mapping):
        return {str(key): plain(inner) for key, inner in value.items()}
    if hasattr(value, "tolist"):  # an array, or a number of NumPy
        return plain(value.tolist())
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    if isinstance(value, Sequence) and not isinstance(value, str | bytes):
        return [plain(inner) for inner in value]
    if value is None or isinstance(value, str | bool | int | float):
        return value
    raise ConfigError(f"{type(value).__name__} has no place in a config; write numbers, texts, lists and mappings")
