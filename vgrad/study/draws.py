"""The numbers of each published run beside those of our seeds, as draws: what the joint test compares.

Figures and curves of one network are of one published run where their experiments say so (`runs_of`), and our runs of
one seed are then one draw. A seed takes part where it has every number, and a number that no seed is comparable in
(not published, or not measured by most) is left out.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from vgrad.study.joint import Array, beyond, combined, farthest, share_as_strange, strangeness, studentized
from vgrad.study.outcome import Noticed, PublishedRun
from vgrad.study.power import power
from vgrad.study.published import Figure

FACTOR = "a factor of two in the first hidden layer"
POINT = "a point of accuracy"
ANYTHING = "three standard deviations in every number"
ALTERNATIVES = (FACTOR, POINT, ANYTHING)
"""What a study has to be able to notice, where it has such figures, before it can say that it is reproduced."""
REPLICATION = "an exact replication"
FEWEST = 2
"""Seeds that a published run is compared with."""
LONGEST = 100


@dataclass(frozen=True)
class Block:
    """The numbers of one figure or curve, on the scale on which seeds spread."""

    names: Sequence[str]
    published: Array  # (numbers,)
    ours: Mapping[int, Array]
    """By seed, NaN where a run has none."""
    first_layer: float = 0.0
    """The power of the first hidden layer's norm that they are proportional to: 1, -1 of last/first, else 0."""
    percent: bool = False

    def changed(self, alternative: str) -> float:
        """What is added to each number where the published run differs so."""
        if alternative == FACTOR:
            return self.first_layer * math.log10(2)
        return -1.0 if alternative == POINT and self.percent else 0.0


@dataclass
class Draws:
    """All that is known of one published run."""

    letters: str
    layers: str
    blocks: list[Block] = field(default_factory=list)

    def settle(self) -> Settled:
        """The draws that can be compared: the seeds that have all of the numbers that were published and measured."""
        seeds = sorted(set.intersection(*(set(block.ours) for block in self.blocks)))
        ours = np.array([np.concatenate([block.ours[seed] for block in self.blocks]) for seed in seeds])
        published = np.concatenate([block.published for block in self.blocks])
        ours = ours.reshape(len(seeds), len(published))
        usable = np.isfinite(published) & (np.isfinite(ours).sum(axis=0) * 2 > len(seeds))
        whole = np.isfinite(ours[:, usable]).all(axis=1)
        names = [name for block in self.blocks for name in block.names]
        kept = [name for name, use in zip(names, usable, strict=True) if use]
        return Settled(self, kept, published[usable], ours[whole][:, usable], usable, len(seeds) - int(whole.sum()))


@dataclass(frozen=True)
class Settled:
    """The published draw and ours, each of the same numbers."""

    of: Draws
    names: Sequence[str]
    published: Array
    ours: Array
    usable: Array
    lost: int

    @property
    def testable(self) -> bool:
        """Whether there is something to compare, and something to compare it with."""
        return len(self.ours) >= FEWEST and len(self.names) > 0

    def strange(self) -> Array:
        """T of the published draw, and of ours."""
        return strangeness(np.vstack([self.published, self.ours]))

    def row(self) -> PublishedRun:
        """What is kept of its test."""
        row = PublishedRun(
            experiments=self.of.letters,
            layers=self.of.layers,
            n=len(self.ours),
            lost=self.lost,
            numbers=len(self.names),
        )
        if not self.testable:
            return row
        t = studentized(np.vstack([self.published, self.ours]))[0]
        at = farthest(t)
        far = {"strangest": self.names[at][:LONGEST], "t": float(t[at]) if np.isfinite(t[at]) else None}
        return row.model_copy(update={**far, "p": share_as_strange(self.strange())})

    def shift(self, alternative: str) -> Array:
        """What is added to the numbers of a draw that differs so."""
        if alternative == ANYTHING:
            found: Array = 3.0 * self.ours.std(axis=0, ddof=1)
            return found
        every = [np.full(len(block.published), block.changed(alternative)) for block in self.of.blocks]
        changed: Array = np.concatenate(every)[self.usable]
        return changed


def out_of_reach(rows: Sequence[PublishedRun]) -> list[PublishedRun]:
    """Published runs with a number that lies beyond what chance explains."""
    numbers = sum(row.numbers for row in rows)
    return [row for row in rows if row.t is not None and beyond(row.t, row.n, numbers)]


def joint_test(runs: Iterable[Draws]) -> tuple[list[PublishedRun], float | None]:
    """The row of each published run, and p of the study; None where a run cannot be tested."""
    settled = [run.settle() for run in runs if run.blocks]
    rows = [each.row() for each in settled]
    if not settled or not all(each.testable for each in settled):
        return rows, None
    return rows, combined([each.strange() for each in settled])


def powers(runs: Iterable[Draws]) -> list[Noticed]:
    """How often the test rejects an exact replication, and published runs that differ; nothing with too few seeds."""
    settled = [run.settle() for run in runs if run.blocks]
    if not settled or not all(each.testable and len(each.ours) > FEWEST for each in settled):
        return []
    shifts = {name: [each.shift(name) for each in settled] for name in (FACTOR, POINT)}
    told = [name for name, every in shifts.items() if any(shift.any() for shift in every)]
    return [_noticed(name, settled) for name in (REPLICATION, *(told or [ANYTHING]))]


def _noticed(alternative: str, settled: Sequence[Settled]) -> Noticed:
    plain = alternative == REPLICATION
    shifts = [np.zeros(len(each.names)) if plain else each.shift(alternative) for each in settled]
    seeds = [len(each.ours) - 1 for each in settled]

    def others(run: int, row: int) -> Array:
        changed: Array = settled[run].ours[row] + shifts[run]
        return changed

    found = power([each.ours for each in settled], others, seeds)
    return Noticed(alternative=alternative, noticed=found, seeds=min(seeds))


def figure_block(figure: Figure, published: float, values: Mapping[int, float | None]) -> Block:
    """A figure, from its value in every run that is there."""
    scale = _log if figure.scale == "log" else float
    ours = {seed: np.array([math.nan if value is None else scale(value)]) for seed, value in values.items()}
    of_layer = -1.0 if figure.measure.name == "ratio" else float(figure.measure.parameters.get("layer") == 1)
    first = of_layer if figure.scale == "log" else 0.0
    return Block([figure.label], np.array([scale(published)]), ours, first, figure.unit == "%")


def curve_block(label: str, epochs: Sequence[int], published: Array, ours: Mapping[int, Array], line: str) -> Block:
    """A curve, from the published one and that of every run, all on the same epochs."""
    names = [f"{label}, epoch {epoch}" for epoch in epochs]
    of_layer = -1.0 if line == "ratio" else float(line == "1")
    return Block(names, logs(published), {seed: logs(values) for seed, values in ours.items()}, of_layer)


def logs(values: Array) -> Array:
    """log10, NaN of what has none."""
    found: Array = np.log10(np.where(values > 0, values, np.nan))
    return found


def _log(value: float) -> float:
    return math.log10(value) if value > 0 else math.nan
