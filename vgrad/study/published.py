"""A published study as data: its figures with their source, and the sweeps that measure them again.

    study = load_study("nielsen")            or load_study("my-study.yaml")
    study.experiments[0].figures             what was published
    study.experiments[0].grid(...)           the sweep that measures it

A study is one YAML file; canon/ has those that come with vgrad. Its keys:

    study, title, source, url     what it is called, and where the figures are from
    seeds                         how many seeds each sweep is trained with
    takes                         {quick, full}: seconds on two cores, as they were measured once
    power                         a CSV beside the file: alternative, seeds, noticed (study/power.py); left out: none
    experiments                   a list of
      name, title, text           the folder of its runs, the question, and what was done, in a few sentences
      runs_of                     an earlier experiment of whose published runs these figures are, network by network;
                                  one seed has to give both the same initial network. Else they are of runs of their own
      quick                       {seeds, points, sweep} of a quick look: so many seeds, at the first so many points of
                                  the grid, with these keys of the sweep; as the study where it is left out
      sweep                       an ordinary sweep file
      figures                     a list of {label, unit, scale, measure, published}: `measure` is an entry of MEASURES,
                                  `published` a number for each point of the grid, or null; `scale` says how seeds
                                  spread, by factors (log) or by differences (linear)
      claims                      what was published without numbers: orderings, bounds (study/claims/forms.py)
      overview                    tables of what is measured over two axes of the grid (study/claims/overview.py)
      neurons                     published dC/db_j of the first neurons of each hidden layer, at the first point; one
                                  experiment of a study can have them
      curves                      a CSV beside the file: hidden, epoch, layer, value
    conclusions                   {text, of}: a sentence that is told where the claims that it names all hold
"""

from __future__ import annotations

import csv
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from io import StringIO
from pathlib import Path as File
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field

from vgrad.config.check import placed, settled
from vgrad.config.choice import Choice, ChoiceOf
from vgrad.config.config import Config
from vgrad.config.fields import NAME
from vgrad.config.problems import STRICT, Path, Problem, Problems, validated
from vgrad.document.document import Document, load_yaml, with_value
from vgrad.document.reader import Node
from vgrad.errors import ConfigError
from vgrad.registry import did_you_mean
from vgrad.storage.reading import read_bounded, why
from vgrad.study.claims.forms import Claim
from vgrad.study.claims.forms import problems as unfit_claim
from vgrad.study.claims.overview import Overview
from vgrad.study.claims.overview import problems as unfit_overview
from vgrad.study.measures import MEASURES, Measure
from vgrad.study.names import ALIASES, HERE, STUDIES
from vgrad.study.outcome import Noticed
from vgrad.sweeps.points.grid import Grid, read_grid
from vgrad.text.escapes import printable

MOST_BYTES = 2**22
MOST_POINTS = 1000  # of a grid whose networks are compared

_measure = ChoiceOf(MEASURES, "measure")
Name = Annotated[str, NAME]
Text = Annotated[str, Field(min_length=1, max_length=300)]
Seeds = Annotated[int, Field(ge=1, le=100_000)]


class Figure(BaseModel):
    """What was published of one quantity, for each point of the experiment's grid."""

    model_config = STRICT
    label: Annotated[str, Field(min_length=1, max_length=100)]
    unit: Literal["", "%"] = ""
    scale: Literal["log", "linear"] = "log"
    measure: Annotated[Choice, _measure.field]
    published: list[float | None]

    def of(self) -> Measure:
        """How to measure it."""
        return MEASURES[self.measure.name](**self.measure.parameters)


class Quick(BaseModel):
    """What a quick look trains of an experiment; None: all. `sweep` are keys of the sweep that it has otherwise."""

    model_config = STRICT
    seeds: Seeds | None = None
    points: Annotated[int, Field(ge=1)] | None = None
    sweep: dict[str, Any] = {}


class Takes(BaseModel):
    """Seconds on two cores, as they were measured once."""

    model_config = STRICT
    quick: Annotated[float, Field(gt=0)] | None = None
    full: Annotated[float, Field(gt=0)] | None = None


class Experiment(BaseModel):
    """One sweep over seeds, and the published figures that it measures again."""

    model_config = STRICT
    name: Name
    title: Text
    text: Annotated[str, Field(max_length=2000)]
    runs_of: Name | None = None
    quick: Quick = Quick()
    sweep: dict[str, Any]
    figures: list[Figure] = []
    claims: list[Claim] = []
    overview: Overview | None = None
    neurons: list[list[float]] = []
    curves: str | None = None


class Conclusion(BaseModel):
    """A sentence that is told where all of these claims hold: `of` names them as the table does, `A.1`."""

    model_config = STRICT
    text: Text
    of: Annotated[list[str], Field(min_length=1)]


class Contents(BaseModel):
    """The keys of a study's file."""

    model_config = STRICT
    study: Name
    title: Text
    source: Text
    url: Text
    seeds: Seeds
    power: str | None = None
    takes: Takes = Takes()
    experiments: Annotated[list[Experiment], Field(min_length=1, max_length=26)]
    conclusions: list[Conclusion] = []


Curves = dict[int, dict[int, dict[int, float]]]
"""Hidden layers of the network -> layer -> epoch -> norm."""


@dataclass(frozen=True)
class Study:
    """A study with the document that it was read from."""

    document: Document
    contents: Contents

    @property
    def folder(self) -> File:
        """Where the file is; names of files in it start here."""
        return File(self.document.source).parent

    def grid(self, experiment: Experiment, overrides: Sequence[str], seeds: str | None, *, quick: bool = False) -> Grid:
        """The sweep of an experiment, or of a quick look at it; ConfigError at the place in the study's file, or of
        an override."""
        root: Any = self.document.root
        entries = root.value["experiments"].value
        node: Node = entries[self.contents.experiments.index(experiment)].value["sweep"]
        document = Document(self.document.source, node)
        document = with_value(document, "name", Node(experiment.name, node.place))
        if quick and experiment.quick.sweep:
            changes = entries[self.contents.experiments.index(experiment)].value["quick"].value["sweep"].value
            for key, value in sorted(changes.items(), key=lambda item: item[0].count(".")):
                document = with_value(document, key, value)
        return read_grid(document, overrides=overrides, seeds=seeds)

    @cached_property
    def power(self) -> list[Noticed]:
        """What a simulation with trained alternatives found, if it was kept."""
        file = self.contents.power
        return _read_power(self.folder / file) if file else []

    @cached_property
    def curves(self) -> dict[str, Curves]:
        """Published curves by the name of the experiment."""
        found = [(each.name, each.curves) for each in self.contents.experiments if each.curves]
        return {name: _read_curves(self.folder / file) for name, file in found}


def load_study(name: str) -> Study:
    """The study called `name`, or the one in the file of that name. ConfigError with every problem at its place."""
    name = ALIASES.get(name, name)
    if name not in STUDIES and not name.endswith((".yaml", ".yml")):
        told = did_you_mean(name, [*STUDIES, *ALIASES])
        raise ConfigError(f"no study '{printable(name)}'{told}; a study of your own is a .yaml file")
    document = load_yaml(HERE / f"{name}.yaml" if name in STUDIES else name)
    try:
        contents = validated(Contents, document.root.plain())
    except Problems as failure:
        raise ConfigError(*placed(document, failure.problems)) from None
    study = Study(document, contents)
    problems = list(_unfit(study))
    if problems:
        raise ConfigError(*placed(document, problems))
    _ = study.curves, study.power  # read now: a missing file is told before anything is trained
    return study


def _unfit(study: Study) -> list[Problem]:
    """Figures that do not fit their grids, and experiments of one name."""
    problems, names = [], [each.name for each in study.contents.experiments]
    if study.contents.power and not _beside(study.contents.power):
        problems.append(Problem(("power",), "must be a file beside the study; write its name alone"))
    claims = [
        f"{chr(ord('A') + index)}.{number}"
        for index, experiment in enumerate(study.contents.experiments)
        for number in range(1, len(experiment.claims) + 1)
    ]
    for at, conclusion in enumerate(study.contents.conclusions):
        missing = next((name for name in conclusion.of if name not in claims), None)
        if missing:
            problems.append(Problem(("conclusions", at, "of"), f"no claim {missing!r}{did_you_mean(missing, claims)}"))
    for index, experiment in enumerate(study.contents.experiments):
        path = ("experiments", index)
        if experiment.name in names[:index]:
            problems.append(Problem((*path, "name"), f"'{experiment.name}' stands twice"))
        if "." in experiment.name:  # the folder of its runs stands among files
            problems.append(Problem((*path, "name"), "must be without a dot"))
        if experiment.curves and not _beside(experiment.curves):
            problems.append(Problem((*path, "curves"), "must be a file beside the study; write its name alone"))
        if experiment.neurons and any(each.neurons for each in study.contents.experiments[:index]):
            problems.append(Problem((*path, "neurons"), "another experiment has neurons; a study shows those of one"))
        if experiment.runs_of and experiment.runs_of not in names[:index]:
            problems.append(Problem((*path, "runs_of"), "names no earlier experiment"))
        measures = [figure.measure for figure in experiment.figures]
        grid = study.grid(experiment, [], None)
        points = grid.size
        by_network = bool(experiment.figures or experiment.neurons or experiment.curves)
        if by_network or experiment.claims or experiment.overview:
            made = list(grid.points()) if points <= MOST_POINTS else []
            configs = [settled(grid.document(point)) for point in made]
            problems += _twice(path, configs) if by_network else []
            places = [dict(point.cells) for point in made]
            for at, claim in enumerate(experiment.claims):
                found = unfit_claim(claim, places, configs)
                problems += [replace(problem, path=(*path, "claims", at, *problem.path)) for problem in found]
            if experiment.overview:
                found = unfit_overview(experiment.overview, places, configs)
                problems += [replace(problem, path=(*path, "overview", *problem.path)) for problem in found]
        problems += _unfit_quick(study, experiment, path, points)
        for at, figure in enumerate(experiment.figures):
            here = (*path, "figures", at, "published")
            if figure.measure in measures[:at]:
                problems.append(Problem((*path, "figures", at, "measure"), "stands twice"))
            if len(figure.published) != points:
                told = f"expected {points} numbers, one a point of the grid, found {len(figure.published)}"
                problems.append(Problem(here, told))
            elif figure.scale == "log" and any(value is not None and value <= 0 for value in figure.published):
                problems.append(Problem(here, "must be above 0 on a logarithmic scale; write scale: linear"))
    return problems


def _twice(path: Path, configs: Sequence[Config]) -> list[Problem]:
    """Two points of one network, where figures go by networks."""
    sizes = [config.sizes for config in configs]
    twice = next((each for at, each in enumerate(sizes) if each in sizes[:at]), None)
    if twice is None:
        return []
    told = f"two points train {'-'.join(map(str, twice))}; figures go by their networks: make two experiments"
    return [Problem((*path, "sweep", "grid"), told)]


def _unfit_quick(study: Study, experiment: Experiment, path: Path, points: int) -> Iterator[Problem]:
    """A quick look at more points than there are, or at a grid of its own where figures go by the points."""
    changes = experiment.quick.sweep
    if changes and (experiment.figures or experiment.curves) and any(key.split(".")[0] == "grid" for key in changes):
        yield Problem((*path, "quick", "sweep", "grid"), "figures are of the points of the grid; leave it as it is")
        return
    if any(key in ("name", "seeds") for key in changes):
        yield Problem((*path, "quick", "sweep"), "name and seeds are said elsewhere: write quick: {seeds: 2}")
    if changes:
        grid = study.grid(experiment, [], None, quick=True)
        points = grid.size
        for point in grid.points() if points <= MOST_POINTS else ():
            settled(grid.document(point))
    if (experiment.quick.points or 1) > points:
        yield Problem((*path, "quick", "points"), f"the grid has {points}")


def _beside(name: str) -> bool:
    """Whether this is the name of a file, and no way to somewhere else."""
    return File(name).name == name and name != ".."


def _rows(path: File, header: list[str], what: str) -> Iterator[tuple[int, list[str]]]:
    """The numbered lines of a CSV below its header; ConfigError for what is none."""
    name = printable(str(path), 200)
    try:
        rows = list(csv.reader(StringIO(read_bounded(path, MOST_BYTES).decode())))
    except (OSError, ValueError, csv.Error) as error:
        reason = why(error) if isinstance(error, OSError) else "not a CSV file"
        raise ConfigError(f"{name}: {what} cannot be read: {reason}") from None
    if rows[:1] != [header]:
        raise ConfigError(f"{name}:1: expected the header {','.join(header)}")
    yield from enumerate(rows[1:], 2)


def _read_power(path: File) -> list[Noticed]:
    """A CSV of powers; ConfigError with the line that is not one."""
    found = []
    for number, row in _rows(path, ["alternative", "seeds", "noticed"], "the table of powers"):
        try:
            alternative, seeds, noticed = row
            found.append(Noticed(alternative=alternative, seeds=int(seeds), noticed=float(noticed)))
        except ValueError:
            told = "expected alternative,seeds,noticed with a share"
            raise ConfigError(f"{printable(str(path), 200)}:{number}: {told}") from None
    return found


def _read_curves(path: File) -> Curves:
    """A CSV of curves; ConfigError with the line that is not one."""
    name, curves = printable(str(path), 200), Curves()
    for number, row in _rows(path, ["hidden", "epoch", "layer", "value"], "published curves"):
        try:
            hidden, epoch, layer = map(int, row[:3])
            value = float(row[3])
            fits = len(row) == 4 and 1 <= layer <= hidden and epoch >= 0 and 0 < value < math.inf
        except (ValueError, IndexError):
            fits = False
        if not fits:
            raise ConfigError(f"{name}:{number}: expected hidden,epoch,layer,value with a value above 0")
        curves.setdefault(hidden, {}).setdefault(layer, {})[epoch] = value
    return curves
