"""Reading run directories: what was written comes back bit for bit, damage is one line, nothing is changed."""

from __future__ import annotations

import errno
import json
import math
import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import runs_factory

from vgrad.cli import run as vgrad
from vgrad.config.check import check
from vgrad.errors import RunStateError
from vgrad.nn.probes import PROBES
from vgrad.runs.folder import RunFolder
from vgrad.runs.stored import read_run
from vgrad.storage.lock import exclusive
from vgrad.storage.npz import pack

MEASURED = {"record": ["delta_norm"], "examples": 30, "every": 2, "steps": 2, "neurons": [3, 0], "histograms": [2, 0]}
TREE = {
    "name": "read",
    "layers": {"depth": 2, "width": 4},
    "data": {"name": "digits", "train": 60, "validation": 30},
    "epochs": 5,
    "probes": MEASURED,
}
DIVERGING = {"activation": "identity", "output": "identity", "cost": "quadratic"}
DIVERGING |= {"optimizer": {"name": "sgd", "learning_rate": 1e308}}


def trained(runs: Path, **changes: object) -> Path:
    return runs_factory.trained(runs, {**TREE, **changes})


def interrupted(runs: Path, after: int) -> Path:
    """A run that was stopped, with the epochs up to `after` saved."""
    return runs_factory.interrupted(runs, {**TREE, "name": "stopped"}, after)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return trained(tmp_path_factory.mktemp("made"))


@pytest.fixture
def folder(made: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made, tmp_path / made.name))


def test_the_frames_are_the_history_bit_for_bit(made: Path) -> None:
    before = {path.name: (path.stat().st_mtime_ns, path.read_bytes()) for path in made.iterdir()}
    stored = read_run(made)
    history = stored.history
    assert (stored.status, stored.epoch, stored.path) == ("complete", 5, made)
    assert stored.summary == json.loads((made / "summary.json").read_bytes())
    assert stored.config.run_name == made.name
    for record in history.records:
        row = stored.metrics.loc[record.epoch]
        for name, value in record.metrics.items():
            assert row[name] == value or (value is None and math.isnan(row[name]))
    norms = stored.gradients
    assert norms["epoch"].unique().tolist() == [0, 2, 4, 5]
    assert norms["kind"].tolist() == ["hidden", "hidden", "output"] * 4
    written = [norm for r in history.records if r.gradients for norm in r.gradients["delta_norm"]]
    assert norms["delta_norm"].tolist() == written
    within = stored.steps
    assert within["epoch"].tolist() == np.repeat(range(1, 6), 3 * 3).tolist()
    assert within["step"].tolist() == np.repeat([2, 4, 6], 3).tolist() * 5
    told = [norm for r in history.records for step in r.steps for norm in step["delta_norm"]]
    assert within["delta_norm"].tolist() == told
    deltas = [np.concatenate(record.neurons) for record in history.records if record.neurons]
    assert stored.neurons["delta"].tolist() == np.concatenate(deltas).tolist()
    assert stored.neurons["neuron"].tolist()[:9] == [1, 2, 3, 4, 1, 2, 3, 4, 1]
    assert {path.name: (path.stat().st_mtime_ns, path.read_bytes()) for path in made.iterdir()} == before


@pytest.mark.parametrize("text", ["5e-324", "1.7976931348623157e+308", "0.1", "9007199254740993.0", "1e-300"])
def test_every_number_reads_back_as_python_reads_it(folder: Path, text: str) -> None:
    lines = (folder / "metrics.csv").read_text().splitlines()
    cells = lines[2].split(",")
    lines[2] = ",".join([cells[0], text, *cells[2:]])
    (folder / "metrics.csv").write_text("\n".join(lines) + "\n")
    assert read_run(folder).metrics["train_cost"][1] == float(text)


def test_a_run_that_is_not_complete_is_read_from_its_checkpoint(tmp_path: Path) -> None:
    path = interrupted(tmp_path, 3)
    (path / "metrics.csv").write_text("killed between two writes")
    stored = read_run(path)
    assert (stored.status, stored.summary["status"], stored.epoch, stored.facts) == (
        "interrupted",
        "interrupted",
        3,
        None,
    )
    assert stored.metrics["epoch"].tolist() == [0, 1, 2, 3]
    assert stored.gradients["epoch"].unique().tolist() == [0, 2]
    assert stored.neurons["epoch"].unique().tolist() == [0, 3]
    assert set(stored.summary["gradient"]) == {"start", "worst", "end"}
    with exclusive(path):
        assert read_run(path).status == "running"
    (path / "checkpoint.npz").unlink()
    stored = read_run(path)
    assert (stored.status, stored.epoch, len(stored.metrics), len(stored.gradients)) == ("interrupted", None, 0, 0)
    assert stored.gradients.columns.tolist() == ["epoch", "layer", "kind", "units", "delta_norm"]


def test_a_diverged_run_keeps_its_rows(tmp_path: Path) -> None:
    stored = read_run(trained(tmp_path, name="diverged", **DIVERGING))
    assert stored.status == "diverged"
    assert stored.summary["divergence"]["epoch"] == 1
    assert (len(stored.metrics), stored.gradients["epoch"].tolist()) == (1, [0, 0, 0])


def test_all_probes_and_histograms_are_the_history_bit_for_bit(tmp_path: Path) -> None:
    """With cells that are empty, as a ratio of updates before there is one."""
    path = trained(tmp_path, name="all", probes={"record": "all", "examples": 30, "histograms": [0, 4]})
    stored = read_run(path)
    rows = [
        [math.nan if value is None else value for value in values]
        for record in stored.history.records
        for values in zip(*(record.gradients or {}).values(), strict=True)
    ]
    found = stored.gradients[list(PROBES)]
    assert found.to_numpy().tobytes() == np.array(rows).tobytes()
    assert found["update_ratio"].isna().tolist() == [True] * 3 + [False] * (len(rows) - 3)
    bars = stored.histograms
    assert bars.columns.tolist() == ["epoch", "layer", "quantity", "low", "high", "count"]
    assert bars["epoch"].unique().tolist() == [0, 4]
    for record in stored.history.records:
        for layer, quantities in enumerate(record.histograms or [], start=1):
            for name, (counts, edges) in quantities.items():
                keys = (bars["epoch"] == record.epoch) & (bars["layer"] == layer) & (bars["quantity"] == name)
                wanted = np.array([edges[:-1], edges[1:], counts]).T
                assert bars[keys][["low", "high", "count"]].to_numpy().tolist() == wanted.tolist()


@pytest.mark.usefixtures("no_theory")
@pytest.mark.parametrize("words", [["show"], ["ls"], ["report"], ["show", "--json"], ["ls", "--json"]])
def test_empty_cells_are_shown(words: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = trained(tmp_path, name="all", epochs=1, probes={"record": "all", "examples": 30})
    assert vgrad([*words, str(path)]) == 0
    assert "NaN" not in capsys.readouterr().out


def test_no_neurons_is_an_empty_frame(tmp_path: Path) -> None:
    probes = {"record": ["delta_norm"], "examples": 30}
    stored = read_run(trained(tmp_path, name="few", epochs=0, probes=probes))
    assert stored.steps.columns.tolist() == ["epoch", "step", "layer", "kind", "units", "delta_norm"]
    assert len(stored.steps) == 0
    assert stored.neurons.columns.tolist() == ["epoch", "layer", "neuron", "delta"]
    assert stored.histograms.columns.tolist() == ["epoch", "layer", "quantity", "low", "high", "count"]
    assert (len(stored.neurons), len(stored.histograms), len(stored.metrics)) == (0, 0, 1)


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-9])


def cut_a_line(path: Path) -> None:
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:-1]))


def junk(path: Path) -> None:
    path.write_bytes(bytes(range(256)) * 8)


def grow(path: Path) -> None:
    path.write_bytes(path.read_bytes() * 4000)


def remove(path: Path) -> None:
    path.unlink()


def pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def other_columns(path: Path) -> None:
    path.write_bytes(path.read_bytes().replace(b"epoch", b"epochs", 1))


def swapped(path: Path) -> None:
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([lines[0], lines[2], lines[1], *lines[3:]]))


def not_a_number(path: Path) -> None:
    head, _, _ = path.read_bytes().rstrip().rpartition(b",")
    path.write_bytes(head + b",nan\n")


def underscore(path: Path) -> None:
    head, _, _ = path.read_bytes().rstrip().rpartition(b",")
    path.write_bytes(head + b",1_0\n")


def more_nan(path: Path) -> None:
    path.write_text(path.read_text().replace("{", '{"more": NaN,', 1))  # which is no JSON


TABLES = ("metrics.csv", "gradients.csv", "steps.csv", "neurons.csv", "histograms.csv")
DAMAGE: list[tuple[str, Callable[[Path], None]]] = [
    *((name, harm) for name in TABLES for harm in (cut, cut_a_line, junk, grow, remove, pipe, other_columns, swapped)),
    *((name, harm) for name in TABLES for harm in (not_a_number, underscore)),
    *((name, harm) for name in ("summary.json", "run.json", "config.yaml") for harm in (cut, junk, pipe)),
    ("summary.json", remove),
    ("config.yaml", remove),
    ("summary.json", lambda path: path.write_text('{"schema": 1}')),
    ("summary.json", lambda path: path.write_text(path.read_text().replace("5,", "4,", 1))),
    ("summary.json", lambda path: path.write_text(path.read_text().replace('"penalty": 0.0', '"penalty": 1e999'))),
    ("run.json", lambda path: path.write_text(path.read_text().replace('"seed": 0', '"seed": 1'))),
    ("run.json", lambda path: path.write_text(path.read_text().replace('"complete"', '"fine"'))),
    ("run.json", lambda path: path.write_text("[" * 10**5)),
    *((name, more_nan) for name in ("run.json", "summary.json")),
    ("config.yaml", lambda path: path.write_text(path.read_text().replace("epochs: 5", "epochs: 7"))),
    ("config.yaml", lambda path: path.write_text("!!python/object/apply:os.system [true]\n")),
    ("final.npz", remove),
]


def read_everything(folder: Path) -> None:
    stored = read_run(folder)
    assert all(len(frame) for frame in (stored.metrics, stored.gradients, stored.neurons, stored.histograms))
    assert len(stored.steps)


@pytest.mark.parametrize(("name", "harm"), DAMAGE)
def test_damage_is_one_line(folder: Path, name: str, harm: Callable[[Path], None]) -> None:
    harm(folder / name)
    with pytest.raises(RunStateError) as told:
        read_everything(folder)
    (line,) = told.value.problems
    assert name in line
    assert line.isprintable()
    assert len(line) < 500


def test_a_checkpoint_that_cannot_be_is_refused_before_memory_is_taken(tmp_path: Path) -> None:
    path = interrupted(tmp_path, 1)
    config = (path / "config.yaml").read_text()
    (path / "config.yaml").write_text(config.replace("[64, 4, 4, 10]", "[64, 900000000, 900000000, 10]"))
    with pytest.raises(RunStateError, match=r"needs .* GiB"):
        read_run(path)
    (path / "config.yaml").write_text(config)
    packed = dict(np.load(path / "checkpoint.npz"))
    assert json.loads(packed["meta"].tobytes())["format"] == 1  # of checkpoints that users have
    single = {name: value.astype("f4") if name.startswith("parameters") else value for name, value in packed.items()}
    (path / "checkpoint.npz").write_bytes(pack(single))
    with pytest.raises(RunStateError, match="damaged checkpoint: parameters are not float64"):
        read_run(path)
    junk(path / "checkpoint.npz")
    with pytest.raises(RunStateError, match="damaged checkpoint"):
        read_run(path)
    remove(path / "checkpoint.npz")
    (path / "checkpoint.npz").symlink_to("checkpoint.npz")
    with pytest.raises(RunStateError, match=f"checkpoint.npz: [a-z ]*: {os.strerror(errno.ELOOP).lower()}"):
        RunFolder(path).resume(check({**TREE, "name": "stopped"}))


def test_millions_of_rows_are_refused_before_they_are_made(folder: Path) -> None:
    """A summary and a config that agree on ten million epochs, and a file of a few."""
    tree = json.loads((folder / "run.json").read_bytes())
    config = check({**TREE, "epochs": 10**7, "probes": {**MEASURED, "steps": None}})
    text = (folder / "config.yaml").read_text().replace("epochs: 5", f"epochs: {10**7}")
    (folder / "config.yaml").write_text(re.sub(" *steps: 2,?\n?", "", text))
    (folder / "run.json").write_text(json.dumps({**tree, "hash": config.identity}))
    summary = json.loads((folder / "summary.json").read_bytes())
    summary["gradient"]["end"]["epoch"] = 10**7
    (folder / "summary.json").write_text(json.dumps({**summary, "epochs": 10**7}))
    for name in ("metrics", "gradients"):
        with pytest.raises(RunStateError, match="rows, not"):
            getattr(read_run(folder), name)


def test_what_is_no_run_is_said(tmp_path: Path) -> None:
    with pytest.raises(RunStateError, match="no such run directory"):
        read_run(tmp_path / "missing")


def test_the_rate_of_an_earlier_version_is_todays() -> None:
    """Three runs of the chapter, as they were written when the slope of a regression was the rate."""
    old = sorted((Path(__file__).parent / "earlier").iterdir())
    assert [json.loads((path / "summary.json").read_bytes())["schema"] for path in old] == [2] * 3
    written = [json.loads((path / "summary.json").read_bytes())["gradient"]["start"]["decay_rate"] for path in old]
    moments = [read_run(path).summary["gradient"]["start"] for path in old]
    rates = [math.log10(each["last_first_ratio"]) / (len(each["delta_norm"]) - 1) for each in moments]
    assert [each["decay_rate"] for each in moments] == pytest.approx(rates, rel=1e-12)
    slopes = [np.polyfit(range(len(each["delta_norm"])), np.log10(each["delta_norm"]), 1)[0] for each in moments]
    assert written == pytest.approx(slopes, rel=1e-9)
    assert max(len(each["delta_norm"]) for each in moments) == 4
