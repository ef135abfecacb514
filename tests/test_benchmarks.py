"""What the race of benchmarks/ promises: every row is a config, and a missed bar or a wrong number is told."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "benchmarks"))

import race
from _workloads import PROBED, WORKLOADS, Workload

from vgrad.config.check import check

ROWS = {**WORKLOADS, **PROBED}


@pytest.mark.parametrize("name", ROWS)
def test_every_row_is_a_config_whose_steps_divide_its_images(name: str) -> None:
    for workload in (ROWS[name], ROWS[name].quick()):
        for dtype in workload.dtypes:
            config = check(workload.config(dtype))
            steps, left = divmod(config.part_sizes["train"], config.rows_per_step)
            assert left == 0
            assert workload.steps == steps * workload.epochs > 0


class Timed:
    """A contender that took so many seconds a round, and has these numbers."""

    def __init__(self, seconds: float, **kept: Any) -> None:
        self._seconds, self.kept = seconds, {name: np.array(value) for name, value in kept.items()}

    def times(self) -> list[float]:
        return [self._seconds, 2 * self._seconds, 3 * self._seconds]


BARRED = Workload({}, jax=1.1, torch=8.0, products=1.05)


def field(**times: float) -> dict[str, Any]:
    found = {"vgrad": 1.0, "PyTorch": 9.0, "JAX, unroll 1": 1.2, "JAX, unroll 10": 1.3, "products": 0.96} | times
    return {name: Timed(seconds, W1=[1.0, 2.0]) for name, seconds in found.items()}


@pytest.mark.parametrize(
    ("slower", "missed"),
    [
        ({}, []),
        ({"PyTorch": 7.9}, ["PyTorch"]),
        ({"JAX, unroll 10": 1.05}, ["JAX"]),  # the faster of the two counts
        ({"products": 0.94}, ["products"]),
        ({"PyTorch": 1.0, "JAX, unroll 1": 1.0}, ["PyTorch", "JAX"]),
    ],
)
def test_a_missed_bar_is_told_and_counted(slower: dict[str, float], missed: list[str]) -> None:
    cells, count = race.judged(BARRED, field(**slower), {"float64": 1e-15}, quick=False)
    assert count == len(missed)
    assert cells[-1].partition("MISSED: ")[2] == ", ".join(missed)
    assert race.judged(BARRED, field(**slower), {"float64": 1e-15}, quick=True)[1] == 0


@pytest.mark.parametrize("wrong", [2.0 + 1e-11, np.nan, np.inf])
def test_a_peer_that_computed_something_else_is_told_in_either_form(wrong: float) -> None:
    racing = field()
    racing["PyTorch"] = Timed(9.0, W1=[1.0, wrong])
    for quick in (False, True):
        cells, count = race.judged(BARRED, racing, {"float64": race.differing(racing)}, quick)
        assert (count, cells[-1].partition("MISSED: ")[2]) == (1, "correctness")


def test_a_layer_that_costs_more_in_deep_networks_is_told() -> None:
    steps = {depth: [10.0 * depth, 20.0 * depth, 30.0 * depth] for depth in (10, 50, 100)}
    assert race.constant(steps, "float64")
    assert race.constant(steps | {100: [1040.0, 2080.0, 9000.0]}, "float64")  # a disturbance of one round
    assert not race.constant(steps | {100: [1060.0, 2120.0, 3000.0]}, "float64")
