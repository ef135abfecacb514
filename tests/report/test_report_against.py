"""Values against keys: what is drawn is what the tables of the runs say, by SciPy; what has no number is marked."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.optimize
import scipy.stats
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from report_runs import trained
from rows import each_row

from vgrad import load_runs
from vgrad.errors import ConfigError
from vgrad.pictures.style import styled
from vgrad.report.against.lines import OPEN, UNREACHED, apart
from vgrad.report.against.roles import plan
from vgrad.report.panels import Options
from vgrad.report.pictures import PICTURES
from vgrad.report.runs import Run, collect
from vgrad.report.table import DIVERGED, ZERO

Command = Callable[..., tuple[int, str, str]]
TINY: dict[str, Any] = {
    "layers": [64, 4, 4, 10],
    "epochs": 1,
    "data": {"name": "digits", "train": 40, "validation": 20},
}


def runs(*folders: Path) -> list[Run]:
    return collect(list(map(str, folders)), Path())[0]


def drawn(found: list[Run], **options: Any) -> Figure:
    with styled():
        figure = PICTURES["values"](found, Options(**options))
        figure.draw_without_rendering()
        return figure


def line(axes: Axes, name: str) -> tuple[np.ndarray, np.ndarray]:
    (found,) = (each for each in axes.lines if each.get_gid() == f"end {name}")
    return np.asarray(found.get_xdata(), dtype=float), np.asarray(found.get_ydata(), dtype=float)


def legend(figure: Figure) -> list[str]:
    return [text.get_text() for each in figure.legends for text in each.get_texts()]


def bars(axes: Axes) -> dict[float, tuple[float, float]]:
    """The interval at each place of the axis."""
    found = {}
    for container in axes.containers:
        ((low, high),) = (
            segment[:, 1] for collection in container.get_children() if hasattr(collection, "get_segments")
            for segment in collection.get_segments()
        )  # fmt: skip
        found[float(container.get_children()[-1].get_segments()[0][0, 0])] = float(low), float(high)
    return found


def test_lines_are_means_and_intervals_over_seeds(depths: Path) -> None:
    frame = load_runs(depths)
    found = [run for run in runs(depths) if run.config["activation"] == "relu"]
    accuracy, ratio = drawn(found, x="depth", values=("validation_accuracy", "last_first_ratio")).axes
    chosen = frame[frame["activation"] == "relu"]
    x, y = line(accuracy, "–")
    assert x.tolist() == [1, 2, 4]
    bounds = bars(accuracy)
    for depth, center in zip(x, y, strict=True):
        seeds = 100 * chosen.loc[chosen["layers.depth"] == depth, "validation_accuracy"]
        assert center == pytest.approx(seeds.mean())
        wanted = scipy.stats.t.interval(0.95, len(seeds) - 1, seeds.mean(), scipy.stats.sem(seeds))
        assert bounds[depth] == pytest.approx(wanted, rel=1e-9)
    x, y = line(ratio, "–")
    logs = {
        depth: np.log10([run.summary["gradient"]["start"]["last_first_ratio"] for run in found if run.hidden == depth])
        for depth in (2, 4)
    }
    assert (ratio.get_yscale(), accuracy.get_yscale()) == ("log", "linear")
    assert np.isnan(y[0])  # one hidden layer has no such ratio
    np.testing.assert_allclose(np.log10(y[1:]), [logs[2].mean(), logs[4].mean()], rtol=1e-9)
    low, high = scipy.stats.t.interval(0.95, 2, logs[4].mean(), scipy.stats.sem(logs[4]))
    assert bars(ratio)[4] == pytest.approx((10**low, 10**high), rel=1e-9)


def test_every_seed_on_request(depths: Path) -> None:
    found = [run for run in runs(depths) if run.config["activation"] == "relu" and run.hidden == 2]
    (axes,) = drawn(found, x="depth", values=("validation_accuracy",), each=True).axes
    dots = next(each for each in axes.lines if each.get_marker() == ".")
    wanted = [100 * run.summary["final"]["validation_accuracy"] for run in found]
    assert sorted(np.asarray(dots.get_ydata(), dtype=float)) == pytest.approx(sorted(wanted))
    assert not axes.containers


@each_row(
    "asked, keys",
    [
        ({}, {"x": "layers.depth", "color": "activation"}),
        ({"x": "activation"}, {"x": "activation", "color": "layers.depth"}),
        ({"x": "depth", "marker": "activation"}, {"x": "layers.depth", "marker": "activation"}),
        ({"x": "depth", "panel": "activation"}, {"x": "layers.depth", "panel": "activation"}),
        ({"x": "depth,activation"}, {"x": "layers.depth", "down": "activation"}),
        ({"color": "activation"}, {"x": "layers.depth", "color": "activation"}),
    ],
)
def test_what_varies_takes_the_roles_that_are_left(depths: Path, asked: dict[str, str], keys: dict[str, str]) -> None:
    found = plan(runs(depths), Options(**asked))
    assert found.keys == keys
    assert all(len({run.hash for run in cell.runs}) == 1 for cell in found.table.cells.values())


@each_row(
    "asked, told",
    [
        ({"x": "nothing"}, "no key 'nothing'"),
        ({"x": "depth,activation,init"}, "two for a heat map"),
        ({"x": "depth", "color": "depth"}, "cannot be two things"),
        ({"x": "depth,activation", "color": "init"}, "a heat map has no lines"),
        ({"x": "depth", "values": ("verdict",)}, "a word has no place on an axis"),
        ({"x": "depth", "values": ("no_such",)}, "no value 'no_such'"),
        ({"x": "depth", "values": tuple(f"delta_norm[1]@{epoch}" for epoch in range(7))}, "more rows than a figure"),
    ],
)
def test_what_cannot_be_a_figure_is_told(depths: Path, asked: dict[str, Any], told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        plan(runs(depths), Options(**asked))


def test_points_never_mix_configs(tmp_path: Path) -> None:
    for number, (l2, rate) in enumerate([(0.0, 0.1), (0.1, 0.2), (0.2, 0.1), (0.2, 0.3)]):
        for depth in (1, 2):
            tree = {**TINY, "layers": [64, *[4] * depth, 10], "l2": l2, "batch_size": 5 + number // 2, "epochs": 0}
            trained(tmp_path, **tree, optimizer={"name": "sgd", "learning_rate": rate}, l1=0.1 * (number == 1))
    with pytest.raises(ConfigError, match=r"varies, too, and is none of x .*choose one of its values with --where"):
        plan(runs(tmp_path), Options(x="depth,l2", panel="l1"))


def test_what_has_no_number_is_marked(tmp_path: Path) -> None:
    zeros = {"weights": "zeros", "biases": "zeros"}
    for seed in range(2):
        trained(tmp_path, **TINY, seed=seed, activation="tanh")
        trained(tmp_path, **TINY, seed=seed, activation="relu", init=zeros)
        trained(tmp_path, **TINY, seed=seed, activation="leaky_relu", optimizer={"name": "sgd", "learning_rate": 1e9})
    found = runs(tmp_path)
    values = ("validation_accuracy", "delta_norm[1].end", "epochs_to(validation_accuracy>=0.999)")
    figure = drawn(found, x="activation", values=values)
    assert {DIVERGED, ZERO, OPEN, UNREACHED} <= set(legend(figure))
    accuracy, norm, last = figure.axes
    at_edges = {
        (each.get_marker(), float(np.asarray(each.get_ydata(), dtype=float)[0]))
        for axes in (accuracy, norm)
        for each in axes.lines
        if each.get_transform() != axes.transData
    }
    assert at_edges == {("x", 1.0), ("v", 0.0)}
    assert [label.get_text() for label in last.get_xticklabels()] == ["leaky_relu", "relu", "tanh"]


def test_a_heat_map_has_the_same_means(depths: Path) -> None:
    figure = drawn(runs(depths), x="depth,activation", values=("delta_norm[1]",))
    axes = figure.axes[0]
    shades = np.asarray(axes.collections[0].get_array()).reshape(2, 3)
    for row, activation in enumerate(("relu", "sigmoid")):
        for column, depth in enumerate((1, 2, 4)):
            norms = [
                run.summary["gradient"]["start"]["delta_norm"][0]
                for run in runs(depths)
                if (run.config["activation"], run.hidden) == (activation, depth)
            ]
            assert shades[row, column] == pytest.approx(scipy.stats.gmean(norms))
    assert [label.get_text() for label in axes.get_yticklabels()] == ["relu", "sigmoid"]
    assert axes.yaxis_inverted()  # names are read from the top
    assert {text.get_text() for text in axes.texts if text.get_text()}


def test_ends_are_as_near_as_they_can_be_without_touching() -> None:
    """Least squares under the constraint of a gap, by SciPy's solver."""
    rng = np.random.default_rng(0)
    for n in (1, 2, 5, 8):
        wanted = np.sort(rng.uniform(0, 1, n))
        found = np.array(apart(wanted.tolist(), 0.11))
        assert (np.diff(found) >= 0.11 - 1e-9).all()
        gaps = {"type": "ineq", "fun": lambda y: np.diff(y) - 0.11}
        start = np.arange(n) * 0.2
        best = scipy.optimize.minimize(
            lambda y, w=wanted: np.square(y - w).sum(), start, method="SLSQP", constraints=gaps if n > 1 else ()
        )
        assert np.square(found - wanted).sum() == pytest.approx(best.fun, abs=1e-6)


def test_names_stand_at_the_ends_of_lines(depths: Path) -> None:
    figure = drawn(runs(depths), x="depth", values=("delta_norm[1]",), width=3.4)
    boxes = {text.get_text(): text.get_window_extent() for text in figure.axes[0].texts}
    assert set(boxes) == {"relu", "sigmoid"}
    assert not boxes["relu"].overlaps(boxes["sigmoid"])
    assert all(0 <= box.x0 <= box.x1 <= figure.bbox.x1 for box in boxes.values())
    assert not figure.legends


def test_numbers_over_decades_and_markers(tmp_path: Path) -> None:
    for rate in (0.01, 0.1, 1.0):
        for l2 in (0.0, 0.1):
            trained(tmp_path, **TINY, optimizer={"name": "sgd", "learning_rate": rate}, l2=l2)
    (axes,) = drawn(runs(tmp_path), x="learning_rate", marker="l2", values=("validation_cost",)).axes
    assert axes.get_xscale() == "log"
    solid = [each for each in axes.lines if str(each.get_gid()).startswith("end ")]
    assert [each.get_marker() for each in solid] == ["o", "s"]


def test_the_command(command: Command, depths: Path, tmp_path: Path) -> None:
    contents = []
    for attempt in (1, 2):
        file = tmp_path / f"{attempt}.svg"
        code, out, err = command("plot", depths, "-o", file, "--x", "depth", "--y", "last_first_ratio", "--width", 3.4)
        assert (code, out.strip(), err) == (0, str(file), "")
        contents.append(file.read_bytes())
    assert contents[0] == contents[1]
    for words in (["--kind", "curves", "--x", "depth"], ["--x", "depth", "--monitor", "train_cost"], ["--y", ","]):
        assert command("plot", depths, "-o", tmp_path / "x.png", *words)[0] == 2
    assert not (tmp_path / "x.png").exists()
