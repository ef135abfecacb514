"""vgrad measures how fast each layer of a neural network learns, and why the early ones stop.

import vgrad
run = vgrad.train("configs/quickstart.yaml", epochs=5)      # a Run; its .metrics and .gradients are data frames
runs = vgrad.sweep("configs/quickstart.yaml", grid={"layers.depth": [1, 2, 3]}, seeds=3)
vgrad.compare(runs, values=["validation_accuracy", "last_first_ratio"])       # a data frame, with .to_latex()
vgrad.plot(runs, x="depth", y="last_first_ratio")                             # a matplotlib figure
vgrad.load_runs("runs")                                                       # a data frame, a row a run
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from vgrad.version import VERSION as __version__

if TYPE_CHECKING:
    from vgrad.errors import VgradError
    from vgrad.notebook.comparison import compare
    from vgrad.notebook.figures import plot
    from vgrad.notebook.runs import Run, Runs
    from vgrad.notebook.training import sweep, train
    from vgrad.report.frames import load_runs

__all__ = ["Run", "Runs", "VgradError", "__version__", "compare", "load_runs", "plot", "sweep", "train"]

_PLACES = {
    "Run": "vgrad.notebook.runs",
    "Runs": "vgrad.notebook.runs",
    "VgradError": "vgrad.errors",
    "compare": "vgrad.notebook.comparison",
    "load_runs": "vgrad.report.frames",
    "plot": "vgrad.notebook.figures",
    "sweep": "vgrad.notebook.training",
    "train": "vgrad.notebook.training",
}


def __getattr__(name: str) -> Any:
    """Loads a name when it is first asked for: `vgrad --help` must be quick."""
    if name not in _PLACES:
        raise AttributeError(f"module 'vgrad' has no attribute {name!r}")
    found = globals()[name] = getattr(import_module(_PLACES[name]), name)
    return found


def __dir__() -> list[str]:
    return sorted(__all__)
