"""From a config to a complete run directory, one epoch record at a time.

    for event in run(config, runs_dir): …    Opened, then a record an epoch, of pretraining first

Whoever loops decides what to print; stopping is asked for through `cancelled`, and leaves a saved epoch.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Any

from vgrad.config.config import Config
from vgrad.config.fields import Init
from vgrad.config.monitors import split
from vgrad.data.dataset import Dataset
from vgrad.data.datasets import DATASETS, load
from vgrad.errors import StorageError, Unreadable
from vgrad.machine import Surroundings, machine, versions
from vgrad.nn.arrays import Parameters
from vgrad.runs.checkpoint import Saved
from vgrad.runs.earlier import find_start
from vgrad.runs.folder import CONFIG, DETERMINISTIC, RUN, RunFolder
from vgrad.runs.history import empty_history
from vgrad.runs.pretrained import Kept, is_whole
from vgrad.storage import make_folder, new_folder, refuse_link, remove_leftovers, rename
from vgrad.storage.lock import LOCK, exclusive
from vgrad.training.assembly import fresh_state
from vgrad.training.feed import check_unit_interval
from vgrad.training.initial import draw_parameters, with_digest
from vgrad.training.loop import train
from vgrad.training.memory import check_memory
from vgrad.training.pretraining import Pretrained, Reconstruction, pretrain, pretrained_parameters
from vgrad.training.record import EpochRecord
from vgrad.training.rule import Cancelled

CHECKPOINT_SHARE = 50
"""A checkpoint is written when the time since the last one is this many times what that one took: at most 2 %."""
CHECKPOINT_SECONDS = 1.0
ATTEMPT = re.compile(r"attempt-([0-9]{1,6})")
"""The folders in a run directory into which earlier attempts are put."""


@dataclass(frozen=True)
class Opened:
    """The first event. `epoch` is the one that training continues after, None for a new run; `complete` says that
    the run was there already and nothing was done; `mixed` is a line about libraries or BLAS kernels that are others
    than those of the epochs before. `source` is the finished run of fewer epochs that it begins with, where there is
    one, and `passed` has a line for each that cannot be used. `pretrained` is what was measured last where pretraining
    goes on."""

    folder: Path
    epoch: int | None
    complete: bool
    mixed: str | None = None
    source: Path | None = None
    passed: tuple[str, ...] = ()
    pretrained: Reconstruction | None = None


Event = Opened | Reconstruction | EpochRecord


def run(
    config: Config,
    runs_dir: Path,
    *,
    base: Path = Path(),
    restart: bool = False,
    progress: bool = False,
    cancelled: Callable[[], bool] = lambda: False,
    loader: Callable[..., Dataset] | None = None,
) -> Generator[Event]:
    """Trains `config` into its directory below `runs_dir`; continues where an interrupted run was saved, or where a
    finished one of fewer epochs has ended.

    A complete run is left alone; with `restart` all begins at epoch 0. Relative file names in the config are relative
    to `base`. Raises Cancelled, with the last whole epoch saved, when `cancelled()` becomes true; DataError,
    RunStateError and StorageError as they occur.
    """
    config, given = with_digest(config, base)
    folder = RunFolder(runs_dir / config.run_name)
    refuse_link(folder.path)
    if not restart and _is_complete(folder, config):
        yield Opened(folder.path, None, complete=True)
        return
    check_memory(config)
    make_folder(folder.path)
    with exclusive(folder.path):
        try:
            remove_leftovers(folder.path)
            if not restart and folder.facts() is not None:  # its last writer has finished it in the meantime
                yield Opened(folder.path, None, complete=True)
                return
            dataset = (loader or load)(config.data.name, progress=progress, base=base, **config.data.parameters)
            if restart:
                _set_aside(folder.path)
            yield from _train(config, given, folder, dataset, cancelled, fresh=restart, base=base)
        finally:
            remove_if_unused(folder.path)


def _train(
    config: Config,
    given: Parameters | None,
    folder: RunFolder,
    dataset: Dataset,
    cancelled: Callable[[], bool],
    *,
    fresh: bool,
    base: Path,
) -> Iterator[Event]:
    begun = time.monotonic()
    if config.is_bounded:
        check_unit_interval(dataset)
    saved = folder.resume(config)
    start, passed = None, list[str]()
    if saved is None and not fresh:
        start, passed = find_start(config, folder.path.parent, dataset.digest)
    initial = draw_parameters(config, config.init, dataset) if isinstance(config.init, Init) else given
    assert initial is not None  # an init file has been read by now
    folder.begin(config)  # also when continued: whatever became of its files, they are what they should be
    kept = folder.resume_pretrained(config)
    if start is not None:
        saved, kept = start.saved, start.kept
    continued = saved.state.epoch if saved else None
    before = saved or kept
    surroundings = Surroundings.now(before.surroundings if before else ())
    source = start.path if start else None
    under_way = kept.state.measured[-1] if kept and not is_whole(config, kept.state) else None
    yield Opened(folder.path, continued, False, surroundings.mixed, source, tuple(passed), under_way)
    if config.pretrain:
        kept = yield from _pretrain(config, folder, dataset, cancelled, kept, surroundings)
        initial = pretrained_parameters(config, initial, kept.state)
    folder.start(initial)
    if saved is None:
        saved = Saved(fresh_state(config, initial), empty_history(config))
    state, history = saved.state, saved.history
    history.classes = _classes(config, dataset)
    pace, last_saved = _Pace(), None  # also when continued: a kill may have come between checkpoint and CSVs
    try:
        if history.divergence is None:
            past = tuple(history.records)
            resumed = continued is not None
            steps = train(config, dataset, state, resumed=resumed, past=past, cancelled=cancelled)
            for record, state in steps:
                if history.records and history.records[-1].epoch == record.epoch:  # now with the norms of the end
                    history.records[-1] = record
                    continue
                history.records.append(record)
                if pace.is_due():
                    with pace.timed():
                        folder.save(config, Saved(state, history, surroundings.all))
                    last_saved = state.epoch
                yield record
    except Cancelled:
        if history.records and last_saved != state.epoch:
            folder.save(config, Saved(state, history, surroundings.all))
        raise
    if last_saved != state.epoch:
        folder.save(config, Saved(state, history, surroundings.all))
    seconds = round(time.monotonic() - begun, 3)
    facts = _facts(config, dataset, seconds, continued, source, base)
    folder.finish(config, Saved(state, history), {**facts, "surroundings": surroundings.all})


def _pretrain(
    config: Config,
    folder: RunFolder,
    dataset: Dataset,
    cancelled: Callable[[], bool],
    kept: Kept | None,
    surroundings: Surroundings,
) -> Generator[Reconstruction, None, Kept]:
    """Pretrains the hidden layers, from what is `kept` on; what it has saved of all of them."""
    now, saved = kept or Kept(Pretrained()), None  # also when all is there: a kill may have come between the files
    pace = _Pace()
    try:
        for state in pretrain(config, dataset, now.state, cancelled):
            now = Kept(state, surroundings.all)
            if pace.is_due():
                with pace.timed():
                    folder.save_pretrained(config, now)
                saved = now
            yield state.measured[-1]
    except Cancelled:
        if now.state.measured and saved is not now:
            folder.save_pretrained(config, now)
        raise
    if saved is not now:
        folder.save_pretrained(config, now)
    return now


def _classes(config: Config, dataset: Dataset) -> dict[str, tuple[int, int]]:
    """Of each part whose accuracy is measured, the number of examples, and of those of its most frequent class."""
    parts = dict.fromkeys(part for part, measure in map(split, config.monitors) if measure == "accuracy")
    return {part: (len(each := getattr(dataset, part)), each.largest_class) for part in parts}


def _is_complete(folder: RunFolder, config: Config) -> bool:
    """Whether this very run is there and finished. A directory that may not be read cannot be written to either."""
    try:
        folder.check_config(config)
        return folder.facts() is not None
    except Unreadable as error:
        raise StorageError(*error.problems) from None


def _place(config: Config, base: Path) -> dict[str, str]:
    """Where the folder is that the file of the data was found in, for who looks at them again."""
    return {"folder": str(base.absolute())} if DATASETS[config.data.name].of_file else {}


class _Pace:
    """How often to save: each epoch when epochs are long, and never more than a fiftieth of the time."""

    def __init__(self) -> None:
        self._last_end, self._cost = time.monotonic(), 0.0

    def is_due(self) -> bool:
        return time.monotonic() - self._last_end >= max(CHECKPOINT_SECONDS, CHECKPOINT_SHARE * self._cost)

    @contextmanager
    def timed(self) -> Iterator[None]:
        begun = time.monotonic()
        yield
        self._last_end = time.monotonic()
        self._cost = self._last_end - begun


def _facts(
    config: Config, dataset: Dataset, seconds: float, continued_after: int | None, source: Path | None, base: Path
) -> dict[str, Any]:
    """What run.json holds besides status and digests. `seconds` are those of the process that finished the run."""
    return {
        "name": config.name,
        "hash": config.identity,
        "seed": config.seed,
        "continued_after_epoch": continued_after,
        **({"continued_from": source.name} if source else {}),
        "seconds": seconds,
        "finished": datetime.now(UTC).isoformat(timespec="seconds"),
        "data": {"name": dataset.name, "sha256": dataset.digest, **_place(config, base)},
        "versions": versions(),
        "machine": machine(),
    }


def _set_aside(folder: Path) -> None:
    """Moves what an earlier attempt left into `attempt-N` of the run directory."""
    earlier = [path for path in folder.iterdir() if path.name in (*DETERMINISTIC, RUN)]
    if not earlier:
        return
    attempts = [ATTEMPT.fullmatch(path.name) for path in folder.iterdir()]
    last = max((int(found[1]) for found in attempts if found), default=0)
    # always a new directory: what has the name, a link, a file or an earlier attempt, is left alone
    aside = next(path for number in count(last + 1) if new_folder(path := folder / f"attempt-{number}"))
    # run.json first: without it nothing is complete; config.yaml last: without it nothing is a run
    for path in sorted(earlier, key=lambda path: (path.name != RUN, path.name == CONFIG)):
        rename(path, aside / path.name)


def remove_if_unused(folder: Path) -> None:
    """A directory in which nothing was begun, as when the data are missing, goes again."""
    with suppress(OSError):
        if {path.name for path in folder.iterdir()} == {LOCK}:
            (folder / LOCK).unlink()
            folder.rmdir()
