"""`vgrad clean`: nothing goes without --yes, nothing that is trained or is somebody's; a kill leaves what is whole."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import runs_factory
from rows import each_row

from vgrad.runs import cleaning
from vgrad.runs.integrity import verify
from vgrad.runs.stored import read_run
from vgrad.storage.lock import exclusive

Command = Callable[..., tuple[int, str, str]]
TREE = {"layers": [64, 4, 10], "epochs": 2, "data": {"name": "digits", "train": 100, "validation": 50}}
NAMES = "checkpoint.npz", "final.npz", "metrics.csv"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two finished runs and an interrupted one."""
    home = tmp_path_factory.mktemp("clean")
    runs_factory.trained(home, {**TREE, "name": "a"})
    runs_factory.trained(home, {**TREE, "name": "b", "seed": 7})
    runs_factory.interrupted(home, {**TREE, "name": "c", "epochs": 9})
    return home


@pytest.fixture
def runs(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy to clean, in the working directory."""
    monkeypatch.chdir(tmp_path)
    return Path(shutil.copytree(made, "runs"))


def tree(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_without_yes_nothing_goes(runs: Path, command: Command) -> None:
    before = tree(runs)
    for what in ("--checkpoints", "--runs"):
        code, out, err = command("clean", "runs", what)
        size = sum(len(content) for name, content in before.items() if what == "--runs" or "/checkpoint" in name)
        size -= 0 if what == "--runs" else len(before[f"{next(runs.glob('c-*')).name}/checkpoint.npz"])
        assert (code, err) == (0, "")
        told = f"{3 if what == '--runs' else 2} {what[2:]}, {size / 1e3:,.0f} kB would be removed; --yes does it"
        assert out.splitlines()[-1] == told
        assert json.loads(command("clean", "runs", what, "--json")[1])["bytes"] == size
    assert tree(runs) == before


def test_a_finished_run_without_its_checkpoint_is_whole(runs: Path, command: Command) -> None:
    before = tree(runs)
    report = command("report", "a", "b")
    listed = command("ls")
    code, out, _ = command("clean", "runs", "--checkpoints", "--yes")
    assert (code, out.splitlines()[-1].endswith(": removed")) == (0, True)
    (kept,) = [line for line in out.splitlines() if "kept" in line]
    assert kept == f"{next(runs.glob('c-*'))}: kept: {cleaning.INTERRUPTED}"
    gone = {name for name in before if name.endswith("checkpoint.npz") and not name.startswith("c-")}
    assert tree(runs) == {name: content for name, content in before.items() if name not in gone}
    assert (command("report", "a", "b"), command("ls")) == (report, listed)
    code, out, _ = command("verify", "a")
    assert (code, "without checkpoint.npz, and so not compared" in out) == (0, True)
    assert "without checkpoint.npz" in command("show", "a")[1]
    assert "without checkpoint.npz" not in command("show", "c")[1]
    Path("a.yaml").write_text(json.dumps({**TREE, "name": "a"}))
    assert "nothing to do" in command("train", "a.yaml")[2]
    _, _, err = command("train", "a.yaml", "--epochs", 3)
    assert (
        f"cannot continue from {next(runs.glob('a-*'))}, epoch 2: checkpoint.npz: missing; training begins at epoch 0"
        in err
    )
    assert "no checkpoints to remove" in command("clean", "b", "--checkpoints", "--yes")[1]


@each_row(
    "name", ["config.yaml", "initial.npz", "final.npz", "metrics.csv", "gradients.csv", "summary.json", "run.json"]
)
def test_what_is_changed_afterwards_is_found_without_a_checkpoint(name: str, made: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(next(made.glob("a-*")), tmp_path / name / next(made.glob("a-*")).name))
    (copy / "checkpoint.npz").unlink()
    assert not verify(copy).checkpoint
    content = bytearray((copy / name).read_bytes())
    content[len(content) // 2] ^= 1
    (copy / name).write_bytes(content)
    with pytest.raises(Exception, match=name.replace(".", r"\.")):
        verify(copy)


def test_runs_go_with_what_vgrad_wrote_and_nothing_else(runs: Path, command: Command) -> None:
    first, second = next(runs.glob("a-*")), next(runs.glob("b-*"))
    Path("b.yaml").write_text(json.dumps({**TREE, "name": "b", "seed": 7}))
    assert command("train", "b.yaml", "--restart", "-q")[0] == 0  # attempt-1
    assert command("tag", "b", "-t", "good")[0] == 0
    (first / "notes.txt").write_text("mine")
    (first / "attempt-1").mkdir()
    (first / "attempt-1" / "mine.npz").write_text("mine")
    (first / "neurons.csv").symlink_to("notes.txt")
    code, out, _ = command("clean", "runs", "--runs", "--yes", "--where", "status=complete")
    assert code == 0
    assert "stays: neurons.csv, notes.txt, attempt-1/mine.npz" in out
    assert not second.exists()
    assert {str(path.relative_to(first)) for path in first.rglob("*")} == {
        "notes.txt",
        "neurons.csv",
        "attempt-1",
        "attempt-1/mine.npz",
    }
    assert next(runs.glob("c-*/checkpoint.npz"))


def test_filters_are_those_of_ls(runs: Path, command: Command) -> None:
    assert command("tag", "a", "-t", "old")[0] == 0
    assert [line[5] for line in command("clean", "runs", "--runs", "-t", "old")[1].splitlines()[:-1]] == ["a"]
    assert [line[5] for line in command("clean", "runs", "--runs", "--where", "seed=7")[1].splitlines()[:-1]] == ["b"]
    code, _, err = command("clean", "runs", "--runs", "--yes", "--where", "seed=8")
    assert (code, "seed is 0, 7" in err) == (2, True)
    for words in ((), ("--runs", "--checkpoints")):
        assert command("clean", "runs", *words, "--yes")[0] == 2
    assert len(list(runs.iterdir())) == 3


def test_a_run_that_is_trained_is_never_touched(runs: Path, command: Command) -> None:
    path = next(runs.glob("a-*"))
    before = tree(path)
    with exclusive(path):
        for what in ("--checkpoints", "--runs"):
            code, out, _ = command("clean", path, what, "--yes")
            assert (code, out.splitlines()) == (0, [f"{path}: kept: is being trained", f"no {what[2:]} to remove"])
        assert cleaning.remove_run(cleaning.of_run(path)) == cleaning.HELD  # one that began after the look
        assert cleaning.remove_checkpoint(cleaning.Removal(path, (path / "checkpoint.npz",), 1)) == cleaning.HELD
    assert {name: content for name, content in tree(path).items() if name != ".lock"} == {
        name: content for name, content in before.items() if name != ".lock"
    }


def test_a_link_and_a_damaged_run_are_left_alone(runs: Path, command: Command, tmp_path: Path) -> None:
    path = next(runs.glob("a-*"))
    away = path.rename(tmp_path / "away")
    path.symlink_to(away)
    damaged = next(runs.glob("b-*"))
    (damaged / "summary.json").write_text("{")
    before = tree(tmp_path)
    code, out, err = command("clean", "runs", "--runs", "--yes", "--where", "status=complete|damaged")
    assert (code, "could not be removed" in out) == (5, True)
    assert "is a link to somewhere else" in err
    assert tree(tmp_path) == before
    code, _, err = command("clean", damaged, "--runs", "--yes")
    assert (code, "summary.json: damaged" in err, "left alone" in err) == (6, True, True)
    assert tree(tmp_path) == before


def test_killed_at_any_file_what_is_left_is_a_run(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    original = next(made.glob("a-*"))
    count = len(cleaning.of_run(original).files)
    real, left = Path.unlink, 0

    def unlink(path: Path, missing_ok: bool = False) -> None:
        nonlocal left
        if left == 0:
            raise KeyboardInterrupt
        left -= 1
        real(path, missing_ok)

    for at in range(count + 1):
        path = Path(shutil.copytree(original, tmp_path / str(at) / original.name))
        monkeypatch.setattr(Path, "unlink", unlink)
        left = at
        try:
            cleaning.remove_run(cleaning.of_run(path))
        except KeyboardInterrupt:
            monkeypatch.setattr(Path, "unlink", real)
            if (path / "config.yaml").exists():
                assert read_run(path).status == ("complete" if at == 0 else "interrupted")
                cleaning.remove_run(cleaning.of_run(path))
            else:
                assert {file.name for file in path.iterdir()} <= {".lock"}
                continue
        assert not path.exists()
