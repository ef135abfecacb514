"""Parameters as the files hold them: `W1 … WL` of shape (n_l, n_(l-1)) and `b1 … bL` of shape (n_l,), and whatever
else a network learns (`Network.shapes`). Functions take the names and shapes that are wanted, or the sizes
(n_0, …, n_L) of a plain network."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cached_property
from itertools import pairwise

import numpy as np
from numpy.typing import DTypeLike

from vgrad.nn.arrays import Array, Parameters, add_scaled, aligned
from vgrad.registry import did_you_mean


def shapes(sizes: Sequence[int]) -> dict[str, tuple[int, ...]]:
    """The name and shape of every parameter of a network with layers of `sizes` = (n_0, …, n_L), in order."""
    result: dict[str, tuple[int, ...]] = {}
    for layer, (n_in, n_out) in enumerate(pairwise(sizes), start=1):
        result[f"W{layer}"] = (n_out, n_in)
        result[f"b{layer}"] = (n_out,)
    return result


def layer_of(name: str) -> int:
    """The layer, from 1, of a parameter or a running statistic: 2 of W2, gamma2 and variance2."""
    return int(name[len(name.rstrip("0123456789")) :])


Wanted = Mapping[str, tuple[int, ...]] | Sequence[int]


def _shapes(wanted: Wanted) -> Mapping[str, tuple[int, ...]]:
    return wanted if isinstance(wanted, Mapping) else shapes(wanted)


def problems(arrays: Mapping[str, Array], of: Wanted) -> list[str]:
    """What keeps `arrays` from being the parameters of the network that `of` describes; empty when nothing does."""
    wanted = _shapes(of)
    found = [f"{name} is missing" for name in wanted if name not in arrays]
    found += [f"{name} is not a parameter{did_you_mean(name, wanted)}" for name in arrays if name not in wanted]
    for name, shape in wanted.items():
        array = arrays.get(name)
        if array is None:
            continue
        if array.shape != shape:
            found.append(f"{name} has shape {array.shape}, the network's has {shape}")
        elif array.dtype.kind not in "fiu":
            found.append(f"{name} holds {array.dtype}, not numbers")
        elif not np.isfinite(array).all():
            found.append(f"{name} holds NaN or infinity")
    return found


def split(arrays: Mapping[str, Array], buffers: Iterable[str]) -> tuple[Parameters, Parameters]:
    """The parameters of a file, and the running statistics, `buffers` by name, that it holds as well."""
    known = set(buffers)
    parameters = {name: value for name, value in arrays.items() if name not in known}
    return parameters, {name: value for name, value in arrays.items() if name in known}


def as_type(arrays: Mapping[str, Array], of: Wanted, dtype: DTypeLike) -> Parameters:
    """`arrays` in the files' order, C-contiguous and of one type, as the passes need them."""
    return {name: np.ascontiguousarray(arrays[name], dtype=dtype) for name in _shapes(of)}


def joined(arrays: Parameters) -> tuple[Array, Parameters]:
    """A vector of all numbers in the arrays' order, and the arrays as views of it: one operation reaches them all."""
    parts = [array.ravel() for array in arrays.values()]
    vector = aligned((sum(map(len, parts)),), parts[0].dtype)
    return np.concatenate(parts, out=vector), viewed(vector, arrays)


Elementwise = Callable[[Array, Array], Array]
"""f(W, out), which writes f of each number of W into `out`, and returns that; 0 at 0."""


class Views:
    """Arrays by name, `views`: parameters, their gradient, what an optimizer keeps."""

    def __init__(self, views: Parameters) -> None:
        self.views = views

    @property
    def weights(self) -> list[Array]:
        """W^l of every layer, or arrays that hold them."""
        return [W for name, W in self.views.items() if name.startswith("W")]

    @cached_property
    def _rooms(self) -> list[Array]:
        """For what is computed of the weights, one layer after the other in the same place."""
        room = aligned((max(W.size for W in self.weights),), self.weights[0].dtype)
        return [room[: W.size].reshape(W.shape) for W in self.weights]

    def add_weights(self, of: Views, scale: float, f: Elementwise | None = None) -> None:
        """W <- W + scale * f(W of the other), without f that of the W themselves, in every layer."""
        for i, (W, more) in enumerate(zip(self.weights, of.weights, strict=True)):
            add_scaled(W, f(more, self._rooms[i]) if f else more, scale)


class Flat(Views):
    """Arrays that are parts of one `vector`."""

    def __init__(self, vector: Array, views: Parameters) -> None:
        super().__init__(views)
        self.vector = vector


def realigned(arrays: Parameters) -> Parameters:
    """Copies that each begin at a cache line."""
    copies = {name: aligned(array.shape, array.dtype) for name, array in arrays.items()}
    copy_into(copies, arrays)
    return copies


def viewed(vector: Array, like: Parameters) -> Parameters:
    """Views of the vector with the names and shapes of `like`, one after the other."""
    views, start = {}, 0
    for name, array in like.items():
        views[name] = vector[start : start + array.size].reshape(array.shape)
        start += array.size
    return views


def copy_into(target: Parameters, source: Parameters) -> None:
    """Overwrites every array of `target` with its namesake in `source`."""
    for name, array in target.items():
        np.copyto(array, source[name])
