"""Seconds an epoch: vgrad against PyTorch eager and scikit-learn, in one run, their rounds interleaved.

epoch.py [ROUNDS]    the median of so many epochs each (5), after one that warms up
"""

from __future__ import annotations

import sys
from statistics import median

from _harness import Contender, environments, paired_ratio, processor, table
from _peers import CONTENDERS

from vgrad.data.fetch import present
from vgrad.errors import VgradError

DTYPES = ("float64", "float32")
REQUIRED = 5.0  # times faster than PyTorch eager


def compare(environment: dict[str, str], rounds: int) -> list[Contender]:
    """Every contender in both types, after 1 + `rounds` interleaved rounds."""
    field = [Contender(name, dtype, environment) for dtype in DTYPES for name in CONTENDERS]
    racing = [contender for contender in field if "skip" not in contender.hello]
    for _ in range(1 + rounds):
        for contender in racing:
            contender.round()
    for contender in field:
        contender.close()
    for reason in sorted({contender.hello["skip"] for contender in field if contender not in racing}):
        print(f"skipped: {reason}")
    return racing


def tell(racing: list[Contender]) -> None:
    """The table, and whether vgrad is as fast as it has to be."""
    vgrad = {contender.dtype: contender.times() for contender in racing if contender.name == "vgrad"}
    rows, ratios = [], {}
    for contender in racing:
        times = contender.times()
        ratio = ratios[contender.name, contender.dtype] = paired_ratio(times, vgrad[contender.dtype])
        cpu = median(answer["cpu"] for answer in contender.rounds[1:])
        figures = [f"{x:.3f}" for x in (median(times), min(times), max(times), cpu)]
        accuracy = f"{100 * contender.rounds[-1]['accuracy']:.1f}"
        rows.append([contender.name, contender.dtype, *figures, f"{ratio:.1f}", accuracy])
    print(table(["", "type", "median s", "least", "most", "CPU s", "times vgrad", "accuracy %"], rows))
    for dtype in DTYPES:
        ratio = ratios.get(("PyTorch eager", dtype))
        if ratio is not None:
            print(
                f"{dtype}: {ratio:.1f} times faster than PyTorch eager; {REQUIRED:g} are required: {ratio >= REQUIRED}"
            )


def main(rounds: int = 5) -> None:
    """One comparison for each environment."""
    try:
        present()
    except VgradError as error:
        print(f"skipped: {error}")
        return
    print(f"{processor()}; {rounds} rounds after a first one, interleaved, one thread each")
    for title, environment in environments():
        print(f"\n{title}")
        racing = compare(environment, rounds)
        for contender in racing:
            if contender.dtype == DTYPES[0]:
                print(f"- {contender.name} {contender.hello['note']}")
        print()
        tell(racing)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
