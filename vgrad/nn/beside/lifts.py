"""Deltas of deep networks, kept out of the range where a number has few bits and takes a hundred times as long.

delta^l of a deep network of sigmoids is some 2^-2 to 2^-4 of delta^(l+1). In float32, layer 40 below the output is down
to 2^-126, from where on numbers are denormal: less and less exact, and on processors that trap to microcode for each of
them the slowest part of a step. So d^l = 2^k delta^l is kept instead, with a k for each layer that holds d^l near
2^-63, in the middle: loss scaling (Micikevicius et al. 2018, sec. 3.2), but layer by layer. Powers of two round
nothing; the products that make and use d^l multiply by them anyway.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from vgrad.later import blas
from vgrad.nn.arrays import Array

DEEP = 8
"""Layers from which on this is looked after: with fewer, each delta would have to be 2^-18 of the one above."""
EVERY = 100
"""Passes from one look at how large the deltas are to the next, which costs a layer half of its pass."""


class Lifts:
    """k^l of every layer, 0 at first. `down` are the factors 2^(k^l - k^(l+1)) from the output on; `share[l - 1]` is
    2^-k^l, or 0 where delta^l is below 2^-94 (float64: 2^-766): that moves no number of a size that counts beside the
    others, and its sums would be denormal.

    What is found on one batch need not hold for the next: a batch of one example that is recognized beyond doubt has
    deltas of 2^-100 in all layers. Before a layer's gradient is left out, d^l is looked at (`have_grown`)."""

    def __init__(self, depth: int, dtype: np.dtype[np.floating]) -> None:
        least = int(np.finfo(dtype).minexp)
        self._depth, self._middle, self._most, self._nothing = depth, least // 2, -least * 3 // 4, -least // 4
        self._large = 2.0 ** (self._middle + self._nothing)  # with k above `_nothing` delta then is 2^-63
        self._sum_of_sizes = blas.dasum if dtype == np.float64 else blas.sasum
        self.set([])
        self.restart()

    def set(self, up: list[int]) -> None:
        """`up[i]` is by how much k grows from one layer to the next one down, from the output on."""
        steps = up or [0] * (self._depth - 1)
        k = [sum(steps[:i]) for i in range(self._depth)][::-1]
        self.down, self.lifted = [2.0**step for step in steps], max(k) > 0
        self.share = [0.0 if each > self._nothing else 2.0**-each for each in k]
        self.top = max((layer for layer, each in enumerate(k, start=1) if each > 0), default=0)

    def restart(self) -> None:
        """An epoch begins: what follows must not depend on what was before, so the next pass looks."""
        self._left = 0

    def is_due(self) -> bool:
        """Whether the next pass looks; it is asked once a pass."""
        self._left = (self._left or EVERY) - 1
        return self._left == EVERY - 1

    def have_grown(self, of_all: Array, d: Sequence[Array]) -> bool:
        """Whether one of d has overflowed since it was looked at, or is no longer next to nothing where `share` is 0.

        `of_all` is a vector in which d^1 to d^top lie, with what else may: where it sums up to little, nothing has.
        """
        if self._sum_of_sizes(of_all) < self._large:
            return False
        left_out = (each for each, share in zip(d, self.share, strict=True) if not share)
        return not np.isfinite(d[0]).all() or any(self._sum_of_sizes(each.ravel()) >= self._large for each in left_out)

    def more(self, d: Array, k: int) -> int:
        """By how much k has to grow for d = 2^k delta, which at most takes it down to 0."""
        largest = float(np.abs(d).max())
        if not 0 < largest < math.inf:
            return 0
        return max(-k, min(self._most, self._middle - math.frexp(largest)[1]))
