"""SIGINT and SIGTERM as requests: the first one is noted and the loop ends by itself, the second one kills at once."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType
from typing import TYPE_CHECKING

from vgrad.errors import Interrupted

if TYPE_CHECKING:
    from sys import UnraisableHookArgs


class Stopped(KeyboardInterrupt):
    """What a signal raises within `ending_at_once`: no Exception, so nothing that retries takes it for a failure."""


@dataclass
class StopRequest:
    """Which signal asked to stop, if one has."""

    signal_number: int | None = None
    at_once: bool = False

    def __call__(self) -> bool:
        """Whether to stop."""
        return self.signal_number is not None

    def note(self, number: int, frame: FrameType | None) -> None:
        """The handler of signal `number`."""
        self.signal_number = number
        if self.at_once:
            raise Stopped
        signal.signal(number, signal.SIG_DFL)

    @contextmanager
    def ending_at_once(self, told: str) -> Iterator[None]:
        """Inside, where nothing has to be saved, a signal ends the work wherever it is: Interrupted, with `told`.

        What a handler raises can be lost: Python drops it in the callback of a weak reference, of which each import
        has some, and C code may clear it. So whether a signal came is looked at once more at the end.
        """
        before = sys.unraisablehook

        def report(lost: UnraisableHookArgs) -> None:
            if lost.exc_type is not Stopped:
                before(lost)

        sys.unraisablehook, self.at_once = report, True
        try:
            yield
        except BaseException:
            if self.signal_number is None:
                raise
        finally:
            sys.unraisablehook, self.at_once = before, False
        if self.signal_number is not None:
            raise Interrupted(told, signal_number=self.signal_number) from None


@contextmanager
def stop_requests() -> Iterator[StopRequest]:
    """While inside, SIGINT and SIGTERM set the yielded request; what handled them before is put back at the end."""
    request = StopRequest()
    # one that is ignored, as SIGINT is in a background job of a script, stays ignored
    heard = [number for number in (signal.SIGINT, signal.SIGTERM) if signal.getsignal(number) != signal.SIG_IGN]
    before = {number: signal.signal(number, request.note) for number in heard}
    try:
        yield request
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
