"""Eq. 124 by matrices against the published algorithm, example by example, and its rows against what they claim."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from oracle import ACTIVATIONS as ORACLE
from oracle import ROUNDING, Model, assert_close, backprop, delta_norms, draw, examples
from rows import each_row

from vgrad.errors import ConfigError
from vgrad.nn.activations import ACTIVATIONS, build
from vgrad.nn.costs import COSTS, OUTPUTS
from vgrad.nn.network import Network
from vgrad.nn.norms import batch_norm, layer_norm
from vgrad.theory import product as eq124
from vgrad.theory.product import (
    chunk_rows,
    cost_gradient,
    hidden_slopes,
    jacobians,
    missing_factors,
    multiply,
    output_slope,
    row_norms,
    spectral_norms,
)

SIZES = (5, 6, 4, 7, 3)
ENDS = [(output, cost) for cost, pairs in COSTS.items() for output in pairs if output != "step"]


def network(hidden: str | tuple[str, ...], output: str, cost: str, sizes: Any = SIZES, **own: Any) -> Network:
    names = (hidden,) * (len(sizes) - 2) if isinstance(hidden, str) else hidden
    return Network(tuple(sizes), tuple(build(name) for name in names), OUTPUTS[output], COSTS[cost][output], **own)


@each_row("output, cost", ENDS)
@each_row("hidden", ["sigmoid", "tanh", "relu", "gelu", "softsign"])
def test_the_product_is_the_published_gradient(hidden: str, output: str, cost: str) -> None:
    params, (x, y) = draw(SIZES, 4, 1.5), examples(SIZES, 7, 4)
    found = multiply(network(hidden, output, cost), (output, cost), params, [(x, y)])
    model = Model((hidden,) * 3, output, cost)
    assert found.agrees
    assert max(found.difference) < 1e-13
    assert_close(found.mean_delta_norm, delta_norms(model, params, x, y), 10 * ROUNDING)
    deltas = [backprop(model, params, *pair)[0] for pair in zip(x, y, strict=True)]
    norms = np.array([[np.linalg.norm(layer) for layer in each] for each in deltas])
    whole = (norms > 0).all(axis=1)
    assert found.counted == whole.sum()
    wanted = np.exp(np.log(norms[whole]).mean(axis=0))
    np.testing.assert_allclose(found.delta, wanted, rtol=1e-12)


@pytest.mark.parametrize("hidden", [name for name in ACTIVATIONS if name != "maxout"])
def test_every_activation_agrees_with_backpropagation(hidden: str) -> None:
    net = network(hidden, "softmax", "log_likelihood")
    params = {name: value for layer in range(1, net.depth) for name, value in net.extras(layer).items()}
    params |= draw(SIZES, 2, 1.5)
    x, y = examples(SIZES, 9, 2)
    assert max(multiply(net, ("softmax", "log_likelihood"), params, [(x, y)]).difference) < 1e-12


@pytest.mark.parametrize("hidden", ["sigmoid", "relu", "identity"])
def test_the_rows_multiply(hidden: str) -> None:
    params, (x, y) = draw(SIZES, 1, 2.0), examples(SIZES, 40, 1)
    found = multiply(network(hidden, "sigmoid", "cross_entropy"), ("sigmoid", "cross_entropy"), params, [(x, y)])
    assert [step.layer for step in found.steps] == [1, 2, 3]
    for step, below, above in zip(found.steps, found.delta, found.delta[1:], strict=False):
        assert step.weight_factor is not None
        assert step.slope_factor is not None
        assert below is not None
        assert above is not None
        assert step.ratio == pytest.approx(step.weight_factor * step.slope_factor, rel=1e-12)
        assert step.ratio == pytest.approx(below / above, rel=1e-12)
        assert step.weight_factor <= step.weight_norm * (1 + 1e-12)
        assert step.slope_factor <= step.slope_norm * (1 + 1e-12)
        assert step.slope_mean <= step.slope_norm
        assert step.weight_norm == pytest.approx(np.linalg.norm(params[f"W{step.layer + 1}"], 2))


def test_the_jacobians_are_derivatives_of_the_output() -> None:
    """dz^L/dz^l by complex step through the layers above l, with the oracle's tanh."""
    params, x = draw(SIZES, 6, 1.5), examples(SIZES, 3, 6)[0]
    net, f = network("tanh", "sigmoid", "cross_entropy"), ORACLE["tanh"][0]
    W = [params[f"W{layer}"] for layer in range(1, 5)]
    zs, a = [], x
    for layer in range(1, 5):
        zs.append(a @ W[layer - 1].T + params[f"b{layer}"])
        a = np.tanh(zs[-1])
    found = jacobians(W, hidden_slopes(net, params, zs), 3)
    for layer in range(1, 5):
        for row in range(3):
            for unit in range(SIZES[layer]):
                z = zs[layer - 1][row].astype(complex)
                z[unit] += 1e-30j
                for above in range(layer + 1, 5):
                    z = W[above - 1] @ np.array([f(complex(one)) for one in z]) + params[f"b{above}"]
                assert_close(found[layer - 1][row][:, unit], z.imag / 1e-30, 1e-12, scale=10.0)
    assert np.linalg.norm(found[0][0], 2) == pytest.approx(spectral_norms(found[0])[0])


@pytest.mark.parametrize(("output", "cost"), ENDS)
def test_the_ends_are_derivatives(output: str, cost: str) -> None:
    """S'(z^L) and grad_a C by central differences of the output and of the cost as the books write it."""
    z, (_, y) = np.random.default_rng(0).normal(size=(4, 3)), examples((2, 3), 4, 0)
    f = OUTPUTS[output]
    a, h = f(z, np.empty_like(z)), 1e-6

    def written(a: np.ndarray) -> np.ndarray:
        if cost == "quadratic":
            return np.asarray(0.5 * np.square(a - y).sum(axis=1))
        with np.errstate(all="ignore"):
            left = y * np.log(a)
        return np.asarray(-(left + ((1 - y) * np.log(1 - a) if cost == "cross_entropy" else 0)).sum(axis=1))

    for unit in range(3):
        step = h * np.eye(3)[unit]
        slope = (f(z + step, np.empty_like(z)) - f(z - step, np.empty_like(z))) / (2 * h)
        np.testing.assert_allclose(output_slope(output, z, a)[:, :, unit], slope, atol=1e-8)
        gradient = (written(a + step) - written(a - step)) / (2 * h)
        np.testing.assert_allclose(cost_gradient(cost, z, a, y)[:, unit], gradient, rtol=1e-6, atol=1e-8)


def test_the_slope_of_a_saturated_output_is_exact() -> None:
    z = np.array([[-800.0, 800.0, -40.0, 40.0]])
    slope = output_slope("sigmoid", z, OUTPUTS["sigmoid"](z, np.empty_like(z)))
    np.testing.assert_allclose(slope[0], np.diag([0, 0, np.exp(-40), np.exp(-40)]), rtol=1e-15)


@pytest.mark.parametrize("wrong", ["nothing", "delta", "slope", "weights"])
def test_a_wrong_factor_is_noticed(wrong: str, monkeypatch: pytest.MonkeyPatch) -> None:
    params, (x, y) = draw(SIZES, 4), examples(SIZES, 7, 4)
    net = network("sigmoid", "sigmoid", "cross_entropy")
    names = ("sigmoid", "cross_entropy")
    own = multiply(net, names, params, [(x, y)]).mean_delta_norm
    if wrong in ("delta", "nothing"):
        right, factor = net.cost, 0.0 if wrong == "nothing" else 1 + 1e-9
        cost = replace(right, delta=lambda *z: np.multiply(right.delta(*z), factor, out=z[-1]))
        net = replace(net, cost=cost)
    elif wrong == "slope":
        monkeypatch.setattr(eq124, "hidden_slopes", lambda *given: [s * (1 + 1e-9) for s in hidden_slopes(*given)])
    else:
        monkeypatch.setattr(eq124, "jacobians", lambda W, *rest: jacobians([*W[:-1], W[-1] * (1 + 1e-9)], *rest))
    found = multiply(net, names, params, [(x, y)])
    assert not found.agrees
    off = {"slope": 3e-9, "nothing": np.inf}.get(wrong, 1e-9)
    assert found.difference[0] == pytest.approx(off, rel=1e-3)
    if wrong in ("delta", "nothing"):  # the matrices know nothing of backpropagation
        assert found.mean_delta_norm == own


def test_chunks_of_examples_change_nothing() -> None:
    params, (x, y) = draw(SIZES, 4), examples(SIZES, 11, 4)
    net, names = network("tanh", "sigmoid", "cross_entropy"), ("sigmoid", "cross_entropy")
    whole = multiply(net, names, params, [(x, y)])
    parts = multiply(net, names, params, [(x[:3], y[:3]), (x[3:10], y[3:10]), (x[10:], y[10:])])
    np.testing.assert_allclose(whole.mean_delta_norm, parts.mean_delta_norm, rtol=1e-13)
    for one, other in zip(whole.steps, parts.steps, strict=True):
        np.testing.assert_allclose(list(vars(one).values()), list(vars(other).values()), rtol=1e-12)


def test_a_gradient_that_underflows_when_squared_is_still_measured() -> None:
    sizes = (5, *[6] * 90, 3)
    params, (x, y) = draw(sizes, 1, 0.05), examples(sizes, 4, 1)
    found = multiply(
        network("sigmoid", "sigmoid", "cross_entropy", sizes), ("sigmoid", "cross_entropy"), params, [(x, y)]
    )
    assert found.agrees
    assert found.delta[0] is not None
    assert 0 < found.delta[0] < 1e-160
    assert found.steps[0].jacobian is not None
    assert 0 < found.steps[0].jacobian < 1e-160


def test_dead_examples_are_counted_out() -> None:
    params, (x, y) = draw(SIZES, 4), examples(SIZES, 5, 4)
    params["b1"][:] = -100.0
    found = multiply(network("relu", "sigmoid", "cross_entropy"), ("sigmoid", "cross_entropy"), params, [(x, y)])
    assert found.counted == 0
    assert found.agrees
    assert {step.ratio for step in found.steps} == {None}
    assert found.delta == (None,) * 4


def test_no_hidden_layer() -> None:
    params, (x, y) = draw((5, 3), 4), examples((5, 3), 6, 4)
    found = multiply(network("relu", "softmax", "quadratic", (5, 3)), ("softmax", "quadratic"), params, [(x, y)])
    assert found.steps == ()
    assert found.agrees


@pytest.mark.parametrize(
    ("own", "hidden", "named"),
    [
        ({"norm": batch_norm()}, "tanh", "batch_norm"),
        ({"norm": layer_norm()}, "tanh", "layer_norm"),
        ({"residual": True}, "tanh", "residual"),
        ({}, "maxout", "maxout"),
        ({"dropout": 0.5, "input_noise": 0.1}, "tanh", ""),
    ],
)
def test_what_the_equation_has_no_factor_for(own: dict[str, Any], hidden: str, named: str) -> None:
    net = network(hidden, "sigmoid", "cross_entropy", **own)
    assert missing_factors(net) == named
    if named:
        params, (x, y) = draw(SIZES, 4), examples(SIZES, 5, 4)
        with pytest.raises(ConfigError, match=f"no factor for {named}"):
            multiply(net, ("sigmoid", "cross_entropy"), params, [(x, y)])


def test_a_step_has_no_slope_to_start_from() -> None:
    params, (x, y) = draw(SIZES, 4), examples(SIZES, 5, 4)
    with pytest.raises(ConfigError, match="a step has none"):
        multiply(network("tanh", "step", "perceptron"), ("step", "perceptron"), params, [(x, y)])


def test_norms_of_rows_do_not_underflow() -> None:
    x = np.array([[3e-200, 4e-200], [0.0, 0.0], [3e200, 4e200]])
    np.testing.assert_allclose(row_norms(x), [5e-200, 0.0, 5e200], rtol=1e-15)


def test_a_chunk_is_bounded_in_memory() -> None:
    assert chunk_rows((784, 30, 30, 10)) == 2_000_000 // (10 * 70)
    assert chunk_rows((784, 10**9, 10)) == 1
