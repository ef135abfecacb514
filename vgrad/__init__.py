"""vgrad measures how fast each layer of a neural network learns, and why the early ones stop."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vgrad.version import VERSION as __version__

if TYPE_CHECKING:
    from pandas import DataFrame

    from vgrad.report.frames import Paths

__all__ = ["__version__", "load_runs"]


def load_runs(paths: Paths = "runs", *, table: str = "runs") -> DataFrame:
    """Runs as a data frame: a row a run, or of `table` metrics, gradients or neurons; see vgrad.report.frames."""
    from vgrad.report.frames import load_runs as load  # not before it is asked for: vgrad --help must be quick

    return load(paths, table=table)
