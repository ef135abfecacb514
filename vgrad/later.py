"""SciPy where it is used, and of it no more than that.

`scipy.special` and `scipy.linalg` take twice as long to load as NumPy, and commands that only read, such as `vgrad ls`,
need neither of them. Most of that time is spent on what other array libraries would need: the compiled functions alone
take a third of NumPy's time. In a process of the `vgrad` command, which nobody else's code runs in, they are loaded
before the packages that they lie in; those are loaded as soon as anything else of SciPy is asked for.
"""

from __future__ import annotations

import sys
from importlib import import_module
from importlib.machinery import PathFinder
from importlib.util import LazyLoader, module_from_spec
from types import ModuleType
from typing import Any

PACKAGES = ("scipy", "scipy._lib", "scipy.linalg", "scipy.special")
COMPILED = ("scipy.special._ufuncs", "scipy.linalg._fblas")


class Later:
    """The module `name`, whose attributes are found when they are first asked for, and kept; `compiled` has most of
    them."""

    early = False
    """Whether this is a process of the command."""

    def __init__(self, name: str, compiled: str) -> None:
        self._name, self._compiled = name, compiled

    def __getattr__(self, attribute: str) -> Any:
        """An attribute that was not asked for before. AttributeError where the module has none."""
        module = _alone(self._compiled) if Later.early else None
        found = getattr(module if hasattr(module, attribute) else import_module(self._name), attribute)
        setattr(self, attribute, found)
        return found


def _alone(name: str) -> ModuleType | None:
    """A compiled module of SciPy, without its packages; None where this SciPy has none that can be loaded so."""
    if "scipy" not in sys.modules:
        waiting = []
        for package in PACKAGES:
            outer, _, inner = package.rpartition(".")
            spec = PathFinder.find_spec(package, sys.modules[outer].__path__ if outer else None)
            if spec is None or spec.loader is None:
                _whole()
                return None
            sys.modules[package] = module_from_spec(spec)
            if outer:
                setattr(sys.modules[outer], inner, sys.modules[package])
            waiting.append((sys.modules[package], spec.loader))
        try:
            for each in COMPILED:
                import_module(each)
        except ImportError:  # it needs its package, or is called otherwise: SciPy is loaded as a whole
            _whole()
            return None
        for module, loader in waiting:
            LazyLoader(loader).exec_module(module)
    return sys.modules.get(name)


def _whole() -> None:
    """From here on SciPy is loaded as anybody does it."""
    for each in [each for each in sys.modules if each.partition(".")[0] == "scipy"]:
        del sys.modules[each]
    Later.early = False


special: Any = Later("scipy.special", COMPILED[0])
blas: Any = Later("scipy.linalg.blas", COMPILED[1])
