"""Nothing that a command writes goes through, over or behind what is no file; see obstacles.py for what is tried."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import forked
import pytest
from project import FULL, HANGS

SCRIPT = Path(__file__).with_name("obstacles.py")


def walk(*words: object, seconds: float) -> dict[str, Any]:
    command = [sys.executable, str(SCRIPT), *map(str, words)]
    done = forked.run(command, capture_output=True, text=True, timeout=seconds)
    assert done.returncode == 0, done.stderr
    result: dict[str, Any] = json.loads(done.stdout)
    return result


def test_some_obstacles_in_the_place_of_what_training_writes() -> None:
    result = walk(30, "train", seconds=100)
    assert result["failures"] == []
    assert result["cases"] > 4


@pytest.mark.slow
@pytest.mark.timeout(HANGS)
def test_every_obstacle_in_the_place_of_everything_that_is_written() -> None:
    every = 1 if FULL else 11
    result = walk(every, seconds=HANGS)
    assert result["failures"] == []
    assert result["cases"] > 600 // every
