"""`vgrad data` and `vgrad doctor`, on a folder that is empty, whole or damaged."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from vgrad.cli import run
from vgrad.cli.commands import doctor
from vgrad.data import fetch

Capture = pytest.CaptureFixture[str]


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty VGRAD_DATA, with a mirror that cannot be reached."""
    monkeypatch.setenv("VGRAD_DATA", str(tmp_path))
    monkeypatch.setenv("VGRAD_MIRRORS", "http://127.0.0.1:9/")
    return tmp_path


def test_path(place: Path, capsys: Capture) -> None:
    assert run(["data", "path"]) == 0
    assert capsys.readouterr().out == f"{place}\n"


def test_verify_nothing(place: Path, capsys: Capture) -> None:
    assert run(["data", "verify"]) == 3
    out, err = capsys.readouterr()
    assert [line.split()[0] for line in out.splitlines()] == ["missing"] * 4
    assert err.count("\n") == 1
    assert all(word in err for word in ("vgrad data fetch", "data: digits", *fetch.FILES))


def test_verify_damaged(place: Path, capsys: Capture) -> None:
    name = "t10k-labels-idx1-ubyte.gz"
    (place / "mnist").mkdir()
    (place / "mnist" / name).write_bytes(b"not it")
    assert run(["data", "verify", "--json"]) == 3
    out, err = capsys.readouterr()
    states = {entry["name"]: entry["state"] for entry in json.loads(out)}
    assert states == {**dict.fromkeys(fetch.FILES, "missing"), name: "wrong"}
    assert f"wrong: {name};" in err


def test_verify_whole(place: Path, mnist_dir: Path, capsys: Capture) -> None:
    shutil.copytree(mnist_dir / "mnist", place / "mnist")
    assert run(["data", "verify"]) == 0
    out, err = capsys.readouterr()
    assert [line.split()[0] for line in out.splitlines()] == ["ok"] * 4
    assert err == ""
    assert run(["data", "verify", "--json"]) == 0
    digests = {entry["name"]: entry["sha256"] for entry in json.loads(capsys.readouterr().out)}
    assert digests == {name: published.sha256 for name, published in fetch.FILES.items()}
    assert run(["data", "fetch"]) == 0  # nothing is due, so no mirror is asked
    assert capsys.readouterr().out.split() == [str(place / "mnist" / name) for name in fetch.FILES]


def test_fetch_without_a_mirror(place: Path, capsys: Capture) -> None:
    assert run(["data", "fetch"]) == 3
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    assert "data: digits" in err


def test_doctor_tells_all(place: Path, capsys: Capture) -> None:
    assert run(["doctor", "--runs-dir", str(place / "runs")]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert {line.split()[0] for line in lines} <= {"ok", "note"}
    assert run(["doctor", "--runs-dir", str(place / "runs"), "--json"]) == 0
    found = {entry["what"]: entry for entry in json.loads(capsys.readouterr().out)}
    assert set(found) >= {"versions", "blas", "coretype", "cores", "memory", "mnist", "runs", "terminal"}
    assert not found["mnist"]["ok"]
    assert found["runs"]["ok"]
    assert not (place / "runs").exists()


def test_doctor_sees_a_runs_folder_that_is_a_file(place: Path, capsys: Capture) -> None:
    (place / "runs").touch()
    assert run(["doctor", "--runs-dir", str(place / "runs"), "--json"]) == 0
    assert not {entry["what"]: entry["ok"] for entry in json.loads(capsys.readouterr().out)}["runs"]


@pytest.mark.parametrize(
    ("now", "at_start", "told"),
    [
        ("", b"A=1\0", "not set"),
        ("SkylakeX", b"A=1\0B=OPENBLAS_CORETYPE=x\0", "chosen by vgrad"),
        ("Haswell", b"A=1\0OPENBLAS_CORETYPE=Haswell\0", "chosen by the environment"),
        ("Haswell", None, "chosen by the environment"),
    ],
)
def test_who_chose_the_core_type(
    now: str, at_start: bytes | None, told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENBLAS_CORETYPE", now)
    start = tmp_path / "environ"
    if at_start is not None:
        start.write_bytes(at_start)
    assert told in doctor._core_type(start)[1]


def test_show_tells_of_black_and_white(tmp_path: Path, capsys: Capture) -> None:
    config = tmp_path / "a.yaml"
    config.write_text(
        "layers: {depth: 1, width: 5}\ndata: {name: digits, train: 300, scale: binary}\n", encoding="utf-8"
    )
    assert run(["data", "show", str(config)]) == 0
    line = next(line for line in capsys.readouterr().out.splitlines() if line.startswith("scaled (binary)"))
    assert line.split()[2:4] == ["0", "1.00"]
