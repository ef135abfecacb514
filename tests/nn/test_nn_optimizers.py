"""Float32 and gradients whose squares are no normal numbers: of the optimizers that add an epsilon to the root of a
mean of g^2, the steps of float64, with the least epsilon for which that holds, and without denormal numbers in what
they keep."""

from __future__ import annotations

import numpy as np
import pytest
from rows import each_row

from vgrad.nn.optimizers import BLOCK, EVERY, LARGE, OPTIMIZERS, Optimizer, Step, Stepper

ROOTS = ("adagrad", "adadelta", "rmsprop", "adam", "adamw", "nadam")
SIZES = 10.0 ** np.arange(-24, 2)
"""Of gradients: layers far below the output have the first, and the squares of those below 1e-19 are denormal or 0."""
STEPS = 100


def ends(name: str, dtype: str, sizes: np.ndarray = SIZES) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """w, which begins at 0, and what the optimizer keeps, after steps with gradients of those sizes."""
    optimizer = OPTIMIZERS[name](epsilon=LARGE)
    w, random = np.zeros(len(sizes), dtype), np.random.default_rng(0)
    state = optimizer.init(w)
    g = np.empty_like(w)
    step = Stepper(optimizer, w, g, state)
    for t in range(1, STEPS + 1):
        g[:] = sizes * random.uniform(0.5, 1, len(sizes)) * np.sign(random.uniform(-0.5, 1, len(sizes)))
        step(Step(optimizer.learning_rate, 0.9, t))
    return w, state


@each_row("name", ROOTS)
def test_tiny_gradients_move_parameters_as_in_float64(name: str) -> None:
    (w, state), (due, _) = (ends(name, dtype) for dtype in ("float32", "float64"))
    np.testing.assert_allclose(w, due, rtol=2e-6)
    kept = np.concatenate([np.abs(vector) for key, vector in state.items() if key != "m"])
    assert not ((kept > 0) & (kept < np.finfo(np.float32).tiny)).any()


@each_row("name", ROOTS)
def test_where_there_are_none_squares_are_those_of_the_gradients(name: str) -> None:
    """Zeros are none: a weight whose input is always 0 keeps 0."""
    sizes = np.array([0.0, 1e-3, 1.0])
    _, state = ends(name, "float32", sizes)
    assert [vector[0] for vector in state.values()] == [0.0] * len(state)


def tiny_in(dtype: str, epsilon: float | None, blocks: int = 1) -> list[bool]:
    """What each step is told, with gradients of 1, in the last block from the tenth step on 1e-20, then 1 again."""
    told = list[bool]()
    optimizer = Optimizer(0.1, lambda w, g, slots, work, step: told.append(step.tiny), epsilon=epsilon)
    w = np.zeros(BLOCK * (blocks - 1) + 3, dtype)
    g = np.ones_like(w)
    step = Stepper(optimizer, w, g, {})
    for t in range(1, 2 * EVERY + 3):
        g[-1] = 1e-20 if 10 <= t <= EVERY + 10 else 1.0
        step(Step(0.1, 0.0, t))
    return told


def test_they_are_looked_for_at_once_and_now_and_then() -> None:
    due = [False] * EVERY + [True] * EVERY + [False] * 2
    assert tiny_in("float32", 1e-8) == tiny_in("float32", LARGE) == due
    assert tiny_in("float32", 1e-8, blocks=2) == [told for told in due for _ in range(2)]


@each_row("dtype, epsilon", [("float64", 1e-8), ("float32", 0.9 * LARGE), ("float32", None)])
def test_where_they_count_or_cost_nothing_they_are_left_alone(dtype: str, epsilon: float | None) -> None:
    assert not any(tiny_in(dtype, epsilon))


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_those_with_a_root_tell_their_epsilon(name: str) -> None:
    settings = {"epsilon": 0.25} if name in ROOTS else {}
    assert OPTIMIZERS[name](**settings).epsilon == settings.get("epsilon")
