"""`vgrad config schema`: what an editor is told agrees with what `vgrad config check` says."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from rows import each_row

from vgrad.cli import run
from vgrad.cli.options import read_config
from vgrad.config.check import check
from vgrad.config.config import Config
from vgrad.config.problems import Problems
from vgrad.config.schema import config_schema
from vgrad.document.document import load_yaml, read_yaml
from vgrad.document.writer import dump_yaml
from vgrad.errors import ConfigError
from vgrad.sweeps.plan import make_plan
from vgrad.sweeps.points.grid import KEYS, read_grid
from vgrad.sweeps.points.schema import sweep_schema

Capture = pytest.CaptureFixture[str]
CONFIGS = Path(__file__).resolve().parents[2] / "configs"
SHIPPED = sorted(path for path in CONFIGS.rglob("*.yaml") if path.parent.name not in ("sweeps", "studies"))
SWEEPS = sorted((CONFIGS / "sweeps").glob("*.yaml"))

WRONG: dict[str, dict[str, Any]] = {
    "unknown key": {"epochz": 3},
    "text for a number": {"epochs": "3"},
    "negative": {"epochs": -1},
    "bool for a number": {"batch_size": True},
    "number for a bool": {"shuffle": 1},
    "zero batch": {"batch_size": 0},
    "word for a batch": {"batch_size": "all"},
    "one layer": {"layers": [64]},
    "size of zero": {"layers": [64, 0, 10]},
    "text as layers": {"layers": "64-10"},
    "stack without width": {"layers": {"depth": 2}},
    "stack with more": {"layers": {"depth": 2, "width": 3, "height": 4}},
    "unknown activation": {"activation": "sigmod"},
    "unknown parameter": {"activation": {"name": "tanh", "slope": 2}},
    "unknown activation in a list": {"activation": ["tanh", "sigmod"]},
    "unknown output": {"output": "tanh"},
    "unknown init": {"init": "nilsen"},
    "init without weights": {"init": {"biases": "zeros"}},
    "gain of zero": {"init": {"weights": "zeros", "gain": 0}},
    "file without path": {"init": {"name": "file"}},
    "unknown cost": {"cost": "cross-entropy"},
    "unknown optimizer": {"optimizer": {"name": "sdg"}},
    "negative rate": {"optimizer": {"name": "sgd", "learning_rate": -1}},
    "unknown data": {"data": "mnst"},
    "no training examples": {"data": {"name": "digits", "train": 0}},
    "unknown scale": {"data": {"name": "digits", "scale": "units"}},
    "unknown monitor": {"monitor": ["train_costs"]},
    "monitor twice": {"monitor": ["train_cost", "train_cost"]},
    "unknown probe": {"probes": ["delta_nrm"]},
    "probes every 0": {"probes": {"every": 0}},
    "name with a slash": {"name": "../x"},
    "unknown type": {"dtype": "float16"},
    "negative seed": {"seed": -1},
}


@pytest.fixture(scope="module")
def validator() -> Any:
    schema = sweep_schema(config_schema())
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


@each_row("path", SHIPPED)
def test_shipped_configs_fit_the_schema(path: Path, validator: Any) -> None:
    validator.validate(load_yaml(path).data)
    validator.validate(read_config(str(path), None).plain())


@pytest.mark.parametrize("path", SWEEPS, ids=lambda path: path.stem)
def test_shipped_sweeps_fit_the_schema(path: Path, validator: Any) -> None:
    validator.validate(load_yaml(path).data)


# what is beside `data: digits` in a sweep
RIGHT_SWEEPS = """grid: {layers.depth: 1..3, activation: [tanh, {name: leaky_relu, slope: 0.1}]}
grid: {layers.depth: [1, 2..4], optimizer.learning_rate: 1e-4..1..*10, l2: 0..1..0.5}
grid: {"activation, init": [[tanh, zeros], [relu, he_normal]]}
grid: {optimizer.learning_rate: {log_uniform: [1e-3, 1]}, dropout: {uniform: [0, 0.5]}}, sample: 3
grid: {optimizer: [sgd, momentum], optimizer.momentum: [0.5, 0.9]}, sample: {count: 2, seed: 1}
grid: {layers: [[64, 10], [64, 5, 10]]}, seeds: [1, 3..5], exclude: [{layers: [[64, 10]]}]
grid: {init.weights.sd: [1, 2], data.train: [10, 20]}, init: {weights: {name: normal}}
seeds: 0..4
seeds: 5"""
WRONG_SWEEPS = """grid: {lr: [0.1]}
grid: {layers.dept: [1]}
grid: {layers.depth: 3}
grid: {layers.depth: []}
grid: {layers.depth: [a]}
grid: {activation: [sigmod]}
grid: {optimizer.learning_rate: [-1]}
grid: {optimizer.learning_rate: 1-5}
grid: {optimizer.learning_rate: {normal: [0, 1]}}
grid: {optimizer.learning_rate: {uniform: [0]}}, sample: 3
grid: {"activation, init": [tanh]}
grid: {seed: [1]}
grid: [1]
seeds: 0
seeds: [a]
seeds: -1
exclude: [1]
sample: 0
sample: {seed: 3}
grids: {epochs: [1]}"""


def _sweep(text: str) -> dict[str, Any]:
    tree = dict(read_yaml(f"{{{text}}}", "s.yaml").data)
    return tree | {"data": tree.get("data", "digits")} | ({} if "layers:" in text else {"layers": [64, 30, 10]})


@each_row("text", RIGHT_SWEEPS.splitlines())
def test_right_sweeps_fit_and_have_points(text: str, validator: Any) -> None:
    tree = _sweep(text)
    tree |= {"layers": {"depth": 1, "width": 5}} if "layers.depth" in text else {}
    validator.validate(tree)
    assert make_plan(read_grid(read_yaml(dump_yaml(tree), "s.yaml")), Path("runs"), Path()).count > 0


@each_row("text", WRONG_SWEEPS.splitlines())
def test_wrong_sweeps_do_not(text: str, validator: Any) -> None:
    tree = _sweep(text)
    assert not validator.is_valid(tree)
    with pytest.raises(ConfigError):
        make_plan(read_grid(read_yaml(dump_yaml(tree), "s.yaml")), Path("runs"), Path())


@each_row("wrong", WRONG.values())
def test_wrong_configs_do_not(wrong: dict[str, Any], validator: Any) -> None:
    right = {"layers": [64, 30, 10], "data": "digits"}
    validator.validate(right)
    assert not validator.is_valid(right | wrong)
    with pytest.raises(Problems):
        check({"name": "x", **right, **wrong})


def test_layers_are_required(validator: Any) -> None:
    assert not validator.is_valid({"data": "digits"})


def test_the_schema_tells_descriptions_and_true_defaults(validator: Any) -> None:
    base = {"name": "x", "layers": [784, 30, 10]}
    keys = validator.schema["properties"]
    assert list(keys) == [*Config.model_fields, *KEYS]
    assert all(key["description"] for key in keys.values())
    for name, key in keys.items():
        if "default" in key:
            validator.validate(base | {name: key["default"]})
            assert check(base | {name: key["default"]}).identity == check(base).identity, name
    assert {name for name in keys if "default" not in keys[name]} == {"name", "layers", *KEYS}


def test_schema_is_printed_as_json(capsys: Capture) -> None:
    assert run(["config", "schema"]) == 0
    assert json.loads(capsys.readouterr().out) == sweep_schema(config_schema())


def test_help_tells_how_an_editor_takes_it(capsys: Capture) -> None:
    assert run(["config", "schema", "--help"]) == 0
    assert "yaml-language-server: $schema=" in " ".join(capsys.readouterr().out.split())
