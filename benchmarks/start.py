"""What it takes to start, and to read many runs: whole commands, beside `python -c 'import numpy'`.

    python benchmarks/start.py [ROUNDS]

All are new processes, taken in turn, `vgrad` as it is installed; `ls` and `report` are of 1,000 runs that differ in
their seeds. A ratio is the median over rounds of command / import in that round, of seconds of the processor, which
neighbours disturb least, and of the clock, and exits with 1 where the first is above its limit. NumPy starts a thread
for each further core as it loads, vgrad none; beside it stands a NumPy that may not.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

from _harness import THREADS, paired_ratio, processor, table
from report import write_runs

ROUNDS, RUNS = 15, 1000
CONFIG = Path(__file__).resolve().parents[1] / "configs" / "quickstart.yaml"
UNIT = "python -c 'import numpy'"
Time = tuple[float, float]
"""Seconds of the processor, and of the clock."""


def vgrad() -> list[str]:
    """The command as pip installed it beside this Python; else the module."""
    found = shutil.which("vgrad", path=str(Path(sys.executable).parent))
    return [found] if found else [sys.executable, "-m", "vgrad"]


def timed(command: list[str], **environment: str) -> Time:
    """One process, from its start to its end. The first of them may keep its bytecode, as pip does when it installs."""
    environment = {**os.environ, **environment}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    begun = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{' '.join(command)} ended with code {process.returncode}")
    return usage.ru_utime + usage.ru_stime, time.perf_counter() - begun


def measured(folder: Path, rounds: int) -> dict[str, list[Time]]:
    """The times of every command, of all rounds but the first, which warms up."""
    runs, trained = str(folder / "runs"), folder / "trained"
    train = [*vgrad(), "train", str(CONFIG), "-s", "epochs=1", "--runs-dir", str(trained)]
    commands = {
        "python -c pass": [sys.executable, "-c", "pass"],
        UNIT: [sys.executable, "-c", "import numpy"],
        "vgrad --help": [*vgrad(), "--help"],
        "vgrad train, one epoch of digits": train,
        f"vgrad ls, {RUNS:,} runs": [*vgrad(), "ls", runs],
        f"vgrad report, {RUNS:,} runs": [*vgrad(), "report", runs],
    }
    times: dict[str, list[Time]] = {name: [] for name in commands}
    times[f"{UNIT}, one thread"] = []
    for _ in range(1 + rounds):
        for name, command in commands.items():
            times[name].append(timed(command))
        times[f"{UNIT}, one thread"].append(timed(commands[UNIT], **dict.fromkeys(THREADS, "1")))
        shutil.rmtree(trained)
    return {name: found[1:] for name, found in times.items()}


LIMITS = {"vgrad --help": 0.7, "vgrad train": 3.0, "vgrad ls": 4.0, "vgrad report": 4.0}


def main(rounds: int = ROUNDS) -> int:
    """Prints the table; 1 where a command takes longer than its limit."""
    print(processor())
    with tempfile.TemporaryDirectory() as folder:
        write_runs(Path(folder), RUNS, RUNS)
        times = measured(Path(folder), rounds)
    rows, missed = [], []
    for name, found in times.items():
        limit = LIMITS.get(name.partition(",")[0])
        spent, ratios = [], []
        for own, units in zip(zip(*found, strict=True), zip(*times[UNIT], strict=True), strict=True):
            spent.append(f"{1000 * median(own):.0f}")
            ratios.append(paired_ratio(own, units))
        if limit is not None and ratios[0] > limit:
            missed.append(name)
        rows.append([name, *spent, *(f"{ratio:.2f}" for ratio in ratios), "" if limit is None else f"{limit:g}"])
    print(table(["", "processor, ms", "clock, ms", "ratio", "by the clock", "limit"], rows))
    print(f"above the limit: {', '.join(missed)}" if missed else "all within their limits")
    return int(bool(missed))


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:])))
