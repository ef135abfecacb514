"""Claims as they are written: what does not fit is told at its line; what fits is taken apart as it says."""

from __future__ import annotations

import math
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml
from rows import each_row
from scipy import stats

from vgrad.cli import run
from vgrad.config.problems import validated
from vgrad.errors import ConfigError
from vgrad.study.claims.evidence import weigh
from vgrad.study.claims.forms import Claim
from vgrad.study.claims.judging import claimed, judge
from vgrad.study.claims.quantities import QUANTITIES, Spot
from vgrad.study.claims.spread import variances
from vgrad.study.outcome import Claim as Row
from vgrad.study.published import load_study

HEAD = """\
study: small
title: Small?
source: us
url: http://localhost
seeds: 6
experiments:
  - name: xor
    title: XOR
    text: Networks on XOR.
    sweep:
      layers: {depth: 2, width: 3}
      data: xor
      epochs: 4
      monitor: [train_cost]
      probes: {record: [delta_norm], every: 2}
      grid: {layers.depth: [2, 3], activation: [tanh, relu]}
    claims:
      - text: It learns
        source: figure 1
"""
COST = "measure: {name: monitor, monitor: train_cost}"
TANH, RELU = "{activation: tanh}", "{activation: relu}"
SPEED = "measure: {name: probe, probe: delta_norm}"


def written(folder: Path, *lines: str) -> Path:
    file = folder / "small.yaml"
    file.write_text(HEAD + "".join(f"        {line}\n" for line in lines), encoding="utf-8")
    return file


@each_row(
    "lines, told",
    [
        ((COST, "bound: {above: 1}"), ""),
        ((COST, "ordering: {of: {activation: relu}, below: {activation: tanh}}"), ""),
        ((COST,), ":18:9: experiments.0.claims.0: needs one form of ordering, bound,"),
        ((COST, "bound: {above: 1}", "theory: {within: 5}"), ":22:17: experiments.0.claims.0.theory: needs one form"),
        ((COST, "bound: {}"), ":21:16: experiments.0.claims.0.bound: needs `above`, `below` or both"),
        ((COST, "bound: {above: 2, below: 1}"), ":21:34: experiments.0.claims.0.bound.below: above 2 and below 1"),
        ((COST, "bound: {abov: 2}"), ":21:17: experiments.0.claims.0.bound.abov: unknown key; did you mean 'above'?"),
        ((COST, "bound: {of: {layers.dpth: 2}, above: 1}"), "claims.0.bound.of.layers.dpth: no axis of the grid"),
        ((COST, "bound: {of: {layers.depth: 4}, above: 1}"), "is never 4; known: 2, 3"),
        ((COST, "bound: {of: {activation: [tanh, rleu]}, above: 1}"), "is never rleu; did you mean 'relu'?"),
        ((COST, "ordering: {of: {activation: relu}}"), "needs `above` or `below`, one of them: the other cell"),
        (
            (COST, "ordering: {of: {activation: relu}, above: {activation: tanh}, margin: 1, factor: 2}"),
            "ordering.factor: a margin and a factor: leave one of them out",
        ),
        (
            (COST, "ordering: {of: {activation: relu}, above: {layers.depth: 2}}"),
            "ordering.of: has several cells for one of the other side; say which layers.depth",
        ),
        (
            (COST, "ordering: {of: {activation: relu, layers.depth: [2]}, above: {activation: tanh}}"),
            "ordering.above: has other cells than the first side; give both the same values",
        ),
        (("measure: {name: monitor, monitor: train_acc}", "bound: {above: 1}"), "does not monitor 'train_acc'"),
        (("measure: {name: monitr, monitor: train_cost}", "bound: {above: 1}"), "no measure 'monitr'; did you mean"),
        (("measure: {name: probe, probe: a_std}", "bound: {above: 1}"), "probe: the sweep does not record 'a_std'"),
        (("measure: {name: probe, probe: delta_norm, layer: 3}", "bound: {above: 1}"), "there is no layer 3"),
        (("measure: {name: probe, probe: delta_norm, epoch: 5}", "bound: {above: 1}"), "the runs have 4 epochs"),
        (("measure: {name: probe, probe: delta_norm, epoch: 3}", "bound: {above: 1}"), "epoch: is not measured"),
        (("measure: {name: epochs_to, monitor: train_cost}", "bound: {above: 1}"), "needs `above` or `below`, one of"),
        ((SPEED, "slope: {along: layer, above: 1}"), "needs several layers; write layer: every"),
        ((SPEED, "slope: {along: activation, above: 1}"), "slope.along: activation has values that are no numbers"),
        ((SPEED, "constancy: {along: layers.width, within: 5}"), "no axis 'layers.width' of the grid"),
        ((SPEED, "constancy: {along: layers.depth, within: 0}"), "constancy.within: must be > 0"),
        ((SPEED, "bound: {above: -1}"), "bound.above: must be above 0, where seeds spread by factors"),
        ((SPEED, "scale: linear", "constancy: {along: layers.depth, within: 5}"), "scale: is of factors; leave it out"),
        ((COST, "over_seeds: variance", "theory: {within: 5}"), "over_seeds: theory is of seeds"),
        ((COST, "theory: {within: 5}"), "theory predicts {name: probe, probe: delta_norm} at epoch 0"),
        ((COST, "best: {over: optimizer, pick: least}", "bound: {above: 1}"), "best.over: no axis 'optimizer'"),
        ((COST, "best: {over: activation, pick: least}", f"bound: {{of: {RELU}, above: 1}}"), "no axis of"),
        ((COST, "bound: {above: x}"), "bound.above: expected a number, found the text 'x'"),
        (("bound: {above: 1}",), ":18:9: experiments.0.claims.0.measure: is required, and missing"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_told_at_its_line(
    tmp_path_factory: pytest.TempPathFactory, lines: tuple[str, ...], told: str
) -> None:
    file = written(tmp_path_factory.mktemp("wrong"), *lines)
    if not told:
        assert len(load_study(str(file)).contents.experiments[0].claims) == 1
        return
    with pytest.raises(ConfigError) as caught:
        load_study(str(file))
    assert told in caught.value.problems[0]
    assert caught.value.problems[0].startswith(f"{file}:")


def test_wrong_claims_end_the_command_with_their_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = written(tmp_path, COST, "bound: {of: {activation: [tanh, rleu]}, above: 1}")
    assert run(["reproduce", str(file), "--runs-dir", str(tmp_path / "runs")]) == 2
    assert capsys.readouterr().err.startswith(
        f"vgrad: {file}:21:34: experiments.0.claims.0.bound.of.activation: is never"
    )
    assert not (tmp_path / "runs").exists()


# -- taken apart -------------------------------------------------------------------------------------------------------

SEEDS = 6
EPOCHS = [0, 1, 2, 3]


def stub(costs: list[float], norms: np.ndarray, status: str = "complete") -> Any:
    """A run with a cost each epoch, and norms of each hidden layer at the start and at the end."""
    hidden = norms.shape[-1]
    config = SimpleNamespace(sizes=(5, *[3] * hidden, 2), epochs=EPOCHS[-1])
    rows = [
        (epoch, layer, row[layer - 1])
        for epoch, row in zip((0, 3), norms, strict=True)
        for layer in range(1, hidden + 1)
    ]
    return SimpleNamespace(
        path=Path("run"),
        status=status,
        config=config,
        metrics=pd.DataFrame({"epoch": EPOCHS[: len(costs)], "train_cost": costs}),
        gradients=pd.DataFrame(rows, columns=["epoch", "layer", "delta_norm"]),
    )


def points(**changes: Any) -> Any:
    """Four cells of six seeds: tanh learns at each depth, relu does not; norms fall by three a layer."""
    random = np.random.default_rng(0)
    found = []
    for depth in (2, 4):
        for name, factor in (("tanh", 0.5), ("relu", 1.0)):
            seeds = []
            for _ in range(SEEDS):
                scatter = 1 + 0.01 * random.standard_normal()
                costs = [scatter * factor**epoch for epoch in EPOCHS]
                norms = scatter * changes.get("fall", 3.0) ** np.arange(depth) * np.ones((2, 1))
                seeds.append(stub(costs, norms if changes.get("top") is None else norms / norms[0, -1] * scatter))
            found.append(({"layers.depth": str(depth), "activation": name}, seeds))
    return found


def verdict(text: str, where: Any = None) -> Row:
    """The row of a claim."""
    claim = validated(Claim, {"text": "So", "source": "p. 3", **yaml.safe_load(text)})
    (found,) = judge([claim], "A", where or points(), quick=False)
    assert found.claimed == claimed(claim)
    return found


DEPTHS = ["layers.depth=2", "layers.depth=4"]
NORM, NORMS = "{name: probe, probe: delta_norm}", "{name: probe, probe: delta_norm, layer: every}"
LEAST, MOST = "best: {over: activation, pick: least}", "best: {over: activation, pick: greatest}"
REACHED = "{name: epochs_to, monitor: train_cost, below: 0.3}"
LAST, EVERY, BEST = (f"{{name: monitor, monitor: train_cost, epoch: {each}}}" for each in ("last", "every", "best"))


@each_row(
    "measure, form, told, parts",
    [
        (LAST, f"ordering: {{of: {TANH}, below: {RELU}}}", "holds", DEPTHS),
        (LAST, f"ordering: {{of: {TANH}, below: {RELU}, margin: 0.95}}", "fails", DEPTHS),
        (LAST, f"ordering: {{of: {RELU}, above: {TANH}, factor: 7}}", "holds", DEPTHS),
        (LAST, f"ordering: {{of: {RELU}, above: {TANH}, factor: 9}}", "fails", DEPTHS),
        (EVERY, f"ordering: {{of: {TANH}, below: {RELU}}}", "holds",
         [f"{depth}, epoch {epoch}" for depth in DEPTHS for epoch in (1, 2, 3)]),
        (LAST, "ordering: {of: {activation: relu, layers.depth: 4}, above: {activation: tanh, layers.depth: 2}}",
         "holds", [""]),
        (BEST, f"bound: {{of: {TANH}, above: 0.11, below: 0.14}}", "holds", DEPTHS),
        (LAST, f"bound: {{of: {TANH}, above: 0.14}}", "fails", DEPTHS),
        (LAST, f"bound: {{of: {TANH}, below: 0.11}}", "fails", DEPTHS),
        (LAST, f"{LEAST}, bound: {{below: 0.2}}", "holds", DEPTHS),
        (LAST, f"{MOST}, bound: {{below: 0.2}}", "fails", DEPTHS),
        (NORMS, f"slope: {{of: {TANH}, along: layer, above: 2.9, below: 3.1}}", "holds", DEPTHS),
        (NORMS, f"slope: {{of: {TANH}, along: layer, above: 3.1}}", "fails", DEPTHS),
        (NORM, f"constancy: {{of: {RELU}, along: layers.depth, within: 5}}", "holds", ["layers.depth 2 to 4"]),
        ("{name: probe, probe: delta_norm, layer: -1}", f"constancy: {{of: {RELU}, along: layers.depth, within: 5}}",
         "fails", ["layers.depth 2 to 4"]),
        ("{name: probe, probe: delta_norm, layer: [1, 2]}", f"constancy: {{of: {RELU}, along: layer, within: 5}}",
         "fails", [f"{depth}, layer 1 to 2" for depth in DEPTHS]),
        ("{name: ratio, epoch: last}", "bound: {of: {layers.depth: 4, activation: tanh}, above: 26, below: 28}",
         "holds", [""]),
        (REACHED, f"bound: {{of: {TANH}, below: 2.5}}", "holds", DEPTHS),
        (REACHED, f"ordering: {{of: {RELU}, above: {TANH}}}", "holds", DEPTHS),  # never, against two epochs
        (REACHED, "ordering: {of: {activation: relu, layers.depth: 2}, above: {activation: relu, layers.depth: 4}}",
         "cannot tell", [""]),  # never, against never
        (NORM, "bound: {of: {activation: selu}, above: 1}", "cannot tell", []),
    ],
)  # fmt: skip
def test_claims_are_taken_apart_as_they_say(measure: str, form: str, told: str, parts: list[str]) -> None:
    found = verdict(f"{{measure: {measure}, {form}}}")
    assert (found.verdict, [part.label for part in found.parts]) == (told, parts)
    assert (found.why == "") == bool(parts)


FALLS = "{measure: {name: probe, probe: delta_norm, layer: every}, slope: {along: layer, above: 2.9, below: 3.1}}"


def test_a_slope_is_that_of_least_squares() -> None:
    found = verdict(FALLS)
    x, y = np.arange(1, 5), np.log10(3.0 ** np.arange(4))
    assert [part.center for part in found.parts] == pytest.approx([10 ** np.polyfit(x, y, 1)[0]] * 4)
    assert verdict(FALLS, points(fall=1.5)).verdict == "fails"  # the named change: rectifiers


def test_a_diverged_run_is_lost_unless_the_claim_says_what_it_counts_as() -> None:
    cell = "{activation: tanh, layers.depth: 2}"
    learned = f"{{measure: {{name: monitor, monitor: train_cost%s}}, bound: {{of: {cell}, below: 0.2}}}}"
    found = points()
    found[0][1][0] = stub([1.0, 5.0], np.ones((2, 2)), "diverged")
    row = verdict(learned % "", found)
    assert (row.verdict, row.agree, row.parts[0].values[0]) == ("cannot tell", 5, None)
    assert verdict(learned % ", diverged: 9.0", found).parts[0].values[0] == 9.0
    found[0][1][:] = [None] * SEEDS
    row = verdict(learned % "", found)
    assert (row.verdict, row.parts[0].n, row.parts[0].center) == ("cannot tell", 0, None)


@pytest.mark.parametrize("name", QUANTITIES)
def test_every_quantity_gives_nothing_of_a_run_that_has_nothing(name: str) -> None:
    own = {"monitor": {"monitor": "train_cost"}, "probe": {"probe": "delta_norm"}, "ratio": {}}
    run = stub([], np.empty((2, 0)), "diverged")
    found = QUANTITIES[name](**own.get(name, {"monitor": "train_cost", "below": 0.5}))(run)
    assert found == ({Spot(): math.inf} if name == "epochs_to" else {})


@each_row(
    "layer, epoch, found",
    [
        (1, 0, {Spot(): 1.0}),
        (-1, 3, {Spot(): 9.0}),
        (4, 0, {}),
        ([1, -1], 0, {Spot(None, 1): 1.0, Spot(None, -1): 9.0}),
        ("every", "last", {Spot(None, 1): 1.0, Spot(None, 2): 3.0, Spot(None, 3): 9.0}),
        (2, "every", {Spot(0): 3.0, Spot(3): 3.0}),
    ],
)
def test_probes_by_layer_and_epoch(layer: Any, epoch: Any, found: Any) -> None:
    run = stub([1.0], 3.0 ** np.arange(3) * np.ones((2, 1)))
    assert QUANTITIES["probe"](probe="delta_norm", layer=layer, epoch=epoch)(run) == found


def test_the_variance_over_seeds_is_that_of_groups() -> None:
    """Of 20,000 draws without a bias that matters, and of as many groups as a test needs."""
    random = np.random.default_rng(0)
    found = np.array([variances(np.exp(random.normal(0, 0.5, 30)), logarithmic=True) for _ in range(700)])
    assert found.shape == (700, 5)
    assert np.exp(np.log(found).mean()) == pytest.approx(0.25, rel=0.05)
    plain = random.normal(0, 0.5, 50)
    free = 9  # chi^2 of so many degrees of freedom, whose mean logarithm SciPy integrates
    low = math.exp(stats.chi2(free).expect(np.log) - math.log(free))
    assert variances(plain, logarithmic=False)[0] == pytest.approx(plain[:10].var(ddof=1) / low)
    assert len(variances(plain[:24], logarithmic=False)) == 1
    assert np.isnan(variances(plain[:1], logarithmic=False)).all()


@pytest.mark.parametrize("sign", [1, -1])
def test_claims_of_variances_hold_in_5_of_100_studies_at_their_boundary(sign: int) -> None:
    random, times = np.random.default_rng(1), 800
    drawn = (sign * np.log(variances(random.standard_normal(50), logarithmic=False)) for _ in range(times))
    holds = np.mean([weigh(column[:, None]).verdict == "holds" for column in drawn])
    assert holds <= 0.05 + 3 * math.sqrt(0.05 * 0.95 / times)


@each_row("factor, told", [(1.5, "holds"), (400, "fails")])
def test_variances_of_two_cells_are_ordered(factor: float, told: str) -> None:
    """Seeds of tanh are made to differ five times as much: 25 is the quotient of the variances."""
    random = np.random.default_rng(2)
    found = [
        (
            {"activation": name},
            [stub([1.0], np.exp(sd * random.standard_normal()) * np.ones((2, 2))) for _ in range(60)],
        )
        for name, sd in (("tanh", 0.5), ("relu", 0.1))
    ]
    form = f"ordering: {{of: {TANH}, above: {RELU}, factor: {factor}}}"
    row = verdict(f"{{measure: {NORM}, over_seeds: variance, {form}}}", found)
    assert (row.verdict, row.n, row.units) == (told, 5, "groups of seeds")
