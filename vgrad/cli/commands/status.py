"""`vgrad status`: how far the sweeps are, from another shell."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from vgrad.cli.options import Json, readable
from vgrad.errors import SweepError

Folder = Annotated[
    Path, typer.Argument(metavar="DIR", parser=readable, help="A sweep's folder, or the one that has them.")
]


def status(folder: Folder = Path("runs"), as_json: Json = False) -> None:
    """Tell how far the sweeps below DIR are, with their active runs and failures; exits 6 when some cannot be read."""
    from vgrad.cli.screen.streams import answer
    from vgrad.sweep.tally import read_statuses

    found, problems = read_statuses(folder)
    if as_json:
        answer(json.dumps(found, indent=2))
    else:
        for tree in found:
            for line in _lines(tree):
                answer(line)
        if not found and not problems:
            answer(f"no sweep has run below {folder}")
    if problems:
        raise SweepError(*problems)


def _lines(tree: dict[str, Any]) -> list[str]:
    """One sweep. The file is only a report, and may be anyone's: what is missing is left out."""
    from vgrad.text.escapes import printable
    from vgrad.text.plain import duration

    done = sum(int(tree.get(key) or 0) for key in ("trained", "skipped", "failed"))
    head = (
        f"{printable(str(tree['folder']), 200)}: {printable(str(tree.get('state')))}, {done}/{tree.get('total')} runs"
    )
    for key, word in (("failed", "failed"), ("diverged", "diverged")):
        head += f", {tree[key]} {word}" if tree.get(key) else ""
    if tree.get("state") == "running":
        head += f", {tree['per_minute']:.3g} a minute" if tree.get("per_minute") else ""
        head += f", {duration(tree['seconds_left'])} left" if tree.get("seconds_left") is not None else ""
    else:
        head += f", {duration(tree['age'])} ago"
    lines = [head]
    for run in tree.get("active") or []:
        cost = "" if run.get("cost") is None else f"  cost {run['cost']:.4g}"
        lines.append(f"  {printable(str(run.get('run')), 120)}  epoch {run.get('epoch')}/{run.get('epochs')}{cost}")
    for failure in tree.get("failures") or []:
        lines.append(f"  FAILED {printable(str(failure.get('run')), 120)}: {printable(str(failure.get('cause')), 400)}")
    return lines
