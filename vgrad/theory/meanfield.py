r"""How large the mean error of each layer will be, before a network is drawn: mean-field theory on a Gram matrix.

As layers grow wide, the weighted inputs of N examples are Gaussian with covariance K^l, and the weights that delta
comes back through are as good as new ones (Poole et al. 2016; Schoenholz et al. 2017). So for x (N, n_0), variances v_w
and v_b of a weight and a bias, F(K) = E f(u) f(u') and G(K) = E f'(u) f'(u') elementwise over pairs:

    K^1 = v_w x x^T + v_b,   A^l = n_l F(K^l),   K^(l+1) = v_w A^l + v_b                    forward
    P^l = n_l v_w^(l+1) G(K^l) o P^(l+1),   P^l(x, x') = E delta^l(x) . delta^l(x')          backward

    E ||mean delta^l||^2 = the mean of all entries of P^l,   E mean ||delta^l||^2 = the mean of its diagonal.

One network differs from the root mean square: ln ||mean delta^l||^2 is spread by the few outputs and, a layer at a
time, by the units of finite layers. `DRAWS` of this product of random factors give the geometric mean and a 95 % band.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from vgrad.nn.activations import Activation
from vgrad.nn.arrays import Array
from vgrad.nn.costs import Cost, softmax_f
from vgrad.theory.gaussian import correlations, grid, leaky_slopes, leaky_values, products

DRAWS, SMOOTHED, SOFTMAX_DRAWS = 20_000, 48, 400
LEAST, LARGEST = 1e-300, 1e12
Matrix = Callable[[Array], Array]


@dataclass(frozen=True)
class Layer:
    """What theory knows of a layer's draws: its width, and the variances of a weight and a bias."""

    width: int
    weights: float
    biases: float


@dataclass(frozen=True)
class Predicted:
    """Of one layer: `rms` and geometric mean of ||mean delta^l|| over networks, where 95 % of them are (`low`, `high`),
    the standard `deviation` of its log10; `each`, the root mean square of a single ||delta^l||, and `coherence`, rms
    over that; `q`, the mean variance of z^l, `rho`, the mean correlation of two examples, and `chi`, the factor of
    E ||delta||^2 from layer l + 1 down to l at this q (NaN for the output)."""

    layer: int
    rms: float
    geometric: float
    low: float
    high: float
    deviation: float
    each: float
    coherence: float
    q: float
    rho: float
    chi: float


def predict(
    x: Array, y: Array, layers: Sequence[Layer], activations: Sequence[Activation], cost: Cost, output: str
) -> list[Predicted]:
    """The prediction for every layer of a network that is drawn anew. x is (N, n_0) as training has it, y (N, n_L).

    `activations` are those of the hidden layers. Time grows as N^2 times the depth; 500 examples take about a second.
    """
    kernels = [_kernels(each) for each in activations]
    K: list[Array] = [np.asarray(layers[0].weights * (x @ x.T) + layers[0].biases)]
    for at, (values, _) in enumerate(kernels):
        K.append(np.asarray(layers[at + 1].weights * layers[at].width * values(K[-1]) + layers[at + 1].biases))
    P = [_top(K[-1], y, cost, output, layers[-1].width)]
    for at in range(len(activations) - 1, -1, -1):
        P.insert(0, layers[at].width * layers[at + 1].weights * kernels[at][1](K[at]) * P[0])
    spread = _spreads(K, y, layers, activations, cost, output)
    return [
        _of_layer(at + 1, K[at], P[at], spread[at], layers, activations[at] if at < len(activations) else None)
        for at in range(len(layers))
    ]


def _of_layer(
    layer: int, K: Array, P: Array, logs: Array, layers: Sequence[Layer], activation: Activation | None
) -> Predicted:
    """The numbers of a layer; `logs` are draws of ln ||mean delta||^2 but for a constant."""
    rms = math.sqrt(max(float(P.mean()), LEAST))
    each = math.sqrt(max(float(np.diag(P).mean()), LEAST))
    half = (logs - math.log(float(np.exp(logs - logs.max()).mean())) - logs.max()) / 2
    low, high = np.quantile(half, [0.025, 0.975])
    q, chi = float(np.diag(K).mean()), math.nan
    if activation is not None:
        z, weights = grid()
        slope = _elementwise(activation)[1]
        chi = layers[layer - 1].width * layers[layer].weights * float(weights @ slope(math.sqrt(q) * z) ** 2)
    return Predicted(
        layer,
        rms,
        rms * math.exp(float(half.mean())),
        rms * math.exp(low),
        rms * math.exp(high),
        float(half.std()) / math.log(10),
        each,
        rms / each,
        q,
        _mean_correlation(K),
        chi,
    )


def _mean_correlation(K: Array) -> float:
    return float(np.clip(correlations(K).mean(), -1.0, 1.0))


def _elementwise(activation: Activation) -> tuple[Callable[[Array], Array], Callable[[Array], Array]]:
    """f and f' of any array."""

    def f(z: Array) -> Array:
        return np.asarray(activation.f(z[None, :], np.empty((1, len(z))))[0])

    def slope(z: Array) -> Array:
        a = activation.f(z[None, :], np.empty((1, len(z))))
        return np.asarray(activation.slope(z[None, :], a, np.empty((1, len(z))))[0])

    return f, slope


def _kernels(activation: Activation) -> tuple[Matrix, Matrix]:
    """F and G of an activation: closed forms where f is linear on both sides of 0, else the series."""
    f, slope = _elementwise(activation)
    sides = f(np.array([-2.0, -1.0, 1.0, 2.0]))
    if sides.tolist() == [2 * sides[1], sides[1], 1.0, 2.0] and -1 < -sides[1] < 1:
        leak = -float(sides[1])
        return lambda K: leaky_values(leak, K), lambda K: leaky_slopes(leak, K)
    return lambda K: products(f, f, K), lambda K: products(slope, slope, K)


def _top(K: Array, y: Array, cost: Cost, output: str, n: int) -> Array:
    """P^L(x, x') = E delta^L . delta^L of the outputs; delta is linear in y, so two functions of z say all of it."""
    if output == "softmax":
        return _sampled(K, y, cost, n)
    h, s = _linear(cost, output)
    hh, hs, ss = products(h, h, K), products(h, s, K), products(s, s, K)
    total = y.sum(axis=1)  # sum_k y_k
    return np.asarray(n * hh - total[None, :] * hs - (total[None, :] * hs).T + (y @ y.T) * ss)


def _linear(cost: Cost, output: str) -> tuple[Callable[[Array], Array], Callable[[Array], Array]]:
    """h and s of delta = h(z) - y s(z), for outputs that do not look at each other."""
    from vgrad.nn.costs import OUTPUTS

    def at(z: Array, target: float) -> Array:
        column = z[:, None]
        a = OUTPUTS[output](column, np.empty_like(column))
        return cost.delta(column, a, np.full_like(column, target), np.empty_like(column))[:, 0]

    return lambda z: at(z, 0.0), lambda z: at(z, 0.0) - at(z, 1.0)


def _sampled(K: Array, y: Array, cost: Cost, n: int) -> Array:
    """The same of a softmax, over draws of z ~ N(0, K) for each output."""
    random = np.random.default_rng(0)
    root = np.linalg.cholesky(K + 1e-10 * np.diag(K).mean() * np.eye(len(K)))
    found = np.zeros_like(K)
    for _ in range(SOFTMAX_DRAWS):
        z = root @ random.standard_normal((len(K), n))
        delta = cost.delta(z, softmax_f(z, np.empty_like(z)), y, np.empty_like(z))
        found += delta @ delta.T
    return found / SOFTMAX_DRAWS


def _spreads(
    K: Sequence[Array], y: Array, layers: Sequence[Layer], activations: Sequence[Activation], cost: Cost, output: str
) -> list[Array]:
    """Draws of ln ||mean delta^l||^2 of each layer, up to a constant: that of the outputs, and downwards a factor
    sum_i fbar(u_i)^2 g_i^2 a layer, where u_i is what the examples have in common of z_i, fbar its mean slope given
    that, and g_i ~ N(0, 1) the product of weights and delta above."""
    random = np.random.default_rng(0)
    logs = [np.log(np.maximum(_top_draws(random, K[-1], y, cost, output), LEAST))]
    for at in range(len(activations) - 1, -1, -1):
        q, rho = float(np.diag(K[at]).mean()), max(_mean_correlation(K[at]), 0.0)
        z, weights = grid()
        slope, steps = _elementwise(activations[at])[1], np.linspace(-6.0, 6.0, 241)
        common, own = math.sqrt(q * rho), math.sqrt(q * (1 - rho))
        smooth = np.array([weights @ slope(common * u + own * z) for u in steps])
        total = np.zeros(DRAWS)
        for _ in range(layers[at].width):
            bar = np.interp(random.standard_normal(DRAWS), steps, smooth)
            np.add(total, bar**2 * random.standard_normal(DRAWS) ** 2, out=total)
        logs.insert(0, logs[0] + np.log(np.maximum(total, LEAST)))
    return logs


def _top_draws(random: np.random.Generator, K: Array, y: Array, cost: Cost, output: str) -> Array:
    """Draws of ||mean delta^L||^2: each output's mean over examples, whose z have u in common and e of their own."""
    q, rho = float(np.diag(K).mean()), max(_mean_correlation(K), 0.0)
    common, own = math.sqrt(q * rho), math.sqrt(q * (1 - rho))
    share = y.mean(axis=0)
    u = random.standard_normal((DRAWS, len(share)))
    if output == "softmax":
        mean = np.zeros_like(u)
        for _ in range(SMOOTHED):
            drawn = common * u + own * random.standard_normal(u.shape)
            targets = np.broadcast_to(share, drawn.shape)
            mean += cost.delta(drawn, softmax_f(drawn, np.empty_like(drawn)), targets, np.empty_like(drawn))
        return np.asarray(np.square(mean / SMOOTHED).sum(axis=1))
    h, s = _linear(cost, output)
    z, weights = grid()
    steps = np.linspace(-6.0, 6.0, 241)
    means = [np.array([weights @ g(common * each + own * z) for each in steps]) for g in (h, s)]
    bar = np.interp(u, steps, means[0]) - share * np.interp(u, steps, means[1])
    return np.asarray(np.square(bar).sum(axis=1))


def fixed_point(f: Callable[[Array], Array], weights: float, biases: float) -> float:
    """q* = weights E f(sqrt(q*) z)^2 + biases, where deep layers of one kind end up; `weights` is fan-in times v_w.

    Infinite where q grows without bound.
    """
    z, density = grid()
    q = 1.0
    for _ in range(10_000):
        after = weights * float(density @ f(math.sqrt(q) * z) ** 2) + biases
        if not math.isfinite(after) or after > LARGEST:
            return math.inf
        if abs(after - q) <= 1e-13 * max(q, 1e-12):
            break
        q = after
    return q


def chi(activation: Activation, weights: float, biases: float) -> float:
    """chi = weights E f'(sqrt(q*) z)^2: the factor of E ||delta||^2 a layer at the fixed point; 1 is critical."""
    f, slope = _elementwise(activation)
    q = min(fixed_point(f, weights, biases), LARGEST)
    z, density = grid()
    return weights * float(density @ slope(math.sqrt(q) * z) ** 2)


def critical(activation: Activation, biases: float) -> float | None:
    """sigma_w, the square root of fan-in times v_w, at which chi is 1; None where there is none up to 100."""
    from scipy.optimize import brentq

    steps = np.geomspace(0.05, 100.0, 60)
    found = np.array([chi(activation, step**2, biases) - 1 for step in steps])
    for at in range(len(steps) - 1):
        if found[at] < 0 <= found[at + 1]:
            return float(brentq(lambda s: chi(activation, s**2, biases) - 1, steps[at], steps[at + 1], xtol=1e-6))
    return None
