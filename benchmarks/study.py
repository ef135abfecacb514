"""The full study of chapter 5: how long it takes, beside the published algorithm for the same work.

    python benchmarks/study.py [ROUNDS]

The published algorithm takes one example at a time, with a product of a matrix and a vector for each layer (Nielsen,
chapters 1 to 3); here it is written anew, as plain as that. For each network of experiments A and C, an epoch of it
and one of vgrad are timed in turn, in one process with one thread, in seconds of the processor; the median of an epoch
times the epochs of 20 seeds is the time of the study on one processor. vgrad does more in each epoch: it also measures
norms, costs and accuracies that the study logs. What is measured for the published algorithm is only what a figure
needs: in A the descent and the validation accuracy, in C one backpropagation an example, which gives both the norms and
the step. A tenth of the examples of A is timed. Needs MNIST (`VGRAD_DATA`).
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from itertools import pairwise
from statistics import median

from vgrad.__main__ import fix_blas_environment

fix_blas_environment()

import numpy as np  # noqa: E402
from _harness import processor, table  # noqa: E402

from vgrad.config.check import settled  # noqa: E402
from vgrad.config.config import Config  # noqa: E402
from vgrad.data.datasets import load  # noqa: E402
from vgrad.study.published import Experiment, Study, load_study  # noqa: E402
from vgrad.training.assembly import fresh_state  # noqa: E402
from vgrad.training.initial import draw_parameters  # noqa: E402
from vgrad.training.loop import train  # noqa: E402

SHARE = 10  # a tenth of the examples of A are timed
Array = np.ndarray


class Published:
    """The published algorithm: column vectors, one example at a time."""

    def __init__(self, sizes: tuple[int, ...]) -> None:
        rng = np.random.default_rng(0)
        self.weights = [rng.standard_normal((m, n)) / np.sqrt(n) for n, m in pairwise(sizes)]
        self.biases = [rng.standard_normal((m, 1)) for m in sizes[1:]]

    def output(self, a: Array) -> Array:
        """Feedforward of one example."""
        for w, b in zip(self.weights, self.biases, strict=True):
            a = 1.0 / (1.0 + np.exp(-(w @ a + b)))
        return a

    def backpropagate(self, x: Array, y: Array) -> tuple[list[Array], list[Array]]:
        """dC/db and dC/dW of the cross-entropy cost of one example."""
        activations = [x]
        for w, b in zip(self.weights, self.biases, strict=True):
            activations.append(1.0 / (1.0 + np.exp(-(w @ activations[-1] + b))))
        delta = activations[-1] - y
        of_biases, of_weights = [delta], [delta @ activations[-2].T]
        for layer in range(2, len(activations)):
            a = activations[-layer]
            delta = (self.weights[-layer + 1].T @ delta) * a * (1 - a)
            of_biases.insert(0, delta)
            of_weights.insert(0, delta @ activations[-layer - 1].T)
        return of_biases, of_weights

    def step(self, batch: list[tuple[Array, Array]], eta: float, decay: float) -> None:
        """One step of gradient descent with weight decay on a batch."""
        of_biases = [np.zeros_like(b) for b in self.biases]
        of_weights = [np.zeros_like(w) for w in self.weights]
        for x, y in batch:
            found_biases, found_weights = self.backpropagate(x, y)
            of_biases = [total + found for total, found in zip(of_biases, found_biases, strict=True)]
            of_weights = [total + found for total, found in zip(of_weights, found_weights, strict=True)]
        scale = eta / len(batch)
        self.weights = [(1 - decay) * w - scale * g for w, g in zip(self.weights, of_weights, strict=True)]
        self.biases = [b - scale * g for b, g in zip(self.biases, of_biases, strict=True)]


def published_epoch(config: Config, images: Array, labels: Array) -> Callable[[], float]:
    """Seconds of one epoch of the published algorithm, timed on a share of the examples where they are many."""
    network = Published(config.sizes)
    pairs = [
        (image.reshape(-1, 1), np.eye(10)[label].reshape(-1, 1)) for image, label in zip(images, labels, strict=True)
    ]
    full = config.batch_size == "full"
    count = config.part_sizes["train"] // (1 if full else SHARE)
    size = count if isinstance(config.batch_size, str) else config.batch_size
    unseen = 0 if full else config.part_sizes["validation"] // SHARE
    decay = 0.1 * 5.0 / config.part_sizes["train"]

    def epoch() -> float:
        begun = time.process_time()
        for start in range(0, count, size):
            network.step(pairs[start : start + size], 0.1, decay)
        for x, _ in pairs[:unseen]:
            network.output(x)
        return (time.process_time() - begun) * (1 if full else SHARE)

    return epoch


def vgrad_epoch(config: Config) -> Callable[[], float]:
    """Seconds of one epoch of vgrad, with everything that the study logs."""
    longer = config.model_copy(update={"epochs": 10**6})
    steps: Iterator[object] = train(
        longer,
        load(config.data.name, **config.data.parameters),
        fresh_state(config, draw_parameters(config, config.init)),
    )
    next(steps)

    def epoch() -> float:
        begun = time.process_time()
        next(steps)
        return time.process_time() - begun

    return epoch


def configs(study: Study, experiment: Experiment) -> list[Config]:
    """The networks of an experiment."""
    grid = study.grid(experiment, [], "1")
    return [settled(grid.document(point)) for point in grid.points()]


def main(rounds: int = 5) -> None:
    """A line a network, and the whole study."""
    study = load_study("nielsen")
    mnist = load("mnist")
    images, labels = mnist.train.inputs[:10_000] / 255.0, mnist.train.labels[:10_000]
    rows, totals = [], [0.0, 0.0]
    print(f"{processor()}; median of {rounds} rounds after a first one, in turn, one thread")
    for letter, experiment in (("A", study.contents.experiments[0]), ("C", study.contents.experiments[2])):
        for config in configs(study, experiment):
            contenders = (published_epoch(config, images, labels), vgrad_epoch(config))
            times = [[epoch() for epoch in contenders] for _ in range(1 + rounds)][1:]
            theirs, ours = (median(column) for column in zip(*times, strict=True))
            ratio = median(a / b for a, b in times)
            epochs = config.epochs * study.contents.seeds
            totals = [totals[0] + theirs * epochs, totals[1] + ours * epochs]
            sizes = "-".join(map(str, config.sizes))
            rows.append([f"{letter} {sizes}", f"{theirs:.4f}", f"{ours:.4f}", f"{ratio:.1f}", f"{epochs:,}"])
    print(table(["", "published, s an epoch", "vgrad, s an epoch", "times", "epochs of the study"], rows))
    hours = [total / 3600 for total in totals]
    print(f"the study on one processor: published algorithm {hours[0]:.1f} h, vgrad {60 * hours[1]:.0f} min;", end=" ")
    print(f"{totals[0] / totals[1]:.1f} times")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
