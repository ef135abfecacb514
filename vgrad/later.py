"""Libraries that are loaded when they are first used.

`scipy.special` and `scipy.linalg` take twice as long to load as NumPy, and commands that only read, such as `vgrad ls`,
need neither of them.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any


class Later:
    """The module `name`, whose attributes are found when they are first asked for, and kept."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, attribute: str) -> Any:
        """An attribute that was not asked for before. AttributeError where the module has none."""
        found = getattr(import_module(self._name), attribute)
        setattr(self, attribute, found)
        return found


special: Any = Later("scipy.special")
blas: Any = Later("scipy.linalg.blas")
