"""A page in a real browser: whether axe-core finds it accessible, and whether it fits its window."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-sync", "--no-first-run"]
AXE = Path(os.environ.get("VGRAD_AXE", Path(__file__).parents[1] / ".venv" / "axe-core" / "axe.min.js"))


def missing(reason: str) -> None:
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)


def faults(browser: Any, file: Path, theme: str, width: int) -> list[tuple[str, str]]:
    """What axe-core finds wrong with a page in this theme and width; a page that is too wide is a fault too."""
    if not AXE.is_file():
        missing("no axe-core: npm pack axe-core")
    context = browser.new_context(color_scheme=theme, viewport={"width": width, "height": 900}, bypass_csp=True)
    page = context.new_page()
    page.goto(f"file://{file}")
    page.evaluate(AXE.read_text(encoding="utf-8"))
    found = page.evaluate("axe.run()")
    wide = page.evaluate("document.documentElement.scrollWidth")
    context.close()
    told = [(fault["id"], fault["nodes"][0]["html"]) for fault in found["violations"]]
    return told + ([("too wide", str(wide))] if wide > width else [])
