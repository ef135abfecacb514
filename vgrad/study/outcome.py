"""The outcome of a study that was reproduced, as its folder tells it: published figures beside measured ones.

    study.json     what was reproduced, with what, and the verdict
    figures.csv    a row a published figure: what was published, what the seeds gave, and the band of a draw
    curves.csv     a row a line and epoch: a published curve and the band of the seeds
    neurons.csv    a row a neuron: |dC/db_j| before training, published and measured
    values.csv     a row a figure and seed: every number behind the figures, with the run that it is of

Reading writes nothing and runs nothing; a file that is not what is written here is one line of RunStateError. Columns
and keys that are not known here are left alone: a later version may write more.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from itertools import groupby
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from vgrad.errors import RunStateError
from vgrad.runs.index import STUDY
from vgrad.storage.json import read_json
from vgrad.storage.reading import is_there
from vgrad.study import cells
from vgrad.text.escapes import visible

FIGURES, CURVES, NEURONS, VALUES = "figures.csv", "curves.csv", "neurons.csv", "values.csv"
SCHEMA = 1
RATIO = "ratio"
_MODEL = ConfigDict(strict=True, allow_inf_nan=False, frozen=True)
Words = Literal["reproduced", "not reproduced", "not comparable", "undecided"]


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


class Study(BaseModel):
    """study.json. A figure is inside where one further draw falls as often as a normal variable within `limit` standard
    deviations; `level` is that of intervals and of the bands of curves, `share` the share of a curve that has to lie in
    its band."""

    model_config = _MODEL
    study: str = Field(max_length=100)
    title: str = Field(max_length=500)
    source: str = Field(max_length=1000)
    url: str = Field(max_length=500)
    data: str = Field(max_length=100)
    settings: list[str]
    quick: bool
    left_out: list[str]
    limit: float = Field(gt=0, le=100)
    level: float = Field(gt=0, lt=1)
    share: float = Field(ge=0, le=1)
    verdict: Words
    reason: str = Field(max_length=2000)
    experiments: list[Experiment]
    versions: dict[str, str]
    processor: str
    blas: list[str] = []

    @property
    def comparable(self) -> bool:
        """Whether the published figures are of this data and these settings."""
        return self.verdict != "not comparable"


@dataclass(frozen=True)
class Figure:
    """One published figure, in its published unit, and what the seeds gave.

    `scale` linear: mean, standard deviation and t interval; log: the same of log10, raised back, so that `spread` is
    a factor. `band_low` … `band_high`: where one further draw falls. `z`: (published - mean) / sd on that scale. Of a
    curve, `inside` is the share of epochs at which the published one lies in the band of the seeds, and the numbers
    between are None. `lost` runs are in none of it.
    """

    experiment: str
    figure: str
    layers: str
    label: str
    unit: str
    scale: str
    published: float | None
    n: int
    center: float | None
    spread: float | None
    low: float | None
    high: float | None
    band_low: float | None
    band_high: float | None
    z: float | None
    inside: float | None
    lost: int
    verdict: str

    @property
    def of_a_curve(self) -> bool:
        """Whether this is a whole curve, judged by a share of its epochs: its numbers are in curves.csv."""
        return self.center is None and self.n > 0


@dataclass(frozen=True)
class Point:
    """One epoch of a line: the geometric mean of `n` seeds, and the band of one further draw."""

    epoch: int
    published: float | None
    n: int
    center: float | None
    low: float | None
    high: float | None
    inside: bool | None


@dataclass(frozen=True)
class Curve:
    """‖delta^l‖ over epochs of a network's hidden layer `line`, or last/first where `line` is "ratio"."""

    experiment: str
    layers: str
    line: str
    points: tuple[Point, ...]


@dataclass(frozen=True)
class Neuron:
    """|dC/db_j| of one neuron before training; `low` … `high` hold 95 % of all neurons of the layer over all seeds."""

    layers: str
    layer: int
    neuron: int
    published: float | None
    measured: float
    low: float | None
    high: float | None


@dataclass(frozen=True)
class Value:
    """What one run gave for one figure."""

    experiment: str
    figure: str
    seed: int
    run: str
    value: float


@dataclass(frozen=True)
class Outcome:
    """A study's folder, read."""

    study: Study
    figures: tuple[Figure, ...]
    curves: tuple[Curve, ...]
    neurons: tuple[Neuron, ...]
    values: tuple[Value, ...] = field(repr=False)

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


def is_study(folder: Path) -> bool:
    """Whether a study's outcome lies here, whole or damaged."""
    try:
        return is_there(folder / STUDY)
    except OSError:  # whoever looks for runs there says so
        return False


def read_outcome(folder: Path) -> Outcome:
    """The outcome in `folder`. RunStateError, one line, for whatever is not one."""
    study = _study(folder / STUDY)
    letters = [each.letter for each in study.experiments]
    figures = tuple(Figure(**row) for row in cells.read(folder / FIGURES, _FIGURE))
    values = tuple(Value(**row) for row in cells.read(folder / VALUES, _VALUE))
    curves = _curves(folder / CURVES, letters)
    neurons = tuple(Neuron(**row) for row in cells.read(folder / NEURONS, _NEURON))
    for file, rows in ((FIGURES, figures), (VALUES, values)):
        strange = next((row.experiment for row in rows if row.experiment not in letters), None)
        if strange:
            raise _damaged(folder / file, f"experiment {strange} is not in {STUDY}")
    _once(folder / FIGURES, [figure.figure for figure in figures])
    said = {figure.verdict for figure in figures}
    if (study.verdict == "reproduced" and said - {"inside", "not comparable"}) or (
        study.verdict != "not comparable" and not said
    ):
        raise _damaged(folder / STUDY, f"says {study.verdict}, and {FIGURES} does not")
    _once(folder / VALUES, [(value.experiment, value.figure, value.seed, value.run) for value in values])
    return Outcome(study, figures, curves, neurons, values)


def _study(file: Path) -> Study:
    tree = read_json(file)
    if tree is None:
        raise RunStateError(f"{visible(str(file))}: no such file; name the folder that vgrad reproduce made")
    if tree.get("schema") != SCHEMA:
        found = visible(repr(tree.get("schema")))[:40]
        raise RunStateError(f"{visible(str(file))}: schema {found}, where this version of vgrad reads {SCHEMA}")
    try:
        study = Study.model_validate(tree)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(map(str, first["loc"]))
        raise _damaged(file, f"{place}: {first['msg'].lower()}") from None
    _once(file, [each.letter for each in study.experiments])
    return study


def _curves(file: Path, letters: list[str]) -> tuple[Curve, ...]:
    """The lines of curves.csv, each in one piece with its epochs in order."""
    found = []
    for (experiment, layers, line), rows in groupby(
        cells.read(file, _CURVE), key=lambda row: (row["experiment"], row["layers"], row["line"])
    ):
        points = tuple(Point(**{name: row[name] for name in Point.__annotations__}) for row in rows)
        epochs = [point.epoch for point in points]
        if epochs != sorted(set(epochs)):
            raise _damaged(file, f"the epochs of {layers}, line {line}, do not follow on each other")
        if experiment not in letters:
            raise _damaged(file, f"experiment {experiment} is not in {STUDY}")
        found.append(Curve(experiment, layers, line, points))
    _once(file, [(curve.layers, curve.line) for curve in found])
    return tuple(found)


def _once(file: Path, names: list[Any]) -> None:
    seen = set[Any]()
    for name in names:
        if name in seen:
            told = name if isinstance(name, str) else ", ".join(map(str, name))
            raise _damaged(file, f"{told} stands there twice")
        seen.add(name)


def _damaged(file: Path, what: str) -> RunStateError:
    return RunStateError(f"{visible(str(file))}: damaged: {visible(what)[:200]}")


_VERDICT = cells.one_of("inside", "outside", "not comparable", "undecided")
_FIGURE: Mapping[str, cells.Parse] = {
    "experiment": cells.name,
    "figure": cells.name,
    "layers": cells.layers,
    "label": cells.words,
    "unit": cells.words,
    "scale": cells.one_of("linear", "log"),
    "published": cells.maybe,
    "n": cells.count,
    "center": cells.maybe,
    **dict.fromkeys(("spread", "low", "high", "band_low", "band_high"), cells.bound),
    "z": cells.maybe,
    "inside": cells.maybe,
    "lost": cells.count,
    "verdict": _VERDICT,
}
_CURVE: Mapping[str, cells.Parse] = {
    "experiment": cells.name,
    "layers": cells.layers,
    "line": cells.line,
    "epoch": cells.count,
    "published": cells.maybe,
    "n": cells.count,
    "center": cells.maybe,
    "low": cells.bound,
    "high": cells.bound,
    "inside": cells.flag,
}
_NEURON: Mapping[str, cells.Parse] = {
    "layers": cells.layers,
    "layer": cells.place,
    "neuron": cells.place,
    "published": cells.maybe,
    "measured": cells.number,
    **dict.fromkeys(("low", "high"), cells.bound),
}
_VALUE: Mapping[str, cells.Parse] = {
    "experiment": cells.name,
    "figure": cells.name,
    "seed": cells.count,
    "run": cells.words,
    "value": cells.number,
}
