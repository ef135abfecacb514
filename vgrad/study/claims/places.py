"""Cells of a claim among the points of the grid: which points one has, and which of two sides belong together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from vgrad.document.writer import spell

Cell = dict[str, Any]
"""Axes with the value that they have, or a list of them; an axis that is not named has all of its values."""
Place = Mapping[str, str]
"""A point of the grid: the value on every axis, as it is spelled."""


def values(cell: Cell, axis: str) -> list[str] | None:
    """The values of an axis that a cell has, as they are spelled; None for all."""
    if axis not in cell:
        return None
    wanted = cell[axis]
    return [spell(each) for each in (wanted if isinstance(wanted, list) else [wanted])]


def is_inside(cell: Cell, place: Place) -> bool:
    """Whether a point is one of a cell."""
    return all(place.get(axis) in (values(cell, axis) or ()) for axis in cell)


def without(place: Place, axes: Sequence[str] | set[str]) -> Place:
    """A point without some axes."""
    return {axis: value for axis, value in place.items() if axis not in axes}


def distinct(places: Sequence[Place]) -> list[Place]:
    """Each point once."""
    return list({tuple(place.items()): place for place in places}.values())


def settled(*cells: Cell) -> set[str]:
    """The axes of which one of two sides has a single value: the other axes have to agree between them."""
    return {axis for cell in cells for axis, value in cell.items() if not isinstance(value, list)}


def sides(cell: Cell, fixed: set[str], places: Sequence[Place]) -> dict[tuple[tuple[str, str], ...], list[Place]]:
    """The points of one side, by what they have on the axes that are not `fixed`."""
    found: dict[tuple[tuple[str, str], ...], list[Place]] = {}
    for place in places:
        if is_inside(cell, place):
            found.setdefault(tuple(without(place, fixed).items()), []).append(place)
    return found
