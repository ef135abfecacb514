"""How long `vgrad report` takes over 5,000 runs of 30 epochs and 6 hidden layers, the first time and the second.

    python benchmarks/report.py [RUNS]

One network is really trained; the others are its directory with another learning rate and seed, written as a run would
be. The command runs in a new process each time. It keeps no cache: of runs that differ only in the seed two have their
config checked, and that is quick enough. Limits: 6 s, 2 s, 600 MB.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from vgrad.config.check import check
from vgrad.runs.folder import CONFIG, RUN
from vgrad.runs.runner import run
from vgrad.storage.json import dump_json

SEEDS = 100
LIMITS = (6.0, 2.0)
MOST_MB = 600


def write_runs(folder: Path, count: int, seeds: int = SEEDS) -> None:
    """`count` run directories: learning rates, with so many seeds each."""
    data = {"name": "digits", "train": 100, "validation": 50, "test": 0}
    tree = {"name": "bench", "layers": [64, *[10] * 6, 10], "epochs": 30, "data": data}
    config = check(tree)
    for _ in run(config, folder / "template"):
        pass
    template = folder / "template" / config.run_name
    facts, text = json.loads((template / RUN).read_text()), (template / CONFIG).read_text()
    links = [path for path in template.iterdir() if path.name in facts["files"] and path.name != CONFIG]
    for number in range(count):
        rate, seed = round(0.001 * (1 + number // seeds), 3), number % seeds
        if seed == 0:
            identity = check({**tree, "optimizer": {"name": "sgd", "learning_rate": rate}}).identity
        place = folder / "runs" / f"bench-{identity}-s{seed}"
        place.mkdir(parents=True)
        changed = text.replace("learning_rate: 0.1", f"learning_rate: {rate}").replace("\nseed: 0", f"\nseed: {seed}")
        (place / CONFIG).write_text(changed)
        (place / RUN).write_bytes(dump_json({**facts, "hash": identity, "seed": seed}))
        for path in links:
            os.link(path, place / path.name)


def report(folder: Path) -> tuple[float, float]:
    """Seconds of one `vgrad report` in a new process, by the clock and by the processor."""
    command = [sys.executable, "-m", "vgrad", "report", str(folder / "runs"), "--format", "csv"]
    begun, used = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    spent = resource.getrusage(resource.RUSAGE_CHILDREN)
    processor = spent.ru_utime + spent.ru_stime - used.ru_utime - used.ru_stime
    return time.perf_counter() - begun, processor


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 5_000
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_runs(folder, count)
        for which, limit in zip(("first", "second"), LIMITS, strict=True):
            clock, processor = report(folder)
            print(f"{count:,} runs, {which} time: {clock:.2f} s (limit {limit:g}), {processor:.2f} s of processor")
        most = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
        print(f"most memory: {most:.0f} MB (limit {MOST_MB})")


if __name__ == "__main__":
    main()
