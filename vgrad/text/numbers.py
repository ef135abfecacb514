"""Numbers as people read them: as many digits as the interval allows, three where there is none."""

from __future__ import annotations

import math
from collections.abc import Mapping

MISSING = "–"


def significant(x: float, digits: int = 3) -> str:
    """`x` to so many significant digits: 0.0775, 5.03, 2.98e-5; never shorter than it is exact."""
    if not math.isfinite(x):
        return "inf" if x > 0 else "-inf" if x < 0 else MISSING
    if x == 0:
        return "0"
    mantissa, exponent = f"{x:.{digits - 1}e}".split("e")
    power = int(exponent)
    if -4 < power < 5:
        return f"{x:.{max(digits - 1 - power, 0)}f}"
    return f"{mantissa}e{power}"


def percent(share: float, decimals: int = 0) -> str:
    """A share of all in percent, with as many decimals more as tell it from none and from all: 97 %, 99.8 %, 0.04 %."""
    told = f"{100 * share:.{decimals}f}"
    return percent(share, decimals + 1) if 0 < share < 1 and float(told) in (0, 100) else f"{told} %"


def decimals_for(half: float) -> int:
    """The decimals that two significant digits of a half width have."""
    return 2 if half <= 0 or not math.isfinite(half) else max(0, 1 - math.floor(math.log10(half)))


def plus_minus(center: float, low: float, high: float) -> str:
    """`96.51 ± 0.11`: the half width to two digits and the center to the same place."""
    half = (high - low) / 2
    if center != 0 and not 1e-3 <= abs(center) < 1e5:
        return f"{significant(center)} ± {significant(half, 2)}"
    decimals = min(decimals_for(half), 6)
    return f"{center:.{decimals}f} ± {half:.{decimals}f}"


def times_over(center: float, spread: float) -> str:
    """`0.0605 ×÷ 1.29`: a geometric mean with its geometric standard deviation."""
    return f"{significant(center)} ×÷ {significant(spread)}"


def p_value(p: float) -> str:
    """`p = 0.013`, `p < 0.001`."""
    return "p < 0.001" if p < 0.001 else f"p = {p:.3f}" if p < 0.1 else f"p = {p:.2f}"


def counted(words: Mapping[str, int]) -> str:
    """Words with their numbers, the most frequent first: `2 dead, 1 even`; a word that is alone without."""
    if len(words) == 1:
        return next(iter(words))
    ordered = sorted(words.items(), key=lambda item: -item[1])
    return ", ".join(f"{count} {word}" for word, count in ordered)
