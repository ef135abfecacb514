"""`vgrad evaluate`: the bits of metrics.csv, the matrix of scikit-learn, and what reports have of it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import runs_factory
from rows import each_row
from scipy.special import expit
from sklearn.metrics import confusion_matrix

from vgrad.data.datasets import load
from vgrad.runs.evaluating import EVALUATION, evaluate, kept
from vgrad.runs.integrity import verify
from vgrad.runs.stored import read_run

Command = Callable[..., tuple[int, str, str]]
PARTS = ("train", "validation", "test")
DATA = {"name": "digits", "train": 200, "validation": 70, "test": 90}
TREE: dict[str, Any] = {"name": "e", "layers": [64, 6, 10], "epochs": 2, "data": DATA, "probes": {"examples": 50}}
EVERYTHING = [f"{part}_{name}" for part in PARTS for name in ("cost", "accuracy", "mse")]


@each_row(
    "extra",
    [
        {},
        {"dtype": "float32", "output": "softmax", "cost": "log_likelihood"},
        {"batch_norm": True, "activation": "prelu", "optimizer": "adam", "batch_size": 20},
        {"layers": [64, 6, 6, 10], "residual": True, "dropout": 0.2, "label_smoothing": 0.1, "dtype": "float32"},
        {
            "layers": [2, 3, 1],
            "data": "xor",
            "batch_size": 4,
            "probes": {},
            "monitor": ["train_cost", "train_accuracy"],
        },
    ],
)
def test_the_means_have_the_bits_of_metrics_csv(extra: dict[str, Any], tmp_path: Path) -> None:
    run = read_run(runs_factory.trained(tmp_path, {**TREE, "monitor": EVERYTHING, **extra}))
    metrics = run.metrics.iloc[-1]
    for part in {name.split("_")[0] for name in run.config.monitors}:
        found = evaluate(run, part)
        assert found.means == {name: metrics[name] for name in run.config.monitors if name.startswith(f"{part}_")}
        assert found.correct == round(found.means[f"{part}_accuracy"] * found.examples)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run without monitors of the test part."""
    return runs_factory.trained(tmp_path_factory.mktemp("evaluate"), TREE)


def test_the_matrix_is_that_of_scikit_learn(made: Path) -> None:
    found = evaluate(read_run(made), "test")
    dataset = load(**DATA)
    final = np.load(made / "final.npz")
    a = dataset.test.inputs / 16.0
    for layer in (1, 2):
        a = expit(a @ final[f"W{layer}"].T + final[f"b{layer}"])
    named = a.argmax(axis=1)
    assert np.array_equal(found.confusion, confusion_matrix(dataset.test.labels, named, labels=range(10)))
    wrong = [i for i in range(len(named)) if named[i] != dataset.test.labels[i]]
    expected = sorted(wrong, key=lambda i: -a[i, named[i]])
    assert [each.example for each in found.mistakes] == expected
    assert [(each.true, each.named) for each in found.mistakes] == [
        (dataset.test.labels[i], named[i]) for i in expected
    ]
    assert np.allclose([each.confidence for each in found.mistakes], [a[i, named[i]] for i in expected], rtol=1e-12)


def test_reports_have_what_evaluate_has_kept(made: Path, tmp_path: Path, command: Command) -> None:
    run = Path(shutil.copytree(made, tmp_path / made.name))
    before = {path.name: path.read_bytes() for path in run.iterdir()}
    code, _, err = command("report", run, "--value", "test_accuracy")
    assert (code, "vgrad evaluate RUNS --part test computes and keeps it" in err) == (2, True)
    (told,) = json.loads(command("evaluate", run, "--json")[1])
    assert command("evaluate", run, "--part", "validation")[0] == 0
    metrics = read_run(run).metrics.iloc[-1]
    assert kept(read_run(run))["validation_cost"] == metrics["validation_cost"]
    out = command("report", run, "--value", "test_accuracy,test_cost", "--format", "json")[1]
    assert repr(told["test_accuracy"]) in out
    assert repr(told["test_cost"]) in out
    assert sum(map(sum, told["confusion"])) == told["examples"] == 90
    assert (verify(run).status, command("report", run, "--where", "test_accuracy>1")[0]) == ("complete", 2)
    assert {path.name: path.read_bytes() for path in run.iterdir() if path.name != EVALUATION} == before

    tree = json.loads((run / EVALUATION).read_text())
    (run / EVALUATION).write_text(json.dumps({**tree, "final": "0" * 64}))  # of other parameters
    assert command("report", run, "--value", "test_accuracy")[0] == 2
    (run / EVALUATION).write_text(json.dumps({**tree, "parts": {"test": {"accuracy": 2.0}}}))
    code, _, err = command("report", run, "--value", "test_accuracy")
    assert (code, "evaluation.json: damaged" in err) == (4, True)
    assert command("evaluate", run)[0] == 0  # made again
    assert command("report", run, "--value", "test_accuracy")[0] == 0


MEANS = {"examples": 90, "cost": 0.5, "accuracy": 0.5}


@each_row(
    "content, told",
    [
        (b"[" * 10**5, "damaged"),
        (b"\xff", "damaged"),
        (b" " * (5 * 2**20), "more than"),
        ({"parts": {"test": {**MEANS, "accuracy": 1.5}}}, "parts.test.accuracy"),
        ({"parts": {"test": {**MEANS, "examples": True}}}, "parts.test.examples"),
        ({"parts": {"test": {**MEANS, "cost": "1"}}}, "parts.test.cost"),
        ({"parts": {"all": MEANS}}, "parts.all"),
        ({"schema": 2}, "schema"),
        ({"final": "x" * 1000}, "final"),
    ],
)
def test_a_field_of_evaluation_json_out_of_range_is_named(
    content: bytes | dict[str, Any], told: str, made: Path, command: Command
) -> None:
    whole = {"schema": 1, "final": "", "parts": {"test": MEANS}}
    written = content if isinstance(content, bytes) else json.dumps({**whole, **content}).encode()
    (made / EVALUATION).write_bytes(written)
    try:
        code, out, err = command("report", made, "--value", "test_accuracy")
    finally:
        (made / EVALUATION).unlink()
    assert (code, out, err.count("\n")) == (4, "", 1)
    assert "evaluation.json: damaged" in err
    assert told in err


@each_row("columns", [80, 40])
def test_it_fits_the_terminal(columns: int, made: Path, command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    code, out, _ = command("evaluate", made)
    assert code == 0
    assert max(map(len, out.splitlines())) <= columns
    monkeypatch.setenv("COLUMNS", "20")
    assert "confused most" in command("evaluate", made)[1]


def test_mistakes_are_drawn_as_they_are(made: Path, tmp_path: Path, command: Command) -> None:
    from PIL import Image

    code, out, _ = command("evaluate", made, "--mistakes", 12, "-o", tmp_path / "m.png")
    assert (code, out.splitlines()[-1]) == (0, str(tmp_path / "m.png"))
    picture = np.asarray(Image.open(tmp_path / "m.png").convert("L"))
    assert picture.shape[0] > 300
    assert len(np.unique(picture)) > 15  # the seventeen greys of the digits
    toy = runs_factory.trained(
        tmp_path, {"name": "x", "layers": [2, 2, 1], "epochs": 0, "data": "xor", "batch_size": 4}
    )
    code, _, err = command("evaluate", toy, "--part", "train", "-o", tmp_path / "x.png")
    assert (code, "2 inputs of xor are no square image" in err) == (2, True)


def test_what_cannot_be_evaluated_is_told(made: Path, tmp_path: Path, command: Command) -> None:
    half = runs_factory.interrupted(tmp_path, {**TREE, "epochs": 9})
    code, _, err = command("evaluate", half)
    assert (code, "interrupted after epoch 1 of 9; train it to its end" in err) == (4, True)
    run = Path(shutil.copytree(made, tmp_path / made.name))
    assert command("evaluate", run, half, "-o", tmp_path / "m.png")[0] == 2
    assert command("evaluate", run, "--part", "tests")[0] == 2
    small = runs_factory.trained(tmp_path, {**TREE, "epochs": 0, "data": {**DATA, "test": 0}})
    assert "has no test examples; it has train, validation" in command("evaluate", small)[2]
    facts = (run / "run.json").read_bytes()
    (run / "run.json").write_bytes(facts.replace(json.loads(facts)["data"]["sha256"].encode(), b"0" * 64))
    assert (command("evaluate", run)[0], "its data were others" in command("evaluate", run)[2]) == (3, True)
    (run / "run.json").write_bytes(facts)
    wild = {"optimizer": {"learning_rate": 1e300}, "activation": "relu", "cost": "quadratic", "output": "identity"}
    diverged = runs_factory.trained(tmp_path, {**TREE, **wild})
    assert "the numbers overflow: the run has diverged" in command("evaluate", diverged)[2]
    np.savez(run / "final.npz", W1=np.ones((2, 2)))
    assert command("evaluate", run)[0] == 4
