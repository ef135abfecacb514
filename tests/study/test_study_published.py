"""The published figures as data: those of the sources; sweeps that are those of configs/nielsen; wrong files."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest
import yaml

from vgrad.cli import run
from vgrad.cli.options import read_config
from vgrad.config.check import settled
from vgrad.errors import ConfigError
from vgrad.study.names import HERE, STUDIES
from vgrad.study.published import Study, load_study

CONFIGS = Path(__file__).resolve().parents[2] / "configs" / "nielsen"
DIGITS = 6e-6  # the data are kept to six digits


@pytest.fixture(scope="module")
def study() -> Study:
    return load_study("nielsen")


def figures(study: Study, experiment: int) -> dict[str, list[float | None]]:
    return {figure.label: figure.published for figure in study.contents.experiments[experiment].figures}


def source(shared: Path, depth: int) -> list[list[float]]:
    file = shared / "reference" / "nielsen" / f"norms_during_training_{depth}_layers.json"
    rows: list[list[float]] = json.loads(file.read_text())
    return rows


def test_the_curves_are_those_of_the_source(study: Study, shared: Path) -> None:
    curves = study.curves["speed"]
    assert sorted(curves) == [2, 3, 4]
    for depth in curves:
        rows = source(shared, depth)
        assert sorted(curves[depth]) == list(range(1, depth + 1))
        for layer, line in curves[depth].items():
            assert [line[epoch] for epoch in range(500)] == pytest.approx([row[layer - 1] for row in rows], rel=DIGITS)
            assert len(line) == 500


def test_the_start_and_the_ratios_are_those_of_the_curves(study: Study, shared: Path) -> None:
    start, training = figures(study, 1), figures(study, 2)
    for point, depth in enumerate((2, 3, 4)):
        rows = source(shared, depth)
        found = [start[f"‖δ^{layer}‖ at the start"][point] for layer in range(1, 5)]
        assert found[:depth] == pytest.approx(rows[0], rel=DIGITS)
        assert found[depth:] == [None] * (4 - depth)
        ratios = [row[-1] / row[0] for row in rows]
        assert start["last/first at the start"][point] == pytest.approx(ratios[0], rel=DIGITS)
        assert training["last/first, least of 500 epochs"][point] == pytest.approx(min(ratios), rel=DIGITS)
        assert training["last/first, greatest of 500 epochs"][point] == pytest.approx(max(ratios), rel=DIGITS)


def test_the_bars_are_those_of_the_source(study: Study, shared: Path) -> None:
    bars = json.loads((shared / "reference" / "nielsen" / "initial_gradient.json").read_text())
    for ours, theirs in zip(study.contents.experiments[1].neurons, bars, strict=True):
        assert ours == pytest.approx(theirs, rel=DIGITS)
    for layer, theirs in enumerate(bars, 1):
        rms = math.sqrt(sum(value**2 for value in theirs) / len(theirs))
        assert figures(study, 1)[f"rms ∂C/∂b of six neurons, layer {layer}"][0] == pytest.approx(rms, rel=DIGITS)


def test_the_accuracies_are_those_of_the_text(study: Study) -> None:
    assert figures(study, 0) == {"validation accuracy": [96.48, 96.90, 96.57, 96.53]}


@pytest.mark.parametrize(("experiment", "config", "depths"), [(0, "accuracy", range(1, 5)), (2, "speed", range(2, 5))])
def test_the_sweeps_train_what_the_configs_train(study: Study, experiment: int, config: str, depths: range) -> None:
    """`vgrad train configs/nielsen/...` trains the networks of the study; it may log more."""
    grid = study.grid(study.contents.experiments[experiment], [], None)
    ours = [settled(grid.document(point)) for point in grid.points()]
    theirs = [read_config(str(CONFIGS / f"{config}-{depth}.yaml"), []) for depth in depths]
    logged = {"name": "", "monitor": []}
    assert [each.plain() | logged for each in ours] == [each.plain() | logged for each in theirs]


# -- wrong files -------------------------------------------------------------------------------------------------------

GOOD = {
    "study": "small",
    "title": "Small",
    "source": "us",
    "url": "http://localhost",
    "seeds": 3,
    "experiments": [
        {
            "name": "xor",
            "title": "XOR",
            "text": "A network on XOR.",
            "sweep": {"layers": {"depth": 1, "width": 3}, "data": "xor", "epochs": 1, "grid": {"layers.depth": [1, 2]}},
            "figures": [{"label": "speed", "measure": {"name": "norm", "layer": 1}, "published": [0.1, 0.01]}],
        }
    ],
}


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ("seeds: 0", "seeds: must be >= 1"),
        ("studdy: x", "unknown key; did you mean 'study'?"),
        ("url: null", "url: expected text"),
        ("experiments: []", "experiments:"),
        ("experiments.0.name: ../up", "experiments.0.name:"),
        ("experiments.0.figures.0.measure: nrom", "no measure 'nrom'; did you mean 'norm'?"),
        ("experiments.0.figures.0.measure: {name: ratio, over: end}", "'start', 'least' or 'greatest'"),
        ("experiments.0.figures.0.measure: {name: norm, layer: 0}", "layer: must be > 0"),
        ("experiments.0.figures.0.published: [0.1]", "expected 2 numbers, one a point of the grid, found 1"),
        ("experiments.0.figures.0.published: [0.1, -1]", "must be above 0 on a logarithmic scale"),
        ("experiments.0.figures.0.unit: V", "unit: expected '' or '%'"),
        ("experiments.0.sweep.grid: 5", "grid: expected"),
        ("experiments.0.curves: none.csv", "none.csv: published curves cannot be read: no such file"),
        ("experiments.0.curves: ..", "must be a file beside the study"),
        ("experiments.0.curves: ../other.csv", "must be a file beside the study"),
        ("experiments.0.curves: folder", "published curves cannot be read: is a directory"),
        ("experiments.0.name: study.json", "must be without a dot"),
        ("experiments.0.quick: {points: 3}", "the grid has 2"),
        ("experiments.0.title: ''", "title:"),
        ("experiments.0.sweep.grid: {l2: [0, 1]}", "two points train 2-3-2; figures go by their networks"),
    ],
)
def test_what_is_wrong_is_told_in_a_line(tmp_path: Path, change: str, told: str) -> None:
    tree = json.loads(json.dumps(GOOD))
    path, _, text = change.partition(": ")
    *parents, last = [int(part) if part.isdigit() else part for part in path.split(".")]
    place = tree
    for part in parents:
        place = place[part]
    place[last] = yaml.safe_load(text)
    file = tmp_path / "small.yaml"
    (tmp_path / "folder").mkdir()
    file.write_text(yaml.safe_dump(tree, sort_keys=False))
    with pytest.raises(ConfigError) as caught:
        load_study(str(file))
    assert told in caught.value.problems[0]
    assert str(tmp_path) in caught.value.problems[0]
    assert "\n" not in caught.value.problems[0]


def test_a_measure_stands_once(tmp_path: Path) -> None:
    tree = json.loads(json.dumps(GOOD))
    tree["experiments"][0]["figures"] *= 2
    (tmp_path / "small.yaml").write_text(yaml.safe_dump(tree))
    with pytest.raises(ConfigError, match="measure: stands twice"):
        load_study(str(tmp_path / "small.yaml"))


def test_neurons_are_of_one_experiment(tmp_path: Path) -> None:
    one = {**GOOD["experiments"][0], "neurons": [[0.1]]}  # type: ignore[index]
    (tmp_path / "small.yaml").write_text(yaml.safe_dump({**GOOD, "experiments": [one, {**one, "name": "other"}]}))
    with pytest.raises(ConfigError, match=r"experiments\.1\.neurons: another experiment has neurons"):
        load_study(str(tmp_path / "small.yaml"))


def test_two_experiments_need_two_names(tmp_path: Path) -> None:
    file = tmp_path / "small.yaml"
    file.write_text(yaml.safe_dump({**GOOD, "experiments": [GOOD["experiments"][0]] * 2}))  # type: ignore[index]
    with pytest.raises(ConfigError, match="'xor' stands twice"):
        load_study(str(file))


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", ":1: expected the header"),
        (b"hidden,epoch,layer\n", ":1: expected the header"),
        (b"hidden,epoch,layer,value\n1,0,1,0.5\n1,1,1,nan\n", ":3: expected"),
        (b"hidden,epoch,layer,value\n1,0,2,0.5\n", ":2: expected"),
        (b"hidden,epoch,layer,value\n1,0,1\n", ":2: expected"),
        (b"hidden,epoch,layer,value\n1,0,1,0.5,7\n", ":2: expected"),
        *(
            (b"hidden,epoch,layer,value\n1,0,1," + value + b"\n", ":2: expected")
            for value in (b"inf", b"0", b"-1", b"")
        ),
        (b"hidden,epoch,layer,value\n1,0,0,0.5\n", ":2: expected"),
        (b"hidden,epoch,layer,value\n1,-1,1,0.5\n", ":2: expected"),
        (b"\xff\xfe", "not a CSV file"),
    ],
)
def test_wrong_curves_are_told_by_their_line(tmp_path: Path, content: bytes, told: str) -> None:
    tree = json.loads(json.dumps(GOOD))
    tree["experiments"][0]["curves"] = "curves.csv"
    (tmp_path / "curves.csv").write_bytes(content)
    (tmp_path / "small.yaml").write_text(yaml.safe_dump(tree))
    with pytest.raises(ConfigError) as caught:
        load_study(str(tmp_path / "small.yaml"))
    assert told in caught.value.problems[0]


def test_an_unknown_study_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="did you mean 'nielsen'"):
        load_study("nielson")
    with pytest.raises(ConfigError, match="no such file"):
        load_study(str(tmp_path / "absent.yaml"))


def test_the_file_travels_with_the_package() -> None:
    assert {path.name for path in HERE.glob("nielsen*")} == {"nielsen.yaml", "nielsen-curves.csv", "nielsen-power.csv"}


@pytest.mark.parametrize("name", STUDIES)
def test_a_study_that_comes_with_vgrad_is_called_by_its_name(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert load_study(name).contents.study == name
    assert run(["reproduce", "--help"]) == 0
    assert f"{name}, " in " ".join(capsys.readouterr().out.split())
