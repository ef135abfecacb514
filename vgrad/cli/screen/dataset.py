"""A data set on the screen: lines, the same as a tree for --json, and a picture of examples."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from vgrad.data.dataset import Dataset
from vgrad.data.datasets import DATASETS
from vgrad.data.describe import PARTS, Description, Range
from vgrad.pictures.examples import columns, plane
from vgrad.pictures.fonts import load_matplotlib
from vgrad.pictures.images import sheet, side
from vgrad.pictures.style import content, styled, suffix
from vgrad.text.escapes import printable
from vgrad.text.numbers import significant
from vgrad.text.plain import table

MOST_CLASSES = 30
IMAGES = 40


def names(dataset: Dataset, given: Mapping[str, Any]) -> list[str]:
    """The classes or targets: by the names that a file has, else by number."""
    known = given.get("classes") or given.get("targets") or DATASETS[dataset.name].classes
    return [printable(str(each), 24) for each in known or range(dataset.classes)]


def tree(name: str, dataset: Dataset, given: Mapping[str, Any], found: Description) -> dict[str, Any]:
    """For --json."""
    source = DATASETS[name]
    head = {"name": name, "summary": source.summary, "origin": source.origin or None, "digest": dataset.digest}
    if dataset.reconstructs:
        return {**head, "reconstructs": True, "n_inputs": dataset.n_inputs, **asdict(found)}
    kind = "targets" if found.targets else "classes"
    return {**head, kind: list(given.get(kind) or names(dataset, given)), "n_inputs": dataset.n_inputs, **asdict(found)}


def lines(name: str, dataset: Dataset, given: Mapping[str, Any], found: Description) -> list[str]:
    """What it is, its parts with the examples of each class, and the range of its inputs."""
    source, called = DATASETS[name], names(dataset, given)
    edge = side(dataset.n_inputs) if dataset.train.inputs.dtype == np.uint8 else None
    shape = f" ({edge} x {edge})" if edge else ""
    kind = "target" if found.targets else "class"
    outputs = "which are the targets, too" if dataset.reconstructs else f"{len(called)} {_several(kind, len(called))}"
    told = [f"{name}: {source.summary}", *([f"from {source.origin}"] if source.origin else [])]
    told += [f"{dataset.n_inputs} inputs{shape}, {outputs}", ""]
    there = [part for part in PARTS if found.sizes[part]]
    rows = [["", *there], ["examples", *(f"{found.sizes[part]:,}" for part in there)]]
    if found.counts:
        shown = range(min(len(called), MOST_CLASSES))
        rows += [[called[k], *(f"{found.counts[part][k]:,}" for part in there)] for k in shown]
    told += table(rows)
    told += [f"and {len(called) - MOST_CLASSES} more classes"] if len(called) > MOST_CLASSES and found.counts else []
    ranges = {"inputs": found.inputs, f"scaled ({given.get('scale', 'unit')})": found.scaled}
    ranges |= {f"targets, {part}": each for part, each in found.targets.items()}
    head = ["of the training part" if not found.targets else "", "least", "largest", "mean", "deviation"]
    told += ["", *table([head, *([label, *_numbers(each)] for label, each in ranges.items())])]
    constant = found.inputs.constant
    told += [f"{constant} of {dataset.n_inputs} inputs never change"] if constant else []
    return told


def _several(word: str, count: int) -> str:
    return word if count == 1 else {"class": "classes"}.get(word, f"{word}s")


def _numbers(found: Range) -> list[str]:
    return [significant(each) for each in (found.least, found.largest, found.mean, found.deviation)]


def drawn(dataset: Dataset, given: Mapping[str, Any], output: Path) -> bytes:
    """The first training examples: images as they are, points of the plane by class, else how columns are spread."""
    x, y, called = dataset.train.inputs, dataset.train.labels, names(dataset, given)
    title = f"{dataset.name}: training examples"
    load_matplotlib()
    with styled():
        if x.dtype == np.uint8 and side(x.shape[1]):
            captions = (
                [called[label] for label in y[:IMAGES]] if y.ndim == 1 else list(map(str, range(len(x[:IMAGES]))))
            )
            figure = sheet(x[:IMAGES], captions, title)
        elif x.shape[1] == 2 and y.ndim == 1:
            figure = plane(x.astype(np.float64), y.astype(np.int64), called, title)
        else:
            inputs = given.get("columns") or [f"input {number}" for number in range(x.shape[1])]
            figure = columns(x.astype(np.float64), list(map(str, inputs)), title)
        return content(figure, suffix(output), title, dataset.digest[:8], "vgrad data show")
