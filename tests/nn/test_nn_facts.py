"""Facts that the literature knows, on as many seeds as each needs, with the bands that these give at this width.

A factor per layer is the geometric mean over seeds and layers; its band is three standard errors over seeds, or what
docs/numerics.md states as rounded figures, whichever is wider.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from vgrad.nn.activations import build
from vgrad.nn.costs import COSTS, OUTPUTS
from vgrad.nn.initializers import BIASES, INITIALIZERS, initialize
from vgrad.nn.measurement import Prober
from vgrad.nn.network import Network
from vgrad.nn.norms import batch_norm
from vgrad.nn.probes import PROBES

SEEDS = range(12)


def probe(
    sizes: tuple[int, ...],
    activation: str,
    weights: str,
    seed: int,
    *,
    biases: Any = None,
    gain: float = 1.0,
    examples: int = 100,
    **kind: Any,
) -> Any:
    generator = np.random.default_rng(seed)
    functions = tuple(build(activation) for _ in sizes[1:-1])
    network = Network(sizes, functions, OUTPUTS["identity"], COSTS["quadratic"]["identity"], **kind)
    draw = INITIALIZERS[weights]()
    p = initialize(sizes, draw, biases or BIASES["zeros"](), gain, (generator, generator))
    for layer in range(1, network.depth):
        p |= network.extras(layer)
    X = generator.normal(size=(examples, sizes[0]))
    # large targets: delta^L = a^L - y is then independent of the weights, as mean-field theory supposes
    Y = 1e6 * generator.normal(size=(examples, sizes[-1]))
    return Prober(network, examples).measure(p, [(X, Y)])


# name: activation, weights, gain, normal biases, sqrt(chi) at the fixed point (docs/numerics.md)
FACTORS = {
    "Nielsen's sigmoid": ("sigmoid", "lecun_normal", 1.0, True, 0.205),
    "sigmoid 1/n": ("sigmoid", "lecun_normal", 1.0, False, 0.236),
    "sigmoid U": ("sigmoid", "standard", 1.0, False, 0.141),
    "tanh U": ("tanh", "standard", 1.0, False, 0.577),
    "tanh 5/3": ("tanh", "lecun_normal", 5 / 3, False, 1.100),
    "relu He": ("relu", "he_normal", 1.0, False, 1.0),
    "relu 1/n": ("relu", "lecun_normal", 1.0, False, 0.707),
    "selu 1/n": ("selu", "lecun_normal", 1.0, False, 1.035),
}


@pytest.mark.parametrize(
    ("name", "seeds"),
    [
        *((name, SEEDS[:3]) for name in ("Nielsen's sigmoid", "tanh 5/3", "relu He", "selu 1/n")),
        *(pytest.param(name, SEEDS, marks=pytest.mark.slow) for name in FACTORS),
    ],
)
def test_delta_shrinks_by_the_root_of_chi_each_layer(name: str, seeds: range) -> None:
    """Root mean square of delta between the layers 4 to 9 of ten of width 300, where q has come to its fixed point."""
    activation, weights, gain, normal, wanted = FACTORS[name]
    biases = BIASES["normal"]() if normal else None
    logs = []
    for seed in seeds:
        delta = probe((300,) * 12, activation, weights, seed, biases=biases, gain=gain).detail.delta
        size = [np.sqrt(np.square(d).mean()) for d in delta]
        logs.append(np.log(size[3] / size[8]) / 5)
    error = np.std(logs, ddof=1) / len(logs) ** 0.5
    assert abs(np.mean(logs) - np.log(wanted)) < 3 * error + 0.01 * abs(np.log(wanted)) + 0.004
    assert error < 0.02


@pytest.mark.slow
def test_tanh_without_gain_is_marginal() -> None:
    """sqrt(chi) is 1 only where q is 0, which it reaches as 1/depth: the factor is below 1, and rises with depth."""
    factors = []
    for seed in SEEDS:
        delta = probe((300,) * 32, "tanh", "lecun_normal", seed).detail.delta
        size = [np.sqrt(np.square(d).mean()) for d in delta]
        factors.append([(size[i] / size[i + 8]) ** (1 / 8) for i in (1, 20)])
    early, late = np.exp(np.log(factors).mean(axis=0))
    assert 0.8 < early < late < 1
    assert late > 0.955


@pytest.mark.parametrize(
    ("weights", "wanted"), [("glorot_uniform", 0.849), ("glorot_normal", 0.849), ("standard", 0.490)]
)
def test_mean_singular_value_of_glorots_jacobian(weights: str, wanted: float) -> None:
    """Quarter-circle law: 8/(3 pi) = .849 of the square root of n Var(W), which is 1, or 1/sqrt(3) for the standard."""
    values = []
    for seed in SEEDS[:3]:  # the mean over 300 singular values hardly varies
        measurement = probe((300,) * 4, "identity", weights, seed, examples=1)
        values += [measurement.jacobians[layer].mean() for layer in (0, 1, 2)]
    assert np.mean(values) == pytest.approx(wanted, abs=0.002)
    assert np.std(values) < 0.005


def test_tanh_jacobian_is_about_glorots() -> None:
    """The paper's about .8 and .5 (4.2.1), of real tanh layers with signals of unit size or less."""
    for weights, low, high in (("glorot_uniform", 0.5, 0.849), ("standard", 0.40, 0.490)):
        found = [probe((100,) * 5, "tanh", weights, seed).jacobians[2].mean() for seed in SEEDS[:3]]
        assert low < np.mean(found) < high


def test_orthogonal_linear_networks_keep_every_singular_value() -> None:
    for seed in SEEDS[:4]:
        measurement = probe((40,) * 31, "identity", "orthogonal", seed, examples=3)
        for values in (*measurement.jacobians, *measurement.output_jacobians):
            assert np.abs(values - 1).max() < 1e-12
        gaussian = probe((40,) * 31, "identity", "lecun_normal", seed, examples=1)
        assert PROBES["output_jacobian_min"](gaussian)[0] < 1e-6  # the same depth spreads a Gaussian's spectrum


@pytest.mark.parametrize("remedy", [{"norm": batch_norm()}, {"residual": True}])
def test_remedies_lift_the_first_layer_of_a_deep_sigmoid_network(remedy: dict[str, Any]) -> None:
    """Ten sigmoid layers of width 50, U[±1/sqrt(n)]: by more than three orders of magnitude, on every seed."""
    lifts = []
    for seed in SEEDS:
        sizes = (50,) * 11 + (10,)
        plain = PROBES["delta_norm_mean"](probe(sizes, "sigmoid", "standard", seed))
        better = PROBES["delta_norm_mean"](probe(sizes, "sigmoid", "standard", seed, **remedy))
        lifts.append(np.log10(better[0] / better[-1]) - np.log10(plain[0] / plain[-1]))
    assert min(lifts) > 3


def test_sigmoids_top_layer_saturates_first() -> None:
    """Not at the start: all pre-activations are small there, and nothing is saturated (Glorot and Bengio 2010, 3.1)."""
    for seed in SEEDS:
        assert max(PROBES["saturated"](probe((100,) * 5 + (10,), "sigmoid", "standard", seed))[:-1]) == 0
        large = PROBES["saturated"](probe((100,) * 5 + (10,), "sigmoid", "normal", seed))
        assert min(large[1:-1]) > 0.1
