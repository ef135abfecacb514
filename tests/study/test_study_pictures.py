"""The pictures of a study: what is drawn is what the files say, at the size of a slide and of a column."""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.collections import FillBetweenPolyCollection
from matplotlib.figure import Figure
from matplotlib.image import imread
from study_folder import write_study

from vgrad.errors import ConfigError
from vgrad.pictures.style import content, styled
from vgrad.study.files import read_outcome
from vgrad.study.outcome import Outcome
from vgrad.study.report.folder import write_pictures
from vgrad.study.report.formats import STUDY_FORMATS
from vgrad.study.report.marks import Layout
from vgrad.study.report.pictures import STUDY_PICTURES
from vgrad.study.report.table import lay_out
from vgrad.study.report.words import ALTERNATIVES
from vgrad.text.terminal import render

Command = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="module")
def outcome(tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    return read_outcome(write_study(tmp_path_factory.mktemp("study")))


@pytest.fixture(scope="module")
def digits(tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    return read_outcome(write_study(tmp_path_factory.mktemp("digits"), comparable=False, seeds=2, epochs=(0, 1)))


def drawn(kind: str, outcome: Outcome, width: float = 10.0) -> Figure:
    with styled():
        return STUDY_PICTURES[kind](outcome, Layout(width))


def black(axes: Axes) -> list[Any]:
    return [line for line in axes.lines if line.get_color() == "black"]


def test_curves_are_those_of_the_files(outcome: Outcome) -> None:
    for kind, ratio in (("study-speed", False), ("study-ratio", True)):
        panels = drawn(kind, outcome).axes
        networks = [axes.get_title() for axes in panels]
        assert networks == ["784-30-30-10", "784-30-30-30-10", "784-4×30-10"]
        for depth, axes in zip((2, 3, 4), panels, strict=True):
            assert axes.get_yscale() == "log"
            layers = "-".join(["784", *["30"] * depth, "10"])
            curves = [each for each in outcome.curves if each.layers == layers and (each.line == "ratio") == ratio]
            assert len(curves) == (1 if ratio else depth)
            for curve, line in zip(curves, black(axes), strict=True):
                assert np.asarray(line.get_ydata()).tolist() == [point.published for point in curve.points]
            bands = [each for each in axes.collections if isinstance(each, FillBetweenPolyCollection)]
            for curve, band in zip(curves, bands, strict=True):
                heights = band.get_paths()[0].vertices[:, 1]
                assert min(heights) == min(point.low for point in curve.points)
                assert max(heights) == max(point.high for point in curve.points)
            centers = [line for line in axes.lines if line.get_color() not in ("black", "white")]
            for curve, line in zip(curves, centers, strict=True):
                assert np.asarray(line.get_ydata()).tolist() == [point.center for point in curve.points]


def test_bars_are_the_neurons(outcome: Outcome) -> None:
    above, below = drawn("study-bars", outcome).axes
    assert [axes.get_ylabel() for axes in (below, above)] == ["layer 1", "layer 2"]
    assert above.get_position().y0 > below.get_position().y0
    for layer, axes in ((1, below), (2, above)):
        rows = [neuron for neuron in outcome.neurons if neuron.layer == layer]
        bars = [patch for patch in axes.patches if patch.get_width() < 0.5]
        assert sorted(bar.get_height() for bar in bars) == sorted(
            [neuron.measured for neuron in rows] + [neuron.published for neuron in rows]
        )
        (band,) = [patch for patch in axes.patches if patch.get_width() >= 0.5]
        assert band.get_y() + band.get_height() == pytest.approx(rows[0].high)


def test_every_seed_is_a_dot(outcome: Outcome) -> None:
    axes = drawn("study-accuracy", outcome).axes[0]
    figures = [each for each in outcome.figures if each.unit == "%"]
    dots = [line for line in axes.lines if line.get_marker() == "."]
    for each, line in zip(figures, dots, strict=True):
        assert np.asarray(line.get_ydata()).tolist() == [value.value for value in outcome.of(each)]
    assert [line.get_ydata()[0] for line in black(axes)] == [each.published for each in figures]
    assert [line.get_ydata()[0] for line in axes.lines if line.get_marker() == "o"] == [each.center for each in figures]


def test_every_z_is_at_its_place(outcome: Outcome) -> None:
    judged = {each.figure: each.z for each in outcome.figures if each.z is not None}
    panels = drawn("study-figures", outcome).axes
    found = [float(line.get_xdata()[0]) for axes in panels for line in black(axes)]
    assert sorted(found) == pytest.approx(sorted(judged.values()))
    names = [label.get_text() for axes in panels for label in axes.get_yticklabels()]
    assert len(names) == len(judged) + 7  # accuracies; networks of B and of C
    for axes in panels:
        places = {round(float(line.get_ydata()[0])) for line in black(axes)}
        assert places == {at for at, name in enumerate(axes.get_yticklabels()) if name.get_fontweight() == "normal"}
    seeds = [line for axes in panels for line in axes.lines if line.get_marker() == "."]
    assert {abs(float(np.std(line.get_xdata(), ddof=1)) - 1) < 1e-9 for line in seeds} == {True}


def test_what_is_far_out_stands_at_the_end(outcome: Outcome) -> None:
    far = tuple(replace(each, z=-1e6 if each.z is not None else None, verdict="outside") for each in outcome.figures)
    for axes in drawn("study-figures", replace(outcome, figures=far)).axes:
        low, high = axes.get_xlim()
        assert high == 8
        assert all(line.get_xdata()[0] == low for line in black(axes))


OF_FIGURES = [kind for kind in STUDY_PICTURES if kind not in ("study-overview", "study-claims")]


@pytest.mark.parametrize("kind", OF_FIGURES)
def test_nothing_published_nothing_drawn(digits: Outcome, kind: str) -> None:
    figure = drawn(kind, digits)
    title = figure.get_suptitle().replace("\n", " ")
    assert title.endswith("measured alone, the published figures are of mnist; this is digits")
    assert not any(black(axes) for axes in figure.axes)
    (legend,) = figure.legends
    labels = [text.get_text() for text in legend.get_texts()]
    assert labels
    assert "published" not in labels
    assert any(axes.lines or axes.patches for axes in figure.axes)


@pytest.mark.parametrize(
    ("which", "width"),
    [
        *(("digits", width) for width in (2.0, 3.4, 10.0, 13.3)),
        *(("outcome", width) for width in (2.0, 3.4, 10.0, 13.3)),
    ],
)
@pytest.mark.slow
@pytest.mark.parametrize("kind", OF_FIGURES)
def test_texts_stay_apart_and_inside(outcome: Outcome, digits: Outcome, kind: str, which: str, width: float) -> None:
    figure = drawn(kind, {"outcome": outcome, "digits": digits}[which], width)
    figure.draw_without_rendering()
    inside = figure.bbox.padded(2)
    assert figure._suptitle is not None
    title = figure._suptitle.get_window_extent()
    boxes = [title, *(axes.title.get_window_extent() for axes in figure.axes if axes.get_title())]
    boxes += [figure.legends[0].get_window_extent()]
    assert not any(one.overlaps(other) for index, one in enumerate(boxes) for other in boxes[:index])
    if width > 2:
        assert all(inside.fully_contains(x, y) for box in boxes for x, y in box.corners())
    if width >= 10:
        assert figure.get_figheight() == pytest.approx(width * 9 / 16, rel=0.01) or kind == "study-figures"


@pytest.mark.slow  # those of runs are compared by the default suite
@pytest.mark.parametrize("form", ["png", "svg", "pdf"])
def test_the_same_bytes_each_time(command: Command, tmp_path: Path, form: str) -> None:
    folder = write_study(tmp_path / "nielsen", epochs=(0, 1, 2))
    contents = []
    for attempt in (1, 2):
        file = tmp_path / f"{attempt}.{form}"
        code, out, err = command("plot", folder, "--kind", "study-speed", "-o", file)
        assert (code, out, err) == (0, f"{file}\n", "")
        contents.append(file.read_bytes())
    assert contents[0] == contents[1]
    if form == "png":
        assert imread(tmp_path / "1.png").shape[:2] == (1125, 2000)
        assert b"a-2-00000002 s0-19" in contents[0]
        assert command("plot", folder, "--kind", "study-speed", "-o", tmp_path / "1.png", "--width", "3.4")[0] == 0
        assert imread(tmp_path / "1.png").shape[1] == 680


def test_what_cannot_be_drawn(command: Command, tmp_path: Path) -> None:
    folder = write_study(tmp_path / "nielsen", epochs=(0, 1))
    for arguments, told in (
        ([tmp_path, "--kind", "study-speed"], "name one that has study.json"),
        ([folder, folder, "--kind", "study-speed"], "name one that has study.json"),
        ([folder, "--kind", "study-sped"], "did you mean 'study-speed'"),
        (
            [folder, "--kind", "study-speed", "--by", "layers"],
            "--by: --kind study-speed makes no use of it; it is for --kind curves, ",
        ),
        (
            [folder, "--kind", "study-speed", "--epoch", "0"],
            "--epoch: --kind study-speed makes no use of it; it is for --kind steps or neurons",
        ),
    ):
        code, out, err = command("plot", *arguments, "-o", tmp_path / "x.png")
        assert (code, out, err.count("\n")) == (2, "", 1)
        assert told in err
    assert command("plot", folder, "--kind", "study-speed", "-o", tmp_path / "x.gif")[0] == 2
    assert [path.name for path in tmp_path.iterdir()] == ["nielsen"]


def test_a_study_without_an_experiment_has_the_pictures_of_the_others(outcome: Outcome) -> None:
    none = replace(outcome, figures=(), curves=(), neurons=(), values=())
    for kind in STUDY_PICTURES:
        with pytest.raises(ConfigError, match="this study has no"):
            drawn(kind, none)


def test_norms_of_zero_leave_a_gap(outcome: Outcome) -> None:
    first = outcome.curves[0]
    gone = replace(first.points[0], center=0.0, low=0.0, high=0.0, published=0.0)
    axes = drawn("study-speed", replace(outcome, curves=(replace(first, points=(gone, *first.points[1:])),))).axes[0]
    assert all(math.isfinite(value) and value > 0 for line in axes.lines for value in line.get_ydata())


@pytest.mark.slow
def test_page_and_pictures_are_written(tmp_path: Path) -> None:
    folder = write_study(tmp_path / "nielsen", epochs=(0, 1))
    before = {path.name for path in folder.iterdir()}
    written = write_pictures(folder)
    assert [path.name for path in written] == ["page.html", *(f"{kind}.png" for kind in OF_FIGURES)]
    assert {path.name for path in folder.iterdir()} == before | {path.name for path in written}
    assert written[0].read_text(encoding="utf-8") == STUDY_FORMATS["html"](read_outcome(folder))


BOUNDS = {
    "figures.csv": ("spread", "low", "high", "band_low", "band_high"),
    "curves.csv": ("low", "high"),
    "neurons.csv": ("low", "high"),
}
COLUMNS = {
    "figures.csv": ("published", "center", "z", *BOUNDS["figures.csv"]),
    "curves.csv": ("published", "center", "low", "high"),
    "neurons.csv": ("published", "measured", "low", "high"),
    "values.csv": ("value",),
}


@pytest.mark.slow
@pytest.mark.parametrize("extreme", [-1.0, 0.0, 5e-324, 1e300, math.inf, None])
def test_whatever_is_read_can_be_shown(tmp_path: Path, extreme: float | None) -> None:
    """Every third row says something extreme; an interval may be infinite or empty."""
    folder = write_study(tmp_path, epochs=(0, 1))
    bounded = extreme is None or math.isinf(extreme)
    for name, columns in (BOUNDS if bounded else COLUMNS).items():
        with (folder / name).open(encoding="utf-8", newline="") as file:
            header, *rows = csv.reader(file)
        for row in rows[1::3]:
            for column in columns:
                row[header.index(column)] = "" if extreme is None else repr(extreme)
        lines = [",".join(f'"{cell}"' for cell in row) for row in (header, *rows)]
        (folder / name).write_text("\n".join(lines) + "\n", encoding="utf-8")
    found = read_outcome(folder)
    assert json.loads(STUDY_FORMATS["json"](found))
    assert render(lay_out(found), width=80)
    for kind in OF_FIGURES:
        draw = STUDY_PICTURES[kind]
        with styled():
            content(draw(found, Layout(6.4)), "svg", "", "")
        assert ALTERNATIVES[kind](found)
