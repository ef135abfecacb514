"""Deltas that are kept times a power of two: what they are, that nothing is rounded, and that they may grow again."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import oracle
from oracle import Model, Params
from rows import each_row
from test_nn_backprop import network
from test_nn_beside import side_by_side, stored

from vgrad.nn.backprop import Backprop
from vgrad.nn.beside import lifts
from vgrad.nn.beside.lifts import Lifts
from vgrad.nn.beside.norm import Statistics
from vgrad.nn.beside.step import AugmentedStep
from vgrad.nn.beside.weights import Augmented
from vgrad.nn.functions import make
from vgrad.nn.norms import Norm, batch_norm


def deep(depth: int, dtype: str, spread: float = 1.0) -> tuple[Model, tuple[int, ...], Params, np.ndarray, np.ndarray]:
    sizes = (6, *(8,) * depth, 3)
    params = {name: value.astype(dtype) for name, value in oracle.draw(sizes, 1, spread=spread).items()}
    x, y = oracle.examples(sizes, 5, 1)
    return Model(("sigmoid",) * depth, "sigmoid", "cross_entropy"), sizes, params, x.astype(dtype), y.astype(dtype)


def made(
    model: Model, sizes: tuple[int, ...], params: Params, rows: int, norm: Norm | None = None
) -> tuple[AugmentedStep, Augmented]:
    dtype = params["W1"].dtype
    weights = Augmented(sizes, dtype, normed=norm is not None)
    weights.load(params)
    return AugmentedStep(
        replace(network(model, sizes), norm=norm), weights, rows, running=Statistics(sizes[1:-1], dtype)
    ), weights


def wanted(model: Model, sizes: tuple[int, ...], params: Params, x: np.ndarray, y: np.ndarray) -> list[np.ndarray]:
    """delta of every layer by the plain way in float64, (n_l, m)."""
    wide = {name: value.astype(float) for name, value in params.items()}
    passes = Backprop(network(model, sizes), wide, len(x))
    passes.forward(x.astype(float))
    passes.backward(y.astype(float))
    return [delta.T for delta in passes.delta]


def assert_lifted(passes: AugmentedStep, due: list[np.ndarray], apart: float) -> list[float]:
    """d^l times 2^-k is delta^l; returns the largest |d^l| of each layer."""
    factor = 1.0
    for d, delta, up in zip(passes.delta[-2::-1], due[-2::-1], passes._lifts.down, strict=True):
        factor /= up
        assert np.abs(d.astype(float) * factor - delta).max() <= apart * np.abs(delta).max()
    return [float(np.abs(d).max()) for d in passes.delta]


@each_row("depth, apart", [(60, 1e-4), (100, 1e-3)])
def test_deltas_that_would_be_denormal_are_those_of_float64(depth: int, apart: float) -> None:
    model, sizes, params, x, y = deep(depth, "float32")
    params |= {name: np.zeros_like(value) for name, value in params.items() if name.startswith("b")}
    passes, weights = made(model, sizes, params, 5)
    due = wanted(model, sizes, params, x, y)
    assert np.abs(due[0]).max() < np.finfo("float32").tiny
    for _ in range(3):  # the first looks, the others multiply
        make(passes.passing(side_by_side(x, weights), y.T))
        assert min(assert_lifted(passes, due, apart)) > 2.0**-66
    make(passes.descending(side_by_side(x, weights), 0.5, 1.0))
    after = stored(weights, params)
    for layer, delta in enumerate(due, start=1):  # from 0, a bias moves by whatever counts at all
        largest = np.abs(delta).max()
        if not 2.0**-96 < largest < 2.0**-93:
            assert after[f"b{layer}"].any() == (largest > 2.0**-94), layer


@each_row("norm", [None, batch_norm()])
def test_lifting_rounds_nothing(norm: Norm | None) -> None:
    """A network whose deltas stay above the middle once, and one that is made to lift them anyway: the same bits."""
    model, sizes, params, x, y = deep(12, "float64")
    if norm is not None:
        for layer, n in enumerate(sizes[1:-1], start=1):
            params |= {f"gamma{layer}": np.linspace(0.01, 0.02, n), f"beta{layer}": np.linspace(-1, 1, n)}
    found = []
    for middle in (lifts.Lifts(13, np.dtype(np.float64))._middle, -5):
        passes, weights = made(model, sizes, params, 5, norm)
        passes._lifts._middle = middle
        for _ in range(4):
            make(passes.passing(side_by_side(x, weights), y.T))
            make(passes.descending(side_by_side(x, weights), 0.5, 0.99))
        found.append((passes._lifts.lifted, stored(weights, params)))
    (plain, one), (lifted, other) = found
    assert (plain, lifted) == (False, True)
    for name, value in one.items():
        np.testing.assert_array_equal(other[name], value)


def test_deltas_that_grow_beyond_the_type_are_looked_at_again() -> None:
    """A saturated network has slopes of e^-40; when it is that no more, what was lifted overflows."""
    model, sizes, params, x, y = deep(40, "float32")
    passes, weights = made(model, sizes, params, 5)
    beside = side_by_side(x, weights)
    for name, view in weights.views.items():
        if name.startswith("b") and name != f"b{len(sizes) - 1}":
            view[...] = 20
    make(passes.passing(beside, y.T))
    assert passes._lifts.lifted
    weights.load(params)
    make(passes.passing(beside, y.T))
    assert_lifted(passes, wanted(model, sizes, params, x, y), 1e-4)


@each_row("norm, dtype, sure", [(None, "float32", 75), (None, "float64", 560), (batch_norm(), "float32", 75)])
def test_what_was_next_to_nothing_is_not_left_out_once_it_counts(norm: Norm | None, dtype: str, sure: float) -> None:
    """One batch is recognized beyond doubt: all deltas are e^-75. The next one is not, and every layer has to learn."""
    model, sizes, params, x, y = deep(10, dtype)
    y[:] = 0
    if norm is not None:
        for layer, n in enumerate(sizes[1:-1], start=1):
            params |= {f"gamma{layer}": np.ones(n), f"beta{layer}": np.zeros(n)}
    found = []
    for seen in (False, True):
        passes, weights = made(model, sizes, params, 5, norm)
        beside = side_by_side(x, weights)
        if seen:
            weights.views[f"b{len(sizes) - 1}"][...] -= sure
            make(passes.passing(beside, y.T))
            assert passes._lifts.share[:-1] == [0] * 10
            make(passes.descending(beside, 0.5, 1.0))  # puts together the sums of now: the next ones are others
            weights.load(params)
        make(passes.passing(beside, y.T))
        assert not passes._lifts.lifted
        make(passes.descending(beside, 0.5, 1.0))
        found.append(weights.vector.copy())
    np.testing.assert_array_equal(*found)


def test_a_shallow_network_is_left_alone() -> None:
    model, sizes, params, x, y = deep(3, "float32", spread=1e-12)
    passes, weights = made(model, sizes, params, 5)
    make(passes.passing(side_by_side(x, weights), y.T))
    assert not passes._lifts.lifted
    assert_lifted(passes, wanted(model, sizes, params, x, y), 1e-4)


def test_it_looks_at_the_first_pass_of_an_epoch_and_then_at_every_hundredth() -> None:
    found = Lifts(10, np.dtype(np.float32))
    looks = [number for number in range(250) if found.is_due()]
    assert looks == [0, lifts.EVERY, 2 * lifts.EVERY]
    found.restart()
    assert found.is_due()


def test_a_layer_that_grows_back_is_let_down() -> None:
    found = Lifts(4, np.dtype(np.float32))
    assert found.more(np.full(3, 2.0**-70), 0) == 70 - 63 - 1
    assert found.more(np.full(3, 2.0**-10), 0) == 0
    assert found.more(np.full(3, 2.0**-10), 30) == -30
    assert found.more(np.full(3, 2.0**-60), 30) == -4
    assert found.more(np.full(3, 2.0**-140), 30) == 76
    assert [found.more(np.full(3, each), 5) for each in (0.0, np.inf, np.nan)] == [0, 0, 0]
    found.set([6, 0, 25])
    assert found.down == [2.0**6, 1.0, 2.0**25]
    assert found.share == [2.0**-31, 2.0**-6, 2.0**-6, 1.0]
    found.set([6, 0, 26])
    assert found.share[0] == 0
