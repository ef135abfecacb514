"""What a start of Python itself promises, which forked commands cannot show: `python -P -m vgrad`, really started."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

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


NAMED = """
import os, sys
from vgrad.__main__ import main
sys.argv = ["vgrad", *sys.argv[2:]]
try:
    main()
finally:
    with open(os.environ["LOADED"], "w") as file:
        file.write("\\n".join(sys.modules))
"""
LIBRARIES = {"matplotlib", "pandas", "pooch", "rich", "scipy.optimize", "scipy.stats", "sklearn", "tqdm", "numpy.ma"}
NOT_LOADED = {
    "help": (("--help",), {"numpy", "pydantic", "scipy", "typer", "yaml", "vgrad.cli.app", *LIBRARIES}),
    "version": (("--version",), {"numpy", "pydantic.main", "yaml", "vgrad.cli.commands.ls", *LIBRARIES}),
    "train": (("train", "c.yaml"), {"scipy.linalg.blas", "scipy.special._basic", "vgrad.report", *LIBRARIES}),
    "ls": (("ls",), {"scipy.linalg.blas", "scipy.special._basic", "vgrad.study", *LIBRARIES}),
    "report": (("report", "runs"), {"scipy.linalg.blas", "scipy.special._basic", "vgrad.study", *LIBRARIES}),
}


def started(code: str, *words: str, folder: Path, **environment: str) -> str:
    """What a new Python prints that runs `code`."""
    environment = {**os.environ, "PYTHONPATH": str(HOUSE), **environment}
    command = [sys.executable, "-P", "-c", code, *words]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=100)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("command", NOT_LOADED)
def test_a_start_loads_little(command: str, tmp_path: Path) -> None:
    """Seconds depend on the machine, so it is counted what is loaded, of what takes long."""
    (tmp_path / "c.yaml").write_text("{layers: [64, 4, 4, 10], data: digits, epochs: 1}")
    for words in (NOT_LOADED["train"][0], NOT_LOADED[command][0]):
        started(NAMED, "vgrad", *words, folder=tmp_path, LOADED=str(tmp_path / "loaded"))
    loaded = {*(tmp_path / "loaded").read_text().split("\n")}
    assert loaded & NOT_LOADED[command][1] == set()
    assert "vgrad.cli" in loaded


EARLY = """
import importlib, sys
missing, load = sys.argv[1], importlib.import_module
def import_module(name, *rest):
    if name == missing:
        raise ImportError(name)
    return load(name, *rest)
importlib.import_module = import_module
if missing == "nothing":
    import scipy.special
from vgrad.later import Later, blas, special
Later.early = True
assert blas.dgemm(1.0, [[2.0]], [[3.0]]) == 6 and special.expit(0.0) == 0.5
print("scipy.special._basic" in sys.modules)
import scipy, scipy.special, scipy.linalg.blas, scipy.stats
assert scipy.stats.norm.cdf(0) == 0.5 and scipy.special.logsumexp([0.0]) == 0 and scipy.linalg.svdvals([[2.0]]) == 2
assert scipy._lib.test and scipy.__version__ and special.log_softmax is scipy.special.log_softmax
print(special.expit is scipy.special.expit and blas.dgemm is scipy.linalg.blas.dgemm)
"""


@pytest.mark.parametrize("missing", ["none", "scipy.linalg._fblas", "scipy.special._ufuncs", "nothing"])
def test_scipy_is_whole_for_whoever_imports_it_after_its_compiled_functions(missing: str, tmp_path: Path) -> None:
    """The same objects, and packages with all that they have; another SciPy may keep them elsewhere, and then it is
    loaded as a whole from the beginning, as it is where somebody has loaded it before."""
    told = started(EARLY, missing, folder=tmp_path)
    assert told.split() == [str(missing != "none"), "True"]
