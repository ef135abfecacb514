"""What an argument means: a path is a path whatever characters it has, and only what is none can be a pattern."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from vgrad.cli import run
from vgrad.config.check import check
from vgrad.errors import ConfigError
from vgrad.runs.places import run_of, runs_of
from vgrad.runs.runner import run as train

Capture = pytest.CaptureFixture[str]
CONFIG = {"layers": [64, 3, 3, 10], "epochs": 0, "data": {"name": "digits", "train": 20, "validation": 0, "test": 0}}
ODD = ["x[1]", "a*b", "what?", " sp ace ", "new\nline", "-dash", ".hidden", "é[!a]", "[", "**", "{a,b}", "~"]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two runs, of seeds 0 and 1."""
    folder = tmp_path_factory.mktemp("made")
    for seed in (0, 1):
        for _ in train(check({**CONFIG, "name": "a", "seed": seed}), folder):
            pass
    return folder


def copied(made: Path, seed: int, folder: Path) -> Path:
    source = next(made.glob(f"*-s{seed}"))
    return Path(shutil.copytree(source, folder / source.name))


@pytest.mark.usefixtures("no_theory")
@pytest.mark.parametrize("name", ODD)
def test_an_odd_name_is_a_path_for_every_command(
    name: str, made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    monkeypatch.chdir(tmp_path)
    kept, neighbours = copied(made, 0, tmp_path / name), ["x1", "aXb", "whatX", "éb", "other"]
    for neighbour in neighbours:
        copied(made, 1, tmp_path / neighbour)
    for words in (
        ["report", "--json", "--", name],
        ["report", "--json", "--runs-dir", name, "--", kept.name],
        ["report", "--json", "--runs-dir", name, "--", "a-*"],
        ["verify", "--json", "--", name],
        ["verify", "--json", "--runs-dir", name, "--", "a-*"],
        ["show", "--json", "--", f"{name}/{kept.name}"],
        ["show", "--json", "--runs-dir", name, "--", "a-"],
        ["ls", "--json", "--", name],
        ["theory", "product", "--json", "--runs-dir", name, "--", "a"],
    ):
        assert run(words) == 0, capsys.readouterr().err
        told = json.loads(capsys.readouterr().out)
        first = told[0] if isinstance(told, list) else told
        found = first.get("run") or first["runs"][0]
        assert (found["seed"] == 0) if isinstance(found, dict) else found.endswith("-s0"), words
    assert run(["status", "--", name]) == 0


def test_a_pattern_is_only_what_is_no_path(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    zero, one = copied(made, 0, Path("a[1]")), copied(made, 1, Path("a1"))
    assert runs_of("a[1]", Path("runs")) == [zero]
    assert runs_of("a?", Path("runs")) == [one]
    assert runs_of("a*", Path("runs")) == [one, zero]
    assert runs_of("*", Path("a[1]")) == [one, zero]  # here first
    assert runs_of("*-s?", Path("a[1]")) == [zero]
    assert run_of("*-s?", Path("a[1]")) == zero
    with pytest.raises(ConfigError, match="which one"):
        run_of("a*", Path("runs"))
    with pytest.raises(ConfigError, match="no run matches, here or in runs"):
        runs_of("b*", Path("runs"))


@pytest.mark.parametrize(
    ("argument", "told"),
    [
        ("", "a run's name is empty"),
        ("zero\0", "not a file name"),
        ("file", "is a file; name a run directory"),
        ("link", "is a link to nothing; name a run directory"),
        ("empty", "no runs there"),
        ("a/b", "no runs there"),
        ("b", "no such run in runs"),
        ("n" * 300, "no such run in"),
    ],
)
def test_what_names_no_run_is_told(argument: str, told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("file").touch()
    Path("link").symlink_to("nowhere")
    Path("empty").mkdir()
    Path("runs").mkdir()
    with pytest.raises(ConfigError, match=told):
        runs_of(argument, Path("runs"))
    with pytest.raises(ConfigError):
        run_of(argument, Path("runs"))


def test_a_run_answers_to_its_hash_and_name(made: Path, tmp_path: Path) -> None:
    first, second = sorted(made.iterdir())
    _, digits, _ = first.name.rsplit("-", 2)
    other = tmp_path / f"b-{digits[:6]}00-s0"
    for each in (first, second):
        shutil.copytree(each, tmp_path / "sweep" / each.name)
    both = sorted((tmp_path / "sweep").iterdir())
    for wanted in (digits, digits[:6], digits[:7], "a"):
        assert runs_of(wanted, tmp_path) == both, wanted
        with pytest.raises(ConfigError, match="which one"):
            run_of(wanted, tmp_path)
    assert run_of(f"{digits}-s1", tmp_path) == run_of(second.name, tmp_path) == both[1]
    assert run_of(f"a-{digits}-s0", tmp_path) == both[0]
    with pytest.raises(ConfigError, match="no such run"):
        runs_of(digits[:5], tmp_path)
    shutil.copytree(first, other)
    with pytest.raises(ConfigError, match="which one"):
        runs_of(digits[:6], tmp_path)  # of two hashes
    assert runs_of(digits, tmp_path) == both
