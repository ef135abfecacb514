"""The entry point: fix the BLAS environment before NumPy loads, then hand over to the command line."""

from __future__ import annotations

import os
import sys
from pathlib import Path

THREAD_VARIABLES = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")
AVX512 = {"avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl"}


def fix_blas_environment(cpuinfo: Path = Path("/proc/cpuinfo")) -> None:
    """Set what BLAS reads once, when it loads: one thread a run, and the right kernels on AVX-512 AMD processors.

    More threads change the bits and gain nothing on networks of this size. OpenBLAS takes its AVX2 kernels on AMD
    processors with AVX-512; the SkylakeX kernels are about twice as fast at our shapes (benchmarks/README.md). A core
    type that the user has set is left alone.
    """
    for variable in THREAD_VARIABLES:
        os.environ[variable] = "1"
    if "OPENBLAS_CORETYPE" not in os.environ and _is_amd_with_avx512(cpuinfo):
        os.environ["OPENBLAS_CORETYPE"] = "SkylakeX"


def _is_amd_with_avx512(cpuinfo: Path) -> bool:
    try:
        first_processor = cpuinfo.read_text(encoding="ascii", errors="replace").split("\n\n", 1)[0]
    except OSError:  # not Linux: nothing is known, nothing is set
        return False
    fields = dict(line.split(":", 1) for line in first_processor.splitlines() if ":" in line)
    fields = {key.strip(): value.strip() for key, value in fields.items()}
    return fields.get("vendor_id") == "AuthenticAMD" and set(fields.get("flags", "").split()) >= AVX512


def main() -> None:
    """Run the command line and exit with its code."""
    fix_blas_environment()
    from vgrad.cli import run

    sys.exit(run())


if __name__ == "__main__":
    main()
