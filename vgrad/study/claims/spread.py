"""How much seeds differ, as a number that can be claimed: the variance over seeds, in groups of them.

A variance has no value of a single seed. So seeds are taken in GROUPS groups, in their order, and each group of k + 1
gives one: the logarithm of its variance, less what it is too small by on average where draws are normal,

    ln s^2 - (psi(k/2) - ln(k/2)),    E ln(chi^2_k / k) = psi(k/2) - ln(k/2).

Groups then take the part of seeds: a claim of variances holds where all of them agree. A few large groups, since ln s^2
of small ones is skewed, and more groups than are needed make the test less exact, not more (with heavy tails).
"""

from __future__ import annotations

import math

import numpy as np

from vgrad.compiled import digamma
from vgrad.study.claims.evidence import FEWEST
from vgrad.study.joint import Array

GROUPS, LEAST = FEWEST, 5
"""Groups, and the seeds that each of them has at least."""


def variances(column: Array, *, logarithmic: bool) -> Array:
    """The variance of each group, of natural logarithms where it is `logarithmic`; NaN of a group with a seed that has
    no number. Of fewer than GROUPS times LEAST seeds there is one group, of which a test says nothing."""
    with np.errstate(invalid="ignore", divide="ignore"):
        x = np.log(np.where(column > 0, column, np.nan)) if logarithmic else column
        groups = np.array_split(x, GROUPS if len(x) >= GROUPS * LEAST else 1)
        return np.array([_variance(group) for group in groups])


def _variance(group: Array) -> float:
    free = len(group) - 1
    if free < 1:
        return math.nan
    return float(group.var(ddof=1)) / math.exp(float(digamma(free / 2)) - math.log(free / 2))
