"""vgrad/study/canon/nielsen-power.csv: how often the test of the study notices trained alternatives, by simulation.

    python scripts/power.py        part of make studies; the runs of the study and of the alternatives are in runs/

An alternative is the study with one thing changed. Its runs take the part of the published ones, and seeds of the study
that of ours: so many for each published run, drawn again and again. Alternatives are trained as a quick look, and their
few runs are drawn often; networks that they have no runs of come from the study itself, as if nothing were changed.
"""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path

from kept import ROOT, at_home

at_home()

import numpy as np  # noqa: E402

from vgrad.runs.stored import StoredRun, read_run  # noqa: E402
from vgrad.study.draws import FACTOR, POINT, REPLICATION, Settled  # noqa: E402
from vgrad.study.joint import Array  # noqa: E402
from vgrad.study.measurement import measure  # noqa: E402
from vgrad.study.place import folder_name  # noqa: E402
from vgrad.study.plan import make_plans, trained  # noqa: E402
from vgrad.study.power import power  # noqa: E402
from vgrad.study.published import Study, load_study  # noqa: E402

RUNS, TABLE = Path("runs"), ROOT / "vgrad" / "study" / "canon" / "nielsen-power.csv"
MEAN_OF_NORMS = "probes.record=[delta_norm_mean, delta_norm]"
SEEDS = (3, 4, 8, 12, 19)
TIMES = 1000


def by_mean_of_norms(path: Path) -> StoredRun:
    """A run whose speed is the mean of the norms in the place of the norm of the mean."""
    run = read_run(path)
    vars(run)["gradients"] = run.gradients.assign(delta_norm=run.gradients["delta_norm_mean"])  # in place of the cached
    return run


ALTERNATIVES: dict[str, tuple[str, Callable[[Path], StoredRun]]] = {
    "Glorot's initialization": ("init=glorot_normal", read_run),
    "no L2": ("l2=0", read_run),
    "the mean of norms": (MEAN_OF_NORMS, by_mean_of_norms),
}
"""Each with the setting that its runs are trained with."""


def main() -> None:
    """Simulates, and writes the table."""
    study = load_study("nielsen")
    ours = draws(study, "", read_run)
    rows = [(name, each) for name in (REPLICATION, FACTOR, POINT) for each in known(ours, name)]
    for name, (setting, read) in ALTERNATIVES.items():
        rows += [(name, each) for each in simulated(ours, draws(study, setting, read))]
    with TABLE.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["alternative", "seeds", "noticed"])
        writer.writerows((name, seeds, noticed) for name, (seeds, noticed) in rows)
    print(TABLE.read_text(encoding="utf-8"), end="")


Key = tuple[str, str]


def draws(study: Study, setting: str, read: Callable[[Path], StoredRun]) -> dict[Key, Settled]:
    """The draws of each published run that can be compared, from the runs that are there."""
    settings = [setting] if setting else []
    plans = make_plans(study, RUNS / folder_name("nielsen", settings), settings, quick=bool(setting))
    outcome = measure(study, trained(study, plans), read)
    found = {key: each.settle() for key, each in outcome.draws.items()}
    return {key: each for key, each in found.items() if each.testable}


def known(ours: dict[Key, Settled], alternative: str) -> list[tuple[int, float]]:
    """Against what needs no training."""
    changed = {
        key: each.ours + (0.0 if alternative == REPLICATION else each.shift(alternative)) for key, each in ours.items()
    }
    return against(ours, changed)


def simulated(ours: dict[Key, Settled], theirs: dict[Key, Settled]) -> list[tuple[int, float]]:
    """Against runs of an alternative."""
    for key, each in theirs.items():
        if each.names != ours[key].names:
            raise SystemExit(f"{key}: an alternative without all of the numbers")
    return against(ours, {key: theirs[key].ours if key in theirs else each.ours for key, each in ours.items()})


def against(ours: dict[Key, Settled], others: dict[Key, Array]) -> list[tuple[int, float]]:
    """By number of seeds, the share of studies in which `others` are noticed."""
    keys = list(ours)

    def other(run: int, row: int) -> Array:
        found: Array = np.atleast_2d(others[keys[run]])[row % len(others[keys[run]])]
        return found

    runs = [each.ours for each in ours.values()]
    return [(seeds, power(runs, other, [seeds] * len(runs), times=TIMES)) for seeds in SEEDS]


if __name__ == "__main__":
    main()
