"""The outcome of a study that was reproduced: published figures beside measured ones, as study/files.py keeps it.

A field of Figure, Point, Curve, Neuron, Value and Shown is a column of its file: its name, its place and how its cells
are read are said here alone.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Annotated, Any, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, SerializerFunctionWrapHandler, model_serializer, model_validator

from vgrad.study.cells import Bound, Count, Flag, Layers, LineName, Maybe, Name, Number, Place, Words, one_of
from vgrad.study.judgement import Verdict

RATIO = "ratio"
_MODEL = ConfigDict(strict=True, allow_inf_nan=False, frozen=True)
Found = Literal["reproduced", "not reproduced", "cannot tell", "not comparable", "undecided"]


class Experiment(BaseModel):
    """One of the study's experiments; `text` says what is done and what was published; `seconds` are those of all its
    runs, None where they are not known."""

    model_config = _MODEL
    name: str = Field(max_length=100)
    letter: str = Field(pattern=r"^[A-Z]$")
    title: str = Field(max_length=500)
    text: str = Field(default="", max_length=2000)
    seeds: list[int]
    runs: int = Field(ge=0)
    complete: int = Field(ge=0)
    diverged: int = Field(ge=0)
    failed: int = Field(ge=0)
    seconds: float | None
    neurons: bool | None = None
    """Whether the single neurons are of this experiment; None is not written."""
    overview: list[str] | None = Field(default=None, min_length=2, max_length=2)
    """The axes of its overview, that of the rows first; None is not written."""

    @model_serializer(mode="wrap")
    def _tree(self, write: SerializerFunctionWrapHandler) -> dict[str, Any]:
        tree: dict[str, Any] = write(self)
        return {key: value for key, value in tree.items() if value is not None or key not in ("neurons", "overview")}


class PublishedRun(BaseModel):
    """All that was published of one run, tested as one draw beside `n` of our seeds: `numbers` numbers, of which
    `strangest` lies `t` studentized deviations off. `p` is the share of all draws that are as strange; None where it
    cannot be tested. `lost` seeds are not in it."""

    model_config = _MODEL
    experiments: str = Field(pattern=r"^[A-Z](, [A-Z])*$")
    layers: str = Field(max_length=700)
    n: int = Field(ge=0)
    lost: int = Field(ge=0)
    numbers: int = Field(ge=0)
    strangest: str = Field(default="", max_length=100)
    t: float | None = None
    p: float | None = Field(default=None, ge=0, le=1)


class Noticed(BaseModel):
    """The power of the joint test: in the share `noticed` of studies with `seeds` seeds it rejects published runs that
    differ from ours as `alternative` says."""

    model_config = _MODEL
    alternative: str = Field(max_length=100)
    noticed: float = Field(ge=0, le=1)
    seeds: int = Field(ge=1)


class ClaimPart(BaseModel):
    """One cell, epoch or pair of a claim over `n` seeds: `center` with its interval, of differences or quotients where
    `sides` has the two that they are of; `p` of the contrary (study/claims/evidence.py). `values` are those of each
    seed, "never" for what was not reached, None for none."""

    model_config = _MODEL
    label: str = Field(max_length=700)
    n: int = Field(ge=0)
    agree: int = Field(ge=0)
    center: float | None
    low: float | None
    high: float | None
    sides: tuple[float | None, float | None] | None = None
    p: float = Field(ge=0, le=1)
    values: list[float | Literal["never"] | None]

    @model_validator(mode="before")
    @classmethod
    def _of_json(cls, tree: Any) -> Any:
        """JSON has lists alone."""
        if isinstance(tree, dict) and isinstance(tree.get("sides"), list):
            return {**tree, "sides": tuple(tree["sides"])}
        return tree


class Claim(BaseModel):
    """A claim of the paper and its verdict: `agree` of `n` seeds have all of its parts; `p` is the largest of them,
    `against` that of the contrary. `noticed`: so far inside its boundary, as a difference or a factor, 80 of 100
    studies with as many seeds find it. `why` is said where it could not be judged."""

    model_config = _MODEL
    claim: str = Field(max_length=100)
    experiment: str = Field(pattern=r"^[A-Z]$")
    text: str = Field(max_length=300)
    source: str = Field(max_length=200)
    measure: str = Field(max_length=300)
    claimed: str = Field(max_length=300)
    scale: Literal["linear", "log"]
    n: int = Field(ge=0)
    agree: int = Field(ge=0)
    p: float | None = Field(ge=0, le=1)
    against: float | None = Field(ge=0, le=1)
    noticed: float | None = None
    units: Literal["seeds", "groups of seeds"] = "seeds"
    verdict: Literal["holds", "fails", "agrees", "disagrees", "cannot tell"]
    why: str = Field(default="", max_length=300)
    runs: list[str] = []
    parts: list[ClaimPart]

    @property
    def told(self) -> str:
        """The verdict, and where there are too few seeds for a test, in how many of them."""
        if self.why:
            return f"not judged, {self.why}"
        if self.verdict == "holds":
            return self.verdict
        if self.verdict in ("agrees", "cannot tell"):
            return (
                f"{'' if self.verdict == 'agrees' else 'cannot tell, '}agrees in {self.agree} of {self.n} {self.units}"
            )
        return f"{self.verdict}, agrees in {self.agree} of {self.n} {self.units}"


class Study(BaseModel):
    """study.json. The verdict is that of the joint test (study/joint.py): `p` of `published_runs` taken together, at
    size `alpha`. A figure alone is inside where one further draw falls as often as a normal variable within `limit`
    standard deviations; `level` is that of intervals. Outcomes of before the joint test have none of it."""

    model_config = _MODEL
    study: str = Field(max_length=100)
    title: str = Field(max_length=500)
    source: str = Field(max_length=1000)
    url: str = Field(max_length=500)
    data: str = Field(max_length=100)
    settings: list[str]
    quick: bool
    left_out: list[str]
    scaled: list[str] = []
    """What a quick look has smaller than the study, an experiment a line."""
    limit: float = Field(gt=0, le=100)
    level: float = Field(gt=0, lt=1)
    verdict: Found
    reason: str = Field(max_length=2000)
    alpha: float | None = Field(default=None, gt=0, lt=1)
    p: float | None = Field(default=None, ge=0, le=1)
    published_runs: list[PublishedRun] = []
    power: list[Noticed] = []
    claims: list[Claim] = []
    conclusions: list[str] = []
    """What follows from claims that all hold."""
    experiments: list[Experiment]
    versions: dict[str, str]
    processor: str
    blas: list[str] = []

    @model_serializer(mode="wrap")
    def _tree(self, write: SerializerFunctionWrapHandler) -> dict[str, Any]:
        tree: dict[str, Any] = write(self)
        return {key: value for key, value in tree.items() if value or key not in ("claims", "scaled", "conclusions")}

    @property
    def has_overview(self) -> bool:
        """Whether one of its experiments has an overview."""
        return any(each.overview for each in self.experiments)

    @property
    def comparable(self) -> bool:
        """Whether the published figures are of this data and these settings."""
        return self.verdict != "not comparable"


@dataclass(frozen=True)
class Figure:
    """One published figure, in its published unit, and what the seeds gave.

    `scale` linear: mean, standard deviation and t interval; log: the same of log10, raised back, so that `spread` is
    a factor. `band_low` … `band_high`: where one further draw falls. `z`: (published - mean) / sd on that scale. Of a
    curve, `inside` is the share of epochs at which the published one lies in the simultaneous band of the seeds, and
    the numbers between are None. `lost` runs are in none of it. `theory` is what mean-field theory says of it, the
    geometric mean over networks, and `theory_deviation` the standard deviation of log10 over them; None where it says
    nothing.
    """

    experiment: Name
    figure: Name
    layers: Layers
    label: Words
    unit: Words
    scale: Annotated[str, one_of("linear", "log")]
    published: Maybe
    n: Count
    center: Maybe
    spread: Bound
    low: Bound
    high: Bound
    band_low: Bound
    band_high: Bound
    z: Maybe
    inside: Maybe
    lost: Count
    verdict: Annotated[str, one_of(*get_args(Verdict))]
    theory: Maybe = None
    theory_deviation: Maybe = None

    @property
    def of_a_curve(self) -> bool:
        """Whether this is a whole curve: its numbers are in curves.csv."""
        return self.center is None and self.n > 0

    @property
    def off_theory(self) -> float | None:
        """How many standard deviations over networks the published number lies above theory's, on log10."""
        if not self.published or not self.theory or not self.theory_deviation:
            return None
        return math.log10(self.published / self.theory) / self.theory_deviation

    @property
    def of_a_ratio(self) -> bool:
        """Whether this is last/first of a network: its name ends in the measure."""
        return self.figure.startswith(f"{self.experiment}.{self.layers}.ratio-")


@dataclass(frozen=True)
class Point:
    """One epoch of a line: the geometric mean of `n` seeds, and the band that holds one more line as a whole."""

    epoch: Count
    published: Maybe
    n: Count
    center: Maybe
    low: Bound
    high: Bound
    inside: Flag


@dataclass(frozen=True)
class Curve:
    """‖delta^l‖ over epochs of a network's hidden layer `line`, or last/first where `line` is "ratio"."""

    experiment: Name
    layers: Layers
    line: LineName
    points: tuple[Point, ...]


@dataclass(frozen=True)
class Neuron:
    """|dC/db_j| of one neuron before training; `low` … `high` hold 95 % of all neurons of the layer over all seeds."""

    layers: Layers
    layer: Place
    neuron: Place
    published: Maybe
    measured: Number
    low: Bound
    high: Bound


@dataclass(frozen=True)
class Value:
    """What one run gave for one figure."""

    experiment: Name
    figure: Name
    seed: Count
    run: Words
    value: Number


@dataclass(frozen=True)
class Shown:
    """One cell of an overview: what is measured, at a value of the axis of the rows and one of that of the columns.

    `scale` linear: mean with t interval; log: geometric mean with that of log10; `median`: of a time to something, the
    median, in which a run that `never` got there counts as infinite, and empty where half of them did not. `lost` runs
    are in none of it.
    """

    experiment: Name
    label: Words
    unit: Words
    scale: Annotated[str, one_of("linear", "log", "median")]
    row: Words
    column: Words
    n: Count
    center: Maybe
    low: Bound
    high: Bound
    never: Count
    lost: Count


@dataclass(frozen=True)
class Outcome:
    """A study's folder, read."""

    study: Study
    figures: tuple[Figure, ...]
    curves: tuple[Curve, ...]
    neurons: tuple[Neuron, ...]
    values: tuple[Value, ...] = field(repr=False)
    overview: tuple[Shown, ...] = ()

    @cached_property
    def behind(self) -> Mapping[tuple[str, str], tuple[Value, ...]]:
        """The values behind each figure, by experiment and figure."""
        found: dict[tuple[str, str], list[Value]] = {}
        for value in self.values:
            found.setdefault((value.experiment, value.figure), []).append(value)
        return {at: tuple(values) for at, values in found.items()}

    def of(self, figure: Figure) -> tuple[Value, ...]:
        """The values behind a figure."""
        return self.behind.get((figure.experiment, figure.figure), ())

    def experiment(self, letter: str) -> Experiment:
        """The experiment of this letter, which every figure's experiment has."""
        return next(each for each in self.study.experiments if each.letter == letter)

    def part(self, experiment: Experiment) -> Outcome:
        """What is of one experiment."""
        letter = experiment.letter
        claims = [claim for claim in self.study.claims if claim.experiment == letter]
        return Outcome(
            self.study.model_copy(update={"claims": claims}),
            tuple(each for each in self.figures if each.experiment == letter),
            tuple(each for each in self.curves if each.experiment == letter),
            self.neurons if self._of_neurons == letter else (),
            tuple(each for each in self.values if each.experiment == letter),
            tuple(each for each in self.overview if each.experiment == letter),
        )

    @cached_property
    def _of_neurons(self) -> str:
        """The experiment that the neurons are of: where study.json says none, the first with a figure of them."""
        said = (each.letter for each in self.study.experiments if each.neurons)
        figures = (each.experiment for each in self.figures if ".neurons-" in each.figure)
        return next(said, next(figures, self.study.experiments[0].letter))
