"""Sweep files: what axes mean, which points there are, and where errors point."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import pytest

from vgrad.document.document import read_yaml
from vgrad.document.writer import spell
from vgrad.errors import ConfigError
from vgrad.sweeps.job import Job
from vgrad.sweeps.plan import Plan, Unfit, make_plan
from vgrad.sweeps.points.axes import read_typed, typed_seeds
from vgrad.sweeps.points.grid import Grid, read_grid

BASE = "layers: {depth: 1, width: 3}\ndata: xor\nbatch_size: 4\nepochs: 1\n"


def grid(text: str = "", **options: Any) -> Grid:
    return read_grid(read_yaml(BASE + text, "s.yaml"), **options)


def labels(text: str = "", **options: Any) -> list[str]:
    return [point.label for point in grid(text, **options).points()]


def plan(text: str = "", **options: Any) -> Plan:
    return make_plan(grid(text, **options), Path("runs"), Path())


SPECS = {
    "a=1..5": [1, 2, 3, 4, 5],
    "a=1..9..2": [1, 3, 5, 7, 9],
    "a=3..1..-1": [3, 2, 1],
    "a=-1..1": [-1, 0, 1],
    "a=1..2,7": [1, 2, 7],
    "a=x,y": ["x", "y"],
    "a=1e-3, 0.5": [1e-3, 0.5],
    "a={name: leaky_relu, slope: 0.1},tanh": [{"name": "leaky_relu", "slope": 0.1}, "tanh"],
    "a=[1, 2],[3]": [[1, 2], [3]],
    "a=true,null": [True, None],
    "a=0..1..0.1": [0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0],
    "a=1..0.1..-0.3": [1.0, 0.7, 0.4, 0.1],
    "a=-1..1..0.5": [-1.0, -0.5, 0.0, 0.5, 1.0],
    "a=0..1..0.3": [0.0, 0.3, 0.6, 0.9],
    "a=1e-4..1..*10": [1e-4, 1e-3, 0.01, 0.1, 1.0],
    "a=1..1e-4..*0.1": [1.0, 0.1, 0.01, 1e-3, 1e-4],
    "a=1e-3..0.1..*3": [1e-3, 3e-3, 9e-3, 0.027, 0.081],
    "a=1e-2..1..*3.1623": [0.01, 0.03162, 0.1, 0.3162, 1.0],
    "a=1..12..*1.5": [1.0, 1.5, 2.25, 3.375, 5.0625, 7.59375, 11.3906],
    "a=16..256..*2": [16, 32, 64, 128, 256],
    "a=64..16..*0.5,8": [64, 32, 16, 8],
    "a=3..3..*10,0.5..0.5..1": [3, 0.5],
    "a=0,1e-2..1..*10": [0, 0.01, 0.1, 1.0],
}


@pytest.mark.parametrize("text", SPECS)
def test_specs(text: str) -> None:
    axis = read_typed(text)
    values = [row[0].plain() for row in axis.rows]  # type: ignore[union-attr]
    assert values == SPECS[text]
    assert list(map(type, values)) == list(map(type, SPECS[text]))
    for value in SPECS[text]:
        again = read_typed(f"a={spell(value)}")
        assert [row[0].plain() for row in again.rows] == [value]  # type: ignore[union-attr]


def test_seeds() -> None:
    assert [list(typed_seeds(text)) for text in ("3", "3..3", "4,1..2,4")] == [[0, 1, 2], [3], [4, 1, 2]]
    assert list(grid("seeds: [5, 7]\n").seeds) == [5, 7]
    assert list(grid("seed: 4\n").seeds) == [4]
    assert list(grid("seeds: 9\n", seeds="2").seeds) == [0, 1]


@pytest.mark.parametrize(
    ("seeds", "told"),
    [
        (
            "10000000000",
            "from 1 to 1,000,000,000, found the number 10000000000; 10000000000..10000000000 is that one seed",
        ),
        ("9" * 30, "from 1 to 1,000,000,000, found the number"),
        ("0", "expected how many, from 1 to 1,000,000,000, found the number 0"),
        ("+7", "could be how many or which; write 7 for so many, 7..7 for that one"),
        ("0x10", "could be how many or which; write 16 for so many, 16..16 for that one"),
        ("-3", "expected whole numbers from 0 on, found the number -3"),
        ("1.5", "expected whole numbers from 0 on, found the number 1.5"),
        ("1-5", "a range has two points, found the text '1-5'; write 1..5"),
    ],
)
def test_seeds_that_could_mean_two_things_or_too_many(seeds: str, told: str) -> None:
    with pytest.raises(ConfigError) as caught:
        typed_seeds(seeds)
    assert str(caught.value).startswith(f"--seeds {seeds}")
    assert told in str(caught.value)
    assert list(typed_seeds(f"{seeds[:1].strip('+-') or 7},")) != []


@pytest.mark.parametrize(
    ("extra", "options", "told"),
    [
        (
            "",
            {"overrides": ["seed=5"], "seeds": "2"},
            "-s seed=5: --seeds 2 says which seeds there are; write --seeds 5..5",
        ),
        ("seeds: 2\n", {"overrides": ["seed=5"]}, "-s seed=5: seeds, at s.yaml:5:8, says which seeds there are"),
        ("", {"typed": ["epochs=1", "epochs=2"]}, "-g epochs=2: epochs is an axis already, at -g epochs=1"),
        ("", {"typed": ["epochs=1", "l2,epochs=[0, 2]"]}, "epochs is an axis already, at -g epochs=1"),
        (
            "",
            {"overrides": ["epochs=1", "epochs=2"]},
            "-s epochs=2: epochs is set already by -s epochs=1; write one of them",
        ),
    ],
)
def test_what_is_said_twice(extra: str, options: dict[str, Any], told: str) -> None:
    with pytest.raises(ConfigError) as caught:
        grid(extra, **options)
    assert told in str(caught.value)


def test_the_last_axis_varies_fastest_and_zipped_keys_go_together() -> None:
    text = "grid:\n  layers.depth: 1..2\n  activation, init: [[sigmoid, nielsen], [tanh, zeros]]\n"
    assert labels(text) == [
        f"layers.depth={depth} activation={f} init={init}"
        for depth in (1, 2)
        for f, init in (("sigmoid", "nielsen"), ("tanh", "zeros"))
    ]


def test_typed_axes_replace_and_add() -> None:
    text = "grid: {layers.depth: [1, 2], layers.width: [3]}\n"
    assert labels(text, typed=["layers.depth=5", "epochs=2"]) == ["layers.depth=5 layers.width=3 epochs=2"]


def test_a_key_and_one_below_it_may_both_be_axes() -> None:
    swept = plan("grid: {optimizer.learning_rate: [0.5], optimizer: [sgd]}\n")
    assert swept.points is not None
    assert swept.points[0][1].optimizer.parameters["learning_rate"] == 0.5


def test_excluded_points() -> None:
    text = "grid: {layers.depth: 1..3, activation: [tanh, relu]}\nexclude:\n"
    one = text + "  - {layers.depth: [2, 3], activation: relu}\n"
    assert labels(one) == [f"layers.depth={x}" for x in ("1 activation=tanh", "1 activation=relu")] + [
        "layers.depth=2 activation=tanh",
        "layers.depth=3 activation=tanh",
    ]
    with pytest.raises(ConfigError, match="leaves no point"):
        plan(text + "  - {activation: [tanh, relu]}\n")


def test_a_sample_begins_with_the_smaller_one() -> None:
    text = "grid: {layers.depth: 1..7, layers.width: 1..9}\nsample: "
    fifty, ten = labels(text + "50\n"), labels(text + "10\n")
    assert fifty[:10] == ten
    assert len(set(fifty)) == 50
    assert sorted(labels(text + "1000\n")) == sorted(labels(text.removesuffix("sample: ")))
    assert labels(text + "{count: 10, seed: 1}\n") != ten


def test_log_uniform_is_drawn_for_every_point() -> None:
    text = "grid:\n  layers.depth: [1, 2]\n  optimizer.learning_rate: {log_uniform: [1e-4, 1]}\nsample: "
    many = [point.values for point in grid(text + "400\n").points()]
    rates = [point["optimizer.learning_rate"].plain() for point in many]
    assert len(set(rates)) > 350
    assert all(1e-4 <= rate <= 1 for rate in rates)
    assert 160 < sum(rate < 1e-2 for rate in rates) < 240
    assert sum(point["layers.depth"].plain() for point in many) == 600
    assert labels(text + "400\n")[:7] == labels(text + "7\n")
    both = grid("grid: {l1: {log_uniform: [1e-4, 1]}, l2: {log_uniform: [1e-4, 1]}}\nsample: 9\n").points()
    assert all(len({node.plain() for node in point.values.values()}) == 2 for point in both)  # a draw for each key


def test_uniform_is_drawn_evenly() -> None:
    points = grid("grid: {l2: {uniform: [0, 0.5]}}\nsample: 400\n").points()
    drawn = [point.values["l2"].plain() for point in points]
    assert all(0 <= value <= 0.5 and len(repr(value)) <= 9 for value in drawn)
    assert 160 < sum(value < 0.25 for value in drawn) < 240
    assert labels("grid: {l2: {uniform: [0, 0.5]}}\n", overrides=["sample=3"]) == [f"l2={value}" for value in drawn[:3]]


OWN = "grid: {optimizer: [sgd, momentum, adam], optimizer.momentum: [0.5, 0.9], optimizer.beta1: [0.8, 0.9]"


def test_a_parameter_of_one_variant_counts_where_the_variant_has_it() -> None:
    both = [f"optimizer=momentum optimizer.momentum={mu}" for mu in (0.5, 0.9)]
    both += [f"optimizer=adam optimizer.beta1={beta}" for beta in (0.8, 0.9)]
    assert labels(OWN + "}\n") == ["optimizer=sgd", *both]
    named = OWN.replace("optimizer:", "optimizer.name:")
    assert [label.replace(".name", "") for label in labels(named + "}\n")] == ["optimizer=sgd", *both]
    swept = plan(OWN + ", optimizer.learning_rate: 1e-2..1..*10}\nseeds: 2\n")
    assert swept.count == 5 * 3 * 2
    assert len({job.name for job in swept.jobs()}) == 30
    assert labels(OWN + "}\nexclude: [{optimizer.momentum: 0.5}]\n") == ["optimizer=sgd", *both[1:]]
    assert sorted(labels(OWN + "}\nsample: 99\n")) == sorted(["optimizer=sgd", *both])
    assert {label for point in grid(OWN + "}\n").cover() if (label := point.label)} >= {"optimizer=sgd", *both}
    drawn = labels("grid: {activation: [relu, leaky_relu], activation.slope: {uniform: [0, 1]}}\nsample: 6\n")
    assert all(("slope" in label) == ("leaky" in label) for label in drawn)


def test_the_same_point_twice_is_done_once() -> None:
    assert plan("grid: {init: [nielsen, nielsen]}\nseeds: 3\n").count == 3


PROBLEMS = {
    "grid: {layers.dept: [1, 2]}": "s.yaml:5:22: layers.dept: unknown key; did you mean 'depth'?",
    "grid:\n  activation: [tanh, sigmod]": "s.yaml:6:22: activation: no activation 'sigmod'; did you mean 'sigmoid'?",
    "grid:\n  activation: []": "s.yaml:6:15: activation: the list is empty",
    "grid:\n  epochs: 5": "s.yaml:6:11: epochs: expected a list of values, found the number 5",
    "grid: [1]": "s.yaml:5:7: grid: expected a mapping",
    "grid: {epochs: [1..0.5]}": "s.yaml:5:17: epochs: 1..0.5 needs a step; write 1..0.5..*10 for a factor, 1..0.5..0.1",
    "grid: {epochs: [1..5..0]}": "s.yaml:5:17: epochs: 1..5..0 has a step of 0, which leads nowhere",
    "grid: {epochs: 1..5..*1}": "s.yaml:5:16: epochs: 1..5..*1 has a factor of 1, which leads nowhere",
    "grid: {epochs: 1..5..*-2}": "s.yaml:5:16: epochs: 1..5..*-2 has a factor of -2, which leads nowhere",
    "grid: {l2: 0..1..*10}": "s.yaml:5:12: l2: 0..1..*10 has a factor; both ends have to be > 0",
    "grid: {l2: 1..0.1..*10}": "leads away from its end; write the ends the other way round, or *0.1",
    "grid: {l2: 0.1..1..-0.1}": "s.yaml:5:12: l2: 0.1..1..-0.1 is empty; write the smaller end first, or a step > 0",
    "grid: {l2: 0..1..1e-9}": "s.yaml:5:12: l2: 1,000,000,001 values, more than 100,000",
    "grid: {l2: 1..1e9..*1.0000001}": "values, more than 100,000",
    "grid: {l2: 1...5}": "s.yaml:5:12: l2: a range is 1..5, 0..1..0.1 or 1e-4..1..*10; found the text '1...5'",
    "grid: {l2: 1..5..x2}": "s.yaml:5:12: l2: a range is 1..5, 0..1..0.1 or 1e-4..1..*10; found the text '1..5..x2'",
    "grid: {epochs: [5..1]}": "s.yaml:5:17: epochs: 5..1 is empty",
    "grid: {seed: [1]}": "s.yaml:5:8: seed: cannot be an axis; write seeds",
    'grid: {"activation, init": [[tanh]]}': "s.yaml:5:29: activation, init: expected a list of 2 values",
    'grid: {activation: [tanh], "init, activation": [[zeros, relu]]}': "is an axis already",
    "grid: {l2: {log_uniform: [1, 2]}}": "say how many points: sample: 50",
    "grid: {l2: {log_uniform: [0, 2]}}\nsample: 3": "expected [low, high] with 0 < low < high",
    "grid: {l2: {uniform: [2, 2]}}\nsample: 3": "l2: uniform: expected [low, high] with low < high",
    "grid: {l2: {uniform: [0, .inf]}}\nsample: 3": "l2: uniform: expected [low, high] with low < high",
    "grid: {l2: {uniform: [0, 1], log_uniform: [1, 2]}}\nsample: 3": "uniform takes one key and stands alone",
    "grid: {lr: [0.1, 1]}": "s.yaml:5:13: lr: unknown key; it is optimizer.learning_rate here",
    "grid: {optimizer: [sgd, adam], optimizer.momentum: [0.5]}": "optimizer.momentum: unknown key; sgd has none",
    "grid: {optimizer: [sgd, momentum], optimizer.momentun: [0.5]}": "did you mean 'momentum'?",
    "grid: {epochs: [1]}\nexclude: [{layers.depth: 1}]": "s.yaml:6:12: exclude: 'layers.depth' is not an axis",
    "grid: {epochs: [1]}\nexclude: [{epochs: 2}]": "s.yaml:6:20: exclude: epochs is never 2",
    "grid: {epochs: [1]}\nsample: 0": "s.yaml:6:9: sample: expected whole numbers",
    "seeds: [a]": "s.yaml:5:8: seeds: expected whole numbers",
    "seeds: 0": "s.yaml:5:8: seeds: expected how many",
    "grids: {epochs: [1]}": "s.yaml:5:1: grids: unknown key",
    "grid: {cost: [quadratic, log_likelihood]}": "cost: log_likelihood does not go with sigmoid",
}


@pytest.mark.parametrize("text", PROBLEMS)
def test_a_typo_is_an_error_at_its_place(text: str) -> None:
    with pytest.raises(ConfigError) as caught:
        plan(text + "\n")
    assert PROBLEMS[text] in str(caught.value)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"typed": ["epochs"]}, "-g epochs: write KEY=SPEC"),
        ({"typed": ["activation=relu"]}, "activation, init vary together"),
        ({"overrides": ["activation=relu"]}, "-s activation=relu: is an axis of the sweep"),
        ({"overrides": ["activation.gain=2"]}, "-s activation.gain=2: activation is an axis of the sweep; write -g"),
        ({"overrides": ["seeds=3"]}, "-s seeds=3: seeds is no key of a config; write --seeds 3"),
        ({"overrides": ["grid.layers.depth=1..3"]}, "write -g layers.depth=1..3"),
        ({"overrides": ["exclude=[]"]}, "write exclude in the file"),
        ({"typed": ["layers.depth=1,x"]}, "-g layers.depth=1,x: layers.depth: expected a whole number"),
    ],
)
def test_typed_problems(options: dict[str, Any], told: str) -> None:
    with pytest.raises(ConfigError) as caught:
        plan("grid: {'activation, init': [[tanh, zeros]]}\n", **options)
    assert told in str(caught.value)


def test_a_million_points_are_listed_lazily() -> None:
    swept = plan("grid: {layers.width: 1..100, layers.depth: 1..100, epochs: 1..10}\nseeds: 10\n")
    assert swept.points is None
    assert swept.count == 10**6
    first = list(itertools.islice(swept.jobs(), 25))
    assert [job.config.seed for job in first if isinstance(job, Job)] == [*range(10)] * 2 + [*range(5)]


def test_a_huge_grid_is_checked_value_by_value_and_point_by_point(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vgrad.sweeps.plan.LIMIT", 100)  # huge is what has more
    axes = "grid: {layers.width: 1..10, layers.depth: 1..10, activation: [tanh, WHAT]}\n"
    with pytest.raises(ConfigError, match="no activation 'WHAT'"):
        plan(axes)
    pairs = "grid: {layers.width: 1..26, output: [sigmoid, softmax], cost: [cross_entropy, log_likelihood]}\n"
    fits = pairs + "exclude: [{output: softmax, cost: cross_entropy}, {output: sigmoid, cost: log_likelihood}]\n"
    jobs = list(itertools.islice(plan(fits).jobs(), 4))
    assert all(isinstance(job, Job) for job in jobs)
    mixed = Plan(grid(pairs), Path("runs"), Path(), None)
    assert [isinstance(job, Unfit) for job in itertools.islice(mixed.jobs(), 4)] == [False, True, True, False]


def test_two_configs_of_one_hash_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vgrad.config.config.Config.identity", "00000000")
    with pytest.raises(ConfigError, match="have the same hash"):
        plan("grid: {layers.depth: [1, 2]}\n")
