"""What a finished run has learned: its final parameters on a part of its data, and what of that is kept for reports.

evaluate(run, part)    means, confusion matrix and mistakes; loads the data
keep(run, found)       the means into evaluation.json of the run directory, from which reports take `test_accuracy`
kept(path)             what stands there

The means are stored, not computed where a report wants them: a report loads no data, and says the same on a machine
that has none. evaluation.json is no part of the run's hash or of its digests; it names the digest of the final.npz that
it is of, so that one of other parameters counts for nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from vgrad.config.monitors import PARTS
from vgrad.config.monitors import split as split_monitor
from vgrad.data.dataset import Dataset, Part
from vgrad.data.datasets import load
from vgrad.errors import ConfigError, DataError, RunStateError
from vgrad.runs.facts import Count, Share, Words, checked
from vgrad.runs.folder import FINAL
from vgrad.runs.stored import StoredRun, data_folder
from vgrad.storage import write_file
from vgrad.storage.json import dump_json, read_json
from vgrad.text.escapes import printable
from vgrad.training.assembly import build_network
from vgrad.training.descent import full_batch
from vgrad.training.evaluation import Evaluator
from vgrad.training.memory import check_memory

EVALUATION = "evaluation.json"
MOST_CLASSES = 1000
"""More than these make no matrix that anybody reads."""


@dataclass(frozen=True)
class Mistake:
    """An example that the network gets wrong: its number in the part, from 0 in file order; its class and the one that
    is named; and the output activation of the named class, the `confidence`."""

    example: int
    true: int
    named: int
    confidence: float


@dataclass(frozen=True)
class Evaluated:
    """The final parameters of a run on `examples` of `part`. `means` are by monitor: cost, accuracy, and whatever else
    metrics.csv has of the part, with the same bits. `confusion[i, j]` counts examples of class i that are named j.
    `mistakes` are all, the most confident first. Where numbers are predicted, there are neither of them."""

    part: str
    examples: int
    means: dict[str, float]
    confusion: NDArray[np.int64]
    mistakes: list[Mistake]
    inputs: Part

    @property
    def correct(self) -> int:
        """How many examples are named rightly."""
        return self.examples - len(self.mistakes)


def evaluate(run: StoredRun, part: str, dataset: Dataset | None = None) -> Evaluated:
    """Evaluates the run; `dataset` is its data, where they are loaded already. RunStateError for one that has not
    finished or has lost its parameters, ConfigError where the part is empty, DataError for other data than its own."""
    config, where = run.config, printable(str(run.path), 200)
    if run.facts is None:
        raise RunStateError(
            f"{where}: {run.status} after epoch {run.epoch or 0} of {config.epochs}; train it to its end"
        )
    sizes = config.part_sizes
    if not sizes[part]:
        there = ", ".join(name for name in PARTS if sizes[name])
        raise ConfigError(f"--part {part}: {where} has no {part} examples; it has {there}")
    check_memory(config)
    parameters, buffers = run.network(FINAL)
    if not buffers and build_network(config).buffers():
        told = "it is of a version that kept no running statistics; train the run again"
        raise RunStateError(f"{where}/{FINAL}: {told}")
    if dataset is None:
        dataset = load(config.data.name, base=data_folder(run), **config.data.parameters)
    if dataset.classes > MOST_CLASSES and not config.facts.regression:
        raise ConfigError(f"{where}: {dataset.classes:,} classes, more than {MOST_CLASSES:,}")
    if dataset.digest != run.facts["data"].get("sha256"):
        raise DataError(f"{where}: its data were others: their digest is not that of {config.data.name} here")
    network = build_network(config)
    batch = full_batch(network, parameters, dataset, config.rows_per_step) if part == "train" else None
    evaluator = Evaluator(network, parameters, buffers, dataset, config.dtype, batch)
    own = [name for name in config.monitors if split_monitor(name)[0] == part]
    usual = [f"{part}_cost"] + ([] if config.facts.regression else [f"{part}_accuracy"])
    wanted = list(dict.fromkeys([*usual, *own]))
    try:
        means = evaluator.means(wanted, config.cost, config.output)
    except FloatingPointError:
        raise RunStateError(f"{where}: the numbers overflow: the run has diverged") from None
    examined: Part = getattr(dataset, part)
    if config.facts.regression:
        return Evaluated(part, len(examined), means, np.zeros((0, 0), np.int64), [], examined)
    named, confidence = _named(evaluator, part, dataset.classes)
    confusion = np.zeros((dataset.classes, dataset.classes), np.int64)
    np.add.at(confusion, (examined.labels, named), 1)
    wrong = np.flatnonzero(named != examined.labels)
    order = wrong[np.argsort(-confidence[wrong], kind="stable")]
    mistakes = [Mistake(int(i), int(examined.labels[i]), int(named[i]), float(confidence[i])) for i in order]
    return Evaluated(part, len(examined), means, confusion, mistakes, examined)


def _named(evaluator: Evaluator, part: str, classes: int) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    """The class that each example is given, by the rule of `vgrad.config.monitors.correct`, and its activation."""
    named, confidence = [], []
    for z, a in evaluator.outputs(part):
        if a.shape[1] == 1 and classes == 2:
            given = (a[:, 0] > 0.5).astype(np.intp)
            strength = np.where(given == 1, a[:, 0], 1 - a[:, 0])
        else:
            given = z.argmax(axis=1)
            strength = a[np.arange(len(a)), given]
        named.append(given)
        confidence.append(strength.astype(np.float64))
    return np.concatenate(named), np.concatenate(confidence)


class _Means(BaseModel):
    model_config = ConfigDict(strict=True, allow_inf_nan=False, frozen=True)
    examples: Annotated[Count, Field(ge=1)]
    cost: float
    accuracy: Share | None = None


class _Kept(BaseModel):
    model_config = ConfigDict(strict=True, allow_inf_nan=False, frozen=True)
    schema_: Literal[1] = Field(alias="schema")
    final: Words
    parts: dict[Literal["train", "validation", "test"], _Means]


def keep(run: StoredRun, found: Evaluated) -> None:
    """Puts the cost and the accuracy into evaluation.json, beside those of other parts. StorageError when it cannot be
    written."""
    path, final = run.path / EVALUATION, _digest(run.facts)
    try:
        tree = _read(path)
    except RunStateError:  # it is made again
        tree = None
    parts = tree["parts"] if tree and tree["final"] == final else {}
    named = ((measure, found.means.get(f"{found.part}_{measure}")) for measure in ("cost", "accuracy"))
    means = {measure: mean for measure, mean in named if mean is not None}
    parts[found.part] = {"examples": found.examples, **means}
    write_file(path, dump_json({"schema": 1, "final": final, "parts": parts}))


def kept(run: StoredRun) -> dict[str, float]:
    """`test_accuracy` and its like, as `evaluate` found them for these parameters. RunStateError for a damaged file."""
    tree = _read(run.path / EVALUATION)
    if tree is None or tree["final"] != _digest(run.facts):
        return {}
    every = ((part, name, means.get(name)) for part, means in tree["parts"].items() for name in ("cost", "accuracy"))
    return {f"{part}_{name}": mean for part, name, mean in every if mean is not None}


def _read(path: Path) -> dict[str, Any] | None:
    tree = read_json(path)
    if tree is not None:
        checked(_Kept, tree, path)
    return tree


def _digest(facts: dict[str, Any] | None) -> str | None:
    found: str | None = (facts or {"files": {}})["files"].get(FINAL)
    return found


MEASURES = tuple(f"{part}_{name}" for part in PARTS for name in ("cost", "accuracy"))
"""What may stand in evaluation.json."""
