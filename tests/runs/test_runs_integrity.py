"""`vgrad verify` names the first wrong file, whatever is wrong with it."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import runs_factory

from vgrad import machine
from vgrad.cli import run as command
from vgrad.config.check import check
from vgrad.config.config import Config
from vgrad.errors import RunStateError
from vgrad.runs import runner
from vgrad.runs.folder import DETERMINISTIC, RUN, seal
from vgrad.runs.integrity import verify
from vgrad.runs.stored import read_run
from vgrad.storage.npz import pack, unpack

TREE = {
    "name": "v",
    "layers": [64, 5, 10],
    "epochs": 2,
    "data": {"name": "digits", "train": 60},
    "early_stopping": 2,
    "pretrain": {"name": "denoising", "epochs": 2, "batch_size": 30},
}


BEFORE = "config.yaml", "pretraining.npz", "pretraining.csv", "initial.npz"
CSVS = "metrics.csv", "gradients.csv", "steps.csv", "neurons.csv", "histograms.csv"


@pytest.fixture(scope="module")
def config() -> Config:
    named = {"steps": 4, "neurons": [1], "histograms": [1]}
    return check({**TREE, "probes": {"record": ["delta_norm"], "examples": 20, **named}})


@pytest.fixture(scope="module")
def whole(config: Config, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("whole")
    for _ in runner.run(config, folder):
        pass
    return folder / config.run_name


@pytest.fixture
def copy(whole: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(whole, tmp_path / whole.name))


def test_a_whole_run(whole: Path) -> None:
    found = verify(whole)
    assert (found.status, found.epoch, found.files) == ("complete", 2, len(DETERMINISTIC))


@pytest.mark.parametrize("name", DETERMINISTIC)
def test_one_flipped_byte(copy: Path, name: str) -> None:
    content = bytearray((copy / name).read_bytes())
    content[len(content) // 2] ^= 1
    (copy / name).write_bytes(content)
    with pytest.raises(RunStateError, match=name.replace(".", r"\.")):
        verify(copy)


@pytest.mark.parametrize("name", [name for name in DETERMINISTIC if name != "checkpoint.npz"])
def test_a_missing_file(copy: Path, name: str) -> None:
    (copy / name).unlink()
    with pytest.raises(RunStateError, match=name.replace(".", r"\.")):
        verify(copy)


@pytest.mark.parametrize("name", [*CSVS, "summary.json"])
def test_a_forged_digest_does_not_help_what_the_history_contradicts(copy: Path, name: str) -> None:
    forge(copy, name, (copy / name).read_bytes().replace(b"0", b"1", 1))
    with pytest.raises(RunStateError, match=rf"{name}: does not follow from"):
        verify(copy)


def leaves(tree: object, *place: str | int) -> Iterator[tuple[tuple[str | int, ...], object]]:
    """Every value of a JSON tree with where it stands."""
    inside: Any = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ()
    for key, value in inside:
        yield from leaves(value, *place, key)
    if not isinstance(tree, dict | list):
        yield place, tree


OTHER = {str: "other", int: 7, float: 7.5, bool: None, type(None): 7}


def test_every_changed_fact_of_run_json_is_found(copy: Path) -> None:
    whole = (copy / RUN).read_bytes()
    places = list(leaves(json.loads(whole)))
    assert len(places) > 25
    for place, value in places:
        tree = node = json.loads(whole)
        for key in place[:-1]:
            node = node[key]
        node[place[-1]] = OTHER[type(value)]
        (copy / RUN).write_text(json.dumps(tree))
        with pytest.raises(RunStateError, match=r"run\.json|SHA-256 differs"):
            verify(copy)


@pytest.mark.parametrize("key", ["name", "hash", "seed", "surroundings", "versions"])
def test_a_run_without_a_seal_is_compared_with_what_its_other_files_know(copy: Path, key: str) -> None:
    facts = json.loads((copy / RUN).read_bytes())
    del facts["seal"]
    (copy / RUN).write_text(json.dumps(facts))
    assert verify(copy).status == "complete"
    facts[key] = {"surroundings": ["numpy 9.9"], "versions": {"numpy": "9.9"}}.get(key, "other")
    (copy / RUN).write_text(json.dumps(facts))
    with pytest.raises(RunStateError, match=rf"run\.json: its {key} is not that of checkpoint\.npz"):
        verify(copy)


def forge(folder: Path, name: str, content: bytes) -> None:
    (folder / name).write_bytes(content)
    facts = json.loads((folder / RUN).read_bytes())
    facts["files"][name] = hashlib.sha256(content).hexdigest()
    (folder / RUN).write_text(json.dumps(facts))


def test_a_run_kept_without_parameters_is_told_as_that() -> None:
    """What is there is compared; that nothing follows from it is no damage, but no proof either."""
    kept = sorted((Path(__file__).resolve().parents[2] / "runs" / "reference" / "gallery").iterdir())[0]
    with pytest.raises(RunStateError, match=r"kept without parameters; its 5 files are as run\.json says"):
        verify(kept)


@pytest.mark.parametrize("name", DETERMINISTIC)
def test_a_file_without_a_digest_is_refused(copy: Path, name: str) -> None:
    facts = json.loads((copy / RUN).read_bytes())
    del facts["files"][name]
    (copy / RUN).write_text(json.dumps(facts))
    with pytest.raises(RunStateError, match=name.replace(".", r"\.")):
        verify(copy)


def test_best_parameters_are_those_of_the_checkpoint(copy: Path) -> None:
    forge(copy, "best.npz", (copy / "initial.npz").read_bytes())
    with pytest.raises(RunStateError, match=r"best\.npz: does not follow from"):
        verify(copy)


def trained(folder: Path, **changes: Any) -> Path:
    return runs_factory.trained(folder, {**TREE, **changes})


def test_a_run_that_stopped_early_is_whole(tmp_path: Path) -> None:
    rate = {"name": "sgd", "learning_rate": 1e-9}  # nothing is learned
    path = trained(tmp_path, early_stopping=3, epochs=50, optimizer=rate)
    found, stored = verify(path), read_run(path)
    assert (found.status, found.epoch) == ("complete", 3)
    assert (stored.epoch, len(stored.metrics)) == (3, 4)
    assert (path / "best.npz").read_bytes() == (path / "initial.npz").read_bytes()


def test_a_run_that_ends_before_patience_does_is_damaged(tmp_path: Path) -> None:
    """A file that is not the config's is refused, too: here that of fewer epochs under the name of more."""
    keys = {"early_stopping": 5, "pretrain": None}
    short, long = trained(tmp_path, epochs=2, **keys), check({**TREE, "epochs": 9, **keys})
    path = short.rename(tmp_path / long.run_name)
    forge(path, "config.yaml", (path / "config.yaml").read_bytes().replace(b"epochs: 2", b"epochs: 9"))
    packed = dict(np.load(path / "checkpoint.npz"))
    meta = json.loads(packed["meta"].tobytes()) | {"run": long.run_name}
    packed["meta"] = np.frombuffer(json.dumps(meta, sort_keys=True).encode(), np.uint8)
    forge(path, "checkpoint.npz", pack(packed))
    with pytest.raises(RunStateError, match=r"run\.json: damaged: complete at epoch 2"):
        verify(path)
    facts = json.loads((path / RUN).read_bytes())
    (path / RUN).write_text(json.dumps({**facts, "hash": long.identity}))
    with pytest.raises(RunStateError, match=r"summary\.json: damaged: 2 of 9 epochs"):
        read_run(path)


def test_a_file_that_the_run_does_not_have_is_refused(tmp_path: Path) -> None:
    path = trained(tmp_path, early_stopping=None)
    forge(path, "best.npz", (path / "final.npz").read_bytes())
    with pytest.raises(RunStateError, match=r"best\.npz: does not follow from"):
        verify(path)


def test_an_interrupted_run_is_whole_as_far_as_it_goes(config: Config, tmp_path: Path) -> None:
    steps = 0

    def enough() -> bool:
        nonlocal steps
        steps += 1
        return steps > 4 + 1  # two epochs of pretraining

    with pytest.raises(runner.Cancelled):
        for _ in runner.run(config, tmp_path, cancelled=enough):
            pass
    found = verify(tmp_path / config.run_name)
    assert (found.status, found.epoch) == ("interrupted", 1)


def test_the_command_names_every_wrong_run_and_exits_4(
    whole: Path, copy: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (copy / "final.npz").write_bytes(b"")
    assert command(["verify", str(whole), str(copy), str(tmp_path / "none")]) == 4
    told = capsys.readouterr()
    assert told.out == f"{whole}: whole; complete, epoch 2, 13 files\n"
    assert [str(copy / "final.npz") in line or "none" in line for line in told.err.splitlines()] == [True, True]
    assert command(["verify", "--json", str(whole)]) == 0
    assert json.loads(capsys.readouterr().out)[0]["whole"] is True


def test_a_run_that_fits_no_memory_is_named_and_the_others_are_checked(
    whole: Path, copy: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = (copy / "config.yaml").read_text()
    (copy / "config.yaml").write_text(text.replace("[64, 5, 10]", "[64, 1000000000, 10]"))
    assert "1000000000" in (copy / "config.yaml").read_text()
    assert command(["verify", str(copy), str(whole)]) == 4
    told = capsys.readouterr()
    assert told.out.startswith(f"{whole}: whole; ")
    assert told.err.startswith(f"vgrad: {copy}/config.yaml: layers: ")


@pytest.fixture
def interrupted(config: Config, tmp_path: Path) -> Path:
    looks = iter([*[False] * 4, False, True])  # two epochs of pretraining, then one of training
    with pytest.raises(runner.Cancelled):
        for _ in runner.run(config, tmp_path, cancelled=lambda: next(looks)):
            pass
    return tmp_path / config.run_name


@pytest.mark.parametrize("name", [*BEFORE, "metrics.csv", "gradients.csv", "checkpoint.npz"])
def test_a_changed_file_of_an_interrupted_run_is_named(interrupted: Path, name: str) -> None:
    content = bytearray((interrupted / name).read_bytes())
    array = content.find(b"NUMPY")
    content[len(content) // 2 if array < 0 else array + 130] ^= 1  # the numbers of an array begin 127 bytes after that
    (interrupted / name).write_bytes(content)
    with pytest.raises(RunStateError, match=name.replace(".", r"\.")):
        verify(interrupted)


@pytest.fixture
def begun(config: Config, tmp_path: Path) -> Path:
    """A run that was interrupted in pretraining, after its first epoch."""
    looks = iter([False, False, True])
    with pytest.raises(runner.Cancelled):
        for _ in runner.run(config, tmp_path, cancelled=lambda: next(looks)):
            pass
    return tmp_path / config.run_name


def test_a_run_in_pretraining_is_whole_as_far_as_it_has_come(begun: Path, whole: Path, config: Config) -> None:
    assert {path.name for path in begun.iterdir()} >= {"config.yaml", "pretraining.npz", "pretraining.csv"}
    assert not (begun / "initial.npz").exists()
    assert (found := verify(begun)).status == "interrupted"
    assert (found.epoch, found.files) == (0, 3)
    assert read_run(begun).pretraining["epoch"].tolist() == [0, 1]
    (begun / "pretraining.csv").unlink()  # what a kill leaves
    assert verify(begun).files == 3
    (begun / "pretraining.csv").write_bytes(b"layer,epoch\n")
    with pytest.raises(RunStateError, match=r"pretraining\.csv: does not follow from pretraining\.npz"):
        verify(begun)
    first, *rest = runner.run(config, begun.parent)
    assert isinstance(first, runner.Opened)
    assert first.pretrained is not None
    assert (first.pretrained.layer, first.pretrained.epoch, len(rest)) == (1, 1, 1 + 3)
    for name in DETERMINISTIC:
        assert (begun / name).read_bytes() == (whole / name).read_bytes(), name


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"W1": None}, "W1 is missing"),
        ({"W1": np.zeros((5, 63))}, "W1 has shape"),
        ({"c1": np.zeros(64, np.float32)}, "c1 is not float64"),
        ({"W2": np.zeros((10, 5))}, "W2 is not a parameter"),
        ({"b1": np.full(5, np.nan)}, "b1 holds NaN"),
        ({"measured": np.zeros((4, 2))}, "measured is float64 of shape"),
        ({"measured": np.zeros((0, 2))}, "measured is float64 of shape"),
        ({"measured": np.full((1, 2), np.inf)}, "measured holds NaN or infinity"),
        ({"meta": np.frombuffer(b"[]", np.uint8)}, "list indices"),
        ({"meta": np.frombuffer(b"{}", np.uint8)}, "KeyError"),
    ],
)
def test_layers_that_pretraining_cannot_have_saved(
    begun: Path, config: Config, changed: dict[str, np.ndarray | None], told: str
) -> None:
    arrays = unpack(begun / "pretraining.npz", 10**6) | changed
    (begun / "pretraining.npz").write_bytes(pack({name: each for name, each in arrays.items() if each is not None}))
    for read in (verify, lambda path: list(runner.run(config, path.parent))):
        with pytest.raises(RunStateError, match=rf"pretraining\.npz: damaged: .*{told}.*--restart") as caught:
            read(begun)
        assert len(caught.value.problems) == 1


def test_layers_of_a_finished_run_are_what_its_initial_parameters_and_errors_follow_from(copy: Path) -> None:
    arrays = unpack(copy / "pretraining.npz", 10**6)
    forge(copy, "pretraining.npz", pack(arrays | {"W1": arrays["W1"] + 1e-9}))
    with pytest.raises(RunStateError, match=r"initial\.npz: does not follow from the config"):
        verify(copy)
    forge(copy, "pretraining.npz", pack(arrays | {"measured": arrays["measured"] + 1e-9}))
    with pytest.raises(RunStateError, match=r"pretraining\.csv: does not follow from the config"):
        verify(copy)


def test_a_csv_that_ends_before_the_checkpoint_is_what_a_kill_leaves(interrupted: Path) -> None:
    lines = (interrupted / "metrics.csv").read_bytes().splitlines(keepends=True)
    (interrupted / "metrics.csv").write_bytes(b"".join(lines[:-1]))
    (interrupted / "gradients.csv").unlink()
    assert verify(interrupted).status == "interrupted"


@pytest.mark.parametrize("name", ["config.yaml", "initial.npz", "pretraining.csv", "metrics.csv", "gradients.csv"])
def test_what_became_of_files_in_between_does_not_reach_the_finished_run(
    interrupted: Path, whole: Path, config: Config, name: str
) -> None:
    content = (interrupted / name).read_bytes()
    (interrupted / name).write_bytes(content + b"# more\n" if name == "config.yaml" else b"")
    for _ in runner.run(config, interrupted.parent):
        pass
    for kept in DETERMINISTIC:
        assert (interrupted / kept).read_bytes() == (whole / kept).read_bytes(), kept


def test_other_libraries_or_kernels_are_told_and_recorded(
    interrupted: Path, config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(machine, "versions", lambda: {"numpy": "9.9"})
    opened, *_ = list(runner.run(config, interrupted.parent))
    assert isinstance(opened, runner.Opened)
    assert opened.mixed is not None
    assert "now with numpy 9.9" in opened.mixed
    assert len(json.loads((interrupted / RUN).read_bytes())["surroundings"]) == 2
    verify(interrupted)


@pytest.mark.parametrize("value", [float("inf"), "\ud800"])
def test_what_no_run_writes_is_under_no_seal(value: object) -> None:
    assert seal({"seconds": 1.0}) == seal({"seconds": 1.0, "seal": "x"})
    assert seal({"seconds": value}) == ""


def test_surroundings_are_the_same_whatever_has_been_loaded_before() -> None:
    """NumPy and SciPy have a BLAS each, whose kernels may differ; SciPy's is loaded when it is first used."""
    code = (
        "import sys; from vgrad.machine import machine, Surroundings\n"
        "assert 'scipy' not in sys.modules\n"
        "first = machine()['blas'], Surroundings.now([])\n"
        "import scipy.linalg\n"
        "assert first == (machine()['blas'], Surroundings.now([])) and len(first[0]) > 0\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
