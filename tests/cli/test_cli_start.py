"""What a start of Python itself promises, which forked commands cannot show: `python -P -m vgrad`, really started."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from vgrad.__main__ import THREAD_VARIABLES

HOUSE = Path(__file__).resolve().parents[2]
WATCH = """
import json, os, sys

class Watch:
    def find_spec(self, name, path=None, target=None):
        if name == "numpy" and not os.path.exists("seen"):
            with open("seen", "w") as file:
                json.dump(dict(os.environ), file)

sys.meta_path.insert(0, Watch())
"""


def test_blas_is_told_before_numpy_loads_and_nothing_is_imported_from_here(tmp_path: Path) -> None:
    watch, here = tmp_path / "watch", tmp_path / "here"
    watch.mkdir()
    here.mkdir()
    (watch / "sitecustomize.py").write_text(WATCH)
    for name in ("vgrad", "numpy", "typer"):
        (here / f"{name}.py").write_text("raise SystemExit('taken from the current directory')")
    environment = {name: value for name, value in os.environ.items() if name not in THREAD_VARIABLES}
    environment["PYTHONPATH"] = os.pathsep.join([str(watch), str(HOUSE)])
    command = [sys.executable, "-P", "-m", "vgrad", "doctor", "--json"]
    done = subprocess.run(command, cwd=here, env=environment, capture_output=True, text=True, timeout=100)
    assert done.returncode == 0, done.stderr
    seen = json.loads((here / "seen").read_text())
    assert {name: seen.get(name) for name in THREAD_VARIABLES} == dict.fromkeys(THREAD_VARIABLES, "1")
