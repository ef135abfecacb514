"""What there is to reproduce, and what editors are told of a study."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from rows import each_row

from vgrad.cli import run
from vgrad.study.files import read_outcome
from vgrad.study.listing import duration, lay_out
from vgrad.study.names import ALIASES, HERE, STUDIES
from vgrad.study.published import load_study

OWN = Path(__file__).resolve().parents[2] / "configs" / "studies"


def test_the_list_names_every_study(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["reproduce", "--list", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert [row["study"] for row in rows] == STUDIES
    he = next(row for row in rows if row["study"] == "he2015")
    assert (he["claims"], he["figures"], he["quick_seconds"] <= 120, he["seconds"] <= 3600) == (6, 0, True, True)
    assert run(["reproduce", "--list"]) == 0
    shown = capsys.readouterr().out
    assert all(name in shown for name in (*STUDIES, *ALIASES))


def test_the_list_tells_what_came_of_them(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    kept = OWN.parents[1] / "runs" / "reference"
    assert run(["reproduce", "--list", "--json", "--runs-dir", str(kept)]) == 0
    rows = {row["study"]: row["outcome"] for row in json.loads(capsys.readouterr().out)}
    assert rows["nielsen"]
    for name, outcome in rows.items():
        if outcome is None:
            assert not (kept / name).exists()
            continue
        study = read_outcome(kept / name).study
        assert outcome["verdict"] == study.verdict
        assert outcome["holds"] == sum(claim.verdict == "holds" for claim in study.claims)
        assert outcome["p"] == study.p
    assert run(["reproduce", "--list", "--json", "--runs-dir", str(tmp_path)]) == 0
    assert {row["outcome"] for row in json.loads(capsys.readouterr().out)} == {None}
    (tmp_path / "he2015").mkdir()
    (tmp_path / "he2015" / "study.json").write_text("{")
    assert run(["reproduce", "--list", "--runs-dir", str(tmp_path)]) == 4
    assert "he2015" in capsys.readouterr().err


@each_row(
    "words, told",
    [((), "which study? balduzzi2017"), (("nielsen", "--list"), "leave STUDY out"), (("--list", "-q"), "--quiet")],
)
def test_a_list_is_of_all(words: tuple[str, ...], told: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["reproduce", *words]) == 2
    assert told in capsys.readouterr().err


@pytest.mark.parametrize("name", ALIASES)
def test_another_name_is_the_same_study(name: str) -> None:
    assert load_study(name).contents == load_study(ALIASES[name]).contents


def test_a_study_that_could_not_be_tested_has_no_p() -> None:
    row = {"study": "s", "also": [], "title": "t", "source": "s", "claims": 0, "figures": 1}
    row |= {"quick_seconds": None, "seconds": None}
    outcome = {"verdict": "undecided", "holds": 0, "fails": 0, "p": None}
    assert lay_out([{**row, "outcome": outcome}]).columns[-1].cells == ("undecided",)
    assert lay_out([{**row, "outcome": {**outcome, "p": 0.125}}]).columns[-1].cells == ("undecided, p = 0.12",)


@each_row("seconds, told", [(None, "–"), (12, "12 s"), (150, "2 min"), (4000, "67 min"), (7200, "2.0 h")])
def test_durations(seconds: float | None, told: str) -> None:
    assert duration(seconds) == told


@pytest.fixture(scope="module")
def schema() -> Any:
    from vgrad.config.schema import config_schema
    from vgrad.study.schema import study_schema
    from vgrad.sweeps.points.schema import sweep_schema

    found = study_schema(sweep_schema(config_schema()))
    jsonschema.Draft202012Validator.check_schema(found)
    return jsonschema.Draft202012Validator(found)


@pytest.mark.parametrize("file", [*HERE.glob("*.yaml"), *OWN.glob("*.yaml")], ids=lambda file: file.stem)
def test_studies_are_as_their_schema_says(file: Path, schema: Any) -> None:
    tree = yaml.safe_load(file.read_text(encoding="utf-8"))
    assert not list(schema.iter_errors(tree))
    for path in ([], ["experiments", 0], ["experiments", 0, "sweep"]):
        wrong = copy.deepcopy(tree)
        place = wrong
        for part in path:
            place = place[part]
        place["newcomer"] = 1
        assert [list(error.absolute_path) for error in schema.iter_errors(wrong)] == [path]


def test_the_command_prints_it(capsys: pytest.CaptureFixture[str], schema: Any) -> None:
    assert run(["config", "schema", "--study"]) == 0
    assert json.loads(capsys.readouterr().out) == schema.schema
