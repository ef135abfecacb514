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
from vgrad.document.document import load_yaml

Capture = pytest.CaptureFixture[str]
CONFIGS = Path(__file__).resolve().parents[2] / "configs"
SHIPPED = sorted(path for path in CONFIGS.rglob("*.yaml") if path.parent.name not in ("sweeps", "studies"))

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
    schema = config_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


@each_row("path", SHIPPED)
def test_shipped_configs_fit_the_schema(path: Path, validator: Any) -> None:
    validator.validate(load_yaml(path).data)
    validator.validate(read_config(str(path), None).plain())


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
    assert list(keys) == list(Config.model_fields)
    assert all(key["description"] for key in keys.values())
    for name, key in keys.items():
        if "default" in key:
            validator.validate(base | {name: key["default"]})
            assert check(base | {name: key["default"]}).identity == check(base).identity, name
    assert {name for name in keys if "default" not in keys[name]} == {"name", "layers"}


def test_schema_is_printed_as_json(capsys: Capture) -> None:
    assert run(["config", "schema"]) == 0
    assert json.loads(capsys.readouterr().out) == config_schema()


def test_help_tells_how_an_editor_takes_it(capsys: Capture) -> None:
    assert run(["config", "schema", "--help"]) == 0
    assert "yaml-language-server: $schema=" in " ".join(capsys.readouterr().out.split())
