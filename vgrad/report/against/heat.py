"""A value over two keys as a heat map: a square for each pair, shaded by the mean over seeds, with the number in it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from vgrad.report.against.lines import lost
from vgrad.report.against.roles import Plan, heading, short, told
from vgrad.report.keys import Scalar
from vgrad.report.panels import Options, new_figure
from vgrad.report.series import keyed
from vgrad.report.table import Cell
from vgrad.report.values import Value
from vgrad.text.numbers import significant

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

CHARACTERS = 17.0
"""Of small print in an inch: where numbers do not fit into their squares, only shades are left."""
BESIDE = 1.9
"""Inches that names, and the bar of shades, take from the squares."""


def heat(plan: Plan, options: Options) -> Figure:
    """The figure: a row of panels a value, with one scale of shades, a column a content of the panel key."""
    contents = plan.contents.get("panel", [None])
    down = len(plan.contents["down"])
    high = max(1.3, min(3.5, 0.32 * down + 0.5))
    figure = new_figure(options.width, high * len(plan.values) + 0.45)
    every = figure.subplots(len(plan.values), len(contents), squeeze=False, sharex=True, sharey=True)
    for row, value in enumerate(plan.values):
        _row(figure, list(every[row]), plan, value, options)
    for axes, content in zip(every[0], contents, strict=True):
        if "panel" in plan.keys:
            axes.set_title(keyed(plan.keys["panel"], told(content)), fontsize="medium")
    for axes in every[-1]:
        axes.set_xlabel(short(plan.keys["x"]))
    for axes in every[:, 0]:
        axes.set_ylabel(short(plan.keys["down"]))
    return figure


def _row(figure: Figure, drawn: list[Axes], plan: Plan, value: Value, options: Options) -> None:
    """One value: its panels share the scale."""
    from matplotlib.colors import LogNorm, Normalize

    scale = 100.0 if value.kind == "accuracy" else 1.0
    contents = plan.contents.get("panel", [None])
    images = [
        np.array([[scale * _shade(cell) for cell in row] for row in _cells(plan, value, each)]) for each in contents
    ]
    finite = np.concatenate([image[np.isfinite(image)] for image in images])
    low, high = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 1.0)
    logarithmic = options.scale == "log" or (options.scale is None and value.kind == "factor")
    norm = LogNorm(low, high) if logarithmic and finite.size and low > 0 else Normalize(low, high)
    room = CHARACTERS * (options.width - BESIDE) / len(drawn) / len(plan.contents["x"])
    fits = _fits(images, room)
    mesh: Any = None
    for axes, content, image in zip(drawn, contents, images, strict=True):
        axes.set_facecolor("0.93")
        mesh = axes.pcolormesh(
            np.ma.masked_invalid(image), cmap="viridis", norm=norm, edgecolors="white", linewidth=0.5
        )
        for role, ticks, labels in (("x", axes.set_xticks, 35), ("down", axes.set_yticks, 0)):
            names = [told(each) for each in plan.contents[role]]
            steep = bool(labels) and sum(map(len, names)) > 8 * options.width / len(drawn)
            turned: dict[str, Any] = {"rotation": labels, "ha": "right"} if steep else {}
            ticks(np.arange(len(names)) + 0.5, names, **turned)
        axes.grid(visible=False)
        if not all(isinstance(each, int | float) for each in plan.contents["down"]):
            axes.set_ylim(len(plan.contents["down"]), 0)  # names are read from the top
        if fits:
            _numbers(axes, _cells(plan, value, content), image, norm, room)
    figure.colorbar(mesh, ax=drawn, label=heading(value))


def _cells(plan: Plan, value: Value, panel: Scalar) -> list[list[Cell | None]]:
    """By content of the second key, then of the first."""
    return [
        [plan.cell(value, x=x, down=each, panel=panel) for x in plan.contents["x"]] for each in plan.contents["down"]
    ]


def _shade(cell: Cell | None) -> float:
    if cell is None or cell.estimate is None or (cell.kind == "factor" and not cell.multiplicative):
        return math.nan
    return cell.estimate.median if cell.kind == "count" else cell.estimate.center


def _numbers(axes: Axes, cells: list[list[Cell | None]], image: Any, norm: Any, room: float) -> None:
    """Each square's number, or what became of its runs; a square without runs stays empty."""
    for (row, column), shade in np.ndenumerate(image):
        cell = cells[row][column]
        if cell is None:
            continue
        known = math.isfinite(shade)
        if known:
            text = significant(float(shade)) + ("*" if lost(cell) else "")
        else:
            words = ", ".join(lost(cell))
            text = words if 0 < len(words) <= room else "×" if words else "–"
        color = "white" if known and float(norm(shade)) < 0.6 else "black"
        axes.text(column + 0.5, row + 0.5, text, ha="center", va="center", fontsize=7, color=color)


def _fits(images: Sequence[Any], room: float) -> bool:
    """Whether every number of these panels has room in its square."""
    numbers = np.concatenate([image[np.isfinite(image)] for image in images])
    return max((len(significant(float(each))) for each in numbers), default=0) <= room
