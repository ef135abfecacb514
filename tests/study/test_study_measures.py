"""What is taken from a run, and the rows that are made of it: at bounds, in gaps, and where there is nothing."""

from __future__ import annotations

import math
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from rows import each_row

from vgrad.runs.stored import StoredRun
from vgrad.statistics import arithmetic
from vgrad.study.draws import FACTOR, POINT, REPLICATION, Draws
from vgrad.study.judgement import Judgement
from vgrad.study.measured import Measured, Trained
from vgrad.study.measurement import (
    _aligned,
    _counts,
    _curves,
    _figure_row,
    _neurons,
    _published,
    _value,
    measure,
)
from vgrad.study.measures import MEASURES, hidden_norms, neuron_deltas
from vgrad.study.outcome import Noticed, PublishedRun

EPOCHS = [0, 1, 3, 4]
NORMS = np.array([[1.0, 2.0, 3.0], [1.0, 2.0, 8.0], [2.0, 2.0, 1.0], [1.0, 2.0, 5.0]])
DELTAS = {(0, 1): [3.0, -4.0, 0.0], (0, 2): [1.0, 2.0, 2.0], (4, 1): [9.0, 9.0, 9.0], (0, 4): [8.0, 8.0]}


def stub(norms: np.ndarray = NORMS, **own: Any) -> StoredRun:
    """A run of as many hidden layers of three as there are columns of `norms`, with a row for each of EPOCHS."""
    hidden = norms.shape[1]
    rows = [
        (epoch, layer, "output" if layer > hidden else "hidden", [*row, 7.0][layer - 1])
        for epoch, row in zip(EPOCHS, norms.tolist(), strict=True)
        for layer in range(1, hidden + 2)
    ]
    neurons = [(epoch, layer, at, value) for (epoch, layer), of in DELTAS.items() for at, value in enumerate(of, 1)]
    run = {
        "status": "complete",
        "config": SimpleNamespace(sizes=(5, *[3] * hidden, 2), seed=0),
        "gradients": pd.DataFrame(rows, columns=["epoch", "layer", "kind", "delta_norm"]),
        "neurons": pd.DataFrame(neurons, columns=["epoch", "layer", "neuron", "delta"]),
        "summary": {"final": {"test_accuracy": 0.5}},
        "facts": {"seconds": 1.26},
    }
    return SimpleNamespace(**{**run, **own})  # type: ignore[return-value]


def measured(name: str, run: StoredRun, **parameters: Any) -> float | None:
    return MEASURES[name](**parameters)(run)


def test_the_norms_and_neurons_of_a_run() -> None:
    epochs, norms = hidden_norms(stub())
    assert (epochs.tolist(), norms.tolist()) == (EPOCHS, NORMS.tolist())
    assert [neuron_deltas(stub(), layer).tolist() for layer in (1, 2, 3, 4)] == [DELTAS[0, 1], DELTAS[0, 2], [], []]
    for nothing in (pd.DataFrame(columns=["epoch", "layer", "kind"]), stub().gradients.drop(columns="delta_norm")):
        epochs, norms = hidden_norms(stub(gradients=nothing))
        assert (len(epochs), norms.shape) == (0, (0, 3))


@pytest.mark.parametrize(
    ("name", "parameters", "wanted"),
    [
        ("final", {"monitor": "test_accuracy"}, 0.5),
        ("final", {"monitor": "test_cost"}, None),
        ("norm", {"layer": 1}, 1.0),
        ("norm", {"layer": 3}, 3.0),
        ("norm", {"layer": 3, "epoch": 1}, 8.0),
        ("norm", {"layer": 3, "epoch": 2}, None),
        ("norm", {"layer": 4}, None),
        ("ratio", {"over": "start"}, 3.0),
        ("ratio", {"over": "start", "epochs": 99}, 3.0),
        ("ratio", {"over": "least"}, 0.5),
        ("ratio", {"over": "greatest"}, 8.0),
        ("ratio", {"over": "greatest", "epochs": 1}, 3.0),
        ("ratio", {"over": "least", "epochs": 3}, 3.0),
        ("ratio", {"over": "least", "epochs": 4}, 0.5),
        ("ratio", {"over": "least", "epochs": 5}, 0.5),
        ("ratio", {"over": "least", "epochs": 6}, None),
        ("neurons", {"layer": 1, "first": 2}, 12.5**0.5),
        ("neurons", {"layer": 2, "first": 3}, 3**0.5),
        ("neurons", {"layer": 2, "first": 4}, None),
    ],
)
def test_measures(name: str, parameters: dict[str, Any], wanted: float | None) -> None:
    assert measured(name, stub(), **parameters) == (None if wanted is None else pytest.approx(wanted))


def test_runs_that_have_no_such_number() -> None:
    assert measured("final", stub(status="diverged"), monitor="test_accuracy") is None
    silent = NORMS.copy()
    silent[2, 0] = 0.0
    for run in (stub(silent), stub(NORMS[:, :1]), stub(gradients=stub().gradients.drop(columns="delta_norm"))):
        assert measured("ratio", run, over="greatest") is None


def test_runs_are_aligned_by_their_epochs() -> None:
    one, two = np.array([[1.0], [2.0], [3.0]]), np.array([[4.0], [5.0]])
    runs = [(np.array([0, 1, 2]), one), (np.array([1, 3]), two)]
    epochs, norms = _aligned(runs, None)
    assert epochs.tolist() == [0, 1, 2, 3]
    np.testing.assert_array_equal(norms[:, :, 0], [[1, 2, 3, np.nan], [np.nan, 4, np.nan, 5]])
    epochs, norms = _aligned(runs, 2)
    assert epochs.tolist() == [0, 1, 2]
    np.testing.assert_array_equal(norms[:, :, 0], [[1, 2, 3], [np.nan, 4, np.nan]])


def test_published_ratios_are_last_over_first() -> None:
    curves = {3: {1: {0: 2.0, 1: 4.0, 2: 1.0}, 2: {0: 9.0}, 3: {0: 1.0, 2: 3.0}}}
    assert _published(curves, 3, "ratio") == {0: 0.5, 2: 3.0}
    assert _published(curves, 3, "2") == {0: 9.0}
    assert _published(curves, 2, "ratio") == _published(curves, 2, "1") == {}


def test_a_norm_of_zero_is_a_gap_in_the_ratio_and_no_warning() -> None:
    silent = NORMS.copy()
    silent[1, 0] = 0.0
    found, published = Measured(), {3: {layer: dict.fromkeys(EPOCHS[:3], 2.0) for layer in (1, 2, 3)}}
    _curves(found, trained(4), [[stub(), stub(silent), None, stub(status="diverged")], [None]], published)
    lines = {row["line"]: [] for row in found.curves}
    for row in found.curves:
        lines[row["line"]].append((row["epoch"], round(row["center"], 3)))
    ratio = lines.pop("ratio")
    assert [epoch for epoch, _ in ratio] == [0, 1, 3]  # up to the last that was published
    assert (ratio[0][1], math.isnan(ratio[1][1]), ratio[2][1]) == (3.0, True, 0.5)
    assert lines["3"] == [(0, 3.0), (1, 8.0), (3, 1.0)]
    assert [row["figure"] for row in found.figures] == [f"A.5-3-3-3-2.curve-{name}" for name in (1, 2, 3, "ratio")]
    assert {(row["n"], row["lost"], row["scale"]) for row in found.figures} == {(2, 2, "log")}
    _curves(found, trained(4), [[stub()]], None)
    assert len(found.figures) == 4


def trained(runs: int, letter: str = "A") -> Trained:
    experiment: Any = SimpleNamespace(
        name="speed", title="How fast?", text="So.", neurons=[], runs_of=None, claims=[], overview=None
    )
    return Trained(experiment, letter, range(runs), [[Path(str(seed)) for seed in range(runs)]], True)


def test_single_neurons_stand_beside_those_of_the_first_seed() -> None:
    each = trained(2)
    each.experiment.neurons = [[0.5] * 4, [-0.5, 0.25]]  # of the first layer more were published than we have
    other = stub(neurons=pd.DataFrame([(0, 2, 1, -9.0)], columns=["epoch", "layer", "neuron", "delta"]))
    found = Measured()
    _neurons(found, each, [None, stub(), other])
    pool = np.abs([*DELTAS[0, 2], -9.0])
    low, high = np.quantile(pool, [0.025, 0.975])
    assert [(row["layer"], row["neuron"], row["published"], row["measured"]) for row in found.neurons] == [
        (2, 1, 0.5, 1.0),
        (2, 2, 0.25, 2.0),
    ]
    for row in found.neurons:
        assert (row["layers"], row["low"], row["high"]) == ("5-3-3-3-2", pytest.approx(low), pytest.approx(high))
    _neurons(found, each, [None])
    assert len(found.neurons) == 2


def test_shares_are_told_in_percent() -> None:
    figure: Any = SimpleNamespace(of=lambda: MEASURES["final"](monitor="test_accuracy"), unit="%")
    assert (_value(figure, stub()), _value(figure, stub(status="diverged")), _value(figure, None)) == (50.0, None, None)
    figure.unit = ""
    assert _value(figure, stub()) == 0.5


def test_runs_are_counted() -> None:
    there = [stub(), stub(facts={"seconds": 2.0}), stub(status="diverged", facts={"seconds": 0.5})]
    found = _counts(trained(3), there)
    assert (found["runs"], found["complete"], found["diverged"], found["failed"]) == (3, 2, 1, 0)
    assert (found["seconds"], found["seeds"], found["letter"]) == (3.8, [0, 1, 2], "A")
    fewer = _counts(trained(4), there)
    assert (fewer["failed"], fewer["seconds"]) == (1, None)
    assert _counts(trained(3), [*there[:2], stub(facts=None)])["seconds"] is None


def test_the_data_of_the_runs_are_named_once() -> None:
    data = iter(["digits", "toy", "digits", "digits"])
    read = [stub(config=SimpleNamespace(sizes=(5, 3, 2), data=SimpleNamespace(name=name))) for name in data]
    each = trained(4)
    each.experiment.figures, each.experiment.neurons = [], []
    study: Any = SimpleNamespace(curves={}, power=[], folder=Path())

    def reading(path: Path) -> StoredRun:
        return read[int(path.name)]

    assert measure(study, [each, each], reading).data == ["digits"]
    read[0].config.data.name = "mnist"  # the first run of an experiment speaks for all
    assert measure(study, [each], reading).data == ["mnist"]


@pytest.mark.parametrize(
    ("unit", "band", "told"), [("%", (-5.0, 104.0), (0.0, 100.0)), ("", (-5.0, 104.0), (-5.0, 104.0))]
)
def test_a_band_of_shares_ends_at_0_and_100(unit: str, band: tuple[float, float], told: tuple[float, float]) -> None:
    figure: Any = SimpleNamespace(label="accuracy", unit=unit, scale="linear")
    row = _figure_row(
        trained(2), "A.x", "5-3-2", figure, Judgement(50.0, arithmetic([40.0, 50.0, 60.0]), band, 0.5, 1, "inside")
    )
    assert (row["band_low"], row["band_high"]) == told
    assert (row["n"], row["center"], row["z"], row["lost"], row["verdict"]) == (3, 50.0, 0.5, 1, "inside")
    assert row["spread"] == pytest.approx(10)
    assert row["low"] < 40 < 60 < row["high"]
    empty = _figure_row(trained(2), "A.x", "5-3-2", figure, Judgement(50.0, None, None, None, 2, "undecided"))
    assert (empty["n"], empty["center"], empty["low"], empty["band_low"], empty["lost"]) == (0, None, None, None, 2)


def ran(layers: str, p: float | None, t: float = 1.0) -> PublishedRun:
    return PublishedRun(experiments="A", layers=layers, n=4, lost=0, numbers=3, strangest="‖δ^1‖", t=t, p=p)


def notices(*shares: float) -> list[Noticed]:
    names = [REPLICATION, FACTOR, POINT]
    return [Noticed(alternative=name, noticed=each, seeds=3) for name, each in zip(names, shares, strict=False)]


@each_row(
    "runs, p, power, verdict, reason",
    [
        ([], None, [], "not comparable", "the published figures do not apply to digits and toy"),
        (
            [ran("4-3-2", 0.4), ran("4-3-3-2", 0.8)],
            *(0.31, notices(0.05, 0.8), "reproduced", "as further draws, the 2 published runs have p = 0.31"),
        ),
        (
            [ran("4-3-2", 0.4)],
            *(0.4, notices(0.04, 0.9, 0.79), "cannot tell"),
            "as further draws, the published run has p = 0.40, and with so few seeds the test would notice "
            "a point of accuracy in 79 of 100 studies",
        ),
        (
            [ran("4-3-2", 0.4)],
            *(0.4, [], "cannot tell"),
            "as further draws, the published run has p = 0.40, and with so few seeds the test would notice nothing",
        ),
        (
            [ran("4-3-2", 0.2)],
            0.05,
            notices(0.05, 0.8),
            "not reproduced",
            "as further draws, the published run has p = 0.050",
        ),
        (
            [ran("4-3-2", 0.2, t=-90.0)],
            *(0.2, notices(0.05, 0.8), "not reproduced"),
            "as further draws, the published run has p = 0.20, and ‖δ^1‖ of 4-3-2 lies out of reach "
            "(t = -90.0 of 4 seeds)",
        ),
        (
            [ran("4-3-2", 0.2), ran("4-3-3-2", None)],
            *(None, [], "undecided", "of 2 published figures, 1 not judged by these runs"),
        ),
    ],
)
def test_the_verdict_is_that_of_the_joint_test(
    runs: list[PublishedRun], p: float | None, power: list[Noticed], verdict: str, reason: str
) -> None:
    found = Measured(data=["digits", "toy"], published_runs=runs, p=p, power=power)
    found.figures = [{"verdict": "undecided" if run.p is None else "outside"} for run in runs]
    found.figures.append({"verdict": "not comparable"})
    found.draws = {("A", run.layers): Draws("A", run.layers) for run in runs}
    assert (found.verdict, found.reason) == (verdict, reason)
