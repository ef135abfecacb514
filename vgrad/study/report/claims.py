"""The claims of a study as rows of its table: what is claimed, what was measured, and in how many seeds it agrees.

Of a claim with many parts (epochs, layers, pairs), the rows are those with the least evidence: a claim is as strong as
they are.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from vgrad.study.claims.evidence import FEWEST
from vgrad.study.claims.verdict import judged
from vgrad.study.outcome import Claim, ClaimPart, Study
from vgrad.text.numbers import MISSING, plus_minus, significant, times_over

MOST_ROWS = 4
_MEASURE = re.compile(r"[a-z_]+\((?P<inside>.*)\)(?P<rest>.*)")
Cells = Mapping[str, str]
COLUMNS = (("claimed", True), ("measured", True), ("seeds", True), ("p", True))
"""Title, and whether it is of numbers."""


def rows(claim: Claim) -> Iterator[tuple[str, str, Cells]]:
    """The heading, which has the verdict, the name and the cells of each row of a claim."""
    title = f"{claim.claim}  {claim.told}: {claim.text} ({claim.source})"
    shown = weakest(claim)
    for part in shown:
        cells = {
            "claimed": claim.claimed,
            "measured": measured(part, claim),
            "seeds": f"{part.agree} of {claim.n}",
            "p": significant(part.p, 2),
        }
        yield title, part.label or named(claim), cells
    if not shown:
        yield title, named(claim), {"claimed": claim.claimed}


def weakest(claim: Claim) -> list[ClaimPart]:
    """The parts with the largest p, in the order of the claim."""
    order = sorted(range(len(claim.parts)), key=lambda at: (-claim.parts[at].p, claim.parts[at].agree, at))
    return [claim.parts[at] for at in sorted(order[:MOST_ROWS])]


def named(claim: Claim) -> str:
    """What is measured, in short: `validation_accuracy, last` of `monitor(monitor=validation_accuracy,epoch=last)`."""
    found = _MEASURE.fullmatch(claim.measure)
    if not found:
        return claim.measure
    inside = [part.partition("=")[2] or part for part in found["inside"].split(",")]
    return f"{', '.join(inside)}{found['rest']}"


def measured(part: ClaimPart, claim: Claim) -> str:
    """The mean with its interval; of a comparison, first the two sides."""
    log = claim.scale == "log"
    if part.center is None and part.sides is not None and {*part.values} <= {0.0, "never"}:
        sides = ["never" if side is None else significant(side) for side in part.sides]
        return f" {'/' if log else '−'} ".join(sides)
    if part.center is None:
        return "never" if "never" in part.values else MISSING
    told = significant(part.center)
    if part.low is not None and part.high is not None and part.center:
        high = part.high / part.center
        told = times_over(part.center, high) if log else plus_minus(part.center, part.low, part.high)
    never = part.values.count("never")
    told += f", {never} never" if never else ""
    if part.sides is None or None in part.sides:
        return told
    first, second = (significant(side or 0.0) for side in part.sides)
    return f"{first} {'/' if log else '−'} {second} = {told}"


def notes(study: Study) -> list[str]:
    """How the verdicts of claims come about."""
    claims = judged(study.claims)
    if not claims:
        return []
    n = min(claim.n for claim in claims)
    found = [
        "seeds: in how many of them the claim is true; p: how often seeds would speak for it as these do where it is "
        "just not true (exact sign-flip test, one-sided, paired by seed)."
    ]
    if n >= FEWEST:
        found.append(
            "holds: p ≤ 0.05 in every part; fails: the contrary is at p ≤ 0.05. Each test errs in at most 5 of 100 "
            f"studies: of {len(claims)} claims that are just not true, {0.05 * len(claims):.1g} would hold by chance."
        )
        noticed = [f"{claim.claim} {_beyond(claim)}" for claim in claims if _is_seen(claim)]
        if noticed:
            told = "80 of 100 studies like this one find a claim that is true by at least so much"
            found.append(f"Power: {told} (of the part with the least evidence): {', '.join(noticed)}.")
    else:
        found.append(
            f"agrees: every seed does; chance alone gives that in {100 * 2**-n:.2g} of 100 studies with {n} "
            f"seed{'s' if n > 1 else ''}, more than the 5 that a verdict may err in. It needs {FEWEST} seeds."
        )
    if any(len(claim.parts) > MOST_ROWS for claim in claims):
        found.append(f"Of claims with many parts, the {MOST_ROWS} with the least evidence are shown; JSON has all.")
    return found


def _is_seen(claim: Claim) -> bool:
    """Whether its seeds differ: where all are equal, any distance would be found."""
    return claim.noticed is not None and claim.noticed != (1.0 if claim.scale == "log" else 0.0)


def _beyond(claim: Claim) -> str:
    told = claim.noticed or 0.0
    return f"×{significant(told)}" if claim.scale == "log" else significant(told, 2)
