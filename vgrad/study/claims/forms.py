"""The keys of a claim in a study's file, and what of them does not fit the experiment's grid.

    - text: Thirty layers train with He's initialization and stall with Glorot's     as the paper says it
      source: section 4.1, figure 3
      measure: {name: monitor, monitor: validation_accuracy}                         an entry of QUANTITIES
      ordering: {of: {init: he_normal}, above: {init: glorot_normal}, margin: 0.2}   one of the forms

Forms: `ordering`, `bound`, `constancy`, `slope`, `theory`. A cell names axes of the grid with the value that they have
there, or a list of them; an axis that it does not name has all of its values. What a claim says, it says of each of its
cells, and of each epoch and layer that its measure gives.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field, model_validator

from vgrad.config.choice import Choice, ChoiceOf
from vgrad.config.config import Config
from vgrad.config.problems import STRICT, Path, Problem, Problems
from vgrad.registry import did_you_mean
from vgrad.study.claims.places import Cell, Place, distinct, is_inside, settled, sides, values, without
from vgrad.study.claims.quantities import QUANTITIES, Quantity, scale_of, unfit

measured = ChoiceOf(QUANTITIES, "measure")
LAYER = "layer"
Percent = Annotated[float, Field(gt=0, lt=100)]
PREDICTED = "delta_norm"
"""The probe of which theory has a prediction."""


class Ordering(BaseModel):
    """One cell above or below another one, cell by cell over the axes that neither names; by more than a `margin`, or
    by more than a `factor`. `measure` is that of the other side where it is another one."""

    model_config = STRICT
    of: Cell
    above: Cell | None = None
    below: Cell | None = None
    margin: Annotated[float, Field(ge=0)] | None = None
    factor: Annotated[float, Field(ge=1)] | None = None
    measure: Annotated[Choice, measured.field] | None = None

    @model_validator(mode="after")
    def _fits(self) -> Ordering:
        if (self.above is None) == (self.below is None):
            raise Problems.one("needs `above` or `below`, one of them: the other cell")
        if self.margin is not None and self.factor is not None:
            raise Problems.one("a margin and a factor: leave one of them out", "factor")
        return self

    @property
    def other(self) -> Cell:
        """The other side."""
        return (self.below if self.above is None else self.above) or {}


class _Between(BaseModel):
    """Ends, one or both of them."""

    model_config = STRICT
    of: Cell = {}
    above: float | None = None
    below: float | None = None

    @model_validator(mode="after")
    def _fits(self) -> _Between:
        if self.above is None and self.below is None:
            raise Problems.one("needs `above`, `below` or both")
        if self.above is not None and self.below is not None and self.above >= self.below:
            raise Problems.one(f"above {self.above:g} and below {self.below:g}: nothing lies between", "below")
        return self


class Bound(_Between):
    """Above a number, below one, or between two."""


class Slope(_Between):
    """How much it changes `along` an axis of numbers, or `layer`, from one to the next: by the least-squares slope, as
    a factor where seeds spread by factors."""

    along: str


class Constancy(BaseModel):
    """The values `along` an axis, or `layer`, are `within` so many percent of one another, pair by pair."""

    model_config = STRICT
    of: Cell = {}
    along: str
    within: Percent


class Theory(BaseModel):
    """`within` so many percent of what mean-field theory predicts before training."""

    model_config = STRICT
    of: Cell = {}
    within: Percent


class Best(BaseModel):
    """The best of an axis, seed by seed: a learning rate that was searched for."""

    model_config = STRICT
    over: str
    pick: Literal["greatest", "least"]


FORMS = ("ordering", "bound", "constancy", "slope", "theory")


class Claim(BaseModel):
    """What a paper says of an experiment, in a form that can be tested."""

    model_config = STRICT
    text: Annotated[str, Field(min_length=1, max_length=300)]
    source: Annotated[str, Field(min_length=1, max_length=200)]
    measure: Annotated[Choice, measured.field]
    scale: Literal["log", "linear"] | None = None
    best: Best | None = None
    over_seeds: Literal["variance"] | None = None
    quick: bool = True
    ordering: Ordering | None = None
    bound: Bound | None = None
    constancy: Constancy | None = None
    slope: Slope | None = None
    theory: Theory | None = None

    @model_validator(mode="after")
    def _fits(self) -> Claim:
        forms = [name for name in FORMS if getattr(self, name) is not None]
        if len(forms) != 1:
            found = " and ".join(forms) or "none"
            raise Problems.one(f"needs one form of {', '.join(FORMS)}; found {found}", *forms[1:2])
        if self.over_seeds and self.theory:
            raise Problems.one("theory is of seeds, not of how they differ; leave it out", "over_seeds")
        if self.over_seeds and self.ordering and self.ordering.margin is not None:
            raise Problems.one("variances differ by factors; write factor", "ordering", "margin")
        scale = {"constancy": "log", "theory": "log"}.get(forms[0], self.scale or "log")
        scale = (self.scale or scale) if self.over_seeds else scale
        if self.scale not in (None, scale) or (self.scale == "linear" and self.ordering and self.ordering.factor):
            raise Problems.one("is of factors; leave it out", "scale")
        return self

    @property
    def form(self) -> str:
        """The name of its form."""
        return next(name for name in FORMS if getattr(self, name) is not None)

    @property
    def by_factors(self) -> bool:
        """Whether seeds spread by factors: what is compared is log10."""
        if self.ordering and (self.ordering.factor or self.ordering.margin):
            return self.ordering.factor is not None
        forced = self.form in ("constancy", "theory") or self.over_seeds is not None
        return forced or self.spreads_by_factors

    @property
    def spreads_by_factors(self) -> bool:
        """Whether the seeds of its measure do."""
        return (self.scale or scale_of(self.measure.name, self.measure.parameters)) == "log"

    @property
    def along(self) -> str | None:
        """The axis, or `layer`, of a constancy or slope."""
        found: str | None = getattr(getattr(self, self.form), "along", None)
        return found

    @property
    def cells(self) -> dict[str, Cell]:
        """Its cells, by the key below the form."""
        form: Any = getattr(self, self.form)
        if not self.ordering:
            return {"of": form.of}
        return {"of": self.ordering.of, "below" if self.ordering.above is None else "above": self.ordering.other}


def quantity(choice: Choice) -> Quantity:
    """The function of a run that an entry of QUANTITIES gives with these parameters."""
    return QUANTITIES[choice.name](**choice.parameters)


def problems(claim: Claim, places: Sequence[Place], configs: Sequence[Config]) -> Iterator[Problem]:
    """What of a claim does not fit the points of the grid, and the runs that they have."""
    axes = list(places[0]) if places else []
    if claim.best and claim.best.over not in axes:
        yield Problem(("best", "over"), f"no axis {claim.best.over!r} of the grid{did_you_mean(claim.best.over, axes)}")
        return
    searched = {claim.best.over} if claim.best else set[str]()
    left = distinct([without(place, searched) for place in places])
    axes = [axis for axis in axes if axis not in searched]
    strange = [
        problem for key, cell in claim.cells.items() for problem in _strange(cell, (claim.form, key), axes, left)
    ]
    yield from strange
    if claim.ordering and not strange:
        yield from _unlike(claim, left)
    along = claim.along
    if along is not None and along not in (*axes, LAYER):
        yield Problem((claim.form, "along"), f"no axis {along!r} of the grid{did_you_mean(along, [*axes, LAYER])}")
    elif claim.slope and along != LAYER and not all(_is_number(place[str(along)]) for place in left):
        yield Problem((claim.form, "along"), f"{along} has values that are no numbers")
    ends = [] if not claim.by_factors else [(claim.form, end) for end in ("above", "below")]
    for path in ends if claim.bound or claim.slope else []:
        end = getattr(claim.bound or claim.slope, path[1])
        if end is not None and end <= 0:
            yield Problem(path, "must be above 0, where seeds spread by factors; or write scale: linear")
    yield from _of_measure(claim)
    points = [at for at, place in enumerate(places) if is_inside(claim.cells["of"], place)]
    yield from _unfit(claim.measure, ("measure",), [configs[at] for at in points])
    if claim.ordering and claim.ordering.measure:
        points = [at for at, place in enumerate(places) if is_inside(claim.ordering.other, place)]
        yield from _unfit(claim.ordering.measure, ("ordering", "measure"), [configs[at] for at in points])


def _of_measure(claim: Claim) -> Iterator[Problem]:
    """What a form asks of its measure."""
    name, parameters = claim.measure.name, claim.measure.parameters
    layers = parameters.get(LAYER)
    if claim.along == LAYER and not (layers == "every" or (isinstance(layers, list) and min(layers, default=0) > 0)):
        yield Problem(("measure",), "needs several layers; write layer: every, or a list of numbers")
    if claim.theory and (name, parameters.get("epoch"), parameters.get("probe")) != ("probe", 0, PREDICTED):
        yield Problem(("measure",), f"theory predicts {{name: probe, probe: {PREDICTED}}} at epoch 0")


def _unfit(choice: Choice, path: Path, configs: Sequence[Config]) -> Iterator[Problem]:
    """What of a quantity these runs do not have, each told once."""
    found = dict.fromkeys(told for config in configs for told in unfit(choice.name, choice.parameters, config))
    yield from (Problem((*path, key), message) for key, message in found)


def _strange(cell: Cell, path: Path, axes: Sequence[str], places: Sequence[Place]) -> Iterator[Problem]:
    """Axes and values of a cell that the grid does not have."""
    before = False
    for axis in cell:
        if axis not in axes:
            yield Problem((*path, axis), f"no axis of the grid{did_you_mean(axis, axes)}", at_key=True)
            before = True
            continue
        known = list(dict.fromkeys(place[axis] for place in places if axis in place))
        missing = next((value for value in values(cell, axis) or () if value not in known), None)
        if missing is not None:
            yield Problem((*path, axis), f"is never {missing}{did_you_mean(missing, known)}")
            before = True
    if not before and not any(is_inside(cell, place) for place in places):
        yield Problem(path, "no point of the grid is like this")


def _unlike(claim: Claim, places: Sequence[Place]) -> Iterator[Problem]:
    """Cells of an ordering that do not stand in pairs."""
    fixed = settled(*claim.cells.values())
    found = {key: sides(cell, fixed, places) for key, cell in claim.cells.items()}
    for key, points in found.items():
        several = next((each for each in points.values() if len(each) > 1), None)
        if several:
            axis = next(axis for axis in several[0] if several[0][axis] != several[1][axis])
            yield Problem((claim.form, key), f"has several cells for one of the other side; say which {axis}")
            return
    first, second = found.values()
    if set(first) != set(second):
        yield Problem((claim.form, list(found)[1]), "has other cells than the first side; give both the same values")


def _is_number(text: str) -> bool:
    try:
        return math.isfinite(float(text))
    except ValueError:
        return False
