"""Every format stays inert, whatever texts come in, and says the same numbers; LaTeX compiles."""

from __future__ import annotations

import csv
import json
import os
import re
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import replace
from io import StringIO
from pathlib import Path
from typing import Any

import html5lib
import pytest
from hostile_texts import ALL_ASCII, HOSTILE, Elements
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from rows import each_row

from vgrad.report.compare import compare
from vgrad.report.formats import FORMATS
from vgrad.report.layout import lay_out
from vgrad.report.runs import collect
from vgrad.report.table import Table
from vgrad.text import escapes
from vgrad.text.escapes import visible_lines
from vgrad.text.latex import COLUMN, PAGE, as_latex
from vgrad.text.numbers import plus_minus, significant, times_over
from vgrad.text.sheet import Column, Sheet
from vgrad.text.terminal import render


def hostile(depths: Path) -> Table:
    """A table in which every text that a config could hold is hostile."""
    runs, _ = collect([str(depths)], Path())
    changed = [
        replace(run, config={**run.config, "cost": HOSTILE, "output": f"{ALL_ASCII}{run.hidden}"}) for run in runs
    ]
    return compare(changed, rows=["output"], columns=["activation"], values=["last_first_ratio", "verdict"])


def inert_markdown(text: str) -> None:
    assert all(line.replace("\\|", "").count("|") == 6 for line in text.splitlines() if line.startswith("|"))
    assert not any(sign in text.replace("\\" + sign, "") for sign in ("<img", "`", "[x]"))


def inert_latex(text: str) -> None:
    assert r"\input" not in text.replace(r"\textbackslash{}input", "")


def inert_page(text: str) -> None:
    found = Elements(text)
    assert found.count("script") == 2
    assert found.count("img") == 0
    assert not found.handlers
    assert json.loads(found.data)["runs"]


def inert_csv(text: str) -> None:
    cells = [cell for row in csv.reader(StringIO(text)) for cell in row if cell]
    assert not any(cell[0] in "=+-@" for cell in cells if not _is_number(cell))


def inert_json(text: str) -> None:
    assert json.loads(text)["constant"]["cost"] == HOSTILE


def inert_text(text: str) -> None:
    assert visible_lines(text) == text


INERT: dict[str, Callable[[str], None]] = {
    "table": inert_text,
    "markdown": inert_markdown,
    "latex": inert_latex,
    "csv": inert_csv,
    "json": inert_json,
    "html": inert_page,
}
"""What a hostile text must not do in a format, for each of them: a format without a line here has no test of that."""


@pytest.mark.parametrize("name", FORMATS)
def test_hostile_texts_stay_inert(depths: Path, name: str) -> None:
    text = FORMATS[name](hostile(depths))
    assert "\x1b" not in text
    assert "\u202e" not in text
    INERT[name](text)


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def test_the_page_is_well_formed_and_alone(depths: Path) -> None:
    runs, _ = collect([str(depths)], Path())
    text = FORMATS["html"](compare(runs))
    found = Elements(text)
    assert found.open == []
    assert found.addresses == []
    assert len(found.ids) == len(set(found.ids))
    assert "default-src 'none'" in text
    assert "unsafe" not in text
    assert all(run.hash in text for run in runs)


def test_markdown_renders(depths: Path) -> None:
    runs, _ = collect([str(depths)], Path())
    for table, rows in ((compare(runs), 3), (compare(runs, rows=["layers", "activation"]), 6), (hostile(depths), 3)):
        shown = MarkdownIt("commonmark").enable("table").render(FORMATS["markdown"](table))
        assert (shown.count("<table>"), shown.count("<tr>")) == (1, 1 + rows)
        assert not any(tag in shown for tag in ("<img", "<a ", "<em>", "<code>"))


def test_the_page_validates(depths: Path) -> None:
    for table in (compare(collect([str(depths)], Path())[0]), hostile(depths)):
        html5lib.HTMLParser(strict=True).parse(FORMATS["html"](table))  # raises at the first error


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_names_its_runs_and_is_the_same_each_time(depths: Path, name: str) -> None:
    runs, _ = collect([str(depths)], Path())
    text = FORMATS[name](compare(runs))
    assert all(run.hash in text for run in runs)
    assert FORMATS[name](compare(runs)) == text


def test_csv_reads_back_bit_for_bit(pair: tuple[Path, Path]) -> None:
    runs, _ = collect(list(map(str, pair)), Path())
    rows = csv.DictReader(StringIO(FORMATS["csv"](compare(runs))))
    found = {(row["layers"], row["value"]): row for row in rows}
    for run in runs:
        row = found[str(run.flat["layers"]), "delta_norm[1].start"]
        assert float(row["median"]) == run.summary["gradient"]["start"]["delta_norm"][0]


def test_terminals_without_colour_or_unicode(depths: Path) -> None:
    runs, _ = collect([str(depths)], Path())
    sheet = lay_out(compare(runs))
    assert render(sheet, unicode=False).isascii()
    assert "\x1b" not in render(sheet)
    assert "\x1b[" in render(sheet, colour=True)


@pytest.mark.slow
def test_latex_compiles(depths: Path, tmp_path: Path) -> None:
    if not shutil.which("pdflatex"):
        if os.environ.get("CI"):
            pytest.fail("no pdflatex")
        pytest.skip("no pdflatex: install texlive-latex-recommended")
    runs, _ = collect([str(depths)], Path())
    (tmp_path / "one.tex").write_text(FORMATS["latex"](compare(runs)))
    (tmp_path / "two.tex").write_text(FORMATS["latex"](hostile(depths)))
    body = r"\documentclass{article}\usepackage{booktabs}\begin{document}\input{one}\input{two}\end{document}"
    (tmp_path / "main.tex").write_text(body)
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "-no-shell-escape", "main.tex"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 0, done.stdout[-2000:]
    assert "Missing character" not in (tmp_path / "main.log").read_text(errors="replace")


SETTINGS: dict[str, dict[str, Any]] = {
    "default": {},
    "pivot": {"columns": ["activation"], "values": ["validation_accuracy", "last_first_ratio"]},
    "norms": {"rows": ["activation", "layers.depth"], "values": ["delta_norm[1]", "delta_norm[-1].end", "verdict"]},
    "baseline": {"columns": ["activation"], "values": ["validation_accuracy"], "baseline": "activation=sigmoid"},
}


@pytest.mark.slow
@pytest.mark.parametrize("width", [None, 3.4, 4.7, 6.9])
def test_latex_is_never_wider_than_it_may_be(depths: Path, tmp_path: Path, width: float | None) -> None:
    """By TeX itself, which tells every line that sticks out."""
    if not shutil.which("pdflatex"):
        if os.environ.get("CI"):
            pytest.fail("no pdflatex")
        pytest.skip("no pdflatex: install texlive-latex-recommended")
    runs, _ = collect([str(depths)], Path())
    kind, wide = ("twocolumn", PAGE) if width is None else ("onecolumn", width)
    body = [rf"\documentclass[{kind}]{{article}}\usepackage{{booktabs}}\hfuzz=0.5pt"]
    body += [rf"\textwidth={wide}in\columnsep={PAGE - 2 * COLUMN:.1f}in\textheight=9in\begin{{document}}x"]
    for name, asked in SETTINGS.items():
        (tmp_path / f"{name}.tex").write_text(as_latex(lay_out(compare(runs, **asked)), width))
        body += [rf"\input{{{name}}}\clearpage"]
    (tmp_path / "main.tex").write_text("\n".join([*body, r"\end{document}"]))
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "-no-shell-escape", "main.tex"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 0, done.stdout[-2000:]
    log = (tmp_path / "main.log").read_text(errors="replace")
    assert "Overfull" not in log, re.findall(r"Overfull.*\n.*\n", log)
    assert "multiply" not in log


def test_latex_groups_columns_and_parts_what_is_too_wide(depths: Path) -> None:
    runs, _ = collect([str(depths)], Path())
    wide = as_latex(lay_out(compare(runs, **SETTINGS["pivot"])))
    assert r"\multicolumn{2}{c}{relu} & \multicolumn{2}{c}{sigmoid} \\" in wide
    assert r"\cmidrule(lr){2-3}\cmidrule(lr){4-5}" in wide
    assert wide.count(r"\begin{tabular}") == wide.count(r"\label{tab:vgrad-") == 1
    narrow = as_latex(lay_out(compare(runs)), 3.4)
    parts = narrow.count(r"\begin{tabular}")
    assert parts == narrow.count(r"\begin{table}") > 1
    assert narrow.count(r"\addtocounter{table}{-1}") == narrow.count("(continued)") == parts - 1
    assert narrow.count(r"\label{") == 1
    for title in ("epochs", "verdict", "learning"):  # nothing is lost
        assert title in narrow
    long = Sheet((Column("x", tuple(map(str, range(120)))),), (), "c", (), "r", "o")
    assert [as_latex(long).count(each) for each in (r"\begin{tabular}", "\n119 ")] == [3, 1]


@each_row(
    "text, shown",
    [
        ("1.09e5", r"$1.09\times10^{5}$"),
        ("-2.5e-8", r"$-2.5\times10^{-8}$"),
        ("-0.5 ± 0.1", r"$-$0.5 $\pm$ 0.1"),
        ("3 [2, 4]", "3 {[}2, 4{]}"),
        ("1.65 ×÷ 1.14", r"1.65 $\times\!/\!\div$ 1.14"),
        ("784-30-10", "784{-}30{-}10"),
        ("p = 1e-5", r"p = $1\times10^{-5}$"),
        ("–", "--"),
    ],
)
def test_numbers_as_a_paper_has_them(text: str, shown: str) -> None:
    sheet = Sheet((), (Column("x", (text,)),), "c", (), "r", "o")
    assert f"\n{shown} \\\\\n" in as_latex(sheet)


@given(st.text(max_size=60))
def test_escapes_take_any_text(text: str) -> None:
    for escape in (
        escapes.visible,
        escapes.markdown,
        escapes.latex,
        escapes.page,
        escapes.spreadsheet,
        escapes.ascii_only,
    ):
        found = escape(text)
        assert found.isprintable() or escape is escapes.ascii_only
    assert escapes.latex(text).isascii()


def test_numbers() -> None:
    assert significant(0.0775) == "0.0775"
    assert significant(0.00298) == "0.00298"
    assert significant(2.98e-5) == "2.98e-5"
    assert significant(99.99) == "100"
    assert significant(0.0) == "0"
    assert significant(float("inf")) == "inf"
    assert plus_minus(96.51, 96.40, 96.62) == "96.51 ± 0.11"
    assert plus_minus(60, 42, 78) == "60 ± 18"
    assert times_over(0.0605, 1.288) == "0.0605 ×÷ 1.29"
