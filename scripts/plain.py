"""Runs a program as on a plain processor: NumPy without its vector loops, OpenBLAS with its oldest kernel.

    python scripts/plain.py PROGRAM ...

Last bits are others then. The loops that NumPy chooses from when it loads are named by NumPy itself; those that it was
built with stay.
"""

from __future__ import annotations

import os
import platform
import sys

PLAINEST = {"x86_64": "Prescott", "AMD64": "Prescott", "aarch64": "ARMV8", "arm64": "ARMV8"}


def environment() -> dict[str, str]:
    """The variables that take the vector loops away."""
    from numpy._core import _multiarray_umath as built

    dispatched = [name for name in built.__cpu_dispatch__ if built.__cpu_features__[name]]
    chosen = {"NPY_DISABLE_CPU_FEATURES": " ".join(dispatched)} if dispatched else {}
    kernel = PLAINEST.get(platform.machine())
    return chosen | ({"OPENBLAS_CORETYPE": kernel} if kernel else {})


if __name__ == "__main__":
    variables = environment()
    print(" ".join(f"{name}='{value}'" for name, value in variables.items()), file=sys.stderr, flush=True)
    os.execvpe(sys.argv[1], sys.argv[1:], {**os.environ, **variables})
