"""Eq. 123 found by roots: against the closed form, against counting, and its maximum against calculus."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from oracle import ACTIVATIONS as ORACLE
from rows import each_row

from vgrad.nn.activations import ACTIVATIONS, build
from vgrad.theory.neuron import FAR, input_intervals, reach, sigmoid_width, steep_intervals, steepest_point, width

NAMES = [name for name in ACTIVATIONS if name in ORACLE]
ENDING = ["sigmoid", "tanh", "scaled_tanh", "softsign", "hard_tanh"]
ENDLESS = sorted({*ACTIVATIONS} - {*ENDING, "maxout"})


@pytest.mark.parametrize("w", [4.001, 4.5, 5, 6.9, 10, 100, 1e4, 1e9, -8])
def test_the_width_is_that_of_the_closed_form(w: float) -> None:
    assert width(build("sigmoid"), w) == pytest.approx(sigmoid_width(w), rel=1e-9)


@pytest.mark.parametrize("w", [0, 1, -3.99])
def test_small_weights_have_no_such_input(w: float) -> None:
    assert width(build("sigmoid"), w) == 0
    assert sigmoid_width(w) == 0
    assert input_intervals(build("sigmoid"), w, 0.3) == []


@pytest.mark.parametrize(
    "wrong",
    [
        lambda w: sigmoid_width(w) / 2,
        lambda w: 2 / w * math.log(w * (1 + math.sqrt(1 - 4 / w)) / 2),
        lambda w: 2 / w * math.log(w * (1 - math.sqrt(1 - 4 / w)) / 2 + 1),
    ],
)
def test_a_wrong_closed_form_is_noticed(wrong: object) -> None:
    assert callable(wrong)
    assert wrong(8.0) != pytest.approx(width(build("sigmoid"), 8.0), rel=1e-3)


@each_row("b", [-3.0, 0.0, 1.7])
@each_row("w", [-9.0, 1.5, 6.0])
@each_row("name", NAMES)
def test_inside_the_factor_is_1_or_more_and_outside_less(name: str, w: float, b: float) -> None:
    slope = ORACLE[name][1]
    found = input_intervals(build(name), w, b)
    ends = [end for interval in found for end in interval if math.isfinite(end)]
    for a in np.linspace(-5, 5, 997).tolist():
        if min((abs(a - end) for end in ends), default=1.0) > 1e-6:
            inside = any(low <= a <= high for low, high in found)
            assert inside == (abs(w * slope(w * a + b)) >= 1 - 1e-14), a


@pytest.mark.parametrize("name", ENDING)
def test_the_width_is_what_counting_gives_for_every_b(name: str) -> None:
    activation, slope = build(name), ORACLE[name][1]
    for w, b in ((5.0, 0.4), (-12.0, 7.0)):
        a = (np.arange(200_000) + 0.5) / 200_000 * 4 - 2 - b / w
        counted = 4 * np.mean([abs(w * slope(w * one + b)) >= 1 for one in a.tolist()[::10]])
        assert width(activation, w) == pytest.approx(counted, abs=5e-4)


def test_the_maximum_is_where_the_derivative_vanishes() -> None:
    mpmath = pytest.importorskip("mpmath")

    def closed(w: object) -> object:
        return 2 / w * mpmath.log(w * (1 + mpmath.sqrt(1 - 4 / w)) / 2 - 1)  # type: ignore[operator]

    with mpmath.workdps(30):
        at = mpmath.findroot(lambda w: mpmath.diff(closed, w), 7)
        most = float(closed(at))
    found = reach(build("sigmoid"))
    assert found.w == pytest.approx(float(at), rel=5e-8)
    assert found.width == pytest.approx(most, rel=1e-12)
    assert (round(found.w or 0, 1), round(found.width or 0, 2)) == (6.9, 0.45)
    assert found.least == 4
    assert found.endless is None


def test_the_maxima_that_can_be_found_by_hand() -> None:
    softsign, hard = reach(build("softsign")), reach(build("hard_tanh"))
    assert softsign.w == pytest.approx(4, rel=1e-4)  # 2 (sqrt(w) - 1) / w
    assert softsign.width == pytest.approx(0.5)
    assert hard.w == pytest.approx(1)  # 2 / w
    assert hard.width == pytest.approx(2)


@pytest.mark.parametrize("name", ENDING)
def test_no_other_weight_has_a_wider_set(name: str) -> None:
    activation, found = build(name), reach(build(name))
    assert found.width is not None
    assert max(width(activation, float(w)) for w in np.geomspace(0.5, 500, 401)) <= found.width * (1 + 1e-9)


@pytest.mark.parametrize("name", ENDLESS)
def test_what_stays_steep_has_no_end(name: str) -> None:
    found = reach(build(name))
    assert found.w is None
    assert found.endless is not None
    assert math.isinf(width(build(name), 1.001 * found.endless))
    assert math.isfinite(width(build(name), 0.999 * found.endless))


def test_a_steeper_sigmoid_needs_smaller_weights() -> None:
    found = reach(build("sigmoid", gain=4.0))
    assert found.least == 1
    assert found.w == pytest.approx(6.8941510 / 4, rel=1e-5)
    assert found.width == pytest.approx(0.4477432, rel=1e-5)


@pytest.mark.parametrize("name", NAMES)
def test_nothing_is_steeper_than_the_steepest_point(name: str) -> None:
    slope = ORACLE[name][1]
    z, most = steepest_point(build(name))
    assert most == pytest.approx(slope(z), rel=1e-12)
    assert max(abs(slope(one)) for one in np.linspace(-20, 20, 4001).tolist()) <= abs(most) * (1 + 1e-12)


@pytest.mark.parametrize("gain", [0.7, 1.0, 1.3, 2.0, 3.1, 4.7])
def test_the_steepest_point_is_between_the_points_of_the_grid(gain: float) -> None:
    z, most = steepest_point(build("gelu", gain=gain))
    assert z == pytest.approx(math.sqrt(2) / gain, rel=1e-6)  # where f'' = (2 - z^2) phi(z) is 0
    assert most == pytest.approx(1.128904145 * gain, rel=1e-9)


@pytest.mark.parametrize("side", [-1, 1])
def test_the_steepest_point_may_be_at_the_end_of_the_grid(side: int) -> None:
    def slope(z: np.ndarray, a: np.ndarray, out: np.ndarray) -> np.ndarray:
        out[:] = 2 + side * z / FAR
        return out

    z, most = steepest_point(replace(build("identity"), slope=slope))
    assert (z * side, most) == (pytest.approx(FAR, rel=1e-3), pytest.approx(3, rel=1e-3))


@pytest.mark.parametrize("name", ["sigmoid", "gelu"])
def test_one_that_falls_is_as_steep(name: str) -> None:
    right = build(name)
    falling = replace(right, slope=lambda z, a, out: np.negative(right.slope(z, a, out), out=out))
    (z, most), found = steepest_point(right), reach(right)
    assert steepest_point(falling) == (z, -most)
    assert reach(falling) == found
    assert steep_intervals(falling, 0.2) == steep_intervals(right, 0.2)


@pytest.mark.parametrize(("gap", "count"), [(5e-8, 1), (2e-7, 2)])
def test_intervals_with_next_to_nothing_between_them_are_one(gap: float, count: int) -> None:
    def slope(z: np.ndarray, a: np.ndarray, out: np.ndarray) -> np.ndarray:
        out[:] = np.where((z > 1e-6) & (z < 1e-6 + gap) | (np.abs(z) > 1), 0, 1)
        return out

    found = steep_intervals(replace(build("identity"), slope=slope), 0.5)
    assert len(found) == count
    assert (found[0][0], found[-1][1]) == (pytest.approx(-1), pytest.approx(1))


def test_two_intervals_are_told_apart() -> None:
    found = steep_intervals(build("silu"), 0.09)  # its slope is below -0.09 once, and above 0.09 from -0.9 on
    assert len(found) == 2
    assert found[0][0] > -math.inf
    assert found[1][1] == math.inf
