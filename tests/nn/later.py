"""Libraries that take long to import, imported where they are first used: most workers of pytest-xdist use none."""

from __future__ import annotations

import importlib
from typing import Any


class Later:
    """Stands in for the module of this name."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, attribute: str) -> Any:
        if attribute.startswith("_"):  # pytest looks through what a module of tests has
            raise AttributeError(attribute)
        return getattr(importlib.import_module(self._name), attribute)
