"""A run in a few numbers: the first of epochs that are equal, and what a run that diverged still has."""

from __future__ import annotations

import math

import pytest

from vgrad.runs.history import History
from vgrad.runs.summary import learning_of, summarize
from vgrad.training.record import Divergence, EpochRecord


def history(*epochs: tuple[float, list[float] | None], divergence: Divergence | None = None) -> History:
    """A cost, an accuracy that mirrors it and the norms of two hidden layers, epoch by epoch."""
    records = [
        EpochRecord(
            epoch,
            {"train_cost": value, "test_accuracy": 1 - value, "penalty": 0.0, "learning_rate": 0.1},
            None if norms is None else {"delta_norm": [*norms, 7.0]},
            silent=None if norms is None else [norms.count(0) * 3, 0, 0],
        )
        for epoch, (value, norms) in enumerate(epochs)
    ]
    records += [EpochRecord(len(records), divergence=divergence)] if divergence else []
    return History((4, 3, 3, 2), ("train_cost", "test_accuracy"), ("delta_norm",), records=records)


def test_best_and_worst_are_the_first_of_equals() -> None:
    found = summarize(history((0.5, [1, 1.5]), (0.25, [1, 3]), (0.75, None), (0.25, [2, 6]), (0.5, [2, 1])))
    assert found["best"] == {
        "train_cost": {"value": 0.25, "epoch": 1},
        "test_accuracy": {"value": 0.75, "epoch": 1},
    }
    assert (found["final"]["train_cost"], found["epochs"], found["status"]) == (0.5, 4, "complete")
    assert {name: moment["epoch"] for name, moment in found["gradient"].items()} == {"start": 0, "worst": 1, "end": 4}
    assert found["gradient"]["worst"] == {
        "epoch": 1,
        "speed": "delta_norm",
        "delta_norm": [1, 3],
        "delta_norm_mean": None,
        "dead": [0.0, 0.0],
        "saturated": None,
        "decay_rate": pytest.approx(math.log10(3)),
        "last_first_ratio": 3.0,
        "verdict": "vanishing",
        "cause": None,
    }
    assert (found["verdict"], found["divergence"]) == ("even", None)


def test_an_infinite_ratio_is_the_worst_and_null() -> None:
    found = summarize(history((0.5, [1e-10, 1]), (0.5, [5e-324, 1]), (0.5, [0, 1]), (0.5, [1, 3])))["gradient"]
    assert (found["worst"]["epoch"], found["worst"]["last_first_ratio"]) == (1, None)
    assert summarize(history((0.5, [2, 1]), (0.5, [1, 0])))["gradient"]["worst"]["epoch"] == 0


def test_what_a_run_that_diverged_still_has() -> None:
    nothing = summarize(history(divergence=Divergence(0, None, None)))
    assert (nothing["verdict"], nothing["status"], nothing["epochs"]) == ("diverged", "diverged", None)
    assert nothing["final"] == nothing["best"] == nothing["gradient"] == {}
    found = summarize(history((0.5, [1, 3]), (0.25, [1, 2]), divergence=Divergence(2, 3, 1)))
    assert found["divergence"] == {"epoch": 2, "batch": 3, "layer": 1}
    assert (found["verdict"], found["epochs"], found["gradient"]["start"]["verdict"]) == ("diverged", 1, "vanishing")
    assert summarize(history((0.5, None)))["verdict"] is None


@pytest.mark.parametrize(
    ("accuracy", "largest", "word"),
    [
        (0.1, 10, "at chance"),
        (0.16, 10, "at chance"),  # 16 of 100: the interval starts at 9.4 %
        (0.18, 10, "learned"),
        (0.02, 10, "at chance"),  # worse than always naming one class is not learned either
        (0.9, 90, "at chance"),
        (1.0, 90, "learned"),
        (1.0, 100, "at chance"),  # of one class
        (0.0, 1, "at chance"),
    ],
)
def test_learned_is_above_what_naming_one_class_gives(accuracy: float, largest: int, word: str) -> None:
    made = history((0.5, [1, 1.2]), (1 - accuracy, [1, 1.2]))
    made.classes = {"test": (100, largest)}
    found = summarize(made)
    assert (found["learning"]["word"], learning_of(found)) == (word, word)
    assert found["learning"]["part"] == "test"
    made.classes = {}
    assert summarize(made)["learning"] is learning_of(summarize(made)) is None


def test_a_run_dies_only_at_its_end() -> None:
    dead = summarize(history((0.5, [1, 1.2]), (0.5, [0, 1.2])))
    assert (dead["verdict"], dead["cause"], dead["gradient"]["end"]["dead"]) == (
        "dead",
        "dead: 100 % of layer 1",
        [1, 0],
    )
    freed = summarize(history((0.5, [0, 0]), (0.5, [1, 1.2])))  # weights of zero pass nothing until the first step
    assert (freed["gradient"]["start"]["verdict"], freed["verdict"], freed["cause"]) == ("dead", "even", None)


@pytest.mark.parametrize("accuracy", [math.inf, -1e308, math.nan])
def test_an_accuracy_that_cannot_be_is_no_accuracy(accuracy: float) -> None:
    made = history((0.5, [1, 1.2]), (1 - accuracy, [1, 1.2]))
    made.classes = {"test": (100, 10)}
    assert summarize(made)["learning"] is None
