"""Theory as a column of studies: of norms before training and their ratio, and of nothing else."""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Callable
from dataclasses import replace
from io import StringIO
from pathlib import Path

import pytest
from report_runs import trained
from study_folder import write_study

from vgrad.config.choice import Choice
from vgrad.runs.stored import read_run
from vgrad.study.files import FIGURES, TABLES, read_outcome
from vgrad.study.measures import by_theory
from vgrad.study.report.formats import STUDY_FORMATS
from vgrad.theory.propagation.expected import Expected, expected

Command = Callable[..., tuple[int, str, str]]
KEPT = Path(__file__).resolve().parents[2] / "runs" / "reference" / "nielsen"
SMALL = {"layers": [64, 30, 30, 10], "epochs": 0, "probes": {"examples": 40}}


def test_theory_is_of_norms_before_training_and_their_ratio(tmp_path: Path) -> None:
    run = read_run(trained(tmp_path, **SMALL))
    found = expected(run.config, Path())
    assert isinstance(found, Expected)
    first, second = found.layers[:2]
    assert by_theory(Choice("norm", {"layer": 2}), run) == (second.geometric, second.deviation)
    assert by_theory(Choice("norm", {"layer": 1, "epoch": 0}), run) == (first.geometric, first.deviation)
    assert by_theory(Choice("ratio", {"over": "start"}), run) == (second.geometric / first.geometric, None)
    for name, parameters in (
        ("norm", {"layer": 3}),
        ("norm", {"layer": 1, "epoch": 1}),
        ("ratio", {"over": "least", "epochs": 1}),
        ("final", {"monitor": "train_cost"}),
        ("neurons", {"layer": 1, "first": 6}),
    ):
        assert by_theory(Choice(name, parameters), run) == (None, None)
    assert by_theory(Choice("norm", {"layer": 1}), None) == (None, None)
    silent = read_run(trained(tmp_path, **SMALL, layer_norm=True))
    assert by_theory(Choice("norm", {"layer": 1}), silent) == (None, None)


def test_the_column_stands_beside_measured_and_is_told(tmp_path: Path) -> None:
    outcome = read_outcome(write_study(tmp_path, epochs=(0, 1)))  # of a version that had no such columns
    assert {(figure.theory, figure.off_theory) for figure in outcome.figures} == {(None, None)}
    assert "theory" not in STUDY_FORMATS["table"](outcome)
    start = next(figure for figure in outcome.figures if "norm-1" in figure.figure)
    assert start.published
    theory = replace(start, theory=start.published / 10, theory_deviation=0.5)
    assert theory.off_theory == pytest.approx(2)
    figures = tuple(theory if figure is start else figure for figure in outcome.figures)
    text = STUDY_FORMATS["markdown"](replace(outcome, figures=figures))
    assert "| figure | published | measured | theory | z |" in text
    assert "published norms lie \\+2.00 to \\+2.00 of its own standard deviations above it." in text
    alone = tuple(replace(figure, theory_deviation=None) for figure in figures)  # of a ratio
    assert "before training, not fitted." in STUDY_FORMATS["markdown"](replace(outcome, figures=alone))
    rows = list(csv.DictReader(StringIO(STUDY_FORMATS["csv"](replace(outcome, figures=figures)))))
    assert [float(row["theory"]) for row in rows if row["theory"]] == [start.published / 10]
    told = [each["theory"] for each in json.loads(STUDY_FORMATS["json"](replace(outcome, figures=figures)))["figures"]]
    assert [each for each in told if each] == [start.published / 10]


def test_the_kept_study_has_it_and_the_chapter_is_as_predicted() -> None:
    """All that was published of the norms at the start lies within 1.4 standard deviations of theory alone, and our
    seeds' geometric means within three standard errors."""
    figures = [figure for figure in read_outcome(KEPT).figures if figure.theory]
    assert len(figures) == 12
    norms = [figure for figure in figures if figure.off_theory is not None]
    assert len(norms) == 9
    for figure in norms:
        assert figure.off_theory is not None
        assert abs(figure.off_theory) < 1.4
        assert figure.center
        assert figure.theory
        assert figure.theory_deviation
        off = math.log10(figure.center / figure.theory) * math.sqrt(figure.n) / figure.theory_deviation
        assert abs(off) < 3
    assert set(TABLES[FIGURES]) >= {"theory", "theory_deviation"}
