"""The files of a study, both ways: what is written is what is read, column by column and key by key."""

from __future__ import annotations

import csv
import dataclasses
from pathlib import Path
from typing import Any

import pytest
from study_folder import write_study

from vgrad.study.files import CURVES, FIGURES, NEURONS, OVERVIEW, SCHEMA, TABLES, VALUES, read_outcome, write
from vgrad.study.outcome import Curve, Figure, Neuron, Outcome, Point, Value

KEPT = Path(__file__).resolve().parents[2] / "runs" / "reference"


def rows(outcome: Outcome) -> dict[str, list[dict[str, Any]]]:
    """The rows of each file."""
    tables = {FIGURES: outcome.figures, NEURONS: outcome.neurons, VALUES: outcome.values}
    found = {name: [dataclasses.asdict(each) for each in table] for name, table in tables.items()}
    found[CURVES] = [
        {"experiment": curve.experiment, "layers": curve.layers, "line": curve.line, **dataclasses.asdict(point)}
        for curve in outcome.curves
        for point in curve.points
    ]
    return found


LARGER = [pytest.param(name, marks=pytest.mark.slow) for name in ("nielsen", "nielsen-activation=tanh")]


@pytest.mark.parametrize("name", [*LARGER, "nielsen-init=glorot_normal"])
def test_a_kept_study_is_written_again_with_the_same_bytes(name: str, tmp_path: Path) -> None:
    outcome = read_outcome(KEPT / name)
    write(tmp_path / "again", outcome.study, rows(outcome))
    for file in (*(name for name in TABLES if name != OVERVIEW), "study.json"):
        assert (tmp_path / "again" / file).read_bytes() == (KEPT / name / file).read_bytes(), file
    assert SCHEMA == 1


def test_every_column_is_a_field_and_comes_back(tmp_path: Path) -> None:
    outcome = read_outcome(write_study(tmp_path / "one", seeds=3, epochs=(0, 5)))
    write(tmp_path / "two", outcome.study, rows(outcome))
    again = read_outcome(tmp_path / "two")
    assert again == outcome
    fields = [[field.name for field in dataclasses.fields(each)] for each in (Figure, Neuron, Value, Point)]
    assert [list(TABLES[name]) for name in (FIGURES, NEURONS, VALUES)] == fields[:3]
    assert list(TABLES[CURVES]) == [*(field.name for field in dataclasses.fields(Curve))][:-1] + fields[3]
    assert not (tmp_path / "two" / OVERVIEW).exists()  # this study has none
    for name, columns in TABLES.items():
        if name == OVERVIEW:
            continue
        with (tmp_path / "two" / name).open(encoding="utf-8", newline="") as file:
            assert next(csv.reader(file)) == list(columns)


def test_a_column_that_is_in_no_table_is_an_error(tmp_path: Path) -> None:
    outcome = read_outcome(KEPT / "nielsen")
    tables = rows(outcome)
    tables[VALUES][0]["weather"] = "fine"
    with pytest.raises(ValueError, match="weather"):
        write(tmp_path / "again", outcome.study, tables)
