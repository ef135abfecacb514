"""A sheet of examples that are no images: points of the plane by class, or how the numbers of columns are spread."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from vgrad.pictures.style import colour

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MOST_POINTS, MOST_COLUMNS, MOST_CLASSES = 2000, 12, 12
BINS = 30


def plane(points: NDArray[np.float64], labels: NDArray[np.int64], names: Sequence[str], title: str) -> Figure:
    """`points` (n, 2), each in the colour of its class."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(4.6, 4.0), layout="constrained")
    axes = figure.subplots()
    for number, name in enumerate(names):
        chosen = points[labels == number][:MOST_POINTS]
        told = name if len(names) <= MOST_CLASSES else None
        axes.plot(
            chosen[:, 0],
            chosen[:, 1],
            "os^DvPX"[number % 7],
            color=colour(number, len(names)),
            markersize=3,
            label=told,
        )
    axes.set_title(title, fontsize="medium")
    axes.set_aspect("equal", adjustable="datalim")
    if len(names) <= MOST_CLASSES:
        axes.legend()
    return figure


def columns(x: NDArray[np.float64], names: Sequence[str], title: str) -> Figure:
    """A histogram of each of the first columns of x (n, k)."""
    from matplotlib.figure import Figure

    shown = min(len(names), MOST_COLUMNS)
    across = min(4, shown)
    down = math.ceil(shown / across)
    figure = Figure(figsize=(max(3.4, 1.6 * across), 1.3 * down + 0.4), layout="constrained")
    for index, axes in enumerate(figure.subplots(down, across, squeeze=False).flat):
        if index >= shown:
            axes.remove()
            continue
        axes.hist(x[:, index], bins=BINS, color=colour(0, 2))
        axes.set_title(names[index], fontsize="small")
        axes.set_yticks([])
    more = f", {shown} of {len(names)} columns" if shown < len(names) else ""
    figure.suptitle(title + more, fontsize="medium")
    return figure
