"""What a theory command has found, and how it is told: in lines, as a plain tree, as a picture."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class Answer:
    """Each way to tell it is made when it is asked for.

    `lines` takes the width and whether there is more than ASCII; `tree` holds finite numbers, None for others;
    `about` and `runs` are written into the picture's file. `problem` is told after the answer, with exit code 1.
    """

    lines: Callable[[int, bool], list[str]]
    tree: Callable[[], dict[str, Any]]
    figure: Callable[[], Figure]
    about: str = ""
    runs: str = "none"
    problem: str = ""


def plain(value: Any) -> Any:
    """Lists, dicts and finite numbers."""
    if isinstance(value, dict):
        return {key: plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [plain(inner) for inner in value]
    if isinstance(value, np.ndarray):
        return plain(value.tolist())
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value
