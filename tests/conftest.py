"""What all tests share: one BLAS thread, signals that are heard, a command line built once, the reference data."""

from __future__ import annotations

import gc
import os
import shutil
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NoReturn

import forked
import pytest
from browsing import FLAGS, missing
from hypothesis import settings

from vgrad.__main__ import fix_blas_environment

fix_blas_environment()  # nothing has imported NumPy yet; the workers of pytest-xdist come through here too

# What a background job, nohup or a runner ignores, its children ignore: those of the tests are sent both.
for number, usual in ((signal.SIGINT, signal.default_int_handler), (signal.SIGTERM, signal.SIG_DFL)):
    if signal.getsignal(number) == signal.SIG_IGN:
        signal.signal(number, usual)
# Bytecode of the tests is kept, whatever the environment says: making it takes a third of their collection.
sys.dont_write_bytecode = False
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
forked.hasten()

# A busy machine is no finding, and what was found on one machine is not kept there.
settings.register_profile("suite", deadline=None, database=None)
settings.load_profile("suite")
gc.disable()  # until all is collected, as pytest says: little of what imports and items take is ever free again

SHARED = Path(__file__).resolve().parents[2] / "shared"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What may take longest begins first, lest one process ends alone with it; then what needs PyTorch, together: one
    process imports it."""

    def longest(item: pytest.Item) -> float:
        limit = item.get_closest_marker("timeout")
        return float(limit.args[0]) if limit and item.get_closest_marker("slow") else 0.0

    items.sort(key=lambda item: (longest(item), "torch" in getattr(item, "fixturenames", ())), reverse=True)


def pytest_collection_finish() -> None:
    """Thousands of items and modules stay to the end: the garbage collector need not look through them again."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000)  # rarely: every time costs the same few modules' live objects, and a call of Hypothesis
    gc.enable()


def absent(reason: str) -> NoReturn:
    """Skip; but fail in CI where the data are delivered, so that nothing goes untested unnoticed."""
    if os.environ.get("CI") and SHARED.exists():
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture(scope="session")
def shared() -> Path:
    """The directory of reference data beside the checkout."""
    if not SHARED.is_dir():
        absent("no ../shared beside the checkout: reference data not here")
    return SHARED


@pytest.fixture(scope="session")
def mnist_dir() -> Path:
    """A directory fit for VGRAD_DATA that holds mnist/*.gz."""
    for place in (os.environ.get("VGRAD_DATA"), SHARED / "data"):
        if place and (Path(place) / "mnist" / "train-images-idx3-ubyte.gz").is_file():
            return Path(place).resolve()
    absent("no mnist/*.gz in $VGRAD_DATA or ../shared/data: MNIST not here")


@pytest.fixture(scope="session")
def torch() -> Any:
    """PyTorch, by whose tests `pytest_collection_modifyitems` knows them."""
    if os.environ.get("CI"):
        import torch

        return torch
    return pytest.importorskip("torch", reason="no PyTorch here: make peers")


@pytest.fixture
def forked_workers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Workers of sweeps are forked from a process that has imported everything; see forked.py."""
    monkeypatch.setattr("vgrad.sweeps.workers.subprocess", forked)


@pytest.fixture
def no_theory(monkeypatch: pytest.MonkeyPatch) -> None:
    """`vgrad show` predicts nothing and explains nothing: that takes longer than all else it does."""
    monkeypatch.setattr("vgrad.theory.propagation.expected.expected", lambda config, base: "not asked")
    monkeypatch.setattr("vgrad.theory.propagation.explanation.explanation", lambda *_: None)


# Run directories to report on: small networks really trained on the embedded digits, once a session.


@pytest.fixture(scope="session")
def depths(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """1, 2 and 4 hidden layers of 8, seeds 0 to 2, sigmoid and relu."""
    from report_runs import trained

    folder = tmp_path_factory.mktemp("depths")
    for depth in (1, 2, 4):
        for activation in ("sigmoid", "relu"):
            for seed in range(3):
                trained(folder, layers=[64, *[8] * depth, 10], activation=activation, seed=seed)
    return folder


@pytest.fixture(scope="session")
def pair(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A shallow and a deep run that differ in nothing else."""
    from report_runs import trained

    folder = tmp_path_factory.mktemp("pair")
    return trained(folder, layers=[64, 8, 8, 10]), trained(folder, layers=[64, 8, 8, 8, 8, 10])


@pytest.fixture
def command(capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    """Runs the command line: (exit code, stdout, stderr)."""
    from vgrad.cli import run

    def call(*arguments: object) -> tuple[int, str, str]:
        capsys.readouterr()
        code = run([str(argument) for argument in arguments])
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
