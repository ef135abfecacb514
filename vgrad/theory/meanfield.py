r"""How large the mean error of each layer will be, before a network is drawn: mean-field theory on a Gram matrix.

As layers grow wide, the weighted inputs of N examples are Gaussian with covariance K^l, and the weights that delta
comes back through are as good as new ones (Poole et al. 2016; Schoenholz et al. 2017). So for x (N, n_0), variances v_w
and v_b of a weight and a bias, F(K) = E f(u) f(u') and G(K) = E f'(u) f'(u') elementwise over pairs:

    K^1 = v_w x x^T + v_b,   A^l = n_l F(K^l),   K^(l+1) = v_w A^l + v_b                    forward
    P^l = n_l v_w^(l+1) G(K^l) o P^(l+1),   P^l(x, x') = E delta^l(x) . delta^l(x')          backward

    E ||mean delta^l||^2 = the mean of all entries of P^l,   E mean ||delta^l||^2 = the mean of its diagonal,
    E ||dC/dW^l||^2 = the mean of P^l o A^(l-1),   A^0 = x x^T.

One network differs from the root mean square: ln ||mean delta^l||^2 is spread by the few outputs and, a layer at a
time, by the units of finite layers. `DRAWS` of this product of random factors give the geometric mean and a 95 % band.
Each factor is divided by its own expectation, and its mean logarithm is an integral: over a hundred layers the mean of
drawn products would be that of a few of them. Of E ||mean delta^l||^2 only a share goes with the spread of the outputs,
what their mean error alone would send down; the rest, from errors that differ between examples and are weighted by
slopes that do, is a sum over many.
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
from vgrad.theory.gaussian import mean as expectation

DRAWS, SMOOTHED, SOFTMAX_DRAWS = 20_000, 48, 400
TOGETHER = 400  # outputs, over draws, of which z are drawn together
MANY = 256
"""Units from which on a layer's factor is drawn from the gamma distribution of its mean and variance."""
STEPS = np.linspace(-6.0, 6.0, 241)  # of what examples have in common
LEAST = 1e-300
MATRICES = 8  # of N^2 entries at a time beside the Gram matrices
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
    over that; the geometric means of the probes `delta_norm_mean`, the mean of ||delta^l||, and `weight_gradient_norm`,
    ||dC/dW^l||; `q`, the mean variance of z^l, `rho`, the mean correlation of two examples, and `chi`, the factor of
    E ||delta||^2 from layer l + 1 down to l at this q (NaN for the output)."""

    layer: int
    rms: float
    geometric: float
    low: float
    high: float
    deviation: float
    each: float
    coherence: float
    delta_norm_mean: float
    weight_gradient_norm: float
    q: float
    rho: float
    chi: float


@dataclass(frozen=True)
class Beside:
    """What one network adds to expectations beside its outputs.

    `above` is the mean of ln T/E T of the layers through which delta has come, T as in `_factors`: single errors have
    it, too, while their spread over outputs is averaged over examples. `below` is the variance of ln ||a||^2 below the
    layer, which weight gradients have: E ln is half of it less.
    """

    above: float
    below: float


def predict(
    x: Array, y: Array, layers: Sequence[Layer], activations: Sequence[Activation], cost: Cost, output: str
) -> list[Predicted]:
    """The prediction for every layer of a network that is drawn anew. x is (N, n_0) as training has it, y (N, n_L).

    `activations` are those of the hidden layers. Time and memory grow as N^2 times the depth: `needed_bytes`.
    """
    kernels = [_kernels(each) for each in activations]
    K: list[Array] = [np.asarray(layers[0].weights * (x @ x.T) + layers[0].biases)]
    for at, (values, _) in enumerate(kernels):
        K.append(np.asarray(layers[at + 1].weights * layers[at].width * values(K[-1]) + layers[at + 1].biases))
    uneven = _uneven(K, layers, activations)
    random = np.random.default_rng(0)
    tops = np.maximum(_top_draws(random, K[-1], y, cost, output), LEAST)
    tops /= tops.mean()
    P = _top(K[-1], y, cost, output, layers[-1].width)
    found = [_of_layer(len(layers), K[-1], P, np.log(tops), Beside(0.0, uneven[-1]), layers, None)]
    mean, passed, factors = float(P.mean()), np.ones_like(P), np.zeros(DRAWS)
    for at in range(len(activations) - 1, -1, -1):
        step = kernels[at][1](K[at])
        step *= layers[at].width * layers[at + 1].weights
        P *= step
        passed *= step
        factors += random.permutation(_factors(random, K[at], activations[at], layers[at].width))
        share = min(mean * float(passed.mean()) / max(float(P.mean()), LEAST), 1.0)
        logs = np.log(share * tops + (1 - share)) + factors
        beside = Beside(float(factors.mean()), uneven[at])
        found.insert(0, _of_layer(at + 1, K[at], P, logs, beside, layers, activations[at]))
    return found


def needed_bytes(examples: int, depth: int) -> int:
    """Memory of `predict`: the Gram matrix of each of the layers, some matrices on the way, and the draws."""
    return 8 * (examples**2 * (depth + MATRICES) + DRAWS * (depth + MATRICES))


def _of_layer(
    layer: int,
    K: Array,
    P: Array,
    logs: Array,
    beside: Beside,
    layers: Sequence[Layer],
    activation: Activation | None,
) -> Predicted:
    """The numbers of a layer; `logs` are draws of ln (||mean delta||^2 / E ||mean delta||^2)."""
    mean, here = float(P.mean()), layers[layer - 1]
    rms = math.sqrt(max(mean, LEAST))
    each = math.sqrt(max(float(np.diag(P).mean()), LEAST))
    gradient = math.sqrt(max((float(np.vdot(P, K)) / P.size - here.biases * mean) / here.weights, LEAST))
    half = logs / 2
    low, high = np.quantile(half, [0.025, 0.975])
    q, chi = float(np.diag(K).mean()), math.nan
    if activation is not None:
        slope = _elementwise(activation)[1]
        chi = layers[layer - 1].width * layers[layer].weights * expectation(lambda u: slope(u) ** 2, q)
    return Predicted(
        layer,
        rms,
        rms * math.exp(float(half.mean())),
        rms * math.exp(low),
        rms * math.exp(high),
        float(half.std()) / math.log(10),
        each,
        rms / each,
        each * math.exp(beside.above / 2),
        gradient * math.exp(float(half.mean()) - beside.below / 4),
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
    most = max(TOGETHER // n, 1)
    for start in range(0, SOFTMAX_DRAWS, most):  # few large products instead of many small ones
        count = min(most, SOFTMAX_DRAWS - start)
        drawn = random.standard_normal((count, len(K), n))
        z = (root @ drawn.transpose(1, 0, 2).reshape(len(K), -1)).reshape(len(K), count, n)
        deltas = np.empty_like(z)
        for at in range(count):
            each = np.ascontiguousarray(z[:, at])
            deltas[:, at] = cost.delta(each, softmax_f(each, np.empty_like(each)), y, np.empty_like(each))
        flat = deltas.reshape(len(K), -1)
        found += flat @ flat.T
    return found / SOFTMAX_DRAWS


def _factors(random: np.random.Generator, K: Array, activation: Activation, n: int) -> Array:
    """Draws of ln (T/E T), T = sum_i fbar(u_i)^2 g_i^2 over the n units of a layer, where u_i is what the examples have
    in common of z_i, fbar its mean slope given that, and g_i ~ N(0, 1) the product of weights and delta above."""
    square, density = _given_common(_elementwise(activation)[1], K)
    return _log_factors(random, square, STEPS, density, n)


def _uneven(K: Sequence[Array], layers: Sequence[Layer], activations: Sequence[Activation]) -> list[float]:
    """By layer the variance over networks of ln sum_i a_i a_i' below it, 0 for the inputs; to first order in 1/n.

    ln K^l has a share of the variance below, and E f^2 follows it by d ln E f^2 / d ln q; a layer of n units adds
    Var(fbar(u)^2)/(E fbar(u)^2)^2/n, fbar(u) the mean activation given what examples have in common.
    """
    found = [0.0]
    z, weights = grid()
    for at, activation in enumerate(activations):
        q, here = float(np.diag(K[at]).mean()), layers[at]
        f = _elementwise(activation)[0]
        low, high = (float(weights @ f(math.sqrt(q * change) * z) ** 2) for change in (0.99, 1.01))
        follows = math.log(max(high, LEAST) / max(low, LEAST)) / math.log(1.01 / 0.99)
        square, density = _given_common(f, K[at])
        mean = max(float(density @ square), LEAST)
        adds = float(density @ square**2) / mean**2 - 1
        found.append((follows * (1 - here.biases / q)) ** 2 * found[-1] + adds / here.width)
    return found


def _given_common(g: Callable[[Array], Array], K: Array) -> tuple[Array, Array]:
    """E [g(z) | u]^2 at STEPS of u, what the examples have in common of z, and the density of u there."""
    q, rho = float(np.diag(K).mean()), max(_mean_correlation(K), 0.0)
    z, weights = grid()
    common, own = math.sqrt(q * rho), math.sqrt(q * (1 - rho))
    smooth = g((common * STEPS[:, None] + own * z).ravel()).reshape(len(STEPS), -1) @ weights
    density = np.exp(-(STEPS**2) / 2)
    return smooth**2, density / density.sum()


def _log_factors(random: np.random.Generator, square: Array, steps: Array, density: Array, n: int) -> Array:
    """Draws of ln (T/E T), T the sum over n units of s g^2: s is `square` at `steps` (with `density`), g ~ N(0, 1)."""
    mean, fourth = float(density @ square), 3 * float(density @ square**2)
    if mean <= 0:
        return np.full(DRAWS, math.log(LEAST))
    square, fourth = square / mean, fourth / mean**2
    if n >= MANY:
        shape = n / (fourth - 1)
        total = random.gamma(shape, 1 / shape, DRAWS)
    else:
        one = np.interp(random.standard_normal(DRAWS), steps, square) * random.standard_normal(DRAWS) ** 2
        total = np.zeros(DRAWS)
        for _ in range(n):
            total += one[random.integers(0, DRAWS, DRAWS)]
        total /= n
    logs = np.log(np.maximum(total, LEAST))
    return np.asarray(logs + mean_log(square, density, n) - logs.mean())


def mean_log(square: Array, density: Array, n: int) -> float:
    """E ln (T/n) for T the sum of n independent s g^2, E s = 1, g ~ N(0, 1): Frullani's integral over t of
    (exp(-t) - E exp(-t T/n))/t, where E exp(-t T/n) = (E (1 + 2 t s/n)^(-1/2))^n; by the trapezoidal rule in ln t."""
    logs, step = np.linspace(-40.0, 200.0 / min(n, 4) + 40.0, 4001, retstep=True)
    laplace = (density @ (1 + 2 * np.exp(logs) * square[:, None] / n) ** -0.5) ** n
    with np.errstate(under="ignore"):
        return float(step * (np.exp(-np.exp(np.minimum(logs, 20.0))) - laplace).sum())


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
    at = (common * STEPS[:, None] + own * z).ravel()
    means = [g(at).reshape(len(STEPS), -1) @ weights for g in (h, s)]
    bar = np.interp(u, STEPS, means[0]) - share * np.interp(u, STEPS, means[1])
    return np.asarray(np.square(bar).sum(axis=1))
