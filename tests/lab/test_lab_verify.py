"""`vgrad verify` names the first wrong file, whatever is wrong with it."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path

import pytest

from vgrad.cli import run as command
from vgrad.errors import RunStateError
from vgrad.lab import runner
from vgrad.lab.config import Config, check
from vgrad.lab.store import DETERMINISTIC, RUN
from vgrad.lab.verifying import verify

TREE = {"name": "v", "layers": [64, 5, 10], "epochs": 2, "data": {"name": "digits", "train": 60}}


@pytest.fixture(scope="module")
def config() -> Config:
    return check({**TREE, "probes": {"record": ["delta_norm"], "examples": 20, "neurons": [1]}})


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


@pytest.mark.parametrize("name", DETERMINISTIC)
def test_a_missing_file(copy: Path, name: str) -> None:
    (copy / name).unlink()
    with pytest.raises(RunStateError, match=name.replace(".", r"\.")):
        verify(copy)


@pytest.mark.parametrize("name", ["metrics.csv", "gradients.csv", "neurons.csv", "summary.json"])
def test_a_forged_digest_does_not_help_what_the_history_contradicts(copy: Path, name: str) -> None:
    content = (copy / name).read_bytes().replace(b"0", b"1", 1)
    (copy / name).write_bytes(content)
    facts = json.loads((copy / RUN).read_bytes())
    facts["files"][name] = hashlib.sha256(content).hexdigest()
    (copy / RUN).write_text(json.dumps(facts))
    with pytest.raises(RunStateError, match=rf"{name}: does not follow from"):
        verify(copy)


def test_an_interrupted_run_is_whole_as_far_as_it_goes(config: Config, tmp_path: Path) -> None:
    steps = 0

    def enough() -> bool:
        nonlocal steps
        steps += 1
        return steps > 1

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
    assert told.out == f"{whole}: whole; complete, epoch 2, 8 files\n"
    assert [str(copy / "final.npz") in line or "none" in line for line in told.err.splitlines()] == [True, True]
    assert command(["verify", "--json", str(whole)]) == 0
    assert json.loads(capsys.readouterr().out)[0]["whole"] is True
