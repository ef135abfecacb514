"""Parameters as the files hold them: `W1 … WL` of shape (n_l, n_(l-1)) and `b1 … bL` of shape (n_l,)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import DTypeLike

from vgrad.nn.arrays import Array, Parameters
from vgrad.registry import did_you_mean


def shapes(sizes: Sequence[int]) -> dict[str, tuple[int, ...]]:
    """The name and shape of every parameter of a network with layers of `sizes` = (n_0, …, n_L), in order."""
    result: dict[str, tuple[int, ...]] = {}
    for layer, (n_in, n_out) in enumerate(pairwise(sizes), start=1):
        result[f"W{layer}"] = (n_out, n_in)
        result[f"b{layer}"] = (n_out,)
    return result


def problems(arrays: Mapping[str, Array], sizes: Sequence[int]) -> list[str]:
    """What keeps `arrays` from being the parameters of a network with layers of `sizes`; empty when nothing does."""
    wanted = shapes(sizes)
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


def as_type(arrays: Mapping[str, Array], sizes: Sequence[int], dtype: DTypeLike) -> Parameters:
    """`arrays` in the files' order, C-contiguous and of one type, as the passes need them."""
    return {name: np.ascontiguousarray(arrays[name], dtype=dtype) for name in shapes(sizes)}


def copy_into(target: Parameters, source: Parameters) -> None:
    """Overwrites every array of `target` with its namesake in `source`."""
    for name, array in target.items():
        np.copyto(array, source[name])
