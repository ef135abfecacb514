"""What is raced: networks, optimizers and batches, and how far ahead of its peers vgrad has to be.

A round trains the network for `epochs` epochs on the first `images` MNIST images. `jax` and `torch` are the least
quotients of processor times, peer / vgrad, `products` the greatest one vgrad / its own bare products; None: only told.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

Tree = dict[str, Any]


@dataclass(frozen=True)
class Workload:
    """One row: `tree` is the part of the config that makes it."""

    tree: Tree
    images: int = 5000
    epochs: int = 1
    jax: float | None = None
    torch: float | None = None
    products: float | None = None
    dtypes: tuple[str, ...] = ("float64", "float32")
    measured: bool = False
    """Cost, accuracy and the norm of the mean delta of each layer are recorded in every epoch."""
    wide: bool = False
    """In float32, the peers' passes and norms are in float64, but dC/dW^1 is not: as vgrad's are where norms are
    recorded."""
    unrolls: tuple[int, ...] = (1, 10)
    """Of JAX's scan; ten times fifty layers would be compiled for minutes."""

    def config(self, dtype: str) -> Tree:
        """The config of a run of vgrad."""
        told = {"monitor": ["train_cost", "train_accuracy"], "probes": {"record": ["delta_norm"], "examples": "all"}}
        quiet = {"monitor": [], "probes": {"record": [], "every": 10**6, "examples": 1}}
        data = {"name": "mnist", "train": self.images, "validation": 0, "test": 0}
        base = {"name": "race", "batch_size": 10, "epochs": 10**6, "data": data, "dtype": dtype}
        return {**base, **(told if self.measured else quiet), **self.tree}

    @property
    def steps(self) -> int:
        """Of one round."""
        size = self.tree.get("batch_size", 10)
        return self.epochs * (1 if size == "full" else self.images // int(size))

    def quick(self) -> Workload:
        """The same with a tenth of the work, one type, and no scan that is written out."""
        images, epochs = (self.images, self.epochs // 10) if self.measured else (self.images // 10, 1)
        return replace(self, images=images, epochs=epochs, dtypes=self.dtypes[:1], unrolls=(1,))


def _chapter(**more: Any) -> Tree:
    return {"layers": [784, 30, 30, 10], **more}


def _eta(name: str, eta: float) -> Tree:
    return {"name": name, "learning_rate": eta}


RECTIFIERS = {"activation": "relu", "output": "softmax", "cost": "log_likelihood", "init": "he_normal"}


def _deep(depth: int, **bars: float) -> Workload:
    return Workload(
        {"layers": {"depth": depth, "width": 30}}, images=2000, unrolls=(1, 10) if depth == 10 else (1,), **bars
    )  # type: ignore[arg-type]


def _wide(size: int, images: int) -> Workload:
    tree = {"layers": {"depth": 5, "width": 1000}, **RECTIFIERS, "optimizer": _eta("sgd", 0.001), "batch_size": size}
    return Workload(tree, images, jax=1.0, torch=1.0, products=1.05, dtypes=("float32",), unrolls=(1,))


EXPERIMENT_C = Workload(
    _chapter(batch_size="full", init="nielsen", optimizer=_eta("sgd", 0.1), l2=5.0),
    images=1000,
    epochs=500,
    jax=1.0,
    torch=1.0,
    measured=True,
)

WORKLOADS: Mapping[str, Workload] = {
    "784-30-30-10": Workload(_chapter(), jax=1.6, torch=8.0),
    "784-30-30-10, 50,000 images": Workload(_chapter(), images=50_000, jax=1.6, torch=8.0),
    "four hidden layers": Workload({"layers": {"depth": 4, "width": 30}}, jax=1.6, torch=8.0),
    "experiment C": EXPERIMENT_C,
    "experiment C, norms in float64": replace(EXPERIMENT_C, wide=True, dtypes=("float32",)),
    "momentum": Workload(_chapter(optimizer=_eta("momentum", 0.02)), jax=1.1),
    "Adam": Workload(_chapter(optimizer=_eta("adam", 0.001)), jax=1.1),
    "ReLU, softmax": Workload(_chapter(**RECTIFIERS, optimizer=_eta("sgd", 0.01)), jax=1.1),
    "dropout 0.2": Workload(_chapter(dropout=0.2), jax=1.1),
    "batch norm": Workload(_chapter(batch_norm=True), jax=1.0),
    "depth 10": _deep(10),
    "depth 50": _deep(50, jax=1.1),
    "depth 100": _deep(100, jax=1.1),
    "784-1000x5-10, batches of 10": _wide(10, 500),
    "784-1000x5-10, batches of 100": _wide(100, 2000),
}

CONSTANT = 0.10
"""How much a layer more may cost from depth 50 to 100, relative to from 10 to 50, before depth costs extra."""

PROBED: Mapping[str, Workload] = {
    f"probes: {name}": Workload(_chapter(probes={"record": record}), images=50_000)
    for name, record in {"none": [], "default": ["delta_norm"], "all": "all"}.items()
}
