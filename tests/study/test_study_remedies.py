"""The kept outcome of `vgrad reproduce remedies` beside trials of two seeds that were made before it.

First-layer speed, last/first, and accuracy after one epoch and ten, of random networks and of pretrained ones by depth.
"""

from __future__ import annotations

import math
from pathlib import Path

import pytest
from scipy import stats

from vgrad.study.files import read_outcome
from vgrad.study.outcome import Shown

KEPT = Path(__file__).resolve().parents[2] / "runs" / "reference" / "remedies"
TRIALS = {
    ("nothing", 1): (0.31, 1, 92.9, 95.9),
    ("nothing", 3): (0.0100, 29, 85.9, 96.4),
    ("nothing", 4): (0.0022, 108, 18.9, 95.7),
    ("nothing", 5): (3.4e-4, 808, 10.8, 50.7),
    ("nothing", 8): (3e-6, 68_600, 10.8, 10.9),
    ("autoencoder", 1): (0.052, 1, 92.0, 95.9),
    ("autoencoder", 3): (0.0151, 15, 91.2, 96.3),
    ("autoencoder", 4): (0.0108, 26, 90.3, 96.4),
    ("autoencoder", 5): (0.0098, 36, 87.6, 95.8),
    ("autoencoder", 8): (0.0029, 124, 80.9, 95.2),
    ("RBM", 1): (0.048, 1, 92.3, 96.0),
    ("RBM", 3): (0.0084, 26, 90.1, 96.1),
    ("RBM", 4): (0.0044, 54, 88.2, 95.6),
    ("RBM", 5): (0.0057, 53, 87.4, 95.5),
    ("RBM", 8): (0.0040, 82, 75.6, 94.4),
}
"""(remedy, hidden layers) -> ||delta^1|| and last/first at the start, % after one epoch, and after ten."""
LABELS = ("‖δ^1‖ at the start", "last/first at the start", "accuracy after 1 epoch", "accuracy after 10 epochs")
MEAN_OF = 2
ROUNDED = {True: 0.06, False: 0.1}
"""Of figures with two digits, by factors; of percentages with one decimal."""


def deviations(cell: Shown, trial: float) -> tuple[float, float]:
    """How far a mean of two further seeds lies from the mean of ours, and how far it may: the t interval of it at
    99.9 %, since sixty are looked at."""
    log = cell.scale == "log"
    place = math.log if log else float
    off = abs(place(trial) - place(cell.center or math.nan))
    if cell.high is None or cell.center is None:
        return off, 0.0
    half = place(cell.high) - place(cell.center)
    s = half * math.sqrt(cell.n) / float(stats.t.ppf(0.975, cell.n - 1))
    return off, float(stats.t.ppf(0.9995, cell.n - 1)) * s * math.sqrt(1 / cell.n + 1 / MEAN_OF)


@pytest.mark.parametrize(("remedy", "depth"), TRIALS)
def test_trials_of_two_seeds_are_like_further_seeds(remedy: str, depth: int) -> None:
    cells = {(each.row, each.column, each.label): each for each in read_outcome(KEPT).overview}
    for label, trial in zip(LABELS, TRIALS[remedy, depth], strict=True):
        cell = cells[remedy, str(depth), label]
        off, most = deviations(cell, trial)
        assert off <= most + ROUNDED[cell.scale == "log"], (label, trial, cell.center)
