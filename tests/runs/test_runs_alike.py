"""Runs that differ in their seed alone: one config is read and checked, and each is what its own text says."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vgrad.config.check import check
from vgrad.errors import RunStateError
from vgrad.runs import folder
from vgrad.runs.folder import around_seed, config_file, run_config

TREE = {"layers": [64, 5, 10], "data": "digits", "activation": "tanh", "name": "x"}


def made(tmp_path: Path, seeds: list[int]) -> list[Path]:
    """Directories with a config each."""
    paths = []
    for seed in seeds:
        paths.append(tmp_path / f"x-{seed}")
        paths[-1].mkdir()
        (paths[-1] / "config.yaml").write_bytes(config_file(check({**TREE, "seed": seed})))
    return paths


def test_a_thousand_configs_are_checked_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seeds, calls = [0, 7, 10**17, 3], list[int]()
    read = folder._read
    monkeypatch.setattr(folder, "_CHECKED", {})
    monkeypatch.setattr(folder, "_read", lambda *others: (calls.append(1), read(*others))[1])
    found = [run_config(path) for path in made(tmp_path, seeds)]
    assert len(calls) == 1
    for seed, config in zip(seeds, found, strict=True):
        expected = check({**TREE, "seed": seed})
        assert config.plain() == expected.plain()
        assert (config.identity, config.run_name, config.sizes) == (
            expected.identity,
            expected.run_name,
            expected.sizes,
        )


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text.replace(b"tanh", b"relu"),
        lambda text: text.replace(b"seed: 1", b"seed: 01"),
        lambda text: text.replace(b"seed: 1", b"seed: 0x1"),
        lambda text: text.replace(b"seed: 1\n", b"seed: 1\nseed: 2\n"),
        lambda text: text.replace(b"seed: 1", b"seed: 99999999999999999999"),
        lambda text: text.replace(b"seed: 1", b"seed: -1"),
        lambda text: text.replace(b"seed: 1", b"  seed: 1"),
        lambda text: text.replace(b"seed: 1", "seed: ١".encode()),
        lambda text: text[:-20],
    ],
)
def test_another_text_is_read_for_itself(change: object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What it says, or what is wrong with it, is the same whether one like it was read before or not."""
    first, second = made(tmp_path, [0, 1])
    text = change((second / "config.yaml").read_bytes())  # type: ignore[operator]
    assert text != (second / "config.yaml").read_bytes()
    (second / "config.yaml").write_bytes(text)

    def told() -> str:
        try:
            return repr(run_config(second))
        except RunStateError as error:
            return str(error)

    monkeypatch.setattr(folder, "_CHECKED", {})
    alone = told()
    run_config(first)
    assert told() == alone


@given(st.integers(0, 2**63 - 1))
def test_the_seed_is_found_in_what_runs_write(seed: int) -> None:
    around, found = around_seed(config_file(check({**TREE, "seed": seed})))
    if seed < 10**18:
        assert around == around_seed(config_file(check({**TREE, "seed": 0})))[0]
        assert found == seed
    else:
        assert around is None


def test_a_copy_with_other_values_computes_anew() -> None:
    config = check({**TREE, "seed": 1})
    before = (config.identity, config.sizes, config.run_name)
    other = config.model_copy(update={"epochs": config.epochs + 1})
    assert other.identity == check({**TREE, "epochs": config.epochs + 1}).identity != before[0]
    assert config.model_copy(update={"seed": 5}).run_name == f"x-{before[0]}-s5"
    assert (config.identity, config.sizes, config.run_name) == before


READING = {"ls": ["ls", "."], "check": ["config", "check", "c.yaml"], "help": ["--help"]}


@pytest.mark.parametrize("name", READING)
def test_commands_that_only_read_load_no_scipy(name: str, tmp_path: Path) -> None:
    (tmp_path / "c.yaml").write_text("layers: [64, 5, 10]\ndata: digits\n")
    code = f"import sys; from vgrad.cli import run; run({READING[name]!r}); print(*sys.modules)"
    told = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True)
    loaded = {*told.stdout.splitlines()[-1].split()}
    heavy = {"scipy.special", "scipy.linalg", "pandas", "matplotlib"} | (
        {"numpy", "pydantic"} if name == "help" else set()
    )
    assert not heavy & loaded
