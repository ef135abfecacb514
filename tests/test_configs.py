"""The configs that are shipped: all are right, and they do what their comments say, in little."""

from __future__ import annotations

import csv
import json
import math
from pathlib import Path
from typing import Any

import pytest
from rows import each_row

from vgrad.cli import run
from vgrad.cli.options import read_config

ROOT = Path(__file__).resolve().parents[1] / "configs"
CONFIGS = sorted(path for path in ROOT.rglob("*.yaml") if path.parent.name not in ("sweeps", "studies"))
NIELSEN = sorted((ROOT / "nielsen").glob("*.yaml"))
GUESSING, LEARNT = 0.2, 0.9  # accuracies


def trained(capsys: pytest.CaptureFixture[str], folder: Path, config: Path, *settings: str) -> Path:
    overrides = [word for setting in settings for word in ("-s", setting)]
    assert run(["train", str(config), *overrides, "--runs-dir", str(folder)]) == 0
    return Path(capsys.readouterr().out.strip())


def last_metrics(folder: Path) -> dict[str, float]:
    with (folder / "metrics.csv").open() as file:
        return {key: float(value) for key, value in list(csv.DictReader(file))[-1].items() if value}


def summary(folder: Path) -> dict[str, Any]:
    read: dict[str, Any] = json.loads((folder / "summary.json").read_text())
    return read


def rows(folder: Path, file: str) -> list[dict[str, str]]:
    with (folder / file).open(newline="") as lines:
        return list(csv.DictReader(lines))


def assert_measured(folder: Path, epochs: int, hidden: int, least_ratio: float) -> None:
    """Every epoch has its metrics and every layer's norm, all finite, and the first hidden layer is the slowest."""
    metrics, gradients = rows(folder, "metrics.csv"), rows(folder, "gradients.csv")
    assert [row["epoch"] for row in metrics] == [str(epoch) for epoch in range(epochs + 1)]
    for row in metrics:
        empty = {key for key, value in row.items() if not value}
        assert empty == ({"learning_rate"} if row["epoch"] == "0" else set())
        assert all(math.isfinite(float(value)) for value in row.values() if value)
        assert float(row["train_cost"]) > 0
    layers = [*range(1, hidden + 1), hidden + 1]
    assert [(row["epoch"], row["layer"]) for row in gradients] == [
        (str(epoch), str(layer)) for epoch in range(epochs + 1) for layer in layers
    ]
    norms = [float(row["delta_norm"]) for row in gradients]
    assert all(math.isfinite(norm) and norm > 0 for norm in norms)
    start = norms[:hidden]
    if hidden > 1:
        ratio = start[-1] / start[0]
        assert ratio > least_ratio
        assert summary(folder)["gradient"]["start"]["last_first_ratio"] == pytest.approx(ratio, rel=1e-12)


def test_there_are_configs() -> None:
    names = {str(path.relative_to(ROOT)) for path in CONFIGS}
    wanted = {f"nielsen/accuracy-{k}.yaml" for k in (1, 2, 3, 4)} | {f"nielsen/speed-{k}.yaml" for k in (2, 3, 4)}
    assert names >= wanted | {"quickstart.yaml", "xor.yaml", "circles.yaml"}


def test_shipped_configs_check(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["config", "check", *map(str, CONFIGS)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(": ")[0] for line in lines] == [str(path) for path in CONFIGS]


@each_row("path", CONFIGS)
def test_comments_are_short_and_data_are_named(path: Path) -> None:
    lines = path.read_text(encoding="utf-8").splitlines()
    assert lines[0].startswith("# ")
    assert all(len(line) <= 120 for line in lines)
    assert any(line.startswith("data: ") for line in lines)


def test_quickstart_shows_the_effect(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    shallow = trained(capsys, tmp_path, ROOT / "quickstart.yaml")
    deep = trained(capsys, tmp_path, ROOT / "quickstart.yaml", "layers.depth=5")
    assert last_metrics(shallow)["validation_accuracy"] > LEARNT
    assert last_metrics(deep)["validation_accuracy"] < GUESSING
    assert summary(deep)["gradient"]["start"]["last_first_ratio"] > 100
    assert summary(deep)["verdict"] == "vanishing"
    assert (deep / "neurons.csv").read_text().splitlines()[1].startswith("0,1,")


@pytest.mark.parametrize(("depth", "least_ratio"), [(2, 3), (5, 100)])
def test_quickstart_trains_two_epochs(
    depth: int, least_ratio: float, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    folder = trained(capsys, tmp_path, ROOT / "quickstart.yaml", "epochs=2", f"layers.depth={depth}")
    assert_measured(folder, 2, depth, least_ratio)
    assert float(rows(folder, "metrics.csv")[2]["train_cost"]) < float(rows(folder, "metrics.csv")[0]["train_cost"])


def test_xor_needs_a_hidden_layer(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert last_metrics(trained(capsys, tmp_path, ROOT / "xor.yaml"))["train_accuracy"] == 1
    assert last_metrics(trained(capsys, tmp_path, ROOT / "xor.yaml", "layers=[2, 1]"))["train_accuracy"] < 1


def test_circles_need_a_hidden_layer(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert last_metrics(trained(capsys, tmp_path, ROOT / "circles.yaml"))["validation_accuracy"] > LEARNT
    line = trained(capsys, tmp_path, ROOT / "circles.yaml", "layers=[2, 1]")
    assert last_metrics(line)["validation_accuracy"] < 0.7


MEAN_DIGIT, BELOW = 27.0, 22.0  # validation costs; of the mean, as NumPy has it: 27.00029


@pytest.mark.slow
def test_autoencoder_gives_back_the_mean_digit_unless_helped(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    config = ROOT / "autoencoder.yaml"
    deep = trained(capsys, tmp_path, config)
    assert last_metrics(deep)["validation_cost"] == pytest.approx(MEAN_DIGIT, abs=0.1)
    assert summary(deep)["verdict"] == "vanishing"
    help_of = (line.partition("autoencoder.yaml -s ")[2] for line in config.read_text().splitlines()[:10])
    helped = [words.split("  ")[0].strip() for words in help_of if words]
    assert len(helped) == 3
    for words in helped:
        settings = [each.strip().strip("'") for each in words.split("-s ")]
        assert last_metrics(trained(capsys, tmp_path, config, *settings))["validation_cost"] < BELOW


@pytest.mark.parametrize("path", NIELSEN, ids=lambda path: path.stem)
def test_nielsen_is_what_the_chapter_says(path: Path) -> None:
    config = read_config(str(path), None)
    kind, depth = path.stem.split("-")
    assert config.sizes == (784, *[30] * int(depth), 10)
    assert (config.optimizer.parameters["learning_rate"], config.l2) == (0.1, 5.0)
    assert (config.output, config.cost, config.init.plain()) == ("sigmoid", "cross_entropy", "nielsen")
    assert config.probe_examples == 1000
    if kind == "accuracy":
        assert (config.epochs, config.batch_size) == (30, 10)
        assert (config.part_sizes["train"], config.part_sizes["validation"]) == (50_000, 10_000)
    else:
        assert (config.epochs, config.batch_size, config.part_sizes["train"]) == (500, "full", 1000)
        assert config.probes.neurons == [0]


QUICK = ("accuracy-2", "speed-3")
"""One of each kind; all of them are trained by the slow suite."""


@pytest.mark.parametrize(
    "path",
    [path if path.stem in QUICK else pytest.param(path, marks=pytest.mark.slow) for path in NIELSEN],
    ids=lambda path: path.stem,
)
def test_nielsen_trains(
    path: Path,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    mnist_dir: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("VGRAD_DATA", str(mnist_dir))
    small = ("epochs=1", "data.train=200", "data.validation=100", "probes.examples=100")
    folder = trained(capsys, tmp_path, path, *small)
    hidden = int(path.stem.split("-")[1])
    assert_measured(folder, 1, hidden, {1: 1, 2: 3, 3: 10, 4: 40}[hidden])
    assert summary(folder)["status"] == "complete"
