"""The checkout that is tested: its scripts as modules, and how much of the large matrices is tried."""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path
from types import ModuleType

ROOT = Path(__file__).resolve().parents[1]
FULL = bool(os.environ.get("VGRAD_FULL"))
"""Whether slow tests take every case of their matrix (`VGRAD_FULL=1 make test-slow`, hours) or a sample that stays."""
HANGS = 3000 if FULL else 600
"""Seconds by the clock after which a slow test hangs: a busy machine must not fail."""


def load_script(name: str) -> ModuleType:
    """A script of scripts/ as a module."""
    path = ROOT / "scripts" / f"{name}.py"
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
