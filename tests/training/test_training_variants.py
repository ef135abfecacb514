"""Remedies in runs: hashes that stay, exact continuation, early stopping, plateaus, and entries added from outside."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from vgrad.config.check import check
from vgrad.config.config import Config
from vgrad.config.monitors import is_best, turned, waited
from vgrad.config.problems import Problems
from vgrad.config.remedies import OPTIONAL
from vgrad.data.datasets import load
from vgrad.document.document import read_yaml
from vgrad.document.writer import dump_yaml
from vgrad.nn.activations import ACTIVATIONS, tanh
from vgrad.nn.costs import COSTS, Cost
from vgrad.nn.initializers import BIASES, INITIALIZERS
from vgrad.nn.optimizers import OPTIMIZERS, Optimizer
from vgrad.nn.probes import PROBES
from vgrad.nn.schedules import SCHEDULES
from vgrad.runs.runner import Opened, run
from vgrad.storage.npz import unpack
from vgrad.training.assembly import fresh_state
from vgrad.training.initial import draw_parameters
from vgrad.training.loop import train
from vgrad.training.record import EpochRecord, TrainingState
from vgrad.training.rule import Cancelled

BASE: dict[str, Any] = {"name": "a", "layers": {"depth": 2, "width": 30}}
DIGITS: dict[str, Any] = {
    "name": "d",
    "layers": {"depth": 3, "width": 12},
    "activation": "tanh",
    "init": "glorot_uniform",
    "epochs": 4,
    "data": {"name": "digits", "train": 203, "validation": 50, "test": 40},
}

SIGMOID: dict[str, Any] = {"activation": "sigmoid"}
MIXED: dict[str, Any] = {"activation": ["sigmoid", "relu", "sigmoid"]}

# As the first version computed them, before there were any remedies.
FULL = {"optimizer": {"learning_rate": 0.5}, "l2": 5.0, "l1": 1.0, "batch_size": "full"}
OLD_HASHES: list[tuple[dict[str, Any], str]] = [
    ({}, "c5ba8d61"),
    ({"data": "digits"}, "c87f3e66"),
    ({"init": "large"}, "245ad053"),
    ({"init": {"weights": "normal", "biases": "normal", "gain": 2.0}}, "c6bb4ede"),
    ({"activation": ["tanh", "relu"], "output": "softmax", "cost": "log_likelihood"}, "5180c38f"),
    ({**FULL, "probes": {"every": 5, "neurons": [0]}}, "b49809df"),
    ({"init": "zeros", "dtype": "float32", "data": {"name": "digits", "train": 100, "scale": "standard"}}, "09b7cdd2"),
]


@pytest.mark.parametrize(("keys", "digits"), OLD_HASHES)
def test_hashes_of_older_runs_stay(keys: dict[str, Any], digits: str) -> None:
    assert check({**BASE, **keys}).identity == digits


ON: dict[str, Any] = {
    "label_smoothing": 0.1,
    "dropout": 0.25,
    "input_noise": 0.1,
    "max_norm": 2.0,
    "residual": True,
    "batch_norm": True,
    "clip": {"norm": 0.5, "value": 0.1},
    "early_stopping": 3,
    "momentum_schedule": "sutskever",
    "optimizer": {"name": "nesterov", "momentum": 0.95},
    "schedule": {"name": "plateau", "patience": 1, "warmup": 1},
    "batch_size": 20,
    "probes": {"record": "all", "histograms": [0, 2], "neurons": [1], "steps": 4},
}


def test_keys_that_are_off_leave_no_trace() -> None:
    plain = check(BASE).plain()
    assert not set(OPTIONAL) & set(plain)
    assert set(OPTIONAL) - set(ON) <= {"layer_norm", "pretrain"}  # which go with no batch norm: ON is continued below
    off = dict.fromkeys(OPTIONAL, None)
    off |= {"label_smoothing": 0.0, "dropout": 0.0, "input_noise": 0.0, "residual": False, "batch_norm": False}
    assert check({**BASE, **off}).plain() == plain
    gain = {"activation": {"name": "sigmoid", "gain": 1.0}, "schedule": {"name": "constant", "warmup": 0}}
    assert check({**BASE, **gain}).plain() == plain


@pytest.mark.parametrize(
    "extra",
    [{key: value} for key, value in ON.items() if key not in ("momentum_schedule",)]
    + [{"layer_norm": {"epsilon": 0.01}}, {"activation": {"name": "prelu", "gain": 2.0}}, ON, {"clip": 2}],
)
def test_resolved_config_means_the_same_run(extra: dict[str, Any]) -> None:
    config = check({**DIGITS, **extra})
    again = check(read_yaml(dump_yaml(config.plain()), "again").data)
    assert again.plain() == config.plain()
    assert again.identity == config.identity != check(DIGITS).identity


@pytest.mark.parametrize(
    ("extra", "path", "said"),
    [
        ({"batch_norm": True, "layer_norm": True}, ("layer_norm",), "use one of the two"),
        ({"batch_norm": True, "batch_size": 1}, ("batch_norm",), "2 or more"),
        ({"batch_norm": {"momentun": 0.1}}, ("batch_norm", "momentun"), "did you mean 'momentum'"),
        ({"batch_norm": "yes"}, ("batch_norm",), "expected true, false or a mapping"),
        ({"residual": True, "layers": [64, 30, 20, 10]}, ("residual",), "nothing to connect"),
        ({"momentum_schedule": "sutskever"}, ("momentum_schedule",), "sgd has no momentum"),
        ({"momentum_schedule": "sutskeve"}, ("momentum_schedule",), "did you mean 'sutskever'"),
        ({"early_stopping": {"monitor": "test_cost"}}, ("early_stopping", "monitor"), "not in metrics.csv"),
        ({"schedule": {"name": "plateau", "monitor": "val"}}, ("schedule", "monitor"), "not in metrics.csv"),
        ({"early_stopping": 0}, ("early_stopping", "patience"), "must be > 0"),
        ({"clip": {}}, ("clip",), "needs norm or value"),
        ({"clip": -1}, ("clip", "norm"), "must be > 0"),
        ({"dropout": 1.0}, ("dropout",), "must be < 1"),
        ({"max_norm": 0}, ("max_norm",), "must be > 0"),
        ({"probes": {"histograms": [5]}}, ("probes", "histograms", 0), "the last epoch is 4"),
        ({"probes": "gradient"}, ("probes", "record", 0), "did you mean"),
        ({"probes": ["delta_norm", "delta_norm"]}, ("probes", "record", 1), "stands twice"),
        ({"activation": {"name": "sigmoid", "gain": 0}}, ("activation", "gain"), "must be > 0"),
        ({"activation": {"name": "maxout", "pieces": 1}}, ("activation", "pieces"), "must be > 1"),
        ({"pretrain": "rbm"}, ("pretrain",), "trains sigmoid layers, and layer 1 of 3 is tanh; use activation"),
        ({"pretrain": "rbm", **MIXED}, ("pretrain",), "layer 2 of 3 is relu"),
        (
            {"pretrain": "rbm", "activation": {"name": "sigmoid", "gain": 2}},
            ("pretrain",),
            "layer 1 of 3 is sigmoid(gain",
        ),
        ({"pretrain": "rbm", "layers": [64, 10]}, ("pretrain",), "no hidden layer"),
        ({"pretrain": "rbm", "batch_norm": True}, ("pretrain",), "batch_norm makes others of them|sigmoid"),
        ({"pretrain": "rbm", "init": {"name": "file", "path": "a"}, **SIGMOID}, ("pretrain",), "so does the init file"),
        ({"pretrain": "rbm", "init": "lsuv", **SIGMOID}, ("init",), "lsuv fits layers to data"),
        ({"pretrain": "rbm", "data": {"name": "digits", "scale": "standard"}}, ("data", "scale"), "use unit"),
        ({"pretrain": {"name": "rbm", "batch_size": 204}}, ("pretrain", "batch_size"), "there are 203"),
        ({"pretrain": {"name": "rbm", "epochs": 10**6}}, ("pretrain", "epochs"), "rows of pretraining.csv"),
        ({"pretrain": {"name": "rbm", "decay": 100}}, ("pretrain", "decay"), "leaves nothing of a weight"),
        ({"pretrain": {"name": "rbm", "noise": 0.1}}, ("pretrain", "noise"), "unknown key"),
        ({"pretrain": {"name": "denoising", "noise": 1}}, ("pretrain", "noise"), "must be < 1"),
        ({"pretrain": {"name": "rbm", "control": "random"}}, ("pretrain", "control"), "shuffled"),
        ({"pretrain": {"epochs": 2}}, ("pretrain",), "the name of the pretraining is required"),
        ({"pretrain": "rmb"}, ("pretrain",), "did you mean 'rbm'"),
    ],
)
def test_what_does_not_go_together_is_told(extra: dict[str, Any], path: tuple[Any, ...], said: str) -> None:
    with pytest.raises(Problems) as caught:
        check({**DIGITS, **extra})
    found = {problem.path: problem.message for problem in caught.value.problems}
    assert path in found, found
    assert any(words in found[path] for words in said.split("|"))


# Exact continuation.


def files(folder: Path) -> dict[str, str]:
    return {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.iterdir())
        if path.suffix in (".csv", ".npz", ".yaml", ".json") and path.name != "run.json"
    }


def whole_run(config: Config, where: Path, cancelled: Callable[[], bool] = lambda: False) -> Path:
    folder = None
    for event in run(config, where, cancelled=cancelled):
        folder = event.folder if isinstance(event, Opened) else folder
    assert folder is not None
    return folder


VARIANTS: list[dict[str, Any]] = [
    ON,
    {**ON, "optimizer": "nadam", "momentum_schedule": None, "batch_norm": None, "layer_norm": True},
    {"optimizer": "adam", "activation": {"name": "prelu", "gain": 1.5}, "dtype": "float32"},
    {"activation": {"name": "maxout", "pieces": 3}, "optimizer": "adadelta", "batch_norm": True, "batch_size": "full"},
    {"init": {"weights": "lsuv"}, "dropout": 0.5, "optimizer": "rmsprop", "l1": 1.0, "l2": 2.0},
    {"activation": "sigmoid", "pretrain": {"name": "denoising", "epochs": 2}, "dtype": "float32", "shuffle": False},
    {"activation": "sigmoid", "pretrain": {"name": "rbm", "epochs": 2, "control": "shuffled"}, "optimizer": "adam"},
]


@pytest.mark.parametrize("variant", VARIANTS)
def test_continued_run_ends_with_the_same_bytes(
    variant: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = check({**DIGITS, **variant})
    wanted = files(whole_run(config, tmp_path / "whole"))
    monkeypatch.setattr("vgrad.runs.runner.CHECKPOINT_SECONDS", 0.0)
    monkeypatch.setattr("vgrad.runs.runner.CHECKPOINT_SHARE", 0.0)
    stops = 0
    for limit in (1, 2, 4, 6, 15, 40, 1000):
        calls = iter(range(10**6))
        try:
            folder = whole_run(config, tmp_path / "cut", lambda calls=calls, limit=limit: next(calls) >= limit)
            break
        except Cancelled:
            stops += 1
    assert stops >= 2
    assert files(folder) == wanted
    assert (folder / "best.npz").exists() == ("early_stopping" in variant)
    assert (folder / "histograms.csv").exists() == ("probes" in variant)


# Early stopping and plateaus.


def trained(
    extra: dict[str, Any], state: TrainingState | None = None, past: list[EpochRecord] | None = None
) -> list[tuple[EpochRecord, dict[str, np.ndarray], TrainingState]]:
    config = check({**DIGITS, **extra})
    dataset = load("digits", train=203, validation=50, test=40)
    resumed = state is not None
    state = state or fresh_state(config, draw_parameters(config, config.init, dataset))  # type: ignore[arg-type]
    found = []
    for record, after in train(config, dataset, state, resumed=resumed, past=past or []):
        found.append((record, {name: value.copy() for name, value in after.parameters.items()}, after))
    return found


def test_early_stopping_keeps_the_best_parameters() -> None:
    extra = {"epochs": 200, "early_stopping": 4, "optimizer": {"learning_rate": 0.5}}
    found = trained(extra)
    values = [record.metrics["validation_accuracy"] for record, _, _ in found]
    best = max(range(len(values)), key=lambda epoch: (values[epoch], -epoch))
    assert len(values) - 1 == best + 4 < 200
    _, parameters, _ = found[best]
    last = found[-1][2]
    assert all((last.best[name] == parameters[name]).all() for name in parameters)
    assert trained(extra, last, [record for record, _, _ in found]) == []


def test_early_stopping_on_a_cost() -> None:
    extra = {"epochs": 60, "early_stopping": {"patience": 2, "monitor": "validation_cost"}, "shuffle": False}
    values = [record.metrics["validation_cost"] for record, _, _ in trained({**extra, "optimizer": "rmsprop"})]
    best = values.index(min(values))
    assert len(values) - 1 in (60, best + 2)


def test_of_equal_epochs_the_first_is_the_best() -> None:
    assert [waited(values) for values in ([], [3.0], [3.0, 2.0], [2.0, 2.0, 3.0], [2.0, 3.0, 2.0])] == [0, 0, 0, 2, 2]
    assert [is_best(values) for values in ([3.0], [3.0, 2.0], [2.0, 2.0], [2.0, 3.0], [1.0, 3.0, 2.0])] == [
        *(True, True),
        *(False, False, False),
    ]
    assert [turned("train_cost", 0.5), turned("test_accuracy", 0.5), turned("mse", None)] == [0.5, -0.5, np.inf]


def test_plateau_halves_the_learning_rate() -> None:
    schedule = {"name": "plateau", "patience": 2, "monitor": "train_cost"}
    found = trained({"epochs": 12, "optimizer": {"learning_rate": 3.0}, "schedule": schedule})
    rates = [record.metrics["learning_rate"] for record, _, _ in found]
    costs = [record.metrics["train_cost"] for record, _, _ in found]
    from vgrad.nn.schedules import plateau

    rule = plateau(patience=2, monitor="train_cost")
    assert rates == [None, *(3.0 * rule(epoch, costs[:epoch]) for epoch in range(1, 13))]
    assert rates[-1] < 3.0


def test_monitors_are_any_cost_on_any_part() -> None:
    monitor = [
        f"{part}_{name}" for part in ("train", "validation", "test") for name in ("accuracy", "quadratic", "mse")
    ]
    record, _, _ = trained({"monitor": [*monitor, "test_cost", "test_cross_entropy"], "epochs": 1})[-1]
    assert all(0 <= record.metrics[name] <= 10 for name in monitor)
    assert record.metrics["test_cost"] == record.metrics["test_cross_entropy"]


def test_max_norm_holds_for_hidden_units() -> None:
    _, parameters, _ = trained({"max_norm": 0.7, "optimizer": {"learning_rate": 1.0}})[-1]
    for layer in (1, 2, 3):
        assert np.linalg.norm(parameters[f"W{layer}"], axis=1).max() == pytest.approx(0.7, rel=1e-12)
    assert np.linalg.norm(parameters["W4"], axis=1).max() > 0.8  # not the output layer's


@pytest.mark.parametrize("name", ["momentum", "nesterov"])
def test_scheduled_momentum_is_that_of_each_step(name: str) -> None:
    """406 steps, over the first rise of Sutskever's schedule at step 250; fused or, as clipped ones are, not."""
    extra = {"optimizer": name, "momentum_schedule": "sutskever", "batch_size": 1, "epochs": 2, "activation": "sigmoid"}
    fused, plain = (trained({**extra, **more})[-1][1] for more in ({}, {"clip": 1e9}))
    assert all(np.allclose(fused[key], plain[key], rtol=1e-9, atol=1e-12) for key in plain)


def test_update_ratio_is_the_real_last_step() -> None:
    """With one step an epoch the last step is what lies between two states."""
    extra = {"batch_size": "full", "optimizer": "adam", "clip": 0.01, "probes": ["update_ratio"], "l2": 3.0}
    found = trained(extra)
    assert list(found[0][0].gradients["update_ratio"]) == [None] * 4  # type: ignore[index]
    for (_, before, _), (record, after, _) in itertools.pairwise(found):
        assert record.gradients is not None
        for layer, ratio in enumerate(record.gradients["update_ratio"], start=1):
            name = f"W{layer}"
            change = np.linalg.norm(after[name] - before[name]) / np.linalg.norm(before[name])
            assert ratio == pytest.approx(change, rel=1e-12)


def test_penalty_and_clipping_are_no_part_of_a_reported_gradient() -> None:
    plain, changed = (
        trained({**extra, "epochs": 0, "probes": ["gradients"]})[0][0].gradients
        for extra in ({}, {"l2": 50.0, "l1": 9.0, "clip": 1e-9})
    )
    assert plain == changed


@pytest.mark.parametrize("norm", [{}, {"layer_norm": True}, {"batch_norm": True}])
def test_large_batches_are_the_sum_of_pieces(norm: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """But where the statistics are those of the whole batch."""
    extra = {"batch_size": "full", "optimizer": "adam", "activation": "prelu", "l2": 1.0, **norm}
    whole = trained(extra)[-1][1]
    monkeypatch.setattr("vgrad.training.descent.LARGEST_STEP", 50)
    pieces = trained(extra)[-1][1]
    assert all(np.allclose(whole[name], pieces[name], rtol=1e-7, atol=1e-10) for name in whole)


# Against PyTorch's own training loop.


@pytest.mark.parametrize(
    ("extra", "make"),
    [
        ({"optimizer": {"name": "momentum", "learning_rate": 0.05}, "l2": 2.0, "clip": 0.8}, "sgd"),
        ({"optimizer": {"name": "adam", "learning_rate": 0.01}, "batch_norm": True}, "adam"),
        ({"optimizer": {"name": "nadam", "learning_rate": 0.01}, "layer_norm": True, "label_smoothing": 0.1}, "nadam"),
    ],
)
def test_training_is_pytorchs(extra: dict[str, Any], make: str, torch: Any) -> None:
    """Two epochs over 203 digits in batches of 20 (the last has 3), layer by layer in torch's own words."""
    F = torch.nn.functional
    keys = {**extra, "epochs": 2, "batch_size": 20, "shuffle": False, "output": "softmax", "cost": "log_likelihood"}
    found = trained(keys)
    start, end = found[0][1], found[-1][1]
    dataset = load("digits", train=203, validation=50, test=40)
    X = torch.tensor(dataset.scaling.apply(dataset.train.inputs, np.empty((203, 64))))
    labels = torch.tensor(dataset.train.labels.astype(np.int64))
    p = {name: torch.tensor(value, requires_grad=True) for name, value in start.items()}
    torch.set_default_dtype(torch.float64)  # or NAdam keeps products in float32
    eta = extra["optimizer"]["learning_rate"]
    optimizer = {
        "sgd": lambda: torch.optim.SGD(p.values(), lr=eta, momentum=0.9),
        "adam": lambda: torch.optim.Adam(p.values(), lr=eta),
        "nadam": lambda: torch.optim.NAdam(p.values(), lr=eta),
    }[make]()
    for _ in range(2):
        for i in range(0, 203, 20):
            a = X[i : i + 20]
            for layer in (1, 2, 3):
                a = F.linear(a, p[f"W{layer}"], p[f"b{layer}"])
                if "batch_norm" in extra:
                    a = F.batch_norm(a, None, None, p[f"gamma{layer}"], p[f"beta{layer}"], training=True)
                if "layer_norm" in extra:
                    a = F.layer_norm(a, (12,), p[f"gamma{layer}"], p[f"beta{layer}"])
                a = torch.tanh(a)
            smoothing = extra.get("label_smoothing", 0.0)
            logits = F.linear(a, p["W4"], p["b4"])
            cost = F.cross_entropy(logits, labels[i : i + 20], label_smoothing=smoothing)
            cost = cost + extra.get("l2", 0.0) / (2 * 203) * sum((p[f"W{layer}"] ** 2).sum() for layer in (1, 2, 3, 4))
            optimizer.zero_grad()
            cost.backward()
            if "clip" in extra:
                norm = torch.linalg.vector_norm(torch.cat([w.grad.ravel() for w in p.values()]))
                for w in p.values():  # clip_grad_norm_ without its 1e-6
                    w.grad *= min(1.0, extra["clip"] / norm.item())
            optimizer.step()
    torch.set_default_dtype(torch.float32)
    for name, value in end.items():
        if "batch_norm" in extra and name in ("b1", "b2", "b3"):
            continue  # vgrad leaves them out; Adam moves PyTorch's by their rounding
        assert np.abs(value - p[name].detach().numpy()).max() < 1e-9, name


# A new variant is one function and one line.


def cube_root(*, sharpness: float = 1.0) -> Any:
    return tanh()


def third() -> Any:
    return lambda generator, n_out, n_in: generator.normal(0.0, 0.3, (n_out, n_in))


def sevenths() -> Any:
    return lambda generator, n: np.full(n, 1 / 7)


def sign_descent(*, learning_rate: float = 0.001) -> Optimizer:
    def rule(w: Any, g: Any, slots: Any, work: Any, step: Any) -> None:
        w -= step.eta * np.sign(g)

    return Optimizer(learning_rate, rule)


def sawtooth(*, teeth: int = 2) -> Any:
    return lambda k, past=(): 1.0 + (k % teeth)


def largest_delta(measurement: Any) -> list[float]:
    """The largest |delta| of the mean."""
    return [float(np.abs(mean).max()) for mean in measurement.mean_delta]


def test_a_variant_added_from_outside_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """To each table one, as one line; then configs, training, files, checkpoints and probes know it."""
    from vgrad.data.datasets import DATASETS

    monkeypatch.setitem(ACTIVATIONS, "cube_root", cube_root)
    monkeypatch.setitem(INITIALIZERS, "third", third)
    monkeypatch.setitem(BIASES, "sevenths", sevenths)
    monkeypatch.setitem(OPTIMIZERS, "sign_descent", sign_descent)
    monkeypatch.setitem(SCHEDULES, "sawtooth", sawtooth)
    monkeypatch.setitem(PROBES, "largest_delta", largest_delta)
    monkeypatch.setitem(DATASETS, "numerals", DATASETS["digits"])
    plain = COSTS["quadratic"]["sigmoid"]

    def delta(z: Any, a: Any, y: Any, out: Any) -> Any:
        return np.multiply(plain.delta(z, a, y, out), 2, out=out)

    own = Cost(lambda z, a, y: 2 * plain.per_example(z, a, y), delta, "twice half the squared error")
    monkeypatch.setitem(COSTS, "doubled", {"sigmoid": own})  # type: ignore[arg-type]
    keys = {
        **DIGITS,
        "activation": {"name": "cube_root", "sharpness": 2.0},
        "cost": "doubled",
        "optimizer": "sign_descent",
        "init": {"weights": "third", "biases": "sevenths"},
        "schedule": {"name": "sawtooth", "teeth": 3},
        "probes": ["largest_delta", "saturated"],
        "data": {"name": "numerals", "train": 100},
    }
    config = check(keys)
    folder = whole_run(config, tmp_path)
    assert check(config.plain()).identity == config.identity
    header, *rows = (folder / "gradients.csv").read_text().splitlines()
    assert header == "epoch,layer,kind,units,largest_delta,saturated"
    assert len(rows) == 5 * 4
    assert (unpack(folder / "initial.npz", 10**6)["b1"] == 1 / 7).all()
    rates = [float(line.split(",")[-1] or 0) for line in (folder / "metrics.csv").read_text().splitlines()[1:]]
    assert rates == pytest.approx([0, 0.002, 0.003, 0.001, 0.002])
