"""More epochs: a run that goes on from a finished shorter one has the bytes of one from the start; else it says why."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import runs_factory
from rows import each_row

from vgrad.config.check import check
from vgrad.runs import runner
from vgrad.runs.folder import DETERMINISTIC, RUN
from vgrad.runs.integrity import verify
from vgrad.runs.runner import Opened, run
from vgrad.training.record import EpochRecord

TREE: dict[str, Any] = {
    "name": "more",
    "layers": {"depth": 2, "width": 6},
    "data": {"name": "digits", "train": 120, "validation": 40},
    "probes": {"examples": 50},
}
EVERY = {"record": "all", "examples": 50, "every": 2, "steps": 4}
SHORT, LONG = 3, 6

VARIANTS: list[dict[str, Any]] = [
    {},
    {"optimizer": "adam", "batch_norm": True, "batch_size": 20, "probes": {**EVERY, "neurons": [1], "histograms": [2]}},
    {"dropout": 0.3, "input_noise": 0.1, "momentum_schedule": "sutskever", "optimizer": "momentum"},
    {"schedule": {"name": "plateau", "patience": 1, "monitor": "train_cost"}, "optimizer": {"learning_rate": 30.0}},
    {"schedule": {"name": "cosine", "period": 5, "warmup": 1}, "probes": EVERY, "shuffle": False, "dtype": "float32"},
    {"early_stopping": {"patience": 1, "monitor": "train_cost"}, "optimizer": {"learning_rate": 30.0}, "probes": EVERY},
    {"early_stopping": 9, "probes": EVERY},
    {"optimizer": {"learning_rate": 1e308}, "activation": "relu", "cost": "quadratic", "output": "identity"},
]


def files(folder: Path) -> dict[str, str]:
    """Every file but run.json, by its digest."""
    return {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.iterdir()
        if path.name in DETERMINISTIC
    }


def longer(folder: Path, tree: dict[str, Any], **options: Any) -> tuple[Opened, list[EpochRecord]]:
    """Trains all epochs below `folder`."""
    opened, *records = run(check({**tree, "epochs": LONG}), folder, **options)
    assert isinstance(opened, Opened)
    return opened, [record for record in records if isinstance(record, EpochRecord)]


@each_row("extra", VARIANTS[1:2])
def test_a_longer_run_goes_on_from_a_finished_one(extra: dict[str, Any], tmp_path: Path) -> None:
    goes_on(extra, tmp_path)


@pytest.mark.slow
@each_row("extra", VARIANTS)
def test_every_variant_goes_on_and_may_be_killed(
    extra: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    goes_on(extra, tmp_path / "whole")
    if "early_stopping" not in extra and extra.get("activation") != "relu":  # which end at once
        with monkeypatch.context() as patch:
            killed(extra, tmp_path / "killed", patch)


def goes_on(extra: dict[str, Any], tmp_path: Path) -> None:
    """The longer run from the shorter one, and alone."""
    tree = {**TREE, **extra}
    home = tmp_path / hashlib.sha256(json.dumps(tree).encode()).hexdigest()
    short = runs_factory.trained(home, {**tree, "epochs": SHORT})
    before = {path.name: (path.read_bytes(), path.stat().st_mtime_ns) for path in short.iterdir()}
    reached = verify(short).epoch
    alone = runs_factory.trained(home / "alone", {**tree, "epochs": LONG})

    opened, records = longer(home, tree)

    assert (opened.source, opened.epoch, opened.passed) == (short, reached, ())
    assert [record.epoch for record in records if not record.divergence] == [
        *range(reached + 1, verify(alone).epoch + 1)
    ]
    assert files(opened.folder) == files(alone)
    assert verify(opened.folder) == type(verify(alone))(**{**vars(verify(alone)), "path": opened.folder})
    assert {path.name: (path.read_bytes(), path.stat().st_mtime_ns) for path in short.iterdir()} == before
    assert json.loads((opened.folder / RUN).read_text())["continued_from"] == short.name


def test_it_may_be_killed_in_the_middle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    killed({}, tmp_path, monkeypatch)


def killed(extra: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before the longer run has saved anything, and after."""
    tree = {**TREE, **extra}
    home = tmp_path / hashlib.sha256(json.dumps(tree).encode()).hexdigest()
    runs_factory.trained(home, {**tree, "epochs": SHORT})
    alone = files(runs_factory.trained(home / "alone", {**tree, "epochs": LONG}))
    for saved in (False, True):  # what a kill leaves: without a checkpoint of its own, and with one
        monkeypatch.setattr(runner, "CHECKPOINT_SECONDS", 0.0 if saved else 99.0)
        monkeypatch.setattr(runner, "CHECKPOINT_SHARE", 0.0 if saved else 50.0)
        events: Iterator[Any] = run(check({**tree, "epochs": LONG}), home)
        with closing(events):  # type: ignore[type-var]
            opened = next(events)
            seen = [next(events).epoch for _ in range(2)]
        assert seen == [SHORT + 1, SHORT + 2]
        assert not (opened.folder / RUN).exists()
        assert opened.source is not None
        again, _ = longer(home, tree)
        assert (again.source is None, again.epoch) == (saved, seen[-1] if saved else SHORT)
        assert files(again.folder) == alone
        shutil.rmtree(again.folder)


def test_the_longest_of_several_is_taken(tmp_path: Path) -> None:
    for epochs in (1, SHORT, LONG + 1):
        runs_factory.trained(tmp_path, {**TREE, "epochs": epochs})
    for other in ({"l2": 0.1}, {"seed": 1}, {"name": "other"}):
        runs_factory.trained(tmp_path, {**TREE, "epochs": LONG - 1, **other})
    runs_factory.interrupted(tmp_path, {**TREE, "epochs": LONG - 2})
    assert longer(tmp_path, TREE)[0].epoch == SHORT


def test_restart_begins_at_epoch_0(tmp_path: Path) -> None:
    runs_factory.trained(tmp_path, {**TREE, "epochs": SHORT})
    opened, records = longer(tmp_path, TREE, restart=True)
    assert (opened.source, opened.epoch, records[0].epoch) == (None, None, 0)


def flipped(short: Path) -> None:
    content = bytearray((short / "checkpoint.npz").read_bytes())
    content[-200] ^= 1
    (short / "checkpoint.npz").write_bytes(content)


def of_other_data(short: Path) -> None:
    rewritten(short, lambda facts: facts["data"].update(sha256="0" * 64))


def rewritten(short: Path, change: Callable[[dict[str, Any]], None]) -> None:
    from vgrad.runs.folder import seal
    from vgrad.storage.json import dump_json

    facts = json.loads((short / RUN).read_text())
    change(facts)
    (short / RUN).write_bytes(dump_json({**facts, "seal": seal(facts)}))


UNFIT: list[tuple[Callable[[Path], object], str]] = [
    (lambda short: (short / "checkpoint.npz").unlink(), "checkpoint.npz: missing"),
    (flipped, "checkpoint.npz: is not what run.json says: its SHA-256 differs"),
    (lambda short: os.truncate(short / "metrics.csv", 40), "metrics.csv: is not what run.json says"),
    (lambda short: (short / RUN).write_text("{}"), "run.json: damaged"),
    (of_other_data, "its data were others"),
]


@each_row("harm, told", UNFIT)
def test_what_is_not_whole_is_told_and_left_alone(harm: Callable[[Path], object], told: str, tmp_path: Path) -> None:
    home = tmp_path / hashlib.sha256(told.encode() + harm.__name__.encode()).hexdigest()
    first = runs_factory.trained(home, {**TREE, "epochs": 1})
    short = runs_factory.trained(home, {**TREE, "epochs": SHORT})
    harm(short)
    opened, _ = longer(home, TREE)
    (line,) = opened.passed
    assert line.startswith(f"cannot continue from {short}, epoch {SHORT}: {told}")
    assert opened.source == first  # the next best
    assert files(opened.folder) == files(runs_factory.trained(home / "alone", {**TREE, "epochs": LONG}))


def test_other_libraries_would_give_other_bits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    runs_factory.trained(tmp_path, {**TREE, "epochs": SHORT})
    monkeypatch.setattr("vgrad.machine.VERSION", "99.0")
    opened, records = longer(tmp_path, TREE)
    assert records[0].epoch == 0
    assert "computed with vgrad " in opened.passed[0]
    assert opened.mixed is None


def test_the_command_says_so_in_one_line(
    tmp_path: Path, command: Callable[..., tuple[int, str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("more.yaml").write_text(json.dumps(TREE))
    assert command("train", "more.yaml", "--epochs", SHORT, "-q")[0] == 0
    code, out, err = command("train", "more.yaml", "--epochs", LONG)
    short = check({**TREE, "epochs": SHORT}).run_name
    assert (code, out.strip()) == (0, f"runs/{check({**TREE, 'epochs': LONG}).run_name}")
    assert err.splitlines()[0] == f"continues from runs/{short}, epoch {SHORT}"
    assert f"continued after epoch {SHORT} of {short}" in " ".join(command("show", out.strip())[1].split())
    assert command("train", "more.yaml", "--epochs", 3, "-s", "epochs=4")[0] == 2


def test_sweeps_go_on_likewise(tmp_path: Path, command: Callable[..., tuple[int, str, str]]) -> None:
    config = tmp_path / "more.yaml"
    config.write_text(json.dumps({**TREE, "epochs": SHORT}))
    words = ("sweep", config, "-g", "l2=0,1", "--runs-dir", tmp_path, "-j", "0", "-q")
    assert command(*words)[0] == 0
    assert command(*words, "-s", f"epochs={LONG}")[0] == 0
    runs = [check({**TREE, "epochs": LONG, "l2": l2}) for l2 in (0.0, 1.0)]
    for each in runs:
        folder = tmp_path / "more" / each.run_name
        assert json.loads((folder / RUN).read_text())["continued_after_epoch"] == SHORT
        assert files(folder) == files(runs_factory.trained(tmp_path / "alone", each.plain()))
