"""The loop of a sweep, at a place that does as it is told."""

from __future__ import annotations

import tracemalloc
from collections import defaultdict
from collections.abc import Iterator
from concurrent.futures import Future
from dataclasses import dataclass, field
from queue import SimpleQueue

import pytest

from vgrad.errors import RunStateError
from vgrad.sweeps.dispatch import Ended, Event, Failed, Skipped, dispatch
from vgrad.sweeps.job import Outcome, Progress

DONE = Outcome("complete")


@dataclass(frozen=True)
class Chore:
    name: str
    complete: bool = False
    damaged: bool = False

    def is_complete(self) -> bool:
        if self.damaged:
            raise RunStateError(f"{self.name} is damaged")
        return self.complete


@dataclass
class Scripted:
    """Gives each chore its outcomes one after the other, then `complete`; `log` has what was submitted beside what."""

    script: dict[str, list[Outcome]] = field(default_factory=lambda: defaultdict(list))
    most: int = 2
    mail: SimpleQueue[Progress] = field(default_factory=SimpleQueue)
    log: list[tuple[str, int]] = field(default_factory=list)
    active: int = 0
    stopped: bool = False
    held: list[Future[Outcome]] = field(default_factory=list)

    def width(self) -> int:
        return self.most

    def submit(self, job: Chore) -> Future[Outcome]:
        self.log.append((job.name, self.active))
        self.active += 1
        future: Future[Outcome] = Future()
        outcomes = self.script[job.name]
        future.set_result(outcomes.pop(0) if outcomes else DONE)
        return future

    def receive(self, job: Chore, future: Future[Outcome]) -> Outcome:
        self.active -= 1
        return future.result()

    def stop(self) -> None:
        self.stopped = True


def told(events: Iterator[Event[Chore]]) -> list[tuple[str, str]]:
    found = []
    for event in events:
        if isinstance(event, Ended):
            found.append((event.job.name, event.status))
        elif isinstance(event, Skipped):
            found.append((event.job.name, "elsewhere" if event.elsewhere else "skipped"))
        elif isinstance(event, Failed):
            found.append((event.job.name, f"{event.cause} {event.attempt}{' final' if event.final else ''}"))
    return found


def chores(*names: str) -> Iterator[Chore]:
    return iter([Chore(name) for name in names])


def test_retries_are_counted_by_run() -> None:
    bad = Outcome("failed", "bad", again=True)
    place = Scripted({"a": [bad], "b": [bad] * 9, "c": [Outcome("failed", "hopeless")]})
    place.script = defaultdict(list, place.script)
    found = told(dispatch(chores("a", "b", "c", "d"), place, retries=2))
    assert ("a", "complete") in found
    assert [what for name, what in found if name == "b"] == ["bad 1", "bad 2", "bad 3 final"]
    assert [what for name, what in found if name == "c"] == ["hopeless 1 final"]
    assert ("d", "complete") in found


def test_complete_and_damaged_runs_are_not_submitted() -> None:
    place = Scripted()
    found = told(dispatch(iter([Chore("a", complete=True), Chore("b", damaged=True)]), place))
    assert found == [("a", "skipped"), ("b", "b is damaged 1 final")]
    assert place.log == []


def test_suspects_are_repeated_alone_and_innocents_lose_nothing() -> None:
    suspect = Outcome("suspect", "its worker died")
    place = Scripted(defaultdict(list, {"guilty": [suspect] * 9, "innocent": [suspect]}))
    found = told(dispatch(chores("guilty", "innocent", "c", "d", "e"), place, retries=1))
    assert ("innocent", "complete") in found
    assert [what for name, what in found if name == "guilty"] == ["its worker died 1", "its worker died 2 final"]
    assert [beside for name, beside in place.log[5:]] == [0, 0, 0]


def test_busy_and_lost_runs_come_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vgrad.sweeps.dispatch.BUSY_SECONDS", 0.01)
    place = Scripted(
        defaultdict(list, {"a": [Outcome("busy")] * 3, "b": [Outcome("lost")] * 3, "c": [Outcome("already")]})
    )
    found = told(dispatch(chores("a", "b", "c"), place, retries=0))
    assert sorted(found) == [("a", "complete"), ("b", "complete"), ("c", "elsewhere")]


def test_what_is_lost_again_and_again_fails() -> None:
    place = Scripted(defaultdict(list, {"a": [Outcome("lost", "it was lost")] * 99}))
    assert told(dispatch(chores("a"), place)) == [("a", "it was lost, 10 times 1 final")]


def test_fail_fast_begins_nothing_more() -> None:
    place = Scripted(defaultdict(list, {"a": [Outcome("failed", "bad")]}), most=1)
    assert told(dispatch(chores("a", "b", "c"), place, fail_fast=True)) == [("a", "bad 1 final")]
    assert place.stopped


def test_cancelled_waits_for_what_is_active() -> None:
    place = Scripted(defaultdict(list, {"a": [Outcome("interrupted")]}), most=1)
    seen: list[tuple[str, int]] = place.log
    assert told(dispatch(chores("a", "b"), place, cancelled=lambda: bool(seen))) == [("a", "interrupted")]
    assert place.stopped


def test_memory_does_not_grow_with_the_runs() -> None:
    place = Scripted(most=2000)

    def run(count: int) -> int:
        place.log.clear()
        for _ in dispatch((Chore(str(k), complete=k % 2 == 0) for k in range(count)), place):
            place.log.clear()
            place.script.clear()
        return tracemalloc.get_traced_memory()[0]

    tracemalloc.start()
    try:
        run(1000)
        before = run(1000)
        assert run(20_000) - before < 100_000
    finally:
        tracemalloc.stop()
