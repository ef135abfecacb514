"""The sections of the lesson: what each is about, with nothing given and with everything."""

from __future__ import annotations

import math
from dataclasses import asdict

import numpy as np
import pytest

from vgrad.nn.activations import build
from vgrad.theory.chain import chain, distribution, drawn
from vgrad.theory.lesson import SECTIONS, Setting, curve, generator, teach
from vgrad.theory.neuron import reach, sigmoid_width, steep_intervals, width

SIGMOID = build("sigmoid")
PLAIN = Setting(SIGMOID, True, draws=60)


def test_what_is_not_given() -> None:
    left = {key: value for key, value in asdict(Setting(SIGMOID, True)).items() if key != "activation"}
    assert left == {
        "closed_form": True,
        "neurons": 4,
        "weights": None,
        "biases": None,
        "x": 0.5,
        "y": 0.0,
        "seed": 0,
        "draws": 10_000,
        "draw_neurons": 10,
        "spread": 1.0,
        "explode_weight": 100.0,
        "width_weights": None,
    }
    first, other = generator(3, 0).random(4), generator(3, 1).random(4)
    assert (first == generator(3, 0).random(4)).all()
    assert (first != other).all()


def test_only_what_was_asked_for_is_taught() -> None:
    found = teach(PLAIN, ["width", "explode"])
    assert found.names == ("width", "explode")
    assert [name for name in SECTIONS if getattr(found, name) is not None] == ["explode", "width"]


def test_the_chain_is_drawn_or_given() -> None:
    w, b = drawn(generator(2, 0), 5, 1.5)
    setting = Setting(SIGMOID, True, neurons=5, seed=2, spread=1.5, x=0.3, y=0.2)
    for own, weights, biases in (({}, w, b), ({"weights": [1, 2, 3, 4, 5]}, np.arange(1.0, 6), b)):
        found = teach(Setting(**{**vars(setting), **own}), ["factors"]).factors
        wanted = chain(SIGMOID, weights, biases, 0.3, 0.2)
        assert found is not None
        assert (found.dC_db == wanted.dC_db).all()
        assert (found.x, found.y) == (0.3, 0.2)
    given = teach(Setting(SIGMOID, True, neurons=2, weights=[1, 2], biases=[3, 4]), ["factors"]).factors
    assert given is not None
    assert (given.w.tolist(), given.b.tolist()) == ([1, 2], [3, 4])


def test_the_draws_are_of_a_generator_of_their_own() -> None:
    found = teach(Setting(SIGMOID, True, draws=60, draw_neurons=5, x=0.3, seed=2, spread=1.5), ["draws"]).draws
    wanted = distribution(SIGMOID, generator(2, 1), 5, 60, 0.3, 1.5)
    assert found is not None
    assert found.rows == wanted.rows
    assert len(found.rows) == 4


def test_a_little_of_the_input_stops_the_explosion() -> None:
    found = teach(PLAIN, ["explode"]).explode
    assert found is not None
    assert found.moved is not None
    assert (found.chain.x, found.moved.x) == (0.5, 0.6)
    assert (found.moved.w.tolist(), found.moved.b.tolist()) == (found.chain.w.tolist(), found.chain.b.tolist())
    assert found.chain.w.tolist() == [100.0] * 4
    assert abs(found.moved.dC_db[0]) < 1e-3 * abs(found.chain.dC_db[0])
    huge = teach(Setting(build("identity"), False, explode_weight=1e160, neurons=3), ["explode"]).explode
    assert huge is not None
    assert huge.moved is None


def test_widths_are_those_of_multiples_of_the_least_weight() -> None:
    found = teach(PLAIN, ["width"]).width
    assert found is not None
    assert [row.w for row in found.rows] == [3.6, 4.0, 5.0, 6.0, 8.0, 10.0, 20.0, 40.0, 100.0]
    assert found.reach == reach(SIGMOID)
    for row in found.rows:
        assert row.z == steep_intervals(SIGMOID, 1 / row.w)
        assert (row.width, row.closed_form) == (width(SIGMOID, row.w), sigmoid_width(row.w))
    tanh = teach(Setting(build("tanh"), False, width_weights=[0.0, -2.0]), ["width"]).width
    assert tanh is not None
    assert [(row.w, row.closed_form) for row in tanh.rows] == [(0.0, None), (-2.0, None)]
    assert tanh.rows[0].z == []
    assert tanh.rows[1].width == pytest.approx(math.acosh(math.sqrt(2)))
    w, widths = curve(SIGMOID, 4.0, 400.0, 3)
    assert (w.tolist(), len(curve(SIGMOID, 4.0, 400.0)[0])) == (pytest.approx([4, 40, 400]), 300)
    assert widths.tolist() == [width(SIGMOID, each) for each in w.tolist()]


def test_identity_neurons_have_ever_smaller_weights() -> None:
    found = teach(Setting(build("relu"), False), ["identity"]).identity
    assert found is not None
    small = [4.0, 2.0, 1.0, 0.5, 0.2, 0.1]
    assert [(with_constant.w1, without.w1) for with_constant, without in found.rows] == [(w, w) for w in small]
    assert all(without.constant == 0 for _, without in found.rows)
    assert found.best.error == pytest.approx(0, abs=1e-7)
