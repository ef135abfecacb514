"""Eq. 124 as what it says, a product of matrices, example by example  (Nielsen ch. 5).

    delta^l = S'(z^l) (W^(l+1))^T S'(z^(l+1)) (W^(l+2))^T … S'(z^L) grad_a C

S'(z^l) is diag(f'(z^l)) for hidden layers and sigmoid or identity outputs, and diag(a) - a a^T for a softmax. The
matrices are multiplied from the left, J^l = dz^L/dz^l = W^L S'(z^(L-1)) … W^(l+1) S'(z^l), of shape (n_L, n_l), and a
vector comes in at the very end: delta^l = (J^l)^T S'(z^L) grad_a C. Backpropagation never makes a matrix: the two
share z^l and the slopes f'(z^l), nothing else. Everything is float64; lists start at layer 1; rows are examples.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from vgrad.errors import ConfigError
from vgrad.nn.activations import Activation
from vgrad.nn.arrays import Array, Parameters, norm
from vgrad.nn.backprop import check_finite, passes
from vgrad.nn.network import Network
from vgrad.theory.chain import logs

SAME = 1e-10
"""Relative difference, of a layer's largest delta, up to which the two ways agree."""
MOST_CELLS = 2_000_000
"""Numbers in the matrices of a chunk of examples; a chunk is at least one example."""
Chunks = Iterable[tuple[Array, Array]]


@dataclass(frozen=True)
class Step:
    """From layer l + 1 down to layer l. The factors are geometric means over the examples whose error is 0 in no layer:

        ||delta^l|| / ||delta^(l+1)|| = weight_factor · slope_factor
        weight_factor = ||(W^(l+1))^T delta^(l+1)|| / ||delta^(l+1)||   <= weight_norm, the spectral norm of W^(l+1)
        slope_factor  = ||S'(z^l) v|| / ||v||, v = (W^(l+1))^T delta^(l+1)   <= slope_norm

    `slope_norm` is ||S'(z^l)||, the largest |f'(z^l_j)|, `slope_mean` the mean one: means over all examples.
    `jacobian` is ||dz^L/dz^l||, a spectral norm, geometric mean over the examples where it is not 0.
    """

    layer: int
    slope_norm: float
    slope_mean: float
    weight_norm: float
    weight_factor: float | None
    slope_factor: float | None
    ratio: float | None
    jacobian: float | None


@dataclass(frozen=True)
class Product:
    """`steps` of the hidden layers 1 … L - 1. `delta[l - 1]` is the geometric mean of ||delta^l|| over the `counted`
    examples whose error is 0 in no layer; `mean_delta_norm` is Nielsen's ||<delta^l>|| over all `examples`, from the
    matrices; `difference` the largest |product - backpropagation| over the largest |delta| of the layer."""

    examples: int
    counted: int
    steps: tuple[Step, ...]
    delta: tuple[float | None, ...]
    mean_delta_norm: tuple[float, ...]
    difference: tuple[float, ...]

    @property
    def agrees(self) -> bool:
        """Whether no layer differs by more than SAME."""
        return all(difference <= SAME for difference in self.difference)


def missing_factors(network: Network) -> str:
    """What the network has that eq. 124 has no factor for, in words; empty when the equation holds as it stands."""
    normed = network.norm and ("batch_norm" if network.norm.axis == 0 else "layer_norm")
    pieces = any(activation.pieces > 1 for activation in network.activations)
    return normed or ("residual" if network.residual else "") or ("maxout" if pieces else "")


def hidden_slopes(network: Network, parameters: Parameters, z: Sequence[Array]) -> list[Array]:
    """f'(z^l) of the hidden layers, (m, n_l) each; the diagonals of S'(z^l)."""
    found = []
    for layer, activation in enumerate(network.activations, start=1):
        f: Activation = activation
        if activation.learned is not None:
            f = activation.learned.bind(parameters[f"{activation.learned.name}{layer}"])
        at = z[layer - 1]
        found.append(f.slope(at, f.f(at, np.empty_like(at)), np.empty_like(at)))
    return found


def output_slope(output: str, z: Array, a: Array) -> Array:
    """S'(z^L) = da^L/dz^L, (m, n_L, n_L): diagonal, but for a softmax, whose outputs share their sum."""
    eye = np.eye(z.shape[1])
    if output == "softmax":
        return np.asarray(a[:, :, None] * eye - a[:, :, None] * a[:, None, :])
    if output == "identity":
        return np.broadcast_to(eye, (len(z), *eye.shape))
    tail = np.exp(-np.abs(z))
    return np.asarray((tail / np.square(1 + tail))[:, :, None] * eye)


def cost_gradient(cost: str, z: Array, a: Array, y: Array) -> Array:
    """grad_a C, (m, n_L): a - y of the quadratic cost, -y/a of the log-likelihood, and -y/a + (1 - y)/(1 - a) of the
    cross-entropy, with 1/a = 1 + e^(-z) and 1/(1 - a) = 1 + e^z."""
    if cost == "quadratic":
        return np.asarray(a - y)
    if cost == "log_likelihood":
        return np.asarray(np.divide(-y, a, out=np.zeros_like(a), where=y != 0))
    return np.asarray((1 - y) * (1 + np.exp(z)) - y * (1 + np.exp(-z)))


def jacobians(W: Sequence[Array], slopes: Sequence[Array], m: int) -> list[Array]:
    """J^l = dz^L/dz^l of every layer, (m, n_L, n_l): W^L S'(z^(L-1)) … W^(l+1) S'(z^l), the identity for l = L."""
    outputs = len(W[-1])
    J: Array = np.broadcast_to(np.eye(outputs), (m, outputs, outputs))
    found = [J]
    for layer in range(len(W) - 1, 0, -1):
        J = (J @ W[layer]) * slopes[layer - 1][:, None, :]  # times a diagonal matrix from the right
        found.append(J)
    return found[::-1]


def spectral_norms(matrices: Array) -> Array:
    """(m,): the largest singular value of each (m, p, q), scaled against underflow.

    It is the root of the largest eigenvalue of M M^T, or of M^T M where that is the smaller matrix.
    """
    if matrices.shape[1] > matrices.shape[2]:
        matrices = matrices.transpose(0, 2, 1)
    largest = np.abs(matrices).max(axis=(1, 2))
    scaled = matrices / np.where(largest > 0, largest, 1.0)[:, None, None]
    return np.asarray(largest * np.sqrt(np.linalg.eigvalsh(scaled @ scaled.transpose(0, 2, 1))[:, -1].clip(0)))


def multiply(network: Network, names: tuple[str, str], parameters: Parameters, chunks: Chunks) -> Product:
    """Eq. 124 over chunks (x, y) of examples, against backpropagation; `names` are those of the output and the cost.

    ConfigError for a network that the equation does not hold for; FloatingPointError where numbers overflow.
    """
    missing = missing_factors(network)
    if missing:
        raise ConfigError(f"eq. 124 has no factor for {missing}; choose a run without it")
    if names[0] == "step":
        raise ConfigError("eq. 124 starts from the slope of the output, and a step has none; choose another run")
    W = [parameters[f"W{layer}"] for layer in range(1, network.depth + 1)]
    total = _Total(network.sizes[1:])
    with np.errstate(over="raise", invalid="raise", divide="raise", under="ignore"):
        for x, y in chunks:
            made = passes(network, parameters, len(x), {}, "probe")
            made.forward(x)
            made.backward(y)
            check_finite([*made.z, *made.delta])
            slopes = hidden_slopes(network, parameters, made.z)
            J = jacobians(W, slopes, len(x))
            end = output_slope(names[0], made.z[-1], made.a[-1])
            source = end @ cost_gradient(names[1], made.z[-1], made.a[-1], y)[:, :, None]
            delta = [(each.transpose(0, 2, 1) @ source)[:, :, 0] for each in J]
            total.add(W, slopes, J, delta, made.delta)
    return total.product(W)


def chunk_rows(sizes: Sequence[int]) -> int:
    """How many examples a chunk may have: their matrices are what takes memory."""
    return max(1, MOST_CELLS // (sizes[-1] * sum(sizes[1:])))


class _Total:
    """What is collected over the chunks."""

    def __init__(self, sizes: Sequence[int]) -> None:
        self._norms: list[list[Array]] = []
        self._through: list[list[Array]] = []
        self._jacobians: list[list[Array]] = []
        self._steep: list[list[Array]] = []
        self._mean = [np.zeros(n) for n in sizes]
        self._off, self._largest = np.zeros(len(sizes)), np.zeros(len(sizes))

    def add(
        self,
        W: Sequence[Array],
        slopes: Sequence[Array],
        J: Sequence[Array],
        delta: Sequence[Array],
        backpropagated: Sequence[Array],
    ) -> None:
        """One chunk: delta from the matrices, and from backpropagation."""
        for at, (found, wanted) in enumerate(zip(delta, backpropagated, strict=True)):
            self._mean[at] += found.sum(axis=0)
            self._off[at] = max(self._off[at], np.abs(found - wanted).max())
            self._largest[at] = max(self._largest[at], np.abs(wanted).max())
        self._norms.append([row_norms(each) for each in delta])
        self._through.append([row_norms(above @ each) for above, each in zip(delta[1:], W[1:], strict=True)])
        self._jacobians.append([spectral_norms(each) for each in J[:-1]])
        self._steep.append([np.stack([np.abs(s).max(axis=1), np.abs(s).mean(axis=1)]) for s in slopes])

    def product(self, W: Sequence[Array]) -> Product:
        """The geometric means, the differences and the norms of the means."""
        norms = [np.concatenate(parts) for parts in zip(*self._norms, strict=True)]
        through = [np.concatenate(parts) for parts in zip(*self._through, strict=True)]
        steep = [np.concatenate(parts, axis=1).mean(axis=1) for parts in zip(*self._steep, strict=True)]
        spectral = [np.concatenate(parts) for parts in zip(*self._jacobians, strict=True)]
        whole = np.all([each > 0 for each in norms], axis=0)
        steps = [
            Step(
                at + 1,
                float(steep[at][0]),
                float(steep[at][1]),
                float(spectral_norms(W[at + 1][None])[0]),
                _mean_ratio(through[at][whole], norms[at + 1][whole]),
                _mean_ratio(norms[at][whole], through[at][whole]),
                _mean_ratio(norms[at][whole], norms[at + 1][whole]),
                _geometric(spectral[at][spectral[at] > 0]),
            )
            for at in range(len(W) - 1)
        ]
        m = len(norms[0])
        return Product(
            m,
            int(whole.sum()),
            tuple(steps),
            tuple(_geometric(each[whole]) for each in norms),
            tuple(norm(each / m) for each in self._mean),
            tuple(_relative(*pair) for pair in zip(self._off.tolist(), self._largest.tolist(), strict=True)),
        )


def row_norms(x: Array) -> Array:
    """(m,): the Euclidean norm of each row, scaled by its largest entry against underflow."""
    largest = np.abs(x).max(axis=1, initial=0.0)
    scaled = x / np.where(largest > 0, largest, 1.0)[:, None]
    return np.asarray(largest * np.sqrt(np.square(scaled).sum(axis=1)))


def _relative(off: float, largest: float) -> float:
    return 0.0 if off == 0 else off / largest if largest > 0 else math.inf


def _geometric(values: Array) -> float | None:
    return float(10 ** logs(values).mean()) if values.size else None


def _mean_ratio(above: Array, below: Array) -> float | None:
    return float(10 ** (logs(above) - logs(below)).mean()) if above.size else None
