"""Reading many runs: the quick way gives what the thorough one gives, and lets no damage through."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from report_runs import trained

import vgrad
from vgrad.errors import ConfigError
from vgrad.report.runs import collect
from vgrad.runs.stored import read_run


def test_the_quick_way_is_the_thorough_one(depths: Path) -> None:
    runs, problems = collect([str(depths)], Path())
    assert (len(runs), problems) == (18, [])
    for run in runs:
        stored = read_run(run.path)
        assert (run.hash, run.seed, run.status) == (stored.config.identity, stored.config.seed, stored.status)
        assert (run.config, run.summary) == (stored.config.plain(), stored.summary)
        assert run.label == run.path.name


DAMAGE = {
    "a value of another type": ("summary.json", lambda text: text.replace('"epochs": 3', '"epochs": "3"')),
    "a missing key": ("summary.json", lambda text: text.replace('"verdict"', '"judgement"')),
    "not JSON": ("summary.json", lambda text: text[:-20]),
    "another seed": ("run.json", lambda text: text.replace('"seed": 1', '"seed": 7')),
    "another hash": ("run.json", lambda text: text.replace('"hash": "', '"hash": "0')),
    "no status": ("run.json", lambda text: text.replace('"status": "complete"', '"status": "fine"')),
    "another config": ("config.yaml", lambda text: text.replace("epochs: 3", "epochs: 4")),
    "an empty config": ("config.yaml", lambda text: ""),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_damage_to_a_later_seed_is_found(tmp_path: Path, damage: str) -> None:
    first, second = trained(tmp_path, seed=0), trained(tmp_path, seed=1)
    file, change = DAMAGE[damage]
    before = (second / file).read_text()
    (second / file).write_text(change(before))
    assert (second / file).read_text() != before
    runs, problems = collect([str(tmp_path)], Path())
    assert [run.path for run in runs] == [first]
    assert len(problems) == 1
    assert second.name in problems[0]


def test_a_missing_file_of_a_later_seed_is_found(tmp_path: Path) -> None:
    trained(tmp_path, seed=0)
    (trained(tmp_path, seed=1) / "gradients.csv").unlink()
    assert len(collect([str(tmp_path)], Path())[1]) == 1


def test_runs_are_found_by_glob_and_name_and_once(depths: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert len(collect([str(depths / "*-s1"), str(depths)], Path())[0]) == 18
    name = next(depths.iterdir()).name
    assert [run.path.name for run in collect([name], depths)[0]] == [name]
    monkeypatch.chdir(depths.parent)
    assert len(collect([depths.name], Path("runs"))[0]) == 18
    with pytest.raises(ConfigError, match="no run matches"):
        collect(["nowhere*"], depths)


def test_an_interrupted_run_is_named(tmp_path: Path) -> None:
    path = trained(tmp_path, seed=0)
    (path / "run.json").unlink()
    runs, problems = collect([str(tmp_path)], Path())
    assert runs == []
    assert "interrupted, not complete" in problems[0]


def test_frames(depths: Path) -> None:
    frame = vgrad.load_runs(depths)
    assert len(frame) == 18
    assert set(frame["activation"]) == {"sigmoid", "relu"}
    row = frame.iloc[5]
    summary = json.loads((Path(row["path"]) / "summary.json").read_text())
    assert row["validation_accuracy"] == summary["final"]["validation_accuracy"]
    assert row["delta_norm[1].start"] == summary["gradient"]["start"]["delta_norm"][0]
    gradients = vgrad.load_runs([depths], table="gradients")
    assert list(gradients.columns[:4]) == ["hash", "seed", "epoch", "layer"]
    assert len(gradients) == sum(4 * (layers + 1) for layers in frame["layers.depth"])


def test_frames_warn_of_damage(depths: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(depths, tmp_path / "copy")
    (next(copy.iterdir()) / "summary.json").write_text("[]")
    with pytest.warns(UserWarning, match="damaged"):
        frame = vgrad.load_runs(copy)
    assert (len(frame), len(frame.attrs["problems"])) == (17, 1)
    with pytest.raises(ConfigError, match="no table"):
        vgrad.load_runs(copy, table="curves")


def test_tensorboard_reads_the_events(pair: tuple[Path, Path], tmp_path: Path) -> None:
    accumulators = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    from vgrad.report.tensorboard import write_events

    (run,), _ = collect([str(pair[1])], Path())
    place = write_events(run, tmp_path)
    content = next(place.iterdir()).read_bytes()
    events = accumulators.EventAccumulator(str(place)).Reload()
    found = [event.value for event in events.Scalars("delta_norm/layer_01")]
    rows = run.stored.gradients
    assert found == pytest.approx(rows.loc[rows["layer"] == 1, "delta_norm"].tolist(), rel=1e-6)
    accuracy = events.Scalars("metrics/validation_accuracy")
    assert [event.step for event in accuracy] == [0, 1, 2, 3]
    assert next(write_events(run, tmp_path / "again").iterdir()).read_bytes() == content
