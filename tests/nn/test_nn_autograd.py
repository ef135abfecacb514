"""Backpropagation against PyTorch's autograd; skipped where there is no PyTorch, never in CI."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from typing import Any

import numpy as np
import oracle
import pytest
from oracle import Model

from vgrad.nn.activations import ACTIVATIONS
from vgrad.nn.backprop import Backprop
from vgrad.nn.costs import COSTS, OUTPUTS
from vgrad.nn.network import Network
from vgrad.nn.optimizers import Step, Stepper, sgd
from vgrad.nn.parameters import copy_into, joined

PAIRS = [(cost, output) for cost, outputs in COSTS.items() for output in outputs]
SIZES = (6, 5, 4, 3)
FIRST = ("sigmoid", "tanh", "relu", "identity")  # all others, on every kind of layer: test_nn_torch.py


def costs(torch: Any) -> dict[tuple[str, str], Callable[[Any, Any], Any]]:
    """Mean over examples, from z^L, in PyTorch's own words."""
    f = torch.nn.functional
    return {
        ("cross_entropy", "sigmoid"): lambda z, y: f.binary_cross_entropy_with_logits(z, y, reduction="sum") / len(y),
        ("log_likelihood", "softmax"): lambda z, y: f.cross_entropy(z, y),
        ("quadratic", "sigmoid"): lambda z, y: f.mse_loss(z.sigmoid(), y, reduction="sum") / (2 * len(y)),
        ("quadratic", "softmax"): lambda z, y: f.mse_loss(z.softmax(1), y, reduction="sum") / (2 * len(y)),
        ("quadratic", "identity"): lambda z, y: f.mse_loss(z, y, reduction="sum") / (2 * len(y)),
        ("perceptron", "step"): lambda z, y: f.relu((1 - 2 * y) * z).sum() / len(y),
    }


@pytest.mark.parametrize(("activation", "pair"), list(product(FIRST, PAIRS)))
def test_gradients_and_cost_are_those_of_autograd(torch: Any, activation: str, pair: tuple[str, str]) -> None:
    functions = {"sigmoid": torch.sigmoid, "tanh": torch.tanh, "relu": torch.relu, "identity": lambda z: z}
    params, (x, y) = oracle.draw(SIZES, 2), oracle.examples(SIZES, 10, 2)
    theirs = {name: torch.tensor(value, requires_grad=True) for name, value in params.items()}
    a: Any = torch.tensor(x)
    for layer in (1, 2, 3):
        z = a @ theirs[f"W{layer}"].T + theirs[f"b{layer}"]
        a = functions[activation](z)
    wanted = costs(torch)[pair](z, torch.tensor(y))
    wanted.backward()
    model = Model((activation,) * 2, pair[1], pair[0])
    network = Network(SIZES, (ACTIVATIONS[activation](),) * 2, OUTPUTS[model.output], COSTS[pair[0]][pair[1]])
    passes = Backprop(network, params, len(x))
    passes.forward(x)
    passes.backward(y)
    found = {name: np.zeros_like(value) for name, value in params.items()}
    passes.add_gradients(x, found, 1 / len(x))
    assert not oracle.wrong_layers(found, {name: t.grad.numpy() for name, t in theirs.items()}, oracle.AUTOGRAD)
    mean = float(network.cost.per_example(passes.z[-1], passes.a[-1], y).mean())
    assert mean == pytest.approx(float(wanted.detach()), rel=oracle.AUTOGRAD, abs=0)


@pytest.mark.parametrize("given", [{}, {"learning_rate": 0.7}])
def test_sgd_is_that_of_pytorch(torch: Any, given: dict[str, float]) -> None:
    optimizer, (w, params) = sgd(**given), joined(oracle.draw(SIZES, 0))
    g, gradients = joined(oracle.draw(SIZES, 9))
    step = Stepper(optimizer, w, g, optimizer.init(w))
    theirs = {name: torch.nn.Parameter(torch.tensor(value)) for name, value in params.items()}
    peer = torch.optim.SGD(theirs.values(), lr=optimizer.learning_rate)
    for seed in (10, 11, 12):
        found = oracle.draw(SIZES, seed)
        for name, value in theirs.items():
            value.grad = torch.tensor(found[name])
        peer.step()
        copy_into(gradients, found)
        step(Step(optimizer.learning_rate, optimizer.momentum, seed - 9))
    for name, value in theirs.items():
        oracle.assert_close(params[name], value.detach().numpy(), oracle.ROUNDING)
