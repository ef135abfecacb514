"""What `vgrad train` shows while it trains: a block that is painted over itself, or plain lines, or nothing.

    with progress_on(screen, config, quiet=False) as progress:
        progress.begin(epoch)       the epoch that training continues after, None from the start
        progress.pretrained(found)  after every epoch of pretraining
        progress.show(record)       after every epoch

Both take next to nothing: a block is painted ten times a second at most and never for more than a fiftieth of the time;
plain lines come once a second at most, the first and the last one always.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from vgrad.cli.screen.streams import Line, Screen
from vgrad.config.config import Config
from vgrad.runs.history import delta_norms
from vgrad.text.plain import Axis, bar, cut, duration, log_axis, measure, shape
from vgrad.training.metrics import OTHERS
from vgrad.training.pretraining import Reconstruction, build_pretraining
from vgrad.training.record import EpochRecord

SECONDS_PER_LINE = 1.0
SECONDS_PER_PAINTING = 0.1
PAINTING_SHARE = 50
"""Time between paintings in units of what one takes."""
_ACCURACIES = ("validation_accuracy", "test_accuracy", "train_accuracy")
_COSTS = ("train_cost", "validation_cost", "test_cost")


class Silent:
    """Shows nothing; what the others have in common."""

    def __init__(self, screen: Screen, config: Config) -> None:
        self._screen, self._config = screen, config
        self._last: EpochRecord | None = None
        self._due = 0.0

    def begin(self, epoch: int | None) -> None:
        """Training begins, after `epoch` if some epochs are there already."""

    def pretrained(self, found: Reconstruction) -> None:
        """An epoch of pretraining is done."""

    def show(self, record: EpochRecord) -> None:
        """An epoch is done."""

    def end(self, *, finished: bool) -> None:
        """Training is over, or has stopped early."""


class PlainLines(Silent):
    """A line an epoch, without control characters."""

    def begin(self, epoch: int | None) -> None:
        """Says what is trained."""
        config = self._config
        self._screen.say([(f"{config.run_name}: {shape(config.sizes, most=7)}, {_activations(config)}", "")])

    def pretrained(self, found: Reconstruction) -> None:
        """Prints the epoch of pretraining when a line is due, and the last one of each layer."""
        now = time.monotonic()
        if now >= self._due or found.epoch == build_pretraining(self._config).epochs:
            self._screen.say([(_pretraining(found, self._config), "")])
            self._due = now + SECONDS_PER_LINE

    def show(self, record: EpochRecord) -> None:
        """Prints the epoch when a line is due."""
        now, self._last = time.monotonic(), record
        if now >= self._due:
            self._print(record)
            self._due = now + SECONDS_PER_LINE

    def end(self, *, finished: bool) -> None:
        """Prints the last epoch."""
        if self._last is not None:
            self._print(self._last)

    def _print(self, record: EpochRecord) -> None:
        self._last = None
        if record.divergence is None:
            total = self._config.epochs
            parts = [f"epoch {record.epoch:{len(str(total))}}/{total}", *_headline(record), _norms_in_a_line(record)]
            self._screen.say([("  ".join(filter(None, parts)), "")])


class Block(Silent):
    """Epoch and remaining time, cost and accuracy, and a bar for each layer's norm on a common log axis."""

    def __init__(self, screen: Screen, config: Config) -> None:
        super().__init__(screen, config)
        self._first: int | None = None
        self._begun = time.monotonic()
        self._norms: list[float] = []
        self._axis: Axis | None = None

    def begin(self, epoch: int | None) -> None:
        """Begins to count the time."""
        self._first, self._begun = epoch, time.monotonic()

    def pretrained(self, found: Reconstruction) -> None:
        """Paints one line, when that is due."""
        now = time.monotonic()
        if now >= self._due:
            self._screen.paint([(cut(_pretraining(found, self._config), max(self._screen.size[0], 12) - 1), "bold")])
            self._due = now + SECONDS_PER_PAINTING

    def show(self, record: EpochRecord) -> None:
        """Paints the epoch when that is due."""
        if record.divergence is not None:
            return
        if self._first is None:  # what comes before the first update is not part of an epoch's time
            self._first, self._begun = record.epoch, time.monotonic()
        self._last = record
        self._norms = delta_norms(record) or self._norms
        if time.monotonic() >= self._due:
            self._paint(record)

    def end(self, *, finished: bool) -> None:
        """Makes room for the final table; what was interrupted stays as it is."""
        if finished:
            self._screen.erase()
        elif self._last is not None:
            self._paint(self._last)

    def _paint(self, record: EpochRecord) -> None:
        begun = time.monotonic()
        columns, rows = self._screen.size
        self._axis = log_axis(self._norms, self._axis)
        lines = self._lines(record, max(columns, 12) - 1, max(rows, 3) - 2)
        self._screen.paint(lines)
        now = time.monotonic()
        self._due = now + max(SECONDS_PER_PAINTING, PAINTING_SHARE * (now - begun))

    def _lines(self, record: EpochRecord, width: int, room: int) -> list[Line]:
        """The block for a terminal with `width` columns and room for so many lines."""
        above = [(self._epoch_line(record, width), "bold"), *_fill(_headline(record), width)][:room]
        if self._axis is None or room - len(above) < 2:
            return above
        low, high = (f"1e{power:+03.0f}" for power in self._axis)
        above.append((cut(f"||delta||, log axis {low} to {high}", width), "dim"))
        return above + self._layers(width, room - len(above))

    def _epoch_line(self, record: EpochRecord, width: int) -> str:
        total, done = self._config.epochs, record.epoch
        counted = f"epoch {done:{len(str(total))}}/{total}"
        left = self._remaining(record)
        space = min(width - len(counted) - len(left) - 4, 40)
        if space < 4:
            return cut(f"{counted}  {left}", width)
        full = space * done // total if total else space
        on, off = ("━", " ") if self._screen.pictures else ("#", ".")
        return f"{counted}  {on * full}{off * (space - full)}  {left}"

    def _remaining(self, record: EpochRecord) -> str:
        passed = record.epoch - (self._first or 0)
        if record.epoch >= self._config.epochs:
            return "done"
        if not passed:
            return "-:-- left"
        seconds = (time.monotonic() - self._begun) / passed
        return f"{duration(seconds * (self._config.epochs - record.epoch))} left"

    def _layers(self, width: int, room: int) -> list[Line]:
        """A line a layer, or the first and the last ones that there is room for."""
        norms = self._norms
        label = len(f"l{len(norms)}")
        space = max(width - label - 1 - 9, 1)
        lines: list[Line] = [
            (
                f"{f'l{layer}':{label}} {bar(norm, self._axis, space, self._screen.pictures)} {norm:8.1e}",
                "magenta" if layer == len(norms) else "cyan",
            )
            for layer, norm in enumerate(norms, start=1)
        ]
        if len(lines) <= room:
            return lines
        above, below = room // 2, (room - 1) // 2
        hidden = len(lines) - above - below
        gap = (cut(f"{hidden} of {len(lines)} layers are not shown here", width), "dim")
        return [*lines[:above], gap, *lines[len(lines) - below :]]


@contextmanager
def progress_on(screen: Screen, config: Config, *, quiet: bool) -> Iterator[Silent]:
    """What suits the screen."""
    progress = (Silent if quiet else Block if screen.live else PlainLines)(screen, config)
    try:
        yield progress
    except BaseException:
        progress.end(finished=False)
        raise
    progress.end(finished=True)


def _headline(record: EpochRecord) -> list[str]:
    """An accuracy and a cost, the most telling ones there are; without any, the first two monitors."""
    metrics = {name: value for name, value in record.metrics.items() if name not in OTHERS}
    accuracy = next((name for name in (*_ACCURACIES, *metrics) if name in metrics), None)
    cost = next((name for name in (*_COSTS, *metrics) if name in metrics and name != accuracy), None)
    return [f"{name.replace('_', ' ')} {measure(name, metrics[name])}" for name in (accuracy, cost) if name]


def _fill(parts: Sequence[str], width: int) -> list[Line]:
    """The parts in one line where they fit, else one below the other."""
    joined = "   ".join(parts)
    return [(joined, "")] if len(joined) <= width else [(cut(part, width), "") for part in parts]


def _norms_in_a_line(record: EpochRecord) -> str:
    norms = [f"l{layer} {norm:.1e}" for layer, norm in enumerate(delta_norms(record) or [], 1)]
    shown = norms if len(norms) <= 5 else [*norms[:2], "..", *norms[-2:]]
    return f"||delta|| {' '.join(shown)}" if norms else ""


def _pretraining(found: Reconstruction, config: Config) -> str:
    """The layer, its epoch, and how well it reconstructs."""
    epochs, hidden = build_pretraining(config).epochs, len(config.sizes) - 2
    counted = f"layer {found.layer}/{hidden}, epoch {found.epoch:{len(str(epochs))}}/{epochs}"
    return f"pretraining {counted}  cross-entropy {found.cross_entropy:.4g}  mse {found.mse:.4g}"


def _activations(config: Config) -> str:
    names = list(dict.fromkeys(choice.name for choice in config.activations))
    return f"{'/'.join([*names, config.output])}, {config.epochs} epochs"
