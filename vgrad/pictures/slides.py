"""Pictures at the size of a slide, 16 to 9, with letters that can be read from the last row; inside `styled()`."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WIDTH, HEIGHT = 12.8, 7.2
INK = {"font.size": 15.0, "legend.fontsize": 13.0, "lines.linewidth": 2.4, "axes.titlesize": 16.0, "savefig.dpi": 150}
FACTOR, RUNNING, OTHER = "#31688e", "#c44e2b", "0.45"
"""One colour for factors, one for products, one for what they are compared with; they differ in grey, too."""


def slide(panels: int, title: str) -> tuple[Figure, list[Axes]]:
    """A figure with so many panels: beside each other, four in two rows."""
    import matplotlib as mpl
    from matplotlib.figure import Figure
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    for name, value in INK.items():
        mpl.rcParams[name] = value  # type: ignore[index]  # `styled` takes it back
    figure = Figure(figsize=(WIDTH, HEIGHT), layout=ConstrainedLayoutEngine(w_pad=0.12, h_pad=0.12))
    rows = 2 if panels > 3 else 1
    axes = figure.subplots(rows, -(-panels // rows), squeeze=False)
    figure.suptitle(title, fontsize=19)
    return figure, list(axes.flat)[:panels]


def decades(axes: Axes, low: float, high: float, room: float = 0.0) -> None:
    """A vertical axis of log10 values from low to high, with `room` of its height more above, written as powers of ten;
    as 0.2, 0.5, 1 where there are few decades.

    An axis of logarithms, because a product of a thousand factors is beyond what a log axis can hold.
    """
    from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator

    few = high - low < 2.5
    steps = [math.log10(digit) + power for power in range(-400, 400) for digit in (1, 2, 5) if few]
    inside = [step for step in steps if low <= step <= high]
    axes.yaxis.set_major_locator(FixedLocator(inside) if few else MaxNLocator(6, integer=True, min_n_ticks=1))
    axes.yaxis.set_major_formatter(
        FuncFormatter(lambda value, _: f"{10**value:.1g}" if few and abs(value) < 4 else f"$10^{{{value:.0f}}}$")
    )
    axes.set_ylim(low, high + room * (high - low))


def layers(axes: Axes, label: str) -> None:
    """A horizontal axis of whole numbers."""
    from matplotlib.ticker import MaxNLocator

    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_xlabel(label)


def extent(*groups: object) -> tuple[float, float]:
    """The least and the greatest finite number in the groups, and 0; rounded outwards, with a little space."""
    import numpy as np

    values = np.concatenate([np.ravel(np.asarray(group, dtype=np.float64)) for group in groups])
    finite = np.append(values[np.isfinite(values)], 0.0)
    low, high = float(finite.min()), float(finite.max())
    space = max(0.06 * (high - low), 0.1)
    return low - space, high + space
