"""The shipped examples: one for every entry of every table, and each trains on digits."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from vgrad.config.check import check
from vgrad.config.choice import Choice
from vgrad.config.config import Config
from vgrad.config.fields import Init
from vgrad.config.remedies import OPTIONAL
from vgrad.data.dataset import Dataset
from vgrad.data.datasets import load
from vgrad.document.document import load_yaml, with_overrides
from vgrad.nn.activations import ACTIVATIONS
from vgrad.nn.costs import COSTS
from vgrad.nn.initializers import BIASES, INITIALIZERS, PRESETS
from vgrad.nn.layerwise.pretrainings import PRETRAININGS
from vgrad.nn.optimizers import OPTIMIZERS
from vgrad.nn.probes import GROUPS
from vgrad.nn.schedules import MOMENTUM_SCHEDULES, SCHEDULES
from vgrad.registry import came_later, parameters
from vgrad.training.assembly import fresh_state
from vgrad.training.initial import draw_parameters
from vgrad.training.loop import train

EXAMPLES = Path(__file__).resolve().parents[2] / "configs" / "examples"
FILES = sorted(path for path in EXAMPLES.rglob("*.yaml") if path.parent.name != "data")


def read(path: Path, *overrides: str) -> Config:
    return check({"name": path.stem, **with_overrides(load_yaml(path), overrides).data})


def chosen(folder: str, config: Config) -> Iterator[Choice]:
    """What the folder's examples are about."""
    if folder == "activation":
        yield from config.activations
    elif folder in ("init", "biases") and isinstance(config.init, Init):
        yield config.init.weights if folder == "init" else config.init.biases
    elif folder in ("optimizer", "schedule"):
        yield getattr(config, folder)
    elif folder == "pretrain" and config.pretrain:
        yield config.pretrain
    elif folder == "momentum_schedule" and config.momentum_schedule:
        yield config.momentum_schedule


TABLES = {
    "activation": ACTIVATIONS,
    "init": INITIALIZERS,
    "biases": BIASES,
    "optimizer": OPTIMIZERS,
    "schedule": SCHEDULES,
    "pretrain": PRETRAININGS,
    "momentum_schedule": MOMENTUM_SCHEDULES,
}


@pytest.mark.parametrize("folder", TABLES)
def test_every_entry_has_an_example_that_names_its_parameters(folder: str) -> None:
    for name, entry in TABLES[folder].items():
        path = EXAMPLES / folder / f"{name}.yaml"
        config = read(path)
        assert {choice.name for choice in chosen(folder, config)} == {name}, path
        if folder != "momentum_schedule":
            text = path.read_text(encoding="utf-8")
            wanted = [key for key, (annotation, _) in parameters(entry).items() if not came_later(annotation)]
            assert all(f"{key}: " in text for key in wanted), path


def test_every_preset_cost_remedy_and_group_has_an_example() -> None:
    there_are = {str(path.relative_to(EXAMPLES).with_suffix("")) for path in FILES}
    assert there_are >= {f"init/{name}" for name in PRESETS}
    assert there_are >= {f"cost/{cost}-{output}" for cost, pairs in COSTS.items() for output in pairs}
    assert there_are >= {f"probes/{name}" for name in (*GROUPS, "all", "histograms", "steps")}
    remedies = {*OPTIONAL, "l1", "l2"} - {"momentum_schedule"}
    assert there_are >= {f"remedy/{name}" for name in remedies}
    for name in remedies:
        assert getattr(read(EXAMPLES / "remedy" / f"{name}.yaml"), name), name


@pytest.fixture(scope="module")
def digits() -> Dataset:
    return load("digits")


SOME = FILES[::3]
"""What the default suite trains; the slow one takes the others."""


@pytest.mark.parametrize(
    "path",
    [path if path in SOME else pytest.param(path, marks=pytest.mark.slow) for path in FILES],
    ids=lambda path: str(path.relative_to(EXAMPLES).with_suffix("")),
)
def test_example_trains_for_two_epochs(path: Path, digits: Dataset) -> None:
    config = read(path, "epochs=2", "data.train=500")
    assert config.data.name == "digits"
    assert isinstance(config.init, Init)
    state = fresh_state(config, draw_parameters(config, config.init, digits))
    records = [record for record, _ in train(config, digits, state)]
    assert [record.epoch for record in records] == [0, 1, 2]
    assert all(record.divergence is None for record in records)
    first, last = records[0].metrics["train_cost"], records[-1].metrics["train_cost"]
    assert first is not None
    assert last is not None
    if path.stem not in ("exploding", "zeros"):  # the one shows what goes wrong; nothing passes through the other
        assert last < first
