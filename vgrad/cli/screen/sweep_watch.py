"""What `vgrad status --watch` shows of sweeps that run elsewhere: a block that is painted again, or a line a change."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from vgrad.cli.screen.streams import Line, Screen, answer
from vgrad.storage.json import strict
from vgrad.sweeps.tally import Sweep, read_statuses
from vgrad.text.escapes import printable
from vgrad.text.plain import cut, duration

SECONDS_PER_LOOK = 1.0
"""A sweep writes every two seconds."""
_NAP = 0.05


def head(sweep: Sweep) -> str:
    """One sweep in a line."""
    status = sweep.status
    told = f"{printable(str(sweep.folder), 200)}: {sweep.state}, {status.finished}/{status.total} runs"
    told += f", {status.failed} failed" if status.failed else ""
    told += f", {status.diverged} diverged" if status.diverged else ""
    if sweep.state == "running":
        told += f", {status.per_minute:.3g} a minute" if status.per_minute else ""
        return told + (f", {duration(status.seconds_left)} left" if status.seconds_left is not None else "")
    return f"{told}, {duration(sweep.age)} ago"


def lines(sweep: Sweep) -> list[str]:
    """One sweep, its active runs and its failures."""
    told = [head(sweep)]
    for run in sweep.status.active:
        cost = "" if run.cost is None else f"  cost {run.cost:.4g}"
        told.append(f"  {printable(run.run, 120)}  epoch {run.epoch}/{run.epochs}{cost}")
    return told + [_failure(run, cause) for run, cause in _failures(sweep)]


def _failures(sweep: Sweep) -> list[tuple[str, str]]:
    return [(each.run, each.cause) for each in sweep.status.failures]


def _failure(run: str, cause: str) -> str:
    return f"  FAILED {printable(run, 120)}: {printable(cause, 400)}"


def watch(folder: Path, screen: Screen, stopped: Callable[[], bool], *, as_json: bool) -> tuple[list[Sweep], list[str]]:
    """Looks until no sweep below `folder` is running, `stopped()`, or nobody reads on; what `read_statuses` said last.

    On a terminal what there is is painted over and over; elsewhere a line, or with `as_json` an object, tells of a
    change of what is done, and of each failure.
    """
    seen = _Seen()
    try:
        while True:
            found, problems = read_statuses(folder)
            if screen.live and not as_json:
                screen.paint(_block(found, screen))
            elif not seen.tell(found, as_json=as_json):
                return found, problems
            if stopped() or not any(sweep.state == "running" for sweep in found):
                return found, problems
            due = time.monotonic() + SECONDS_PER_LOOK
            while time.monotonic() < due and not stopped():
                time.sleep(_NAP)
    finally:
        screen.erase()


@dataclass
class _Seen:
    """What has been told: of each report its counts and how many failures."""

    told: dict[tuple[Path, int, str], tuple[object, int]] = field(default_factory=dict)

    def tell(self, found: list[Sweep], *, as_json: bool) -> bool:
        """A line for each sweep that is another than when it was told last; False when the reader has gone."""
        heard = True
        for sweep in found:
            status = sweep.status
            key = (sweep.folder, status.pid, status.sweep)
            now = (sweep.state, status.finished, status.failed, status.diverged, status.total)
            before, failures = self.told.get(key, (None, 0))
            if now != before and as_json:
                heard = answer(strict(sweep.plain(), None)) and heard
            elif now != before:
                heard = (
                    answer("\n".join([head(sweep), *(_failure(*each) for each in _failures(sweep)[failures:])]))
                    and heard
                )
            self.told[key] = now, len(_failures(sweep))
        return heard


def _block(found: list[Sweep], screen: Screen) -> list[Line]:
    """All of them, in as many lines as the terminal has; what runs comes first."""
    columns, rows = screen.size
    width, room = max(columns, 12) - 1, max(rows, 3) - 2
    order = sorted(found, key=lambda sweep: sweep.state != "running")
    told = [
        (cut(line, width), "bold" if not number else "") for each in order for number, line in enumerate(lines(each))
    ]
    if len(told) > room:
        told = [*told[: room - 1], (cut(f"and {len(told) - room + 1} more lines", width), "dim")]
    return told
