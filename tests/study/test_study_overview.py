"""The overview of a study: its numbers against the runs' files, its tables in every format, its picture, its faults."""

from __future__ import annotations

import csv
import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml
from matplotlib.axes import Axes
from matplotlib.text import Text
from scipy import stats

from vgrad.cli import run
from vgrad.errors import ConfigError
from vgrad.pictures.style import styled
from vgrad.study.files import OVERVIEW, read_outcome
from vgrad.study.outcome import Outcome
from vgrad.study.published import load_study
from vgrad.study.report.formats import STUDY_FORMATS
from vgrad.study.report.marks import Layout
from vgrad.study.report.overview import caption, sheets, told
from vgrad.study.report.pictures import STUDY_PICTURES

STUDY = """study: own
title: Which remedy helps?
source: Notes
url: http://localhost/
seeds: 3
experiments:
  - name: depth
    title: How deep?
    text: Three kinds of networks.
    sweep:
      layers: {depth: 1, width: 12}
      data: {name: digits, train: 600, validation: 100}
      epochs: 4
      optimizer: {name: sgd, learning_rate: 0.3}
      probes: {record: [delta_norm], examples: 50}
      grid:
        variant:
          plain: {}
          he and co: {activation: relu, init: he_normal}
          blows up: {activation: relu, optimizer.learning_rate: 1.0e+308}
        layers.depth: 1..2
    overview:
      rows: variant
      columns: layers.depth
      of:
        - {label: accuracy, unit: "%", measure: {name: monitor, monitor: validation_accuracy}}
        - {label: epochs to 40 %, measure: {name: epochs_to, monitor: validation_accuracy, above: 0.4}}
        - {label: last/first, measure: {name: ratio}}
    claims:
      - text: Rectifiers are better
        source: Notes
        measure: {name: monitor, monitor: validation_accuracy}
        ordering: {of: {variant: he and co, layers.depth: 2}, above: {variant: plain, layers.depth: 2}}
conclusions:
  - {text: Take rectifiers, of: [A.1]}
"""


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the study, reproduced with its own seeds."""
    folder = tmp_path_factory.mktemp("own")
    (folder / "own.yaml").write_text(STUDY)
    words = ["reproduce", str(folder / "own.yaml"), "--runs-dir", str(folder / "runs"), "-j", "0", "-q"]
    assert run(words) in (0, 1)
    return folder / "runs" / "own"


@pytest.fixture(scope="module")
def outcome(place: Path) -> Outcome:
    return read_outcome(place)


def runs(place: Path, activation: str, depth: int, rate: float) -> list[Path]:
    """The runs of a point, found by what their configs say."""
    found = []
    for path in sorted((place / "depth").glob("depth-*")):
        config = yaml.safe_load((path / "config.yaml").read_text())
        same = (_name(config["activation"]), float(config["optimizer"]["learning_rate"])) == (activation, rate)
        found += [path] if same and config["layers"] == [64, *[12] * depth, 10] else []
    return found


def _name(choice: Any) -> str:
    return str(choice["name"] if isinstance(choice, dict) else choice)


def test_every_cell_is_what_the_files_of_its_runs_say(place: Path) -> None:
    with (place / OVERVIEW).open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 3 * 3 * 2
    kinds = {"plain": ("sigmoid", 0.3), '"he and co"': ("relu", 0.3), '"blows up"': ("relu", 1e308)}
    for row in rows:
        behind = runs(place, kinds[row["row"]][0], int(row["column"]), kinds[row["row"]][1])
        assert len(behind) == 3
        metrics = [pd.read_csv(path / "metrics.csv") for path in behind]
        if row["label"] == "accuracy":
            values = [100 * float(each["validation_accuracy"].iloc[-1]) for each in metrics if len(each) == 5]
            _like(row, values, lost=3 - len(values))
        elif row["label"] == "last/first":
            tables = [pd.read_csv(path / "gradients.csv").query("epoch == 0 and kind == 'hidden'") for path in behind]
            ratios = [float(each["delta_norm"].iloc[-1] / each["delta_norm"].iloc[0]) for each in tables]
            _like(row, np.log10(ratios).tolist(), logarithmic=True)
        else:
            reached = sorted(
                next((float(at) for at, x in enumerate(each["validation_accuracy"]) if x >= 0.4), math.inf)
                for each in metrics
            )
            assert row["scale"] == "median"
            assert row["center"] == ("" if math.isinf(reached[1]) else repr(reached[1]))
            assert int(row["never"]) == sum(map(math.isinf, reached))


def _like(row: dict[str, str], values: list[float], *, logarithmic: bool = False, lost: int = 0) -> None:
    assert (int(row["n"]), int(row["lost"])) == (len(values), lost)
    if not values:
        assert row["center"] == ""
        return
    back = (lambda x: 10**x) if logarithmic else (lambda x: x)
    assert float(row["center"]) == pytest.approx(back(np.mean(values)))
    if len(values) > 2 and np.ptp(values) > 1e-9:
        ends = stats.t.interval(0.95, len(values) - 1, np.mean(values), stats.sem(values))
        assert (float(row["low"]), float(row["high"])) == pytest.approx(tuple(map(back, ends)))


def test_what_was_lost_is_marked(outcome: Outcome) -> None:
    lost = [each for each in outcome.overview if each.row == '"blows up"' and each.label == "accuracy"]
    assert all(each.lost for each in lost)
    assert all(told(each) == "–" or told(each).endswith("*") for each in lost)


@pytest.mark.parametrize("form", STUDY_FORMATS)
def test_every_format_has_it(outcome: Outcome, form: str) -> None:
    text = STUDY_FORMATS[form](outcome)
    if form == "csv":  # a line a figure or part of a claim: the tables are in overview.csv
        return
    for sheet in sheets(outcome):
        cells = [cell for column in sheet.columns for cell in column.cells]
        if form != "json":
            assert all(cell.strip("*–") in text for cell in cells)
    assert text.count("he and co") >= 3
    if form == "json":
        assert len(json.loads(text)["overview"]) == 18


def test_the_caption_says_what_the_numbers_are(outcome: Outcome) -> None:
    accuracy, epochs, ratio = (sheet.caption for sheet in sheets(outcome))
    assert accuracy.startswith("A  accuracy %, by layers.depth: means of 3 seeds, at the most ± ")
    assert epochs == "A  epochs to 40 %, by layers.depth: medians of 3 seeds"
    assert ratio.startswith("A  last/first, by layers.depth: geometric means of 3 seeds, at the most ×÷ ")
    experiment, cells = outcome.study.experiments[0], [each for each in outcome.overview if each.label == "accuracy"]
    widest = max(each.high - each.center for each in cells if each.high is not None and each.center is not None)
    assert float(caption(experiment, cells, 0.95).split("± ")[1].split(" ")[0]) == pytest.approx(widest, rel=0.05)


@pytest.mark.parametrize("width", [10.0, 3.4])
def test_the_picture_has_every_number(outcome: Outcome, width: float) -> None:
    with styled():
        figure = STUDY_PICTURES["study-overview"](outcome, Layout(width))
    panels = [axes for axes in figure.axes if axes.get_visible()]
    assert len(panels) == 3
    for axes, sheet in zip(panels, sheets(outcome), strict=True):
        cells = [cell for row in zip(*(column.cells for column in sheet.columns), strict=True) for cell in row]
        assert [text.get_text() for text in axes.texts] == cells


def test_a_study_without_one_has_no_such_picture_or_file(tmp_path: Path) -> None:
    kept = read_outcome(Path(__file__).resolve().parents[2] / "runs" / "reference" / "he2015")
    assert not kept.overview
    with pytest.raises(ConfigError, match="no overview"):
        STUDY_PICTURES["study-overview"](kept, Layout())


def test_a_conclusion_stands_where_its_claims_hold(tmp_path: Path, outcome: Outcome, place: Path) -> None:
    """Three seeds hold nothing; with five, rectifiers are better here."""
    assert outcome.study.conclusions == []
    (tmp_path / "own.yaml").write_text(STUDY)
    words = ["reproduce", str(tmp_path / "own.yaml"), "--runs-dir", str(place.parent), "-j", "0", "-q", "--seeds", "5"]
    assert run([*words, "-s", "epochs=4"]) in (0, 1)
    found = read_outcome(place.parent / "own-epochs=4" / "seeds=5")
    assert [claim.verdict for claim in found.study.claims] == ["holds"]
    assert found.study.conclusions == ["Take rectifiers"]
    assert "Take rectifiers." in STUDY_FORMATS["table"](found)
    assert "Take rectifiers." in STUDY_FORMATS["html"](found)


WRONG = {
    "rows: variant": ("rows: variants", "no axis 'variants' of the grid; did you mean 'variant'?"),
    "columns: layers.depth": ("columns: variant", "is the axis of the rows"),
    "{name: ratio}": ("{name: probe, probe: weight_norm}", "the sweep does not record 'weight_norm'"),
    "label: epochs to 40 %": ("label: accuracy", "stands twice"),
    "of: [A.1]": ("of: [A.2]", "no claim 'A.2'"),
    "        layers.depth: 1..2": ("        layers.depth: 1..2\n        l2: [0, 1]", "l2 varies, too"),
}


@pytest.mark.parametrize("text", WRONG)
def test_what_does_not_fit_is_told_before_anything_is_trained(text: str, tmp_path: Path) -> None:
    change, expected = WRONG[text]
    path = tmp_path / "own.yaml"
    path.write_text(STUDY.replace(text, change, 1))
    with pytest.raises(ConfigError) as caught:
        load_study(str(path))
    (problem,) = [each for each in caught.value.problems if expected in each]
    assert problem.startswith(f"{path}:")


DAMAGE = {
    "no such file": None,
    "line 2": "experiment,label,unit,scale,row,column,n,center,low,high,never,lost\nA,a,,linear,x,1,3,much,,,0,0\n",
    "stands there twice": "experiment,label,unit,scale,row,column,n,center,low,high,never,lost\n"
    + 2 * "A,a,,linear,x,1,3,1.0,,,0,0\n",
    "experiment B is not in": "experiment,label,unit,scale,row,column,n,center,low,high,never,lost\n"
    "B,a,,linear,x,1,3,1.0,,,0,0\n",
}


@pytest.mark.parametrize("told", DAMAGE)
def test_a_damaged_file_is_one_line(told: str, place: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for file in place.iterdir():
        if file.is_file():
            (tmp_path / file.name).write_bytes(file.read_bytes())
    text = DAMAGE[told]
    if text is None:
        (tmp_path / OVERVIEW).unlink()
    else:
        (tmp_path / OVERVIEW).write_text(text)
    assert run(["report", str(tmp_path)]) == 4
    error = capsys.readouterr().err
    assert told in error
    assert error.count("\n") == 1


@pytest.mark.slow
@pytest.mark.parametrize("extreme", [-1.0, 0.0, 5e-324, 1e300, None])
@pytest.mark.parametrize("width", [2.0, 10.0])
def test_whatever_is_read_can_be_shown(outcome: Outcome, extreme: float | None, width: float) -> None:
    """Every third cell says something extreme; an interval may be infinite or empty."""
    cells = [
        replace(each, center=extreme, low=None if extreme is None else -math.inf, high=extreme and math.inf)
        if at % 3 == 0
        else each
        for at, each in enumerate(outcome.overview)
    ]
    changed = replace(outcome, overview=tuple(cells))
    for write in STUDY_FORMATS.values():
        assert write(changed)
    with styled():
        figure = STUDY_PICTURES["study-overview"](changed, Layout(width))
        figure.draw_without_rendering()


@pytest.mark.slow
@pytest.mark.parametrize("width", [3.4, 8.0, 10.0, 13.3])
@pytest.mark.parametrize("kind", ["study-overview", "study-claims"])
def test_titles_stay_apart_and_inside(kind: str, width: float) -> None:
    kept = read_outcome(Path(__file__).resolve().parents[2] / "runs" / "reference" / "remedies")
    with styled():
        figure = STUDY_PICTURES[kind](kept, Layout(width))
        figure.draw_without_rendering()
    assert figure._suptitle is not None
    texts = [figure._suptitle, *(text for axes in figure.axes if axes.get_visible() for text in _titles(axes))]
    boxes = [text.get_window_extent() for text in texts if text.get_text()]
    assert len(boxes) > 6
    assert not any(one.overlaps(other) for at, one in enumerate(boxes) for other in boxes[:at])
    assert all(box.x0 >= -2 and box.x1 <= figure.bbox.x1 + 2 for box in boxes)


def _titles(axes: Axes) -> list[Text]:
    """The texts of an axes' titles."""
    shown = {axes.get_title(loc="left"), axes.get_title()} - {""}
    return [text for text in axes.findobj(Text) if text.get_text() in shown]
