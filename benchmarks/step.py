"""Where the time of one step goes: each kind of call of a step of ten examples, timed alone, in µs.

    python benchmarks/step.py [ROUNDS]    the least of so many medians (9)

784-30-30-10 and 784-30-30-30-30-10, plain descent; the calls are vgrad's own, with the arrays that they have in
training. A call is repeated at once, so its arrays lie in the nearest cache; what a step takes more than their sum is
the loop around them, and cache misses. Needs MNIST (`VGRAD_DATA`).
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from statistics import median

from vgrad.__main__ import fix_blas_environment

fix_blas_environment()

import numpy as np  # noqa: E402
from _harness import processor, table  # noqa: E402
from _workloads import WORKLOADS  # noqa: E402

from vgrad.config.check import check  # noqa: E402
from vgrad.data.datasets import load  # noqa: E402
from vgrad.nn.backprop import Backprop  # noqa: E402
from vgrad.nn.parameters import realigned  # noqa: E402
from vgrad.training.assembly import build_network  # noqa: E402
from vgrad.training.descent import GATHERED  # noqa: E402
from vgrad.training.feed import Feed  # noqa: E402
from vgrad.training.initial import draw_parameters  # noqa: E402

Call = Callable[[], object]
CALLS = 2000


def seconds(call: Call, rounds: int) -> float:
    """The least of `rounds` medians of the time of a call."""

    def once() -> float:
        begun = time.process_time()
        for _ in range(CALLS // 10):
            call()
        return (time.process_time() - begun) / (CALLS // 10)

    return min(median(once() for _ in range(10)) for _ in range(rounds))


def parts(name: str, dtype: str) -> dict[str, Call]:
    """What a step consists of, and last the whole step."""
    config = check(WORKLOADS[name].config(dtype))
    data, network = load("mnist", train=5000, validation=0, test=0), build_network(config)
    drawn = draw_parameters(config, config.init)
    parameters = realigned({key: value.astype(dtype) for key, value in drawn.items()})
    feed, order = Feed(data, 10, GATHERED, dtype), np.random.default_rng(0).permutation(5000)[:GATHERED]
    x, y = (each[:10] for each in feed.load(data.train, order))
    passes = Backprop(network, parameters, 10, "train")
    passes.forward(x)
    passes.backward(y)
    below = [x.T, *(a.T for a in passes.a[:-1])]
    gemm, gemv, ones = passes._gemm, passes._gemv, np.ones(10, dtype)
    layers = list(zip(passes.W, passes.b, passes.z, passes.a, passes.delta, below, strict=True))

    def forwards(which: slice) -> Call:
        chosen = [(W.T, a, z.T) for W, _, z, _, _, a in layers[which]]
        return lambda: [gemm(1.0, W, a, 1.0, z, 1, 0, 1) for W, a, z in chosen]

    def updates(which: slice) -> Call:
        chosen = [(a, delta.T, W.T) for W, _, _, _, delta, a in layers[which]]
        return lambda: [gemm(-1e-12, a, delta, 1.0, W, 0, 1, 1) for a, delta, W in chosen]

    def of_biases() -> None:
        for _, b, _, _, delta, _ in layers:
            gemv(-1e-12, delta.T, ones, 1.0, b, 0, 1, 0, 1, 0, 1)

    def biases() -> None:
        for _, b, z, *_ in layers:
            z[...] = b

    def activations() -> None:
        for (*_, f), (_, _, z, a, *_) in zip(passes._forward, layers, strict=True):
            f(z, a)

    def slopes() -> None:
        for slope_of, z, a, slope in passes._slopes:
            slope_of(z, a, slope)

    def backwards() -> None:
        for make, _, _ in passes._backward:
            make()

    def multiplications() -> None:
        for _, delta, slope in passes._backward:
            np.multiply(delta, slope, delta)

    def step() -> None:
        passes.forward(x)
        passes.backward(y)
        passes.descend(x, 1e-12, 1.0)

    return {
        "gathering and scaling, of 200 at once": lambda: feed.load(data.train, order),
        "layer 1 forwards, x W^T": forwards(slice(1)),
        "the other products forwards": forwards(slice(1, None)),
        "biases": biases,
        "f(z)": activations,
        "delta of the output": lambda: network.cost.delta(passes.z[-1], passes.a[-1], y, passes.delta[-1]),
        "products backwards, delta W": backwards,
        "f'(z)": slopes,
        "delta times f'(z)": multiplications,
        "layer 1 update, one gemm": updates(slice(1)),
        "the other updates of W": updates(slice(1, None)),
        "updates of b": of_biases,
        "forward, backward and descend": step,
    }


def main(rounds: int = 9) -> None:
    """A table: a row a kind of call."""
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    columns = [(name, dtype) for name in ("784-30-30-10", "four hidden layers") for dtype in ("float64", "float32")]
    found = [{part: 1e6 * seconds(call, rounds) for part, call in parts(*column).items()} for column in columns]
    for column in found:
        column["gathering and scaling, of 200 at once"] /= GATHERED // 10
    rows = [[part, *(f"{column[part]:.2f}" for column in found)] for part in found[0]]
    print(f"{processor()}; µs a step of ten examples\n")
    print(table(["", *(f"{name}, {dtype}" for name, dtype in columns)], rows))


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
