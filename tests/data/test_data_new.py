"""A data set is a function and a line in DATASETS: sizes that depend on a parameter, and sizes that nobody states."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import jsonschema
import numpy as np
import pytest

from vgrad.cli import run
from vgrad.config.check import check
from vgrad.config.schema import config_schema
from vgrad.config.template import full_config, starting_config
from vgrad.data import DATASETS, Facts, Part, Source, facts, load
from vgrad.registry import PositiveInt

Capture = pytest.CaptureFixture[str]
SCRIPT = Path(__file__).resolve().parents[2] / "scripts" / "toolbox.py"


def stripes(progress: bool = False, *, points: PositiveInt = 60) -> tuple[Part, Part, Part]:
    """Points of the unit interval in three classes."""
    x = (np.arange(points, dtype=np.float64) / points)[:, None]
    whole = Part(x, (3 * x[:, 0]).astype(np.int64))
    return whole, whole.first(points // 2), whole.first(0)


def counted(*, points: int = 60) -> Facts:
    return Facts(1, 3, (points, points // 2, 0))


@pytest.fixture(params=["told", "looked at"])
def newcomer(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """The name of a set from outside, once with facts that are a function and once without any."""
    source = Source(stripes, "three stripes", counted) if request.param == "told" else Source(stripes, "three stripes")
    monkeypatch.setitem(DATASETS, "stripes", source)
    return "stripes"


def test_facts_are_those_of_the_loaded_set(newcomer: str) -> None:
    for given in ({}, {"points": 9}):
        found, data = facts(newcomer, **given), load(newcomer, **given)
        assert found.sizes == (len(data.train), len(data.validation), len(data.test))
        assert (found.n_inputs, found.classes) == (data.n_inputs, data.classes) == (1, 3)


def test_a_config_knows_its_sizes(newcomer: str, tmp_path: Path, capsys: Capture) -> None:
    file = tmp_path / "c.yaml"
    file.write_text(f"layers: {{depth: 1, width: 4}}\nepochs: 2\ndata: {{name: {newcomer}, points: 30}}\n")
    assert run(["config", "show", str(file)]) == 0
    told = capsys.readouterr()
    assert "train: 30" in told.out
    assert "validation: 15" in told.out
    assert run(["train", str(file), "-q", "--runs-dir", str(tmp_path)]) == 0
    assert Path(capsys.readouterr().out.strip(), "run.json").exists()
    assert run(["sweep", str(file), "-q", "-j", "0", "-g", "data.points=12,30", "--runs-dir", str(tmp_path / "s")]) == 0
    capsys.readouterr()
    assert run(["config", "check", str(file), "-s", "data.train=31"]) == 2
    assert "stripes has 30 train examples, found 31" in capsys.readouterr().err
    assert run(["config", "check", str(file), "-s", "data.name=stripe"]) == 2
    assert "did you mean 'stripes'" in capsys.readouterr().err


def test_schema_template_and_document_know_it(newcomer: str) -> None:
    tree = {"name": "x", "layers": [1, 3], "data": {"name": newcomer, "points": 7}}
    jsonschema.validate(tree, config_schema())
    assert check(tree).part_sizes == {"train": 7, "validation": 3, "test": 0}
    assert "three stripes" in full_config("digits")
    assert "batch_size: 10" in starting_config(newcomer)
    spec = importlib.util.spec_from_file_location("toolbox_script", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    assert "| `stripes` | `points: 60` | three stripes |" in script.TABLES["data"]()


def test_facts_that_are_stated_are_not_looked_for(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def refuse(progress: bool = False) -> tuple[Part, Part, Part]:
        raise AssertionError("loaded")

    mnist = DATASETS["mnist"]
    monkeypatch.setitem(DATASETS, "mnist", Source(refuse, mnist.summary, mnist.facts, mnist.maximum))
    assert run(["config", "new", str(tmp_path / "c.yaml"), "--data", "mnist"]) == 0
    assert run(["config", "check", str(tmp_path / "c.yaml")]) == 0
    assert run(["config", "show", str(tmp_path / "c.yaml")]) == 0
