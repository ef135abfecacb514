"""The cases that a teacher would try: what each network is called, by every command alike."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import runs_factory

from vgrad import load_runs
from vgrad.config.check import check
from vgrad.data.datasets import load
from vgrad.nn.arrays import norm
from vgrad.training.assembly import build_network
from vgrad.training.evaluation import ProbeSet
from vgrad.training.initial import draw_parameters
from vgrad.vanishing import DEAD, DIVERGED, EVEN, EXPLODING, UNEVEN, VANISHING, verdict

Tree = dict[str, Any]
Command = Callable[..., tuple[int, str, str]]
UNTRAINED: Tree = {"epochs": 0}
GLOROT, HE = ({"weights": name, "biases": "zeros"} for name in ("glorot_normal", "he_normal"))
SATURATED: Tree = {"record": ["delta_norm", "saturated"], "examples": 100}


def deep(hidden: int, activation: Any, init: Any, **more: Any) -> Tree:
    return {"layers": {"depth": hidden, "width": 30}, "activation": activation, "init": init, **more}


def rate(eta: float) -> Tree:
    return {"name": "sgd", "learning_rate": eta}


CASES: dict[str, tuple[Tree, str | None, str | None]] = {
    # the chapter's networks before training
    "nielsen-2": (deep(2, "sigmoid", "nielsen", **UNTRAINED), VANISHING, None),
    "nielsen-3": (deep(3, "sigmoid", "nielsen", **UNTRAINED), VANISHING, None),
    "nielsen-4": (deep(4, "sigmoid", "nielsen", **UNTRAINED), VANISHING, None),
    # gains too small, right and too large for thirty and fifty layers
    "tanh-30-small": (deep(30, "tanh", {**GLOROT, "gain": 0.8}, **UNTRAINED), VANISHING, None),
    "tanh-30-right": (deep(30, "tanh", {**GLOROT, "gain": 1.2}, **UNTRAINED), EVEN, None),
    "tanh-30-large": (deep(30, "tanh", {**GLOROT, "gain": 2.5}, **UNTRAINED), EXPLODING, None),
    "tanh-50-small": (deep(50, "tanh", {**GLOROT, "gain": 0.8}, **UNTRAINED), VANISHING, None),
    "tanh-50-right": (deep(50, "tanh", {**GLOROT, "gain": 1.2}, **UNTRAINED), EVEN, None),
    "tanh-50-large": (deep(50, "tanh", {**GLOROT, "gain": 2.5}, **UNTRAINED), EXPLODING, None),
    "relu-30-small": (deep(30, "relu", {**HE, "gain": 0.8}, **UNTRAINED), VANISHING, None),
    "relu-30-large": (deep(30, "relu", {**HE, "gain": 1.5}, **UNTRAINED), EXPLODING, None),
    "relu-50-small": (deep(50, "relu", {**HE, "gain": 0.8}, **UNTRAINED), VANISHING, None),
    "relu-50-large": (deep(50, "relu", {**HE, "gain": 1.5}, **UNTRAINED), EXPLODING, None),
    # half of a rectifier's slopes are 0 by design: nothing is saturated, nothing dead, and it learns
    "relu-learns": (deep(2, "relu", HE, optimizer=rate(0.1), epochs=4, probes=SATURATED), EVEN, None),
    "relu-dies": (deep(3, "relu", HE, optimizer=rate(10.0), epochs=1), DEAD, "dead: 100 % of layer 3"),
    "sigmoid-standard": (deep(3, "sigmoid", "standard", probes=SATURATED, **UNTRAINED), VANISHING, None),
    "sigmoid-saturated": (
        deep(2, "sigmoid", {"weights": {"name": "normal", "sd": 5}, "biases": "zeros"}, probes=SATURATED, **UNTRAINED),
        EVEN,
        "saturated: 8. % of layer 2",
    ),
    "hard-tanh-dead": (
        deep(2, "hard_tanh", {**GLOROT, "biases": {"name": "constant", "value": 99}}, probes=SATURATED, **UNTRAINED),
        DEAD,
        "dead: 100 % of layer 2",
    ),
    "no-weights": (
        deep(2, "tanh", {"weights": "zeros", "biases": "zeros"}, **UNTRAINED),
        DEAD,
        "dead: 100 % of layer 2",
    ),
    "linear": (deep(5, "identity", GLOROT, **UNTRAINED), EVEN, None),
    "diverged": (deep(5, "identity", GLOROT, optimizer=rate(5.0), epochs=2), DIVERGED, None),
    "no-hidden-layer": ({"layers": [64, 10], **UNTRAINED}, None, None),
    "one-hidden-layer": ({"layers": [64, 30, 10], **UNTRAINED}, None, None),
    "one-dead": (
        {"layers": [64, 9, 10], "activation": "relu", "init": {**HE, "biases": {"name": "constant", "value": -99}}}
        | UNTRAINED,
        DEAD,
        "dead: 100 % of layer 1",
    ),
    # under batch norm the mean error falls fortyfold, or is rounding noise; weight gradients are even (test_speed.py)
    "batch-norm": (deep(5, "sigmoid", "nielsen", batch_norm=True, **UNTRAINED), EVEN, None),
    "batch-norm-linear": (
        deep(10, "identity", {"weights": "orthogonal", "biases": "zeros"}, batch_norm=True, **UNTRAINED),
        EVEN,
        None,
    ),
    "residual": (deep(4, "tanh", GLOROT, residual=True, **UNTRAINED), EVEN, None),
    "maxout": (deep(3, "maxout", GLOROT, **UNTRAINED), EVEN, None),
    "prelu": (deep(4, "prelu", HE, **UNTRAINED), EVEN, None),
    # an underflow is no death: smaller numbers do not exist
    "underflow": (
        deep(60, "sigmoid", {"weights": {"name": "normal", "sd": 1e-6}, "biases": "zeros"}, **UNTRAINED),
        VANISHING,
        None,
    ),
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("cases")
    usual = {"data": {"name": "digits", "train": 200, "validation": 150}, "probes": {"examples": 100}}
    for name, (tree, _, _) in CASES.items():
        runs_factory.trained(home, {**usual, "name": name, **tree})
    return home


@pytest.mark.usefixtures("no_theory")
def test_every_command_has_the_same_word(folder: Path, command: Command) -> None:
    due = {name: word for name, (_, word, _) in CASES.items()}
    stored = {path.name.rsplit("-", 2)[0]: path for path in folder.iterdir()}
    summaries = {name: json.loads((path / "summary.json").read_bytes()) for name, path in stored.items()}
    assert {name: summary["verdict"] for name, summary in summaries.items()} == due
    wrong = {
        name: summaries[name]["cause"]
        for name, (_, _, cause) in CASES.items()
        if re.fullmatch(cause or "None", str(summaries[name]["cause"])) is None
    }
    assert not wrong
    assert {entry["name"]: entry["verdict"] for entry in json.loads(command("ls", folder, "--json")[1])} == due
    frame = load_runs(folder).set_index("name")
    assert {name: word if isinstance(word, str) else None for name, word in frame["verdict"].items()} == due
    code, out, err = command("report", folder, "--rows", "name", "--value", "verdict", "--json")
    assert code == 0, err
    told = {cell["row"][0]: list(cell["words"]) for cell in json.loads(out)["cells"]}
    assert told == {name: [word] if word else [] for name, word in due.items()}
    for name, word in due.items():
        shown = command("show", stored[name])[1]
        expected = {None: "No verdict", DIVERGED: "DIVERGED"}.get(word, f"Verdict: {word}")
        assert expected in " ".join(shown.split()), name


def test_what_learned_is_told_from_chance(folder: Path, command: Command) -> None:
    words = {entry["name"]: entry["learning"] for entry in json.loads(command("ls", folder, "--json")[1])}
    assert words.pop("relu-learns") == "learned"
    assert {name for name, word in words.items() if word != "at chance"} <= {"linear", "one-hidden-layer"}
    assert words["relu-dies"] == words["nielsen-4"] == words["no-weights"] == "at chance"


def test_a_minority_of_seeds_is_not_hidden(tmp_path: Path, command: Command) -> None:
    """One of three seeds survives a learning rate that is too large."""
    tree = CASES["relu-dies"][0] | {"data": {"name": "digits", "train": 200, "validation": 150}}
    for seed in range(3):
        alive = {"optimizer": rate(0.1)} if seed == 2 else {}
        runs_factory.trained(tmp_path, {**tree, "name": "seeds", "seed": seed, **alive})
    shown = command("report", tmp_path, "--rows", "activation", "--value", "verdict")[1]
    assert "2 dead, 1 even" in shown


@pytest.mark.slow
def test_how_often_random_networks_have_each_word() -> None:
    """The table of docs/reports.md: networks before training, over seeds."""
    data = load("digits")
    for hidden, activation, init, word, share in (
        (2, "sigmoid", "nielsen", VANISHING, 1.0),
        (4, "sigmoid", "nielsen", VANISHING, 1.0),
        (4, "tanh", GLOROT, EVEN, 1.0),
        (10, "tanh", GLOROT, EVEN, 0.99),
        (2, "relu", HE, EVEN, 0.98),
        (10, "relu", HE, EVEN, 0.975),
        (30, "tanh", {**GLOROT, "gain": 0.8}, VANISHING, 1.0),
        (30, "tanh", GLOROT, EVEN, 0.64),
        (30, "tanh", {**GLOROT, "gain": 1.5}, EVEN, 1.0),
        (30, "relu", {**HE, "gain": 1.5}, EXPLODING, 1.0),
        (50, "tanh", {**GLOROT, "gain": 2.0}, EXPLODING, 1.0),
        (50, "relu", {**HE, "gain": 0.8}, VANISHING, 1.0),
    ):
        found: Counter[str | None] = Counter()
        for seed in range(60):
            tree = deep(hidden, activation, init, name="size", data="digits", seed=seed, epochs=0)
            config = check({**tree, "data": {"name": "digits"}})
            probes = ProbeSet(build_network(config), data, 100)
            mean = probes.measure(draw_parameters(config, config.init, data)).mean_delta
            found[verdict([norm(each) for each in mean[:-1]])] += 1
        allowed = 3 * (share * (1 - share) / 60) ** 0.5 + 0.02
        assert abs(found[word] / 60 - share) <= allowed, (hidden, activation, init, found)
        assert found[UNEVEN] <= 6
