"""What a sweep costs: throughput with two workers against one, and overhead per run. About three minutes.

    python benchmarks/sweep.py [--quick]

The throughput is that of the MNIST sweep (configs/sweeps/depth-activation-mnist.yaml) at 60 epochs a run, with one
worker and with two in turn. What two cores that are free would give is told from the time of the processor; below LEAST
it exits with 1. Workers are not pinned to a core: that took 1.7 % less of the processor's time, no more than rounds
differ by, and a pinned worker cannot give way to another program. Overhead is what a run on four examples takes that
trains no epoch, in a warm pool.
"""

from __future__ import annotations

import os
import resource
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import median

from vgrad.__main__ import fix_blas_environment

fix_blas_environment()

from vgrad.document.document import load_yaml, read_yaml  # noqa: E402
from vgrad.sweeps.comparison import Comparison  # noqa: E402
from vgrad.sweeps.dispatch import Ended, dispatch  # noqa: E402
from vgrad.sweeps.executors import EXECUTORS  # noqa: E402
from vgrad.sweeps.job import Job, publish  # noqa: E402
from vgrad.sweeps.plan import make_plan  # noqa: E402
from vgrad.sweeps.points.grid import read_grid  # noqa: E402
from vgrad.sweeps.request import Request  # noqa: E402

SWEEP = Path(__file__).parents[1] / "configs" / "sweeps" / "depth-activation-mnist.yaml"
LEAST = 1.85
TRIVIAL = "layers: {depth: 2, width: 3}\ndata: xor\nbatch_size: 4\nepochs: 0\nname: trivial\n"


def main() -> int:
    """Prints all; 1 where two workers are not worth LEAST."""
    quick, times = "--quick" in sys.argv, LEAST
    if not Path(os.environ.get("VGRAD_DATA", "")).joinpath("mnist").is_dir():
        print("throughput: skipped, no MNIST under VGRAD_DATA")
    else:
        times = _throughput(rounds=1 if quick else 3)
    with tempfile.TemporaryDirectory(dir=".") as folder:
        _overhead(Path(folder), 200 if quick else 1000)
        _publishing(Path(folder))
    return int(times < LEAST)


def _throughput(rounds: int) -> float:
    """How many times as many runs two workers train as one, on free cores."""
    rates: dict[int, list[float]] = {1: [], 2: []}
    cpu = {1: 0.0, 2: 0.0}
    for _ in range(rounds):
        for workers, found in rates.items():
            with tempfile.TemporaryDirectory(dir=".") as folder:
                grid = read_grid(load_yaml(SWEEP), overrides=["epochs=60"], seeds="1")
                before = _children()
                found.append(_rate(list(make_plan(grid, Path(folder), SWEEP.parent).jobs()), workers))
                cpu[workers] += _children() - before
    one, two = median(rates[1]), median(rates[2])
    print(f"MNIST sweep, 24 runs: -j 1 {60 * one:.1f} runs a minute, -j 2 {60 * two:.1f}: {two / one:.2f} times")
    best = 2 * cpu[1] / cpu[2]
    spent = f"{cpu[1] / rounds:.1f} s and {cpu[2] / rounds:.1f} s"
    print(f"  processor time: {spent}: {best:.2f} times on free cores (limit {LEAST})")
    return best


def _children() -> float:
    """Processor seconds of ended children; unlike time on the wall, other programs hardly change it."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _rate(jobs: list[object], workers: int) -> float:
    """Runs a second, from the first result of each worker on, so that starting them is not measured."""
    with EXECUTORS["processes"].open(Request(workers)) as place:
        for _ in place._executor.map(len, ["ab"] * workers):  # type: ignore[attr-defined]
            pass
        begun = time.perf_counter()
        ended = sum(isinstance(event, Ended) for event in dispatch(_only_jobs(jobs), place))
        return ended / (time.perf_counter() - begun)


def _only_jobs(jobs: list[object]) -> Iterator[Job]:
    return iter([job for job in jobs if isinstance(job, Job)])


def _overhead(folder: Path, runs: int) -> None:
    grid = read_grid(read_yaml(TRIVIAL, "trivial.yaml"), seeds=str(runs))
    plan = make_plan(grid, folder, Path())
    seconds = 1 / _rate(list(plan.jobs()), 1)
    files = [path for path in plan.folder.rglob("*") if path.is_file()]
    size = sum(path.stat().st_size for path in files) / runs
    print(f"trivial run, one warm worker: {1e3 * seconds:.1f} ms, {size:,.0f} bytes in {len(files) / runs:.0f} files")
    begun = time.perf_counter()
    left = sum(1 for job in _only_jobs(list(plan.jobs())) if not job.is_complete())
    print(f"a complete run is passed over in {1e3 * (time.perf_counter() - begun) / runs:.2f} ms ({left} left)")
    comparison, begun = Comparison(), time.perf_counter()
    for job in _only_jobs(list(plan.jobs())):
        comparison.add(job)
    print(f"the comparison reads a run in {1e3 * (time.perf_counter() - begun) / runs:.2f} ms")


def _publishing(folder: Path) -> None:
    """What the submitting process does for a run from a cluster."""

    done = next(path for path in (folder / "trivial").iterdir() if path.is_dir())
    files = {path.name: path.read_bytes() for path in done.iterdir() if not path.name.startswith(".")}

    for threads in (1, 8):
        targets = [folder / f"published-{threads}-{k}" for k in range(160)]
        for target in targets:
            target.mkdir()
        begun = time.perf_counter()
        with ThreadPoolExecutor(threads) as publishers:
            list(publishers.map(lambda target: publish(target, files), targets))
        seconds = (time.perf_counter() - begun) / len(targets)
        print(f"publishing, {threads} threads: {1e3 * seconds:.1f} ms a run, {1 / seconds:.0f} runs a second")


if __name__ == "__main__":
    sys.exit(main())
