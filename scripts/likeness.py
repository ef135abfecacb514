"""Whether a document still says what a command prints: word by word, and number by number.

Another processor, BLAS or NumPy gives other last bits, and nothing else: so the last digit of a rounded number may
tip, and a number of more than `LONG` digits may differ by `LITTLE` of itself. Counts (numbers without a decimal point
or an exponent), names, hashes and versions are words, and words are the same. How wide a column is follows from its
numbers: neither blanks nor the length of a rule count.

After thousands of steps of training, last bits have grown: the documents say `within=` how much such numbers differ.
"""

from __future__ import annotations

import re
from decimal import Decimal
from itertools import zip_longest

LONG = 10
LITTLE = Decimal("1e-9")
NUMBER = re.compile(
    r"(?<![\w.])(?:(?<!\S)-)?(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+(?:[eE][-+]?\d+)?|[eE][-+]?\d+)(?![\w]|\.\d)"
)
RULE = re.compile(r"[-─━═=]{3,}")


def alike(shown: str, printed: str, within: float = 0.0) -> bool:
    """Whether two texts say the same, line by line; `within` is what else numbers may differ by, of themselves."""
    lines = zip_longest(shown.splitlines(), printed.splitlines())
    return all(one is not None and other is not None and _same(one, other, within) for one, other in lines)


def _same(shown: str, printed: str, within: float) -> bool:
    if _words(shown) != _words(printed):
        return False
    pairs = zip(NUMBER.findall(shown), NUMBER.findall(printed), strict=True)
    return all(near(one, other, within) for one, other in pairs)


def _words(line: str) -> list[str]:
    """What is left of a line when a number is only its place."""
    return RULE.sub("---", NUMBER.sub("\0", line)).split()


def near(shown: str, printed: str, within: float = 0.0) -> bool:
    """Whether two numbers are one, but for the last digit of the finer one, or `LITTLE` when one has many digits."""
    one, other = (Decimal(text.replace(",", "")) for text in (shown, printed))
    digits, places = zip(
        *((len(each.as_tuple().digits), each.as_tuple().exponent) for each in (one, other)), strict=True
    )
    largest = max(abs(one), abs(other))
    rounding = largest * LITTLE if max(digits) > LONG else Decimal(1).scaleb(min(places))
    return abs(one - other) <= max(rounding, largest * Decimal(within))
