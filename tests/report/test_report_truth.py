"""What a report must not make look better than it is: copies, ends, times, and columns that look alike."""

from __future__ import annotations

import json
import os
import pty
import shutil
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import forked
import numpy as np
import pytest
import scipy.stats
from report_runs import trained
from rows import each_row

from vgrad.cli.screen.results import norm_lines, verdict_words
from vgrad.report.compare import compare
from vgrad.report.keys import text, varying
from vgrad.report.layout import lay_out
from vgrad.report.runs import Run, collect
from vgrad.runs.history import History
from vgrad.runs.summary import summarize
from vgrad.text.terminal import render
from vgrad.training.record import EpochRecord

Command = Callable[..., tuple[int, str, str]]


def test_a_copy_of_a_run_is_no_second_seed(command: Command, tmp_path: Path) -> None:
    first = trained(tmp_path, seed=0)
    copy = Path(shutil.copytree(first, tmp_path / "zcopy"))
    named = trained(tmp_path, seed=0, name="zother")  # the name decides no number
    code, out, err = command("report", first, copy, named, "--json")
    assert code == 0
    assert [run["name"] for run in json.loads(out)["runs"]] == ["small"]
    assert len(err.splitlines()) == 2
    for path in (copy, named):
        assert f"vgrad: {path}: a copy of {first}" in err
    _, out, _ = command("report", first, copy)
    assert out.startswith("1 run, seed 0.")
    code, out, err = command("plot", first, copy, "--kind", "activations", "-o", tmp_path / "x.svg")
    assert (code, f"{copy}: a copy of {first}" in err) == (0, True)
    assert command("report", "--diff", first, copy)[0] == 0


@pytest.fixture(scope="module")
def deep(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A run of two hidden layers."""
    folder = tmp_path_factory.mktemp("deep")
    (run,), _ = collect([str(trained(folder, layers=[64, 8, 8, 10]))], Path())
    return run


def dying(*last: float) -> History:
    """Two hidden layers whose norms are fine before training and `last` at the end."""
    norms = ([0.625, 1.0], [0.4, 1.0], list(last))
    records = [
        EpochRecord(epoch, {"train_cost": 1.0, "penalty": 0.0, "learning_rate": 0.1}, {"delta_norm": [*row, 1.0]})
        for epoch, row in enumerate(norms)
    ]
    return History((4, 3, 3, 2), ("train_cost",), ("delta_norm",), records=records)


@pytest.mark.parametrize("last", [(0.0, 0.0), (0.0, 1.0), (1e-320, 1.0)])
def test_a_gradient_of_exactly_zero_is_the_worst(last: tuple[float, float]) -> None:
    summary = summarize(dying(*last))
    assert summary["gradient"]["worst"] == {**summary["gradient"]["end"], "epoch": 2}
    assert json.loads(json.dumps(summary, allow_nan=False))["gradient"]["worst"]["last_first_ratio"] is None or last[0]


def test_the_words_after_training_tell_of_the_end() -> None:
    history = dying(0.0, 0.0)
    summary = summarize(history)
    words, style = verdict_words(summary)
    assert words.startswith("Verdict: dead (100 % of layer 2). Before training, ||delta|| shrinks 1.6-fold from the")
    assert words.endswith("At the end it is dead: 2 of 2 hidden layers have a norm of exactly zero.")
    assert style != "green"
    norms = {record.epoch: (record.gradients or {})["delta_norm"] for record in history.records}
    told = norm_lines(summary, norms, history.sizes, 80, False)[-1][0]
    assert told == "l2/l1: 1.6 at epoch 0, at most infinite (epoch 2), infinite at the end"
    words, _ = verdict_words(summarize(dying(1.0, 0.1)))
    assert words.startswith("Verdict: even. Before training")
    assert words.endswith(
        "At the end it is exploding: ||delta|| grows 10-fold from the second hidden layer to the first."
    )
    words, style = verdict_words(summarize(dying(0.9, 1.0)))
    assert (words.startswith("Verdict: even. Before"), style) == (True, "green")


@each_row(
    "norms, told",
    [
        ([1.0, 4.0, 20.0], "shrinks 4.47-fold (l2/l1 4, l3/l2 5) with each"),
        ([1e-300, 1.0, 1e300], "shrinks 1e+300-fold (l2/l1 1.0e+300, l3/l2 1.0e+300) with each"),
        ([20.0, 5.0, 1.0, 1.0], "grows 2.71-fold (l2/l1 0.25, l3/l2 0.2, l4/l3 1; give or take a factor of 2.4) with"),
        ([4.0**layer for layer in range(7)], "shrinks 4-fold with each"),
        ([4.0**layer for layer in range(6)] + [9e3], "shrinks 4.56-fold (give or take a factor of 1.4) with each"),
    ],
)
def test_factors_from_layer_to_layer_are_told(norms: list[float], told: str) -> None:
    """One by one where there are few, with their geometric standard deviation from three on."""
    logs = np.diff(np.log10(norms))
    if "factor" in told:
        assert f"factor of {scipy.stats.gstd(10**logs):.2g})" in told
    records = [EpochRecord(0, {"train_cost": 1.0, "penalty": 0.0, "learning_rate": 0.1}, {"delta_norm": [*norms, 1.0]})]
    history = History((4, *[3] * len(norms), 2), ("train_cost",), ("delta_norm",), records=records)
    assert told in verdict_words(summarize(history))[0]


def test_a_report_tells_of_the_end(deep: Run) -> None:
    gradient = deep.summary["gradient"]
    even, dead = ({"delta_norm": norms, "epoch": epoch} for norms, epoch in (([1.0, 1.1], 0), ([0.0, 0.0], 3)))
    exploding = {"delta_norm": [10.0, 1.0], "epoch": 3}
    run = replace(deep, summary={**deep.summary, "gradient": {**gradient, "start": even, "end": exploding}})
    titles = {column.title: column.cells for column in lay_out(compare([run])).columns}
    assert (titles["verdict"], titles["verdict at the end"]) == (("even",), ("exploding",))
    notes = lay_out(compare([run], values=["verdict"])).notes
    assert "verdict: before training; at the end, that of this run is another (verdict.end)." in notes
    died = replace(deep, summary={**deep.summary, "gradient": {**gradient, "start": even, "end": dead}})
    titles = {column.title: column.cells for column in lay_out(compare([died])).columns}
    assert (titles["verdict"], titles["cause"]) == (("dead",), ("dead: 100 % of layer 2",))
    assert "verdict: before training; dead and diverged: how the run ended." in lay_out(compare([died])).notes
    same = replace(run, summary={**deep.summary, "gradient": {**gradient, "start": even, "end": even}})
    assert "verdict at the end" not in render(lay_out(compare([same])))
    assert not any("another" in note for note in lay_out(compare([same], values=["verdict"])).notes)


def test_seconds_of_a_continued_run_are_not_known(command: Command, tmp_path: Path) -> None:
    for seed in (0, 1):
        path = trained(tmp_path, seed=seed)
    code, out, _ = command("report", tmp_path, "--value", "seconds", "--json")
    assert (code, json.loads(out)["cells"][0]["lost"]) == (0, {})
    facts = json.loads((path / "run.json").read_text())
    (path / "run.json").write_text(json.dumps({**facts, "continued_after_epoch": 1}))
    for runs in (collect([str(tmp_path)], Path())[0], collect([str(path)], Path())[0]):
        assert runs[-1].seconds is None
    _, out, _ = command("report", tmp_path, "--value", "seconds", "--rows", "seed")
    assert [line.split() for line in out.splitlines() if line.startswith("   1")] == [["1", "–"]]


def wide(deep: Run, **changes: object) -> list[Run]:
    return [
        replace(deep, hash=f"{number:08x}", config={**deep.config, "name": "x", **changes, "output": f"{number}" * 70})
        for number in range(2)
    ]


def test_only_a_terminal_or_a_wish_limits_the_width(
    command: Command, depths: Path, tmp_path: Path, deep: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    text = render(lay_out(compare(wide(deep), rows=["output", "activation"])))
    assert all(f"{number}" * 70 in text for number in range(2))
    assert "…" not in text
    values = "epochs,validation_accuracy,train_accuracy,train_cost,validation_cost,last_first_ratio,decay_factor,status"
    _, piped, _ = command("report", depths, "--value", values)
    assert max(map(len, piped.splitlines())) > 80
    _, narrow, _ = command("report", depths, "--value", values, "--width", "50")
    assert max(map(len, narrow.splitlines())) <= 50
    command("report", depths, "--value", values, "-o", tmp_path / "table.txt")
    assert (tmp_path / "table.txt").read_text() == piped
    monkeypatch.setenv("COLUMNS", "60")
    _, wished, _ = command("report", depths, "--value", values)
    assert max(map(len, wished.splitlines())) <= 60


@pytest.mark.parametrize(("value", "coloured"), [(None, True), ("", True), ("1", False)])
def test_an_empty_no_color_is_none(pair: tuple[Path, Path], value: str | None, coloured: bool) -> None:
    kept = {key: content for key, content in os.environ.items() if key != "NO_COLOR"}
    env = {**kept, "TERM": "xterm-256color", **({} if value is None else {"NO_COLOR": value})}
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "vgrad", "report", str(pair[1])]
    with forked.Popen(command, stdout=theirs, stderr=theirs, env=env) as process:
        os.close(theirs)
        out = b""
        try:
            while piece := os.read(ours, 4096):
                out += piece
        except OSError:  # the other end is closed
            pass
        os.close(ours)
    assert process.returncode == 0
    assert (b"\x1b[" in out) is coloured


def test_rows_and_columns_are_told_apart(tmp_path: Path) -> None:
    for epochs in (2, 3):
        trained(tmp_path, epochs=epochs)
    for rate in (0.2, 0.2 + 1e-9):
        trained(tmp_path, optimizer={"name": "sgd", "learning_rate": rate})
    sheet = lay_out(compare(collect([str(tmp_path)], Path())[0]))
    titles = [column.title for column in (*sheet.labels, *sheet.columns)]
    assert len(set(titles)) == len(titles)
    assert {"epochs", "epochs measured"} <= set(titles)
    rows = list(zip(*(label.cells for label in sheet.labels), strict=True))
    assert len(set(rows)) == len(rows) == 4
    assert (text(0.1), text(0.1 + 1e-9), text(1e-9)) == ("0.1", "0.100000001", "1e-09")


def test_a_network_without_hidden_layers_has_no_activation(tmp_path: Path) -> None:
    trained(tmp_path, layers=[64, 10])
    caption = lay_out(compare(collect([str(tmp_path)], Path())[0])).caption
    assert "output sigmoid" in caption
    assert "activation" not in caption


def test_digests_of_parameters_give_way(tmp_path: Path, deep: Run) -> None:
    digest = "0123456789abcdef" * 4
    init = {"name": "file", "path": "a.npz", "sha256": digest}
    same = wide(deep, init=init)
    assert digest not in render(lay_out(compare(same)))
    assert digest not in lay_out(compare(same)).caption
    first = same[0]
    other = replace(first, hash="f" * 8, config={**first.config, "init": {**init, "path": "b.npz", "sha256": "f" * 64}})
    assert varying([first.flat, other.flat]) == ["init.path"]
    only = replace(other, config={**other.config, "init": {**init, "sha256": "f" * 64}})
    (label,) = lay_out(compare([first, only])).labels
    assert (label.title, label.cells) == ("init.sha256", ("01234567", "ffffffff"))


def test_a_difference_of_one_run_is_told_in_words(command: Command, pair: tuple[Path, Path]) -> None:
    code, _, err = command("report", "--diff", pair[0])
    assert code == 2
    assert "this is of 1 run" in err
    _, _, err = command("report", "--diff", *pair, "--format", "csv")
    assert "--diff is not written so; there are table, json" in err
