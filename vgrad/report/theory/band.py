"""What theory predicts as a band, with the measured networks on it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from vgrad.report.panels import BAND
from vgrad.report.runs import Run
from vgrad.report.series import Array, Group
from vgrad.report.theory.expectations import expectation, silent

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def on_theory(axes: Axes, found: Group, norms: Array, style: Mapping[str, Any]) -> bool:
    """Every network's norms before training, (networks, H), as points on the band in which theory has 95 % of all
    networks, around a line of its geometric mean; False, with nothing drawn, where theory says nothing."""
    expected = expectation(found.runs[0])
    if isinstance(expected, str):
        return False
    hidden = np.arange(1, norms.shape[1] + 1)
    layers = [expected.of(int(layer)) for layer in hidden]
    low, middle, high = (
        np.array([math.nan if each is None else getattr(each, name) for each in layers])
        for name in ("low", "geometric", "high")
    )
    axes.fill_between(hidden, low, high, color=style["color"], alpha=BAND, linewidth=0)
    axes.plot(hidden, middle, **style)
    for row in norms:
        axes.plot(hidden, np.where(row > 0, row, np.nan), "o", markersize=3.0, color=style["color"], alpha=0.8)
    return True


def unpredicted(runs: Sequence[Run]) -> list[str]:
    """A line for each reason why theory says nothing of some of these runs."""
    return [f"{of[0].label}: no band: {why}" for why, of in silent(runs).items()]
