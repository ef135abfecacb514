"""The verbs in Python: they do what the commands do, with the same functions, and what they give shows itself."""

from __future__ import annotations

import ast
import inspect
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import html5lib
import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure
from project import load_script
from rows import each_row

import vgrad
from vgrad.errors import ConfigError, SweepError

Command = Callable[..., tuple[int, str, str]]
HOUSE = Path(__file__).resolve().parents[2]
TINY: dict[str, Any] = {
    "name": "tiny",
    "layers": [64, 8, 8, 10],
    "data": {"name": "digits", "train": 60, "validation": 30},
    "epochs": 1,
}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("notebook")


@pytest.fixture(scope="module")
def runs(place: Path) -> vgrad.Runs:
    grid = {"layers.depth": np.array([1, 3]), "activation": ("tanh", "relu")}
    config = {**TINY, "layers": {"depth": 1, "width": 8}}
    return vgrad.sweep(config, grid=grid, seeds=range(3), jobs=0, runs_dir=place)


def test_the_names_are_all_there_is() -> None:
    assert dir(vgrad) == sorted(vgrad.__all__)
    assert all(getattr(vgrad, name) is not None for name in vgrad.__all__)
    stated = ast.parse(inspect.getsource(vgrad))
    typed = [
        alias.name
        for block in stated.body
        if isinstance(block, ast.If)
        for line in block.body
        if isinstance(line, ast.ImportFrom)
        for alias in line.names
    ]
    assert {*typed, "__version__"} == set(vgrad.__all__)
    with pytest.raises(AttributeError, match="no attribute 'tarin'"):
        _ = vgrad.tarin  # type: ignore[attr-defined]


def test_training_is_that_of_the_command(place: Path, command: Command, tmp_path: Path) -> None:
    run = vgrad.train(TINY, runs_dir=place, optimizer__learning_rate=0.3, seed=2)
    settings = [f"optimizer.learning_rate={0.3}", "seed=2"]
    file = tmp_path / "tiny.yaml"
    file.write_text("layers: [64, 8, 8, 10]\ndata: {name: digits, train: 60, validation: 30}\nepochs: 1\n")
    words = [word for setting in settings for word in ("-s", setting)]
    code, out, _ = command("train", file, *words, "--runs-dir", tmp_path / "runs", "-q")
    assert code == 0
    other = Path(out.strip())
    assert (run.name, run.path.parent) == (other.name, place)
    for name in ("config.yaml", "metrics.csv", "gradients.csv", "summary.json"):
        assert (run.path / name).read_bytes() == (other / name).read_bytes()
    assert run.metrics["epoch"].tolist() == [0, 1]
    assert set(run.gradients["layer"]) == {1, 2, 3}
    assert (run.seed, run.status, run.config["optimizer"]["learning_rate"]) == (2, "complete", 0.3)
    assert run.verdict == run.summary["verdict"]
    assert run.neurons.empty


def test_a_path_is_a_config_as_well(place: Path, tmp_path: Path) -> None:
    file = tmp_path / "given.yaml"
    file.write_text("layers: [64, 8, 10]\ndata: {name: digits, train: 60, validation: 30}\nepochs: 5\n")
    run = vgrad.train(file, runs_dir=str(place), epochs=0)
    assert run.name.startswith("given-")
    assert run.summary["epochs"] == 0


def test_a_sweep_is_a_run_for_each_point_and_seed(runs: vgrad.Runs) -> None:
    assert [len(runs), len(runs[:5]), runs.problems] == [12, 5, ()]
    assert len({run.name for run in runs}) == 12
    assert {(len(run.config["layers"]) - 2, run.config["activation"], run.seed) for run in runs} == {
        (depth, name, seed) for depth in (1, 3) for name in ("tanh", "relu") for seed in range(3)
    }


def test_a_comparison_has_the_numbers_of_the_report(runs: vgrad.Runs, command: Command, place: Path) -> None:
    names = ["validation_accuracy", "last_first_ratio"]
    table = vgrad.compare(runs, rows=["layers.depth"], columns=["activation"], values=[*names, "verdict"])
    deep = [run for run in runs if len(run.config["layers"]) == 5 and run.config["activation"] == "tanh"]
    ratios = [run.summary["gradient"]["start"]["last_first_ratio"] for run in deep]
    found = table["last_first_ratio.start"]["tanh"].loc[3]
    assert found["center"] == pytest.approx(np.exp(np.log(ratios).mean()))
    assert found["low"] < found["center"] < found["high"]
    assert found["n"] == 3
    assert np.isnan(table.loc[1, ("last_first_ratio.start", "tanh", "center")])
    assert table.loc[3, ("verdict", "tanh", "center")] in {run.verdict for run in deep}
    asked = [
        "--rows",
        "layers.depth",
        "--cols",
        "activation",
        "--value",
        "validation_accuracy,last_first_ratio,verdict",
    ]
    again = vgrad.compare(place / "tiny", rows=["layers.depth"], columns=["activation"], values=[*names, "verdict"])
    for form, written in (("latex", again.to_latex()), ("markdown", again.to_markdown())):
        assert command("report", place / "tiny", *asked, "--format", form)[1] == written
    assert type(table.loc[[1]]) is pd.DataFrame
    assert table.to_latex(width=3.4).count(r"\begin{table}") > 1


def test_parts_of_a_frame_are_runs(runs: vgrad.Runs, place: Path) -> None:
    frame = vgrad.load_runs(place / "tiny")
    chosen = frame[frame["activation"] == "relu"]
    assert vgrad.compare(chosen, rows="activation", values="validation_accuracy").index.tolist() == ["relu"]
    with pytest.raises(ConfigError, match="column path"):
        vgrad.compare(pd.DataFrame({"x": [1]}))


def test_a_figure_is_that_of_the_command(runs: vgrad.Runs) -> None:
    figure = vgrad.plot(runs, x="depth", y="validation_accuracy", color="activation", width=3.4)
    assert isinstance(figure, Figure)
    assert figure.get_figwidth() == 3.4
    assert {line.get_gid() for line in figure.axes[0].lines} >= {"end tanh", "end relu"}
    assert figure._repr_png_().startswith(b"\x89PNG")  # type: ignore[attr-defined]
    assert len(vgrad.plot(runs[0]).axes) == 1  # curves
    with pytest.raises(ConfigError, match="no kind of picture 'pie'"):
        vgrad.plot(runs, "pie")
    with pytest.raises(TypeError):
        vgrad.plot(runs, colour="activation")


@pytest.mark.parametrize("which", ["one", "several", "none"])
def test_what_is_shown_is_html_with_the_same_words(runs: vgrad.Runs, which: str) -> None:
    shown = {"one": runs[3], "several": runs, "none": vgrad.Runs([], ["<b>it failed</b>"])}[which]
    text = shown._repr_html_()
    html5lib.HTMLParser(strict=True).parseFragment(text)
    assert {"one": "data:image/png;base64", "several": "validation accuracy", "none": "&lt;b&gt;it"}[which] in text
    assert {"one": runs[3].name, "several": "12", "none": "0"}[which] in repr(shown)


@each_row(
    "config, told",
    [
        ({**TINY, "epocs": 3}, "epocs: unknown key; did you mean 'epochs'"),
        ({**TINY, "layers": object()}, "object has no place in a config"),
        ({**TINY, "grid": {"layers.depth": [1, 2]}}, "this is a sweep, of more than one run: vgrad.sweep"),
        ("nowhere.yaml", "nowhere.yaml"),
    ],
)
def test_what_is_wrong_is_told(config: Mapping[str, Any] | str, told: str) -> None:
    with pytest.raises(vgrad.VgradError, match=told):
        vgrad.train(config, runs_dir="/nowhere")


def test_failed_runs_are_told_and_the_others_given(tmp_path: Path) -> None:
    config = {**TINY, "layers": {"depth": 1, "width": 8}}
    first = vgrad.sweep(config, grid={"layers.depth": [1]}, jobs=0, runs_dir=tmp_path)[0]
    (first.path / "run.json").unlink()
    (first.path / "checkpoint.npz").write_bytes(b"damaged")
    with pytest.warns(UserWarning, match="damaged checkpoint"):
        found = vgrad.sweep(config, grid={"layers.depth": [1, 2]}, jobs=0, runs_dir=tmp_path, retries=0)
    assert [len(found), len(found.problems)] == [1, 1]
    with pytest.raises(SweepError, match="every run failed"):
        vgrad.sweep(config, grid={"layers.depth": [1]}, jobs=0, runs_dir=tmp_path, retries=0)


def test_progress_is_one_line_on_stderr(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    vgrad.train(TINY, runs_dir=tmp_path / "a", progress=True)
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert "epoch 1 of 1, train_cost" in err
    vgrad.train(TINY, runs_dir=tmp_path / "b")
    assert capsys.readouterr() == ("", "")


SHARED = {
    "vgrad.runs.runner.run": (["train", "{yaml}", "-q"], lambda: vgrad.train(TINY, runs_dir="{runs}")),
    "vgrad.sweeps.training.train_missing": (
        ["sweep", "{yaml}", "-g", "epochs=0,1", "-q", "-j", "0"],
        lambda: vgrad.sweep(TINY, grid={"epochs": [0, 1]}, jobs=0),
    ),
    "vgrad.report.drawable.picture": (["plot", "{run}", "-o", "x.png"], lambda: vgrad.plot("{run}")),
    "vgrad.report.compare.compare": (["report", "{run}"], lambda: vgrad.compare("{run}")),
}


class Called(BaseException):
    """No error that anything between here and there would catch."""


@pytest.mark.parametrize("name", SHARED)
def test_command_and_verb_call_the_same_function(
    name: str, runs: vgrad.Runs, command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def noted(*_: Any, **__: Any) -> Any:
        raise Called

    words, verb = SHARED[name]
    module, _, function = name.rpartition(".")
    monkeypatch.chdir(tmp_path)
    Path("tiny.yaml").write_text("layers: [64, 8, 10]\ndata: digits\nepochs: 1\n")
    Path("{run}").symlink_to(runs[0].path)
    __import__(module)
    monkeypatch.setattr(sys.modules[module], function, noted)
    with pytest.raises(Called):
        verb()
    with pytest.raises(Called):
        command(*(word.format(yaml="tiny.yaml", run="{run}") for word in words))


@pytest.mark.slow
@pytest.mark.timeout(200)
def test_the_notebook_prints_what_it_shows(monkeypatch: pytest.MonkeyPatch) -> None:
    notebook = load_script("notebook")
    assert notebook.differing(notebook.nbformat.read(notebook.NOTEBOOK, as_version=4), notebook.executed()) == []


def test_a_notebook_that_prints_something_else_is_noticed() -> None:
    notebook = load_script("notebook")
    kept = notebook.nbformat.read(notebook.NOTEBOOK, as_version=4)
    assert notebook.differing(kept, kept) == []
    other = notebook.nbformat.from_dict(kept)
    printing = next(cell for cell in other.cells if cell.get("outputs"))
    changed = SimpleNamespace(cells=[*kept.cells])
    changed.cells[kept.cells.index(printing)] = {**printing, "source": printing.source, "outputs": []}
    changed.cells = [notebook.nbformat.from_dict(cell) for cell in changed.cells]
    assert len(notebook.differing(kept, changed)) == 1
    changed.cells.pop()
    assert "docs/notebook.md has other cells" in notebook.differing(kept, changed)
