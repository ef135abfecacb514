"""Whether a gradient vanishes: how fast norms fall from layer to layer, and what to call that.

Norms are ||delta^l|| of the hidden layers l = 1 … H of one epoch: the norm of the mean error, or, where batch norm
makes that say nothing, the mean of the norms (Config.speed). Where the gradient vanishes or explodes they change by
about a constant factor a layer, so two numbers tell it: the mean step of log10 ||delta^l|| from one layer to the next,
the rate, and ||delta^H|| / ||delta^1||, what has come of it over the whole depth. Fifty layers at a harmless rate
still keep the first one from learning.

One word stands for a profile:

    dead         a norm is exactly 0, or (nearly) all units of a hidden layer pass no gradient on any example
    vanishing    the norms fall towards the input: tenfold or more over the layers, or twofold or more a layer
    exploding    they grow towards the input, by as much
    even         neither: all norms within a factor of ten, and less than twofold a layer
    uneven       both: they go back by more than half of the way, so that no direction tells how the layers learn
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate

import numpy as np

from vgrad.statistics import LEVEL, interval, power
from vgrad.text.numbers import percent

VANISHING, EXPLODING, EVEN, UNEVEN, DEAD, DIVERGED = "vanishing", "exploding", "even", "uneven", "dead", "diverged"
WORDS = (VANISHING, EXPLODING, EVEN, UNEVEN, DEAD, DIVERGED)
LEAST = 5e-324
"""The least float above 0."""
NOISE = 1e-12
"""A norm of the mean that is so small a share of the mean of the norms is rounding noise: the errors of the examples
cancel to the last digits."""
_UNDERFLOW = 1e-300
"""Below it the next norm may be 0 because no smaller number exists, not because nothing passes."""


@dataclass(frozen=True)
class Decay:
    """The mean of the steps of log10 ||delta^l|| from one hidden layer to the next, in decades a layer, with its t
    interval and their standard deviation; both None where there are too few steps."""

    rate: float
    low: float | None
    high: float | None
    spread: float | None


@dataclass(frozen=True)
class Thresholds:
    """What the words go by; docs/reports.md shows the cases that the defaults are for.

    `vanishing`, `exploding`: decades a layer. `total`: decades from a hidden layer to any other, either way. `uneven`:
    how much of its way a profile may go back and still be called by its direction. `dead`, `saturated`: the
    share of one hidden layer. `effective`: the share of the largest hidden norm from which on a layer counts as
    learning.
    """

    vanishing: float = 0.3
    exploding: float = 0.3
    total: float = 1.0
    uneven: float = 0.5
    dead: float = 0.9
    saturated: float = 0.5
    effective: float = 0.1

    def told(self) -> str:
        """The rules in a sentence."""
        tenfold, twofold = (f"{power(decades):.2g}" for decades in (self.total, self.vanishing))
        mirror = "" if self.exploding == self.vanishing else f" from a factor of {power(self.exploding):.2g} a layer on"
        return (
            f"vanishing: ‖δˡ‖ falls by {tenfold} or more in all or by {twofold} or more a layer, towards the input; "
            f"exploding: it grows so{mirror}; even: neither; uneven: both; "
            f"dead: {self.dead:g} of a layer's units pass no gradient"
        )


USUAL = Thresholds()
"""The defaults."""


def decay(norms: Sequence[float], level: float = LEVEL) -> Decay | None:
    """How fast ||delta^l|| falls towards the input: the mean of the H - 1 steps d_l = log10 (||delta^(l+1)|| /
    ||delta^l||), which is log10 (last/first) / (H - 1); > 0: early layers are slower.

    Errors are products over layers, so that log ||delta^l|| is a random walk: its steps are about independent, its
    values are not, and the interval of a regression on the values would cover 85 % at four layers and 30 % at twenty
    (docs/reports.md). Steps have a t interval from LEAST of them on.

    None with fewer than two hidden layers, or where a norm is zero or not finite.
    """
    if len(norms) < 2 or any(not 0 < norm < math.inf for norm in norms):
        return None
    rate, spread, half = interval(np.diff(np.log10(norms)), level)
    return Decay(rate, None, None, None) if half is None else Decay(rate, rate - half, rate + half, spread)


def last_first_ratio(norms: Sequence[float]) -> float | None:
    """||delta^H|| / ||delta^1||: how much faster the last hidden layer learns than the first  (Nielsen ch. 5).

    None with fewer than two hidden layers; infinite where the first one does not learn at all, and where the ratio is
    beyond all floats.
    """
    if len(norms) < 2:
        return None
    return norms[-1] / norms[0] if norms[0] > 0 else math.inf


def verdict(norms: Sequence[float], thresholds: Thresholds = USUAL, dead: Sequence[float] | None = None) -> str | None:
    """The word for these norms, one of WORDS but `diverged`; None with fewer than two hidden layers, unless dead.

    `dead` holds, layer by layer, the share of units whose delta is exactly 0 on every probe example; None where that is
    not known.
    """
    return _verdict(tuple(norms), thresholds, None if dead is None else tuple(dead))


@lru_cache(maxsize=10_000)  # a report asks for the same few moments of a run again and again
def _verdict(norms: tuple[float, ...], thresholds: Thresholds, dead: tuple[float, ...] | None) -> str | None:
    if not norms or any(not 0 <= norm < math.inf for norm in norms):
        return None
    if _dead_layers(norms, thresholds, dead):
        return DEAD
    return _direction(np.log10(np.maximum(norms, LEAST)).tolist(), thresholds) if len(norms) > 1 else None


def _direction(y: list[float], thresholds: Thresholds) -> str:
    """The word for log10 of the norms: which way they go, if it is one way."""
    rate = (y[-1] - y[0]) / (len(y) - 1)
    rise = max(each - least for each, least in zip(y, accumulate(y, min), strict=True))  # the longest way up from one
    fall = max(most - each for each, most in zip(y, accumulate(y, max), strict=True))  # layer to a later one
    up = rise >= thresholds.total or rate >= thresholds.vanishing
    down = fall >= thresholds.total or rate <= -thresholds.exploding
    if not (up or down):
        return EVEN
    if min(rise, fall) > thresholds.uneven * max(rise, fall):
        return UNEVEN
    return VANISHING if rise > fall else EXPLODING


def _dead_layers(norms: Sequence[float], thresholds: Thresholds, dead: Sequence[float] | None) -> list[int]:
    """The hidden layers, from 1, that pass no gradient; none where norms only fall below what a float can hold."""
    first = next((norm for norm in norms if norm > 0), None)
    if first is not None and first < _UNDERFLOW and norms[0] == 0 and all(norms[list(norms).index(first) :]):
        return []
    shares = dead or [0.0] * len(norms)
    pairs = enumerate(zip(norms, shares, strict=True), start=1)
    return [layer for layer, (norm, share) in pairs if share >= thresholds.dead or (norm == 0 and not dead)]


def noisy_layers(norms: Sequence[float], mean_norms: Sequence[float]) -> list[int]:
    """The hidden layers, from 1, whose norm of the mean is rounding noise beside the mean of the norms."""
    pairs = enumerate(zip(norms, mean_norms, strict=True), start=1)
    return [layer for layer, (norm, each) in pairs if each > _UNDERFLOW and norm < NOISE * each]


def cause(
    norms: Sequence[float],
    thresholds: Thresholds = USUAL,
    dead: Sequence[float] | None = None,
    saturated: Sequence[float | None] | None = None,
) -> str | None:
    """What stands behind the verdict where it is known: `dead: 100 % of layer 2`, `saturated: 60 % of layer 1`.

    Of dead layers the last one is named: those before it get nothing because of it. `saturated` holds the shares of the
    probe of that name, None for what cannot saturate.
    """
    layers = _dead_layers(norms, thresholds, dead)
    if layers:
        share = dead[layers[-1] - 1] if dead else 1.0
        return f"dead: {percent(share)} of layer {layers[-1]}"
    shares = [(share, -layer) for layer, share in enumerate(saturated or (), start=1) if share is not None]
    most, place = max(shares, default=(0.0, 0))
    return f"saturated: {percent(most)} of layer {-place}" if shares and most >= thresholds.saturated else None


def of_run(start: str | None, end: str | None, *, diverged: bool) -> str | None:
    """The one word of a run: how it ended where it diverged or died, else how it began  (Nielsen ch. 5 compares
    networks before training). One whose gradient is 0 before training and not at the end is called by its end."""
    if diverged:
        return DIVERGED
    return end if DEAD in (start, end) else start


def effective_depth(norms: Sequence[float], thresholds: Thresholds = USUAL) -> int | None:
    """The number of hidden layers whose norm is at least `effective` of the largest."""
    largest = max(norms, default=0.0)
    return sum(norm >= thresholds.effective * largest for norm in norms) if largest > 0 else None
