"""What does it cost to lose nothing? A 30-epoch MNIST run with its checkpoints against one that saves only at the end.

    python benchmarks/checkpoint.py [PAIRS] [EPOCHS]

Both kinds of runs are made in turn, in one process each, so that a drift of the machine meets both. Needs MNIST
(`VGRAD_DATA`).
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

RUN = """
import sys, time
from vgrad.__main__ import fix_blas_environment
fix_blas_environment()
from pathlib import Path
from vgrad.runs import runner
from vgrad.config.check import check
if sys.argv[3] == "never":
    runner.CHECKPOINT_SECONDS = float("inf")
saves, save = [], runner.RunFolder.save
def counted(*arguments):
    begun = time.perf_counter()
    save(*arguments)
    saves.append(time.perf_counter() - begun)
runner.RunFolder.save = counted
config = check({"name": "price", "layers": [784, 30, 30, 10], "epochs": int(sys.argv[2])})
begun = time.perf_counter()
for _ in runner.run(config, Path(sys.argv[1])):
    pass
print(time.perf_counter() - begun, len(saves), sum(saves))
"""


def seconds(kind: str, epochs: int) -> tuple[float, int, float]:
    """Wall time of one run, the number of its checkpoints and the seconds spent in them."""
    with tempfile.TemporaryDirectory(prefix="vgrad-price-") as folder:
        command = [sys.executable, "-c", RUN, folder, str(epochs), kind]
        done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=Path(__file__).parents[1])
    wall, saves, spent = done.stdout.split()
    return float(wall), int(saves), float(spent)


def main() -> None:
    """Prints a line a pair and the median of the ratios."""
    given = [int(word) for word in sys.argv[1:3]]
    pairs, epochs = given + [5, 30][len(given) :]
    ratios, shares = [], []
    for _ in range(pairs):
        (with_wall, saves, spent), (without, _, _) = seconds("every", epochs), seconds("never", epochs)
        ratios.append(with_wall / without)
        shares.append(spent / with_wall)
        print(f"{saves} checkpoints: {with_wall:.2f} s, {spent:.3f} s of them saving; one at the end: {without:.2f} s")
    ratio, share = statistics.median(ratios), statistics.median(shares)
    print(f"median ratio {ratio:.3f}; median share of the time spent saving {share:.2%}")


if __name__ == "__main__":
    main()
