"""scripts/mutation.toml speaks of files and lines that are there."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

HOUSE = Path(__file__).resolve().parents[1]
FILE = HOUSE / "scripts" / "mutation.toml"
pytestmark = pytest.mark.skipif(not FILE.is_file(), reason="no scripts/ beside the tests")


def test_every_area_every_line_and_every_equivalent_is_there() -> None:
    table = tomllib.loads(FILE.read_text(encoding="utf-8"))
    for name, area in table["areas"].items():
        assert all(list(HOUSE.glob(pattern)) for pattern in area["files"]), name
        assert all((HOUSE / test).exists() for test in area["tests"]), name
    code = "\n".join(path.read_text(encoding="utf-8") for path in HOUSE.glob("vgrad/**/*.py"))
    for each in table["passed_over"]:
        assert re.search(each["line"], code, re.MULTILINE), each["line"]
    for each in table["equivalent"]:
        before = [line[1:] for line in each["change"].splitlines() if line.startswith("-")]
        assert "\n".join(before) in (HOUSE / each["file"]).read_text(encoding="utf-8"), each["change"]
        assert each["why"]
