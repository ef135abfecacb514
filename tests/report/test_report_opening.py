"""The sentences that a page opens with, and its pair, on made-up runs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from report_runs import trained
from rows import each_row

from vgrad.report.page.opening import pair, sentences
from vgrad.report.runs import Run, collect


def run(depth: int, seed: int = 0, *, norms: list[float] | None = None, right: float | None = 0.9, **more: Any) -> Run:
    """A run of which only what a page looks at is there."""
    status = more.pop("status", "complete")
    config = {"name": "x", "layers": [64, *[8] * depth, 10], "activation": "tanh", "seed": seed, **more}
    config["probes"] = {"record": ["delta_norm"], "every": 1 + depth}
    start = {"epoch": 0, "speed": "delta_norm", "delta_norm": norms or [1.0] * depth, "delta_norm_mean": None}
    learning = {"part": "validation", "examples": 300, "low": 0.8, "high": 0.95, "largest_class": 0.1}
    final = {} if right is None else {"validation_accuracy": right}
    summary = {"status": status, "gradient": {"start": start} if depth else {}, "final": final, "learning": learning}
    return Run(Path(f"{depth}-{seed}"), f"{depth}{sorted(more.items())}", seed, status, config, summary, 1.0)


@each_row(
    "norms, told",
    [
        ([0.1, 1.0], "learns 10 times slower than the last"),
        ([1.0, 0.25], "learns 4.0 times faster than the last"),
        ([0.9, 1.0], "learns about as fast as the last"),
        ([1e-5, 1.0], "learns 100,000 times slower than the last"),
        ([2.24e-3, 1.0], "learns 450 times slower than the last"),
        ([1e-12, 1.0], "learns 1.0e12 times slower than the last"),
    ],
)
def test_the_factor_is_said_as_people_say_it(norms: list[float], told: str) -> None:
    (sentence,) = sentences([run(2, norms=norms, right=None)])
    assert sentence == f"In 64-8-8-10 (tanh) the first hidden layer {told} before training."


def test_means_over_seeds_and_networks_that_differ_in_depth_alone() -> None:
    runs = [run(2, seed, norms=[0.1 * 4**seed, 1.0], right=0.8 + 0.1 * seed) for seed in (0, 1)]
    runs += [run(4, norms=[1e-4, 1, 1, 1.0]), run(3, norms=[0.5, 1, 1], activation="relu"), run(1)]
    first, second = sentences(runs)
    assert "64-4×8-10" in first or "64-8-8-8-8-10" in first
    assert "learns 5.0 times slower" in second  # sqrt(10 x 2.5)
    assert "85.0 % of the validation examples are right" in second


def test_what_came_of_it() -> None:
    assert sentences([run(2, status="diverged")])[0].endswith("before training, and training diverged.")
    assert "at the end the network has learned (90.0 %" in sentences([run(2, right=0.9)])[0]
    assert sentences([run(1), run(0)]) == []
    assert sentences([run(2, norms=[0.0, 0.0])]) == []


def test_a_network_at_chance_guesses(tmp_path: Path) -> None:
    folder = trained(tmp_path, layers=[64, 4, 4, 4, 4, 10], epochs=1)
    (sentence,) = sentences(collect([str(folder)], Path())[0])
    assert "at the end the network guesses (" in sentence


@pytest.mark.parametrize(
    ("runs", "wanted"),
    [
        ([run(1), run(2), run(3), run(4)], (1, 3)),
        ([run(2), run(4, 1), run(3)], (0, 2)),  # another seed is another start
        ([run(1), run(1, activation="relu")], (0, 1)),
        ([run(2), run(4, activation="relu")], (0, 1)),
        ([run(3)], (0, None)),
        ([run(2, activation="relu"), run(2), run(5), run(6, activation="relu"), run(7)], (1, 4)),
    ],
)
def test_the_pair_differs_in_depth_alone_where_there_is_one(runs: list[Run], wanted: tuple[int, int | None]) -> None:
    assert pair(runs) == wanted
