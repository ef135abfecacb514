"""A tour of what vgrad does, by the Python that runs it: `python -I tour.py`, in an empty folder.

It needs an installed vgrad with its extras and nothing of the checkout, so it shows what a wheel and a set of versions
are good for. Commands run in this process, which imports every library once; only the run that is killed has its own.
"""

from __future__ import annotations

import contextlib
import io
import json
import subprocess
import sys
import time
from pathlib import Path

CONFIG = """\
layers: {depth: 2, width: 8}
data: {name: digits, train: 200, validation: 100}
epochs: 3
probes: {record: [delta_norm], examples: 50, neurons: [0]}
"""
GRID = "layers.depth=2..3"
KINDS = ("curves", "neurons", "layers", "heatmap", "accuracy", "activations")
LONG = ("train", "try.yaml", "-q", "-s", "name=long", "-s", "epochs=400")
OUTSIDE = ("run.json", ".lock")  # what a run says of its hours and its machine


def vgrad(*words: str, code: int = 0) -> str:
    """Runs a command and returns its standard output; ends everything when its exit code is another than `code`."""
    from vgrad.cli import run

    out, err = (io.TextIOWrapper(io.BytesIO(), encoding="utf-8") for _ in range(2))
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        found = run(list(words))
    told, complained = (stream.buffer.getvalue().decode() for stream in (out, err) if not stream.flush())
    expect(found == code, f"vgrad {' '.join(words)}: exit code {found}, not {code}\n{complained}")
    return told


def expect(true: object, told: str) -> None:
    """Ends everything with `told` when it is not so."""
    if not true:
        raise SystemExit(told)


def contents(run: Path) -> dict[str, bytes]:
    """Every file of a run that another run of its config has, byte by byte."""
    return {path.name: path.read_bytes() for path in run.iterdir() if path.name not in OUTSIDE}


def kill_and_continue() -> None:
    """A run that is killed and started again ends with the bytes of one that was not."""
    whole = Path(vgrad(*LONG, "--runs-dir", "whole").strip())
    words = (*LONG, "--runs-dir", "killed")
    process = subprocess.Popen([sys.executable, "-I", "-m", "vgrad", *words])
    deadline = time.monotonic() + 600
    while not list(Path("killed").glob("*/checkpoint.npz")):
        expect(process.poll() is None and time.monotonic() < deadline, "there was nothing to kill")
        time.sleep(0.01)
    process.kill()
    process.wait()
    (killed,) = Path("killed").iterdir()
    expect(not (killed / "run.json").exists(), "the run was over before it was killed")
    vgrad(*words)
    expect(contents(killed) == contents(whole), "a run that was killed and continued has other bytes")


def sweep() -> None:
    """A grid in this process, in workers, and on a cluster: the same bytes."""
    from distributed import LocalCluster

    words = ("sweep", "try.yaml", "-g", GRID, "--seeds", "2", "-q", "--json")
    expect(json.loads(vgrad(*words, "-j", "2"))["trained"] == 4, "a sweep that trained other than four runs")
    options = {"n_workers": 1, "threads_per_worker": 1, "processes": False, "dashboard_address": None}
    with LocalCluster(**options) as cluster:
        vgrad(*words, "--runs-dir", "away", "--scheduler", cluster.scheduler_address)
    for run in Path("runs/try").glob("*-s?"):
        expect(contents(run) == contents(Path("away", *run.parts[1:])), f"{run}: other bytes on a cluster")
    vgrad("status", "runs")


def reports_and_pictures() -> None:
    """Every format and every kind of picture, and the other tools that read runs."""
    from vgrad.text.formats import FORMATS

    for name, form in FORMATS.items():
        out = f"out/report{form.ending}"
        vgrad("report", "runs/try", "--format", name, "-o", out)
        expect(Path(out).stat().st_size > 200, f"{out} is empty")
    for kind in KINDS:
        for ending in ("png", "svg", "pdf")[: 3 if kind == "curves" else 1]:
            which = ("--where", "layers.depth=2,seed=0") if kind == "neurons" else ()
            vgrad("plot", "runs/try", "--kind", kind, "-o", f"out/{kind}.{ending}", *which)
            expect(Path(f"out/{kind}.{ending}").stat().st_size > 1000, f"{kind}.{ending} is empty")
    vgrad("export", "tensorboard", "runs/try", "-o", "events")
    vgrad("ls", "runs")
    vgrad("show", str(next(Path("runs/try").glob("*-s0"))))
    import vgrad as package

    expect(len(package.load_runs("runs/try")) == 4, "load_runs finds other than four runs")


def what_the_package_carries() -> None:
    """Files that are not Python: a config to start from, the study with its curves, the pages' parts (in reports)."""
    vgrad("config", "new", "new.yaml")
    vgrad("config", "check", "new.yaml")
    expect("nielsen" in vgrad("reproduce", "nielsen", "--data", "digits", "--dry-run"), "no study in the package")
    vgrad("config", "schema")
    vgrad("theory", "chain", "--help")
    vgrad("doctor")


def main() -> None:
    """Everything, in a folder that the run directories and pictures go to."""
    from vgrad.__main__ import fix_blas_environment

    fix_blas_environment()
    Path("try.yaml").write_text(CONFIG, encoding="utf-8")
    Path("out").mkdir()
    vgrad("train", "try.yaml")
    vgrad("check", "try.yaml")
    kill_and_continue()
    sweep()
    reports_and_pictures()
    what_the_package_carries()
    expect("whole" in vgrad("verify", "runs", "killed"), "verify does not find whole runs")


if __name__ == "__main__":
    main()
