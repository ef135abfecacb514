"""The formats of reports: one table says them to the commands, the reports and the documents."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from vgrad.cli import run
from vgrad.report import formats as of_runs
from vgrad.report.diff import DIFF_FORMATS
from vgrad.study.report import formats as of_studies
from vgrad.text.formats import DEFAULT, ENDINGS, FORMATS, Format, writers
from vgrad.text.markup import as_markdown
from vgrad.text.sheet import Column, Sheet

HOUSE = Path(__file__).resolve().parents[2]
RUNS, STUDY = HOUSE / "runs" / "reference" / "gallery", HOUSE / "runs" / "reference" / "nielsen"
SHEET = Sheet((Column("name", ("a",)),), (), "caption", (), "runs", "origin")


def test_every_format_is_written_by_some_report_and_has_an_ending_of_its_own() -> None:
    assert set(FORMATS) == set(of_runs.FORMATS) | set(of_studies.STUDY_FORMATS)
    assert {*DIFF_FORMATS, DEFAULT} <= set(FORMATS)
    assert {name: FORMATS[name].ending for name in FORMATS} == {name: ending for ending, name in ENDINGS.items()}
    assert all(re.fullmatch(r"\.[a-z]+", ending) for ending in ENDINGS)


def test_the_document_has_the_table_of_formats() -> None:
    text = (HOUSE / "docs" / "reports.md").read_text(encoding="utf-8")
    rows = "".join(f"| `{name}` | `{each.ending}` | {each.told} |\n" for name, each in FORMATS.items())
    assert f"| format | ending | for |\n|---|---|---|\n{rows}\n" in text


def test_the_help_names_every_format(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    assert run(["report", "--help"]) == 0
    assert ", ".join(FORMATS) in capsys.readouterr().out


def test_a_format_that_is_made_of_a_sheet_is_one_of_every_report(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(FORMATS, "shout", Format(".shout", "", lambda sheet: as_markdown(sheet).upper()))
    monkeypatch.setitem(FORMATS, "own", Format(".own", ""))
    assert writers(lambda _: SHEET, {})["shout"](None) == as_markdown(SHEET).upper()
    assert writers(lambda _: SHEET, {"own": str})["own"](None) == "None"
    assert "own" not in writers(lambda _: SHEET, {})


@pytest.mark.parametrize(
    ("module", "table", "words", "told"),
    [
        (of_runs, "FORMATS", [RUNS], "a comparison of runs is not written so; there are table, markdown"),
        (of_studies, "STUDY_FORMATS", [STUDY], "a study is not written so; there are table, markdown"),
    ],
)
def test_a_format_of_the_other_report_alone_is_refused(
    module: object,
    table: str,
    words: list[Path],
    told: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delitem(getattr(module, table), "csv")
    assert run(["report", *map(str, words), "--format", "csv"]) == 2
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert err.startswith(f"vgrad: --format csv: {told}")
