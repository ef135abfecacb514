"""Small networks, really trained: the runs that reports are tested on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import runs_factory

SMALL: dict[str, Any] = {"name": "small", "layers": [64, 8, 10], "epochs": 3, "data": {"name": "digits", "train": 200}}


def trained(folder: Path, **changes: Any) -> Path:
    """The directory of a small run with these changes to its config."""
    return runs_factory.trained(folder, {**SMALL, **changes})
