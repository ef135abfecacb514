"""The files of a study's folder, both ways: their names, their columns and the number of their schema, said once.

study.json     the verdict and how it came about: settings, seeds, counts, versions; the claims with their parts
figures.csv    a row a published figure: what was published, what the seeds gave, and the band of a draw
curves.csv     a row a line and epoch: a published curve and the band of the seeds
neurons.csv    a row a neuron: |dC/db_j| before training, published and measured
values.csv     a row a figure and seed: every number behind the figures, with the run that it is of
overview.csv   a row a cell of an overview; only of studies that have one

All but study.json are the same bytes whenever the same runs are measured. Reading writes nothing and runs nothing; a
file that is not what is written here is one line of RunStateError. Columns and keys that are not known here are left
alone: a later version may write more.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from vgrad.errors import RunStateError
from vgrad.runs.index import STUDY
from vgrad.storage import own_folder, write_file
from vgrad.storage.json import read_json
from vgrad.study.cells import columns, later, read, written
from vgrad.study.outcome import Curve, Figure, Neuron, Outcome, Point, Shown, Study, Value
from vgrad.text.escapes import visible

SCHEMA = 1
FIGURES, CURVES, NEURONS, VALUES = "figures.csv", "curves.csv", "neurons.csv", "values.csv"
OVERVIEW = "overview.csv"
TABLES = {
    FIGURES: columns(Figure),
    CURVES: columns(Curve) | columns(Point),
    NEURONS: columns(Neuron),
    VALUES: columns(Value),
    OVERVIEW: columns(Shown),
}
Row = Mapping[str, Any]


def write(folder: Path, study: Study, tables: Mapping[str, Sequence[Row]]) -> None:
    """Puts the files into `folder`, study.json last; `tables` are the rows of each file of TABLES."""
    own_folder(folder)
    for name, known in TABLES.items():
        if name != OVERVIEW or study.has_overview:
            write_file(folder / name, written(tables[name], tuple(known)))
    tree = {"schema": SCHEMA, **study.model_dump()}
    write_file(folder / STUDY, json.dumps(tree, indent=2, ensure_ascii=False, allow_nan=False).encode() + b"\n")


def read_outcome(folder: Path) -> Outcome:
    """The outcome in `folder`. RunStateError, one line, for whatever is not one."""
    study = _study(folder / STUDY)
    letters = [each.letter for each in study.experiments]
    figures = tuple(Figure(**row) for row in _rows(folder, FIGURES))
    values = tuple(Value(**row) for row in _rows(folder, VALUES))
    curves = _curves(folder / CURVES, letters)
    neurons = tuple(Neuron(**row) for row in _rows(folder, NEURONS))
    overview = tuple(Shown(**row) for row in _rows(folder, OVERVIEW)) if study.has_overview else ()
    for file, rows in ((FIGURES, figures), (VALUES, values), (OVERVIEW, overview)):
        strange = next((row.experiment for row in rows if row.experiment not in letters), None)
        if strange:
            raise _damaged(folder / file, f"experiment {strange} is not in {STUDY}")
    _once(folder / FIGURES, [figure.figure for figure in figures])
    said = {figure.verdict for figure in figures}
    if (study.verdict == "reproduced" and said - {"inside", "not comparable"}) or (
        study.verdict != "not comparable" and not said and not study.claims
    ):
        raise _damaged(folder / STUDY, f"says {study.verdict}, and {FIGURES} does not")
    _once(folder / STUDY, [claim.claim for claim in study.claims])
    for claim in study.claims:
        if claim.experiment not in letters:
            raise _damaged(
                folder / STUDY, f"claim {claim.claim} is of experiment {claim.experiment}, which is not there"
            )
        if study.verdict == "reproduced" and claim.verdict != "holds" and not claim.why:
            raise _damaged(folder / STUDY, f"says {study.verdict}, and claim {claim.claim} {claim.verdict}")
    _once(folder / VALUES, [(value.experiment, value.figure, value.seed, value.run) for value in values])
    _once(folder / OVERVIEW, [(each.experiment, each.label, each.row, each.column) for each in overview])
    return Outcome(study, figures, curves, neurons, values, overview)


def _rows(folder: Path, name: str) -> list[dict[str, Any]]:
    return read(folder / name, TABLES[name], later(Figure) if name == FIGURES else frozenset())


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
        _rows(file.parent, CURVES), key=lambda row: (row["experiment"], row["layers"], row["line"])
    ):
        points = tuple(Point(**{name: row[name] for name in columns(Point)}) for row in rows)
        epochs = [point.epoch for point in points]
        if epochs != sorted(set(epochs)):
            raise _damaged(file, f"the epochs of {layers}, line {line}, do not follow on each other")
        if experiment not in letters:
            raise _damaged(file, f"experiment {experiment} is not in {STUDY}")
        found.append(Curve(experiment, layers, line, points))
    _once(file, [(curve.experiment, curve.layers, curve.line) for curve in found])
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
