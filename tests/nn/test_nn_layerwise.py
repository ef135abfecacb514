"""What a layer learns in pretraining: gradients beside PyTorch's and the complex step, CD-1 beside sums over states.

A tiny machine has so few states that its likelihood, its gradient and the expected update of CD-1 are finite sums.
"""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from vgrad.nn.layerwise.layer import Layer, down, errors, first, up
from vgrad.nn.layerwise.pretrainings import PRETRAININGS, contrastive_divergence, reconstruction
from vgrad.registry import parameters

ROUNDING = 1e-12
"""Two ways to the same sums of some hundred products in float64."""


def layer_of(n_v: int, n_h: int, seed: int, scale: float = 0.7) -> Layer:
    drawn = np.random.default_rng(seed)
    return Layer(*(drawn.normal(0, scale, shape) for shape in ((n_h, n_v), n_h, n_v)))


def states(n: int) -> np.ndarray:
    return np.array(list(itertools.product((0.0, 1.0), repeat=n)))


def relative(found: Layer, wanted: Layer) -> float:
    return max(float(np.abs(a - b).max() / np.abs(b).max()) for a, b in zip(found, wanted, strict=True))


def mask_of(v: np.ndarray, noise: float, seed: int) -> np.ndarray:
    """What the generator that the gradient is given draws."""
    return (np.random.default_rng(seed).random(v.shape) >= noise).astype(float)


# The autoencoder.


@pytest.mark.parametrize("noise", [0.0, 0.2, 0.7])
def test_gradient_of_reconstruction_is_that_of_the_complex_step(noise: float) -> None:
    layer, v = layer_of(9, 5, 1), np.random.default_rng(2).random((7, 9))
    seen = v * mask_of(v, noise, 3) if noise else v

    def cost(*changed: np.ndarray) -> complex:
        W, b, c = changed
        r = 1 / (1 + np.exp(-(1 / (1 + np.exp(-(seen @ W.T + b))) @ W + c)))
        return complex(-(v * np.log(r) + (1 - v) * np.log(1 - r)).sum())

    found = reconstruction(layer, v, np.random.default_rng(3), noise)
    for number, value in enumerate(layer):
        for at in np.ndindex(value.shape):
            moved = [each.astype(complex) for each in layer]
            moved[number][at] += 1e-30j
            assert found[number][at] == pytest.approx(cost(*moved).imag / 1e-30, rel=1e-9, abs=1e-11)


@pytest.mark.parametrize("noise", [0.0, 0.3])
def test_gradient_of_reconstruction_is_pytorchs(noise: float) -> None:
    torch = pytest.importorskip("torch")
    layer, v = layer_of(40, 12, 4), np.random.default_rng(5).random((20, 40))
    W, b, c = (torch.tensor(value, requires_grad=True) for value in layer)
    target = torch.tensor(v)
    seen = target * torch.tensor(mask_of(v, noise, 6)) if noise else target
    logits = torch.sigmoid(seen @ W.T + b) @ W + c
    torch.nn.functional.binary_cross_entropy_with_logits(logits, target, reduction="sum").backward()
    wanted = Layer(*(value.grad.numpy() for value in (W, b, c)))
    found = reconstruction(layer, v, np.random.default_rng(6), noise)
    assert relative(found, wanted) < ROUNDING
    assert relative(Layer(found.W * 1.001, found.b, found.c), wanted) > ROUNDING  # the tester, tested


def test_errors_are_those_of_the_definition() -> None:
    layer, v = layer_of(30, 8, 7), np.random.default_rng(8).random((11, 30))
    r = down(layer, up(layer, v))
    entropy, squared = errors(layer, v)
    assert entropy == pytest.approx(-(v * np.log(r) + (1 - v) * np.log(1 - r)).sum(), rel=ROUNDING)
    assert squared == pytest.approx(((r - v) ** 2).sum() / 30, rel=ROUNDING)
    far = Layer(layer.W, layer.b, np.full(30, 800.0))  # r is 1 to rounding, where ln(1 - r) is not finite
    assert errors(far, np.zeros((1, 30)))[0] == pytest.approx(30 * 800, rel=0.05)


def test_the_first_layer_reconstructs_the_mean() -> None:
    v = np.random.default_rng(9).random((500, 40))
    v[:, :3] = 0
    begun = first(300, v.sum(axis=0), 500, np.random.default_rng(10))
    assert np.abs(begun.W.std() / 0.01 - 1) < 0.05
    assert not begun.b.any()
    blank = 1 / (1 + np.exp(-begun.c))
    assert np.allclose(blank, (500 * v.mean(axis=0) + 1) / 502, rtol=ROUNDING)
    assert np.isfinite(begun.c).all()


# The restricted Boltzmann machine: p(v, h) = exp(h.Wv + b.h + c.v)/Z.


def log_likelihood(layer: Layer, v: np.ndarray) -> float:
    """The mean of ln p(v), by the sum over all states."""

    def free(rows: np.ndarray) -> np.ndarray:
        return np.asarray(rows @ layer.c + np.logaddexp(0, rows @ layer.W.T + layer.b).sum(axis=1))

    return float(free(v).mean() - np.logaddexp.reduce(free(states(v.shape[1]))))


def likelihood_gradient(layer: Layer, v: np.ndarray) -> Layer:
    """d/d(W, b, c) of that, from joint probabilities of all states (v, h), none of them factored."""
    n_h, n_v = layer.W.shape
    V, H = states(n_v), states(n_h)
    joint = np.exp(H @ layer.W @ V.T + (H @ layer.b)[:, None] + V @ layer.c)  # (2^n_h, 2^n_v)
    joint /= joint.sum()
    model = Layer(H.T @ joint @ V, H.T @ joint.sum(axis=1), joint.sum(axis=0) @ V)
    given = np.exp(H @ layer.W @ v.T + (H @ layer.b)[:, None])
    given /= given.sum(axis=0)  # p(h | v) of each example
    data = Layer(H.T @ given @ v / len(v), H.T @ given.mean(axis=1), v.mean(axis=0))
    return Layer(*(a - b for a, b in zip(data, model, strict=True)))


def expected_cd(layer: Layer, v: np.ndarray) -> Layer:
    """The mean uphill direction of CD-1 over the examples and over all h of each, weighted by p(h | v)."""
    sums = [np.zeros(value.shape) for value in layer]
    for x in v:
        p0 = [1 / (1 + np.exp(-(row @ x + b))) for row, b in zip(layer.W, layer.b, strict=True)]
        for h in states(len(layer.b)):
            weight = np.prod([p if on else 1 - p for p, on in zip(p0, h, strict=True)]) / len(v)
            back = 1 / (1 + np.exp(-(h @ layer.W + layer.c)))
            p1 = 1 / (1 + np.exp(-(layer.W @ back + layer.b)))
            for total, term in zip(sums, (np.outer(p0, x) - np.outer(p1, back), p0 - p1, x - back), strict=True):
                total += weight * term
    return Layer(*sums)


def patterns(n: int, seed: int) -> np.ndarray:
    """Noisy copies of three patterns of six bits."""
    kinds = np.array([[1, 1, 1, 0, 0, 0], [0, 0, 0, 1, 1, 1], [1, 0, 1, 0, 1, 0]], dtype=float)
    drawn = np.random.default_rng(seed)
    return np.abs(kinds[drawn.integers(3, size=n)] - (drawn.random((n, 6)) < 0.05))


@pytest.mark.parametrize("scale", [0.3, 1.5])
def test_the_mean_step_of_cd_is_the_sum_over_all_states(scale: float) -> None:
    layer, v = layer_of(6, 4, 11, scale), patterns(8, 12)
    copies = 20_000
    rows = np.repeat(v, copies, axis=0)
    found = contrastive_divergence(layer, rows, np.random.default_rng(13))
    for sums, wanted in zip(found, expected_cd(layer, v), strict=True):
        # a term lies in [-1, 1], so the standard error of a mean of 160,000 is at most 1/400; 5 of them
        assert np.abs(-sums / len(rows) - wanted).max() < 5 / np.sqrt(len(rows))
        assert np.abs(wanted).max() > 10 / np.sqrt(len(rows))  # or nothing would have been compared


def test_without_weights_cd_is_the_gradient_of_the_likelihood() -> None:
    """There h tells nothing, so one step of the chain is as good as any number."""
    drawn = layer_of(6, 4, 14)
    layer, v = Layer(np.zeros((4, 6)), drawn.b, drawn.c), patterns(30, 15)
    found = contrastive_divergence(layer, v, np.random.default_rng(16))
    wanted = likelihood_gradient(layer, v)
    assert np.abs(found.W / -30 - wanted.W).max() < ROUNDING
    assert np.abs(found.c / -30 - wanted.c).max() < ROUNDING
    assert np.abs(found.b).max() < ROUNDING
    assert np.abs(wanted.b).max() < ROUNDING


def test_the_exact_gradient_is_that_of_the_exact_likelihood() -> None:
    layer, v = layer_of(6, 4, 17), patterns(30, 18)
    exact, step = likelihood_gradient(layer, v), 1e-6
    for number, value in enumerate(layer):
        for at in [(0,) * value.ndim, (2,) * value.ndim]:
            sides = []
            for sign in (1, -1):
                moved = [each.copy() for each in layer]
                moved[number][at] += sign * step
                sides.append(log_likelihood(Layer(*moved), v))
            assert exact[number][at] == pytest.approx((sides[0] - sides[1]) / (2 * step), rel=1e-6, abs=1e-8)


@pytest.mark.parametrize("seed", range(5))
def test_cd_goes_where_the_likelihood_rises(seed: int) -> None:
    layer, v = layer_of(6, 4, seed, 0.3), patterns(100, seed)
    cd, exact = (
        np.concatenate([each.ravel() for each in found])
        for found in (expected_cd(layer, v), likelihood_gradient(layer, v))
    )
    assert cd @ exact / np.linalg.norm(cd) / np.linalg.norm(exact) > 0.8


def test_an_rbm_learns_more_than_independent_bits() -> None:
    how, v, generator = PRETRAININGS["rbm"](learning_rate=0.1, decay=0.0), patterns(200, 19), np.random.default_rng(20)
    layer = first(4, v.sum(axis=0), len(v), generator)
    p = v.mean(axis=0)
    independent = float((v * np.log(p) + (1 - v) * np.log(1 - p)).sum(axis=1).mean())
    assert log_likelihood(layer, v) == pytest.approx(independent, abs=0.01)  # W is near 0, and c = ln(p/(1 - p))
    before = errors(layer, v)
    for _ in range(300):
        for batch in generator.permutation(len(v)).reshape(10, 20):
            how.step(layer, how.gradient(layer, v[batch], generator), 20)
    _, counts = np.unique(v, axis=0, return_counts=True)
    most = float((counts / len(v)) @ np.log(counts / len(v)))  # no model is likelier than the data themselves
    assert independent + 0.7 * (most - independent) < log_likelihood(layer, v) < most
    assert all(now < 0.6 * then for now, then in zip(errors(layer, v), before, strict=True))


@pytest.mark.parametrize("name", PRETRAININGS)
def test_a_step_is_down_the_mean_gradient_and_shrinks_weights(name: str) -> None:
    how = PRETRAININGS[name](learning_rate=0.5, decay=0.1)
    layer, v = layer_of(9, 5, 21), np.random.default_rng(22).random((4, 9))
    before = Layer(*(value.copy() for value in layer))
    sums = how.gradient(layer, v, np.random.default_rng(23))
    wanted = [0.95 * before.W - 0.125 * sums.W, before.b - 0.125 * sums.b, before.c - 0.125 * sums.c]
    how.step(layer, sums, 4)
    assert relative(layer, Layer(*wanted)) < ROUNDING
    assert {"epochs", "learning_rate", "decay", "batch_size", "control"} <= set(parameters(PRETRAININGS[name]))
    assert how.control is None
    assert [PRETRAININGS[name](control=each).control for each in ("shuffled", "gaussian")] == ["shuffled", "gaussian"]
