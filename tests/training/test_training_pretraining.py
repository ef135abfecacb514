"""Greedy layer-wise pretraining beside a plain loop over examples and units, and what a run makes of it."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.random import PCG64, Generator, SeedSequence

from vgrad.config.check import check
from vgrad.config.config import Config
from vgrad.data.dataset import Dataset
from vgrad.data.datasets import load
from vgrad.errors import ConfigError
from vgrad.nn.layerwise.layer import Layer
from vgrad.nn.layerwise.pretrainings import PRETRAININGS
from vgrad.runs import runner
from vgrad.runs.runner import Opened, run
from vgrad.runs.stored import read_run
from vgrad.storage.npz import unpack
from vgrad.training.initial import draw_parameters
from vgrad.training.pretraining import Pretrained, pretrain, pretrained_parameters
from vgrad.training.rule import Cancelled

ROUNDING = 1e-11
"""Sums of 64 terms in another order, through 20 steps of two layers."""
DATA = {"name": "digits", "train": 45, "validation": 10, "test": 0}
STACK: dict[str, Any] = {"name": "p", "layers": [64, 5, 4, 10], "data": DATA, "epochs": 1, "seed": 3}
FAST = {"epochs": 2, "learning_rate": 0.4, "decay": 0.05, "batch_size": 20}


@pytest.fixture(scope="module")
def digits() -> Dataset:
    return load(**DATA)


def config_of(name: str, keys: dict[str, Any] | None = None, **settings: Any) -> Config:
    return check({**STACK, "pretrain": {"name": name, **FAST, **settings}, **(keys or {})})


def ended(config: Config, dataset: Dataset) -> Pretrained:
    return list(pretrain(config, dataset, Pretrained()))[-1]


# The oracle: lists of numbers, one example and one unit after the other, and generators by their keys.


def s(z: float) -> float:
    return 1 / (1 + math.exp(-z))


def up(W: list[list[float]], b: list[float], v: list[float]) -> list[float]:
    return [s(sum(w * x for w, x in zip(row, v, strict=True)) + bias) for row, bias in zip(W, b, strict=True)]


def down(W: list[list[float]], c: list[float], h: list[float]) -> list[float]:
    return [s(sum(W[i][j] * h[i] for i in range(len(h))) + c[j]) for j in range(len(c))]


def stream(*key: int) -> Generator:
    return Generator(PCG64(SeedSequence(3, spawn_key=(5, *key))))


def of_example(
    name: str, W: list[list[float]], b: list[float], c: list[float], v: list[float], drawn: list[float], noise: float
) -> tuple[list[list[float]], list[float], list[float]]:
    """What one example adds to the downhill directions of W, b and c."""
    if name == "rbm":
        p0 = up(W, b, v)
        h0 = [1.0 if chance < p else 0.0 for chance, p in zip(drawn, p0, strict=True)]
        v1 = down(W, c, h0)
        p1 = up(W, b, v1)
        dW = [[p1[i] * v1[j] - p0[i] * v[j] for j in range(len(v))] for i in range(len(b))]
        return dW, [p1[i] - p0[i] for i in range(len(b))], [v1[j] - v[j] for j in range(len(v))]
    seen = v if name == "autoencoder" else [x if chance >= noise else 0.0 for x, chance in zip(v, drawn, strict=True)]
    h = up(W, b, seen)
    r = down(W, c, h)
    dr = [r[j] - v[j] for j in range(len(v))]
    dh = [sum(W[i][j] * dr[j] for j in range(len(v))) * h[i] * (1 - h[i]) for i in range(len(b))]
    return [[dh[i] * seen[j] + h[i] * dr[j] for j in range(len(v))] for i in range(len(b))], dh, dr


def oracle(name: str, rows: list[list[float]], widths: list[int], noise: float) -> tuple[list[Any], list[Any]]:
    """(W, b, c) of each layer, and (layer, epoch, cross-entropy, mse), by the formulas."""
    layers, measured = [], []
    for number, n_h in enumerate(widths, 1):
        n, n_v = len(rows), len(rows[0])
        p = [(sum(row[j] for row in rows) + 1) / (n + 2) for j in range(n_v)]
        W, b = stream(number, 0).normal(0.0, 0.01, (n_h, n_v)).tolist(), [0.0] * n_h
        c = [math.log(x / (1 - x)) for x in p]
        for epoch in range(3):
            generator = stream(number, epoch)
            order = generator.permutation(n).tolist() if epoch else []
            for start in range(0, len(order), 20):
                batch = order[start : start + 20]
                width = {"autoencoder": 0, "denoising": n_v, "rbm": n_h}[name]
                chances = generator.random((len(batch), width)).tolist()
                found = [
                    of_example(name, W, b, c, rows[k], drawn, noise) for k, drawn in zip(batch, chances, strict=True)
                ]
                rate = 0.4 / len(batch)
                W = [
                    [W[i][j] - 0.4 * 0.05 * W[i][j] - rate * sum(each[0][i][j] for each in found) for j in range(n_v)]
                    for i in range(n_h)
                ]
                b = [b[i] - rate * sum(each[1][i] for each in found) for i in range(n_h)]
                c = [c[j] - rate * sum(each[2][j] for each in found) for j in range(n_v)]
            backs = [down(W, c, up(W, b, row)) for row in rows]
            pairs = [[*zip(row, back, strict=True)] for row, back in zip(rows, backs, strict=True)]
            entropy = -sum(v * math.log(r) + (1 - v) * math.log(1 - r) for pair in pairs for v, r in pair) / n
            measured.append((number, epoch, entropy, sum((v - r) ** 2 for pair in pairs for v, r in pair) / n / n_v))
        layers.append((W, b, c))
        rows = [up(W, b, row) for row in rows]
    return layers, measured


@pytest.mark.parametrize("name", PRETRAININGS)
def test_layers_and_errors_are_those_of_a_plain_loop(name: str, digits: Dataset) -> None:
    state = ended(config_of(name), digits)
    rows = digits.scaling.apply(digits.train.inputs, np.empty((45, 64))).tolist()
    layers, measured = oracle(name, rows, [5, 4], 0.2)
    for found, wanted in zip(state.layers, layers, strict=True):
        for value, due in zip(found, wanted, strict=True):
            assert np.abs(value - np.array(due)).max() < ROUNDING
    for told, row in zip(state.measured, measured, strict=True):
        assert (told.layer, told.epoch) == row[:2]
        assert (told.cross_entropy, told.mse) == pytest.approx(row[2:], rel=1e-10)


@pytest.mark.parametrize("name", PRETRAININGS)
def test_reconstructions_get_better(name: str) -> None:
    data, settings = {"name": "digits", "train": 400}, {"epochs": 30, "learning_rate": 0.3, "decay": 0.001}
    config = check({**STACK, "layers": [64, 20, 10, 10], "data": data, "pretrain": {"name": name, **settings}})
    state = ended(config, load(name="digits", train=400))
    for layer in (1, 2):
        first, *_, last = (each for each in state.measured if each.layer == layer)
        assert last.cross_entropy < 0.95 * first.cross_entropy
        assert last.mse < 0.8 * first.mse


def test_a_large_batch_is_the_sum_of_its_pieces(digits: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    config = config_of("autoencoder", batch_size=45)
    whole = ended(config, digits)
    monkeypatch.setattr("vgrad.training.pretraining.CHUNK", 7)
    for found, wanted in zip(ended(config, digits).layers, whole.layers, strict=True):
        assert all(np.abs(a - b).max() < ROUNDING for a, b in zip(found, wanted, strict=True))


def test_it_goes_on_from_any_epoch_and_leaves_what_it_was_given(digits: Dataset) -> None:
    config = config_of("rbm", {"dtype": "float32"})
    states = list(pretrain(config, digits, Pretrained()))
    bytes_of = [[value.tobytes() for layer in state.layers for value in layer] for state in states]
    assert len(states) == 2 * 3
    for at, state in enumerate(states):
        *_, last = [state, *pretrain(config, digits, state)]
        assert last.measured == states[-1].measured
        assert [value.tobytes() for layer in last.layers for value in layer] == bytes_of[-1]
        assert [value.tobytes() for layer in state.layers for value in layer] == bytes_of[at]
        assert all(value.dtype == np.float32 for layer in state.layers for value in layer)
    with pytest.raises(Cancelled):
        list(pretrain(config, digits, states[1], lambda: True))


def test_training_starts_from_the_layers_and_a_drawn_output(digits: Dataset) -> None:
    plain, shuffled = config_of("denoising"), config_of("denoising", control="shuffled")
    state, drawn = ended(plain, digits), draw_parameters(plain, plain.init)  # type: ignore[arg-type]
    found, control = (pretrained_parameters(each, drawn, state) for each in (plain, shuffled))
    assert [*found] == [*control] == [*drawn]
    assert all((found[f"{name}3"] == drawn[f"{name}3"]).all() for name in "Wb")
    assert all((control[f"{name}3"] == drawn[f"{name}3"]).all() for name in "Wb")
    for number, layer in enumerate(state.layers, 1):
        assert found[f"W{number}"] is layer.W
        assert (control[f"b{number}"] == layer.b).all()
        moved = control[f"W{number}"]
        assert (np.sort(moved.ravel()) == np.sort(layer.W.ravel())).all()
        assert (moved != layer.W).mean() > 0.8
    again = ended(shuffled, digits)  # the control is of the very same layers
    assert all(
        (a == b).all()
        for one, two in zip(again.layers, state.layers, strict=True)
        for a, b in zip(one, two, strict=True)
    )


def test_shuffled_entries_keep_no_order() -> None:
    """A W whose rows differ in scale has equal ones afterwards, to chance."""
    config = check({**STACK, "layers": [64, 40, 10], "pretrain": {"name": "rbm", "control": "shuffled"}})
    W = np.repeat(np.arange(40.0)[:, None], 64, axis=1)
    state = Pretrained((Layer(W, np.zeros(40), np.zeros(64)),))
    drawn = draw_parameters(config, config.init)  # type: ignore[arg-type]
    means = pretrained_parameters(config, drawn, state)["W1"].mean(axis=1)
    assert np.abs(means - 19.5).max() < 5 * math.sqrt((40**2 - 1) / 12 / 64)


def test_gaussian_weights_have_the_scale_alone() -> None:
    """A layer of one large entry becomes normal numbers of its mean square; its biases are gone."""
    config = check({**STACK, "layers": [64, 40, 10], "pretrain": {"name": "rbm", "control": "gaussian"}})
    W, b = np.zeros((40, 64)), np.full(40, 3.0)
    W[0, 0] = 100.0
    drawn = draw_parameters(config, config.init)  # type: ignore[arg-type]
    found = pretrained_parameters(config, drawn, Pretrained((Layer(W, b, np.zeros(64)),)))
    z = found["W1"].ravel() / (100 / math.sqrt(2560))
    assert not found["b1"].any()
    assert abs(z.mean()) < 4 / math.sqrt(2560)
    assert abs(z.var() - 1) < 4 * math.sqrt(2 / 2560)
    assert abs((z**4).mean() - 3) < 4 * math.sqrt(96 / 2560)


def test_inputs_beyond_0_and_1_are_refused() -> None:
    data = {**DATA, "scale": "none"}
    with pytest.raises(
        ConfigError, match=r"^data\.scale: pretrain reconstructs inputs in \[0, 1\], found 0 to 16; use"
    ):
        ended(config_of("rbm", {"data": data}), load(**data))


def test_numbers_that_overflow_are_refused(digits: Dataset) -> None:
    config = config_of("autoencoder", {"dtype": "float32"}, learning_rate=1e38, decay=0.0)
    with pytest.raises(
        ConfigError, match=r"^pretrain\.learning_rate: layer 1 of 5 neurons has left .* in epoch 1; use"
    ):
        ended(config, digits)


def test_a_run_keeps_errors_and_layers(tmp_path: Path) -> None:
    config = config_of("rbm", {"probes": {"examples": 7}})
    opened, *events = run(config, tmp_path)
    assert isinstance(opened, Opened)
    stored = read_run(opened.folder)
    table = stored.pretraining
    assert [*table.columns] == ["layer", "epoch", "cross_entropy", "mse"]
    assert table.to_dict("records") == [vars(event) for event in events[:6]]
    layers = unpack(opened.folder / "pretraining.npz", 10**6)
    initial, drawn = unpack(opened.folder / "initial.npz", 10**6), draw_parameters(config, config.init)  # type: ignore[arg-type]
    assert all((initial[name] == layers[name]).all() for name in ("W1", "b1", "W2", "b2"))
    assert all((initial[name] == drawn[name]).all() for name in ("W3", "b3"))
    assert read_run(next(run(check({**STACK, "name": "q"}), tmp_path)).folder).pretraining.empty  # type: ignore[union-attr]


def test_a_longer_run_takes_the_layers_of_the_shorter_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    short, long = (config_of("denoising", {"epochs": epochs}) for epochs in (1, 3))
    list(run(long, tmp_path / "whole"))
    list(run(short, tmp_path))
    monkeypatch.setattr(runner, "pretrain", lambda *given: iter(()))
    opened, *events = run(long, tmp_path)
    assert isinstance(opened, Opened)
    assert (opened.epoch, len(events)) == (1, 2)
    for file in (tmp_path / "whole" / long.run_name).iterdir():
        if file.name not in ("run.json", "lock", "owner") and not file.name.startswith("."):
            assert file.read_bytes() == (opened.folder / file.name).read_bytes(), file.name
