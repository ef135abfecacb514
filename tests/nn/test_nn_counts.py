"""What a step of the plain way costs, in counts that are the same on every machine: calls, arrays."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any

import numpy as np
import oracle
import pytest
from oracle import Model
from rows import each_row
from test_nn_backprop import network

from vgrad.nn import backprop, costs, functions
from vgrad.nn.arrays import LINE, aligned, in_a_row
from vgrad.nn.backprop import Backprop


class Calls(Counter[str]):
    """Calls by the names of the functions, and how many bytes the arrays have that these were given."""

    moved = 0


class Counting:
    """A module whose functions count their calls; a name that none asks for costs nothing."""

    def __init__(self, module: Any, calls: Calls) -> None:
        self._module, self._calls = module, calls

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._module, name)
        return counted(found, name, self._calls) if callable(found) and not isinstance(found, type) else found


def counted(function: Any, name: str, calls: Calls) -> Any:
    def call(*args: Any, **keywords: Any) -> Any:
        calls[name] += 1
        calls.moved += sum(each.nbytes for each in args if isinstance(each, np.ndarray))
        return function(*args, **keywords)

    return call


@contextmanager
def counting(monkeypatch: pytest.MonkeyPatch, *modules: ModuleType) -> Iterator[Calls]:
    """Counts the calls of NumPy, of BLAS and of expit that these modules make."""
    calls = Calls()
    with monkeypatch.context() as patch:
        for module in modules:
            patch.setattr(module, "np", Counting(np, calls))
            if hasattr(module, "blas"):
                patch.setattr(module, "blas", Counting(module.blas, calls))
        patch.setattr(functions.special, "expit", counted(functions.special.expit, "expit", calls))
        yield calls


def calls_of_a_step(sizes: tuple[int, ...], monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    hidden = ("sigmoid",) * (len(sizes) - 2)
    params, (x, y) = oracle.draw(sizes, 0), oracle.examples(sizes, 10, 0)
    with counting(monkeypatch, backprop, costs, functions) as calls:
        passes = Backprop(network(Model(hidden, "sigmoid", "cross_entropy"), sizes), params, 10, "train")
        calls.clear()
        passes.forward(x)
        passes.backward(y)
        passes.descend(x, 0.1, 0.99)
    return calls


def test_a_step_of_nielsens_network_is_31_calls_and_a_layer_more_is_12(monkeypatch: pytest.MonkeyPatch) -> None:
    """A product and a sigmoid of four calls forwards, biases being assigned; a product, a slope of four calls and a
    multiplication backwards; and what BLAS adds to W and b."""
    three, four = (calls_of_a_step((12, *(9,) * k, 5), monkeypatch) for k in (2, 3))
    assert three.total() == 31
    assert three["dgemm"] == 8
    assert three["dgemv"] == 3
    assert (four - three) == Counter(dgemm=3, negative=1, exp=2, add=2, reciprocal=2, multiply=2, dgemv=1)


@each_row("dtype", ["float64", "float32"])
def test_every_array_of_a_step_begins_at_a_cache_line(dtype: str) -> None:
    sizes = (7, 5, 3, 2)
    params = {name: value.astype(dtype) for name, value in oracle.draw(sizes, 0).items()}
    passes = Backprop(network(Model(("tanh", "tanh"), "sigmoid", "cross_entropy"), sizes), params, 9)
    arrays = [*passes.z, *passes.a, *passes.delta, aligned((3, 5), dtype)]
    assert [array.ctypes.data % LINE for array in arrays] == [0] * len(arrays)
    assert all(array.dtype == dtype and array.flags.c_contiguous for array in arrays)


def test_arrays_in_a_row_do_not_overlap() -> None:
    vector, arrays = in_a_row([(3, 5), (0, 4), (2, 8)], np.float64)
    for number, array in enumerate(arrays, start=1):
        array.fill(number)
    assert [array.shape for array in arrays] == [(3, 5), (0, 4), (2, 8)]
    assert [np.count_nonzero(vector == number) for number in (0, 1, 3)] == [1, 15, 16]


@each_row("activations", [("sigmoid", "tanh"), ("tanh", "tanh")])
def test_layers_have_slopes_of_their_own_z(activations: tuple[str, ...]) -> None:
    sizes = (7, 5, 3, 2)
    params, (x, y) = oracle.draw(sizes, 0), oracle.examples(sizes, 9, 0)
    net = network(Model(activations, "sigmoid", "cross_entropy"), sizes)
    passes = Backprop(net, params, 9)
    passes.forward(x)
    passes.backward(y)
    for layer in (2, 1):
        z, a, above = passes.z[layer - 1], passes.a[layer - 1], passes.delta[layer] @ passes.W[layer]
        slope = net.activations[layer - 1].slope(z, a, np.empty_like(z))
        np.testing.assert_array_equal(passes.delta[layer - 1], above * slope)
