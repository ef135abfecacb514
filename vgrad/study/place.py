"""Where the outcome of a study lies: not on files of a run, nor on the outcome of another study of the same name."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from vgrad.errors import RunStateError
from vgrad.runs.index import STUDY, is_run
from vgrad.storage import refuse_link
from vgrad.storage.json import read_json
from vgrad.study.published import Study
from vgrad.text.escapes import printable

MOST_SUFFIX = 60


def folder_name(study: str, settings: Sequence[str]) -> str:
    """The study's name; what was set differently is added, so that its outcome has a folder of its own."""
    parts = [re.sub(r"[^A-Za-z0-9._=,+]+", "_", text.replace(" ", "")) for text in settings]
    name = "-".join([study, *parts])
    if len(name) <= MOST_SUFFIX:
        return name
    return f"{name[:MOST_SUFFIX]}-{hashlib.sha256(repr(list(settings)).encode()).hexdigest()[:8]}"


def check_place(folder: Path, study: Study) -> None:
    """RunStateError where the outcome of `study` would lie on what is not its own; StorageError where `folder` is a
    link. An earlier outcome of the same study is replaced, also after its figures or sweeps were edited."""
    refuse_link(folder)
    shown, remedy = printable(str(folder), 200), "give the study another name, or choose another --runs-dir"
    if is_run(folder):
        raise RunStateError(f"{shown}: is a run; {remedy}")
    try:
        there = read_json(folder / STUDY)
    except RunStateError:  # damaged; it is made again from the runs
        return
    if there is not None and not _is_of(there, study):
        raise RunStateError(f"{shown}: holds the outcome of another study; {remedy}")


def _is_of(tree: dict[str, Any], study: Study) -> bool:
    """Whether study.json is that of `study`: the same title and source, and an experiment in common."""
    own, rows = study.contents, tree.get("experiments")
    theirs = {str(row.get("name")) for row in rows if isinstance(row, dict)} if isinstance(rows, list) else set()
    same = (tree.get("title"), tree.get("source"), tree.get("url")) == (own.title, own.source, own.url)
    return same and not theirs.isdisjoint(experiment.name for experiment in own.experiments)
