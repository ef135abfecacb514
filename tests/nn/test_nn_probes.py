"""Every probe against a direct, slow computation, and every kind of layer's Jacobian against finite differences."""

from __future__ import annotations

from typing import Any

import numpy as np
import oracle
import pytest
from rows import each_row
from scipy.linalg import svdvals
from slow_oracle import Slow, finite_jacobian, probes

from vgrad.nn.activations import ACTIVATIONS, build
from vgrad.nn.costs import COSTS, OUTPUTS
from vgrad.nn.initializers import initialize, lecun_normal, normal_biases
from vgrad.nn.measurement import Measurement, Prober
from vgrad.nn.network import Network
from vgrad.nn.norms import batch_norm, layer_norm
from vgrad.nn.probes import BINS, GROUPS, PROBES, expand, histograms

SIZES = (8, 6, 6, 4)
EXAMPLES = 40
JACOBIAN = 1e-7  # finite differences of fourth order with h = 1e-5; everything else is compared to 1e-11


def measured(activation: str, scale: float = 1.0, chunk: int = 15, **kind: Any) -> tuple[Measurement, dict, Any, Any]:
    generator = np.random.default_rng(7)
    functions = tuple(build(activation) for _ in SIZES[1:-1])
    network = Network(SIZES, functions, OUTPUTS["sigmoid"], COSTS["cross_entropy"]["sigmoid"], **kind)
    pieces = [f.pieces for f in functions]
    p = initialize(SIZES, lecun_normal(), normal_biases(), scale, (generator, generator), pieces)
    for layer in range(1, network.depth):
        p |= {k: v + generator.normal(0, 0.3, v.shape) for k, v in network.extras(layer).items()}
    X, Y = generator.normal(size=(EXAMPLES, 8)), np.eye(4)[generator.integers(0, 4, EXAMPLES)]
    chunks = [(X[i : i + chunk], Y[i : i + chunk]) for i in range(0, EXAMPLES, chunk)]
    measurement = Prober(network, chunk).measure(p, chunks, [0.1, None, 0.3])
    return measurement, p, X, Y


@pytest.mark.parametrize(
    ("activation", "scale"), [("tanh", 6.0), *((name, 1.0) for name in oracle.ACTIVATIONS if name != "tanh")]
)
def test_every_probe_is_the_slow_one(activation: str, scale: float) -> None:
    measurement, p, X, Y = measured(activation, scale, chunk=40 if activation == "tanh" else 25)
    slow = probes(Slow(activation, p, 3), X, Y)
    for name, probe in PROBES.items():
        if name == "update_ratio":
            assert list(probe(measurement)) == [0.1, None, 0.3]
            continue
        tolerance = JACOBIAN if "jacobian" in name else 1e-11
        found = [np.nan if value is None else value for value in probe(measurement)]
        assert np.allclose(found, slow[name], rtol=tolerance, atol=tolerance, equal_nan=True), name


@pytest.mark.parametrize("output", ["sigmoid", "softmax"])
def test_the_slope_of_an_output_near_1_does_not_cancel(output: str) -> None:
    """From z = 37 on, 1 - a is 0 in floats; the slope is e^-z, to all digits."""
    cost = next(kinds[output] for kinds in COSTS.values() if output in kinds)
    for z in (5.0, 20.0, 37.0, 40.0, 300.0):
        network = Network((1, 2), (), OUTPUTS[output], cost)
        p = {"W1": np.zeros((2, 1)), "b1": np.array([z, 0.0])}
        detail = Prober(network, 1).measure(p, [(np.ones((1, 1)), np.eye(2)[:1])]).detail
        rest = np.exp(-z) / (1 + np.exp(-z))  # 1 - a
        assert detail.slope[0][0, 0] == pytest.approx(4 * rest / (1 + np.exp(-z)), rel=1e-13)


def test_saturation_and_death_are_seen() -> None:
    assert PROBES["saturated"](measured("tanh", 6.0)[0])[0] > 0.2
    measurement, p, X, _ = measured("relu")
    p["b1"][:3] = -100
    network = measurement.standing._network
    sick = Prober(network, EXAMPLES).measure(p, [(X, np.zeros((EXAMPLES, 4)))])
    assert PROBES["dead"](sick)[0] == 0.5
    assert (measurement.silent, sick.silent) == ([0, 0, 0], [3, 0, 0])
    assert PROBES["saturated"](sick)[:2] == [None, None]  # they rest, or are dead: a rectifier has no second bound
    p["b2"][:] = -100  # nothing passes: all that stands before gets exactly 0
    assert Prober(network, 7).measure(p, [(X[:7], np.zeros((7, 4)))] * 2).silent == [SIZES[1], SIZES[2], 0]
    assert PROBES["zero_deltas"](sick)[0] >= 3 * EXAMPLES


@pytest.mark.parametrize("kind", ["plain", "batch_norm", "layer_norm", "residual"])
@pytest.mark.parametrize("activation", ["tanh", "prelu", "maxout", "gelu"])
def test_jacobians_of_every_kind_of_layer(activation: str, kind: str) -> None:
    """Against scipy.linalg.svdvals of finite differences; batch statistics held, as the probe's docstring says."""
    own = {"batch_norm": {"norm": batch_norm()}, "layer_norm": {"norm": layer_norm()}, "residual": {"residual": True}}
    measurement, p, X, _Y = measured(activation, chunk=EXAMPLES, **own.get(kind, {}))
    network = measurement.standing._network
    from vgrad.nn.backprop import GeneralBackprop

    passes = GeneralBackprop(network, p, EXAMPLES, {}, "probe")
    passes.forward(X)
    inputs = [X, *(layer.a.copy() for layer in passes.layers)]
    statistics = []
    for layer in range(1, 3):
        u = inputs[layer - 1] @ p[f"W{layer}"].T + p[f"b{layer}"]
        u = u.reshape(EXAMPLES, -1, SIZES[layer]).max(axis=1)
        statistics.append((u.mean(axis=0), u.var(axis=0)))

    def layer_map(layer: int, a: np.ndarray) -> np.ndarray:
        if layer == 3:
            return p["W3"] @ a + p["b3"]
        u = (p[f"W{layer}"] @ a + p[f"b{layer}"]).reshape(-1, SIZES[layer]).max(axis=0)
        if kind == "batch_norm":
            mean, variance = statistics[layer - 1]
            u = p[f"gamma{layer}"] * (u - mean) / np.sqrt(variance + 1e-5) + p[f"beta{layer}"]
        if kind == "layer_norm":
            u = p[f"gamma{layer}"] * (u - u.mean()) / np.sqrt(u.var() + 1e-5) + p[f"beta{layer}"]
        f = build(activation)
        f = f.learned.bind(p[f"slope{layer}"]) if f.learned else f
        h = f.f(u[None], np.empty((1, len(u))))[0]
        return a + h if kind == "residual" and len(a) == len(h) else h

    for layer in range(1, 4):
        for example in (0, 24):
            local = svdvals(finite_jacobian(lambda a, layer=layer: layer_map(layer, a), inputs[layer - 1][example]))
            assert np.allclose(measurement.jacobians[layer - 1][example], local, rtol=1e-6, atol=1e-8)

            def onward(a: np.ndarray, layer: int = layer) -> np.ndarray:
                for upper in range(layer + 1, 4):
                    a = layer_map(upper, a)
                return a

            if layer < 3:
                values = svdvals(finite_jacobian(onward, inputs[layer][example]))
                assert np.allclose(measurement.output_jacobians[layer - 1][example], values, rtol=1e-6, atol=1e-8)


@each_row("activation", ACTIVATIONS)
@each_row("kind", [{}, {"norm": batch_norm()}, {"norm": layer_norm()}, {"residual": True}])
def test_every_probe_answers_on_every_network(activation: str, kind: dict[str, Any]) -> None:
    measurement = measured(activation, **kind)[0]
    for name, probe in PROBES.items():
        values = list(probe(measurement))
        assert len(values) == 3, name
        assert all(value is None or np.isfinite(value) for value in values), name


def test_measuring_leaves_no_trace() -> None:
    """Neither in the parameters nor in the next measurement; and probes do not change one another."""
    measurement, p, _X, _Y = measured("tanh")
    before = {name: value.copy() for name, value in p.items()}
    forwards = {name: list(probe(measurement)) for name, probe in PROBES.items()}
    again = measured("tanh")[0]
    backwards = {name: list(PROBES[name](again)) for name in reversed(PROBES)}
    assert forwards == backwards
    assert all((p[name] == before[name]).all() for name in p)


def test_a_probe_that_is_off_costs_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    measurement = measured("tanh")[0]
    from vgrad.nn.measurement import Standing

    def refuse(self: Standing) -> None:
        raise AssertionError("a second sweep")

    monkeypatch.setattr(Standing, "detail", refuse)
    PROBES["delta_norm"](measurement)
    PROBES["update_ratio"](measurement)
    PROBES["jacobian_max"](measurement)
    with pytest.raises(AssertionError, match="a second sweep"):
        PROBES["z_mean"](measurement)


def test_tiny_deltas_are_measured() -> None:
    """Squares of 1e-200 underflow; norms and their mean do not."""
    network = Network((1, 1), (), OUTPUTS["identity"], COSTS["quadratic"]["identity"])
    p = {"W1": np.zeros((1, 1)), "b1": np.zeros(1)}
    for size in (1e-200, 1e-310, 5e-324):
        y = np.full((3, 1), size)
        measurement = Prober(network, 3).measure(p, [(np.zeros((3, 1)), y)])
        assert PROBES["delta_norm_mean"](measurement)[0] == size
        assert PROBES["coherence"](measurement)[0] == pytest.approx(1)
        assert PROBES["zero_deltas"](measurement)[0] == 0


def test_histograms_count_everything() -> None:
    measurement, _p, _X, _Y = measured("tanh")
    for layer, found in enumerate(histograms(measurement)):
        for quantity, values in (
            ("delta", measurement.detail.delta[layer]),
            ("activation", measurement.detail.a[layer]),
        ):
            counts, edges = found[quantity]
            assert counts.sum() == values.size
            assert (edges[0], edges[-1], len(edges)) == (values.min(), values.max(), BINS + 1)
            assert np.abs(counts - np.histogram(values, BINS)[0]).sum() <= 2  # a value on an edge may round either way


def test_histogram_of_equal_values() -> None:
    network = Network((1, 2), (), OUTPUTS["identity"], COSTS["quadratic"]["identity"])
    p = {"W1": np.zeros((2, 1)), "b1": np.zeros(2)}
    measurement = Prober(network, 3).measure(p, [(np.zeros((3, 1)), np.ones((3, 2)))])
    counts, edges = histograms(measurement)[0]["delta"]
    assert counts[0] == 6
    assert (edges == -1).all()


def test_groups_are_probes() -> None:
    assert {name for group in GROUPS.values() for name in group} <= set(PROBES)
    assert expand(["all"]) == list(PROBES)
    assert expand(["weights", "delta_norm", "gradients"])[:3] == ["weight_norm", "update_ratio", "delta_norm"]
    assert len(set(expand([*GROUPS, "all"]))) == len(expand([*GROUPS, "all"])) == len(PROBES)
    assert expand(["delta_norm", "delta_norm", "nonsense"]) == ["delta_norm", "delta_norm", "nonsense"]
