"""The hash of a run: the same for configs that mean the same, another for any field that decides the numbers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from rows import each_row

from vgrad.cli.options import read_config
from vgrad.config.check import check
from vgrad.config.config import Config
from vgrad.config.remedies import OPTIONAL
from vgrad.document.writer import dump_yaml

Tree = dict[str, Any]
BASE: Tree = {"name": "x", "layers": [784, 30, 30, 10]}
RATE = {"name": "sgd", "learning_rate": 0.1}

# for each key: values that differ from BASE's and from each other
CHANGES: dict[str, list[Tree]] = {
    "layers": [{"layers": [784, 30, 10]}, {"layers": [784, 30, 31, 10]}, {"layers": [784, 30, 30, 30, 10]}],
    "activation": [{"activation": "tanh"}, {"activation": ["sigmoid", "tanh"]}, {"activation": ["tanh", "sigmoid"]}],
    "output": [{"output": "identity", "cost": "quadratic"}, {"output": "softmax", "cost": "quadratic"}],
    "init": [
        {"init": "large"},
        {"init": "lecun_normal"},
        {"init": {"name": "nielsen", "gain": 2.0}},
        {"init": {"name": "file", "path": "a", "sha256": "0" * 64}},
        {"init": {"name": "file", "path": "a", "sha256": "1" * 64}},
    ],
    "cost": [{"cost": "quadratic"}, {"cost": "log_likelihood", "output": "softmax"}],
    "optimizer": [
        {"optimizer": {"learning_rate": 0.2}},
        {"optimizer": "momentum"},
        {"optimizer": {"name": "momentum", "momentum": 0.8}},
    ],
    "schedule": [{"schedule": "cosine"}, {"schedule": {"name": "constant", "warmup": 2}}],
    "epochs": [{"epochs": 31}, {"epochs": 0}],
    "batch_size": [{"batch_size": 11}, {"batch_size": "full"}],
    "shuffle": [{"shuffle": False}],
    "l2": [{"l2": 0.1}, {"l2": 5}],
    "l1": [{"l1": 0.1}],
    "pretrain": [
        {"pretrain": "autoencoder"},
        {"pretrain": "denoising"},
        {"pretrain": "rbm"},
        *({"pretrain": {"name": "denoising", key: 0.015}} for key in ("learning_rate", "decay", "noise")),
        *({"pretrain": {"name": "rbm", key: 7}} for key in ("epochs", "batch_size")),
        {"pretrain": {"name": "rbm", "control": "shuffled"}},
    ],
    "momentum_schedule": [
        {"optimizer": "momentum", "momentum_schedule": "sutskever"},
        {"optimizer": "momentum", "momentum_schedule": "constant"},
    ],
    "label_smoothing": [{"label_smoothing": 0.1}, {"label_smoothing": 0.2}],
    "dropout": [{"dropout": 0.1}, {"dropout": 0.2}],
    "input_noise": [{"input_noise": 0.1}, {"input_noise": 0.2}],
    "max_norm": [{"max_norm": 1}, {"max_norm": 2}],
    "batch_norm": [{"batch_norm": True}, {"batch_norm": {"momentum": 0.2}}, {"batch_norm": {"epsilon": 0.1}}],
    "layer_norm": [{"layer_norm": True}, {"layer_norm": {"epsilon": 0.1}}],
    "residual": [{"residual": True}],
    "clip": [{"clip": 1}, {"clip": {"value": 1}}, {"clip": {"norm": 1, "value": 1}}],
    "early_stopping": [
        {"early_stopping": 3},
        {"early_stopping": 4},
        {"early_stopping": {"patience": 3, "monitor": "validation_cost"}},
    ],
    "data": [
        {"data": {"train": 49_999}},
        {"data": {"validation": 9_999}},
        {"data": {"test": 9_999}},
        {"data": {"scale": "standard"}},
        {"data": {"scale": "binary"}},
        {"data": {"targets": "inputs"}, "layers": [784, 30, 30, 784]},
        {"data": "digits", "layers": [64, 30, 30, 10]},
    ],
    "monitor": [{"monitor": ["train_cost"]}, {"monitor": []}, {"monitor": ["test_cost", "train_cost"]}],
    "probes": [
        {"probes": {"examples": 999}},
        {"probes": {"every": 2}},
        {"probes": {"steps": 2}},
        {"probes": {"neurons": [0]}},
        {"probes": {"histograms": [0]}},
        {"probes": {"record": []}},
    ],
    "dtype": [{"dtype": "float32"}],
}


def identity(*trees: Tree) -> str:
    merged = dict(BASE)
    for tree in trees:
        merged |= tree
    return check(merged).identity


def test_every_field_is_in_the_table() -> None:
    assert set(CHANGES) == set(Config.model_fields) - {"name", "seed"}


def test_any_change_of_a_resolved_field_changes_the_hash() -> None:
    hashes = [identity(), *(identity(change) for changes in CHANGES.values() for change in changes)]
    assert len(set(hashes)) == len(hashes)
    assert all(len(found) == 8 and int(found, 16) >= 0 for found in hashes)


def test_name_seed_and_path_do_not() -> None:
    file = {"name": "file", "path": "a.npz", "sha256": "0" * 64}
    assert identity({"name": "y"}) == identity({"seed": 5}) == identity()
    assert identity({"init": file}) == identity({"init": {**file, "path": "/elsewhere/b.npz"}})


SAME: list[tuple[Tree, Tree]] = [
    ({"layers": {"depth": 2, "width": 30}}, {}),
    ({"activation": ["sigmoid", "sigmoid"]}, {"activation": {"name": "sigmoid"}}),
    ({"init": "nielsen"}, {"init": {"weights": "lecun_normal", "biases": "normal"}}),
    ({"init": {"name": "nielsen", "gain": 1}}, {"init": {"weights": "lecun_normal", "biases": "normal", "gain": 1.0}}),
    ({"init": "he_normal"}, {"init": {"weights": {"name": "he_normal"}, "biases": "zeros"}}),
    ({"optimizer": "sgd", "schedule": {"name": "constant"}}, {"optimizer": RATE}),
    ({"l2": 0, "l1": 0.0, "epochs": 30, "batch_size": 10, "shuffle": True}, {}),
    ({"data": {"name": "mnist", "train": 50_000, "scale": "unit"}}, {"data": "mnist"}),
    ({"monitor": ["train_cost", "train_accuracy", "validation_cost", "validation_accuracy"]}, {}),
    ({"probes": ["delta_norm"]}, {"probes": {"examples": 1000, "every": 1, "neurons": []}}),
    ({"probes": {"steps": None}}, {}),
    ({"probes": {"neurons": [3, 0, 3]}}, {"probes": {"neurons": [0, 3]}}),
    ({"probes": {"histograms": [3, 0, 3]}}, {"probes": {"histograms": [0, 3]}}),
    ({key: Config.model_fields[key].default for key in OPTIONAL}, {}),
    ({"clip": 1}, {"clip": {"norm": 1.0}}),
    ({"batch_norm": {}, "early_stopping": 10}, {"batch_norm": True, "early_stopping": {}}),
    (
        {"data": {"train": 100, "validation": 0}, "probes": {"examples": "all"}},
        {"data": {"train": 100, "validation": 0}, "monitor": ["train_cost", "train_accuracy"]},
    ),
    ({"layers": [784, 10], "activation": "tanh"}, {"layers": {"depth": 0, "width": 5}}),
]


@each_row("first, second", SAME)
def test_the_same_run_written_differently_has_the_same_hash(first: Tree, second: Tree) -> None:
    assert identity(first) == identity(second)


@each_row("change", [{}, *(change for changes in CHANGES.values() for change in changes), *(pair[0] for pair in SAME)])
def test_plain_is_the_same_run_with_every_default_written_out(change: Tree, tmp_path: Path) -> None:
    config = check({**BASE, "seed": 3, **change})
    tree = config.plain()
    on = {key for key in OPTIONAL if getattr(config, key)}
    assert list(tree) == [key for key in Config.model_fields if key not in OPTIONAL or key in on]
    assert check(tree).plain() == tree
    (tmp_path / "a").touch()  # what some changes name as a file of parameters
    file = tmp_path / "other.yaml"
    file.write_text(dump_yaml(tree))
    again = read_config(str(file), [])
    assert (again.run_name, again.plain()) == (config.run_name, tree)
