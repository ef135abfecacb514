"""Where randomness comes from: one generator a purpose and epoch, so that nothing depends on the order of calls.

A resumed run needs no stream position: the order of epoch k is drawn from a generator of its own.
"""

from __future__ import annotations

from enum import IntEnum

from numpy.random import PCG64, Generator, SeedSequence


class Purpose(IntEnum):
    """What a generator is for; the numbers are part of every run's identity and never change."""

    WEIGHTS = 0
    BIASES = 1
    SHUFFLE = 2
    MASKS = 3
    INPUT_NOISE = 4
    PRETRAINING = 5
    CONTROL = 6


def generator(seed: int, purpose: Purpose, *moment: int) -> Generator:
    """The generator of `purpose` at `moment`: an epoch, 0 where there is none, or a layer and an epoch of it;
    independent of all others of the same seed.

    `spawn_key`, not a list of numbers: SeedSequence([42, 0]) equals SeedSequence(42).
    """
    return Generator(PCG64(SeedSequence(seed, spawn_key=(int(purpose), *(moment or (0,))))))
