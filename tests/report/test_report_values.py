"""Values and cells: what is counted, what is averaged, and what a verdict goes by."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import scipy.stats
from report_runs import trained

from vgrad.errors import ConfigError
from vgrad.report.absent import why_not
from vgrad.report.compare import compare, parse_thresholds
from vgrad.report.keys import flatten, resolve, varying
from vgrad.report.layout import lay_out, show, show_difference
from vgrad.report.runs import Run, collect
from vgrad.report.values import parse_value
from vgrad.vanishing import Thresholds, verdict


@pytest.fixture(scope="module")
def diverging(tmp_path_factory: pytest.TempPathFactory) -> list[Run]:
    """Two seeds that train and one that diverges, alike in everything that a table over activations shows."""
    folder = tmp_path_factory.mktemp("diverging")
    for seed in (0, 1):
        trained(folder, layers=[64, 8, 8, 10], seed=seed)
    trained(folder, layers=[64, 8, 8, 10], activation="identity", cost="quadratic", output="identity", seed=2,
            optimizer={"name": "sgd", "learning_rate": 1e30})  # fmt: skip
    return collect([str(folder)], Path())[0]


def test_diverged_runs_are_counted_and_in_no_mean(diverging: list[Run]) -> None:
    assert [run.status for run in diverging].count("diverged") == 1
    table = compare(diverging, rows=["layers"], values=["validation_accuracy", "delta_norm[1]", "verdict"])
    accuracy, norm, word = (table.cells[("64-8-8-10",), (), value.name] for value in table.values)
    whole = [run.summary["final"]["validation_accuracy"] for run in diverging if run.status == "complete"]
    assert accuracy.estimate is not None
    assert (accuracy.estimate.n, accuracy.estimate.center) == (2, pytest.approx(np.mean(whole)))
    assert show(accuracy).endswith(", 1 diverged")
    assert len(norm.numbers) == 3  # before training, every run has its norms
    assert word.words["diverged"] == 1
    assert any("Cells mix runs of different" in note for note in lay_out(table).notes)


def test_zeros_and_equal_numbers_have_no_mean_of_another_kind(depths: Path) -> None:
    """Zeros are counted beside the geometric mean, and against norms there is no difference; of equal numbers nobody
    knows how they scatter."""
    runs = [run for run in collect([str(depths)], Path())[0] if run.hidden == 2]

    def told(*norms: float) -> tuple[list[str], list[str], str]:
        """||delta^l|| before training, differences and notes, where the networks of sigmoids have these, by seed."""
        changed = []
        for run in runs:
            gradient, start = run.summary["gradient"], {"delta_norm": [norms[run.seed], 1.0]}
            start = gradient["start"] | (start if run.config["activation"] == "sigmoid" else {})
            changed.append(replace(run, summary={**run.summary, "gradient": {**gradient, "start": start}}))
        values = ["delta_norm[1]", "delta_norm[2]"]
        table = compare(changed, rows=["activation"], values=values, baseline="activation=relu")
        cells = [table.cells[("sigmoid",), (), value.name] for value in table.values]
        return [*map(show, cells)], [*map(show_difference, cells)], " ".join(lay_out(table).notes)

    shown, differences, notes = told(0.0, 0.01, 0.04)
    assert shown == ["0.0100, 0.0400, 1 exactly 0", "1.00"]
    assert "p = " not in differences[0]
    assert "p = 0.25" in differences[1]
    assert "of 2 to 3 pairs" in notes
    assert "has no interval: nothing is known of its scatter" in notes
    shown, differences, _ = told(0.0, 0.0, 0.0)
    assert (shown[0], differences[0]) == ("0", "")


def test_values_are_those_of_the_files(depths: Path) -> None:
    runs, _ = collect([str(depths)], Path())
    run = next(run for run in runs if run.hidden == 4)
    metrics, gradients = run.stored.metrics, run.stored.gradients

    def norm(layer: int, epoch: int) -> float:
        rows = gradients[(gradients["layer"] == layer) & (gradients["epoch"] == epoch)]
        return float(rows["delta_norm"].iloc[0])

    reached = metrics.loc[metrics["validation_accuracy"] >= metrics["validation_accuracy"].max(), "epoch"].iloc[0]
    logs = np.log10([norm(layer, 0) for layer in range(1, 5)])
    expected = {
        "delta_norm[2]": norm(2, 0),
        "delta_norm[2].end": norm(2, 3),
        "delta_norm[-1]@2": norm(4, 2),
        "delta_norm[output]@1": norm(5, 1),
        "last_first_ratio@2": norm(4, 2) / norm(1, 2),
        "validation_accuracy.best": metrics["validation_accuracy"].max(),
        "validation_accuracy.best_epoch": reached,
        "train_cost": metrics["train_cost"].iloc[-1],
        f"epochs_to(train_cost<={float(metrics['train_cost'].iloc[2])!r})": 2,
        "decay_rate": (logs[3] - logs[0]) / 3,
        "decay_high": scipy.stats.t.interval(0.95, 2, np.diff(logs).mean(), scipy.stats.sem(np.diff(logs)))[1],
        "decay_spread": 10 ** np.diff(logs).std(ddof=1),
        "epochs": 3,
    }
    for name, value in expected.items():
        assert parse_value(name, runs, Thresholds()).of(run) == pytest.approx(value, rel=1e-12), name
    assert parse_value("delta_norm[5]", runs, Thresholds()).of(run) is None
    assert parse_value("epochs_to(validation_accuracy>=1.1)", runs, Thresholds()).of(run) is None


@pytest.mark.parametrize(
    "name",
    ["", "delta_norm", "delta_norm[1].middle", "validation_accuracy.worst", "weights[1]", "verdict[1]", "x" * 99],
)
def test_what_is_no_value(depths: Path, name: str) -> None:
    with pytest.raises(ConfigError):
        parse_value(name, collect([str(depths)], Path())[0], Thresholds())


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ("delta_norm[0]", "layers count from 1; hidden layers are [1] to [4]"),
        ("delta_norm[5].end", "hidden layers are [1] to [4], and the last one is [-1]; the output layer is [output]"),
        ("delta_norm[-5]", "hidden layers are [1] to [4]"),
        ("delta_norm[1]@99", "measured epochs are 0 to 3"),
        ("decay_rate@7", "measured epochs are 0 to 3"),
        ("verdict@4", "measured epochs are 0 to 3"),
    ],
)
def test_an_answer_that_would_be_empty_says_what_there_is(depths: Path, value: str, told: str) -> None:
    runs = collect([str(depths)], Path())[0]
    for values in ([value], ["epochs", value]):
        with pytest.raises(ConfigError) as caught:
            compare(runs, values=values)
        (line,) = caught.value.problems
        assert line.startswith(f"--value {value.split('.')[0]}")
        assert f": no run has it: {told}" in line


def test_probes_without_norms_have_a_start_and_an_end(tmp_path: Path) -> None:
    """Only the worst epoch is one of ||delta^l||."""
    run = trained(tmp_path, epochs=2, probes={"record": ["z_std"], "every": 2})
    (found,) = collect([str(run)], Path())[0]
    lines = [line.split(",") for line in (run / "gradients.csv").read_text().splitlines()]
    at = lines[0].index("z_std")
    first, last = (next(float(row[at]) for row in lines[1:] if row[:2] == [epoch, "1"]) for epoch in ("0", "2"))
    names = ("z_std[1]", "z_std[1].end", "z_std[1].worst")
    assert [parse_value(name, [found], Thresholds()).of(found) for name in names] == [first, last, None]


def test_what_takes_more_layers_says_so(depths: Path) -> None:
    shallow = [run for run in collect([str(depths)], Path())[0] if run.hidden == 1]
    for value, needed in (("last_first_ratio", 2), ("decay_factor", 2), ("decay_low", 4), ("verdict", 2)):
        with pytest.raises(ConfigError, match=f"it takes {needed} hidden layers; there is one hidden layer, "):
            compare(shallow, values=[value])
    bare = [replace(run, config={**run.config, "probes": {"record": ["dead"]}}) for run in shallow]
    assert why_not("decay_rate.start", [replace(run, config={**run.config, "layers": [1] * 9}) for run in bare]) == (
        "delta_norm was not recorded; name it under probes.record and train"
    )


def test_what_came_to_nothing_is_an_answer(depths: Path, diverging: list[Run]) -> None:
    table = compare(collect([str(depths)], Path())[0], values=["epochs_to(validation_accuracy>=2)"])
    assert set(lay_out(table).columns[-1].cells) == {"0 of 3 reach it"}
    lost = [run for run in diverging if run.status == "diverged"]
    assert lay_out(compare(lost, values=["validation_accuracy"])).columns[-1].cells == ("diverged",)


def test_thresholds_that_nothing_is_held_against(depths: Path) -> None:
    runs = collect([str(depths)], Path())[0]
    for text, values, condition, used in (
        ("vanishing=0.5", ["epochs"], "", False),
        ("vanishing=0.5", [], "", True),
        ("vanishing=0.5", ["epochs"], "verdict=even|vanishing", True),
        ("effective=0.5", ["verdict"], "", False),
        ("saturated=0.2", ["verdict"], "", False),
        ("saturated=0.2", ["cause"], "", True),
        ("effective=0.5", ["effective_depth.end"], "", True),
    ):
        try:
            compare(runs, values=values, condition=condition, thresholds=parse_thresholds([text]))
            found = True
        except ConfigError as error:
            found = "nothing here is held against it" not in str(error)
        assert found == used


def test_verdicts() -> None:
    usual = Thresholds()
    assert verdict([1.0, 1.5], parse_thresholds(["vanishing=0.1"])) == "vanishing"
    assert parse_thresholds(["dead=0.2,effective=0.5"]) == Thresholds(dead=0.2, effective=0.5)
    assert math.isclose(10**usual.vanishing, 2, rel_tol=0.01)


def test_keys() -> None:
    one = flatten({"layers": [784, 30, 30, 10], "optimizer": {"name": "sgd", "learning_rate": 0.1}, "l2": 0.0})
    two = flatten({"layers": [784, 30, 30, 30, 30, 10], "optimizer": {"name": "adam", "learning_rate": 0.1}, "l2": 0.0})
    assert one["layers"] == "784-30-30-10"
    assert (two["layers"], two["layers.depth"], two["layers.width"]) == ("784-4×30-10", 4, 30)
    assert varying([one, two]) == ["layers", "optimizer"]
    assert resolve("learning_rate", one) == "optimizer.learning_rate"
    assert resolve("depth", one) == "layers.depth"
    with pytest.raises(ConfigError, match="could be"):
        resolve("x", ["a.x", "b.x"])
    mixed = flatten({"activation": ["relu", {"name": "leaky_relu", "slope": 0.1}], "init": {"weights": "he_normal", "biases": "zeros", "gain": 2.0}})  # fmt: skip  # noqa: E501
    assert mixed["activation"] == "relu,leaky_relu"
    assert mixed["init"] == "he_normal+zeros gain 2"


@pytest.mark.parametrize("value", ["validation_accuracy@99", "validation_accuracy@0", "validation_accuracy.end"])
def test_a_monitor_has_no_such_time(depths: Path, value: str) -> None:
    with pytest.raises(ConfigError, match=r"of a monitor; write \.last, \.best or \.best_epoch"):
        compare(collect([str(depths)], Path())[0], values=[value])
