"""What probes measure, once more: one example at a time, plain loops, finite differences. For tests only."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import oracle
from scipy.linalg import svdvals

Vector = np.ndarray


class Slow:
    """A plain network with a sigmoid output and cross-entropy, example by example: the oracle's, and its layer maps."""

    def __init__(self, activation: str, parameters: dict[str, np.ndarray], depth: int) -> None:
        self.f, self.slope = oracle.ACTIVATIONS[activation]
        self.bounded = all(abs(self.f(z)) < 10 for z in (-700.0, 700.0))
        self.largest = max(abs(self.slope(z)) for z in np.linspace(-30, 30, 60_001).tolist())
        self.p, self.depth = parameters, depth
        self._model = oracle.Model((activation,) * (depth - 1), "sigmoid", "cross_entropy")

    def forward(self, x: Vector) -> tuple[list[Vector], list[Vector]]:
        return oracle.forward(self._model, self.p, x)

    def deltas(self, x: Vector, y: Vector) -> list[Vector]:
        return oracle.backprop(self._model, self.p, x, y)[0]

    def layer_map(self, layer: int, a: Vector) -> Vector:
        """a^(l-1) -> a^l, and z^L for the output layer."""
        z = self.p[f"W{layer}"] @ a + self.p[f"b{layer}"]
        return z if layer == self.depth else oracle.each(self.f, z)

    def to_output(self, layer: int, a: Vector) -> Vector:
        """a^l -> z^L."""
        for upper in range(layer + 1, self.depth + 1):
            a = self.layer_map(upper, a)
        return a


def finite_jacobian(f: Callable[[Vector], Vector], x: Vector, h: float = 1e-5) -> np.ndarray:
    """Central differences of fourth order."""
    columns = []
    for j in range(len(x)):
        e = np.zeros(len(x))
        e[j] = h
        columns.append((8 * (f(x + e) - f(x - e)) - (f(x + 2 * e) - f(x - 2 * e))) / (12 * h))
    return np.array(columns).T


def singular_values(f: Callable[[Vector], Vector], points: list[Vector]) -> np.ndarray:
    return np.array([svdvals(finite_jacobian(f, point)) for point in points])


def norm_of(values: Vector) -> float:
    return math.sqrt(math.fsum(float(value) ** 2 for value in np.ravel(values)))


def percentile(values: Vector, percent: float) -> float:
    ordered = sorted(float(value) for value in np.ravel(values))
    place = (len(ordered) - 1) * percent / 100
    low = math.floor(place)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (place - low) * (ordered[high] - ordered[low])


def probes(slow: Slow, X: np.ndarray, Y: np.ndarray) -> dict[str, list[float]]:
    """Every probe but update_ratio, layer by layer."""
    passes = [slow.forward(x) for x in X]
    deltas = [slow.deltas(x, y) for x, y in zip(X, Y, strict=True)]
    first = min(25, len(X))
    found: dict[str, list[float]] = {}

    def add(name: str, value: float) -> None:
        found.setdefault(name, []).append(value)

    for layer in range(1, slow.depth + 1):
        z = np.array([z[layer - 1] for z, _ in passes])
        a = np.array([a[layer] for _, a in passes])
        below = np.array([a[layer - 1] for _, a in passes])
        delta = np.array([delta[layer - 1] for delta in deltas])
        mean = np.array([math.fsum(column) / len(X) for column in delta.T])
        each = math.fsum(norm_of(row) for row in delta) / len(X)
        add("delta_norm", norm_of(mean))
        add("delta_norm_mean", each)
        add("coherence", norm_of(mean) / each)
        gradient = sum(np.outer(d, b) for d, b in zip(delta, below, strict=True)) / len(X)
        add("weight_gradient_norm", norm_of(gradient))
        add("weight_norm", norm_of(slow.p[f"W{layer}"]))
        add("zero_deltas", sum(1.0 for value in delta.ravel() if value == 0))
        for name, values in (("z", z), ("a", a)):
            center = math.fsum(values.ravel()) / values.size
            add(f"{name}_mean", center)
            add(f"{name}_std", math.sqrt(math.fsum((values.ravel() - center) ** 2) / values.size))
        for percent in (15, 50, 85, 98):
            add(f"z_p{percent}", percentile(z, percent))
        output = layer == slow.depth
        slopes = np.array(
            [
                [out * (1 - out) if output else slow.slope(w) for w, out in zip(*rows, strict=True)]
                for rows in zip(z, a, strict=True)
            ]
        )
        largest = 0.25 if output else slow.largest
        flat = sum(1.0 for s in slopes.ravel() if abs(s) < 0.01 * largest) / slopes.size
        add("saturated", flat if output or slow.bounded else math.nan)
        add("dead", sum(1.0 for column in slopes.T if not column.any()) / slopes.shape[1])
        local = singular_values(lambda a, layer=layer: slow.layer_map(layer, a), list(below[:first]))
        onward = singular_values(lambda a, layer=layer: slow.to_output(layer, a), list(a[:first]))
        for name, values in (
            ("jacobian", local),
            ("output_jacobian", np.ones((first, a.shape[1])) if output else onward),
        ):
            add(f"{name}_min", values.min())
            add(f"{name}_mean", values.mean())
            add(f"{name}_max", values.max())
    return found
