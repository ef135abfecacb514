"""Conditions, order and baseline: `--where`, `--sort`, `--top`, `--baseline`, `--diff`."""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from io import StringIO
from pathlib import Path

import numpy as np
import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st

from vgrad.errors import ConfigError
from vgrad.report.compare import compare
from vgrad.report.formats import FORMATS
from vgrad.report.layout import show
from vgrad.report.runs import collect
from vgrad.report.select import parse_conditions, where
from vgrad.statistics import holm
from vgrad.vanishing import Thresholds

Command = Callable[..., tuple[int, str, str]]


@pytest.mark.parametrize(
    ("condition", "left"),
    [
        ("", 18),
        ("activation=relu", 9),
        ("activation=relu,depth>=2", 6),
        ("activation != relu , layers.depth < 4", 6),
        ("activation=relu|sigmoid, seed=0", 6),
        ("layers=[64,8,8,10]", 6),
        ("layers=64-8-8-10", 6),
        ('activation="relu"', 9),
        ("optimizer=sgd,learning_rate=0.1", 18),
        ("learning_rate=1e-1", 18),
        ("epochs=3,shuffle=true,data=digits", 18),
        ("last_first_ratio>0", 12),
        ("validation_accuracy>=0", 18),
        ("delta_norm[2].end>0", 12),
    ],
)
def test_conditions(depths: Path, condition: str, left: int) -> None:
    runs, _ = collect([str(depths)], Path())
    assert len(where(runs, condition, Thresholds())) == left


@pytest.mark.parametrize(
    ("condition", "told"),
    [
        ("depth>=5", "--where depth>=5: no run is so; depth is 1, 2, 4"),
        ("activation>=2", "--where activation>=2: no run is so; activation is relu, sigmoid"),
        (
            "depth=2,seed=7",
            "--where seed=7: no run of the 6 that the conditions before it leave is so; seed is 0, 1, 2",
        ),
    ],
)
def test_what_no_run_is_says_what_they_are(depths: Path, condition: str, told: str) -> None:
    with pytest.raises(ConfigError) as caught:
        where(collect([str(depths)], Path())[0], condition, Thresholds())
    assert str(caught.value) == told


@pytest.mark.parametrize(
    "condition", ["activation", "=relu", "depth>=deep", "depth>=nan", "a=1;b", "depth=2 or 1=1[", "__import__('os')"]
)
def test_what_is_no_condition(depths: Path, condition: str) -> None:
    runs, _ = collect([str(depths)], Path())
    with pytest.raises(ConfigError):
        where(runs, condition, Thresholds())


@given(st.text(max_size=40))
def test_any_text_is_conditions_or_an_error(text: str) -> None:
    with suppress(ConfigError):
        assert all(condition.rights for condition in parse_conditions(text))


def test_differences_are_paired_by_seed(depths: Path) -> None:
    runs, _ = collect([str(depths)], Path())
    table = compare(runs, rows=["depth"], columns=["activation"], values=["validation_accuracy"], baseline="depth=1")
    ps = []
    for activation in ("relu", "sigmoid"):
        first, deep = (
            [
                run.summary["final"]["validation_accuracy"]
                for run in where(runs, f"activation={activation},depth={d}", Thresholds())
            ]
            for d in (1, 4)
        )
        cell = table.cells[(4,), (activation,), "validation_accuracy"]
        assert cell.difference is not None
        assert cell.difference.center == pytest.approx(np.mean(deep) - np.mean(first))
        changes = (np.subtract(deep, first),)
        flipped = scipy.stats.permutation_test(changes, np.mean, permutation_type="samples", n_resamples=np.inf)
        assert cell.difference.p == pytest.approx(flipped.pvalue)
        assert table.cells[(1,), (activation,), "validation_accuracy"].difference is None
    cells = [cell for cell in table.cells.values() if cell.difference]
    ps = [cell.difference.p for cell in cells if cell.difference and cell.difference.p is not None]
    assert len(cells) == len(ps) == 4
    assert [cell.p for cell in cells] == holm(ps)


def test_holm_counts_one_hypothesis_once(depths: Path) -> None:
    """Decay rate, decay factor and last/first of networks of one depth are functions of one another."""
    runs = where(collect([str(depths)], Path())[0], "depth=4", Thresholds())
    values = ["last_first_ratio", "decay_rate", "decay_factor", "train_cost"]
    table = compare(runs, rows=["activation"], values=values, baseline="activation=relu")
    found = {name: cell for (row, _, name), cell in table.cells.items() if row == ("sigmoid",)}
    ps = {name: cell.difference.p for name, cell in found.items() if cell.difference and cell.difference.p is not None}
    assert len(ps) == 4
    due = holm([ps["decay_rate.start"], ps["train_cost"]])
    assert {name: cell.p for name, cell in found.items()} == dict(zip(found, [due[0]] * 3 + [due[1]], strict=True))


def test_last_first_and_decay_of_other_depths_are_two_hypotheses(depths: Path) -> None:
    """From two to four layers last/first may rise where the decay falls; exact p values of both are often equal."""
    runs = where(collect([str(depths)], Path())[0], "depth>1,activation=sigmoid", Thresholds())
    table = compare(runs, rows=["depth"], values=["last_first_ratio", "decay_rate", "decay_factor"], baseline="depth=2")
    found = {name: cell for (row, _, name), cell in table.cells.items() if row == (4,)}
    assert {cell.difference.p for cell in found.values() if cell.difference} == {0.25}
    assert {name: cell.p for name, cell in found.items()} == dict.fromkeys(found, 0.5)


def test_pairs_are_counted_where_cells_have_other_numbers_of_them(depths: Path) -> None:
    runs = where(collect([str(depths)], Path())[0], "activation=sigmoid", Thresholds())
    fewer = [run for run in runs if run.hidden != 4 or run.seed]
    written = [FORMATS["table"](compare(each, rows=["depth"], baseline="depth=1")) for each in (runs, fewer)]
    assert ["(n=" in each for each in written] == [False, True]
    assert ["of 3 pairs" in written[0], "of 2 to 3 pairs" in written[1].replace("\n", " ")] == [True, True]
    rows = csv.DictReader(StringIO(FORMATS["csv"](compare(fewer, rows=["depth"], baseline="depth=1"))))
    pairs = {(row["layers.depth"], row["pairs"]) for row in rows if row["value"] == "validation_accuracy"}
    assert pairs == {("1", ""), ("2", "3"), ("4", "2")}


def test_a_time_that_was_not_always_reached_is_a_median_of_all(depths: Path) -> None:
    runs = where(collect([str(depths)], Path())[0], "depth=1,activation=relu", Thresholds())
    best = sorted(run.stored.metrics["train_accuracy"].max() for run in runs)
    told = compare(runs, rows=["depth"], values=[f"epochs_to(train_accuracy>={float(best[-1])!r})"])
    (cell,) = told.cells.values()
    assert 0 < len(cell.numbers) < len(runs) / 2
    assert cell.watched == (3,) * (len(runs) - len(cell.numbers))
    assert (cell.estimate, cell.rank, show(cell)) == (None, None, f"{len(cell.numbers)} of {len(runs)} reach it")
    (row,) = csv.DictReader(StringIO(FORMATS["csv"](told)))
    assert [row[name] for name in ("center", "median", "least", "greatest")] == [""] * 4
    (written,) = json.loads(FORMATS["json"](told))["cells"]
    assert (written["estimate"], written["lost"]) == (None, {"no value": len(runs) - len(cell.numbers)})
    most = compare(runs, rows=["depth"], values=[f"epochs_to(train_accuracy>={float(best[1])!r})"])
    (cell,) = most.cells.values()
    assert len(cell.numbers) == 2
    assert cell.estimate is not None
    assert (cell.estimate.median, cell.estimate.greatest) == (max(cell.numbers.values()), None)
    ended = [replace(run, config={**run.config, "epochs": 30}) for run in runs]
    (cell,) = compare(ended, rows=["depth"], values=[told.values[0].name]).cells.values()
    assert cell.watched == (math.inf,) * 2  # what stopped early never reaches it
    both = compare(
        where(collect([str(depths)], Path())[0], "activation=relu", Thresholds()),
        rows=["depth"],
        values=[told.values[0].name, "train_cost"],
        baseline="depth=1",
    )
    assert both.cells[(4,), (), told.values[0].name].difference is None  # those that reach it are no fair sample


@pytest.mark.parametrize("value", ["verdict", "last_first_ratio"])
def test_a_baseline_without_a_difference_is_told(depths: Path, value: str) -> None:
    with pytest.raises(ConfigError, match="--baseline depth=1: there is no difference to it"):
        compare(collect([str(depths)], Path())[0], values=[value], baseline="depth=1")


def test_two_runs_of_one_seed_are_not_paired(depths: Path) -> None:
    """Nothing says which belong together; seeds of one cell alone are left out."""
    runs = [run for run in collect([str(depths)], Path())[0] if run.seed]
    one, other = (where(runs, f"depth={depth},activation=relu", Thresholds()) for depth in (1, 4))
    fewer = compare([*one, *other[1:]], rows=["depth"], values=["validation_accuracy"], baseline="depth=1")
    difference = fewer.cells[(4,), (), "validation_accuracy"].difference
    assert difference is not None
    assert difference.n == len(other) - 1
    twice = [*one, *other, replace(other[0], hash="other")]
    for depth in (1, 4):
        with pytest.raises(ConfigError, match=r"there is no difference to it: .* from one run a seed"):
            compare(twice, rows=["depth"], values=["validation_accuracy"], baseline=f"depth={depth}")


def test_a_baseline_may_be_named_by_another_key(depths: Path) -> None:
    runs, _ = collect([str(depths)], Path())
    table = compare(runs, values=["last_first_ratio"], baseline="depth=2")
    assert sum(cell.difference is not None for cell in table.cells.values()) == 2
    with pytest.raises(ConfigError, match="no row or column"):
        compare(runs, baseline="epochs=3")


def test_sort_and_top(command: Command, depths: Path) -> None:
    _, out, _ = command(
        "report", depths, "--value", "last_first_ratio", "--sort", "-last_first_ratio", "--top", 2, "--format", "csv"
    )
    rows = list(csv.DictReader(StringIO(out)))
    assert len(rows) == 2
    assert float(rows[0]["center"]) >= float(rows[1]["center"])
    assert command("report", depths, "--sort", "nothing")[0] == 2
    words = ["report", depths, "--value", "last_first_ratio", "--sort", "-last_first_ratio", "--where", "depth>1"]
    tree = json.loads(command(*words, "--json")[1])
    ratios = [cell["estimate"]["center"] for cell in tree["cells"]]
    assert ratios == sorted(ratios, reverse=True)


def test_diff(command: Command, pair: tuple[Path, Path]) -> None:
    code, out, _ = command("report", "--diff", *pair, "--json")
    tree = json.loads(out)
    assert code == 0
    assert tree["config"]["layers.depth"] == [2, 4]
    assert tree["curves"][0]["epoch"] == 0
    _, out, _ = command("report", "--diff", *pair)
    assert "layers.depth  2  |  4" in out
    assert "delta_norm at epoch 0, layer 1" in out
    assert command("report", "--diff", pair[0])[0] == 2
