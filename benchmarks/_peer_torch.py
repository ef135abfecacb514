"""PyTorch, eager, at its best: batches by `index_select` from scaled tensors in memory.

What was faster is done: plain descent is written out with `torch._foreach_sub_` (against `torch.optim.SGD`, 0.95 of the
time in float64 and 0.77 in float32; its fused form takes longer), Adam is fused (0.66 and 0.70), and in batch gradient
descent the examples lie side by side (0.83 and 0.79), and autograd makes dC/dz^l, but no gradients (0.97 and 0.9).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch.nn import functional as F

Masks = list[torch.Tensor]


def contend(given: Any) -> tuple[Any, Any]:
    """A round, and what it leaves."""
    torch.set_num_threads(1)
    return (_measured if given.workload.measured else _steps)(Network(given), given)


class Network:
    """The network of a config with its parameters `p`, by vgrad's names, and its data."""

    def __init__(self, given: Any) -> None:
        self.config, self.layers, kind = given.config, range(1, given.layers + 1), getattr(torch, given.dtype.name)
        self.x, self.y, self.labels = map(torch.from_numpy, (given.scaled(), given.y, given.labels))
        self.p = {name: torch.tensor(value, requires_grad=True) for name, value in given.initial.items()}
        self._f = {"sigmoid": torch.sigmoid, "tanh": torch.tanh, "relu": torch.relu}[self.config.activations[0].name]
        self._running = [(torch.zeros(n, dtype=kind), torch.ones(n, dtype=kind)) for n in self.config.sizes[1:-1]]

    def trained(self) -> list[torch.Tensor]:
        """All parameters that count: batch norm subtracts the biases before it."""
        unused = {f"b{layer}" for layer in self.layers[:-1]} if self.config.batch_norm else set()
        return [value for name, value in self.p.items() if name not in unused]

    def z(self, a: torch.Tensor, masks: Masks) -> torch.Tensor:
        """z^L."""
        p, config = self.p, self.config
        for layer in self.layers[:-1]:
            z = F.linear(a, p[f"W{layer}"], None if config.batch_norm else p[f"b{layer}"])
            if config.batch_norm:
                own = p[f"gamma{layer}"], p[f"beta{layer}"]
                z = F.batch_norm(z, *self._running[layer - 1], *own, training=True, momentum=0.1, eps=1e-5)
            a = self._f(z)
            if config.dropout:
                a = a * masks[layer - 1] / (1 - config.dropout) if masks else F.dropout(a, config.dropout)
        return F.linear(a, p[f"W{self.layers[-1]}"], p[f"b{self.layers[-1]}"])

    def cost(self, z: torch.Tensor, y: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        """The mean over the examples."""
        if self.config.output == "softmax":
            return F.cross_entropy(z, labels)
        return F.binary_cross_entropy_with_logits(z, y, reduction="sum") / len(z)

    def found(self) -> dict[str, np.ndarray]:
        """The parameters."""
        return {name: value.detach().numpy() for name, value in self.p.items()}


def _steps(network: Network, given: Any) -> tuple[Any, Any]:
    """An epoch of small batches. Where masks are drawn, those of the first epoch are vgrad's, to compare with it."""
    name, eta, trained = given.config.optimizer.name, given.eta, network.trained()
    stepper: torch.optim.Optimizer | None = {
        "sgd": lambda: None,
        "momentum": lambda: torch.optim.SGD(trained, lr=eta, momentum=0.9),
        "adam": lambda: torch.optim.Adam(trained, lr=eta, fused=True),
    }[name]()
    x, y, labels = network.x, network.y, network.labels

    def round_() -> None:
        order = torch.from_numpy(given.order())
        masks = [torch.from_numpy(each) for each in given.masks()] if given.config.dropout and given.epoch == 1 else []
        for step, batch in enumerate(order):
            z = network.z(x.index_select(0, batch), [layer[step] for layer in masks])
            cost = network.cost(z, y.index_select(0, batch), labels.index_select(0, batch))
            if stepper is None:
                gradients = torch.autograd.grad(cost, trained)
                with torch.no_grad():
                    torch._foreach_sub_(trained, gradients, alpha=eta)
            else:
                stepper.zero_grad()
                cost.backward()
                stepper.step()

    return round_, network.found


def _measured(network: Network, given: Any) -> tuple[Any, Any]:
    """Batch gradient descent; cost, accuracy and ||mean delta^l|| = ||dC/db^l|| of every epoch, before its step."""
    W, b = ([network.p[f"{kind}{layer}"] for layer in network.layers] for kind in "Wb")
    x, wide, m = network.x, torch.float64 if given.workload.wide else network.x.dtype, len(network.x)
    xT, yT = (each.T.contiguous().to(wide) for each in (x, network.y))
    told: list[Any] = []

    def round_() -> None:
        for _ in range(given.workload.epochs):
            z, a = list[torch.Tensor](), [xT]
            for w, bias in zip(W, b, strict=True):
                z.append(torch.addmm(bias[:, None].to(wide), w.to(wide), a[-1]))
                a.append(torch.sigmoid(z[-1]))
            cost = F.binary_cross_entropy_with_logits(z[-1], yT, reduction="sum") / m
            accuracy = (z[-1].argmax(0) == network.labels).sum().item() / m
            deltas = torch.autograd.grad(cost, z)
            with torch.no_grad():
                of_W = [deltas[0].to(x.dtype) @ x, *(d @ below.T for d, below in zip(deltas[1:], a[1:-1], strict=True))]
                of_b = [d.sum(1) for d in deltas]
                told[:] = cost.item(), accuracy, [g.norm().item() for g in of_b]
                for w, g in zip(W, of_W, strict=True):
                    w.mul_(given.decay).sub_(g, alpha=given.eta)
                for w, g in zip(b, of_b, strict=True):
                    w.sub_(g, alpha=given.eta)

    def found() -> dict[str, np.ndarray]:
        cost, accuracy, norms = told
        return network.found() | {
            name: np.array(value)
            for name, value in {"cost": [cost], "accuracy": [accuracy], "delta_norm": norms}.items()
        }

    return round_, found
