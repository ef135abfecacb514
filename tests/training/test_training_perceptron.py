"""The perceptron's rule and Adaline's, on sets that a line separates and on XOR, against what is proved of them."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pytest
from project import ROOT

from vgrad.config.check import check
from vgrad.config.fields import Init
from vgrad.data.datasets import Dataset, load
from vgrad.document.document import load_yaml, with_overrides
from vgrad.nn.costs import COSTS
from vgrad.training.assembly import fresh_state
from vgrad.training.initial import draw_parameters
from vgrad.training.loop import train

ROUNDING = 1e-12
SOLVED = 1e-6
"""How near to the least-squares solution batch gradient descent comes; its steps shrink by a factor each."""
LINE = np.array([1.0, 1.0, -1.0]) / np.sqrt(3)
"""x_1 + x_2 > 1, which parts the halves: a unit vector of (w_1, w_2, b)."""


@dataclass(frozen=True)
class Trained:
    """(epochs + 1, 3): (w_1, w_2, b) after each; the training accuracies; the data, and its (n, 3) examples with the 1
    that the bias is the weight of."""

    weights: np.ndarray
    accuracies: list[float]
    data: Dataset
    x: np.ndarray


def trained(name: str, *changes: str) -> Trained:
    """A config of the project with `changes`, as -s makes them."""
    tree = with_overrides(load_yaml(ROOT / "configs" / f"{name}.yaml"), changes).data
    config = check({"name": name, **tree})
    data = load(config.data.name, **config.data.parameters)
    assert isinstance(config.init, Init)
    state = fresh_state(config, draw_parameters(config, config.init, data))
    weights, accuracies = [], []
    for record, now in train(config, data, state):
        weights.append(np.append(now.parameters["W1"], now.parameters["b1"]))
        accuracies.append(record.metrics["train_accuracy"] or 0.0)
    return Trained(np.array(weights), accuracies, data, np.column_stack([data.train.inputs, np.ones(len(data.train))]))


def by_hand(x: np.ndarray, labels: np.ndarray, eta: float, epochs: int, *, rests: bool) -> list[list[float]]:
    """w after each epoch of w <- w + eta (y - a) x in file order; a is step(w.x) if the rule `rests`, else w.x."""
    w, found = [0.0, 0.0, 0.0], [[0.0, 0.0, 0.0]]
    for _ in range(epochs):
        for row, y in zip(x.tolist(), labels.tolist(), strict=True):
            z = sum(one * other for one, other in zip(w, row, strict=True))
            a = float(z > 0) if rests else z
            w = [one + eta * (y - a) * other for one, other in zip(w, row, strict=True)]
        found.append(w)
    return found


@pytest.mark.parametrize("data", ["xor", "halves", "{name: halves, margin: 0.01, sample_seed: 3}"])
@pytest.mark.parametrize(("name", "eta"), [("perceptron", 1.0), ("perceptron", 0.3), ("adaline", 0.01)])
def test_training_is_the_rule(name: str, eta: float, data: str) -> None:
    found = trained(name, f"data={data}", f"optimizer.learning_rate={eta}", "shuffle=false", "epochs=8")
    wanted = by_hand(found.x, found.data.train.labels, eta, 8, rests=name == "perceptron")
    np.testing.assert_allclose(found.weights, wanted, rtol=ROUNDING, atol=ROUNDING)


def counted(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Fills with |delta| of every training step from now on: one example each, and so 1 for a mistake."""
    steps: list[float] = []
    plain = COSTS["perceptron"]["step"]

    def delta(z: np.ndarray, a: np.ndarray, y: np.ndarray, out: np.ndarray) -> np.ndarray:
        found = plain.delta(z, a, y, out)
        steps.extend([abs(float(found[0, 0]))] if len(z) == 1 else [])
        return found

    monkeypatch.setitem(COSTS, "perceptron", {"step": replace(plain, delta=delta)})  # type: ignore[arg-type]
    return steps


@pytest.mark.parametrize("seed", [0, *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(1, 5))])
@pytest.mark.parametrize("margin", [0.2, 0.1, 0.02])
def test_a_separable_set_takes_few_mistakes(margin: float, seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """At most R^2/gamma^2 (Novikoff 1962), in any order, and none after an epoch without one."""
    steps = counted(monkeypatch)
    data = f"data={{name: halves, margin: {margin}, sample_seed: {seed}}}"
    found = trained("perceptron", data, f"seed={seed}", "epochs=300")
    signed = 2.0 * found.data.train.labels - 1
    gamma, radius = float((signed * (found.x @ LINE)).min()), float(np.linalg.norm(found.x, axis=1).max())
    assert gamma >= margin / np.sqrt(1.5) - ROUNDING
    mistakes = np.reshape(steps, (300, 100)).sum(axis=1)
    assert 0 < mistakes.sum() <= radius**2 / gamma**2
    first = mistakes.tolist().index(0)
    assert not mistakes[first:].any()
    assert found.accuracies[first:] == [1.0] * (301 - first)
    assert (found.weights[first:] == found.weights[first]).all()


def test_the_learning_rate_only_scales_a_perceptron() -> None:
    """From w = 0, every sign is the same: by powers of two, to the last bit."""
    one, other = (trained("perceptron", f"optimizer.learning_rate={eta}").weights for eta in (1.0, 0.125))
    np.testing.assert_array_equal(0.125 * one, other)


@pytest.mark.parametrize("shuffle", ["true", "false"])
def test_a_perceptron_never_learns_xor(shuffle: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Mistakes in every epoch. In file order its weights go round, always through the same few."""
    steps = counted(monkeypatch)
    found = trained("perceptron", "data=xor", f"shuffle={shuffle}", "epochs=500")
    assert np.reshape(steps, (500, 4)).any(axis=1).all()
    assert max(found.accuracies) <= 0.75
    visited = {tuple(row) for row in found.weights.tolist()}
    assert len(visited) < 100  # whole numbers, and bounded: the perceptron cycling theorem (Block and Levin 1970)
    if shuffle == "false":
        turns = [at for at, row in enumerate(found.weights) if (row == found.weights[-1]).all()]
        period = turns[-1] - turns[-2]
        np.testing.assert_array_equal(found.weights[100:-period], found.weights[100 + period :])


@pytest.mark.parametrize("data", ["xor", "halves"])
def test_adaline_arrives_at_least_squares(data: str) -> None:
    found = trained("adaline", f"data={data}", "batch_size=full", "optimizer.learning_rate=0.5", "epochs=2000")
    wanted = np.linalg.lstsq(found.x, found.data.train.labels.astype(float), rcond=None)[0]
    np.testing.assert_allclose(found.weights[-1], wanted, rtol=0, atol=SOLVED)
    if data == "xor":  # each x_i is 0 and 1 as often in one class as in the other: no slope is of any use
        np.testing.assert_allclose(wanted, [0, 0, 0.5], atol=ROUNDING)


def test_example_by_example_adaline_stays_near_least_squares() -> None:
    """As near as its learning rate is small."""
    near = []
    for eta in (0.04, 0.01):
        found = trained("adaline", f"optimizer.learning_rate={eta}", "epochs=400")
        wanted = np.linalg.lstsq(found.x, found.data.train.labels.astype(float), rcond=None)[0]
        near.append(np.abs(found.weights[200:] - wanted).max())
    assert near[1] < near[0] / 2 < 0.05


@pytest.mark.parametrize("layers", ["[2, 1]", "[2, 2]"])
def test_two_outputs_learn_as_one_does(layers: str) -> None:
    """Each output is a perceptron of its own, for its class against the other."""
    assert trained("perceptron", f"layers={layers}").accuracies[-1] == 1
    assert trained("perceptron", f"layers={layers}", "data=xor").accuracies[-1] < 1
