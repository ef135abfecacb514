"""Run directories to report on: small networks really trained on the embedded digits, once a session."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from browsing import FLAGS, missing
from report_runs import trained

from vgrad.cli import run as vgrad


@pytest.fixture(scope="session")
def depths(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """1, 2 and 4 hidden layers of 8, seeds 0 to 2, sigmoid and relu."""
    folder = tmp_path_factory.mktemp("depths")
    for depth in (1, 2, 4):
        for activation in ("sigmoid", "relu"):
            for seed in range(3):
                trained(folder, layers=[64, *[8] * depth, 10], activation=activation, seed=seed)
    return folder


@pytest.fixture(scope="session")
def pair(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A shallow and a deep run that differ in nothing else."""
    folder = tmp_path_factory.mktemp("pair")
    return trained(folder, layers=[64, 8, 8, 10]), trained(folder, layers=[64, 8, 8, 8, 8, 10])


@pytest.fixture
def command(capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    """Runs the command line: (exit code, stdout, stderr)."""

    def call(*arguments: object) -> tuple[int, str, str]:
        capsys.readouterr()
        code = vgrad([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return call


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """A real browser, for tests marked slow."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if not chromium:
        missing("no chromium: apt-get install chromium")
    api = pytest.importorskip("playwright.sync_api")
    with api.sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        yield started
        started.close()
