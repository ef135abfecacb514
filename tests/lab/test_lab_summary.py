"""A run in a few numbers: slopes, ratios and verdicts at their bounds, and the first of epochs that are equal."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pytest

from vgrad.runs import summary
from vgrad.runs.history import History
from vgrad.runs.summary import decay_rate, summarize, verdict
from vgrad.training.record import Divergence, EpochRecord
from vgrad.vanishing import last_first_ratio


@pytest.mark.parametrize("count", [2, 3, 7])
def test_decay_is_the_least_squares_slope(count: int) -> None:
    norms = np.random.default_rng(count).lognormal(size=count)
    assert decay_rate(norms.tolist()) == pytest.approx(np.polyfit(range(count), np.log10(norms), 1)[0], rel=1e-12)


@pytest.mark.parametrize(
    ("norms", "rate", "ratio", "word"),
    [
        ([], None, None, None),
        ([0.5], None, None, None),
        ([1.0, 10.0], 1.0, 10.0, "vanishing"),
        ([10.0, 1.0], -1.0, 0.1, "exploding"),
        ([1.0, 1.9], math.log10(1.9), 1.9, "healthy"),
        ([1.9, 1.0], -math.log10(1.9), 1 / 1.9, "healthy"),
        ([1.0, 10**0.301], 0.301, 10**0.301, "vanishing"),
        ([10**0.301, 1.0], -0.301, 10**-0.301, "exploding"),
        ([1.0, 5.0, 1.0], 0.0, 1.0, "healthy"),
        ([0.0, 1.0], None, None, "vanishing"),
        ([1.0, 0.0], None, 0.0, "exploding"),
        ([1e-300, 1e300], 600.0, None, "vanishing"),
    ],
)
def test_rate_ratio_and_verdict(norms: list[float], rate: float | None, ratio: float | None, word: str | None) -> None:
    assert decay_rate(norms) == (None if rate is None else pytest.approx(rate, abs=1e-12))
    assert last_first_ratio(norms) == (None if ratio is None else pytest.approx(ratio, rel=1e-12))
    assert verdict(norms) == word


def test_at_the_bound_a_gradient_vanishes_or_explodes(monkeypatch: pytest.MonkeyPatch) -> None:
    assert summary.VANISHING_DECAY == 0.3
    monkeypatch.setattr(summary, "VANISHING_DECAY", 1.0)
    assert [verdict([1.0, 10.0]), verdict([10.0, 1.0]), verdict([1.0, 9.99])] == ["vanishing", "exploding", "healthy"]


def history(*epochs: tuple[float, Sequence[float] | None], divergence: Divergence | None = None) -> History:
    """A cost, an accuracy that mirrors it and the norms of two hidden layers, epoch by epoch."""
    records = [
        EpochRecord(
            epoch,
            {"train_cost": value, "test_accuracy": 1 - value, "penalty": 0.0, "learning_rate": 0.1},
            None if norms is None else {"delta_norm": [*norms, 7.0]},
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
        "delta_norm": [1, 3],
        "decay_rate": pytest.approx(math.log10(3)),
        "last_first_ratio": 3.0,
        "verdict": "vanishing",
    }
    assert (found["verdict"], found["divergence"]) == ("healthy", None)


def test_what_a_run_that_diverged_still_has() -> None:
    nothing = summarize(history(divergence=Divergence(0, None, None)))
    assert (nothing["verdict"], nothing["status"], nothing["epochs"]) == ("diverged", "diverged", None)
    assert nothing["final"] == nothing["best"] == nothing["gradient"] == {}
    found = summarize(history((0.5, [1, 3]), (0.25, [1, 2]), divergence=Divergence(2, 3, 1)))
    assert found["divergence"] == {"epoch": 2, "batch": 3, "layer": 1}
    assert (found["verdict"], found["epochs"], found["gradient"]["start"]["verdict"]) == ("diverged", 1, "vanishing")
    assert summarize(history((0.5, None)))["verdict"] is None
