"""Autoencoders: `data: {targets: inputs}`. test_training_parity.py compares their numbers with the plain loop, and
tests/nn/differential.py with PyTorch; here is what goes with them: files, refusals, commands."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rows import each_row

from vgrad.config.check import check, settled
from vgrad.data.datasets import load
from vgrad.document.document import load_yaml
from vgrad.errors import ConfigError
from vgrad.nn.gradcheck import gradient_check
from vgrad.storage.npz import pack, unpack
from vgrad.theory.prediction import predict_config
from vgrad.training.assembly import build_network
from vgrad.training.initial import draw_parameters, first_examples

Command = Callable[..., tuple[int, str, str]]
DIGITS = "{name: digits, train: 60, validation: 20, test: 30, targets: inputs}"


def config(folder: Path, data: str, *lines: str, layers: str = "{depth: 2, width: 5}") -> Path:
    path = folder / "c.yaml"
    path.write_text("\n".join([f"layers: {layers}", f"data: {data}", "epochs: 3", *lines, ""]), encoding="utf-8")
    return path


def test_outputs_are_as_many_as_inputs_and_labels_are_gone() -> None:
    found = check({"name": "a", "layers": {"depth": 1, "width": 7}, "data": {"name": "digits", "targets": "inputs"}})
    assert found.sizes == (64, 7, 64)
    assert found.monitors == ("train_cost", "validation_cost")
    data, labelled = load("digits", **found.data.parameters), load("digits")
    assert data.reconstructs
    assert not labelled.reconstructs
    assert data.train.labels.shape == (1199, 0)
    assert data.digest != labelled.digest
    x, y = first_examples(found, data, 50)
    np.testing.assert_array_equal(y, labelled.train.inputs[:50] / 16)
    np.testing.assert_array_equal(x, y)


@each_row("output, cost", [("sigmoid", "cross_entropy"), ("sigmoid", "quadratic"), ("identity", "quadratic")])
def test_gradients_are_the_derivatives(output: str, cost: str) -> None:
    tree = {"layers": [64, 6, 2, 5, 64], "output": output, "cost": cost, "init": "glorot_normal"}
    found = check({"name": "a", **tree, "data": {"name": "digits", "targets": "inputs"}})
    x, y = first_examples(found, load("digits", **found.data.parameters), 9)
    parameters = draw_parameters(found, found.init)  # type: ignore[arg-type]
    assert all(each.verdict == "ok" for each in gradient_check(build_network(found), parameters, x, y))


def test_a_constant_output_costs_the_entropy_of_the_mean(tmp_path: Path, command: Command) -> None:
    """With weights of 0, and the log-odds of the mean input as biases of the output; by SciPy's entropies."""
    from scipy.special import logit
    from scipy.stats import bernoulli

    mean = load("digits").train.inputs[:60].mean(axis=0) / 16
    zeros = {f"{kind}{layer}": np.zeros(shape) for layer, shape in ((1, (5, 64)), (2, (64, 5))) for kind in "W"}
    biases = {"b1": np.zeros(5), "b2": logit(np.clip(mean, 1e-18, None))}
    (tmp_path / "init.npz").write_bytes(pack(zeros | biases))
    path = config(tmp_path, DIGITS, "init: {name: file, path: init.npz}", layers="[64, 5, 64]")
    run = Path(command("train", path, "-s", "epochs=0", "-q", "--runs-dir", tmp_path)[1].strip())
    wanted = float(sum(bernoulli(p).entropy() for p in mean if p))
    assert json.loads((run / "summary.json").read_text())["final"]["train_cost"] == pytest.approx(wanted, rel=1e-12)


@each_row("cost", ["cross_entropy", "quadratic"])
def test_norms_are_those_of_theory(cost: str) -> None:
    tree = {"layers": {"depth": 3, "width": 100}, "cost": cost, "data": {"name": "digits", "targets": "inputs"}}
    found = predict_config(check({"name": "a", **tree}), Path(), 200, 60)
    assert found.outside() == []
    middles = np.exp(np.log(found.measured).mean(axis=0))
    np.testing.assert_allclose(middles, [layer.geometric for layer in found.layers], rtol=0.12)  # 4 % and 3 errors


@each_row(
    "data, lines, told",
    [
        (DIGITS, ["output: softmax", "cost: log_likelihood"], "output: softmax outputs add up to 1, and inputs do not"),
        (DIGITS, ["cost: log_likelihood"], "cost: log_likelihood is of classes"),
        (DIGITS, ["output: identity"], "cost: cross_entropy does not go with identity outputs"),
        (DIGITS, ["label_smoothing: 0.1"], "label_smoothing: the targets are the inputs"),
        (DIGITS, ["monitor: [test_accuracy]"], "monitor.0: numbers are predicted"),
        (DIGITS, ["early_stopping: 2"], "early_stopping.monitor: validation_accuracy is not in metrics.csv"),
        ("{name: digits, targets: inputs, scale: standard}", [], "data.scale: standard leaves [0, 1]"),
        ("{name: digits, targets: inputs, scale: none}", [], "data.scale: none leaves [0, 1]"),
        (
            "{name: digits, targets: inputs, scale: none}",
            ["cost: quadratic", "monitor: [train_cross_entropy]"],
            "data.scale: none leaves [0, 1]",
        ),
        ("{name: digits, targets: labels}", [], "data.targets: expected 'inputs'"),
        ("digits", ["targets: inputs"], "write data: {name: digits, targets: inputs}"),
    ],
)
def test_what_makes_no_sense_is_one_line(
    data: str, lines: list[str], told: str, tmp_path: Path, command: Command
) -> None:
    code, out, err = command("train", config(tmp_path, data, *lines), "--runs-dir", tmp_path / "runs")
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert told in err
    assert not (tmp_path / "runs").exists()


def test_other_sizes_of_layers_are_told(tmp_path: Path, command: Command) -> None:
    err = command("train", config(tmp_path, DIGITS, layers="[64, 5, 10]"))[2]
    assert "layers.2: digits needs 64 outputs, found 10" in err


@each_row("outside", ["x_train", "x_validation", "x_test"])
def test_inputs_outside_of_0_to_1_are_no_targets_of_a_cross_entropy(
    outside: str, tmp_path: Path, command: Command
) -> None:
    """Of any part: what it costs would not be that of a probability. The quadratic cost takes them."""
    tmp_path = tmp_path / outside
    tmp_path.mkdir()
    random = np.random.default_rng(0)
    parts = {f"x_{part}": random.random((n, 4)) for part, n in (("train", 40), ("validation", 9), ("test", 9))}
    own = "{name: npz, path: own.npz, scale: none, targets: inputs}"
    path = config(tmp_path, own)
    content = pack({name.replace("x", "y"): np.arange(len(x)) % 2 for name, x in parts.items()} | parts)
    (tmp_path / "own.npz").write_bytes(content)
    assert command("train", path, "-q", "--runs-dir", tmp_path / "runs")[0] == 0
    parts[outside][3, 2] = 1.25
    (tmp_path / "own.npz").write_bytes(pack(parts))  # labels may be missing
    code, out, err = command("train", path, "-q", "--runs-dir", tmp_path / "others")
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert f"{outside[2:]} inputs reach from 0.0" in err
    assert "to 1.25, and targets of cross_entropy lie in [0, 1]" in err
    assert not list((tmp_path / "others").glob("c-*"))
    assert command("train", path, "-s", "cost=quadratic", "-q", "--runs-dir", tmp_path / "others")[0] == 0
    assert command("train", path, "-s", "data.scale=binary", "-q", "--runs-dir", tmp_path / "others")[0] == 0


@each_row(
    "data, inputs",
    [
        ("{name: csv, path: t.csv, targets: inputs}", 3),
        ("{name: csv, path: t.csv, label: c, targets: inputs}", 2),
        ("{name: csv, path: t.csv, columns: [b], targets: inputs}", 1),
    ],
)
def test_a_table_needs_no_label(data: str, inputs: int, tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("a,b,c\n" + "".join(f"{n / 7},{n % 5},{n % 2}\n" for n in range(40)))
    found = settled(load_yaml(config(tmp_path, data, "cost: quadratic", "output: identity")), "c")
    assert found.sizes == (inputs, 5, 5, inputs)
    given = load("csv", base=tmp_path, **found.data.parameters)
    assert [len(part) for part in (given.train, given.validation, given.test)] == [32, 4, 4]
    again = check(found.plain())  # what a run directory has is whole
    assert (again.identity, again.sizes) == (found.identity, found.sizes)


def test_arrays_without_labels_are_refused_where_labels_are_the_targets(tmp_path: Path) -> None:
    (tmp_path / "own.npz").write_bytes(pack({"x": np.eye(20)}))
    assert settled(load_yaml(config(tmp_path, "{name: npz, path: own.npz, targets: inputs}")), "c").sizes[-1] == 20
    with pytest.raises(Exception, match="write arrays x and y"):
        settled(load_yaml(config(tmp_path, "{name: npz, path: own.npz}")), "c")
    with pytest.raises(ConfigError, match=r"data\.targets: no such parameter"):
        load("digits", targets=["a"])


@each_row("more", [{}, {"dropout": 0.2}, {"input_noise": 0.1}, {"batch_size": "full"}, {"pretrain": "denoising"}])
def test_a_continued_run_has_the_same_bytes(more: dict[str, Any], tmp_path: Path, command: Command) -> None:
    path = config(tmp_path, DIGITS, *(f"{key}: {value}" for key, value in more.items()))
    whole = command("train", path, "--epochs", 6, "-q", "--runs-dir", tmp_path / "whole")[1].strip()
    assert command("train", path, "-q", "--runs-dir", tmp_path / "parts")[0] == 0
    code, out, err = command("train", path, "--epochs", 6, "--runs-dir", tmp_path / "parts")
    assert (code, "epoch 3" in err) == (0, True)
    for name in ("metrics.csv", "gradients.csv", "final.npz", "summary.json"):
        assert (Path(whole) / name).read_bytes() == (Path(out.strip()) / name).read_bytes()


def test_noise_is_on_the_inputs_and_not_on_the_targets(tmp_path: Path, command: Command) -> None:
    """A denoising autoencoder: a first step of length 1 from zeros leaves the mean of the clean inputs as biases."""
    lines = ["input_noise: 100.0", "init: zeros", "batch_size: full", "optimizer: {learning_rate: 1}"]
    path = config(tmp_path, DIGITS, *lines, "output: identity", "cost: quadratic")
    run = command("train", path, "-s", "epochs=1", "-q", "--runs-dir", tmp_path)[1].strip()
    wanted = load("digits").train.inputs[:60].mean(axis=0) / 16
    np.testing.assert_allclose(unpack(Path(run) / "final.npz", 10**6)["b3"], wanted, rtol=1e-12)


def test_every_command_takes_such_a_run(tmp_path: Path, command: Command) -> None:
    path, runs = config(tmp_path, DIGITS, "name: ae"), tmp_path / "runs"
    run = Path(command("train", path, "-q", "--runs-dir", runs)[1].strip())
    for words in (
        ["show", run],
        ["ls", runs],
        ["status", runs],
        ["verify", run],
        ["report", run],
        ["report", run, "--value", "validation_cost,last_first_ratio,predicted[1]"],
        ["report", run, "-o", tmp_path / "page.html"],
        ["plot", run, "-o", tmp_path / "speed.svg"],
        ["plot", run, "--under", "validation_cost", "-o", tmp_path / "under.svg"],
        ["check", path],
        ["theory", "predict", path],
        ["theory", "product", run],
        ["data", "show", path, "-o", tmp_path / "examples.png"],
        ["data", "show", path, "--json"],
        ["export", "tensorboard", run, "-o", tmp_path / "board"],
        [
            "sweep",
            path,
            "-g",
            "data.targets=inputs",
            "-g",
            "init=nielsen,he_normal",
            "--seeds",
            1,
            "-q",
            "--runs-dir",
            runs,
        ],
    ):
        code, out, err = command(*words)
        assert code == 0, (words, out, err)
    assert "targets inputs" in command("show", run)[1]
    assert "targets inputs" in command("report", run)[1]
    assert "64 inputs (8 x 8), which are the targets, too" in command("data", "show", path)[1]
    assert command("evaluate", run)[1].splitlines()[1].split()[:2] == ["test", "cost"]
    for words, told in (
        (["evaluate", run, "-o", tmp_path / "m.png"], "this run names no classes"),
        (["report", run, "--value", "test_accuracy"], "they predict numbers"),
        (["plot", run, "--kind", "accuracy", "-o", tmp_path / "a.png"], "no monitor 'validation_accuracy'"),
        (["theory", "predict", path, "-s", "output=identity", "-s", "cost=quadratic"], "output identity: mean-field"),
    ):
        code, out, err = command(*words)
        assert (code, out) == (2, ""), words
        assert told in err
