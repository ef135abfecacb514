"""What a run tells about where it ran: processor, memory, libraries and BLAS."""

from __future__ import annotations

import os
import platform
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any

import threadpoolctl

from vgrad.later import blas as scipy_blas
from vgrad.version import VERSION


@cache  # each asks the disk, and what has been loaded stays
def version(name: str) -> str:
    """The version of an installed package; `metadata.PackageNotFoundError` where there is none. Its line is looked for:
    `metadata.version` would parse the package's README, too."""
    for line in (metadata.distribution(name).read_text("METADATA") or "").splitlines():
        if line.startswith("Version: "):
            return line.removeprefix("Version: ")
    return metadata.version(name)


def versions() -> dict[str, str]:
    """vgrad, Python and the libraries that decide the bits."""
    libraries = ("numpy", "scipy", "scikit-learn")
    return {"vgrad": VERSION, "python": platform.python_version(), **{name: version(name) for name in libraries}}


def machine() -> dict[str, Any]:
    """Processor, system and the BLAS libraries, NumPy's and SciPy's, with their kernels and threads."""
    _ = scipy_blas.dgemm  # what is not loaded yet would not be told of, and kernels of the two may differ
    blas = [
        {key: pool.get(key) for key in ("internal_api", "version", "architecture", "num_threads")}
        for pool in threadpoolctl.threadpool_info()
        if pool.get("user_api") == "blas"
    ]
    return {
        "host": platform.node(),
        "system": f"{platform.system()} {platform.release()}",
        "processor": platform.machine(),
        "blas": blas,
    }


@dataclass(frozen=True)
class Surroundings:
    """The libraries and BLAS kernels that a run was computed with, in their order: one, unless it was continued under
    others. Its bits depend on them."""

    all: tuple[str, ...]

    @classmethod
    def now(cls, before: Sequence[str]) -> Surroundings:
        """Those of this process, after those of the epochs `before`."""
        kernels = sorted({str(pool["architecture"]) for pool in machine()["blas"]})
        told = ", ".join([*(f"{name} {number}" for name, number in versions().items()), *kernels])
        return cls(tuple(before) if [*before][-1:] == [told] else (*before, told))

    @property
    def mixed(self) -> str | None:
        """A line for the user where there are several."""
        if len(self.all) < 2:
            return None
        return f"computed before with {self.all[-2]}; now with {self.all[-1]}: other bits than an undisturbed run's"


def available_bytes() -> int | None:
    """Memory that can be had without swapping, or None where the system does not tell."""
    try:
        for line in Path("/proc/meminfo").read_text(encoding="ascii").splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (OSError, ValueError):
        return None
