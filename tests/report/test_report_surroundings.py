"""Pictures and answers in other surroundings: a notebook's backend, settings lying about, streams without UTF-8."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from io import BytesIO, StringIO, TextIOWrapper
from pathlib import Path

import matplotlib as mpl
import pytest

from vgrad.cli import run as vgrad
from vgrad.report.formats import FORMATS

Command = Callable[..., tuple[int, str, str]]
SETTINGS = "backend: nonsense\nfont.size: 30\nsavefig.dpi: 20\nsvg.fonttype: none\nno.such.setting: 1\n"
SURROUNDINGS = {
    "nothing": {},
    "a notebook": {"MPLBACKEND": "module://matplotlib_inline.backend_inline"},
    "nonsense": {"MPLBACKEND": "nonsense", "MATPLOTLIBRC": "/nonexistent", "FREETYPE_PROPERTIES": "nonsense"},
    "no home": {"HOME": "/nonexistent", "MPLCONFIGDIR": "/nonexistent", "LC_ALL": "C", "SOURCE_DATE_EPOCH": "1"},
    "settings": {"MATPLOTLIBRC": "settings", "HOME": "home", "MPLCONFIGDIR": "settings", "TZ": "Asia/Tokyo"},
}


def picture(run: Path, folder: Path, form: str, surroundings: dict[str, str]) -> bytes:
    output = folder / f"x.{form}"
    done = subprocess.run(
        [sys.executable, "-m", "vgrad", "plot", str(run), "-o", str(output)],
        env={**os.environ, **surroundings},
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=100,
    )
    assert (done.returncode, done.stderr) == (0, "")
    return output.read_bytes()


@pytest.fixture
def settings(tmp_path: Path) -> Path:
    """A folder with settings in every place where matplotlib looks for them."""
    for place in (".", "settings", "home/.config/matplotlib"):
        (tmp_path / place).mkdir(parents=True, exist_ok=True)
        (tmp_path / place / "matplotlibrc").write_text(SETTINGS)
    return tmp_path


@pytest.mark.slow
@pytest.mark.parametrize(("form", "those"), [("png", [*SURROUNDINGS][-1:]), ("svg", [*SURROUNDINGS])])
def test_pictures_are_the_same_everywhere(
    pair: tuple[Path, Path], settings: Path, tmp_path: Path, form: str, those: list[str]
) -> None:
    bare = tmp_path / "bare"
    bare.mkdir()
    expected = picture(pair[0], bare, form, {})
    for surroundings in map(SURROUNDINGS.__getitem__, those):
        assert picture(pair[0], settings, form, surroundings) == expected
    (settings / "matplotlibrc").unlink()
    os.mkfifo(settings / "matplotlibrc")
    assert picture(pair[0], settings, form, {}) == expected


def test_drawing_leaves_the_settings_of_a_notebook_alone(
    pair: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, pyplot = dict(mpl.rcParams), "matplotlib.pyplot" in sys.modules
    stdout = StringIO()
    monkeypatch.setattr(sys, "stdout", stdout)  # as a notebook's, which takes only text
    assert vgrad(["plot", str(pair[0]), "-o", str(tmp_path / "x.png")]) == 0
    assert stdout.getvalue() == f"{tmp_path / 'x.png'}\n"
    assert dict(mpl.rcParams) == before
    assert ("matplotlib.pyplot" in sys.modules) == pyplot


def printed(monkeypatch: pytest.MonkeyPatch, encoding: str, *arguments: object) -> bytes:
    stdout = TextIOWrapper(BytesIO(), encoding=encoding, errors="strict")
    with monkeypatch.context() as changes:
        changes.setattr(sys, "stdout", stdout)
        assert vgrad([str(argument) for argument in arguments]) == 0
        stdout.flush()
        return stdout.buffer.getvalue()  # type: ignore[attr-defined,no-any-return]


@pytest.mark.parametrize("encoding", ["ascii", pytest.param("latin-1", marks=pytest.mark.slow)])
def test_streams_without_utf8(
    pair: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, encoding: str
) -> None:
    for form in set(FORMATS) - {"table"}:
        assert vgrad(["report", str(pair[0]), "--format", form, "-o", str(tmp_path / form)]) == 0
        assert printed(monkeypatch, encoding, "report", pair[0], "--format", form) == (tmp_path / form).read_bytes()
    for command in (["report", pair[0]], ["show", pair[0]], ["ls", pair[0].parent], ["theory", "chain"]):
        told = printed(monkeypatch, encoding, *command).decode(encoding)
        assert "\\u" not in told
    assert "||delta^1||" in printed(monkeypatch, encoding, "report", pair[0]).decode(encoding)
    assert b"Draw runs" in printed(monkeypatch, encoding, "plot", "--help")
