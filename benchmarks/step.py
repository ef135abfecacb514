"""Where the time of one step goes: what a step of ten examples consists of, each part timed alone, in µs.

    python benchmarks/step.py [ROUNDS]    the least of so many medians (9)

784-30-30-10 and 784-30-30-30-30-10, plain descent; the calls are vgrad's own, with the arrays that they have in
training. A part is repeated at once, so its arrays lie in the nearest cache; what an epoch of `race.py` takes more than
their sum is cache misses. Products and sigmoids are parts of what is above them. Needs MNIST (`VGRAD_DATA`).
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from functools import partial
from statistics import median

from vgrad.__main__ import fix_blas_environment

fix_blas_environment()

import numpy as np  # noqa: E402
from _harness import processor, table  # noqa: E402
from _peers import Round, beside_products  # noqa: E402
from _workloads import WORKLOADS  # noqa: E402

from vgrad.nn.beside.step import AugmentedStep  # noqa: E402
from vgrad.nn.beside.weights import Augmented  # noqa: E402
from vgrad.nn.functions import make  # noqa: E402
from vgrad.training.assembly import build_network  # noqa: E402
from vgrad.training.descent import GATHERED  # noqa: E402
from vgrad.training.feed import Batches, without_zeros  # noqa: E402

Call = Callable[[], object]
CALLS = 2000
GATHERING = f"gathering, {GATHERED} images at once"


def seconds(call: Call, rounds: int) -> float:
    """The least of `rounds` medians of the time of a call."""

    def once() -> float:
        begun = time.process_time()
        for _ in range(CALLS // 10):
            call()
        return (time.process_time() - begun) / (CALLS // 10)

    return min(median(once() for _ in range(10)) for _ in range(rounds))


def parts(name: str, dtype: str) -> dict[str, Call]:
    """What a step consists of; a backward pass needs a forward one before it."""
    given = Round(WORKLOADS[name], dtype)
    data, used = without_zeros(given.data)
    weights = Augmented((data.n_inputs, *given.config.sizes[1:]), given.dtype)
    weights.load({**given.initial, "W1": given.initial["W1"][:, used]})
    batches = Batches(data, 10, GATHERED, dtype, 0.0, 10, weights.V[0].shape[1])
    index = np.random.default_rng(0).permutation(5000)[:GATHERED]
    x, y = batches.batches(data.train, index)[0]
    passes = AugmentedStep(build_network(given.config), weights, 10, batches.unit)
    products = beside_products(given)

    passing, descending = passes.passing(x, y), passes.descending(x, 1e-12, 1.0)
    step = partial(make, [*passing, *descending])
    step()
    return {
        GATHERING: lambda: batches.batches(data.train, index),
        "forward": partial(make, [passing[0], *passes._forward]),
        "forward and backward": partial(make, passing),
        "descend": partial(make, descending),
        "all of a step": step,
        "its products": partial(make, products),
        "its sigmoids": partial(make, [each for each in passes._forward if each[0] in (np.exp, np.add, np.reciprocal)]),
    }


def main(rounds: int = 9) -> None:
    """A table: a row a kind of call."""
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    columns = [(name, dtype) for name in ("784-30-30-10", "four hidden layers") for dtype in ("float64", "float32")]
    found = [{part: 1e6 * seconds(call, rounds) for part, call in parts(*column).items()} for column in columns]
    for column in found:
        column[GATHERING] /= GATHERED // 10
    rows = [[part, *(f"{column[part]:.2f}" for column in found)] for part in found[0]]
    print(f"{processor()}; µs a step of ten examples\n")
    print(table(["", *(f"{name}, {dtype}" for name, dtype in columns)], rows))


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
