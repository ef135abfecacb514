"""The entry point: fix the BLAS environment before NumPy loads, then hand over to the command line.

Where the limit of its memory (`ulimit -v`, `ulimit -d`) leaves no room to load NumPy, that is said here: OpenBLAS
would end the process with a code of its own, or try again for good.
"""

from __future__ import annotations

import gc
import os
import resource
import sys
from pathlib import Path

THREAD_VARIABLES = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")
LEAST_BYTES = 384 * 2**20
"""What the libraries need to load, those of pictures included: with 320 MiB, OpenBLAS ends the process."""
WITHOUT_NUMPY = {"-h", "--help", "--version"}
OBJECTS = 200_000
"""New objects before the collector looks at them: more than a command makes that loads what it needs and reads a
thousand runs, since a look at half of them takes 20 ms. Python starts with 700."""
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


def too_little_memory() -> str | None:
    """What to say where this process may not have the memory that the libraries need."""
    for kind, option in ((resource.RLIMIT_AS, "v"), (resource.RLIMIT_DATA, "d")):
        limit = resource.getrlimit(kind)[0]
        if limit != resource.RLIM_INFINITY and limit < LEAST_BYTES:
            told = f"the limit is {limit >> 20} MiB; raise it to {LEAST_BYTES >> 20}"
            return f"not enough memory: {told}: ulimit -{option} {LEAST_BYTES >> 10}"
    return None


def hasten_start() -> None:
    """Leave out what takes a tenth of the time that a short command needs each, and finds nothing.

    The collector of cyclic garbage looks at everything that has been loaded, again and again, while libraries load.
    pydantic asks every installed package for plugins, of which vgrad has no use, before its first model.
    """
    gc.set_threshold(OBJECTS)
    os.environ["PYDANTIC_DISABLE_PLUGINS"] = "__all__"


def main() -> None:
    """Run the command line and exit with its code."""
    fix_blas_environment()
    hasten_start()
    missing = None if WITHOUT_NUMPY & {*sys.argv} else too_little_memory()
    if missing:
        print(f"vgrad: {missing}", file=sys.stderr)
        sys.exit(5)
    from vgrad.cli import run
    from vgrad.later import Later

    Later.early = True
    code = run()
    gc.freeze()  # else the collector looks at everything once more, for memory that the system takes back at once
    sys.exit(code)


if __name__ == "__main__":
    main()
