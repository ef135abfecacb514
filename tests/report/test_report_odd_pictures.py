"""Pictures of odd runs: each can be read, or a line says why there is none."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.figure import Figure
from report_runs import trained

from vgrad.errors import ConfigError
from vgrad.pictures.style import content, styled
from vgrad.report.drawable import NEEDS, drawable
from vgrad.report.panels import MOST_KEYS, Options, spread
from vgrad.report.pictures import PICTURES
from vgrad.report.runs import Run, collect

Command = Callable[..., tuple[int, str, str]]
SEED_BAND = {"layers": [64, 4, 4, 10], "epochs": 0}
ODD: dict[str, list[dict[str, Any]]] = {
    "no epoch": [{"layers": [64, 4, 4, 10], "epochs": 0, "probes": {"neurons": [0]}}],
    "no epoch, two seeds": [SEED_BAND, {**SEED_BAND, "seed": 1}],
    "diverged": [{"layers": [64, 4, 4, 10], "activation": "relu", "optimizer": {"name": "sgd", "learning_rate": 1e9}}],
    "no hidden layer": [{"layers": [64, 10], "probes": {"neurons": [0]}}],
    "one hidden layer": [{"layers": [64, 4, 10]}],
    "deep": [{"layers": [64, *[4] * 30, 10], "epochs": 1, "probes": {"neurons": [0]}}],
    "dead": [{"layers": [64, 4, 4, 10], "activation": "relu", "init": {"weights": "zeros", "biases": "zeros"}}],
    "not recorded": [{"layers": [64, 4, 4, 10], "probes": {"record": ["weight_norm"]}}],
    "many": [{"layers": [64, 4, 10], "epochs": 1, "l2": step} for step in range(MOST_KEYS + 2)],
}
NOTHING = {
    **dict.fromkeys([(name, "steps") for name in ODD], "probes.steps"),
    **dict.fromkeys(
        [("no hidden layer", kind) for kind in NEEDS if kind not in ("accuracy", "values")], "no hidden layer"
    ),
    **dict.fromkeys([("not recorded", kind) for kind in ("curves", "steps", "layers", "heatmap")], "probes.record"),
    **dict.fromkeys([(name, "neurons") for name in ODD if name not in ("no epoch", "deep")], "neurons"),
}


@pytest.fixture(scope="module")
def odd(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for each odd kind of run."""
    folder = tmp_path_factory.mktemp("odd")
    for name, each in ODD.items():
        for changes in each:
            trained(folder / name, **{"data": {"name": "digits", "train": 40, "validation": 20}, **changes})
    return folder


def runs(*folders: Path) -> list[Run]:
    return collect(list(map(str, folders)), Path())[0]


def drawn(kind: str, found: list[Run], **options: Any) -> Figure:
    with styled():
        figure = PICTURES[kind](drawable(kind, found, Options(**options))[0], Options(**options))
        figure.draw_without_rendering()
        return figure


def shows(figure: Figure) -> bool:
    """Whether every panel has a point, a bar, a shade or a word."""
    return all(
        any(np.isfinite(np.asarray(line.get_ydata(), dtype=float)).any() for line in axes.lines)
        or axes.patches
        or axes.texts
        or axes.collections
        for axes in figure.axes
    )


def test_every_kind_says_what_it_needs() -> None:
    assert set(NEEDS) == set(PICTURES)


QUICK = ("dead",)
"""The others differ in less; the slow suite draws them as well."""


NAMES = [name if name in QUICK else pytest.param(name, marks=pytest.mark.slow) for name in ODD]


@pytest.mark.parametrize("name", NAMES)
def test_odd_runs_can_be_read(odd: Path, name: str) -> None:
    for kind in PICTURES:
        found = runs(odd / name)
        if (name, kind) in NOTHING:
            with pytest.raises(ConfigError, match=NOTHING[name, kind]) as caught:
                drawable(kind, found, Options())
            assert caught.value.problems[-1] == f"there is nothing to draw as {kind}"
            assert "None" not in str(caught.value)
            continue
        figure = drawn(kind, found)
        assert shows(figure), kind
        assert figure.get_figheight() < 13
        assert all(len(legend.get_texts()) <= MOST_KEYS for legend in figure.legends)


def test_a_single_epoch_is_a_dot_at_a_whole_number(odd: Path) -> None:
    (axes,) = drawn("curves", runs(odd / "no epoch")).axes
    assert [line.get_marker() for line in axes.lines] == ["o", "o"]
    assert axes.get_xticks().tolist() == [0]
    (axes,) = drawn("curves", runs(odd / "no epoch, two seeds")).axes
    assert len(axes.collections) == 2  # the bands


def test_many_lines_are_told_apart_by_a_colour_bar(odd: Path) -> None:
    for kind, name, last in (("curves", "deep", "30"), ("layers", "many", "l2=13")):
        figure = drawn(kind, runs(odd / name))
        assert not figure.legends
        labels = [label.get_text() for label in figure.axes[-1].get_yticklabels()]
        assert len(labels) <= 7
        assert labels[-1] == last
    assert spread(50, 7) == [0, 8, 16, 24, 33, 41, 49]
    assert spread(3, 7) == [0, 1, 2]


def test_zeros_are_told(odd: Path) -> None:
    dead = runs(odd / "dead")
    assert [text.get_text() for text in drawn("curves", dead).axes[0].texts] == ["every norm is 0"]
    (run,) = runs(odd / "one hidden layer")
    rows = run.stored.gradients
    rows.loc[(rows["layer"] == 1) & (rows["epoch"] > 0), "delta_norm"] = 0.0
    figure = drawn("curves", [run])
    assert [text.get_text() for text in figure.legends[0].get_texts()][-1] == "exactly 0"
    line, zeros = figure.axes[0].lines
    assert np.isfinite(line.get_ydata()).tolist() == [True, False, False, False]
    assert np.asarray(zeros.get_xdata()).tolist() == [1, 2, 3]


def test_bars_too_small_to_be_seen_are_told(odd: Path) -> None:
    figure = drawn("neurons", runs(odd / "deep"))
    assert len(figure.axes) == 10
    assert sum(bool(axes.texts) for axes in figure.axes) >= 8
    assert all(axes.texts[0].get_text().startswith("at most ") for axes in figure.axes if axes.texts)


def test_the_others_are_drawn(command: Command, odd: Path, tmp_path: Path) -> None:
    given = [odd / name for name in ("not recorded", "no hidden layer", "one hidden layer")]
    code, out, err = command("plot", *given, "-o", tmp_path / "x.png")
    assert (code, out.strip()) == (0, str(tmp_path / "x.png"))
    lines = err.splitlines()
    assert len(lines) == 2
    for line, run, why in zip(lines, runs(*given[:2]), ("probes.record", "no hidden layer"), strict=True):
        assert run.label in line
        assert why in line
    assert command("plot", *given[:2], "-o", tmp_path / "y.png")[0] == 2
    assert not (tmp_path / "y.png").exists()
    assert command("report", odd / "not recorded")[0] == 0
    assert command("report", odd / "not recorded", "--format", "html", "-o", tmp_path / "page.html")[0] == 0


def test_two_slopes_of_one_activation_are_two_lines(odd: Path, tmp_path: Path) -> None:
    (run,) = runs(odd / "one hidden layer")
    run.config["activation"] = [{"name": "leaky_relu", "slope": 0.2}, {"name": "leaky_relu", "slope": 0.01}]
    labels = [line.get_label() for line in drawn("activations", [run]).axes[0].lines]
    assert labels == ["leaky_relu slope 0.01", "leaky_relu slope 0.2"]


def test_no_room_is_an_error_and_no_warning(odd: Path) -> None:
    with styled(), warnings.catch_warnings():
        warnings.simplefilter("error")
        figure = PICTURES["curves"](runs(odd / "one hidden layer"), Options())
        figure.set_size_inches(0.3, 0.3)
        with pytest.raises(ConfigError, match="too small for its words"):
            content(figure, "png", "x", "y")
