"""Kept studies: runs/reference/nielsen with its two controls and all others that come with vgrad, made on MNIST.

    python scripts/studies.py            make studies: about an hour on two cores the first time; MNIST
    python scripts/studies.py pictures   draws the pictures of docs/book.md again from what is kept

The runs are those of `vgrad reproduce`, in runs/, and stay there: a second time only what is missing is trained. Kept
are the outcome of the study, the sweeps that make it up, and a few of its runs, and what the study notices of
alternatives (scripts/power.py). The controls are the same study with one thing changed, which must not reproduce the
published figures: exit code 1.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import power
from kept import at_home, keep, vgrad

RUNS, KEPT = Path("runs"), Path("runs/reference")
PICTURES = Path("docs/pictures")
TABLES = ("study.json", "figures.csv", "curves.csv", "neurons.csv", "values.csv")
OVERVIEW = "overview.csv"
"""What reports read, the last where there is one. That they can make a page of it is kept of the chapter's study."""
PAGE = "page.html"
SEEDS = {"accuracy": 20, "start": 1, "speed": 1}
"""Of each experiment, the runs of so many seeds are kept."""
CONTROLS = ("init=glorot_normal", "activation=tanh")
MOST_BYTES = 3 * 2**20


def main() -> None:
    """Reproduces, and keeps the small form."""
    from vgrad.study.names import STUDIES

    vgrad("reproduce", "nielsen")
    for setting, _ in power.ALTERNATIVES.values():
        vgrad("reproduce", "nielsen", "--quick", "-s", setting, expected=(0, 1))
    power.main()
    vgrad("reproduce", "nielsen")  # with the table of powers
    place = fresh("nielsen")
    copy(RUNS / "nielsen", place, PAGE)
    write_sweeps(place)
    for sweep, seeds in SEEDS.items():
        for path in sorted((RUNS / "nielsen" / sweep).glob("*-s[0-9]*")):
            if int(path.name.rpartition("-s")[2]) < seeds:
                keep(path, place / sweep)
    for setting in CONTROLS:
        vgrad("reproduce", "nielsen", "--quick", "-s", setting, expected=1)
        copy(RUNS / f"nielsen-{setting}" / "quick", fresh(f"nielsen-{setting}"), PAGE)
    for name in (name for name in STUDIES if name != "nielsen"):
        vgrad("reproduce", name, expected=(0, 1))
        copy(RUNS / name, fresh(name))
    for place in (*(KEPT / name for name in STUDIES), *(KEPT / f"nielsen-{setting}" for setting in CONTROLS)):
        size = sum(path.stat().st_size for path in place.rglob("*") if path.is_file())
        print(f"{place}: {size / 1e6:.2f} MB")
        if size > MOST_BYTES:
            raise SystemExit(f"{place} is larger than {MOST_BYTES / 2**20:.0f} MB")


def fresh(name: str) -> Path:
    """An empty folder to keep a study in."""
    place = KEPT / name
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir(parents=True)
    return place


def copy(source: Path, place: Path, *more: str) -> None:
    """The files of an outcome."""
    for name in (*TABLES, *more, *([OVERVIEW] if (source / OVERVIEW).exists() else [])):
        shutil.copyfile(source / name, place / name)


def pictures() -> None:
    """A picture of the claims of each kept study, and of its overview where it has one."""
    for name in sorted(path.name for path in KEPT.iterdir() if (path / "study.json").exists()):
        if not name.startswith("nielsen"):
            words = ["plot", str(KEPT / name), "--width", "8"]
            vgrad(*words, "--kind", "study-claims", "-o", str(PICTURES / f"{name}.png"))
            if (KEPT / name / OVERVIEW).exists():
                vgrad(*words, "--kind", "study-overview", "-o", str(PICTURES / f"{name}-overview.png"))


def write_sweeps(place: Path) -> None:
    """The sweeps of the study as files for `vgrad sweep`."""
    from vgrad.document.writer import dump_yaml
    from vgrad.study.published import load_study

    study = load_study("nielsen").contents
    for experiment in study.experiments:
        tree = {**experiment.sweep, "seeds": study.seeds}
        (place / f"{experiment.name}.yaml").write_text(dump_yaml(tree), encoding="utf-8")


if __name__ == "__main__":
    at_home()
    if sys.argv[1:] != ["pictures"]:
        main()
    pictures()
