"""docs/book.md has a part for every kept study: its command, its table (as documents are tested), its picture."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from PIL import Image

from vgrad.runs.index import is_study
from vgrad.study.files import read_outcome
from vgrad.study.report.table import provenance

ROOT = Path(__file__).resolve().parents[2]
BOOK = (ROOT / "docs" / "book.md").read_text(encoding="utf-8")
KEPT = sorted(
    path.name for path in (ROOT / "runs" / "reference").iterdir() if is_study(path) and "nielsen" not in path.name
)


@pytest.mark.parametrize("name", KEPT)
def test_a_kept_study_has_a_part_with_its_own_picture(name: str) -> None:
    (part,) = [part for part in re.split(r"(?m)^(?=## )", BOOK) if f"`vgrad reproduce {name}`" in part]
    assert f"vgrad report runs/reference/{name} " in part
    for words in ("*What it means.*", "*What it does not.*", "**Exercise.**"):
        assert words in part
    outcome = read_outcome(ROOT / "runs" / "reference" / name)
    pictures = {"study-claims": f"{name}.png"}
    pictures |= {"study-overview": f"{name}-overview.png"} if outcome.overview else {}
    for kind, file in pictures.items():
        assert f"(pictures/{file})" in part
        with Image.open(ROOT / "docs" / "pictures" / file) as image:
            told = image.info
        assert told["Title"] == f"vgrad: {kind}"
        assert told["Description"].endswith(f"runs: {provenance(outcome.values, outcome.study.claims)}")
