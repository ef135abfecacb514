"""Fashion-MNIST and Kuzushiji-MNIST by name: fetched, verified and split as MNIST is, each in a folder of its own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from conftest import published
from data_files import SIZES, made_files, mirror

from vgrad.data import fetch, load, mnist
from vgrad.data.datasets import DATASETS, facts
from vgrad.data.published import COLLECTIONS, Collection

Command = Callable[..., tuple[int, str, str]]
OTHERS = [name for name in COLLECTIONS if name != "mnist"]


@pytest.mark.parametrize("name", OTHERS)
def test_it_is_fetched_into_its_own_folder_and_read(
    name: str, folder: Path, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = made_files()
    due = Collection(COLLECTIONS[name].mirrors, {file: published(data) for file, data in files.items()})
    monkeypatch.setitem(COLLECTIONS, name, due)
    monkeypatch.setattr(mnist, "SIZES", SIZES)
    code, out, err = command("data", "verify", name)
    assert (code, out.count("missing")) == (3, 4)
    assert f"`vgrad data fetch {name}` downloads them" in err
    with mirror({f"{name}/{file}": data for file, data in files.items()}) as server:
        monkeypatch.setenv("VGRAD_MIRRORS", server.address("good"))
        code, out, err = command("data", "fetch", name)
    assert (code, err) == (0, "")
    assert out.split() == [str(folder / name / file) for file in files]
    assert command("data", "verify", name)[0] == 0
    assert not (folder / "mnist").exists()
    found = load(name, train=5)
    assert (found.n_inputs, found.classes, len(found.train)) == (784, 10, 5)
    assert found.train.inputs.dtype == np.uint8


def test_what_is_published_is_complete() -> None:
    for name, each in COLLECTIONS.items():
        assert list(each.files) == list(COLLECTIONS["mnist"].files)
        assert all(len(file.sha256) == 64 and int(file.sha256, 16) and file.size > 4000 for file in each.files.values())
        assert len(set(each.mirrors)) == 2
        assert all(address.endswith("/") for address in each.mirrors)
        assert facts(name).sizes == (50_000, 10_000, 10_000)
        assert DATASETS[name].origin
    assert len({file.sha256 for each in COLLECTIONS.values() for file in each.files.values()}) == 12
    assert fetch.mirrors("kmnist") == COLLECTIONS["kmnist"].mirrors


def test_another_name_is_refused(command: Command) -> None:
    assert command("data", "fetch", "fashion")[0] == 2
    assert "did you mean 'fashion_mnist'" in command("data", "verify", "fashon_mnist")[2]
