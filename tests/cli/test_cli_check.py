"""`vgrad check`: 0 and a table for right gradients, 1 and one line for a wrong one, JSON that is strict."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from vgrad.cli import run
from vgrad.nn.activations import ACTIVATIONS, Activation, tanh

CONFIG = "layers: {depth: 3, width: 8}\nactivation: tanh\ninit: glorot_uniform\ndata: digits\n"


@pytest.fixture
def config(tmp_path: Path) -> str:
    path = tmp_path / "net.yaml"
    path.write_text(CONFIG)
    return str(path)


@pytest.mark.parametrize(
    "keys",
    [
        [],
        ["batch_norm=true", "dropout=0.3", "input_noise=0.1"],
        ["layer_norm=true", "activation=maxout", "residual=true"],
        ["activation={name: prelu, gain: 2}", "output=softmax", "cost=log_likelihood", "label_smoothing=0.1"],
        ["init=lsuv", "dtype=float32"],
        ["init.weights=exploding", "activation=sigmoid"],
        ["layers=[2,3,1]", "data=xor", "batch_size=full"],
    ],
)
def test_right_gradients(config: str, keys: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["check", config, *(part for key in keys for part in ("-s", key))]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    rows = [line.split() for line in out.splitlines()[1:]]
    assert {row[-1] for row in rows} == {"ok"}
    assert [row[1] for row in rows][:2] == ["W1", "b1"]
    assert all("complex step" in line for line in out.splitlines()[1:])


def test_json(config: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["check", config, "--json", "--examples", "2"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert sum(row["entries"] for row in rows) == 64 * 8 + 8 + 2 * (64 + 8) + 80 + 10
    assert {row["verdict"] for row in rows} == {"ok"}


def _scaled_slope(by: float) -> Any:
    def build() -> Activation:
        right = tanh()

        def slope(z: Any, a: Any, out: Any) -> Any:
            return np.multiply(right.slope(z, a, out), by, out=out)

        return replace(right, slope=slope)

    return build


def test_a_wrong_slope_exits_1(
    config: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(ACTIVATIONS, "tanh", _scaled_slope(1.001))
    assert run(["check", config]) == 1
    out, err = capsys.readouterr()
    verdicts = [line.split()[-1] for line in out.splitlines()[1:]]
    assert verdicts == ["wrong"] * 6 + ["ok"] * 2  # the output layer's do not pass through it
    assert err.count("\n") == 1
    assert err.startswith("vgrad: gradient check: W1, b1, W2, b2, W3, b3 of 8 arrays are wrong")


def test_a_network_without_complex_formula(
    config: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(ACTIVATIONS, "tanh", lambda: replace(tanh(), complex_f=None))
    assert run(["check", config]) == 0
    assert all("central differences" in line for line in capsys.readouterr().out.splitlines()[1:])


def test_problems_are_told(config: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["check", config, "-s", "batch_norm=perhaps"]) == 2
    assert run(["check", config, "-s", "init={name: file, path: none.npz}"]) == 3
    assert len(capsys.readouterr().err.splitlines()) == 2
