"""Named variants: each sets several keys at once, and goes by its name in tables, exclusions, -g and studies."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from vgrad.cli import run
from vgrad.document.document import read_yaml
from vgrad.errors import ConfigError
from vgrad.sweeps.plan import make_plan
from vgrad.sweeps.points.grid import Grid, read_grid

BASE = "layers: {depth: 1, width: 3}\ndata: xor\nbatch_size: 4\nepochs: 1\n"
VARIANTS = """grid:
  variant:
    plain: {}
    rectifiers: {activation: relu, init: he_normal}
    fast (0.9): {optimizer: {name: momentum}, optimizer.momentum: 0.9}
  layers.depth: 1..2
"""
FAST = '"fast (0.9)"'
"""As YAML spells it."""


def grid(text: str = VARIANTS, **options: Any) -> Grid:
    return read_grid(read_yaml(BASE + text, "s.yaml"), **options)


def test_a_point_has_the_settings_of_its_variant() -> None:
    plan = make_plan(grid(), Path("runs"), Path())
    assert plan.points is not None
    found = {
        point.cells: (c.activation.name, c.init.weights.name, c.optimizer.name, len(c.sizes))
        for point, c in plan.points
    }
    plain, he, fast = (
        ("sigmoid", "lecun_normal", "sgd"),
        ("relu", "he_normal", "sgd"),
        ("sigmoid", "lecun_normal", "momentum"),
    )
    expected = {}
    for name, settings in {"plain": plain, "rectifiers": he, FAST: fast}.items():
        for depth in (1, 2):
            expected[("variant", name), ("layers.depth", str(depth))] = (*settings, depth + 2)
    assert found == expected
    assert [c.optimizer.parameters.get("momentum") for _, c in plan.points][-1] == 0.9
    assert grid().keys == ("activation", "init", "optimizer", "optimizer.momentum", "layers.depth")


def test_names_choose_exclude_and_order_them() -> None:
    chosen = grid(typed=["variant=fast (0.9),plain"])
    assert [dict(point.cells)["variant"] for point in chosen.points()] == [FAST, FAST, "plain", "plain"]
    without = grid(f"{VARIANTS}exclude: [{{variant: [plain, rectifiers], layers.depth: 2}}]\n")
    assert [tuple(dict(point.cells).values()) for point in without.points()] == [
        ("plain", "1"),
        ("rectifiers", "1"),
        (FAST, "1"),
        (FAST, "2"),
    ]


WRONG = {
    "  variant: [a, b]": "s.yaml:6:12: variant: expected {plain: {}",
    "  variant: {}": "s.yaml:6:12: variant: expected {plain: {}",
    "  variant: {a: 3}": "s.yaml:6:16: variant.a: expected settings such as",
    "  variant: {a: {seed: 3}}": "s.yaml:6:17: variant.a: cannot set seed",
    "  variant: {a: {name: x}}": "s.yaml:6:17: variant.a: cannot set name",
    '  variant: {"a\\u202eb": {}}': "a name has letters",
    '  variant: {" a": {}}': "a name has letters",
    f"  variant: {{{'a' * 41}: {{}}}}": "a name has letters",
}


@pytest.mark.parametrize("text", WRONG)
def test_what_is_none_is_told_at_its_place(text: str) -> None:
    with pytest.raises(ConfigError) as caught:
        grid(f"grid:\n{text}\n")
    assert WRONG[text] in caught.value.problems[0]


REFUSED: dict[str, dict[str, Any]] = {
    "no variant 'plian'; did you mean 'plain'?": {"typed": ["variant=plian"]},
    "-s activation=tanh: is set by variants, at s.yaml:6:3; write it there": {"overrides": ["activation=tanh"]},
    "-s init.gain=2: init is set by variants, at s.yaml:6:3; write it there": {"overrides": ["init.gain=2"]},
    "-g activation=tanh: activation is set by variants already, at s.yaml:6:3": {"typed": ["activation=tanh"]},
}


@pytest.mark.parametrize("told", REFUSED)
def test_a_key_is_set_in_one_place(told: str) -> None:
    with pytest.raises(ConfigError) as caught:
        grid(**REFUSED[told])
    assert told in caught.value.problems[0]


def test_variants_are_written_in_a_file() -> None:
    with pytest.raises(ConfigError, match="the file has no variants; write them there"):
        grid("", typed=["variant=plain"])


def test_a_wrong_setting_is_told_with_its_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "s.yaml"
    path.write_text(BASE + VARIANTS.replace("he_normal", "he_norml"))
    assert run(["config", "check", str(path)]) == 2
    assert f"{path}:8:42: init: " in capsys.readouterr().err


def test_a_sweep_of_them_runs_and_is_told_by_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("s.yaml").write_text(BASE + VARIANTS)
    assert run(["sweep", "s.yaml", "-j", "0", "-q"]) == 0
    told = capsys.readouterr().out
    assert [told.count(name) for name in ("plain", "rectifiers", "fast (0.9)")] == [2, 2, 2]
    assert len(list(Path("runs/s").glob("s-*"))) == 6
    assert run(["config", "show", "s.yaml"]) == 0
    shown = capsys.readouterr().out
    assert '# variant: plain, rectifiers, "fast (0.9)"\n' in shown
    Path("again.yaml").write_text(shown)
    assert run(["sweep", "again.yaml", "-s", "name=s", "-j", "0", "-q", "--dry-run"]) == 0
    assert capsys.readouterr().out.count(" complete ") == 6


def test_the_schema_has_them(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["config", "schema"]) == 0
    schema = json.loads(capsys.readouterr().out)
    axis = schema["properties"]["grid"]["properties"]["variant"]
    assert axis["additionalProperties"]["propertyNames"]["pattern"].startswith("^(?:")
