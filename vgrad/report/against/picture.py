"""The kind `values` of `vgrad plot`: lines, or a heat map where two keys are named for the axes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from vgrad.report.against.heat import heat
from vgrad.report.against.lines import lines
from vgrad.report.against.roles import plan
from vgrad.report.panels import Options
from vgrad.report.runs import Run

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def values(runs: Sequence[Run], options: Options) -> Figure:
    """Values against config keys, each point over the seeds of one config: geometric means for norms and ratios."""
    found = plan(runs, options)
    return heat(found, options) if "down" in found.keys else lines(found, options)
