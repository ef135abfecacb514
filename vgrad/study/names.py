"""The studies that come with vgrad: a YAML file in canon/ is one, and its name that of the study."""

from __future__ import annotations

from pathlib import Path

HERE = Path(__file__).parent / "canon"
STUDIES = sorted(path.stem for path in HERE.glob("*.yaml"))
ALIASES = {"nielsen2015": "nielsen"}
"""Other names by which a study is found: author and year, as the others are called."""
