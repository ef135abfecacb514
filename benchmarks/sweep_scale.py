"""A million runs on a thousand workers, simulated: the loop of the sweep is the real one, its place is made up.

    python benchmarks/sweep_scale.py [RUNS] [WORKERS]

Workers and the submitting process live in virtual time: a run takes 30 to 90 s, and the submitting process spends
SERVICE seconds on each (looking whether it is complete, sending, publishing; measured by benchmarks/sweep.py). What is
real, and measured here, is the time and the memory of the loop itself, and the time that making a job takes.
"""

from __future__ import annotations

import heapq
import itertools
import resource
import sys
import time
from collections.abc import Iterator
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any

from vgrad.__main__ import fix_blas_environment

fix_blas_environment()

import numpy as np  # noqa: E402

from vgrad.document.document import read_yaml  # noqa: E402
from vgrad.sweeps.dispatch import Ended, dispatch  # noqa: E402
from vgrad.sweeps.job import Outcome  # noqa: E402
from vgrad.sweeps.plan import make_plan  # noqa: E402
from vgrad.sweeps.points.grid import read_grid  # noqa: E402
from vgrad.sweeps.tally import Tally  # noqa: E402

MEAN_SECONDS = 60.0
GRID = "layers: {depth: 1, width: 3}\ndata: xor\nbatch_size: 4\ngrid: {layers.width: 1..2000, layers.depth: 1..100}\n"


@dataclass(frozen=True, slots=True)
class Fake:
    name: str

    def is_complete(self) -> bool:
        return False


class Clock:
    """The place and its mail: what the loop reads next is the run that ends next."""

    def __init__(self, workers: int, service: float, seconds: Iterator[float]) -> None:
        self.mail: SimpleQueue[Any] = self  # type: ignore[assignment]
        self.now, self._service, self._seconds, self._workers = 0.0, service, seconds, workers
        self._free = [0.0] * workers
        self._ends: list[tuple[float, int, Future[Outcome]]] = []
        self._count, self._arrived = itertools.count(), list[Any]()
        self.busy = 0.0

    def width(self) -> int:
        return 2 * self._workers

    def submit(self, job: Fake) -> Future[Outcome]:
        seconds, future = next(self._seconds), Future[Outcome]()
        end = max(heapq.heappop(self._free), self.now) + seconds
        heapq.heappush(self._free, end)
        heapq.heappush(self._ends, (end, next(self._count), future))
        self.busy += seconds
        return future

    def receive(self, job: Fake, future: Future[Outcome]) -> Outcome:
        self.now += self._service
        return future.result()

    def stop(self) -> None:
        pass

    def put(self, message: Any) -> None:
        self._arrived.append(message)

    def get(self, timeout: float) -> Any:
        if not self._arrived:
            if not self._ends:
                raise Empty
            end, _, future = heapq.heappop(self._ends)
            self.now = max(self.now, end)
            future.set_result(Outcome("complete"))
        return self._arrived.pop()

    def get_nowait(self) -> Any:
        if self._ends and self._ends[0][0] <= self.now:
            return self.get(0)
        raise Empty


def simulate(runs: int, workers: int, service: float) -> None:
    seconds = np.random.default_rng(0).uniform(0.5 * MEAN_SECONDS, 1.5 * MEAN_SECONDS, 100_000)
    place, tally = Clock(workers, service, itertools.cycle(seconds.tolist())), Tally(runs)
    before, begun = _megabytes(), time.perf_counter()
    for event in dispatch((Fake(str(k)) for k in range(runs)), place):
        tally.add(event)
        assert isinstance(event, Ended)
    loop = time.perf_counter() - begun
    hours, ideal = place.now / 3600, runs * MEAN_SECONDS / workers / 3600
    used = place.busy / (place.now * workers)
    print(
        f"{runs:,} runs of {MEAN_SECONDS:g} s, {workers:,} workers, {1e3 * service:g} ms each in the parent: "
        f"{hours:.1f} h (ideal {ideal:.1f}), workers busy {100 * used:.0f} %; "
        f"loop {1e6 * loop / runs:.0f} us a run, memory +{_megabytes() - before:.0f} MB"
    )


def enumerate_points(count: int) -> None:
    plan = make_plan(read_grid(read_yaml(GRID, "g.yaml"), seeds="5"), Path("runs"), Path())
    before, begun = _megabytes(), time.perf_counter()
    names = sum(len(job.name) for job in itertools.islice(plan.jobs(), count))
    seconds = time.perf_counter() - begun
    print(
        f"making {count:,} of {plan.count:,} jobs: {1e3 * seconds / count:.2f} ms each, +{_megabytes() - before:.0f} MB"
    )
    assert names


def _megabytes() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    total = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    crowd = int(sys.argv[2]) if len(sys.argv) > 2 else 1000
    enumerate_points(20_000)
    for cost in (0.005, 0.03, 0.06, 0.12):
        simulate(total if cost == 0.03 else total // 10, crowd, cost)
