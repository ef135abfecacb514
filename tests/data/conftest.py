"""A made MNIST in a fresh data folder, mirrors that serve it, and the real files where they are at hand."""

from __future__ import annotations

import gzip
import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from data_files import NAMES, SIZES, Mirror, made_files, mirror

from vgrad.data import fetch, mnist


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty $VGRAD_DATA, for a test whose network is 127.0.0.1."""
    monkeypatch.setenv("VGRAD_DATA", str(tmp_path))
    monkeypatch.setenv("VGRAD_MIRRORS", "http://127.0.0.1:1/nobody/")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    return tmp_path


def published(data: bytes) -> fetch.Published:
    plain = gzip.decompress(data)
    return fetch.Published(len(data), hashlib.sha256(data).hexdigest(), len(plain), hashlib.sha256(plain).hexdigest())


@pytest.fixture
def made(folder: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, bytes]:
    """Small files that vgrad takes for MNIST; none of them is in the folder yet."""
    files = made_files()
    monkeypatch.setattr(fetch, "FILES", {name: published(data) for name, data in files.items()})
    monkeypatch.setattr(mnist, "SIZES", SIZES)
    return files


@pytest.fixture
def served(made: dict[str, bytes]) -> Iterator[Mirror]:
    with mirror(made) as running:
        yield running


@pytest.fixture(scope="session")
def real() -> Path:
    """A data folder that holds the real MNIST."""
    beside = Path(__file__).resolve().parents[2].parent / "shared" / "data"
    for place in filter(None, (os.environ.get("VGRAD_DATA"), beside)):
        if all((Path(place) / "mnist" / name).is_file() for name in NAMES):
            return Path(place)
    pytest.skip("the MNIST files are neither in $VGRAD_DATA/mnist nor in ../shared/data/mnist")
