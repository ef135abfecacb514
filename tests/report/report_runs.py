"""Small networks, really trained: the runs that reports are tested on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from vgrad.config.check import check
from vgrad.runs.runner import run as train

SMALL: dict[str, Any] = {"name": "small", "layers": [64, 8, 10], "epochs": 3, "data": {"name": "digits", "train": 200}}


def trained(folder: Path, **changes: Any) -> Path:
    """The directory of a small run with these changes to its config."""
    config = check({**SMALL, **changes})
    for _ in train(config, folder):
        pass
    return folder / config.run_name
