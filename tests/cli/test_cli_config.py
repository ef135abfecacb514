"""`vgrad config`: what it prints can be checked, trained and given to an editor."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import jsonschema
import numpy as np
import pytest
from rows import each_row

from vgrad.cli import run
from vgrad.cli.options import read_config
from vgrad.config.check import check
from vgrad.config.config import Config
from vgrad.config.remedies import OPTIONAL
from vgrad.config.schema import config_schema
from vgrad.config.template import full_config, starting_config
from vgrad.data.datasets import BUILT_IN, DATASETS
from vgrad.document.document import load_yaml, read_yaml
from vgrad.nn.activations import ACTIVATIONS
from vgrad.nn.costs import COSTS, OUTPUTS
from vgrad.nn.initializers import BIASES, INITIALIZERS, PRESETS
from vgrad.nn.optimizers import OPTIMIZERS
from vgrad.nn.probes import PROBES
from vgrad.nn.schedules import SCHEDULES
from vgrad.storage.npz import pack

Capture = pytest.CaptureFixture[str]
CONFIGS = Path(__file__).resolve().parents[2] / "configs"
SHIPPED = sorted(path for path in CONFIGS.rglob("*.yaml") if path.parent.name not in ("sweeps", "studies"))
TINY = "layers: [64, 5, 10]\ndata: {name: digits, train: 60}\nepochs: 1\n"


@pytest.fixture
def tiny(tmp_path: Path) -> Path:
    path = tmp_path / "tiny.yaml"
    path.write_text(TINY)
    return path


# check


def test_check_names_the_run(tiny: Path, capsys: Capture) -> None:
    assert run(["config", "check", str(tiny), "-s", "seed=3"]) == 0
    out, err = capsys.readouterr()
    assert out == f"{tiny}: fine, run {read_config(str(tiny), ['seed=3']).run_name}\n"
    assert err == ""


def test_check_tells_all_mistakes_of_all_files(tiny: Path, tmp_path: Path, capsys: Capture) -> None:
    bad, worse = tmp_path / "bad.yaml", tmp_path / "worse.yaml"
    bad.write_text("layers: [64, 5, 9]\ndata: digits\nepochz: 3\n")
    worse.write_text("layers: [64\n")
    assert run(["config", "check", str(bad), str(tiny), str(worse), str(tmp_path / "none.yaml")]) == 2
    out, err = capsys.readouterr()
    assert out.startswith(f"{tiny}: fine")
    assert out.count("\n") == 1
    assert f"{bad}:3:1: epochz" in err
    assert f"{worse}:" in err
    assert "none.yaml: cannot be read" in err


def test_check_tells_a_mistake_on_the_command_line_once(tiny: Path, capsys: Capture) -> None:
    assert run(["config", "check", str(tiny), str(tiny), "-s", "seed"]) == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_check_looks_for_the_parameters_file(tiny: Path, capsys: Capture) -> None:
    assert run(["config", "check", str(tiny), "-s", "init={name: file, path: none.npz}"]) == 3
    assert "none.npz: cannot be read" in capsys.readouterr().err


def test_check_as_json(tiny: Path, tmp_path: Path, capsys: Capture) -> None:
    (tmp_path / "empty.yaml").touch()
    assert run(["config", "check", str(tiny), str(tmp_path / "empty.yaml"), "--json"]) == 2
    fine, bad = json.loads(capsys.readouterr().out)
    assert fine == {"file": str(tiny), "run": read_config(str(tiny), None).run_name}
    assert bad["run"] is None
    assert len(bad["problems"]) == 1


SWEEPS = sorted((CONFIGS / "sweeps").glob("*.yaml"))
SWEEP = "layers: {depth: 1, width: 3}\ndata: digits\nepochs: 1\ngrid: {layers.depth: 1..3, l2: [0, 1]}\nseeds: 5\n"


def test_shipped_sweeps_check(capsys: Capture) -> None:
    assert SWEEPS
    assert run(["config", "check", *map(str, SWEEPS)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(": fine, sweep ")[0] for line in lines] == [str(path) for path in SWEEPS]


def test_a_sweep_is_checked_counted_and_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    monkeypatch.chdir(tmp_path)
    Path("s.yaml").write_text(SWEEP)
    assert run(["config", "check", "s.yaml"]) == 0
    assert capsys.readouterr().out == "s.yaml: fine, sweep s of 6 points, 30 runs\n"
    assert run(["config", "check", "s.yaml", "--json", "-s", "name=t"]) == 0
    counts = {"points": 6, "seeds": 5, "runs": 30, "at_most": False}
    assert json.loads(capsys.readouterr().out) == [{"file": "s.yaml", "sweep": "t", **counts}]
    text = shown(capsys, "s.yaml", "-s", "epochs=2", "-s", "sample=4")
    told = ["sweep: s", "points: 4", "seeds: 5", "runs: 20", "layers.depth: 1, 2, 3", "l2: 0, 1"]
    assert [line[2:] for line in text.splitlines() if line.startswith("#")] == told
    Path("again.yaml").write_text(text)
    assert shown(capsys, "again.yaml") == text
    assert run(["sweep", "again.yaml", "--dry-run"]) == 0
    again = capsys.readouterr().out
    assert run(["sweep", "s.yaml", "-s", "epochs=2", "-s", "sample=4", "--dry-run"]) == 0
    assert capsys.readouterr().out == again
    tree = json.loads(shown(capsys, "s.yaml", "--json"))
    assert (tree["sweep"], tree["runs"], tree["config"]["grid"]["l2"]) == ("s", 30, [0, 1])
    assert not Path("runs").exists()


# the command; what is told
MANY = [
    ("train s.yaml", "s.yaml:4:1: grid: this is a sweep, of more than one run; train it with: vgrad sweep s.yaml"),
    (
        "train s.yaml --seed 3 -s l1=1 --runs-dir r",
        "train it with: vgrad sweep s.yaml -s l1=1 --seeds 3..3 --runs-dir r",
    ),
    ("check s.yaml", "train it with: vgrad sweep s.yaml"),
    ("config check s.yaml -s l2=3", "-s l2=3: is an axis of the sweep; write -g l2=3"),
    ("config show s.yaml --seed 3", "-s seed=3: seeds, at s.yaml:5:8, says which seeds there are"),
    ("config check study.yaml", "study.yaml:1:1: study: this is a study; vgrad reproduce study.yaml trains it"),
    ("train study.yaml", "vgrad reproduce study.yaml trains it"),
    (
        "train tiny.yaml -s seeds=3",
        "seeds: unknown key; that is of a sweep, which vgrad sweep trains; one run has a seed",
    ),
]


@each_row("command, told", MANY)
def test_sweeps_and_studies_are_told_what_trains_them(
    command: str, told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("s.yaml").write_text(SWEEP)
    Path("tiny.yaml").write_text(TINY)
    Path("study.yaml").write_text((CONFIGS / "studies" / "depth.yaml").read_text())
    assert run(command.split()) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert told in err
    assert err.count("\n") == 1


# show


def shown(capsys: Capture, *arguments: str) -> str:
    assert run(["config", "show", *arguments]) == 0
    return capsys.readouterr().out


def test_show_trains_as_the_same_run(tiny: Path, tmp_path: Path, capsys: Capture) -> None:
    text = shown(capsys, str(tiny), "-s", "activation=tanh", "--seed", "2")
    again = tmp_path / "elsewhere.yaml"
    again.write_text(text)
    expected = read_config(str(tiny), ["activation=tanh", "seed=2"]).run_name
    assert run(["train", str(again), "--runs-dir", str(tmp_path / "runs")]) == 0
    assert Path(capsys.readouterr().out.strip()).name == expected
    comments = [line for line in text.splitlines() if line.startswith("#")]
    assert comments == [
        f"# run: {expected}",
        "# layers: 2",
        "# hidden layers: 1",
        f"# parameters: {64 * 5 + 5 + 5 * 10 + 10}",
        "# probe examples: 60",
    ]


@each_row("path", SHIPPED)
def test_show_writes_every_default(path: Path, tmp_path: Path, capsys: Capture) -> None:
    again = tmp_path / "again.yaml"
    again.write_text(shown(capsys, str(path)))
    config = read_config(str(path), None)
    off = {key for key in OPTIONAL if not getattr(config, key)}  # keys that are off leave no trace
    assert set(load_yaml(again).data) == set(Config.model_fields) - off
    assert read_config(str(again), None).plain() == read_config(str(path), None).plain()


def test_show_finds_the_parameters_file_from_anywhere(tiny: Path, tmp_path: Path, capsys: Capture) -> None:
    arrays = {"W1": np.ones((5, 64)), "b1": np.ones(5), "W2": np.ones((10, 5)), "b2": np.ones(10)}
    (tmp_path / "init.npz").write_bytes(pack(arrays))
    tiny.write_text(TINY + "init: {name: file, path: init.npz}\n")
    text = shown(capsys, str(tiny))
    again = tmp_path / "deep" / "tiny.yaml"
    again.parent.mkdir()
    again.write_text(text)
    assert shown(capsys, str(again)) == text


def test_show_as_json(tiny: Path, capsys: Capture) -> None:
    tree = json.loads(shown(capsys, str(tiny), "--json"))
    config = read_config(str(tiny), None)
    assert tree["config"] == config.plain()
    assert (tree["run"], tree["probe_examples"]) == (config.run_name, 60)


def test_show_counts_every_number_that_is_learned(tiny: Path, tmp_path: Path, capsys: Capture) -> None:
    tiny.write_text(TINY + "batch_norm: true\nactivation: [{name: maxout, pieces: 3}]\n")
    found = json.loads(shown(capsys, str(tiny), "--json"))["parameters"]
    assert run(["train", str(tiny), "--runs-dir", str(tmp_path), "--quiet"]) == 0
    with np.load(next(tmp_path.glob("*/initial.npz"))) as arrays:
        assert found == sum(array.size for array in arrays.values())


# new


@pytest.mark.parametrize(
    ("data", "options"),
    [
        (data, options) if data == "digits" else pytest.param(data, options, marks=pytest.mark.slow)
        for data in BUILT_IN
        for options in ([], ["--full"])
    ],
    ids=str,
)
def test_new_passes_the_check(data: str, options: list[str], tmp_path: Path, capsys: Capture) -> None:
    target = tmp_path / "mine.yaml"
    assert run(["config", "new", str(target), "--data", data, *options]) == 0
    assert capsys.readouterr().out == f"{target}\n"
    assert run(["config", "check", str(target)]) == 0
    tree = load_yaml(target).data
    if options:
        assert [*tree] == [key for key in Config.model_fields if key != "name"]
    jsonschema.validate(tree, config_schema())
    assert all(len(line) <= 100 for line in target.read_text().splitlines())


def test_new_trains(tmp_path: Path, capsys: Capture) -> None:
    assert run(["config", "new", str(tmp_path / "mine.yaml")]) == 0
    capsys.readouterr()
    assert run(["train", str(tmp_path / "mine.yaml"), "-s", "epochs=2", "--runs-dir", str(tmp_path)]) == 0
    assert Path(capsys.readouterr().out.strip(), "run.json").exists()


def test_new_is_short_and_means_the_defaults() -> None:
    text = starting_config("digits")
    lines = text.splitlines()
    assert 20 <= len(lines) <= 30
    assert max(map(len, lines)) <= 100
    tree = read_yaml(text, "new.yaml").data
    usual = check({"name": "run", "layers": {"depth": 2, "width": 30}, "data": "digits"})
    assert check(tree) == usual
    assert all("  # " in line for line in lines[6:] if line and not line.startswith("#"))  # each says what it is for


def test_full_knows_every_name_and_whatever_it_offers_is_accepted() -> None:
    text = full_config("digits")
    lines = text.splitlines()
    assert max(map(len, lines)) <= 100
    tables = (ACTIVATIONS, OUTPUTS, PRESETS, INITIALIZERS, BIASES, COSTS, OPTIMIZERS, SCHEDULES, PROBES, DATASETS)
    comments = [line for line in lines if line.startswith("#   ")]
    for name in (name for table in tables for name in table):
        assert any(name in comment for comment in comments), name
    meaning = [line for line in lines if line.startswith("#       ")]
    assert min(len(line) - 8 for line in meaning) >= 3  # no column of a few characters
    usual, tried = read_yaml(text, "new.yaml").data, 0
    for key, title, offered in offers(text):
        if (
            "file" in offered
            or "the name" in offered
            or title == "groups"
            or not re.match(r"[{\[a-z0-9_:, .+\-\]}\"]+$", offered)
        ):
            continue
        value = read_yaml(f"offered: {offered}", "x").data["offered"]
        tree = usual | {
            "weights": {"init": {"weights": value, "biases": "zeros"}},
            "biases": {"init": {"weights": "glorot_normal", "biases": value}},
        }.get(title, {key: value})
        alone = {"output": "step", "layers": [64, 10]}
        tree |= {"log_likelihood": {"output": "softmax"}, "perceptron": alone}.get(offered, {})
        if key == "probes":
            tree["probes"] = {"record": [value]}
        elif key == "monitor":  # but for the costs that go with another output alone
            names = offered.rstrip(",").split(", ")
            tree[key] = [name for name in names if not name.endswith(("log_likelihood", "perceptron"))]
        elif title == "scale":
            tree[key] = usual[key] | {"scale": value}
        elif key == "data":
            tree = {"layers": {"depth": 1, "width": 2}, "data": value, "batch_size": "full"}
        elif key == "output" or (key == "layers" and offered.startswith("[")):
            continue  # those of other data, and a list
        elif key == "momentum_schedule":
            tree["optimizer"] = "momentum"
        elif key in ("batch_norm", "layer_norm") and isinstance(value, str):
            tree[key] = True
        check({"name": "x", **tree})
        tried += 1
    assert tried > 60


def offers(text: str) -> Iterator[tuple[str, str, str]]:
    """(key, title, what can be written there) for every name of the full config."""
    key, title, pending = "", "", ""
    for line in [*text.splitlines(), ""]:
        if line.startswith("#    ") and pending and not line.startswith("#       "):
            pending += " " + line[5:].strip()
            continue
        if pending:
            yield key, title, pending
            pending = ""
        if line.startswith("#   ") and not line.startswith("#       "):
            pending = line[4:]
        elif line.startswith("# ") and not line.startswith("#  "):
            word = line[2:].partition(":")[0]
            key, title = (word, "") if word in Config.model_fields else (key, word)


def test_new_goes_to_stdout(capsys: Capture) -> None:
    assert run(["config", "new", "--data", "mnist"]) == 0
    assert capsys.readouterr().out == starting_config("mnist")
    assert run(["config", "new", "--data", "mnist", "--full"]) == 0
    assert capsys.readouterr().out == full_config("mnist")


def test_new_overwrites_nothing(tiny: Path, tmp_path: Path, capsys: Capture) -> None:
    (tmp_path / "link.yaml").symlink_to(tiny)
    for target in (tiny, tmp_path / "link.yaml"):
        assert run(["config", "new", str(target)]) == 2
        assert "exists already" in capsys.readouterr().err
    assert tiny.read_text() == TINY


def test_new_makes_what_a_link_leads_to(tmp_path: Path) -> None:
    (tmp_path / "link.yaml").symlink_to(tmp_path / "target.yaml")
    assert run(["config", "new", str(tmp_path / "link.yaml")]) == 0
    assert (tmp_path / "link.yaml").is_symlink()
    assert "layers" in (tmp_path / "target.yaml").read_text()


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--data", "digitz"], "did you mean 'digits'?"),
        (["my config.yaml"], "cannot be a name"),
    ],
)
def test_new_refuses(arguments: list[str], told: str, capsys: Capture) -> None:
    assert run(["config", "new", *arguments]) == 2
    assert told in capsys.readouterr().err


def test_new_without_a_folder(tmp_path: Path, capsys: Capture) -> None:
    assert run(["config", "new", str(tmp_path / "no" / "c.yaml")]) == 5
    assert "cannot be written" in capsys.readouterr().err
