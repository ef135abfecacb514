"""What all tests share: one BLAS thread, signals that are heard, the way to the reference data beside the checkout."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import NoReturn

import pytest

from vgrad.__main__ import fix_blas_environment

fix_blas_environment()  # nothing has imported NumPy yet; the workers of pytest-xdist come through here too

# What a background job, nohup or a runner ignores, its children ignore: those of the tests are sent both.
for number, usual in ((signal.SIGINT, signal.default_int_handler), (signal.SIGTERM, signal.SIG_DFL)):
    if signal.getsignal(number) == signal.SIG_IGN:
        signal.signal(number, usual)

SHARED = Path(__file__).resolve().parents[2] / "shared"


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
