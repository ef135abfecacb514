"""A study as a table: every format says the numbers of the files, fits its terminal, and stays inert."""

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

import pytest
from hostile_texts import ALL_ASCII, HOSTILE
from markdown_it import MarkdownIt
from report_runs import trained
from rows import each_row
from study_folder import write_study

from vgrad.errors import RunStateError
from vgrad.study.files import read_outcome
from vgrad.study.outcome import Figure, Outcome
from vgrad.study.report.formats import STUDY_FORMATS
from vgrad.study.report.table import band, judged_by, lay_out, measured, provenance, sentence, short_layers
from vgrad.text.sheet import Column, Sheet
from vgrad.text.terminal import render

Command = Callable[..., tuple[int, str, str]]
PLAIN = [name for name in STUDY_FORMATS if name != "html"]  # of the page, see test_study_page.py


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_study(tmp_path_factory.mktemp("study") / "nielsen", epochs=(0, 10, 20))


@pytest.fixture(scope="module")
def outcome(folder: Path) -> Outcome:
    return read_outcome(folder)


def hostile(outcome: Outcome) -> Outcome:
    """The outcome with hostile text wherever a file may hold text."""
    first = outcome.study.experiments[0].model_copy(update={"title": HOSTILE, "text": HOSTILE})
    texts = dict.fromkeys(("title", "source", "url", "data", "reason", "processor"), HOSTILE)
    study = outcome.study.model_copy(
        update={
            **texts,
            "settings": [HOSTILE, ALL_ASCII],
            "left_out": [ALL_ASCII, ""],
            "versions": {HOSTILE: HOSTILE},
            "experiments": [first, *outcome.study.experiments[1:]],
        }
    )
    figures = [
        replace(figure, label=HOSTILE if index % 2 else ALL_ASCII, unit="=1")
        for index, figure in enumerate(outcome.figures)
    ]
    values = [replace(value, run=f"{HOSTILE}\n{value.seed}") for value in outcome.values]
    return Outcome(study, tuple(figures), outcome.curves, outcome.neurons, tuple(values))


def figure(**changes: object) -> Figure:
    plain = {"published": 1.0, "center": 1.0, "spread": 1.2, "low": 0.9, "high": 1.1, "band_low": 0.5, "band_high": 2.0}
    whole = {"experiment": "A", "figure": "A.1", "layers": "784-30-10", "label": "‖δ^1‖", "unit": "", "scale": "log"}
    return Figure(**{**whole, **plain, "n": 20, "z": 0.0, "inside": None, "lost": 0, "verdict": "inside", **changes})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("show", "changes", "told"),
    [
        (measured, {"center": 0.0626, "low": 0.0522, "high": 0.0751}, "0.0626 ×÷ 1.20"),
        (measured, {"scale": "linear", "unit": "%", "center": 96.51, "low": 96.4, "high": 96.62}, "96.51 ± 0.11"),
        (measured, {"spread": None, "low": None, "high": None, "n": 1}, "1.00"),
        (measured, {"center": None, "n": 0}, "–"),
        (measured, {"center": None, "inside": 0.97, "z": None}, "curve"),
        (band, {"band_low": 0.0224, "band_high": 0.1747}, "0.0224 to 0.175"),
        (band, {"scale": "linear", "band_low": 96.1616, "band_high": 96.7545}, "96.16 to 96.75"),
        (band, {"band_low": None}, "–"),
        (judged_by, {"z": -2.084}, "-2.08"),
        (judged_by, {"z": None}, "–"),
        (judged_by, {"center": None, "z": None, "inside": 0.972}, "97 %"),
        (judged_by, {"center": None, "z": None, "inside": 0.998}, "99.8 %"),
    ],
)
def test_cells(show: Callable[[Figure], str], changes: dict[str, object], told: str) -> None:
    assert show(figure(**changes)) == told


def test_short_forms() -> None:
    assert [
        short_layers(layers) for layers in ("784-30-10", "784-30-30-30-10", "784-30-30-30-30-10", "9-1-2-1-2-3")
    ] == [
        "784-30-10",
        "784-30-30-30-10",
        "784-4×30-10",
        "9-1-2-1-2-3",
    ]
    assert [sentence(text) for text in (" a", "b.", "c?", "")] == ["a.", "b.", "c?", "."]


def test_the_verdict_comes_first_and_every_figure_is_there(folder: Path, outcome: Outcome, command: Command) -> None:
    code, out, err = command("report", folder, "--width", "200")
    assert (code, err) == (0, "")
    assert out.startswith("Reproduced: 28 of 28 figures inside their bands.")
    assert "Left out: The figure of the one-neuron chain" in " ".join(out.split())
    for each in outcome.figures:
        assert measured(each) in out
        assert judged_by(each) in out
    assert out.count("inside\n") + out.count("inside ") >= len(outcome.figures)
    assert "19, 1 lost" in out
    assert "lost: runs that are in no mean: 1 diverged." in out
    lines = out.splitlines()
    for experiment in outcome.study.experiments:
        assert sum(line.startswith(f"{experiment.letter}  {experiment.title}") for line in lines) == 1


def test_what_is_not_comparable_shows_the_measured_part_alone(tmp_path: Path) -> None:
    text = STUDY_FORMATS["table"](read_outcome(write_study(tmp_path, comparable=False, epochs=(0, 1))))
    assert text.startswith("Not comparable: the published figures are of mnist; this is digits.")
    assert not any(word in text.split("figure")[-1] for word in ("verdict", "inside", "z:"))
    assert "published  " not in text


@pytest.mark.parametrize("width", [20, 40, 60, 80, 120])
def test_it_fits_the_terminal(outcome: Outcome, width: int) -> None:
    for unicode in (True, False):
        text = render(lay_out(outcome), width=width, unicode=unicode)
        assert max(map(len, text.splitlines())) <= width
        assert unicode or text.isascii()
        assert "\x1b" not in text
    if width == 80:  # verdicts stand in the first block
        assert "alone" in text.split("one more draw")[0]


@pytest.mark.parametrize("name", PLAIN)
def test_hostile_texts_stay_inert(outcome: Outcome, name: str) -> None:
    text = STUDY_FORMATS[name](hostile(outcome))
    assert not any(sign in text for sign in ("\x1b", "\u202e"))
    if name == "markdown":
        shown = MarkdownIt("commonmark").enable("table").render(text)
        assert (shown.count("<table>"), shown.count("<img"), shown.count("<a ")) == (1, 0, 0)
        assert "<script" not in shown
    if name == "latex":
        assert sum(line.startswith("%") for line in text.splitlines()) == 1
        assert text.isascii()
        body = [line for line in text.splitlines() if not line.startswith("%")]
        assert not any(r"\input" in line.replace(r"\textbackslash{}input", "") for line in body)
    if name == "csv":
        rows = list(csv.DictReader(StringIO(text)))
        assert {row["unit"] for row in rows} == {"'=1"}
    if name == "json":
        assert json.loads(text)["title"] == HOSTILE


@pytest.mark.parametrize("name", PLAIN)
def test_the_same_each_time(outcome: Outcome, folder: Path, name: str) -> None:
    assert STUDY_FORMATS[name](outcome) == STUDY_FORMATS[name](read_outcome(folder))


def test_markdown_has_a_row_a_figure(outcome: Outcome) -> None:
    text = STUDY_FORMATS["markdown"](outcome)
    lines = [line for line in text.splitlines() if line.startswith("|")]
    headings = [line for line in lines if line.startswith("| **")]
    assert len(lines) == 2 + len(outcome.figures) + len(headings)
    assert len({line.replace("\\|", "").count("|") for line in lines}) == 1
    assert len(headings) == 3 + 1 + 3 + 3  # experiments, the accuracy, networks


def test_csv_reads_back_bit_for_bit(outcome: Outcome) -> None:
    rows = list(csv.DictReader(StringIO(STUDY_FORMATS["csv"](outcome))))
    assert len(rows) == len(outcome.figures)
    for row, each in zip(rows, outcome.figures, strict=True):
        for name in ("published", "center", "spread", "low", "high", "band_low", "band_high", "z", "inside"):
            assert (float(row[name]) if row[name] else None) == getattr(each, name)
        assert row["runs"] == provenance(outcome.of(each))
    assert rows[1]["runs"] == "a-2-00000002 s0-19"


def test_json_leads_every_number_back_to_a_run(outcome: Outcome) -> None:
    tree = json.loads(STUDY_FORMATS["json"](outcome))
    assert (tree["schema"], tree["verdict"], len(tree["curves"])) == (1, "reproduced", len(outcome.curves))
    told = {(each["figure"], run["run"]): run["value"] for each in tree["figures"] for run in each["runs"]}
    assert told == {(value.figure, value.run): value.value for value in outcome.values}
    assert [each["n"] for each in tree["figures"] if each["runs"]] == [
        len(each["runs"]) for each in tree["figures"] if each["runs"]
    ]


def test_a_folder_gives_its_study_and_with_options_its_runs(
    command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = write_study(tmp_path / "runs" / "nielsen", epochs=(0, 1))
    run = trained(folder / "accuracy")
    assert command("report", folder, "--json")[1] == STUDY_FORMATS["json"](read_outcome(folder))
    monkeypatch.chdir(tmp_path)
    assert command("report", "nielsen")[1].startswith("Reproduced")
    code, out, _ = command("report", folder, "--format", "markdown", "-o", tmp_path / "table.md")
    assert (code, out) == (0, "")
    assert (tmp_path / "table.md").read_text() == STUDY_FORMATS["markdown"](read_outcome(folder))
    assert command("report", folder, "-o", tmp_path / "table.txt")[0] == 0
    assert (tmp_path / "table.txt").read_text() == STUDY_FORMATS["table"](read_outcome(folder))
    for arguments in (
        [folder, "--rows", "layers"],
        [folder, "--cols", "activation"],
        [folder, "--value", "epochs"],
        [folder, "--where", "depth=1"],
        [folder, "--sort", "layers"],
        [folder, "--top", "1"],
        [folder, "--threshold", "dead=0.4"],
        [folder / "accuracy"],
        [folder, run],
    ):
        code, out, err = command("report", *arguments)
        assert (code, err) == (0, ""), arguments
        assert "Reproduced" not in out
        assert out.startswith("1 run, seed 0") or "--cols" in arguments
    code, out, err = command("report", folder, "--format", "docx")
    assert (code, "no format 'docx'" in err) == (2, True)


def test_headings_are_told_where_they_change() -> None:
    groups = (("A", "x"), ("A", "x"), ("A", "y"), ("B", "y"))
    sheet = Sheet((Column("name", tuple("1234")),), (), "", (), "", "", groups)
    assert [sheet.headings(row) for row in range(4)] == [("A", "x"), (), ("y",), ("B", "y")]
    assert replace(sheet, groups=()).headings(2) == ()


def compiled(folder: Path, form: str, *outcomes: Outcome) -> str:
    """What TeX says of the tables of these outcomes in an article of this form."""
    if not shutil.which("pdflatex"):
        if os.environ.get("CI"):
            pytest.fail("no pdflatex")
        pytest.skip("no pdflatex: install texlive-latex-recommended")
    for number, each in enumerate(outcomes):
        (folder / f"{number}.tex").write_text(STUDY_FORMATS["latex"](each))
    parts = r"\clearpage".join(rf"\input{{{number}}}" for number in range(len(outcomes)))
    head = rf"\documentclass[{form}]{{article}}\usepackage{{booktabs}}\begin{{document}}"
    (folder / "main.tex").write_text(rf"{head}{parts}\end{{document}}")
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "-no-shell-escape", "main.tex"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 0, done.stdout[-2000:]
    return (folder / "main.log").read_text(errors="replace")


@pytest.mark.slow
def test_latex_compiles(outcome: Outcome, tmp_path: Path) -> None:
    assert "Missing character" not in compiled(tmp_path, "10pt", outcome, hostile(outcome))


@pytest.mark.slow
def test_no_line_of_claims_sticks_out(tmp_path: Path) -> None:
    kept = Path(__file__).resolve().parents[2] / "runs" / "reference"
    log = compiled(tmp_path, "twocolumn", *(read_outcome(kept / name) for name in ("remedies", "glorot2010", "he2015")))
    assert "Missing character" not in log
    assert "Overfull" not in log, re.findall(r"Overfull.*\n.*\n", log)


def claim(**changes: Any) -> dict[str, Any]:
    """A claim of two parts, as study.json has it."""
    part = {"label": "epoch 1", "n": 6, "agree": 6, "center": 0.5, "low": 0.4, "high": 0.6, "sides": [0.7, 0.2]}
    part |= {"p": 0.015625, "values": [0.5] * 6}
    never = {
        **part,
        "label": "epoch 2",
        "center": None,
        "low": None,
        "high": None,
        "sides": None,
        "values": ["never"] * 6,
    }
    return {
        "claim": "A.1", "experiment": "A", "text": "He trains, Glorot <b>stalls</b>", "source": "fig. 3",
        "measure": "monitor(monitor=train_cost,epoch=every)", "claimed": "> 0.2", "scale": "linear", "n": 6, "agree": 6,
        "p": 0.015625, "against": 1.0, "noticed": 0.1, "verdict": "holds", "runs": ["net-0011aabb-s0"],
        "parts": [part, never], **changes,
    }  # fmt: skip


@pytest.mark.parametrize("form", [name for name in STUDY_FORMATS if name != "html"])
def test_claims_stand_in_every_format(form: str, tmp_path: Path) -> None:
    folder = write_study(tmp_path / "study", epochs=(0, 1), claims=[claim()], verdict="reproduced")
    text = STUDY_FORMATS[form](read_outcome(folder))
    assert "fig. 3" in text
    assert "holds" in text
    assert "net-0011aabb" in text or form == "table"  # a terminal is told how many
    if form == "csv":
        rows = [row for row in csv.DictReader(StringIO(text)) if row["figure"] == "A.1"]
        assert [(row["label"], row["center"], row["agree"], row["p"], row["claimed"]) for row in rows] == [
            ("epoch 1", "0.5", "6", "0.015625", "> 0.2"),
            ("epoch 2", "", "6", "0.015625", "> 0.2"),
        ]
    elif form == "json":
        assert json.loads(text)["claims"] == [claim(why="", units="seeds")]
    else:
        assert "never" in text
        assert "0.700" in text


@pytest.mark.parametrize("form", STUDY_FORMATS)
def test_words_of_claims_stay_inert(form: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vgrad.study.report.page._drawn", lambda outcome: {})  # seconds, and no claim is in them
    evil = dict.fromkeys(("text", "source", "measure", "claimed"), "\x1b[2J<script>x</script>\u202e")
    told = [claim(**evil, runs=[evil["text"]])]
    folder = write_study(tmp_path / "study", epochs=(0, 1), claims=told, verdict="reproduced")
    text = STUDY_FORMATS[form](read_outcome(folder))
    assert "\x1b" not in text
    assert "\u202e" not in text
    assert "<script>" not in text or form not in ("html", "markdown")


@each_row(
    "changes, told",
    [
        ({}, "A.1  holds: He trains"),
        ({"verdict": "fails", "agree": 1}, "A.1  fails, agrees in 1 of 6 seeds: He trains"),
        ({"verdict": "cannot tell", "agree": 4}, "A.1  cannot tell, agrees in 4 of 6 seeds: He"),
        ({"verdict": "agrees", "n": 3, "agree": 3}, "A.1  agrees in 3 of 3 seeds: He"),
        ({"verdict": "cannot tell", "why": "not part of a quick look", "parts": []}, "A.1  not judged, not part of"),
    ],
)
def test_the_verdict_of_a_claim_is_its_heading(
    changes: dict[str, Any], told: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    place = tmp_path_factory.mktemp("claims") / "study"
    folder = write_study(place, epochs=(0, 1), claims=[claim(**changes)], verdict="cannot tell")
    sheet = lay_out(read_outcome(folder))
    headings = [groups[-1] for groups in sheet.groups]
    assert any(each.startswith(told) for each in headings)


@each_row(
    "changes, told",
    [
        ({"verdict": "fails"}, "says reproduced, and claim A.1 fails"),
        ({"experiment": "Z"}, "claim A.1 is of experiment Z"),
        ({"p": 1.5}, "claims.0.p"),
        ({"verdict": "perhaps"}, "claims.0.verdict"),
        ({"parts": [{"label": "x"}]}, "claims.0.parts.0"),
    ],
)
def test_a_damaged_claim_is_told_in_a_line(
    changes: dict[str, Any], told: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = write_study(tmp_path_factory.mktemp("claims") / "study", epochs=(0, 1), claims=[claim(**changes)])
    with pytest.raises(RunStateError) as caught:
        read_outcome(folder)
    assert told in caught.value.problems[0]


@each_row(
    "layers, told", [("784-30-10", "784-30-10"), ("8-5-5-5-5-2", "8-4×5-2"), ("8", "8"), ("8-2", "8-2"), ("", "")]
)
def test_layers_are_shortened_whatever_they_are(layers: str, told: str) -> None:
    assert short_layers(layers) == told
