"""A checkpoint that is not what this config writes is refused, whatever part of it is another's."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from vgrad.config.check import check
from vgrad.errors import RunStateError
from vgrad.runs.folder import RunFolder
from vgrad.runs.history import empty_history
from vgrad.runs.runner import run
from vgrad.runs.summary import summarize
from vgrad.storage.npz import pack
from vgrad.training.metrics import OTHERS

TREE: dict[str, Any] = {
    "name": "c",
    "layers": [64, 3, 10],
    "epochs": 3,
    "batch_size": 20,
    "data": {"name": "digits", "train": 40, "validation": 10},
    "optimizer": "momentum",
    "batch_norm": True,
    "early_stopping": 9,
    "probes": {"every": 2, "steps": 1, "examples": 10, "neurons": [1], "histograms": [0]},
}
CONFIG = check(TREE)
RATE = [*OTHERS].index("learning_rate") - len(OTHERS)
"""Where the rate stands among the metrics, counted from the last."""
Parts = dict[str, Any]
Harm = Callable[[Parts, Parts], object]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("made")
    list(run(CONFIG, folder))
    return folder / CONFIG.run_name


def without(name: str) -> Harm:
    return lambda arrays, meta: arrays.pop(name)


def turned(name: str, change: Callable[[np.ndarray], np.ndarray]) -> Harm:
    return lambda arrays, meta: arrays.update({name: change(arrays[name])})


def said(**changes: Any) -> Harm:
    return lambda arrays, meta: meta.update(changes)


def at(name: str, index: Any, value: float) -> Harm:
    return lambda arrays, meta: arrays[name].__setitem__(index, value)


def single(x: np.ndarray) -> np.ndarray:
    return x.astype("f4")


STATE, BEST = "not the state of the config's optimizer and normalization", "not the best parameters"
REFUSED: dict[str, tuple[Harm, str]] = {
    "another format": (said(format=2), "format 2"),
    "another run": (said(run="x"), "is of run x"),
    "a later epoch": (said(epoch=4), "parameters of epoch 4 with a history of 4 epochs"),
    "an epoch that is no number": (said(epoch=3.0), "parameters of epoch 3.0"),
    "no epoch": (lambda arrays, meta: meta.pop("epoch"), "KeyError"),
    "no meta": (without("meta"), "KeyError"),
    "no weights": (without("parameters.W1"), "W1 is missing"),
    "misshapen weights": (turned("parameters.W2", np.transpose), "W2 has shape"),
    "NaN in a bias": (at("parameters.b2", 0, np.nan), "b2 holds NaN"),
    "weights of another type": (turned("parameters.W1", single), "parameters are not float64"),
    "no velocity": (without("optimizer.v"), STATE),
    "a velocity of another type": (turned("optimizer.v", single), STATE),
    "a longer velocity": (turned("optimizer.v", lambda v: np.append(v, 0.0)), STATE),
    "no running mean": (without("buffers.mean1"), STATE),
    "one running mean too many": (lambda arrays, meta: arrays.update({"buffers.mean2": np.zeros(10)}), STATE),
    "best weights that are not all": (without("best.W1"), "W1 is missing"),
    "best weights of another type": (turned("best.W1", single), BEST),
    "no surroundings": (said(surroundings="ab"), "no list of surroundings"),
    "surroundings that are no text": (said(surroundings=["a", 1]), "no list of surroundings"),
    "surroundings that steer": (said(surroundings=["a\x1b[2J"]), "no list of surroundings"),
    "surroundings that are not ASCII": (said(surroundings=["ä"]), "no list of surroundings"),
    "no metrics": (without("history.metrics"), "KeyError"),
    "metrics of another type": (turned("history.metrics", single), "metrics is float32"),
    "a column less": (turned("history.metrics", lambda x: x[:, 1:]), "metrics is float64 of shape"),
    "an epoch less": (turned("history.metrics", lambda x: x[:-1]), "epochs without metrics"),
    "a metric that is missing": (at("history.metrics", (2, 0), np.nan), "a metric of epoch 2 is missing"),
    "a rate before training": (at("history.metrics", (0, RATE), 0.1), "a metric of epoch 0 is missing"),
    "an infinite metric": (at("history.metrics", (1, 0), np.inf), "metrics holds NaN or infinity"),
    "a norm that is missing": (at("history.gradients", (1, 0, 0), np.nan), "gradients holds NaN"),
    "norms of a layer less": (turned("history.gradients", lambda x: x[:, :, 1:]), "gradients is float64"),
    "other epochs probed": (at("history.probed", 1, 1), "other epochs were probed"),
    "epochs in disorder": (at("history.probed", slice(None), [2, 0, 3]), "epochs without metrics"),
    "an epoch probed twice": (at("history.probed", 1, 0), "epochs without metrics"),
    "more silent units than there are": (at("history.silent", (0, 0), 99), "silent holds more units"),
    "a mean norm below 0": (at("history.mean_norms", (0, 0), -2.0), "mean_norms holds what is no norm"),
    "mean norms of a layer less": (turned("history.mean_norms", lambda x: x[:, 1:]), "mean_norms is float64"),
    "silent units in halves": (turned("history.silent", lambda x: x / 2), "silent is float64"),
    "a class of no part": (lambda a, meta: meta.update(classes={"all": [3, 1]}), "classes of no part"),
    "a class larger than its part": (lambda a, meta: meta.update(classes={"test": [3, 4]}), "classes of no part"),
    "no neurons": (without("history.neurons.1"), "KeyError"),
    "NaN in neurons": (at("history.neurons.1", 3, np.nan), "neurons.1 holds NaN"),
    "a neuron too many": (turned("history.neurons.1", lambda x: np.append(x, 0.0)), "neurons.1 is float64"),
    "steps of an epoch less": (turned("history.steps", lambda x: x[1:]), "steps is float64"),
    "steps without limit": (at("history.steps", (0, 0, 0, 0), np.inf), "steps holds NaN or infinity"),
    "no steps": (without("history.steps"), "KeyError"),
    "bars of another epoch": (lambda a, meta: a.update({"history.histograms.1": a["history.histograms.0"]}), "or \\["),
    "bars of a layer less": (turned("history.histograms.0", lambda x: x[1:]), "histograms.0 is float64"),
}


def diverged(epoch: Any, **where: Any) -> Harm:
    """After epochs 0 … 2, of which 0 and 2 were probed."""

    def harm(arrays: Parts, meta: Parts) -> None:
        for name, rows in (
            ("metrics", 3),
            ("probed", 2),
            ("gradients", 2),
            ("silent", 2),
            ("mean_norms", 2),
            ("steps", 2),
        ):
            arrays[f"history.{name}"] = arrays[f"history.{name}"][:rows]
        meta.update(epoch=3, divergence={"epoch": epoch, **where})

    return harm


REFUSED |= {f"diverged in {epoch}": (diverged(epoch, batch=1, layer=1), "a divergence in") for epoch in (2, 4, 3.0)}
REFUSED |= {f"batch {at}": (diverged(3, batch=at, layer=1), "a divergence at batch") for at in (0, True, 1.0)}
REFUSED |= {f"layer {at}": (diverged(3, batch=1, layer=at), "a divergence at batch") for at in (0, 3)}
REFUSED |= {"diverged nowhere": (diverged(3, batch=1), "missing 1 required")}


def changed(made: Path, tmp_path: Path, harm: Harm) -> RunFolder:
    folder = Path(shutil.copytree(made, tmp_path / made.name))
    arrays = dict(np.load(made / "checkpoint.npz"))
    meta = json.loads(arrays["meta"].tobytes())
    harm(arrays, meta)
    if "meta" in arrays:
        arrays["meta"] = np.frombuffer(json.dumps(meta).encode(), np.uint8)
    (folder / "checkpoint.npz").write_bytes(pack(arrays))
    return RunFolder(folder)


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_another_runs_is_refused(name: str, made: Path, tmp_path: Path) -> None:
    harm, told = REFUSED[name]
    with pytest.raises(RunStateError, match=f"damaged checkpoint: .*{told}"):
        changed(made, tmp_path, harm).resume(CONFIG)


@pytest.mark.parametrize("where", [{"batch": 1, "layer": 2}, {"batch": 9, "layer": None}, {"batch": None, "layer": 1}])
def test_a_divergence_follows_on_the_last_epoch(where: dict[str, Any], made: Path, tmp_path: Path) -> None:
    found = changed(made, tmp_path, diverged(3, **where)).resume(CONFIG)
    assert found is not None
    assert [record.epoch for record in found.history.records] == [0, 1, 2, 3]
    assert vars(found.history.records[-1].divergence) == {"epoch": 3, **where}


def test_best_parameters_are_of_early_stopping_alone(made: Path, tmp_path: Path) -> None:
    other = check({**TREE, "early_stopping": None})
    for best in (True, False):

        def harm(arrays: Parts, meta: Parts, best: bool = best) -> None:
            meta["run"] = other.run_name
            for name in [name for name in arrays if name.startswith("best.") and not best]:
                del arrays[name]

        folder = changed(made, tmp_path / str(best), harm)
        if best:
            with pytest.raises(RunStateError, match=BEST):
                folder.resume(other)
        else:
            assert folder.resume(other) is not None


def test_a_checkpoint_of_an_earlier_version_is_read(made: Path, tmp_path: Path) -> None:
    """It has neither counted units that pass nothing nor the classes: there is no word that needs them."""

    def harm(arrays: Parts, meta: Parts) -> None:
        del arrays["history.silent"], arrays["history.mean_norms"], meta["classes"]

    found = changed(made, tmp_path, harm).resume(CONFIG)
    assert found is not None
    assert {record.silent for record in found.history.records} == {None}
    summary = summarize(found.history)
    assert summary["learning"] is summary["gradient"]["start"]["dead"] is None
    again = empty_history(CONFIG)
    again.unpack(*found.history.pack())
    assert [record.silent for record in again.records] == [None] * len(again.records)
