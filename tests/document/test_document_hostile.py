"""Configs that mean harm: whatever the bytes, a ConfigError in time, in bounded memory, and in printable lines."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from vgrad.document import reader as yaml12
from vgrad.document.document import read_yaml, with_overrides
from vgrad.errors import ConfigError

HOSTILE_SECONDS = 2.0  # docs/faults.md; for reading and refusing, the start of Python left out
HOSTILE_BYTES = 512 * 2**20

LOADERS = [yaml.SafeLoader, *([yaml.CSafeLoader] if hasattr(yaml, "CSafeLoader") else [])]
BASE = read_yaml("layers: [784, 30, 10]\noptimizer: sgd\nepochs: 3\na: {b: [{}]}\n", "c.yaml")

YAMLISH = st.text("ab:{}[],-?&*!|>%@`'\"#\\ \n\t\r.019~<x\ufeff\x85\u2028é😀")
ANYTHING = st.binary() | st.text(st.characters()) | YAMLISH | YAMLISH.map("a: ".__add__)


def told(error: ConfigError, start: str) -> None:
    """Every problem is one printable line that starts with its place."""
    assert error.problems
    assert all(line.startswith(start) and line.isprintable() for line in error.problems)


@pytest.mark.parametrize("loader", LOADERS)
@given(text=ANYTHING)
def test_nothing_but_config_errors(loader: Any, text: str | bytes) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(yaml12, "LOADER", loader)
        try:
            assert isinstance(read_yaml(text, "c.yaml").data, dict)
        except ConfigError as error:
            told(error, "c.yaml:")


@given(st.lists(st.text(st.characters()) | YAMLISH | st.tuples(st.text("ab.01="), YAMLISH).map("=".join), max_size=3))
def test_nothing_but_config_errors_from_overrides(overrides: list[str]) -> None:
    try:
        assert isinstance(with_overrides(BASE, overrides).data, dict)
    except ConfigError as error:
        told(error, "-s ")


UNITS = ["[", "{", "- ", "? ", "a: ", "a: 1\n", "9", "x", "x ", "\n", " ", "# c\n", "'", '"', "\\n", '"\\n" ', "---\n"]
UNITS += ["a:\n ", "&a ", "!a ", "*a,", "[*a,", "{a,", "{? ", "\r", "\t", "%a\n", "é", "\ufeff", "a,", "!%41", "...\n"]
UNITS += ["[],", "&a [", "{a: &a ", "!<x> ", "]", "|\n ", "| ", "a: |\n ", "a: x\n...\n", "\\U0001f600", "''", ": "]

SCRIPT = """
import json, resource, sys, time
from vgrad.errors import ConfigError
from vgrad.document.document import read_yaml
seconds, size, units = json.load(sys.stdin)
resource.setrlimit(resource.RLIMIT_AS, (size, size))
repeated = [unit * (2**20 // len(unit.encode())) for unit in units]
repeated += ["a: " + text[:-3] for text in repeated] + [text[:2**17] for text in repeated]
worst = ["x" * 10**7, "[" * 100_000, "a: " + "9" * 5000, "[" + "".join(f"&x{i} a," for i in range(99_999))]
worst += ["".join(f"a{i}: &a{i} [{', '.join([f'*a{i - 1}' if i else 'x'] * 10)}]\\n" for i in range(30))]
worst += ["a0: &a0 x\\n" + "".join(f"a{i}: &a{i} {{l: *a{i - 1}, r: *a{i - 1}}}\\n" for i in range(1, 500))]
worst += ["".join(f"%TAG !{i}! x\\n" for i in range(60_000)) + "--- a"]
worst += ["a: 1\\n...\\n" + "".join(f"%TAG !{i}! x\\n" for i in range(60_000)) + "--- a"]
for text in repeated + worst:
    start = time.perf_counter()
    try:
        read_yaml(text, "c.yaml").data
        if text in worst:
            print("accepted:", ascii(text[:20]))
    except ConfigError:
        pass
    if time.perf_counter() - start > seconds:
        print("slow:", time.perf_counter() - start, ascii(text[:20]))
"""


@pytest.mark.parametrize("units", [UNITS[::8], pytest.param(UNITS, marks=pytest.mark.slow)], ids=["some", "all"])
def test_hostile_files_are_refused_in_time_and_memory(units: list[str]) -> None:
    told = json.dumps([HOSTILE_SECONDS, HOSTILE_BYTES, units])
    done = subprocess.run([sys.executable, "-c", SCRIPT], input=told, capture_output=True, text=True, timeout=100)
    assert (done.stdout, done.stderr, done.returncode) == ("", "", 0)
