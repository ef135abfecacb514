"""A study's folder, made up: published figures and seeds that scatter around them, in the files that reports read.

write_study(folder)                          reproduced, on MNIST
write_study(folder, comparable=False)        another data set: nothing published
write_study(folder, seeds=3, epochs=(0, 1))  few of everything
"""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Sequence
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
from scipy.special import stdtrit

NETWORKS = {depth: "-".join(["784", *["30"] * depth, "10"]) for depth in (1, 2, 3, 4)}
ACCURACY = {1: 96.48, 2: 96.90, 3: 96.57, 4: 96.53}
SPEED = {2: [0.0657, 0.3092], 3: [0.0118, 0.0600, 0.2831], 4: [0.00298, 0.0171, 0.0695, 0.2851]}
BARS = [[0.0040, 0.0032, 0.0081, 0.0126, 0.0265, 0.0018], [0.0415, 0.0440, 0.0097, 0.0467, 0.0388, 0.0123]]
FIGURES = (
    "experiment,figure,layers,label,unit,scale,published,n,center,spread,low,high,band_low,band_high,"
    "z,inside,lost,verdict"
)
LIMIT = 2.5


def study(**changes: Any) -> dict[str, Any]:
    """study.json of a study that was reproduced."""
    experiments = [
        ("accuracy", "A", "Does a deeper network classify better?", 4),
        ("start", "B", "How fast does each layer learn at the start?", 3),
        ("speed", "C", "How fast does each layer learn during training?", 3),
    ]
    return {
        "schema": 1,
        "study": "nielsen",
        "title": "Why are deep neural networks hard to train?",
        "source": "M. Nielsen, Neural Networks and Deep Learning, Determination Press, 2015, chapter 5",
        "url": "http://neuralnetworksanddeeplearning.com/chap5.html",
        "data": "mnist",
        "settings": [],
        "quick": False,
        "left_out": ["The figure of the one-neuron chain is a formula, not a measurement."],
        "limit": LIMIT,
        "level": 0.95,
        "share": 0.9,
        "verdict": "reproduced",
        "reason": "28 of 28 figures inside their bands",
        "experiments": [
            {
                "name": name,
                "letter": letter,
                "title": title,
                "seeds": list(range(20)),
                "runs": 20 * networks,
                "complete": 20 * networks - (letter == "A"),
                "diverged": int(letter == "A"),
                "failed": 0,
                "seconds": 1234.5 if letter == "A" else None,
            }
            for name, letter, title, networks in experiments
        ],
        "versions": {"vgrad": "0.1.0", "python": "3.12.1", "numpy": "2.1.0"},
        "processor": "a processor",
        **changes,
    }


def half(n: int, level: float) -> float:
    """Student's t of a two-sided level."""
    return float(stdtrit(n - 1, (1 + level) / 2))


def judged(published: float | None, values: np.ndarray, log: bool) -> dict[str, Any]:
    """center … z of a figure, as the files have them."""
    x = np.log10(values) if log else values
    n, mean, sd = len(x), float(x.mean()), float(x.std(ddof=1))
    draws = 1 - 2 * (1 - 0.5 * (1 + math.erf(LIMIT / math.sqrt(2))))
    wide = half(n, draws) * sd * math.sqrt(1 + 1 / n)
    narrow = half(n, 0.95) * sd / math.sqrt(n)
    ends = [mean, mean - narrow, mean + narrow, mean - wide, mean + wide]
    center, low, high, band_low, band_high = ([10**end for end in ends]) if log else ends
    z = None if published is None else ((math.log10(published) if log else published) - mean) / sd
    inside = published is not None and band_low <= published <= band_high
    return {
        "published": published,
        "n": n,
        "center": center,
        "spread": 10**sd if log else sd,
        "low": low,
        "high": high,
        "band_low": band_low,
        "band_high": band_high,
        "z": z,
        "verdict": "not comparable" if published is None else "inside" if inside else "outside",
    }


def course(start: float, epochs: np.ndarray) -> np.ndarray:
    """A curve that falls fast and stays low."""
    return start * (0.02 + 0.98 * np.exp(-epochs / 25)) * (1 + 0.15 * np.sin(epochs / 40))


class Writer:
    """Collects the rows of a study."""

    def __init__(self, *, seeds: int, comparable: bool, epochs: Sequence[int], seed: int = 0) -> None:
        self.seeds, self.comparable, self.epochs = seeds, comparable, np.asarray(epochs)
        self.random = np.random.default_rng(seed)
        self.figures: list[dict[str, Any]] = []
        self.curves: list[dict[str, Any]] = []
        self.neurons: list[dict[str, Any]] = []
        self.values: list[dict[str, Any]] = []

    def figure(self, experiment: str, depth: int, slug: str, label: str, center: float, sd: float, log: bool) -> None:
        layers, slug = NETWORKS[depth], f"{experiment}.{NETWORKS[depth]}.{slug}"
        noise = self.random.standard_normal(self.seeds)
        lost = int(not self.figures and self.seeds > 2)  # the first seed of the first figure
        values = (center * 10 ** (sd * noise) if log else center + sd * noise)[lost:]
        published = center if self.comparable else None
        row = {"experiment": experiment, "figure": slug, "layers": layers, "label": label, "unit": "" if log else "%"}
        row |= {"scale": "log" if log else "linear", "lost": lost, "inside": None} | judged(published, values, log)
        self.figures.append(row)
        for seed, value in enumerate(values.tolist(), start=lost):
            run = f"{experiment.lower()}-{depth}-{depth:08x}-s{seed}"
            self.values.append({"experiment": experiment, "figure": slug, "seed": seed, "run": run, "value": value})

    def curve(self, depth: int, line: str, published: np.ndarray, sd: float) -> None:
        layers = NETWORKS[depth]
        wide = half(self.seeds, 0.95) * math.sqrt(1 + 1 / self.seeds) * sd
        center = published * 10 ** (0.4 * sd)
        low, high = center * 10**-wide, center * 10**wide
        inside = (low <= published) & (published <= high)
        label = "last/first" if line == "ratio" else f"‖δ^{line}‖"
        empty = dict.fromkeys(("published", "center", "spread", "low", "high", "band_low", "band_high", "z"))
        share = float(inside.mean()) if self.comparable else None
        self.figures.append(
            {"experiment": "C", "figure": f"C.{layers}.{line}", "layers": layers}
            | {"label": f"{label}, {len(self.epochs)} epochs", "unit": "", "scale": "log", "n": self.seeds, "lost": 0}
            | {**empty, "inside": share, "verdict": "inside" if self.comparable else "not comparable"}
        )
        for index, epoch in enumerate(self.epochs.tolist()):
            told = bool(inside[index]) if self.comparable else None
            shown = float(published[index]) if self.comparable else None
            self.curves.append(
                {"experiment": "C", "layers": layers, "line": line, "epoch": epoch, "published": shown}
                | {"n": self.seeds, "center": center[index], "low": low[index], "high": high[index], "inside": told}
            )

    def fill(self) -> None:
        for depth, accuracy in ACCURACY.items():
            self.figure("A", depth, "accuracy", "validation accuracy", accuracy, 0.12, log=False)
        for depth, norms in SPEED.items():
            for layer, norm in enumerate(norms, start=1):
                self.figure("B", depth, f"norm-{layer}-0", f"‖δ^{layer}‖ at the start", norm, 0.15, log=True)
            self.figure("B", depth, "ratio-start", "last/first at the start", norms[-1] / norms[0], 0.12, log=True)
        for layer, bars in enumerate(BARS, start=1):
            for neuron, published in enumerate(bars, start=1):
                row = {"layers": NETWORKS[2], "layer": layer, "neuron": neuron}
                row |= {"published": published if self.comparable else None, "measured": published * 1.3}
                self.neurons.append({**row, "low": bars[0] / 30, "high": max(bars) * 1.6})
        for depth, norms in SPEED.items():
            lines = [course(norm, self.epochs) for norm in norms]
            for layer, published in enumerate(lines, start=1):
                self.curve(depth, str(layer), published, 0.14)
            self.curve(depth, "ratio", lines[-1] / lines[0] * (1 + 0.2 * np.sin(self.epochs / 60)), 0.12)
            self.figure("C", depth, "ratio-least-500", "last/first, least", 2.0 * depth, 0.1, log=True)


def table(rows: Sequence[dict[str, Any]], columns: str) -> str:
    out = StringIO()
    writer = csv.DictWriter(out, columns.split(","), lineterminator="\n")
    writer.writeheader()
    writer.writerows([{name: _cell(value) for name, value in row.items()} for row in rows])
    return out.getvalue()


def _cell(value: Any) -> Any:
    if isinstance(value, bool):
        return str(value).lower()
    return repr(float(value)) if isinstance(value, float) else "" if value is None else value


def write_study(
    folder: Path, *, comparable: bool = True, seeds: int = 20, epochs: Sequence[int] = range(0, 500, 10), **changes: Any
) -> Path:
    """The folder, with what `changes` say of study.json."""
    writer = Writer(seeds=seeds, comparable=comparable, epochs=epochs)
    writer.fill()
    if not comparable:
        reason = "the published figures are of mnist; this is digits"
        changes = {"verdict": "not comparable", "reason": reason, "data": "digits", **changes}
    folder.mkdir(parents=True, exist_ok=True)
    files = {
        "study.json": json.dumps(study(**changes), indent=1),
        "figures.csv": table(writer.figures, FIGURES),
        "curves.csv": table(writer.curves, "experiment,layers,line,epoch,published,n,center,low,high,inside"),
        "neurons.csv": table(writer.neurons, "layers,layer,neuron,published,measured,low,high"),
        "values.csv": table(writer.values, "experiment,figure,seed,run,value"),
    }
    for name, content in files.items():
        (folder / name).write_text(content, encoding="utf-8")
    return folder
