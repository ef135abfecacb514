"""What `vgrad sweep` shows while it runs: a bar over all runs and a line an active one; or a line a finished run."""

from __future__ import annotations

import time
from collections.abc import Mapping

from vgrad.cli.screen.streams import Line, Screen
from vgrad.sweeps.dispatch import Ended, Event, Failed, Skipped, Task
from vgrad.sweeps.job import Progress
from vgrad.sweeps.tally import Tally
from vgrad.text.plain import cut, duration

SECONDS_PER_PAINTING = 0.1
BAR = 30


class SweepProgress:
    """Shows `tally` on `screen`; `labels` says where in the grid an active run is."""

    def __init__(self, screen: Screen, name: str, tally: Tally, labels: Mapping[str, str], *, quiet: bool) -> None:
        self._screen, self._name, self._tally, self._labels, self._quiet = screen, name, tally, labels, quiet
        self._due = 0.0

    def show(self, event: Event[Task]) -> None:
        """Tells of one event, which the tally has taken in."""
        if isinstance(event, Failed):
            more = "" if event.final else f" (attempt {event.attempt}; it will be repeated)"
            self._screen.say([(self._line(event.job.name, f"FAILED: {event.cause}{more}"), "red")])
        elif not self._quiet and not self._screen.live and isinstance(event, Ended):
            self._screen.say([(self._line(event.job.name, event.status), "")])
        elif not self._quiet and not self._screen.live and isinstance(event, Skipped) and event.elsewhere:
            self._screen.say([(self._line(event.job.name, "complete, by another process"), "")])
        if self._screen.live and not self._quiet and time.monotonic() >= self._due:
            self._screen.paint(self._block())
            self._due = time.monotonic() + SECONDS_PER_PAINTING

    def end(self) -> None:
        """Makes room for what comes after."""
        if self._screen.live and not self._quiet:
            self._screen.erase()

    def _line(self, run: str, told: str) -> str:
        count = f"{self._tally.finished}/{self._tally.total}"
        return " ".join(filter(None, [count, run, self._labels.get(run, ""), told]))

    def _block(self) -> list[Line]:
        columns, rows = self._screen.size
        width, room = max(columns, 12) - 1, max(rows, 3) - 2
        active = list(self._tally.active.values())
        shown = active if len(active) < room else active[: room - 2]
        lines = [(self._head(width), "bold"), *((cut(self._active_line(run), width), "") for run in shown)]
        if len(shown) < len(active):
            lines.append((cut(f"and {len(active) - len(shown)} more", width), "dim"))
        return lines[:room]

    def _head(self, width: int) -> str:
        tally = self._tally
        share = tally.finished / tally.total if tally.total else 1.0
        on, off = ("━", " ") if self._screen.pictures else ("#", ".")
        full = min(int(BAR * share), BAR)
        parts = [f"{self._name} {on * full}{off * (BAR - full)} {tally.finished}/{tally.total} runs"]
        if tally.per_minute:
            parts.append(f"{tally.per_minute:.3g} a minute")
        if tally.seconds_left is not None:
            parts.append(f"{duration(tally.seconds_left)} left")
        parts += [
            f"{count} {what}" for count, what in ((tally.failed, "failed"), (tally.diverged, "diverged")) if count
        ]
        return cut("  ".join(parts), width)

    def _active_line(self, run: Progress) -> str:
        cost = "" if run.cost is None else f"  cost {run.cost:.4g}"
        return f"  epoch {run.epoch}/{run.epochs}{cost}  {self._labels.get(run.run) or run.run}"
