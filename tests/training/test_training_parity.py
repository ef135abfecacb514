"""Exactness: the reference runs of the published algorithm on MNIST, and random small runs against a plain loop."""

from __future__ import annotations

import csv
import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import oracle
import pytest
from hypothesis import HealthCheck, example, given, reject, settings
from hypothesis import strategies as st
from oracle import Model, Params

from vgrad.cli.options import read_config
from vgrad.config.check import check
from vgrad.config.config import Config
from vgrad.data.dataset import Dataset, Threshold
from vgrad.data.datasets import load
from vgrad.nn.optimizers import OPTIMIZERS, Optimizer
from vgrad.runs.runner import Opened, run
from vgrad.training import descent
from vgrad.training.assembly import fresh_state
from vgrad.training.initial import draw_parameters
from vgrad.training.loop import train

# -- the reference runs, from a config file to a run directory --------------------------------------------------------

GD = """
layers: [784, 30, 30, 10]
init: {{name: file, path: {path}}}
optimizer: {{name: sgd, learning_rate: 0.1}}
epochs: 100
batch_size: full
l2: 5.0
data: {{name: mnist, train: 1000, validation: 0, test: 0}}
probes: {{record: [delta_norm], examples: all}}
"""
SGD = """
layers: [784, 30, 30, 10]
init: {{name: file, path: {path}}}
optimizer: {{name: sgd, learning_rate: 0.1}}
epochs: 2
batch_size: 10
shuffle: false
l2: 5.0
data: {{name: mnist, train: 5000, test: 0}}
"""


@dataclass(frozen=True)
class Done:
    """A finished run's files, and the reference's."""

    folder: Path
    metrics: list[dict[str, Any]]
    gradients: list[dict[str, Any]]
    reference: dict[str, Any]
    given: Params
    wanted: Params


def number(text: str) -> float | str:
    return text if text in ("hidden", "output", "") else float(text)


def finished(name: str, text: str, shared: Path, folder: Path) -> Done:
    parity = shared / "reference" / "parity"
    (folder / f"{name}.yaml").write_text(text.format(path=parity / f"{name}_init.npz"))
    config = read_config(str(folder / f"{name}.yaml"), [])
    events = list(run(config, folder / "runs", base=folder))
    opened = events[0]
    assert isinstance(opened, Opened)
    assert json.loads((opened.folder / "run.json").read_text())["status"] == "complete"

    def read(file: str) -> list[dict[str, Any]]:
        with (opened.folder / file).open(newline="") as lines:
            return [{key: number(value) for key, value in row.items()} for row in csv.DictReader(lines)]

    return Done(
        opened.folder,
        read("metrics.csv"),
        read("gradients.csv"),
        json.loads((parity / f"{name}.json").read_text()),
        dict(np.load(parity / f"{name}_init.npz")),
        dict(np.load(parity / f"{name}_final.npz")),
    )


@pytest.fixture(scope="module")
def environment(mnist_dir: Path) -> Any:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("VGRAD_DATA", str(mnist_dir))
        yield


@pytest.fixture(scope="module")
def gd(environment: None, shared: Path, tmp_path_factory: pytest.TempPathFactory) -> Done:
    return finished("gd_2x30_seed0", GD, shared, tmp_path_factory.mktemp("gd"))


@pytest.fixture(scope="module")
def sgd(environment: None, shared: Path, tmp_path_factory: pytest.TempPathFactory) -> Done:
    return finished("sgd_2x30_seed0", SGD, shared, tmp_path_factory.mktemp("sgd"))


def column(rows: list[dict[str, Any]], name: str) -> np.ndarray:
    return np.array([row[name] for row in rows])


@pytest.mark.parametrize("layer", [1, 2, 3])
def test_batch_descent_has_all_published_norms(gd: Done, layer: int) -> None:
    rows = [row for row in gd.gradients if row["layer"] == layer]
    wanted = [norms[layer - 1] for norms in gd.reference["norms"]]
    assert column(rows, "epoch").tolist() == list(range(101)) == list(range(len(wanted)))
    assert set(column(rows, "kind")) == {"output" if layer == 3 else "hidden"}
    np.testing.assert_allclose(column(rows, "delta_norm"), wanted, rtol=oracle.PUBLISHED, atol=0)


def test_batch_descent_has_all_published_costs(gd: Done) -> None:
    assert len(gd.metrics) == 101
    found = column(gd.metrics, "train_cost") + column(gd.metrics, "penalty")
    np.testing.assert_allclose(found, gd.reference["costs"], rtol=oracle.PUBLISHED, atol=0)


def test_batch_descent_ends_with_the_published_parameters(gd: Done) -> None:
    for file, wanted, tolerance in (("initial.npz", gd.given, 0.0), ("final.npz", gd.wanted, oracle.PUBLISHED)):
        found = dict(np.load(gd.folder / file))
        assert list(found) == ["W1", "b1", "W2", "b2", "W3", "b3"]
        for name in wanted:
            oracle.assert_close(found[name], wanted[name], tolerance)


def test_small_steps_end_with_the_published_parameters(sgd: Done) -> None:
    found = dict(np.load(sgd.folder / "final.npz"))
    for name in sgd.wanted:
        oracle.assert_close(found[name], sgd.wanted[name], oracle.PUBLISHED)


def test_small_steps_count_the_published_digits(sgd: Done) -> None:
    found = column(sgd.metrics, "validation_accuracy")[1:] * 10_000
    assert found.tolist() == sgd.reference["validation_correct"]


def test_small_steps_have_the_published_costs(sgd: Done) -> None:
    """`penalty` is over the 5000 training examples; the reference's validation cost has it over its own 10,000."""
    penalty = column(sgd.metrics, "penalty")
    for part, n in (("train", 5000), ("validation", 10_000)):
        found = column(sgd.metrics, f"{part}_cost") + penalty * 5000 / n
        np.testing.assert_allclose(found[1:], sgd.reference[f"{part}_cost"], rtol=oracle.PUBLISHED, atol=0)
    for row, parameters in ((penalty[0], sgd.given), (penalty[-1], dict(np.load(sgd.folder / "final.npz")))):
        assert row == pytest.approx(oracle.penalty(parameters, 5000, l2=5.0), rel=oracle.ROUNDING, abs=0)


def test_small_steps_end_with_the_published_norms(sgd: Done) -> None:
    last = [row["delta_norm"] for row in sgd.gradients if row["epoch"] == 2]
    np.testing.assert_allclose(last, sgd.reference["final_norms"], rtol=oracle.PUBLISHED, atol=0)


# -- any network, cost and seed, against the plain loop ---------------------------------------------------------------


def plain_part(dataset: Dataset, part: str, outputs: int) -> tuple[np.ndarray, np.ndarray]:
    raw = getattr(dataset, part)
    inputs = raw.inputs.astype(float)
    if isinstance(dataset.scaling, Threshold):
        inputs = (inputs >= 9).astype(float)  # digits of 0 to 16
    else:
        inputs = (inputs - dataset.scaling.shift) * dataset.scaling.factor
    if dataset.reconstructs:
        return inputs, inputs
    return inputs, raw.labels[:, None].astype(float) if outputs == 1 else np.eye(outputs)[raw.labels]


def compare(tree: dict[str, Any]) -> None:
    """Every epoch's parameters, metrics and norms of the run that `tree` means, with the oracle's."""
    accuracy = [] if tree["data"].get("targets") else ["train_accuracy"]
    config: Config = check({"name": "parity", "monitor": ["train_cost", *accuracy, "validation_mse"], **tree})
    dataset = load(config.data.name, **config.data.parameters)
    model = Model(tuple(choice.name for choice in config.activations), config.output, config.cost)
    xs, ys = plain_part(dataset, "train", config.sizes[-1])
    held_x, held_y = plain_part(dataset, "validation", config.sizes[-1])
    rates = {"eta": config.optimizer.parameters["learning_rate"], "l2": config.l2, "l1": config.l1, "n": len(xs)}
    params = draw_parameters(config, config.init)  # type: ignore[arg-type]
    epochs = []
    for record, state in train(config, dataset, fresh_state(config, params)):
        epochs.append(record.epoch)
        if record.epoch:
            for batch in oracle.batches(
                len(xs), config.rows_per_step, seed=config.seed, epoch=record.epoch, shuffle=config.shuffle
            ):
                params = oracle.step(model, params, xs[batch], ys[batch], **rates)
        for name, wanted in params.items():
            oracle.assert_close(state.parameters[name], wanted, oracle.TRAINED)
        assert record.gradients is not None
        first = slice(0, config.probe_examples)
        wanted_norms = oracle.delta_norms(model, params, xs[first], ys[first])
        np.testing.assert_allclose(record.gradients["delta_norm"], wanted_norms, rtol=oracle.TRAINED, atol=0)
        assert record.metrics["learning_rate"] == (rates["eta"] if record.epoch else None)
        assert {**record.metrics, "learning_rate": 0} == pytest.approx(
            {
                "train_cost": oracle.mean_cost(model, params, xs, ys),
                **({"train_accuracy": oracle.accuracy(model, params, xs, ys)} if accuracy else {}),
                "validation_mse": oracle.mse(model, params, held_x, held_y),
                "penalty": oracle.penalty(params, len(xs), l2=config.l2, l1=config.l1),
                "learning_rate": 0,
            },
            rel=oracle.TRAINED,
            abs=0,
        )
    assert epochs == list(range(config.epochs + 1))


DIGITS = {"name": "digits", "train": 47, "validation": 20, "test": 0}
PAIRS = [
    ("cross_entropy", "sigmoid"),
    ("log_likelihood", "softmax"),
    ("quadratic", "sigmoid"),
    ("quadratic", "softmax"),
    ("quadratic", "identity"),
]


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    hidden=st.lists(st.tuples(st.sampled_from(("sigmoid", "tanh", "relu", "identity")), st.integers(2, 8)), max_size=4),
    pair=st.sampled_from(PAIRS),
    batch=st.sampled_from((1, 7, 10, 46, 47, "full")),
    shuffle=st.booleans(),
    l2=st.sampled_from((0.0, 3.0)),
    l1=st.sampled_from((0.0, 0.5)),
    init=st.sampled_from(("nielsen", "glorot_normal", "he_uniform")),
    scale=st.sampled_from(("unit", "standard", "binary")),
    seed=st.integers(0, 10**6),
)
@example([("sigmoid", 5), ("tanh", 4)], PAIRS[0], 10, True, 3.0, 0.5, "nielsen", "unit", 0)
@example([("relu", 6)] * 3, PAIRS[1], 7, True, 0.0, 0.5, "he_uniform", "unit", 1)
@example([], PAIRS[3], "full", True, 3.0, 0.0, "glorot_normal", "standard", 2)
@example([("tanh", 6)], PAIRS[0], 10, True, 0.0, 0.0, "nielsen", "binary", 3)
def test_any_run_is_that_of_the_plain_loop(
    hidden: list[tuple[str, int]],
    pair: tuple[str, str],
    batch: int | str,
    shuffle: bool,
    l2: float,
    l1: float,
    init: str,
    scale: str,
    seed: int,
) -> None:
    tree = {
        "layers": [64, *(width for _, width in hidden), 10],
        "activation": [name for name, _ in hidden],
        "output": pair[1],
        "cost": pair[0],
        "init": init,
        "optimizer": {"learning_rate": 0.002 if pair[1] == "identity" else 0.05},  # no run that diverges
        "epochs": 2,
        "batch_size": batch,
        "shuffle": shuffle,
        "l2": l2,
        "l1": l1,
        "data": {**DIGITS, "scale": scale},
        "probes": {"examples": 30},
        "seed": seed,
    }
    try:
        compare(tree)
    except oracle.Saturated:  # a deep linear network on its way to infinity
        reject()


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    hidden=st.lists(st.tuples(st.sampled_from(("sigmoid", "tanh", "relu")), st.integers(1, 8)), min_size=1, max_size=5),
    pair=st.sampled_from((("cross_entropy", "sigmoid"), ("quadratic", "sigmoid"), ("quadratic", "identity"))),
    batch=st.sampled_from((1, 7, 10, 46, "full")),
    scale=st.sampled_from(("unit", "binary")),
    l2=st.sampled_from((0.0, 3.0)),
    seed=st.integers(0, 10**6),
)
@example([("sigmoid", 5), ("tanh", 2), ("sigmoid", 6)], ("cross_entropy", "sigmoid"), 7, "unit", 3.0, 0)
@example([("tanh", 3)], ("quadratic", "identity"), "full", "binary", 0.0, 1)
def test_any_autoencoder_is_that_of_the_plain_loop(
    hidden: list[tuple[str, int]], pair: tuple[str, str], batch: int | str, scale: str, l2: float, seed: int
) -> None:
    compare(
        {
            "layers": [64, *(width for _, width in hidden), 64],
            "activation": [name for name, _ in hidden],
            "output": pair[1],
            "cost": pair[0],
            "init": "glorot_normal",
            "optimizer": {"learning_rate": 0.01},
            "epochs": 2,
            "batch_size": batch,
            "l2": l2,
            "data": {**DIGITS, "scale": scale, "targets": "inputs"},
            "probes": {"examples": 30},
            "seed": seed,
        }
    )


COMMON = {"layers": [64, 6, 5, 10], "activation": "tanh", "epochs": 2, "l2": 2.0, "data": DIGITS, "seed": 4}


@pytest.mark.parametrize("batch", ["full", 20, 46])
@pytest.mark.parametrize("l1", [0.0, 0.5])
def test_large_batches_are_the_sum_of_several_passes(monkeypatch: pytest.MonkeyPatch, batch: Any, l1: float) -> None:
    monkeypatch.setattr(descent, "LARGEST_STEP", 8)
    compare({**COMMON, "batch_size": batch, "l1": l1})


@pytest.mark.parametrize("gathered", [1, 10, 25])
def test_batches_do_not_depend_on_how_many_are_gathered(monkeypatch: pytest.MonkeyPatch, gathered: int) -> None:
    monkeypatch.setattr(descent, "GATHERED", gathered)
    compare({**COMMON, "batch_size": 10})


def unfused(*, learning_rate: float = 0.1) -> Optimizer:
    return replace(OPTIMIZERS_SGD(learning_rate=learning_rate), is_plain_descent=False)


OPTIMIZERS_SGD = OPTIMIZERS["sgd"]


@pytest.mark.parametrize("l1", [0.0, 0.5])
def test_the_step_of_an_optimizer_is_the_fused_one(monkeypatch: pytest.MonkeyPatch, l1: float) -> None:
    monkeypatch.setitem(OPTIMIZERS, "sgd", unfused)
    compare({**COMMON, "batch_size": 10, "l1": l1})


@pytest.mark.parametrize("layers", [[2, 3, 1], [2, 1], [2, 3, 2]])
def test_two_classes_on_one_output_or_two(layers: list[int]) -> None:
    circles = {"name": "circles", "train": 41, "validation": 10}
    compare({"layers": layers, "data": circles, "batch_size": 10, "epochs": 3, "optimizer": {"learning_rate": 0.5}})
