"""docs/toolbox.md: its tables are those of the code."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

HOUSE = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="module")
def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("toolbox_script", HOUSE / "scripts" / "toolbox.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_tables_are_current(script: ModuleType) -> None:
    text = script.DOCUMENT.read_text(encoding="utf-8")
    assert script.current(text) == text, "python scripts/toolbox.py --write"
    assert {found[1] for found in script.MARKED.findall(text)} == set(script.TABLES)


def test_a_change_is_noticed(script: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    from vgrad.nn.schedules import SCHEDULES, constant

    monkeypatch.setitem(SCHEDULES, "newcomer", constant)
    text = script.DOCUMENT.read_text(encoding="utf-8")
    assert script.current(text) != text
    assert "`newcomer`" in script.current(text)
