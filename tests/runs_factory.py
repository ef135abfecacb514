"""The one way in which tests make runs: each config is trained once a worker and copied where it is wanted.

trained(folder, tree)                the directory of the complete run, below `folder`
interrupted(folder, tree, after=1)   the same, as a run that was stopped after that epoch leaves it
"""

from __future__ import annotations

import functools
import json
import shutil
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from vgrad.config.check import check
from vgrad.runs.runner import run
from vgrad.training.record import EpochRecord
from vgrad.training.rule import Cancelled


def trained(folder: Path, tree: Mapping[str, Any]) -> Path:
    """The directory of a run with this config."""
    return _copied(folder, json.dumps(tree), None)


def interrupted(folder: Path, tree: Mapping[str, Any], after: int = 1) -> Path:
    """The directory of a run that was stopped, with the epochs up to `after` saved."""
    return _copied(folder, json.dumps(tree), after)


def _copied(folder: Path, tree: str, after: int | None) -> Path:
    original = _made(tree, after)
    return Path(shutil.copytree(original, folder / original.name))


@functools.cache
def _home() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="runs-", ignore_cleanup_errors=True)


@functools.cache
def _made(tree: str, after: int | None) -> Path:
    """The original, which nobody changes."""
    config, folder, seen = check(json.loads(tree)), Path(tempfile.mkdtemp(dir=_home().name)), list[int]()
    with suppress(Cancelled):
        events = run(config, folder, cancelled=lambda: after in seen)
        seen.extend(event.epoch for event in events if isinstance(event, EpochRecord))
    assert after is None or seen[-1] == after
    return folder / config.run_name
