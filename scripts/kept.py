"""What the scripts that keep runs share: commands run from the root of the repository, and the kept form of a run.

A kept run has what reports read of it: no parameters (*.npz), and nothing about the machine but its libraries.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import shlex
import shutil
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
NAMES = ("config.yaml", "metrics.csv", "gradients.csv", "neurons.csv", "summary.json")


def at_home() -> None:
    """Goes to the root of the repository, whose vgrad is the one that is used."""
    sys.path.insert(0, str(ROOT))
    os.chdir(ROOT)
    from vgrad.__main__ import fix_blas_environment

    fix_blas_environment()


def vgrad(*arguments: str, expected: int | tuple[int, ...] = 0) -> str:
    """Runs a command of vgrad; its standard output. SystemExit when its exit code is none that is expected."""
    from vgrad.cli import run

    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        code = run(list(arguments))
    if code not in ((expected,) if isinstance(expected, int) else expected):
        raise SystemExit(f"vgrad {shlex.join(arguments)}: exit code {code}, not {expected}")
    return out.getvalue()


def keep(path: Path, folder: Path) -> None:
    """Puts the small form of the run at `path` into `folder`."""
    from vgrad.runs.folder import seal

    place = folder / path.name
    place.mkdir(parents=True)
    for name in NAMES:
        if (path / name).exists():
            shutil.copyfile(path / name, place / name)
    facts = json.loads((path / "run.json").read_text(encoding="utf-8"))
    facts["files"] = {name: digest for name, digest in facts["files"].items() if (place / name).exists()}
    facts["machine"] |= {"host": "", "system": "Linux"}
    facts["seal"] = seal(facts)
    (place / "run.json").write_text(json.dumps(facts, indent=2) + "\n", encoding="utf-8")
