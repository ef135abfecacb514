"""Slides by their structure: what is drawn is what was computed, and nothing is lost to underflow or to zeros."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.figure import Figure

from vgrad.nn.activations import ACTIVATIONS, build
from vgrad.pictures.style import styled
from vgrad.theory.chain_pictures import OVERVIEW, PANELS, lesson_figure
from vgrad.theory.lesson import SECTIONS, Lesson, Setting, teach
from vgrad.theory.product import Product, Step
from vgrad.theory.product_pictures import product_figure

NAMES = [name for name in ACTIVATIONS if name != "maxout"]


def lesson(*names: str, activation: str = "sigmoid", **own: object) -> Lesson:
    setting = Setting(build(activation), activation == "sigmoid", draws=100, **own)  # type: ignore[arg-type]
    return teach(setting, names or [*SECTIONS])


def drawn(found: Lesson) -> Figure:
    with styled():
        figure = lesson_figure(found, "sigmoid")
        figure.draw_without_rendering()
        return figure


def test_bars_and_line_are_the_factors() -> None:
    found = lesson("factors", neurons=6)
    assert found.factors is not None
    bars, points = drawn(found).axes
    tops = [bar.get_y() + bar.get_height() for bar in bars.patches]  # type: ignore[attr-defined]
    np.testing.assert_allclose(tops, np.log10(np.abs(found.factors.factor)))
    np.testing.assert_allclose(bars.lines[0].get_ydata(), found.factors.log10_product)
    np.testing.assert_allclose(points.lines[1].get_xdata(), found.factors.z)
    np.testing.assert_allclose(points.lines[1].get_ydata(), found.factors.slope)


def test_the_fan_is_the_quantiles() -> None:
    found = lesson("draws")
    assert found.draws is not None
    fan, _ = drawn(found).axes
    np.testing.assert_allclose(fan.lines[0].get_ydata(), [row.quantiles[2] for row in found.draws.rows])


def test_the_curve_has_its_maximum_at_the_point() -> None:
    (axes,) = drawn(lesson("width")).axes
    curve, point = axes.lines
    assert np.max(curve.get_ydata()) <= np.asarray(point.get_ydata())[0]
    assert np.asarray(point.get_xdata())[0] == pytest.approx(6.894, abs=1e-3)


@pytest.mark.slow
@pytest.mark.parametrize("activation", NAMES)
def test_every_panel_of_every_activation(activation: str) -> None:
    found = lesson(activation=activation, neurons=3)
    assert len(drawn(found).axes) == len(OVERVIEW)
    for name in [*SECTIONS] if activation in ("gelu", "relu") else []:
        figure = drawn(Lesson(found.setting, **{name: getattr(found, name)}, names=(name,)))
        assert len(figure.axes) == len(PANELS[name])


@pytest.mark.parametrize("activation", ["relu", pytest.param("sigmoid", marks=pytest.mark.slow)])
def test_products_beyond_floats(activation: str) -> None:
    found = lesson("factors", activation=activation, neurons=500)
    drawn(found)
    drawn(lesson("draws", activation=activation, draw_neurons=500))
    drawn(lesson("explode", activation=activation, neurons=500))


@pytest.mark.slow
def test_titles_stay_apart() -> None:
    figure = drawn(lesson())
    boxes = [axes.title.get_window_extent() for axes in figure.axes]
    assert not any(one.overlaps(other) for index, one in enumerate(boxes) for other in boxes[:index])


def step(layer: int, weights: float | None, slopes: float | None) -> Step:
    both = None if weights is None or slopes is None else weights * slopes
    return Step(layer, 0.25, 0.2, 2.0, weights, slopes, both, 0.1)


@pytest.mark.parametrize("least", [0.2, 1e-9])
def test_the_factors_of_a_run(least: float) -> None:
    steps = (step(1, 1.5, least), step(2, 0.9, 0.21))
    product = Product(10, 10, steps, (0.01, 0.05, 1.0), (0.008, 0.04, 0.9), (0.0,) * 3)
    with styled():
        figure = product_figure(product, "a run")
        figure.draw_without_rendering()
    left, right = figure.axes
    tops = np.array([bar.get_y() + bar.get_height() for bar in left.patches])  # type: ignore[attr-defined]
    values = 10**tops if least < 0.1 else tops
    np.testing.assert_allclose(values, [1.5, 0.9, least, 0.21])
    np.testing.assert_allclose(right.lines[0].get_ydata(), np.log10(product.delta))  # type: ignore[arg-type]


def test_a_run_without_any_gradient() -> None:
    product = Product(3, 0, (step(1, None, None),), (None, None), (0.0, 0.0), (0.0, 0.0))
    with styled():
        product_figure(product, "dead").draw_without_rendering()
