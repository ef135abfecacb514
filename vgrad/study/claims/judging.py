"""The claims of an experiment judged: numbers read from its runs, taken apart, tested, and put into rows."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from vgrad.config.choice import Choice
from vgrad.errors import ConfigError, VgradError
from vgrad.runs.stored import StoredRun
from vgrad.statistics import LEAST, arithmetic, geometric
from vgrad.study.claims.evidence import FEWEST, detectable, weigh
from vgrad.study.claims.forms import Claim, quantity
from vgrad.study.claims.parts import Part, columns, parts
from vgrad.study.claims.places import Place, is_inside
from vgrad.study.claims.quantities import Spot
from vgrad.study.joint import Array
from vgrad.study.outcome import Claim as Row
from vgrad.study.outcome import ClaimPart

MOST_PARTS = 2000
Points = Sequence[tuple[Place, Sequence[StoredRun | None]]]


def judge(claims: Sequence[Claim], letter: str, points: Points, *, quick: bool) -> list[Row]:
    """The rows of the claims of the experiment `letter`."""
    predict = _Theory(points)
    found = []
    for number, claim in enumerate(claims, 1):
        name = f"{letter}.{number}"
        if quick and not claim.quick:
            found.append(_unjudged(name, letter, claim, "not part of a quick look"))
            continue
        try:
            made = _parts(claim, points, predict)
        except VgradError as error:  # theory does not hold of such networks
            found.append(_unjudged(name, letter, claim, error.problems[0][:200]))
            continue
        if not made:
            found.append(_unjudged(name, letter, claim, "its cells are not among these runs"))
        elif len(made) > MOST_PARTS:
            found.append(_unjudged(name, letter, claim, f"more than {MOST_PARTS} parts; make several claims of it"))
        else:
            found.append(_row(name, letter, claim, made).model_copy(update={"runs": _runs(claim, points)}))
    return found


def _runs(claim: Claim, points: Points) -> list[str]:
    """The names of the runs behind a claim."""
    cells = claim.cells.values()
    behind = [seeds for place, seeds in points if any(is_inside(cell, place) for cell in cells)]
    return [run.path.name for seeds in behind for run in seeds if run]


def _parts(claim: Claim, points: Points, predict: _Theory) -> list[Part]:
    own, *other = claim.cells.values()
    measures = [claim.measure, (claim.ordering and claim.ordering.measure) or claim.measure]
    found = []
    for cell, measure in zip([own, *other], measures, strict=False):
        of = quantity(measure)
        runs = [(place, [None if run is None else of(run) for run in seeds]) for place, seeds in points]
        found.append(columns(runs, cell, claim))
    layer = claim.measure.parameters.get("layer")
    return parts(claim, found[0], found[-1], lambda place, spot: predict(place, spot, layer))


class _Theory:
    """What mean-field theory says of ||delta^l|| at the start of the runs of a point."""

    def __init__(self, points: Points) -> None:
        self._runs = [(place, next((run for run in seeds if run), None)) for place, seeds in points]

    def __call__(self, place: Place, spot: Spot, layer: Any) -> float:
        """Of the layer of a spot, or of the one that is asked for; NaN where there is no run, or too small a number for
        theory. ConfigError where it is not about such networks."""
        from vgrad.theory.propagation.expected import of_run

        run = next(run for known, run in self._runs if dict(known) == dict(place))
        if run is None:
            return math.nan
        norms = of_run(run)
        if isinstance(norms, str):
            raise ConfigError(norms)
        asked: Any = layer if spot.layer is None else spot.layer
        last = len(run.config.sizes) - 1
        found = norms.of(last if asked == "output" else asked if asked > 0 else last + asked)
        return found.geometric if found else math.nan


def _unjudged(name: str, letter: str, claim: Claim, why: str) -> Row:
    return Row(
        **_head(name, letter, claim), n=0, agree=0, p=None, against=None, verdict="cannot tell", why=why, parts=[]
    )


def _head(name: str, letter: str, claim: Claim) -> dict[str, Any]:
    return {
        "claim": name,
        "experiment": letter,
        "text": claim.text,
        "source": claim.source,
        "measure": _told(claim)[:300],
        "claimed": claimed(claim),
        "scale": "log" if claim.by_factors else "linear",
    }


def _told(claim: Claim) -> str:
    parameters = {key: value for key, value in claim.measure.parameters.items() if value is not None}
    best = f", {claim.best.pick} over {claim.best.over}" if claim.best else ""
    over = f", {claim.over_seeds} over seeds" if claim.over_seeds else ""
    return f"{Choice(claim.measure.name, parameters)}{best}{over}"


def claimed(claim: Claim) -> str:
    """What a claim says of its numbers, in a few characters: `> 0.2`, `0.75 to 0.85`, `within 5 %`."""
    if claim.ordering:
        sign = ">" if claim.ordering.below is None else "<"
        if claim.by_factors:
            least = claim.ordering.factor or 1.0
            return f"{sign} {least if sign == '>' else 1 / least:g} ×"
        margin = claim.ordering.margin or 0.0
        return f"{sign} {margin if sign == '>' or not margin else -margin:g}"
    form = claim.bound or claim.slope
    if form:
        if form.above is None or form.below is None:
            return f"> {form.above:g}" if form.below is None else f"< {form.below:g}"
        return f"{form.above:g} to {form.below:g}"
    within = claim.constancy or claim.theory
    assert within is not None
    return f"within {within.within:g} %"


def _row(name: str, letter: str, claim: Claim, made: Sequence[Part]) -> Row:
    supports = [column for part in made for column in part.supports]
    owner = [number for number, part in enumerate(made) for _ in part.supports]
    found = weigh(np.column_stack(supports))
    ps = [max(p for p, of in zip(found.p, owner, strict=True) if of == number) for number in range(len(made))]
    return Row(
        **_head(name, letter, claim),
        n=found.n,
        agree=found.agree,
        p=max(found.p),
        against=found.against,
        noticed=_noticed(supports[found.weakest], claim),
        units="groups of seeds" if claim.over_seeds else "seeds",
        verdict=found.verdict,
        parts=[_part(part, p, claim) for part, p in zip(made, ps, strict=True)],
    )


def _noticed(column: Array, claim: Claim) -> float | None:
    """How far inside the boundary a center has to lie, with seeds that scatter like these, to be found in 80 of 100."""
    known = column[np.isfinite(column)]
    if len(column) < FEWEST or len(known) < LEAST:
        return None
    off = detectable(len(column)) * float(known.std(ddof=1))
    return 10.0 ** min(off, 300.0) if claim.by_factors else off


def _part(part: Part, p: float, claim: Claim) -> ClaimPart:
    known = part.values[np.isfinite(part.values) & ((part.values > 0) | (not claim.by_factors))]
    estimate = None
    if len(known):
        estimate = geometric(known.tolist()) if claim.by_factors else arithmetic(known.tolist())
    with_never = np.where(np.isnan(part.values), -np.inf, part.values)
    return ClaimPart(
        label=part.label[:700],
        n=int((~np.isnan(part.values)).sum()),
        agree=int((np.array([np.nan_to_num(each, nan=-1.0) for each in part.supports]) > 0).all(axis=0).sum()),
        center=_finite(estimate.center if estimate else None),
        low=_finite(estimate.low if estimate else None),
        high=_finite(estimate.high if estimate else None),
        sides=None if part.sides is None else (_middle(part.sides[0], claim), _middle(part.sides[1], claim)),
        p=p,
        values=[None if math.isinf(x) and x < 0 else "never" if math.isinf(x) else x for x in with_never.tolist()],
    )


def _middle(column: Array, claim: Claim) -> float | None:
    known = column[np.isfinite(column)]
    if not len(known) or (claim.by_factors and not (known > 0).all()):
        return None
    return _finite((geometric if claim.by_factors else arithmetic)(known.tolist()).center)


def _finite(value: float | None) -> float | None:
    return None if value is None or not math.isfinite(value) else value
