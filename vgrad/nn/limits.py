"""Limits on gradients and weights, applied in place.

g is the gradient of all parameters as one vector, the penalty's share in it; W is (n_l, n_(l-1)).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from vgrad.later import blas
from vgrad.nn.arrays import Array


@dataclass(frozen=True)
class Clip:
    """`value`: every component of g is cut to [-value, value]. `norm`: then g <- g norm/||g|| where ||g|| > norm.

    (Mikolov 2012; Pascanu et al. 2013, algorithm 1.) ||g|| is over all parameters of the network.
    """

    norm: float | None = None
    value: float | None = None

    def apply(self, g: Array) -> None:
        """Clips g; nrm2 scales as it sums, so that ||g|| neither overflows nor underflows."""
        if self.value is not None:
            np.clip(g, -self.value, self.value, out=g)
        if self.norm is not None:
            length = float((blas.dnrm2 if g.dtype == np.float64 else blas.snrm2)(g))
            if length > self.norm:
                g *= self.norm / length


def max_norm(W: Array, most: float) -> None:
    """Each row of W, one unit's incoming weights, is scaled to a norm of at most `most`  (Srivastava 2014, 5.1)."""
    lengths = np.sqrt(np.einsum("ij,ij->i", W, W))
    longer = lengths > most
    if longer.any():  # to multiply the others by 1 takes four times as long as to see that there is nothing to do
        W[longer] *= (most / lengths[longer])[:, None]
