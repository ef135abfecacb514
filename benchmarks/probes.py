"""What probes add to an epoch of 784-30-30-10 on 50,000 images, in seconds of the processor.

    python benchmarks/probes.py [ROUNDS]    the median of so many interleaved rounds (5), after one that warms up

Exits with 1 where the default probes add more than MOST. Needs MNIST (`VGRAD_DATA`).
"""

from __future__ import annotations

import sys
from statistics import median

from _harness import Contender, paired_ratio, processor, table
from _workloads import PROBED

from vgrad.data.fetch import present
from vgrad.errors import VgradError

MOST = 0.05


def main(rounds: int = 5) -> int:
    """A line for each choice of probes."""
    try:
        present()
    except VgradError as error:
        print(f"skipped: {error}")
        return 0
    field = {name: Contender(["vgrad", name, "float64", "full"]) for name in PROBED}
    for _ in range(1 + rounds):
        for contender in field.values():
            contender.round()
    for contender in field.values():
        contender.close()
    without = field["probes: none"].times()
    more = {name: paired_ratio(contender.times(), without) - 1 for name, contender in field.items()}
    rows = [[name, f"{median(field[name].times()):.3f}", f"{100 * more[name]:.1f} %"] for name in field]
    print(f"{processor()}; {rounds} rounds after a first one\n")
    print(table(["", "s an epoch", "more than without"], rows))
    print(f"\nthe default may add {100 * MOST:g} %")
    return int(more["probes: default"] > MOST)


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:])))
