"""What was measured of a study, row by row, and its verdict: by the joint test of what was published of runs, and by
the tests of its claims."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from vgrad.study import draws
from vgrad.study.claims.verdict import reason_of, verdict_of
from vgrad.study.draws import Draws
from vgrad.study.joint import ALPHA
from vgrad.study.outcome import Claim, Found, Noticed, PublishedRun
from vgrad.study.power import ENOUGH
from vgrad.study.published import Experiment
from vgrad.text.numbers import significant

Row = dict[str, Any]


@dataclass(frozen=True)
class Trained:
    """The runs of an experiment: for each point of its grid, the run directory of every seed."""

    experiment: Experiment
    letter: str
    seeds: Sequence[int]
    points: Sequence[Sequence[Path]]
    comparable: bool
    places: Sequence[Mapping[str, str]] = ()
    """The value on every axis of each point, as it is spelled."""


WORSE: tuple[Found, ...] = ("not reproduced", "undecided", "cannot tell", "not comparable", "reproduced")


@dataclass
class Measured:
    """The rows of the files; `problems` has a line for each run that is there and cannot be read."""

    figures: list[Row] = field(default_factory=list)
    curves: list[Row] = field(default_factory=list)
    neurons: list[Row] = field(default_factory=list)
    values: list[Row] = field(default_factory=list)
    overview: list[Row] = field(default_factory=list)
    claims: list[Claim] = field(default_factory=list)
    experiments: list[Row] = field(default_factory=list)
    data: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    draws: dict[tuple[str, str], Draws] = field(default_factory=dict)
    """What is known of each published run, by the experiment whose run it is and the network."""
    published_runs: list[PublishedRun] = field(default_factory=list)
    p: float | None = None
    power: list[Noticed] = field(default_factory=list)

    def of(self, each: Trained, label: str) -> Draws:
        """The published run of a network of an experiment."""
        found = self.draws.setdefault((each.experiment.runs_of or each.experiment.name, label), Draws("", label))
        if each.letter not in found.letters:
            found.letters += f", {each.letter}" if found.letters else each.letter
        return found

    def test(self, known: Sequence[Noticed]) -> None:
        """The joint test, and its power; `known` is that against alternatives that were trained, by number of seeds."""
        self.published_runs, self.p = draws.joint_test(self.draws.values())
        self.power = draws.powers(self.draws.values())
        fewest = min((run.n for run in self.published_runs), default=0)
        most = max((each.seeds for each in known if each.seeds <= fewest), default=0)
        told = {each.alternative for each in self.power}
        self.power += [each for each in known if told and each.seeds == most and each.alternative not in told]

    @property
    def verdict(self) -> Found:
        """One for the study: the worse one of what its figures and its claims come to."""
        found = [self._of_figures] if self.draws or not self.claims else []
        found += [verdict_of(self.claims)] if self.claims else []
        return min(found, key=WORSE.index)

    @property
    def reason(self) -> str:
        """The verdict in a sentence."""
        told = [self._reason] if self.draws or not self.claims else []
        return "; ".join([*told, *([reason_of(self.claims)] if self.claims else [])])

    @property
    def _of_figures(self) -> Found:
        """By the joint test; where it could not notice much, it cannot tell."""
        if not self.draws:
            return "not comparable"
        if draws.out_of_reach(self.published_runs) or (self.p is not None and self.p <= ALPHA):
            return "not reproduced"
        if self.p is None or self._undecided:
            return "undecided"
        return "reproduced" if self.power and not self._weak else "cannot tell"

    @property
    def _undecided(self) -> int:
        """Figures and curves that these runs do not have."""
        return sum(row["verdict"] == "undecided" for row in self.figures)

    @property
    def _weak(self) -> list[Noticed]:
        """What the test does not notice often enough."""
        own = {*draws.ALTERNATIVES}
        return [each for each in self.power if each.alternative in own and each.noticed < ENOUGH]

    @property
    def _reason(self) -> str:
        """That of the figures."""
        if not self.figures and not self.curves:
            return "nothing that was published is compared"
        if self._of_figures == "not comparable":
            return f"the published figures do not apply to {' and '.join(self.data) or 'these runs'}"
        if self._of_figures == "undecided":
            judged = sum(row["verdict"] != "not comparable" for row in self.figures)
            return f"of {judged} published figures, {self._undecided} not judged by these runs"
        count = len(self.published_runs)
        told = f"as further draws, {f'the {count} published runs have' if count > 1 else 'the published run has'}"
        told = f"{told} p = {'–' if self.p is None else significant(self.p, 2)}"
        told += f", {self._undecided} figures are not judged by these runs" if self._undecided else ""
        for run in draws.out_of_reach(self.published_runs)[:1]:
            return f"{told}, and {run.strangest} of {run.layers} lies out of reach (t = {run.t:+.1f} of {run.n} seeds)"
        if self._of_figures == "cannot tell":
            weak = [f"{each.alternative} in {100 * each.noticed:.0f} of 100 studies" for each in self._weak]
            return f"{told}, and with so few seeds the test would notice {' and '.join(weak) or 'nothing'}"
        return told
