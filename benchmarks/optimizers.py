"""Seconds an epoch with sgd, momentum and Adam, against PyTorch eager; and what probes add to an epoch.

optimizers.py [ROUNDS]    the median of so many interleaved epochs each (3), after one that warms up

784-30-30-10, sigmoid, cross-entropy, 50,000 MNIST images in batches of ten, one thread, float64. Each contender has a
process of its own, which does an epoch when it is told to, so that all meet the same machine.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from importlib.util import find_spec
from statistics import median
from typing import Any

from vgrad.__main__ import fix_blas_environment

BATCH = 10
SETTINGS: dict[str, tuple[dict[str, Any], str, dict[str, Any]]] = {
    "sgd": ({"name": "sgd", "learning_rate": 0.1}, "SGD", {"lr": 0.1}),
    "momentum": ({"name": "momentum", "learning_rate": 0.02}, "SGD", {"lr": 0.02, "momentum": 0.9}),
    "adam": ({"name": "adam", "learning_rate": 0.001}, "Adam", {"lr": 0.001}),
}
REQUIRED = {"momentum": 4.0, "adam": 4.0}
PROBES: dict[str, Any] = {"none": [], "default": ["delta_norm"], "all": "all"}
MOST_OF_AN_EPOCH = 0.05  # what the default probes may add


def vgrad(optimizer: str, probes: Any) -> Iterator[None]:
    """As `vgrad train` does it; the only monitor is the validation accuracy."""
    from vgrad.config.check import check
    from vgrad.data.datasets import load
    from vgrad.training.assembly import fresh_state
    from vgrad.training.initial import draw_parameters
    from vgrad.training.loop import train

    tree = {"name": "epoch", "layers": [784, 30, 30, 10], "batch_size": BATCH, "monitor": ["validation_accuracy"]}
    config = check({**tree, "epochs": 10**4, "optimizer": SETTINGS[optimizer][0], "probes": probes})
    data = load("mnist")
    steps = train(config, data, fresh_state(config, draw_parameters(config, config.init)))
    next(steps)  # epoch 0: no training
    return (None for _ in steps)


def pytorch(optimizer: str, probes: Any) -> Iterator[None]:
    """Eager mode: a module, an optimizer, batches by `index_select` from tensors in memory."""
    import numpy as np
    import torch
    from torch import nn

    from vgrad.data.datasets import load

    torch.set_num_threads(1)
    torch.manual_seed(0)
    mnist = load("mnist", test=0)
    parts = mnist.train, mnist.validation
    x, unseen = (torch.tensor(mnist.scaling.apply(p.inputs, np.empty(p.inputs.shape))) for p in parts)
    labels, answers = (torch.tensor(p.labels.astype(np.int64)) for p in parts)
    y = nn.functional.one_hot(labels, 10).double()
    layers = [nn.Linear(784, 30), nn.Sigmoid(), nn.Linear(30, 30), nn.Sigmoid(), nn.Linear(30, 10)]
    model = nn.Sequential(*layers).double()
    cost = nn.BCEWithLogitsLoss(reduction="sum")
    _, kind, own = SETTINGS[optimizer]
    stepper = getattr(torch.optim, kind)(model.parameters(), **own)
    while True:
        for batch in torch.randperm(len(x)).split(BATCH):
            stepper.zero_grad()
            (cost(model(x.index_select(0, batch)), y.index_select(0, batch)) / BATCH).backward()
            stepper.step()
        with torch.no_grad():
            (model(unseen).argmax(dim=1) == answers).double().mean().item()
        yield


class Contender:
    """A process that runs `child` of this file; one round is one epoch."""

    def __init__(self, library: str, optimizer: str, probes: str = "none") -> None:
        self.library, self.optimizer, self.probes, self.times = library, optimizer, probes, list[float]()
        command = [sys.executable, __file__, "--child", library, optimizer, probes]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def round(self) -> None:
        """One epoch, timed by the process itself."""
        assert self._process.stdin
        assert self._process.stdout
        print(file=self._process.stdin, flush=True)
        self.times.append(json.loads(self._process.stdout.readline()))

    def close(self) -> None:
        """Let the process end."""
        assert self._process.stdin
        self._process.stdin.close()
        self._process.wait()


def child(library: str, optimizer: str, probes: str) -> None:
    """An epoch for every line that comes in; answers with its seconds."""
    fix_blas_environment()
    epochs = (vgrad if library == "vgrad" else pytorch)(optimizer, PROBES[probes])
    for _ in sys.stdin:
        begun = time.perf_counter()
        next(epochs)
        print(json.dumps(time.perf_counter() - begun), flush=True)


def ratio(contender: Contender, reference: Contender) -> float:
    """Median over rounds of the quotient of two neighbours, without the first round."""
    return median(a / b for a, b in zip(contender.times[1:], reference.times[1:], strict=True))


def main(rounds: int = 3) -> None:
    """Race, then tell."""
    libraries = ("vgrad", "pytorch") if find_spec("torch") else ("vgrad",)
    field = {(name, o): Contender(name, o) for o in SETTINGS for name in libraries}
    probed = {name: Contender("vgrad", "sgd", name) for name in PROBES}
    for _ in range(1 + rounds):
        for contender in (*field.values(), *probed.values()):
            contender.round()
    for contender in (*field.values(), *probed.values()):
        contender.close()
    print(f"{len(os.sched_getaffinity(0))} cores usable, one thread each; {rounds} rounds after a first one\n")
    print("| optimizer | vgrad s | PyTorch eager s | times | required |")
    print("|---|---:|---:|---:|---:|")
    for optimizer in SETTINGS:
        mine = field["vgrad", optimizer]
        other = field.get(("pytorch", optimizer))
        told = f"{median(other.times[1:]):.3f} | {ratio(other, mine):.1f}" if other else "not installed | "
        print(f"| {optimizer} | {median(mine.times[1:]):.3f} | {told} | {REQUIRED.get(optimizer, '')} |")
    print("\n| probes | s an epoch | more than without |\n|---|---:|---:|")
    for name, contender in probed.items():
        print(f"| {name} | {median(contender.times[1:]):.3f} | {100 * (ratio(contender, probed['none']) - 1):.1f} % |")
    print(f"\nthe default may add {100 * MOST_OF_AN_EPOCH:g} %")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--child"]:
        child(*sys.argv[2:])
    else:
        main(*map(int, sys.argv[1:]))
