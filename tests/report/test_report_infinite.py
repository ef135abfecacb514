"""A ratio that is larger than any number: every format says so, and JSON stays strict."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path

import pytest
from report_runs import trained

from vgrad.report.compare import compare
from vgrad.report.formats import FORMATS
from vgrad.report.runs import Run, collect
from vgrad.report.table import Table
from vgrad.statistics import arithmetic, geometric


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Table:
    """Two seeds of a deep network; of the first one, the gradient all but ends on its way down."""
    folder = tmp_path_factory.mktemp("runs")
    for seed in (0, 1):
        trained(folder, layers=[64, 5, 5, 10], epochs=1, seed=seed)
    first, second = collect([str(folder)], Path("runs"))[0]
    gradient = {when: {**found, "delta_norm": [5e-324, 0.5]} for when, found in first.summary["gradient"].items()}
    changed: list[Run] = [replace(first, summary={**first.summary, "gradient": gradient}), second]
    return compare(changed, rows=["seed"], values=["last_first_ratio", "decay_factor"])


@pytest.mark.parametrize("form", FORMATS)
def test_every_format_says_infinite(table: Table, form: str) -> None:
    written = FORMATS[form](table)
    assert "infinite" in written
    if form == "json":
        cells = json.loads(written, parse_constant=lambda token: pytest.fail(token))["cells"]
        first = next(cell for cell in cells if cell["value"] == "last_first_ratio.start")
        assert (first["estimate"], first["lost"], first["runs"][0]["content"]) == (None, {"infinite": 1}, None)


def test_means_of_the_largest_numbers() -> None:
    assert math.isinf(arithmetic([1e308, 1.5e308]).center)
    assert geometric([1e308, 1e308]).spread == 1
