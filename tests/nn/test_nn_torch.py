"""Whole networks against PyTorch's autograd: every activation, output with cost, and kind of hidden layer."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
import pytest
from later import Later

from vgrad.nn.activations import ACTIVATIONS, build
from vgrad.nn.arrays import Parameters
from vgrad.nn.backprop import GeneralBackprop
from vgrad.nn.costs import COSTS, OUTPUTS
from vgrad.nn.initializers import initialize, lecun_normal, normal_biases
from vgrad.nn.network import Network, Noise
from vgrad.nn.norms import batch_norm, layer_norm

pytestmark = pytest.mark.usefixtures("torch")
torch, torch_peer = Later("torch"), Later("torch_peer")

SIZES = (7, 5, 5, 6, 3)
ROWS = 8
EXACT = 1e-10  # both sides are float64 and a few dozen roundings deep
ENDS = [
    ("cross_entropy", "sigmoid"),
    ("log_likelihood", "softmax"),
    ("quadratic", "sigmoid"),
    ("quadratic", "softmax"),
    ("quadratic", "identity"),
    ("perceptron", "step"),
]
VARIANTS: dict[str, dict[str, Any]] = {
    "plain": {},
    "batch_norm": {"norm": batch_norm()},
    "layer_norm": {"norm": layer_norm()},
    "residual": {"residual": True},
    "dropout": {"dropout": 0.4},
}


def make(activation: str, cost: str, output: str, variant: str, **own: Any) -> tuple[Network, Parameters, Any, Any]:
    """A network with parameters that are all different from what they start as, and examples."""
    generator = np.random.default_rng(1)
    functions = tuple(build(activation, **own) for _ in SIZES[1:-1])
    network = Network(SIZES, functions, OUTPUTS[output], COSTS[cost][output], **VARIANTS[variant])
    pieces = [f.pieces for f in functions]
    drawn = initialize(SIZES, lecun_normal(), normal_biases(), 1.5, (generator, generator), pieces)
    for layer in range(1, network.depth):
        extras = network.extras(layer)
        drawn |= {name: value + generator.normal(0, 0.3, value.shape) for name, value in extras.items()}
    parameters = {name: np.ascontiguousarray(drawn[name]) for name in network.shapes()}
    return network, parameters, generator.normal(size=(ROWS, 7)), np.eye(3)[generator.integers(0, 3, ROWS)]


def noise(seed: int) -> Noise:
    return Noise(np.random.default_rng(seed), np.random.default_rng(seed + 1))


def near(found: np.ndarray, wanted: np.ndarray) -> bool:
    """Equal to EXACT, relative to the largest entry, or both without any; a derivative that is 0 is 0 to rounding."""
    return bool(np.abs(found - wanted).max() <= EXACT * max(np.abs(wanted).max(), 1e-4))


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_gradients_and_deltas_are_those_of_autograd(activation: str) -> None:
    for (cost, output), variant in product(ENDS, VARIANTS):
        are_those_of_autograd(activation, cost, output, variant)


def are_those_of_autograd(activation: str, cost: str, output: str, variant: str) -> None:
    case = f"{activation}, {cost}, {output}, {variant}"
    network, parameters, x, y = make(activation, cost, output, variant)
    passes = GeneralBackprop(network, parameters, ROWS, network.buffers(), "train")
    passes.forward(x, noise(5))
    passes.backward(y)
    gradients = {name: np.full_like(value, 9.0) for name, value in parameters.items()}
    for name in gradients:
        if variant == "batch_norm" and activation != "maxout" and name.startswith("b") and name[1:].isdigit():
            gradients[name][:] = 0  # not used, and so not written
    gradients[f"b{network.depth}"][:] = 9.0
    passes.add_gradients(x, gradients, 1 / ROWS, keep=0.0)
    masks = [layer.mask for layer in passes.layers]
    p = torch_peer.tensors(parameters)
    other = torch_peer.peer(
        p, x, y, depth=network.depth, activation=activation, output=output, cost=cost, variant=variant, masks=masks
    )
    other.cost.backward()
    cost_here = network.cost.per_example(passes.z[-1], passes.a[-1], y).mean()
    assert cost_here == pytest.approx(other.cost.item(), rel=EXACT), case
    for name, tensor in p.items():
        wanted = np.zeros(tensor.shape) if tensor.grad is None else tensor.grad.numpy()
        assert near(gradients[name], wanted), (case, name)
    for layer in range(network.depth):
        assert near(passes.z[layer], other.z[layer].detach().numpy()), (case, layer)
        assert near(passes.delta[layer], other.z[layer].grad.numpy() * ROWS), (case, layer)


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_gain_makes_the_slope_steeper(activation: str) -> None:
    """Against autograd once more: a gain of g is f(g z), everywhere."""
    if activation in ("maxout", "prelu"):
        pytest.skip("with parameters of their own; see the gain test of the table")
    z = torch.linspace(-3, 3, 41, dtype=torch.float64, requires_grad=True)
    wanted = torch_peer.ELEMENTWISE[activation](1.7 * z)
    wanted.sum().backward()
    here = np.ascontiguousarray(z.detach().numpy()[None, :])
    steeper = build(activation, gain=1.7)
    a = steeper.f(here, np.empty_like(here))
    assert near(a, wanted.detach().numpy()[None, :])
    assert near(steeper.slope(here, a, np.empty_like(here)), z.grad.numpy()[None, :])


def test_running_statistics_are_torchs() -> None:
    network, parameters, x, _ = make("tanh", "cross_entropy", "sigmoid", "batch_norm")
    buffers = network.buffers()
    trained = GeneralBackprop(network, parameters, ROWS, buffers, "train")
    for seed in range(3):
        trained.forward(np.random.default_rng(seed).normal(size=(ROWS, 7)), noise(1))
    module = torch.nn.BatchNorm1d(5, dtype=torch.float64)
    for seed in range(3):
        # the bias that vgrad leaves out moves torch's running mean and nothing else: leave it out there too
        module(
            torch.nn.functional.linear(
                torch.tensor(np.random.default_rng(seed).normal(size=(ROWS, 7))), torch.tensor(parameters["W1"])
            )
        )
    assert near(buffers["mean1"], module.running_mean.numpy())
    assert near(buffers["variance1"], module.running_var.numpy())
    evaluated = GeneralBackprop(network, parameters, ROWS, buffers, "evaluate")
    evaluated.forward(x)
    u = torch.tensor(x @ parameters["W1"].T)
    gamma, beta = torch.tensor(parameters["gamma1"]), torch.tensor(parameters["beta1"])
    z = torch.nn.functional.batch_norm(u, module.running_mean, module.running_var, gamma, beta)
    assert near(evaluated.z[0], z.numpy())
    assert list(buffers) == ["mean1", "variance1", "mean2", "variance2", "mean3", "variance3"]
    before = {name: value.copy() for name, value in buffers.items()}
    evaluated.forward(x)
    GeneralBackprop(network, parameters, ROWS, buffers, "probe").forward(x)
    assert all((buffers[name] == before[name]).all() for name in buffers)


def test_the_general_path_is_the_plain_one() -> None:
    """Both passes on a plain network, to rounding."""
    from vgrad.nn.backprop import Backprop

    network, parameters, x, y = make("tanh", "log_likelihood", "softmax", "plain")
    found = []
    for passes in (Backprop(network, parameters, ROWS), GeneralBackprop(network, parameters, ROWS, {}, "train")):
        passes.forward(x)
        passes.backward(y)
        gradients = {name: np.ones_like(value) for name, value in parameters.items()}
        passes.add_gradients(x, gradients, 0.5, keep=2.0)
        found.append(gradients)
    assert all(near(found[0][name], found[1][name]) for name in found[0])


@pytest.mark.parametrize("rate", [0.1, 0.5, 0.9])
def test_dropout_is_inverted_and_in_training_only(rate: float) -> None:
    network, parameters, x, _ = make("sigmoid", "cross_entropy", "sigmoid", "plain")
    from dataclasses import replace

    noisy = replace(network, dropout=rate)
    passes = GeneralBackprop(noisy, parameters, ROWS, {}, "train")
    kept = total = 0.0
    for seed in range(200):
        passes.forward(x, noise(seed))
        mask = passes.layers[0].mask
        assert np.isin(mask, [0, 1 / (1 - rate)]).all()
        kept, total = kept + np.count_nonzero(mask), total + mask.size
    sd = (rate * (1 - rate) / total) ** 0.5
    assert abs(kept / total - (1 - rate)) < 4 * sd
    still = GeneralBackprop(noisy, parameters, ROWS, {}, "evaluate").forward(x)
    assert near(still, GeneralBackprop(network, parameters, ROWS, {}, "evaluate").forward(x))


def test_input_noise_has_its_standard_deviation() -> None:
    from dataclasses import replace

    network, parameters, _, _ = make("sigmoid", "cross_entropy", "sigmoid", "plain")
    noisy = replace(network, input_noise=0.3)
    passes = GeneralBackprop(noisy, parameters, ROWS, {}, "train")
    x = np.zeros((ROWS, 7))
    seen = []
    for seed in range(200):
        passes.forward(x, noise(seed))
        seen.append(passes.x.copy())
    values = np.array(seen)
    assert abs(values.std() / 0.3 - 1) < 4 / (2 * values.size) ** 0.5
    assert (x == 0).all()
