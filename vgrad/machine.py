"""What a run tells about where it ran, and whether it fits there."""

from __future__ import annotations

import math
import os
import platform
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import threadpoolctl

from vgrad import __version__
from vgrad.config.config import Config
from vgrad.errors import StorageError
from vgrad.training.assembly import build_network
from vgrad.training.evaluation import CHUNK


def versions() -> dict[str, str]:
    """vgrad, Python and the libraries that decide the bits."""
    libraries = ("numpy", "scipy", "scikit-learn")
    return {"vgrad": __version__, "python": platform.python_version(), **{name: version(name) for name in libraries}}


def machine() -> dict[str, Any]:
    """Processor, system and the BLAS libraries that are loaded, with their kernels and threads."""
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


def needed_bytes(config: Config) -> int:
    """What training `config` allocates at the least: parameters with their copies, and one pass of a batch."""
    numbers = sum(math.prod(shape) for shape in build_network(config).shapes().values())
    rows = max(min(config.rows_per_step, 2000), CHUNK)
    width = 8 if config.dtype == "float64" else 4
    # working copy, initial, kept epoch and the file in memory; then the float64 copy of the probes
    return numbers * (5 * width + 8) + 4 * rows * sum(config.sizes) * 8


def epoch_bytes(config: Config) -> int:
    """What an epoch's record takes in memory, about: 1.6 kB of a small network with the default monitors."""
    return (
        700
        + 100 * len(config.monitors)
        + 120 * (len(config.sizes) - 1) * len(config.probes.record) // config.probes.every
    )


def available_bytes() -> int | None:
    """Memory that can be had without swapping, or None where the system does not tell."""
    try:
        for line in Path("/proc/meminfo").read_text(encoding="ascii").splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (OSError, ValueError):
        return None


def check_memory(config: Config) -> None:
    """StorageError, with the figures, when `config` cannot fit; before anything is allocated."""
    needed, available = needed_bytes(config), available_bytes()
    if available is not None and needed > available:
        sizes = f"{len(config.sizes)} layers, the widest of {max(config.sizes):,}"
        told = f"{needed / 2**30:,.1f} GiB of memory, and {available / 2**30:,.1f} GiB are free"
        raise StorageError(f"layers: training {sizes}, needs {told}; use smaller layers")
    kept = (config.epochs + 1) * epoch_bytes(config)
    if available is not None and kept > available:
        told = f"{kept / 2**30:,.1f} GiB of memory, and {available / 2**30:,.1f} GiB are free"
        raise StorageError(f"epochs: the measurements of {config.epochs:,} epochs need {told}; use fewer epochs")
