"""Pictures by their structure: what is drawn is what the files say, and the same runs give the same bytes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from report_runs import trained

from vgrad.cli.applying import KINDS, PLOT
from vgrad.errors import ConfigError
from vgrad.pictures.style import colour, styled
from vgrad.report.drawable import drawable
from vgrad.report.panels import Options
from vgrad.report.pictures import PICTURES
from vgrad.report.runs import Run, collect
from vgrad.report.series import Series, smoothed

Command = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="module")
def bars(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return trained(tmp_path_factory.mktemp("bars"), layers=[64, 8, 6, 10], probes={"neurons": [0, 3]})


def runs(*paths: Path) -> list[Run]:
    return collect(list(map(str, paths)), Path())[0]


def drawn(kind: str, found: list[Run], **options: object) -> Figure:
    chosen = Options(**options)  # type: ignore[arg-type]
    with styled():
        return PICTURES[kind](drawable(kind, found, chosen)[0], chosen)


def panels(figure: Figure) -> list[Axes]:
    return [axes for axes in figure.axes if axes.get_title() or axes.lines or axes.patches]


def test_curves_are_those_of_the_files(pair: tuple[Path, Path]) -> None:
    shallow, deep = panels(drawn("curves", runs(*pair)))
    assert [len(axes.lines) for axes in (shallow, deep)] == [2, 4]
    assert shallow.get_yscale() == "log"
    for axes, path in ((shallow, pair[0]), (deep, pair[1])):
        rows = runs(path)[0].stored.gradients
        for layer, line in enumerate(axes.lines, start=1):
            expected = rows.loc[rows["layer"] == layer, "delta_norm"]
            np.testing.assert_allclose(line.get_ydata(), expected, rtol=1e-12)
            assert f"delta^{{{layer}}}" in str(line.get_label())


class Watched(Options):
    """Options that note which of them a picture looks at."""

    def __getattribute__(self, name: str) -> object:
        if name in Options.__dataclass_fields__:
            object.__getattribute__(self, "seen").add({"keys": "by", "values": "y"}.get(name, name))
        return super().__getattribute__(name)


@pytest.mark.parametrize("kind", KINDS)
def test_a_kind_looks_at_the_options_that_are_said_to_be_for_it(kind: str, bars: Path) -> None:
    options, seen = Watched(), set[str]()
    object.__setattr__(options, "seen", seen)
    with styled():
        PICTURES[kind](runs(bars), options)
    assert seen - {"width"} == {name for name, used in PLOT.options.items() if kind in used} - {"where"}


@pytest.mark.parametrize("width", [3.4, *(pytest.param(width, marks=pytest.mark.slow) for width in (6.4, 12.0))])
def test_titles_do_not_overlap(depths: Path, width: float) -> None:
    figure = drawn("curves", runs(depths), keys=("activation", "init", "layers"), width=width)
    figure.draw_without_rendering()
    boxes = [axes.title.get_window_extent() for axes in panels(figure)]
    assert len(boxes) == 6
    assert not any(one.overlaps(other) for index, one in enumerate(boxes) for other in boxes[:index])


def test_seeds_make_a_band(depths: Path) -> None:
    found = [run for run in runs(depths) if run.hidden == 2]
    first, _ = panels(drawn("curves", found, keys=("activation",)))
    same = [run for run in found if run.flat["activation"] == first.get_title().split()[0]]
    norms = [run.summary["gradient"]["start"]["delta_norm"][0] for run in same]
    line = first.lines[0].get_ydata()
    assert np.asarray(line)[0] == pytest.approx(10 ** np.mean(np.log10(norms)))
    assert len(first.collections) == 2
    assert "(3\N{NO-BREAK SPACE}seeds)" in first.get_title()


@pytest.mark.parametrize("epochs", [1, 2, 3, 5, 40])
def test_smoothing_is_a_rolling_mean(epochs: int) -> None:
    """pandas' own, of logarithms where the series is one of norms; a gap stays a gap."""
    rng = np.random.default_rng(0)
    y = np.exp(rng.normal(size=(3, 20)))
    y[0, 7] = np.nan
    frame = pd.DataFrame(y.T)
    # pandas has the odd one of an even window before the middle, here it is after it
    rolled = lambda table: table[::-1].rolling(epochs, center=True, min_periods=1).mean()[::-1]  # noqa: E731
    for zeros, wanted in ((None, rolled(frame)), (np.zeros(20, np.intp), np.exp(rolled(np.log(frame))))):
        found = smoothed(Series(np.arange(20.0), y[0], y[1], y[2], zeros), epochs)
        wanted = wanted.where(frame.notna())
        for column, each in enumerate((found.center, found.low, found.high)):
            np.testing.assert_allclose(each, wanted[column], rtol=1e-12)


def test_a_monitor_stands_under_the_norms(pair: tuple[Path, Path]) -> None:
    figure = drawn("curves", runs(*pair), under="validation_accuracy")
    lower = [axes for axes in figure.axes if not axes.get_title()]
    for axes, run in zip(lower, runs(*pair), strict=True):
        wanted = 100 * run.stored.metrics["validation_accuracy"]
        np.testing.assert_allclose(axes.lines[0].get_ydata(), wanted, rtol=1e-12)
    assert figure.axes[0].get_ylim() != lower[0].get_ylim()
    with pytest.raises(ConfigError, match="no monitor 'no_such'"):
        drawn("curves", runs(*pair), under="no_such")


def test_bars_are_the_neurons(bars: Path) -> None:
    figure = drawn("neurons", runs(bars))
    table = runs(bars)[0].stored.neurons
    for layer, axes in enumerate(reversed(figure.axes), start=1):
        rows = table[(table["epoch"] == 0) & (table["layer"] == layer)]
        assert [bar.get_height() for bar in axes.patches] == pytest.approx(rows["delta"].abs().tolist())
    with pytest.raises(ConfigError, match="epochs 0, 3"):
        drawn("neurons", runs(bars), epoch=2)


def test_layers_accuracy_heatmap(pair: tuple[Path, Path]) -> None:
    start, end = panels(drawn("layers", runs(*pair)))[:2]
    for axes, when in ((start, "start"), (end, "end")):
        for run, line in zip(runs(*pair), axes.lines, strict=True):
            np.testing.assert_allclose(line.get_ydata(), run.summary["gradient"][when]["delta_norm"], rtol=1e-12)
    axes = drawn("accuracy", runs(*pair)).axes[0]
    assert np.asarray(axes.lines[0].get_ydata())[-1] == pytest.approx(
        100 * runs(*pair)[0].summary["final"]["validation_accuracy"]
    )
    meshes = [axes.collections[0].get_array() for axes in panels(drawn("heatmap", runs(*pair)))[:2]]
    assert [np.shape(mesh) for mesh in meshes] == [(2, 4), (4, 4)]


def test_an_activation_is_drawn_with_its_own_parameters(tmp_path: Path) -> None:
    chosen = ["tanh", {"name": "tanh", "gain": 2.0}, *({"name": "leaky_relu", "slope": slope} for slope in (0.01, 0.3))]
    paths = [trained(tmp_path, activation=each, epochs=0) for each in chosen]
    _, slope = drawn("activations", runs(*paths)).axes
    steepest = {str(line.get_label()): np.max(line.get_ydata()) for line in slope.lines}
    least = {str(line.get_label()): np.min(line.get_ydata()) for line in slope.lines}
    assert len(slope.lines) == 4
    assert (steepest["tanh"], steepest["tanh gain 2"]) == (1, 2)
    assert (least["leaky_relu slope 0.01"], least["leaky_relu slope 0.3"]) == (0.01, 0.3)


def test_the_slope_of_sigmoid_is_at_most_a_quarter(pair: tuple[Path, Path]) -> None:
    f, slope = drawn("activations", runs(*pair)).axes
    assert np.max(np.asarray(slope.lines[0].get_ydata())) == pytest.approx(0.25)
    assert np.ptp(np.asarray(f.lines[0].get_ydata())) < 1


def test_layers_keep_their_order_in_grey() -> None:
    grey = [float(np.dot(colour(index, 6)[:3], [0.2126, 0.7152, 0.0722])) for index in range(6)]
    assert grey == sorted(grey)
    assert min(np.diff(grey)) > 0.05


FORMS = ["svg", *(pytest.param(form, marks=pytest.mark.slow) for form in ("pdf", "png"))]  # png: by studies


@pytest.mark.parametrize("form", FORMS)
def test_the_same_bytes_each_time(command: Command, pair: tuple[Path, Path], tmp_path: Path, form: str) -> None:
    contents = []
    for attempt in (1, 2):
        code, out, err = command("plot", *pair, "-o", tmp_path / f"{attempt}.{form}")
        assert (code, out.strip(), err) == (0, str(tmp_path / f"{attempt}.{form}"), "")
        contents.append((tmp_path / f"{attempt}.{form}").read_bytes())
    assert contents[0] == contents[1]
    if form != "pdf":  # whose strings are compressed
        assert all(run.hash.encode() in contents[0] for run in runs(*pair))


@pytest.mark.parametrize(
    "width", [pytest.param(2.0, marks=pytest.mark.slow), 3.4, pytest.param(7.0, marks=pytest.mark.slow)]
)
def test_width_is_the_width(command: Command, pair: tuple[Path, Path], tmp_path: Path, width: float) -> None:
    from matplotlib.image import imread

    assert command("plot", *pair, "-o", tmp_path / "x.png", "--width", width)[0] == 0
    assert imread(tmp_path / "x.png").shape[1] == pytest.approx(200 * width, abs=1)


def test_what_cannot_be_drawn(command: Command, pair: tuple[Path, Path], tmp_path: Path) -> None:
    for arguments in (["-o", "x.gif"], ["-o", "x"], ["--kind", "pie"], ["--scale", "cubic"], ["--by", "nothing"]):
        assert command("plot", *pair, "-o", tmp_path / "x.png", *arguments)[0] == 2
    assert not list(tmp_path.iterdir())
