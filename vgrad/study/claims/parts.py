"""A claim taken apart: its parts, each a row of numbers over seeds and how far each of them supports the claim.

The numbers behind a claim are columns over seeds, by the place in the grid and the spot in the run; NaN is a seed that
has none. A form makes parts of them: an ordering one for each pair of cells, epoch and layer; a bound one for each
cell; a constancy one for each pair of places along its axis; a slope one for each line.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from vgrad.study.claims.forms import LAYER, Claim
from vgrad.study.claims.places import Cell, Place, is_inside, settled, without
from vgrad.study.claims.quantities import Numbers, Spot
from vgrad.study.claims.spread import variances
from vgrad.study.joint import Array

Runs = Sequence[tuple[Place, Sequence[Numbers | None]]]
"""Points of the grid, each with the numbers of every seed; None for a run that is not there."""
Where = tuple[tuple[str, str], ...]
Columns = dict[tuple[Where, Spot], Array]
Predict = Callable[[Place, Spot], float]
"""What theory says of a spot of the runs of a place."""


@dataclass(frozen=True)
class Part:
    """`values` are on the scale that people read: differences or quotients of an ordering, whose `sides` are the two
    that they are of; what is bound; quotients of a constancy, and to theory. `supports` are one column, or two where
    there are two ends."""

    label: str
    values: Array
    supports: Sequence[Array]
    sides: tuple[Array, Array] | None = None


def columns(runs: Runs, cell: Cell, claim: Claim) -> Columns:
    """The numbers of a cell, the best of an axis taken where the claim asks for it."""
    found: Columns = {}
    for place, seeds in runs:
        if not is_inside(cell, place):
            continue
        spots = dict.fromkeys(spot for numbers in seeds for spot in numbers or ()) or {Spot(): None}
        for spot in spots:
            column = np.array([(numbers or {}).get(spot, math.nan) for numbers in seeds])
            found[tuple(place.items()), spot] = column
    found = _best(found, claim.best.over, claim.best.pick) if claim.best else found
    if claim.over_seeds is None:
        return found
    logarithmic = claim.spreads_by_factors
    return {at: variances(column, logarithmic=logarithmic) for at, column in found.items()}


def _best(found: Columns, over: str, pick: str) -> Columns:
    groups: dict[tuple[Where, Spot], list[Array]] = {}
    for (where, spot), column in found.items():
        groups.setdefault((tuple(each for each in where if each[0] != over), spot), []).append(column)
    choose = np.fmax if pick == "greatest" else np.fmin
    return {at: choose.reduce(group) for at, group in groups.items()}


def parts(claim: Claim, own: Columns, other: Columns, predict: Predict) -> list[Part]:
    """The parts of a claim, from the numbers of its cell and of the other side; none where its cells are not here."""
    made: Mapping[str, Callable[[], Iterator[Part]]] = {
        "ordering": lambda: _ordering(claim, own, other),
        "bound": lambda: _bound(claim, own),
        "constancy": lambda: _constancy(claim, own),
        "slope": lambda: _slope(claim, own),
        "theory": lambda: _theory(claim, own, predict),
    }
    return list(made[claim.form]())


def label(where: Where, spot: Spot) -> str:
    """`layers.depth=30, epoch 2`."""
    told = [f"{axis}={value}" for axis, value in where]
    return ", ".join([*told, *([spot.label] if spot.label else [])])


def _ordering(claim: Claim, own: Columns, other: Columns) -> Iterator[Part]:
    form, fixed = claim.ordering, settled(*claim.cells.values())
    assert form is not None
    theirs = {(_free(where, fixed), spot): column for (where, spot), column in other.items()}
    least = math.log10(form.factor or 1.0) if claim.by_factors else form.margin or 0.0
    sign = 1.0 if form.below is None else -1.0
    for (where, spot), column in own.items():
        free = _free(where, fixed)
        if (free, spot) not in theirs:
            continue
        against = theirs[free, spot]
        off = _less(scaled(column, claim), scaled(against, claim))
        yield Part(label(free, spot), natural(off, claim), [sign * off - least], (column, against))


def _free(where: Where, fixed: set[str]) -> Where:
    return tuple(each for each in where if each[0] not in fixed)


def _bound(claim: Claim, own: Columns) -> Iterator[Part]:
    assert claim.bound is not None
    shown = _varying(own)
    for (where, spot), column in own.items():
        yield Part(label(shown(where), spot), column, _between(column, claim.bound.above, claim.bound.below, claim))


def _constancy(claim: Claim, own: Columns) -> Iterator[Part]:
    assert claim.constancy is not None
    wide = math.log10(1 + claim.constancy.within / 100)
    for rest, line in _lines(own, claim.constancy.along).items():
        for (first, one), (second, two) in itertools.combinations(line, 2):
            off = _less(scaled(one, claim), scaled(two, claim))
            told = f"{claim.constancy.along} {first} to {second}"
            yield Part(f"{rest}, {told}" if rest else told, natural(off, claim), [wide - off, wide + off], (one, two))


def _slope(claim: Claim, own: Columns) -> Iterator[Part]:
    form = claim.slope
    assert form is not None
    for rest, line in _lines(own, form.along).items():
        if len(line) < 2:
            continue
        x = np.array([float(at) for at, _ in line])
        y = np.array([scaled(column, claim) for _, column in line])
        off = x - x.mean()
        with np.errstate(invalid="ignore"):  # of what was never reached there is none
            found = natural(off @ (y - y.mean(axis=0)) / (off @ off), claim)
        yield Part(rest, found, _between(found, form.above, form.below, claim))


def _theory(claim: Claim, own: Columns, predict: Predict) -> Iterator[Part]:
    assert claim.theory is not None
    wide, shown = math.log10(1 + claim.theory.within / 100), _varying(own)
    for (where, spot), column in own.items():
        predicted = np.full(len(column), predict(dict(where), spot))
        off = _less(scaled(column, claim), scaled(predicted, claim))
        told = label(shown(where), spot)
        yield Part(told, natural(off, claim), [wide - off, wide + off], (column, predicted))


def _lines(own: Columns, along: str) -> dict[str, list[tuple[str, Array]]]:
    """The columns along an axis, or along layers, by the label of what else they differ in."""
    found: dict[tuple[Where, Spot], list[tuple[str, Array]]] = {}
    for (where, spot), column in own.items():
        if along == LAYER:
            found.setdefault((where, Spot(spot.epoch)), []).append((str(spot.layer), column))
        else:
            rest = tuple(without(dict(where), {along}).items())
            found.setdefault((rest, spot), []).append((dict(where)[along], column))
    shown = _varying(found)
    return {label(shown(where), spot): line for (where, spot), line in found.items()}


def _varying(found: Mapping[tuple[Where, Spot], object]) -> Callable[[Where], Where]:
    """What to tell of a place: the axes on which these differ."""
    seen: dict[str, set[str]] = {}
    for where, _ in found:
        for axis, value in where:
            seen.setdefault(axis, set()).add(value)
    return lambda where: tuple(each for each in where if len(seen[each[0]]) > 1)


def _between(column: Array, above: float | None, below: float | None, claim: Claim) -> list[Array]:
    """How far inside each end."""
    x, found = scaled(column, claim), list[Array]()
    if above is not None:
        found.append(_less(x, scaled(np.full(len(x), above), claim)))
    if below is not None:
        found.append(_less(scaled(np.full(len(x), below), claim), x))
    return found


def scaled(column: Array, claim: Claim) -> Array:
    """On the scale on which seeds spread: log10, NaN of what has none, or as it is."""
    if not claim.by_factors:
        return column
    found: Array = np.log10(np.where(column > 0, column, np.nan))
    return found


def natural(column: Array, claim: Claim) -> Array:
    """Back from that scale; what was never reached is infinitely far."""
    if not claim.by_factors:
        return column
    found: Array = 10.0 ** np.where(np.isinf(column), column, np.clip(column, -300, 300))
    return found


def _less(x: Array, y: Array) -> Array:
    """x - y; NaN where both are infinite: neither was reached."""
    with np.errstate(invalid="ignore"):
        found: Array = x - y
    return found
