"""SciPy's compiled functions, before the Python of the packages that they lie in.

`import scipy.special, scipy.linalg` takes twice as long as `import numpy`, most of it for what other array libraries
would need; BLAS and the compiled special functions take a third of NumPy's time. They are the same objects, under their
own names, and the packages are loaded as soon as anything else of SciPy is imported. Where a SciPy keeps them
elsewhere, it is imported whole.
"""

from __future__ import annotations

import importlib
import sys
from importlib.machinery import PathFinder
from importlib.util import LazyLoader, module_from_spec
from types import ModuleType
from typing import TYPE_CHECKING

__all__ = ["betaincinv", "blas", "digamma", "erf", "expit", "ndtr", "owens_t", "stdtr", "stdtrit"]

PACKAGES = ("scipy", "scipy._lib", "scipy.linalg", "scipy.special")


def _package(name: str) -> tuple[ModuleType, Loader]:
    """A package that knows where its files are, and what would run it; ImportError where there is none."""
    outer, _, inner = name.rpartition(".")
    spec = PathFinder.find_spec(name, sys.modules[outer].__path__ if outer else None)
    if spec is None or spec.loader is None:
        raise ImportError(name=name)
    package = sys.modules[name] = module_from_spec(spec)
    if outer:
        setattr(sys.modules[outer], inner, package)
    return package, spec.loader


def _early() -> tuple[ModuleType, ModuleType]:
    """BLAS and the special functions; their packages run when something asks them for a name. ImportError where these
    modules are not there, or not without their packages."""
    packages = [_package(name) for name in PACKAGES]
    found = importlib.import_module("scipy.linalg._fblas"), importlib.import_module("scipy.special._ufuncs")
    for package, loader in packages:
        LazyLoader(loader).exec_module(package)
    return found


def _compiled() -> tuple[ModuleType, ModuleType]:
    """BLAS and the special functions."""
    if "scipy" not in sys.modules:  # else most of the time has been spent
        try:
            return _early()
        except ImportError:
            for name in [each for each in sys.modules if each.partition(".")[0] == "scipy"]:
                del sys.modules[name]
    return importlib.import_module("scipy.linalg.blas"), importlib.import_module("scipy.special")


if TYPE_CHECKING:
    from importlib.abc import Loader

    from scipy.linalg import blas
    from scipy.special import betaincinv, digamma, erf, expit, ndtr, owens_t, stdtr, stdtrit
else:
    blas, _special = _compiled()
    betaincinv, digamma, erf, expit = _special.betaincinv, _special.psi, _special.erf, _special.expit
    ndtr, owens_t, stdtr, stdtrit = _special.ndtr, _special.owens_t, _special.stdtr, _special.stdtrit
