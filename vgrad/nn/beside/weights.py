"""Weights and biases of small networks in one matrix a layer, V^l = [W^l b^l 0].

The zeros fill the rows of V up to whole cache lines: with 785 columns the products of layer 1 take 1.6 times as long.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import groupby, pairwise
from typing import NamedTuple

import numpy as np

from vgrad.later import blas
from vgrad.nn.arrays import LINE, Array, Parameters, in_a_row
from vgrad.nn.beside.norm import of_layers
from vgrad.nn.network import Network
from vgrad.nn.parameters import Elementwise, Flat, Views

NOTHING = 2.0**-120
"""In float32, what is below is 0 from the next epoch on. Adam with an L2 penalty takes the weights of inputs that are
always 0 to denormal numbers, where they stay: its steps of 784-30-30-10 took 110 us then instead of 75."""
LARGEST = 2**17
"""Weights of a layer up to which this way is taken. Beyond it calls no longer count, and OpenBLAS multiplies faster
where examples are rows: 1000 x 1000 weights, ten examples, in 2.0 ms instead of 2.6 (float64)."""


def fits(network: Network) -> bool:
    """Whether the network is plain, but for dropout and batch norm, and each of its layers is small."""
    small = all(n * k <= LARGEST for n, k in pairwise(network.sizes))
    by_batch = network.norm is not None and network.norm.axis == 0
    plain = (replace(network, norm=None) if by_batch else network).is_plain
    return small and plain and not network.input_noise


class _Kept(NamedTuple):
    """A column of neighbouring V, `now`, each `step` numbers from `start` on in their vector, and what was kept of it.
    `still`: nothing but decay moves it."""

    now: Array
    kept: Array
    start: int
    step: int
    still: bool


class Augmented(Flat):
    """V^l of every layer, one behind the other in `vector`, at first 0; `views` are the W^l and b^l within them.

    `normed`: behind them lie `norms`, gamma and then beta of all hidden units.
    """

    def __init__(self, sizes: Sequence[int], dtype: np.dtype[np.floating], *, normed: bool = False) -> None:
        line, hidden = LINE // dtype.itemsize, sizes[1:-1] if normed else ()
        shapes: list[tuple[int, ...]] = [(n, -(-(k + 1) // line) * line) for k, n in pairwise(sizes)]
        vector, (*self.V, gamma, beta) = in_a_row([*shapes, (sum(hidden),), (sum(hidden),)], dtype)
        super().__init__(vector, {})
        self._all_V = vector[: sum(V.size for V in self.V)]
        self.norms, self.transposed = (gamma, beta), [V.T for V in self.V]
        for layer, (k, V) in enumerate(zip(sizes, self.V, strict=False), start=1):
            self.views[f"W{layer}"], self.views[f"b{layer}"] = V[:, :k], V[:, k]
        for layer, parts in enumerate(zip(of_layers(gamma, hidden), of_layers(beta, hidden), strict=True), start=1):
            self.views[f"gamma{layer}"], self.views[f"beta{layer}"] = parts
        self._kept, start = list[_Kept](), 0
        stills = [normed] * (len(self.V) - 1) + [False]
        for (k, still), group in groupby(zip(sizes, stills, self.V, strict=False), lambda each: each[:2]):
            neighbours = [V for *_, V in group]
            step, stop = neighbours[0].shape[1], start + sum(V.size for V in neighbours)
            now = vector[start + k : stop : step]
            self._kept.append(_Kept(now, np.empty_like(now), start + k, step, still))
            start = stop

    @property
    def weights(self) -> list[Array]:
        """All V, one behind the other."""
        return [self._all_V]

    def load(self, parameters: Parameters) -> None:
        """Takes the numbers of `parameters`; the zeros become NaN where a step overflows."""
        self.vector.fill(0)
        for name, view in self.views.items():
            np.copyto(view, parameters[name])

    def drop_nothings(self) -> None:
        """In float32, what is next to nothing becomes 0."""
        if self.vector.dtype == np.float32:
            self.vector[np.abs(self.vector) < NOTHING] = 0

    def store(self, parameters: Parameters) -> None:
        """Puts its numbers into `parameters`."""
        for name, view in self.views.items():
            np.copyto(parameters[name], view)

    def add_weights(self, of: Views, scale: float, f: Elementwise | None = None) -> None:
        """W <- W + scale * f(W of the other), in every layer: all V, and then the biases as they were."""
        self.keep()
        super().add_weights(of, scale, f)
        for each in self._kept:
            np.copyto(each.now, each.kept)

    def keep(self) -> None:
        """For `add_kept`: the biases, those of neighbours with as many inputs at once."""
        for each in self._kept:
            np.copyto(each.kept, each.now)

    def add_kept(self, share: float) -> None:
        """b <- b + share * b as it was kept: where they lie apart, BLAS adds in a third of NumPy's time."""
        axpy = blas.daxpy if self.vector.dtype == np.float64 else blas.saxpy
        for each in self._kept:
            if each.still:
                np.copyto(each.now, each.kept)
            else:
                axpy(each.kept, self.vector, len(each.kept), share, 0, 1, each.start, each.step)
