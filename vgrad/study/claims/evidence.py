"""The test of a claim: how far each seed speaks for it, and whether chance explains that.

A claim comes as a matrix s of n seeds and m parts: s_ij > 0 where seed i supports part j (the difference of an ordering
at epoch j, the distance from a bound on its inner side). Seeds are independent; one seed gives a row, so that the parts
of a row may depend on each other in any way. With c_j the center of the distribution of s_ij over seeds, the claim is
that every c_j > 0.

    holds    every part is significant by itself, max_j p_j <= ALPHA: an intersection-union test, of size ALPHA without
             a correction for the number of parts (Berger 1982)
    fails    some part is significantly negative: the largest of T_j = -sum_i s_ij / sqrt(sum_i s_ij^2) is as large in
             at most ALPHA of the sign vectors, one sign a seed for all of its parts (max-T: Westfall and Young 1993)

p_j is that of the one-sided exact sign-flip test (vgrad/statistics.py): at the boundary, c_j = 0, a deviation is as
likely as its opposite, and the sum is as large in so many of the 2^n choices of signs. It assumes symmetry around the
center and nothing else. p_j >= 2^-n, so that FEWEST seeds are needed; with fewer, no test of size ALPHA can say
"holds", and what is told is in how many seeds the claim agrees.

A seed that has no value counts against both verdicts: as the strongest evidence against the claim where it is to hold,
and for it where it is to fail. Where values are infinite (a threshold that was never reached, a seed without a value),
ranks of |s| take the place of |s|, which keeps the test exact (Wilcoxon 1945).
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from typing import Literal

import numpy as np

from vgrad.compiled import stdtr
from vgrad.statistics import EXACT, sign_flip
from vgrad.study.joint import ALPHA, Array

FEWEST = math.ceil(-math.log2(ALPHA))
"""Seeds without which no sign-flip test reaches ALPHA."""
ALL_SIGNS, DRAWN, SEED = 12, 4095, 7
"""Seeds up to which all sign vectors are counted; above, so many are drawn and the identity is one more, which keeps
the size (Phipson and Smyth 2010)."""

Verdict = Literal["holds", "fails", "agrees", "disagrees", "cannot tell"]


@dataclass(frozen=True)
class Evidence:
    """What `n` seeds say: `agree` of them support every part; `p` of each part, `against` that of the contrary.

    `agrees` and `disagrees` are for fewer than FEWEST seeds: all support every part, or all contradict one.
    """

    n: int
    agree: int
    p: list[float]
    against: float
    verdict: Verdict

    @property
    def weakest(self) -> int:
        """The part with the largest p."""
        return max(range(len(self.p)), key=lambda part: self.p[part])


def weigh(supports: Array) -> Evidence:
    """The evidence of (n, m) supports, NaN for what a seed has no value of; n and m are at least 1."""
    n = len(supports)
    worst, best = np.where(np.isnan(supports), -np.inf, supports), np.where(np.isnan(supports), np.inf, supports)
    ps = [one_sided(column) for column in worst.T]
    against = contrary(best)
    agree = int((worst > 0).all(axis=1).sum())
    verdict: Verdict = "cannot tell"
    if n < FEWEST:
        verdict = "agrees" if agree == n else "disagrees" if (best < 0).all(axis=0).any() else "cannot tell"
    elif max(ps) <= ALPHA:
        verdict = "holds"
    elif against <= ALPHA:
        verdict = "fails"
    return Evidence(n, agree, ps, against, verdict)


def one_sided(supports: Array) -> float:
    """p of a center of 0 or less: exact up to EXACT seeds, Student's t above."""
    s = ranked(supports)
    if not s.sum() > 0:
        return 1.0
    if len(s) <= EXACT:
        return sign_flip(s.tolist()) / 2
    spread = float(s.std(ddof=1))
    return float(stdtr(len(s) - 1, -float(s.mean()) / spread * math.sqrt(len(s)))) if spread > 0 else 0.0


def contrary(supports: Array) -> float:
    """p of every center being 0 or more, against one that is below."""
    s = np.column_stack([ranked(column) for column in supports.T])
    sizes = np.sqrt((s**2).sum(axis=0))
    z = -s / np.where(sizes > 0, sizes, 1.0)
    observed = float(z.sum(axis=0).max())
    if observed <= 0:
        return 1.0
    return float(((_signs(len(s)) @ z).max(axis=1) >= observed * (1 - 1e-9)).mean())


def ranked(supports: Array) -> Array:
    """As they are, or where some are infinite, their signed ranks; ties share theirs."""
    if np.isfinite(supports).all():
        return supports
    _, places, counts = np.unique(np.abs(supports), return_inverse=True, return_counts=True)
    ranks = np.cumsum(counts) - (counts - 1) / 2
    return np.asarray(np.sign(supports) * ranks[places])


def _signs(n: int) -> Array:
    """Sign vectors, (number, n), the identity first."""
    if n <= ALL_SIGNS:
        return np.array(list(itertools.product((1.0, -1.0), repeat=n)))
    drawn = np.random.default_rng(SEED).choice((1.0, -1.0), size=(DRAWN, n))
    return np.vstack([np.ones(n), drawn])


DETECTED = {5: 1.73, 6: 1.20, 8: 1.00, 10: 0.84, 15: 0.67, 20: 0.58, 30: 0.48, 50: 0.36, 100: 0.26}
"""Seeds -> standard deviations by which the center has to lie inside the boundary for 80 of 100 studies to say "holds",
of one part whose seeds are normal; scripts/claims.py finds them by simulation."""


def detectable(n: int) -> float:
    """That of the nearest number of seeds in the table that is not above n, at least FEWEST."""
    return DETECTED[max(known for known in DETECTED if known <= n)]
