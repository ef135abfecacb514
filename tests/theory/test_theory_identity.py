"""The identity neuron: what the expansion promises, what it cannot do, and that nothing better is overlooked."""

from __future__ import annotations

import math

import numpy as np
import pytest

from vgrad.nn.activations import ACTIVATIONS, build
from vgrad.theory.identity import POINTS, Imitation, best, expanded, output

NAMES = [name for name in ACTIVATIONS if name != "maxout"]


def sigmoid(z: np.ndarray) -> np.ndarray:
    return np.asarray(1 / (1 + np.exp(-z)))


@pytest.mark.parametrize("name", NAMES)
def test_the_error_is_what_is_measured(name: str) -> None:
    for found in (expanded(build(name), 0.5), best(build(name), 2.0)):
        x = np.linspace(0, 1, 5001)
        away = np.abs(output(build(name), found, x) - x).max()
        assert away == pytest.approx(found.error, rel=1e-2, abs=1e-8)


@pytest.mark.parametrize("w1", [0.5, 0.2, 0.1, 0.02])
def test_the_expansion_of_the_sigmoid_is_of_third_order(w1: float) -> None:
    found = expanded(build("sigmoid"), w1)
    assert found.error == pytest.approx(w1**2 / 96, rel=w1**2)  # w1^2 D^3 / 12 at D = 1/2
    assert (found.b, found.w2, found.constant) == pytest.approx((-w1 / 2, 4 / w1, 0.5 - 2 / w1))


@pytest.mark.parametrize("name", NAMES)
def test_with_a_constant_the_error_vanishes(name: str) -> None:
    assert expanded(build(name), 0.01).error < (0.003 if name == "softsign" else 2e-5)  # it has a corner in f' at 0


def test_without_one_a_small_weight_of_the_sigmoid_gives_no_x() -> None:
    """With b far down, w2 s(w1 x + b) is W e^(w1 x), whose best W is 1/(1 + e^w1), and so is the error."""
    for w1 in (0.1, 0.5, 1.0):
        assert best(build("sigmoid"), w1).error == pytest.approx(1 / (1 + math.exp(w1)), rel=1e-4)


def by_trying(w1s: np.ndarray) -> float:
    """The least error of 31 x 61 x 41 neurons around the best."""
    x, least = POINTS[::8], math.inf
    for w1 in w1s:
        for b in np.linspace(-4, 0, 61):
            a = sigmoid(w1 * x + b)
            w2 = np.linspace(0.9, 1.1, 41)[:, None]
            least = min(least, float(np.abs(w2 * a - x).max(axis=1).min()))
    return least


def test_the_best_is_no_worse_than_what_trying_finds() -> None:
    found = best(build("sigmoid"))
    tried = by_trying(np.linspace(5, 6.5, 31))
    assert found.error <= tried * 1.005
    assert found.error == pytest.approx(0.0560, abs=3e-4)
    assert found.b == pytest.approx(-found.w1 / 2, abs=0.01)  # the slope is symmetric, and so is the error
    assert found.w2 == pytest.approx(1, abs=0.01)


def test_what_passes_through_the_origin_needs_no_constant() -> None:
    errors = [best(build("tanh"), w1).error for w1 in (1.0, 0.5, 0.2, 0.1)]
    assert errors == sorted(errors, reverse=True)
    assert errors[-1] < 1e-3
    assert best(build("relu")).error < 1e-7


def test_a_wrong_output_is_noticed() -> None:
    right = expanded(build("sigmoid"), 0.5)
    wrong = Imitation(right.w1, right.b, right.w2 * 1.01, right.constant, right.error)
    assert np.abs(output(build("sigmoid"), wrong, POINTS) - POINTS).max() > 2 * right.error
