"""The claims of a study taken together: one verdict, and the sentence that says why."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from vgrad.study.claims.evidence import FEWEST
from vgrad.study.outcome import Claim, Found

WORDS = {
    "holds": ("holds", "hold"),
    "fails": ("fails", "fail"),
    "agrees": ("agrees in every seed", "agree in every seed"),
    "disagrees": ("disagrees in every seed", "disagree in every seed"),
    "cannot tell": ("cannot be told", "cannot be told"),
}


def judged(claims: Sequence[Claim]) -> list[Claim]:
    """Those that these runs say something of."""
    return [claim for claim in claims if not claim.why]


def verdict_of(claims: Sequence[Claim]) -> Found:
    """Reproduced where every claim holds, not reproduced where one fails."""
    found = {claim.verdict for claim in judged(claims)}
    if "fails" in found:
        return "not reproduced"
    return "reproduced" if found == {"holds"} else "cannot tell"


def reason_of(claims: Sequence[Claim]) -> str:
    """`of 6 claims, 5 hold and 1 cannot be told`; with few seeds, why none can hold."""
    shown = judged(claims)
    if not shown:
        return "no claim of the study is judged by these runs"
    counts = Counter[str](claim.verdict for claim in shown)
    told = [f"{counts[name]} {words[counts[name] > 1]}" for name, words in WORDS.items() if counts[name]]
    parts = f"{', '.join(told[:-1])} and {told[-1]}" if len(told) > 1 else told[0]
    text = f"of {len(shown)} claims, {parts}" if len(shown) > 1 else f"the claim {parts.removeprefix('1 ')}"
    fewest = min(claim.n for claim in shown)
    if fewest < FEWEST:
        text += f"; no test at 5 % says more of {fewest} seed{'s' if fewest > 1 else ''} than that, {FEWEST} are needed"
    return text
