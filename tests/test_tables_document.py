"""Every entry of every table has an example, a test and a place in a document; docs/toolbox.md is made from them."""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Iterable
from pathlib import Path
from types import ModuleType

import pytest

from vgrad.cli.theory.theory import THEORIES
from vgrad.config.remedies import OPTIONAL
from vgrad.data.datasets import DATASETS
from vgrad.nn.activations import ACTIVATIONS
from vgrad.nn.costs import COSTS
from vgrad.nn.initializers import BIASES, INITIALIZERS, PRESETS
from vgrad.nn.norms import NORMS
from vgrad.nn.optimizers import OPTIMIZERS
from vgrad.nn.probes import PROBES
from vgrad.nn.schedules import MOMENTUM_SCHEDULES, SCHEDULES
from vgrad.report.formats import FORMATS
from vgrad.report.pictures import PICTURES
from vgrad.study.report.pictures import STUDY_PICTURES
from vgrad.sweep.executors import EXECUTORS

HOUSE = Path(__file__).resolve().parents[1]
CONFIGS = HOUSE / "configs"
DOCUMENTS = [HOUSE / "README.md", *sorted((HOUSE / "docs").glob("*.md"))]
TOLD = "\n".join(path.read_text(encoding="utf-8") for path in DOCUMENTS)
STUDIES = sorted(path.stem for path in (HOUSE / "vgrad" / "study").glob("*.yaml"))

EXAMPLES: dict[str, tuple[Iterable[str], str]] = {
    "ACTIVATIONS": (ACTIVATIONS, "examples/activation/{}.yaml"),
    "INITIALIZERS": (INITIALIZERS, "examples/init/{}.yaml"),
    "PRESETS": (PRESETS, "examples/init/{}.yaml"),
    "BIASES": (BIASES, "examples/biases/{}.yaml"),
    "OPTIMIZERS": (OPTIMIZERS, "examples/optimizer/{}.yaml"),
    "SCHEDULES": (SCHEDULES, "examples/schedule/{}.yaml"),
    "MOMENTUM_SCHEDULES": (MOMENTUM_SCHEDULES, "examples/momentum_schedule/{}.yaml"),
    "COSTS": (COSTS, "examples/cost/{}-*.yaml"),
    "NORMS": (NORMS, "examples/remedy/{}.yaml"),
    "OPTIONAL": ([name for name in OPTIONAL if name != "momentum_schedule"], "examples/remedy/{}.yaml"),
}
"""Tables with an example of its own for every entry."""
SHOWN: dict[str, tuple[Iterable[str], str]] = {
    "DATASETS": (DATASETS, r"`{}`"),
    "PROBES": (PROBES, r"`{}`"),
    "FORMATS": ([name for name in FORMATS if name != "table"], r"(--format |--|\.|`){0}\b"),
    "PICTURES": (PICTURES, r"--kind {0}\b|`{0}`"),
    "STUDY_PICTURES": (STUDY_PICTURES, r"--kind {0}\b|`{0}`"),
    "STUDIES": (STUDIES, r"vgrad reproduce {0}\b"),
    "THEORIES": (THEORIES, r"\$ vgrad theory {0}\b"),
    "EXECUTORS": ([entry.address.partition(":")[0] or "-j" for entry in EXECUTORS.values()], r"{0}"),
}
"""Tables whose entries a document shows, by the words that it shows them with."""


@pytest.fixture(scope="module")
def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("toolbox_script", HOUSE / "scripts" / "toolbox.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_tables_are_current(script: ModuleType) -> None:
    text = script.DOCUMENT.read_text(encoding="utf-8")
    assert script.current(text) == text, "python scripts/toolbox.py --write"
    assert {found[1] for found in script.MARKED.findall(text)} == set(script.TABLES)


def test_a_change_is_noticed(script: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    from vgrad.nn.schedules import SCHEDULES, constant

    monkeypatch.setitem(SCHEDULES, "newcomer", constant)
    text = script.DOCUMENT.read_text(encoding="utf-8")
    assert script.current(text) != text
    assert "`newcomer`" in script.current(text)


@pytest.mark.parametrize("table", EXAMPLES)
def test_every_entry_has_an_example(table: str) -> None:
    names, pattern = EXAMPLES[table]
    assert [name for name in names if not any(CONFIGS.glob(pattern.format(name)))] == []


def test_every_data_set_has_a_config() -> None:
    used = "\n".join(path.read_text(encoding="utf-8") for path in CONFIGS.rglob("*.yaml"))
    assert [name for name in DATASETS if not re.search(rf"\b{name}\b", used)] == []


@pytest.mark.parametrize("table", [*EXAMPLES, *SHOWN])
def test_every_entry_stands_in_a_document(table: str) -> None:
    names, pattern = SHOWN.get(table, (EXAMPLES.get(table, ((), ""))[0], "`{}`"))
    assert [name for name in names if not re.search(pattern.format(re.escape(name)), TOLD)] == []


@pytest.mark.parametrize("table", [name for name in (*EXAMPLES, *SHOWN) if name not in ("STUDIES", "NORMS")])
def test_a_test_goes_through_the_table(table: str) -> None:
    used = re.compile(rf"^(?!.*import).*\b{table}\b", re.MULTILINE)
    tests = [path for path in (HOUSE / "tests").rglob("test_*.py") if path != Path(__file__)]
    assert any(used.search(path.read_text(encoding="utf-8")) for path in tests)
    assert set(NORMS) <= set(OPTIONAL)
