"""The gradient check passes what is right and refuses what is wrong by one in a thousand, on every kind of layer."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from rows import each_row

from vgrad.nn.activations import ACTIVATIONS, build
from vgrad.nn.arrays import Parameters
from vgrad.nn.backprop import GeneralBackprop
from vgrad.nn.costs import COSTS, OUTPUTS
from vgrad.nn.gradcheck import _rounding, gradient_check
from vgrad.nn.initializers import initialize, lecun_normal, normal_biases
from vgrad.nn.network import Network, Noise
from vgrad.nn.norms import batch_norm, layer_norm

ENDS = [(cost, output) for cost, pairs in COSTS.items() for output in pairs]
KINDS = {"plain": {}, "batch_norm": {"norm": batch_norm()}, "layer_norm": {"norm": layer_norm()}}
KINDS |= {"residual": {"residual": True}, "noisy": {"dropout": 0.3, "input_noise": 0.2}}


def example(
    activation: str, cost: str = "cross_entropy", output: str = "sigmoid", kind: str = "plain", depth: int = 2
) -> tuple[Network, Parameters, np.ndarray, np.ndarray]:
    sizes, generator = (6, *[4] * depth, 3), np.random.default_rng(2)
    functions = tuple(build(activation) for _ in range(depth))
    network = Network(sizes, functions, OUTPUTS[output], COSTS[cost][output], **KINDS[kind])
    pieces = [f.pieces for f in functions]
    drawn = initialize(sizes, lecun_normal(), normal_biases(), 1.0, (generator, generator), pieces)
    for layer in range(1, network.depth):
        drawn |= network.extras(layer)
    return network, drawn, generator.normal(size=(5, 6)), np.eye(3)[[0, 1, 2, 0, 1]]


def noise() -> Noise:
    return Noise(np.random.default_rng(0), np.random.default_rng(1))


@each_row("kind", KINDS)
@each_row("activation", ACTIVATIONS)
def test_right_gradients_pass(activation: str, kind: str) -> None:
    network, parameters, x, y = example(activation, kind=kind)
    found = list(gradient_check(network, parameters, x, y, noise()))
    assert [row.name for row in found] == list(parameters)
    assert {row.verdict for row in found} == {"ok"}
    # a batch norm over identity subtracts the shift below it: that derivative is 0, and only rounding is found
    assert all(row.error < 1e-11 or row.largest < 1e-13 for row in found)
    assert all(row.method == "complex step" for row in found)
    assert sum(row.entries for row in found) == sum(value.size for value in parameters.values())


@pytest.mark.parametrize(("cost", "output"), ENDS)
def test_right_costs_pass(cost: str, output: str) -> None:
    network, parameters, x, y = example("tanh", cost, output)
    assert all(row.error < 1e-12 for row in gradient_check(network, parameters, x, y))


@pytest.mark.parametrize(
    ("kind", "depth", "analytic"),
    [
        ("plain", 12, True),
        ("plain", 2, False),
        ("batch_norm", 2, True),
        *(
            pytest.param(*case, marks=pytest.mark.slow)
            for case in (("plain", 2, True), ("plain", 12, False), *(("batch_norm", 12, how) for how in (True, False)))
        ),
        ("batch_norm", 2, False),
    ],
)
def test_wrong_gradients_are_refused(kind: str, depth: int, analytic: bool) -> None:
    """Each array in turn, wrong by one in a thousand in its largest entry; layers that have vanished, too."""
    network, parameters, x, y = example("sigmoid", kind=kind, depth=depth)
    if not analytic:
        bare = tuple(replace(f, complex_f=None) for f in network.activations)
        network = replace(network, activations=bare)
    passes = GeneralBackprop(network, parameters, 5, network.buffers(), "train")
    passes.forward(x)
    passes.backward(y)
    right = {name: np.zeros_like(value) for name, value in parameters.items()}
    passes.add_gradients(x, right, 1 / 5)
    if depth == 12 and kind == "plain":
        assert np.abs(right["W1"]).max() < 1e-8
    for name, value in right.items():
        if not value.any():
            continue  # a bias before a batch norm
        wrong = {**right, name: value.copy()}
        flat = wrong[name].reshape(-1)
        flat[np.abs(flat).argmax()] *= 1.001
        rows = {row.name: row for row in gradient_check(network, parameters, x, y, gradients=wrong)}
        verdicts = {row.verdict for row in rows.values() if row.name != name}
        if analytic:
            assert rows[name].verdict == "wrong"
            assert verdicts == {"ok"}
        else:
            assert rows[name].verdict != "ok"  # wrong, or too small to be told from rounding, and said so
            assert "wrong" not in verdicts
            assert rows[name].method == "central differences"


def test_both_methods_agree() -> None:
    network, parameters, x, y = example("softplus", kind="layer_norm")
    bare = replace(network, activations=tuple(replace(f, complex_f=None) for f in network.activations))
    for found in (gradient_check(network, parameters, x, y), gradient_check(bare, parameters, x, y)):
        assert {row.verdict for row in found} == {"ok"}


def test_rounding_is_that_of_the_largest_terms() -> None:
    """Of a bias they are delta alone, as if the layer below were 1."""
    delta = [np.array([[-2.0, 1.0]]), np.array([[0.5, -0.25]])]
    passes: Any = SimpleNamespace(x=np.array([[0.5, -0.25]]), a=[np.array([[3.0, -8.0]])], delta=delta)
    epsilon = np.finfo(np.float64).eps
    assert [_rounding(passes, layer) for layer in (1, 2)] == [100 * epsilon * 2, 100 * epsilon * 4]


def test_gradients_that_cancel_pass() -> None:
    """All weights alike: sums over examples cancel to rounding, which is not an error."""
    network, parameters, x, y = example("tanh")
    for name, value in parameters.items():
        value.fill(0.1 if name.startswith("W") else 0.0)
    x, y = np.concatenate([x, -x]), np.concatenate([y, 1 - y])
    assert {row.verdict for row in gradient_check(network, parameters, x, y)} == {"ok"}
