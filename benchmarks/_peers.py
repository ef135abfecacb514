"""The same training in three libraries, an epoch at a time: `_peers.py NAME DTYPE`, driven by `_harness.Contender`.

784-30-30-10, sigmoid, batches of ten, plain SGD with eta 0.1, 50,000 training images in a new order each epoch, then
the accuracy on 10,000 validation images. One thread. No penalty, no probes.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from itertools import pairwise
from typing import Any

from vgrad.__main__ import fix_blas_environment

HIDDEN, BATCH, ETA = (30, 30), 10, 0.1

Epochs = Iterator[float]
"""One step is one epoch; the value is the validation accuracy."""


def vgrad(dtype: str) -> Epochs:
    """As `vgrad train` does it, with the environment that it sets."""
    from vgrad.config.check import check
    from vgrad.data.datasets import load
    from vgrad.training.assembly import fresh_state
    from vgrad.training.initial import draw_parameters
    from vgrad.training.loop import train

    tree = {
        "name": "epoch",
        "layers": [784, *HIDDEN, 10],
        "optimizer": {"name": "sgd", "learning_rate": ETA},
        "batch_size": BATCH,
        "epochs": 10**4,
        "monitor": ["validation_accuracy"],
        "probes": {"record": [], "every": 10**4, "examples": 1},
        "dtype": dtype,
    }
    config = check(tree)
    steps = train(config, load("mnist"), fresh_state(config, draw_parameters(config, config.init)))
    next(steps)  # epoch 0: no training
    return (float(record.metrics["validation_accuracy"] or 0) for record, _ in steps)


def pytorch(dtype: str) -> Epochs:
    """Eager mode: a module, an optimizer, batches by `index_select` from tensors in memory (no DataLoader)."""
    import torch
    from torch import nn

    torch.set_num_threads(1)
    torch.manual_seed(0)
    x, y, x_validation, y_validation = _arrays(dtype)
    inputs, targets = torch.from_numpy(x), nn.functional.one_hot(torch.from_numpy(y), 10).to(getattr(torch, dtype))
    unseen, answers = torch.from_numpy(x_validation), torch.from_numpy(y_validation)
    sizes = [784, *HIDDEN, 10]
    layers = [layer for n, m in pairwise(sizes) for layer in (nn.Linear(n, m), nn.Sigmoid())]
    model = nn.Sequential(*layers[:-1]).to(getattr(torch, dtype))
    cost = nn.BCEWithLogitsLoss(reduction="sum")
    optimizer = torch.optim.SGD(model.parameters(), lr=ETA)
    while True:
        for batch in torch.randperm(len(inputs)).split(BATCH):
            optimizer.zero_grad()
            x, y = inputs.index_select(0, batch), targets.index_select(0, batch)
            (cost(model(x), y) / BATCH).backward()
            optimizer.step()
        with torch.no_grad():
            accuracy = (model(unseen).argmax(dim=1) == answers).float().mean().item()
        yield accuracy


def scikit_learn(dtype: str) -> Epochs:
    """`MLPClassifier.partial_fit`, which is one epoch; its output is a softmax."""
    from sklearn.neural_network import MLPClassifier

    x, y, x_validation, y_validation = _arrays(dtype)
    model = MLPClassifier(
        HIDDEN,
        activation="logistic",
        solver="sgd",
        alpha=0,
        batch_size=BATCH,
        learning_rate_init=ETA,
        momentum=0,
        nesterovs_momentum=False,
        random_state=0,
    )
    while True:
        model.partial_fit(x, y, classes=list(range(10)))
        yield float(model.score(x_validation, y_validation))


CONTENDERS: dict[str, tuple[str, Callable[[str], Epochs]]] = {
    "vgrad": ("vgrad", vgrad),
    "PyTorch eager": ("torch", pytorch),
    "scikit-learn": ("sklearn", scikit_learn),
}
"""name -> (module that it needs, its epochs)."""


def _arrays(dtype: str) -> tuple[Any, Any, Any, Any]:
    """Images scaled to [0, 1] and digits: training, then validation."""
    import numpy as np

    from vgrad.data.datasets import load

    mnist = load("mnist", test=0)
    parts = (mnist.train, mnist.validation)
    scaled = [mnist.scaling.apply(part.inputs, np.empty(part.inputs.shape, dtype)) for part in parts]
    return scaled[0], mnist.train.labels.astype(np.int64), scaled[1], mnist.validation.labels.astype(np.int64)


def _note(module: str) -> str:
    """Version and BLAS, after everything is loaded."""
    from importlib.metadata import version

    import threadpoolctl

    name = {"sklearn": "scikit-learn"}.get(module, module)
    pools = [pool for pool in threadpoolctl.threadpool_info() if pool.get("user_api") == "blas"]
    kernels = sorted(
        {f"{pool['internal_api']} {pool.get('architecture')}, {pool['num_threads']} thread" for pool in pools}
    )
    return f"{version(name)}; NumPy and SciPy on {' and '.join(kernels)}"


def main(name: str, dtype: str) -> None:
    """Say hello, then an epoch for every line that comes in."""
    module, epochs_of = CONTENDERS[name]
    if not find_spec(module):
        print(json.dumps({"skip": f"{name} is not installed"}), flush=True)
        return
    if module == "vgrad":
        fix_blas_environment()
    epochs = epochs_of(dtype)
    if module != "vgrad":
        __import__(module)
    print(json.dumps({"note": _note(module)}), flush=True)
    for _ in sys.stdin:
        begun, cpu = time.perf_counter(), time.process_time()
        accuracy = next(epochs)
        seconds, cpu = time.perf_counter() - begun, time.process_time() - cpu
        print(json.dumps({"seconds": seconds, "cpu": cpu, "accuracy": accuracy}), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
