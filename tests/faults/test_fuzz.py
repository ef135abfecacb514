"""Thousands of damaged and hostile inputs through the real command line; see fuzzlab.py for what each case must do."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

import forked
import pytest
from project import FULL, HANGS

LAB = Path(__file__).with_name("fuzzlab.py")
SURFACES = {"fields", "config", "override", "init", "idx", "checkpoint", "run", "sealed"}


def fuzzed(*words: object, seconds: float) -> dict[str, Any]:
    """What fuzzlab.py found: `seed` with the number of cases makes the same cases again."""
    done = forked.run([sys.executable, str(LAB), *map(str, words)], capture_output=True, text=True, timeout=seconds)
    assert done.returncode in (0, 1), done.stderr[-2000:]
    result: dict[str, Any] = json.loads(done.stdout)
    print(json.dumps(result, indent=2))
    return result


def test_what_ever_failed_stays_mended() -> None:
    result = fuzzed("corpus", seconds=100)
    assert result["failures"] == []
    assert result["cases"] == len(list(LAB.with_name("corpus").iterdir()))


def test_a_few_hostile_inputs_of_every_kind() -> None:
    result = fuzzed(120, 1, seconds=100)
    assert result["failures"] == []
    assert result["cases"] >= 120
    assert set(result["by_surface"]) == SURFACES


@pytest.mark.slow
@pytest.mark.timeout(HANGS)
def test_thousands_of_hostile_inputs() -> None:
    number = int(os.environ.get("VGRAD_FUZZ_SEED", "1"))  # the same inputs for all; another number for others
    cases = 20_000 if FULL else 2_000
    result = fuzzed(cases, number, seconds=HANGS)
    assert result["failures"] == [], f"again with VGRAD_FUZZ_SEED={number}"
    assert result["cases"] >= cases


@pytest.mark.slow
@pytest.mark.timeout(HANGS)
def test_every_field_of_every_file_of_a_study_a_sweep_and_runs() -> None:
    """Some 32,000 cases, or one in 79 of them."""
    number = int(os.environ.get("VGRAD_FUZZ_SEED", "1"))
    share = 1 if FULL else 79
    result = fuzzed("fields", share, number, seconds=HANGS)
    assert result["failures"] == [], f"again with VGRAD_FUZZ_SEED={number}"
    assert result["cases"] >= 24_000 // share


LIAR = """
import sys; sys.path.insert(0, sys.argv[1])
import json, time, fuzzlab
from pathlib import Path
here = None
def bad(kind):
    if kind == "crash": raise KeyError("x")
    if kind == "silent": return 3
    if kind == "unknown": return 7
    if kind == "lines": print("vgrad: one\\ntwo", file=sys.stderr); return 2
    if kind == "escape": print("vgrad: \\x1b[2J", file=sys.stderr); return 2
    if kind == "answer": print("\\x1b[2J"); return 0
    if kind == "warns": import warnings; warnings.warn("x"); return 0
    if kind == "slow": time.sleep(1.1); return 0
    if kind == "hangs":
        while True: time.sleep(0.01)
    if kind == "large": here.kept = b"x" * (600 * 2**20); return 0
    return 0
with fuzzlab.lab() as here:
    fuzzlab.HANGS, fuzzlab.SECONDS = 3, 1.0
    here.commands.add("bad")
    fuzzlab.cli.run = lambda words: bad(words[1])
    fuzzlab.Lab.config = lambda lab, payload: lab.command("bad", payload.decode()).wrong
    found = {kind: here.case("config", kind.encode()) for kind in sys.argv[2:]}
print(json.dumps(found))
"""


def test_the_lab_sees_every_breach() -> None:
    kinds = ["fine", "crash", "silent", "unknown", "lines", "escape", "answer", "warns", "slow", "hangs", "large"]
    done = forked.run([sys.executable, "-c", LIAR, str(LAB.parent), *kinds], capture_output=True, text=True)
    found = json.loads(done.stdout)
    assert [kind for kind in kinds if not found[kind]] == ["fine"]
