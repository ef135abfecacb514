"""The same networks written with PyTorch's own parts: what vgrad's passes are compared with.

A different library and autograd, so nothing is shared but the definition of the network.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")
F = torch.nn.functional

Tensors = dict[str, Any]

# name in ACTIVATIONS -> the same in PyTorch; maxout and prelu have parameters and stand in `hidden` below
ELEMENTWISE: dict[str, Callable[[Any], Any]] = {
    "sigmoid": torch.sigmoid,
    "tanh": torch.tanh,
    "scaled_tanh": lambda z: 1.7159 * torch.tanh(2 * z / 3),
    "relu": F.relu,
    "leaky_relu": lambda z: F.leaky_relu(z, 0.01),
    "elu": F.elu,
    "selu": F.selu,
    "gelu": F.gelu,
    "silu": F.silu,
    "softplus": F.softplus,
    "softsign": F.softsign,
    "hard_tanh": F.hardtanh,
    "identity": lambda z: z,
}


@dataclass
class Peer:
    """`z` and `a` are those of every layer; `cost` is the mean over examples."""

    z: list[Any]
    a: list[Any]
    cost: Any


def tensors(arrays: dict[str, np.ndarray]) -> Tensors:
    return {name: torch.tensor(value, dtype=torch.float64, requires_grad=True) for name, value in arrays.items()}


def cost_of(cost: str, output: str, z: Any, y: Any) -> Any:
    if cost == "cross_entropy":
        return F.binary_cross_entropy_with_logits(z, y, reduction="sum") / len(y)
    if cost == "log_likelihood":
        return F.cross_entropy(z, y)
    if cost == "perceptron":
        return (F.relu(z) - y * z).sum() / len(y)
    a = {"sigmoid": torch.sigmoid, "softmax": lambda z: torch.softmax(z, 1), "identity": lambda z: z}[output](z)
    return 0.5 * F.mse_loss(a, y, reduction="sum") / len(y)


def peer(
    p: Tensors,
    x: np.ndarray,
    y: np.ndarray,
    *,
    depth: int,
    activation: str,
    output: str = "sigmoid",
    cost: str = "cross_entropy",
    variant: str = "plain",
    masks: list[np.ndarray] | None = None,
    running: Tensors | None = None,
    training: bool = True,
) -> Peer:
    """The forward pass; `variant` is plain, batch_norm, layer_norm, residual or dropout (with inverted `masks`).

    A batch norm moves the statistics in `running`, mean1, variance1, …, and goes by them where it is not `training`.
    """
    a, zs, activations = torch.tensor(x), [], []
    for layer in range(1, depth):
        u = F.linear(a, p[f"W{layer}"], p[f"b{layer}"])
        n = len(p[f"W{layer}"]) // (2 if activation == "maxout" else 1)
        if activation == "maxout":
            u = u.view(len(u), 2, n).amax(dim=1)
        if variant == "batch_norm":
            kept = (running[f"mean{layer}"], running[f"variance{layer}"]) if running else (None, None)
            u = F.batch_norm(u, *kept, p[f"gamma{layer}"], p[f"beta{layer}"], training=training)
        if variant == "layer_norm":
            u = F.layer_norm(u, (n,), p[f"gamma{layer}"], p[f"beta{layer}"])
        z = u
        z.retain_grad()
        if activation == "prelu":
            h = F.prelu(z, p[f"slope{layer}"])
        else:
            h = z if activation == "maxout" else ELEMENTWISE[activation](z)
        if variant == "dropout":
            assert masks is not None
            h = h * torch.tensor(masks[layer - 1])
        a = a + h if variant == "residual" and a.shape == h.shape else h
        zs.append(z)
        activations.append(a)
    z = F.linear(a, p[f"W{depth}"], p[f"b{depth}"])
    z.retain_grad()
    return Peer([*zs, z], activations, cost_of(cost, output, z, torch.tensor(y)))
