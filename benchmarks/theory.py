"""How long mean-field theory takes: a predicted table of the chapter's deepest network, and a phase diagram.

    python benchmarks/theory.py [ROUNDS]

Each command runs in a new process, import and data included. Seconds are those of the processor, which neighbours on a
busy machine disturb less, and of the clock; beside them stands how many times as long that is as a unit of work of the
same kind on this machine, hyperbolic tangents of ten million numbers. Limits: 2 s and 5 s of processor. Needs MNIST.
"""

from __future__ import annotations

import resource
import statistics
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

CONFIG = Path(__file__).resolve().parents[1] / "configs" / "nielsen" / "speed-4.yaml"
COMMANDS = {
    "predict, 4 × 30, 500 examples": (["predict", str(CONFIG)], 2.0),
    "phase, 1,200 stacks, sigmoid": (["phase", "sigmoid", "--json"], 5.0),
    "phase, 1,200 stacks, gelu": (["phase", "gelu", "--json"], 5.0),
}
NUMBERS = 10_000_000


def processor(who: int) -> float:
    """Seconds of the processor so far, of this process or of those that it has started."""
    used = resource.getrusage(who)
    return used.ru_utime + used.ru_stime


def unit() -> float:
    """Seconds of NUMBERS hyperbolic tangents."""
    z = np.linspace(-5, 5, NUMBERS)
    begun = processor(resource.RUSAGE_SELF)
    np.tanh(z)
    return processor(resource.RUSAGE_SELF) - begun


def main() -> int:
    """Prints the medians; 1 where one is above its limit."""
    rounds, code = int(sys.argv[1]) if len(sys.argv) > 1 else 5, 0
    for name, (words, limit) in COMMANDS.items():
        clock, seconds, ratios = [], [], []
        for _ in range(rounds):
            one = unit()
            started, begun = time.perf_counter(), processor(resource.RUSAGE_CHILDREN)
            subprocess.run([sys.executable, "-m", "vgrad", "theory", *words], check=True, stdout=subprocess.DEVNULL)
            seconds.append(processor(resource.RUSAGE_CHILDREN) - begun)
            clock.append(time.perf_counter() - started)
            ratios.append(seconds[-1] / one)
        middle, wall, units = (statistics.median(each) for each in (seconds, clock, ratios))
        print(f"{name}: {middle:.2f} s of processor (limit {limit:g}), {wall:.2f} s by the clock, {units:.0f} units")
        code |= middle > limit
    return int(code)


if __name__ == "__main__":
    sys.exit(main())
