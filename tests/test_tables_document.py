"""Every entry of every table has an example, a test and a place in a document; made tables are those of the code."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from types import ModuleType

import pytest
from project import ROOT, load_script

from vgrad.cli.theory.theory import THEORIES
from vgrad.config.remedies import OPTIONAL
from vgrad.data.datasets import DATASETS
from vgrad.nn.activations import ACTIVATIONS
from vgrad.nn.costs import COSTS
from vgrad.nn.initializers import BIASES, INITIALIZERS, PRESETS
from vgrad.nn.layerwise.pretrainings import PRETRAININGS
from vgrad.nn.norms import NORMS
from vgrad.nn.optimizers import OPTIMIZERS
from vgrad.nn.probes import PROBES
from vgrad.nn.schedules import MOMENTUM_SCHEDULES, SCHEDULES
from vgrad.report.formats import FORMATS
from vgrad.report.pictures import PICTURES
from vgrad.study.names import STUDIES
from vgrad.study.report.pictures import STUDY_PICTURES
from vgrad.sweeps.executors import EXECUTORS

CONFIGS = ROOT / "configs"
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
TOLD = "\n".join(path.read_text(encoding="utf-8") for path in DOCUMENTS)

EXAMPLES: dict[str, tuple[Iterable[str], str]] = {
    "ACTIVATIONS": (ACTIVATIONS, "examples/activation/{}.yaml"),
    "INITIALIZERS": (INITIALIZERS, "examples/init/{}.yaml"),
    "PRESETS": (PRESETS, "examples/init/{}.yaml"),
    "BIASES": (BIASES, "examples/biases/{}.yaml"),
    "OPTIMIZERS": (OPTIMIZERS, "examples/optimizer/{}.yaml"),
    "SCHEDULES": (SCHEDULES, "examples/schedule/{}.yaml"),
    "MOMENTUM_SCHEDULES": (MOMENTUM_SCHEDULES, "examples/momentum_schedule/{}.yaml"),
    "COSTS": (COSTS, "examples/cost/{}-*.yaml"),
    "PRETRAININGS": (PRETRAININGS, "examples/pretrain/{}.yaml"),
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
    "EXECUTORS": (
        [f"--scheduler {found}" if (found := each.address.partition(":")[0]) else "-j" for each in EXECUTORS.values()],
        r"{0}\b",
    ),
}
"""Tables whose entries a document shows, by the words that it shows them with."""
SCRIPTS = ("toolbox", "contract")


@pytest.fixture(params=SCRIPTS)
def script(request: pytest.FixtureRequest) -> ModuleType:
    return load_script(request.param)


def test_the_tables_are_current(script: ModuleType) -> None:
    text = script.DOCUMENT.read_text(encoding="utf-8")
    assert script.current(text) == text, f"python scripts/{script.__name__}.py --write"
    assert {found[1] for found in script.MARKED.findall(text)} == set(script.TABLES)


def test_a_change_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    from vgrad.nn.schedules import SCHEDULES, constant

    script = load_script("toolbox")
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


@pytest.mark.parametrize("table", [name for name in (*EXAMPLES, *SHOWN) if name != "NORMS"])
def test_a_test_goes_through_the_table(table: str) -> None:
    used = re.compile(rf"^(?!.*import).*\b{table}\b", re.MULTILINE)
    tests = [path for path in (ROOT / "tests").rglob("test_*.py") if path != Path(__file__)]
    assert any(used.search(path.read_text(encoding="utf-8")) for path in tests)
    assert set(NORMS) <= set(OPTIONAL)


def test_every_table_is_made_by_a_script() -> None:
    made = {load_script(name).DOCUMENT for name in SCRIPTS}
    marked = {
        path for path in (ROOT / "docs").glob("*.md") if re.search("<!-- table:", path.read_text(encoding="utf-8"))
    }
    assert marked == made


def test_every_command_stands_in_a_document() -> None:
    """Not only in the table of all, which is made."""
    made = re.compile("<!-- table:.*?<!-- end -->", re.DOTALL)
    documents = [ROOT / "README.md", *(ROOT / "docs").glob("*.md")]
    told = "\n".join(made.sub("", path.read_text(encoding="utf-8")) for path in documents)
    commands = re.findall("`(vgrad [^`]+)`", load_script("contract").commands())
    assert len(commands) > 15
    assert [command for command in commands if not re.search(rf"{command}\b", told)] == []
