"""Which points of a grid a sample has, drawn so that a larger sample begins with the smaller one.

Point k is in round k // n of a grid of n points: every round goes once through the grid in an order of its own, so
values are as balanced as they can be. Where a range is drawn from, a point may come again in the next round with other
draws; where not, one round is all there is.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator

from numpy.random import PCG64, Generator, SeedSequence

_ORDER, _DRAW = 0x6F72, 0x6472
LARGEST = 2**62


def order(n: int, seed: int, number: int) -> Iterator[int]:
    """0 … n - 1 in the order of round `number`: Fisher and Yates, in memory that grows with what is taken."""
    random = Generator(PCG64(SeedSequence(seed, spawn_key=(_ORDER, number))))
    moved: dict[int, int] = {}
    for k in range(n):
        j = int(random.integers(k, n))
        at_k = moved.pop(k, k)
        yield at_k if j == k else moved.get(j, j)
        if j != k:
            moved[j] = at_k


def draw(seed: int, key: str, k: int) -> float:
    """Uniform in [0, 1), for point k of a sample and the axis `key`; independent of all other axes and points."""
    entropy = SeedSequence(seed, spawn_key=(_DRAW, zlib.crc32(key.encode("utf-8", "surrogatepass")), k))
    return float(Generator(PCG64(entropy)).random())
