"""Peak memory of a full MNIST run, and what it takes to start: `vgrad --help` beside an empty Python.

memory.py [EPOCHS]    of configs/nielsen/accuracy-2.yaml (30)
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

from _harness import paired_ratio, processor, table

MOST_MEMORY = 300  # MB
MOST_SECONDS = 0.3  # vgrad --help
STARTS = 20
CONFIG = Path(__file__).resolve().parents[1] / "configs" / "nielsen" / "accuracy-2.yaml"


def peak(arguments: list[str]) -> tuple[int, float, int]:
    """Exit code, seconds and peak resident memory (bytes) of one process.

    The kernel counts what this process had when it split, too: nothing heavy is imported here.
    """
    begun = time.perf_counter()
    process = subprocess.Popen(arguments, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    assert process.stderr
    told = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.stderr.buffer.write(told)
    return process.returncode, time.perf_counter() - begun, usage.ru_maxrss * 1024


def training(epochs: int) -> None:
    """One run in a temporary folder."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "vgrad", "train", str(CONFIG), "-s", f"epochs={epochs}", "--runs-dir", folder]
        code, seconds, most = peak(command)
    if code:
        print(f"skipped: the run ended with code {code}; is MNIST here? `vgrad data verify` tells")
        return
    megabytes = most / 1e6
    told = f"{megabytes:.0f} MB at the most (required: under {MOST_MEMORY}: {megabytes < MOST_MEMORY})"
    print(f"vgrad train {CONFIG.name}, {epochs} epochs: {told}, {seconds:.1f} s from start to end")


def starting() -> None:
    """Interleaved starts of an empty Python and of `vgrad --help`."""
    contenders = {"python -c pass": ["-c", "pass"], "vgrad --help": ["-m", "vgrad", "--help"]}
    times: dict[str, list[float]] = {name: [] for name in contenders}
    for _ in range(1 + STARTS):
        for name, arguments in contenders.items():
            times[name].append(peak([sys.executable, *arguments])[1])
    empty, helped = (seconds[1:] for seconds in times.values())
    rows = [[name, *(f"{f(seconds[1:]):.3f}" for f in (median, min, max))] for name, seconds in times.items()]
    print(table(["", "median s", "least", "most"], rows))
    print(
        f"vgrad --help takes {paired_ratio(helped, empty):.1f} times as long as an empty Python; "
        f"within {MOST_SECONDS} s: {median(helped) <= MOST_SECONDS}"
    )


def main(epochs: int = 30) -> None:
    """Both."""
    print(processor())
    training(epochs)
    print()
    starting()


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
