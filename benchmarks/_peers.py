"""One contender of a race, in a process of its own: `_peers.py NAME WORKLOAD DTYPE FORM`, driven by `_harness`.

Every contender starts from vgrad's parameters and takes the images in vgrad's order, on one core. It says hello, then
does a round for every line that comes in, and answers with the seconds of the processor that the round took. A line
that is a path asks for what it has instead: its parameters, and what it recorded last.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable
from functools import partial
from importlib.metadata import version
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from vgrad.__main__ import fix_blas_environment

fix_blas_environment()

import numpy as np  # noqa: E402
from _workloads import PROBED, WORKLOADS, Workload  # noqa: E402
from numpy.typing import DTypeLike  # noqa: E402

Arrays = dict[str, np.ndarray]
Call = tuple[Callable[..., Any], tuple[Any, ...]]
Contend = tuple[Callable[[], Any], Callable[[], Arrays]]
"""One round; and the parameters after it, with the cost, accuracy and norms that were recorded before its last step."""


class Round:
    """What the peers are given: the settled config, the images as they are stored (n, 784), labels, and orders."""

    def __init__(self, workload: Workload, dtype: str) -> None:
        from vgrad.config.check import check
        from vgrad.data.datasets import load
        from vgrad.training.initial import draw_parameters

        self.workload, self.dtype = workload, np.dtype(dtype)
        self.config = check(workload.config(dtype))
        self.data = load("mnist", **self.config.data.parameters)
        drawn = draw_parameters(self.config, self.config.init, self.data)
        self.initial: Arrays = {name: value.astype(self.dtype) for name, value in drawn.items()}
        self.images, self.labels = self.data.train.inputs, self.data.train.labels.astype(np.int64)
        self.y = np.eye(10, dtype=self.dtype)[self.labels]
        self.m, self.layers = self.config.rows_per_step, len(self.config.sizes) - 1
        self.eta = self.config.optimizer.parameters["learning_rate"]
        self.decay = 1 - self.eta * self.config.l2 / len(self.images)
        self.epoch = 0

    def scaled(self) -> np.ndarray:
        """The images in [0, 1]."""
        return self.data.scaling.apply(self.images, np.empty(self.images.shape, self.dtype))

    def order(self) -> np.ndarray:
        """(steps, m): the images of the next epoch."""
        from vgrad.training.loop import _order

        self.epoch += 1
        return _order(self.config, len(self.images), self.epoch).reshape(-1, self.m)

    def masks(self) -> list[np.ndarray]:
        """(steps, m, n_l) of each hidden layer: what vgrad's masks keep in the epoch whose order was asked for last."""
        from vgrad.training.assembly import noise_of

        noise, rate = noise_of(self.config, self.epoch)(), self.config.dropout
        shapes = [(self.m, n) for n in self.config.sizes[1:-1]]
        drawn = [
            [noise.masks.random(shape, self.dtype.type) >= rate for shape in shapes] for _ in range(self.workload.steps)
        ]
        return [np.array(layer) for layer in zip(*drawn, strict=True)]


def vgrad(given: Round) -> Contend:
    """As `vgrad train` does it."""
    from vgrad.training.assembly import fresh_state
    from vgrad.training.loop import train

    steps = train(given.config, given.data, fresh_state(given.config, given.initial))
    last = [next(steps)] * 2  # epoch 0: no training

    def round_() -> None:
        for _ in range(given.workload.epochs):
            last[:] = last[1], next(steps)

    def found() -> Arrays:
        record, (_, state) = last[0][0], last[1]
        told = (
            {"cost": [record.metrics["train_cost"]], "accuracy": [record.metrics["train_accuracy"]]}
            if (given.workload.measured)
            else {}
        )
        norms = (record.gradients or {}) if given.workload.measured else {}
        return state.parameters | {name: np.array(value) for name, value in {**told, **norms}.items()}

    return round_, found


def products(given: Round) -> Contend:
    """The bare products of vgrad's steps by the same BLAS, on aligned arrays: no program around them can be faster."""
    calls = _products_of(given)

    def round_() -> None:
        for _ in range(given.workload.steps):
            for call, arguments in calls:
                call(*arguments)

    return round_, dict


def _filled(dtype: DTypeLike, *shape: int) -> np.ndarray:
    from vgrad.nn.arrays import aligned

    array = aligned(shape, dtype)
    array.fill(0.01)
    return array


def _products_of(given: Round) -> list[Call]:
    """What is read and what is written are arrays apart, so that the numbers stay."""
    from vgrad.nn.beside.weights import fits
    from vgrad.training.assembly import build_network

    if given.workload.measured:
        return _full_products(given)
    return (beside_products if fits(build_network(given.config)) else _wide_products)(given)


def beside_products(given: Round) -> list[Call]:
    """Weights and biases are one matrix, the examples lie side by side, and pixels that no image uses are left out."""
    from scipy.linalg import blas

    from vgrad.nn.beside.weights import Augmented
    from vgrad.training.feed import without_zeros

    gemm: Any = blas.dgemm if given.dtype == np.float64 else blas.sgemm
    sizes, filled = (without_zeros(given.data)[0].n_inputs, *given.config.sizes[1:]), partial(_filled, given.dtype)
    weights = Augmented(sizes, given.dtype)
    weights.vector.fill(0.01)
    forward, backward, update = list[Call](), list[Call](), list[Call]()
    for layer, (V, VT) in enumerate(zip(weights.V, weights.transposed, strict=True)):
        (n, width), delta = V.shape, filled(len(V), given.m).T
        c = filled(width, given.m).T if layer else filled(given.m, width).T  # images are rows
        forward.append((gemm, (1.0, c, VT, 0.0, filled(n, given.m).T, layer == 0, 0, 1)))
        backward.append((gemm, (1.0, delta, VT, 0.0, filled(width, given.m).T, 0, 1, 1)))
        update.append((gemm, (-1e-12, c, delta, 1.0, VT, layer > 0, 0, 1)))
    return [*forward, *backward[:0:-1], *update]


def _wide_products(given: Round) -> list[Call]:
    from scipy.linalg import blas

    from vgrad.nn.backprop import SMALL

    m, filled = given.m, partial(_filled, given.dtype)
    gemm: Any = blas.dgemm if given.dtype == np.float64 else blas.sgemm
    forward, backward, update = list[Call](), list[Call](), list[Call]()
    for n, k in pairwise(given.config.sizes):
        W, a, delta, back = filled(k, n), filled(m, n), filled(m, k), filled(m, n)
        forward.append((gemm, (1.0, W.T, a.T, 0.0, filled(m, k).T, 1, 0, 1)))
        small: Call = (gemm, (1.0, W.T, delta.T, 0.0, back.T, 0, 0, 1))
        backward.append(small if W.size <= SMALL else (np.dot, (delta, W, back)))
        update.append((gemm, (-1e-12, a.T, delta.T, 1.0, W.T, 0, 1, 1)))
    return [*forward, *backward[:0:-1], *update]


def _full_products(given: Round) -> list[Call]:
    """The examples lie side by side, zeros are left out in the two products with the images, and all but the update of
    the first layer is in float64."""
    from vgrad.nn.fullbatch import IMAGES, PIXELS, Sparse

    sizes, m, filled = given.config.sizes, given.m, partial(_filled, np.float64)
    x = given.data.scaling.apply(given.images, np.empty(given.images.shape))
    images = Sparse(np.vstack([x.T, np.ones(m)]), sizes[1], IMAGES)
    pixels = Sparse(x[images.order].astype(given.dtype), sizes[1], PIXELS)
    images.AT.fill(0.01)
    pixels.AT.fill(0.01)
    calls: list[Call] = [(images.multiply, ()), (pixels.multiply, ())]
    for n, k in pairwise(sizes[1:]):
        W, a, delta = filled(k, n + 1), filled(n + 1, m), filled(k, m)
        calls.append((np.dot, (W, a, filled(k, m))))
        calls.append((np.dot, (W[:, :-1].T, delta, filled(n, m))))
        calls.append((np.dot, (delta, a[:-1].T, filled(k, n))))
    return calls


def pytorch(given: Round) -> Contend:
    """Eager mode."""
    from _peer_torch import contend

    return contend(given)


def jax(unroll: int) -> Callable[[Round], Contend]:
    """An epoch is one compiled scan, whose body is written out `unroll` times."""

    def contend(given: Round) -> Contend:
        import _peer_jax

        return _peer_jax.contend(given, unroll)

    return contend


def scikit_learn(given: Round) -> Contend:
    """`MLPClassifier.partial_fit`, which is one epoch; its output is a softmax, and its parameters are its own."""
    from sklearn.neural_network import MLPClassifier

    own = {"alpha": 0, "batch_size": given.m, "learning_rate_init": given.eta, "momentum": 0, "random_state": 0}
    hidden, x = tuple(given.config.sizes[1:-1]), given.scaled()
    model = MLPClassifier(hidden, activation="logistic", solver="sgd", nesterovs_momentum=False, **own)
    return lambda: model.partial_fit(x, given.labels, classes=list(range(10))), dict


CONTENDERS: dict[str, tuple[str, Callable[[Round], Contend]]] = {
    "vgrad": ("numpy", vgrad),
    "PyTorch": ("torch", pytorch),
    "JAX, unroll 1": ("jax", jax(1)),
    "JAX, unroll 10": ("jax", jax(10)),
    "scikit-learn": ("sklearn", scikit_learn),
    "products": ("scipy", products),
}
"""name -> (module that it needs, what it does)."""


def _note(module: str) -> str:
    """Version and BLAS, after everything is loaded."""
    import threadpoolctl

    pools = [pool for pool in threadpoolctl.threadpool_info() if pool.get("user_api") == "blas"]
    kernels = sorted({f"{pool['internal_api']} {pool.get('architecture')}" for pool in pools})
    name = {"sklearn": "scikit-learn"}.get(module, module)
    return f"{name} {version(name)}" + (f" on {' and '.join(kernels)}" if module in {"numpy", "scipy"} else "")


def main(name: str, workload: str, dtype: str, form: str) -> None:
    """Say hello, then a round for every line that comes in."""
    module, contend = CONTENDERS[name]
    if not find_spec(module):
        print(json.dumps({"skip": f"{name} is not installed"}), flush=True)
        return
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    chosen = (WORKLOADS | PROBED)[workload]
    round_, found = contend(Round(chosen.quick() if form == "quick" else chosen, dtype))
    print(json.dumps({"note": _note(module)}), flush=True)
    for line in sys.stdin:
        if line.strip():
            np.savez(line.strip(), **found())
            print(json.dumps({}), flush=True)
            continue
        begun = time.process_time()
        round_()
        print(json.dumps({"cpu": time.process_time() - begun}), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
