"""Training from Python, one run or a sweep; what `vgrad train` and `vgrad sweep` do, with the same functions."""

from __future__ import annotations

import builtins
import sys
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from vgrad.config.config import Config
from vgrad.document.writer import spell
from vgrad.errors import SweepError
from vgrad.notebook.configs import Given, document, plain, read, settings
from vgrad.notebook.runs import Run, Runs, Where, opened
from vgrad.runs import runner
from vgrad.sweeps import training
from vgrad.sweeps.executors import cores
from vgrad.sweeps.job import Job
from vgrad.sweeps.plan import make_plan
from vgrad.sweeps.points.grid import read_grid
from vgrad.sweeps.request import Request
from vgrad.sweeps.tally import Tally
from vgrad.training.pretraining import Reconstruction
from vgrad.training.record import EpochRecord


class Progress:
    """One line on stderr that is written again and again; nothing where nobody looks."""

    def __init__(self, asked: bool | None) -> None:
        self._shown = _is_watched() if asked is None else asked
        self._length = 0

    def tell(self, line: str) -> None:
        """Shows `line` in the place of the one before."""
        if self._shown:
            print("\r" + line.ljust(self._length), end="", file=sys.stderr, flush=True)
            self._length = len(line)

    def end(self) -> None:
        """The last line stays."""
        if self._shown and self._length:
            print(file=sys.stderr, flush=True)


def _is_watched() -> bool:
    """Whether somebody sees stderr: on a terminal, and in a notebook."""
    return sys.stderr.isatty() or hasattr(builtins, "__IPYTHON__")


def train(
    config: Given,
    *,
    runs_dir: Where = "runs",
    restart: bool = False,
    progress: bool | None = None,
    **overrides: Any,
) -> Run:
    """One network, trained into its directory below `runs_dir`, and read back.

    `config` is the path of a YAML file or a mapping with its keys; keywords set single ones, with two underscores for
    a dot: train("quickstart.yaml", epochs=5, optimizer__learning_rate=0.5). An interrupted run is continued, a complete
    one only read; `restart` begins anew. Relative paths are those from the config's folder, of a mapping from the
    current one. Raises ConfigError, DataError, RunStateError and StorageError, all VgradErrors, as the commands do.
    """
    settled, base = read(config, overrides)
    line, folder = Progress(progress), Path()
    for event in runner.run(settled, Path(runs_dir), base=base, restart=restart):
        if isinstance(event, runner.Opened):
            folder = event.folder
        elif isinstance(event, Reconstruction):
            hidden = len(settled.sizes) - 2
            line.tell(f"{settled.run_name}: pretraining layer {event.layer} of {hidden}, epoch {event.epoch}")
        else:
            line.tell(f"{settled.run_name}: epoch {event.epoch} of {settled.epochs}{_monitors(event, settled)}")
    line.end()
    return opened(folder)


def _monitors(record: EpochRecord, config: Config) -> str:
    found = ((name, record.metrics.get(name)) for name in config.monitors)
    return "".join(f", {name} {value:.4g}" for name, value in found if value is not None)


def sweep(
    config: Given,
    *,
    grid: Mapping[str, Sequence[Any]] | None = None,
    seeds: int | Sequence[int] | None = None,
    jobs: int | None = None,
    runs_dir: Where = "runs",
    retries: int = 1,
    progress: bool | None = None,
    **overrides: Any,
) -> Runs:
    """A run for every point of a grid and every seed, on `jobs` processes (one a core; 0: in this one).

    `grid` maps keys to values, on top of the config's own: {"layers.depth": [1, 2, 3], "activation": ["tanh", "relu"]}.
    `seeds` is a number of them or which. What is there already is not trained again. Runs that fail are a warning and
    stand in `.problems`; SweepError when all do.
    """
    found, base, name = document(config)
    if "name" not in found.data:
        overrides.setdefault("name", name)
    axes = [f"{key}={','.join(spell(plain(value)) for value in values)}" for key, values in (grid or {}).items()]
    chosen = None if seeds is None else str(seeds) if isinstance(seeds, int) else ",".join(map(str, seeds))
    plan = make_plan(read_grid(found, typed=axes, overrides=settings(overrides), seeds=chosen), Path(runs_dir), base)
    tally, labels, line = Tally(plan.count), dict[str, str](), Progress(progress)
    request = Request(min(cores() if jobs is None else jobs, plan.count), None, "")

    def show(event: Any) -> None:
        failed = f", {tally.failed} failed" if tally.failed else ""
        line.tell(f"{plan.name}: {tally.finished} of {tally.total} runs{failed}")

    training.train_missing(plan, request, tally, labels, show=show, cancelled=lambda: False, retries=retries)
    line.end()
    failures = dict(tally.failures)
    problems = [f"{run}: {cause}" for run, cause in failures.items()]
    if tally.failed == tally.total:
        raise SweepError(*problems, "every run failed")
    for problem in problems:
        warnings.warn(problem, stacklevel=2)
    whole = (job.path for job in plan.jobs() if isinstance(job, Job) and job.glance() != "missing")
    return Runs(map(opened, whole), problems)
