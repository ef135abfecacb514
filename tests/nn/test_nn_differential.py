"""Random configs trained beside PyTorch: a few dozen, that have every entry of every table, and faults that show."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import differential
import numpy as np
import pytest

from vgrad.nn import activations, limits, norms
from vgrad.training import rule, updates

CASES = 36


def test_a_few_dozen_cases_have_every_entry_of_every_table() -> None:
    trees = list(differential.cases(CASES, 0))
    drawn = {
        "activation": {tree["activation"] for tree in trees},
        "end": {(tree["cost"], tree["output"]) for tree in trees},
        "weights": {tree["init"]["weights"] for tree in trees},
        "biases": {tree["init"]["biases"] for tree in trees},
        "optimizer": {tree["optimizer"]["name"] for tree in trees},
        "schedule": {tree["schedule"] if isinstance(tree["schedule"], str) else "plateau" for tree in trees},
        "hidden": {next((kind for kind in differential.HIDDEN[1:] if tree.get(kind)), "plain") for tree in trees},
    }
    assert drawn == {name: set(entries) for name, entries in differential.TABLES.items()}
    assert {*differential.KINDS} == {*differential.TABLES["optimizer"]}
    for key in ("l2", "l1", "clip", "max_norm", "label_smoothing"):
        assert any(key in tree for tree in trees), key
    reconstructing = {(tree["cost"], tree["output"]) for tree in trees if tree["data"].get("targets")}
    assert reconstructing == {*differential.RECONSTRUCTING}
    assert any(tree["data"]["train"] % tree["batch_size"] for tree in trees if tree["batch_size"] != "full")


@pytest.mark.slow
@pytest.mark.usefixtures("torch")
def test_random_configs_train_as_they_do_in_pytorch(capsys: pytest.CaptureFixture[str]) -> None:
    assert differential.main(CASES, 0) == 0, capsys.readouterr().out
    assert "0 differ" in capsys.readouterr().out


def _twice(real: Callable[..., None]) -> Callable[..., None]:
    def wrong(self: object, *arguments: object) -> None:
        real(self, *arguments)
        real(self, *arguments)

    return wrong


def _plain_max_norm(W: np.ndarray, most: float) -> None:
    W *= min(1.0, most / float(np.linalg.norm(W)))


def _slope(z: np.ndarray, a: np.ndarray, out: np.ndarray) -> np.ndarray:
    np.multiply(a, a, out=out)
    return np.subtract(1.0001, out, out=out)


TANH = activations.build("tanh")
FAULTS: dict[str, Callable[[pytest.MonkeyPatch], None]] = {
    "a slope": lambda patch: patch.setitem(activations.ACTIVATIONS, "tanh", lambda: replace(TANH, slope=_slope)),
    "a penalty counted twice": lambda patch: patch.setattr(
        rule.Penalty, "add_gradient", _twice(rule.Penalty.add_gradient)
    ),
    "a limit": lambda patch: patch.setattr(updates, "max_norm", _plain_max_norm),
    "clipping by the norm of each component": lambda patch: patch.setattr(
        limits.Clip, "apply", lambda self, g: np.clip(g, -(self.norm or 1), self.norm or 1, out=g)
    ),
    "a running variance with divisor m": lambda patch: patch.setattr(
        norms.NormPass, "_move", lambda self, mean, variance, m: _move(self, mean, variance)
    ),
}


def _move(self: norms.NormPass, mean: np.ndarray, variance: np.ndarray) -> None:
    assert self._running is not None
    assert self._momentum is not None
    for kept, found in zip(self._running, (mean, variance), strict=True):
        kept += self._momentum * (found[0] - kept)


@pytest.mark.slow
@pytest.mark.usefixtures("torch")
@pytest.mark.parametrize("name", FAULTS)
def test_a_planted_fault_shows(name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    FAULTS[name](monkeypatch)
    assert differential.main(CASES, 0) > 0
    assert "name: case" in capsys.readouterr().out  # a config that shows it
