"""Tables of documents that are made from the code are those of the code as it is."""

from __future__ import annotations

import re
from types import ModuleType

import pytest
from project import ROOT, load_script

SCRIPTS = ("toolbox", "contract")


@pytest.fixture(params=SCRIPTS)
def script(request: pytest.FixtureRequest) -> ModuleType:
    return load_script(request.param)


def test_the_tables_are_current(script: ModuleType) -> None:
    text = script.DOCUMENT.read_text(encoding="utf-8")
    assert script.current(text) == text, f"python scripts/{script.__name__}.py --write"
    assert {found[1] for found in script.MARKED.findall(text)} == set(script.TABLES)


def test_a_change_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    from vgrad.nn.schedules import SCHEDULES, constant

    script = load_script("toolbox")
    monkeypatch.setitem(SCHEDULES, "newcomer", constant)
    text = script.DOCUMENT.read_text(encoding="utf-8")
    assert script.current(text) != text
    assert "`newcomer`" in script.current(text)


def test_every_table_is_made_by_a_script() -> None:
    made = {load_script(name).DOCUMENT for name in SCRIPTS}
    marked = {
        path for path in (ROOT / "docs").glob("*.md") if re.search("<!-- table:", path.read_text(encoding="utf-8"))
    }
    assert marked == made


def test_every_command_stands_in_a_document() -> None:
    """Not only in the table of all, which is made."""
    made = re.compile("<!-- table:.*?<!-- end -->", re.DOTALL)
    documents = [ROOT / "README.md", *(ROOT / "docs").glob("*.md")]
    told = "\n".join(made.sub("", path.read_text(encoding="utf-8")) for path in documents)
    commands = re.findall("`(vgrad [^`]+)`", load_script("contract").commands())
    assert len(commands) > 15
    assert [command for command in commands if not re.search(rf"{command}\b", told)] == []
