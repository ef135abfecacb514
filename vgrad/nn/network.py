"""Fully connected networks: what is computed, without how.

Rows are examples: x = a^0 is (m, n_0), W^l is (n_l, n_(l-1)), z^l = a^(l-1) (W^l)^T + b^l, a^l = f(z^l), and
delta^l = dC_x/dz^l is (m, n_l), one row an example (Nielsen ch. 2, BP1-BP4). Lists start at layer 1: `z[0]` is z^1.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.random import Generator

from vgrad.nn.activations import Activation
from vgrad.nn.arrays import Array, Parameters
from vgrad.nn.costs import Cost
from vgrad.nn.norms import Norm


@dataclass(frozen=True)
class Network:
    """What is computed: layer sizes (n_0, …, n_L), an activation per hidden layer, the output and the cost.

    Hidden layers may have more: `norm` before the activation; `residual`, a^l = a^(l-1) + f(z^l) where the two have
    the same width; `dropout`, the share of f(z^l) that is 0 in training, the rest being divided by 1 - dropout; and
    `input_noise`, the standard deviation of what is added to x in training.
    """

    sizes: tuple[int, ...]
    activations: tuple[Activation, ...]
    output: Callable[[Array, Array], Array]
    cost: Cost
    norm: Norm | None = None
    residual: bool = False
    dropout: float = 0.0
    input_noise: float = 0.0

    @property
    def depth(self) -> int:
        """L, the number of layers with weights; L - 1 of them are hidden."""
        return len(self.sizes) - 1

    @property
    def is_plain(self) -> bool:
        """Whether hidden layers are a^l = f(W^l a^(l-1) + b^l), nothing more, apart from noise in training."""
        more = self.norm is not None or self.residual
        return not more and all(f.pieces == 1 and f.learned is None for f in self.activations)

    @property
    def is_noisy(self) -> bool:
        """Whether training draws masks or noise."""
        return self.dropout > 0 or self.input_noise > 0

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Name and shape of every parameter, in the files' order: W^l, b^l, then what the hidden layer l has more."""
        result: dict[str, tuple[int, ...]] = {}
        for layer, (n_in, n_out) in enumerate(pairwise(self.sizes), start=1):
            pieces = self.activations[layer - 1].pieces if layer < self.depth else 1
            result[f"W{layer}"], result[f"b{layer}"] = (pieces * n_out, n_in), (pieces * n_out,)
            result |= {name: value.shape for name, value in self.extras(layer).items()}
        return result

    @property
    def parameter_count(self) -> int:
        """How many numbers the network learns."""
        return sum(math.prod(shape) for shape in self.shapes().values())

    def extras(self, layer: int) -> Parameters:
        """The parameters of a layer beside W and b, as they are at first."""
        if layer == self.depth:
            return {}
        n, learned = self.sizes[layer], self.activations[layer - 1].learned
        result: Parameters = {} if learned is None else {f"{learned.name}{layer}": np.full(n, learned.initial)}
        if self.norm is not None:
            result |= {f"gamma{layer}": np.ones(n), f"beta{layer}": np.zeros(n)}
        return result

    def buffers(self) -> Parameters:
        """Running statistics of every hidden layer, at first mean 0 and variance 1; empty where there are none."""
        if self.norm is None or self.norm.momentum is None:
            return {}
        statistics = {"mean": np.zeros, "variance": np.ones}
        return {f"{name}{i}": make(self.sizes[i]) for i in range(1, self.depth) for name, make in statistics.items()}


@dataclass(frozen=True)
class Noise:
    """The generators that training draws from, each for one purpose."""

    masks: Generator
    inputs: Generator
