"""The coverage of intervals and the size of tests that docs/numerics.md records, simulated again with fewer draws."""

from __future__ import annotations

import math
import subprocess
import sys
from pathlib import Path

import pytest

HOUSE = Path(__file__).resolve().parents[1]
DRAWS = {"profiles": (150, 1500)}
"""Networks that are drawn here, and were for the document; of all other tables, 400 and 4,000 samples."""


def tables(text: str) -> dict[tuple[str, str, str], float]:
    """Percent by head, row and column of every table."""
    found, head = dict[tuple[str, str, str], float](), [""]
    for line in text.splitlines():
        cells = [cell.strip() for cell in line.strip("| ").split("|")]
        if not line.startswith("|") or cells[0] == "---":
            continue
        if cells[0] in ("draws", "differences", "profiles", "hypotheses"):
            head = cells
        else:
            found |= {(head[0], cells[0], at): float(cell) for at, cell in zip(head[1:], cells[1:], strict=True)}
    return found


@pytest.mark.slow
def test_intervals_and_tests_are_as_the_document_says() -> None:
    command = [sys.executable, "scripts/intervals.py", "--small"]
    done = subprocess.run(command, cwd=HOUSE, capture_output=True, encoding="utf-8", timeout=300, check=True)
    document = (HOUSE / "docs" / "numerics.md").read_text(encoding="utf-8")
    _, _, simulated = document.partition("<!-- simulated: python scripts/intervals.py --write -->")
    recorded, found = tables(simulated.partition("<!-- end -->")[0]), tables(done.stdout)
    assert recorded.keys() == found.keys()
    for key, percent in recorded.items():
        p = min(max(percent / 100, 0.02), 0.98)
        error = math.sqrt(p * (1 - p) * sum(1 / n for n in DRAWS.get(key[0], (400, 4000))))
        assert abs(found[key] - percent) / 100 < 4 * error, key


def test_what_the_document_claims_of_its_tables() -> None:
    document = (HOUSE / "docs" / "numerics.md").read_text(encoding="utf-8")
    recorded = tables(document.partition("<!-- simulated")[2].partition("<!-- end -->")[0])
    skewed = {"accuracies of 50 examples, 98 %", "counts (Poisson, 1 on average)", "costs, lognormal ×÷ 1.65"}
    skewed |= {"accuracies, one run in ten at chance", "Cauchy", "relu, `he_normal`"}
    for (kind, name, at), percent in recorded.items():
        if kind != "hypotheses" and name not in skewed:
            assert 92.95 <= percent <= 97, (name, at)
        if kind == "hypotheses":
            assert percent <= 7, (name, at)
