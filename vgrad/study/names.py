"""The studies that come with vgrad: a YAML file beside this module is one, and its name that of the study."""

from __future__ import annotations

from pathlib import Path

HERE = Path(__file__).parent
STUDIES = sorted(path.stem for path in HERE.glob("*.yaml"))
