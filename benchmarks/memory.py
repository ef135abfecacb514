"""Peak memory of a full MNIST run. It exits with 1 where that is above the limit.

memory.py [EPOCHS]    of configs/nielsen/accuracy-2.yaml (30)
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from _harness import processor

MOST_MEMORY = 150  # MB
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


def main(epochs: int = 30) -> int:
    """One run in a temporary folder; 1 where it takes more than MOST_MEMORY."""
    print(processor())
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "vgrad", "train", str(CONFIG), "-s", f"epochs={epochs}", "--runs-dir", folder]
        code, seconds, most = peak(command)
    if code:
        print(f"skipped: the run ended with code {code}; is MNIST here? `vgrad data verify` tells")
        return 0
    megabytes = most / 1e6
    told = f"{megabytes:.0f} MB at the most (limit {MOST_MEMORY})"
    print(f"vgrad train {CONFIG.name}, {epochs} epochs: {told}, {seconds:.1f} s from start to end")
    return int(megabytes > MOST_MEMORY)


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:])))
