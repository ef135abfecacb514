"""`vgrad ls`: the runs in a directory."""

from __future__ import annotations

import sys
import textwrap
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from vgrad.cli.options import Json, readable
from vgrad.cli.selection import Tags, Where, select
from vgrad.errors import SweepError
from vgrad.storage.json import strict
from vgrad.text.escapes import shown

if TYPE_CHECKING:
    from vgrad.runs.stored import StoredRun

_HEADER = ("name", "hash", "seed", "layers", "activation", "status", "epochs", "val. acc.", "ratio", "verdict", "tags")


def ls(
    folder: Annotated[Path, typer.Argument(metavar="[DIR]", parser=readable, help="Where run directories are.")] = Path(
        "runs"
    ),
    where: Where = "",
    tags: Tags = None,
    sort: Annotated[str, typer.Option("--sort", metavar="NAME", help="By a key or value; -NAME descends.")] = "",
    as_json: Json = False,
) -> None:
    """List the runs in a directory and in its folders, which are those of sweeps.

    Layers such as 784-20×30-10 have twenty hidden layers of 30. The ratio is that of ||delta|| of the last hidden layer
    to the first before training. The verdict is one word for how the gradient behaves, and whether the accuracy at the
    end is above chance. Damaged runs are listed as such, without --where and --tag; the command then exits 6.
    """
    from vgrad.cli.screen.streams import Screen, answer
    from vgrad.runs.index import find_runs

    paths = find_runs(folder)
    found = select(paths, where, tags or (), sort)
    entries = {run.path: _entry(run, folder) for run in found.runs}
    if not (where or tags):
        told = {path: _damaged(path, folder, problems) for path, problems in found.damaged.items()}
        entries = entries | told if sort else {path: (entries | told)[path] for path in paths}
    listed = list(entries.values())
    if as_json:
        answer(strict(listed))
    elif listed:
        screen = Screen(sys.stdout)
        answer("\n".join(_lines(listed, screen.width if screen.is_terminal else 10**6)))
    elif not found.damaged:
        Screen(sys.stderr).say_words(f"no runs in {shown(folder)}; vgrad train CONFIG makes one")
    if found.damaged:
        raise SweepError(*found.problems)


def _damaged(path: Path, folder: Path, problems: list[str]) -> dict[str, Any]:
    return {"run": str(path), "name": _place(path, folder), "status": "damaged", "reason": "; ".join(problems)}


def _entry(run: StoredRun, folder: Path) -> dict[str, Any]:
    from vgrad.runs.summary import learning_of, run_cause, run_verdict
    from vgrad.runs.tags import tags_of

    config = run.config
    above = run.path.parent
    prefix = "" if above == folder or run.path == folder else f"{above.name}/"
    return {
        "run": str(run.path),
        "name": f"{prefix}{config.name}",
        "hash": run.identity,
        "seed": config.seed,
        "layers": list(config.sizes),
        "activation": [choice.name for choice in config.activations],
        "status": run.status,
        "epoch": run.epoch,
        "epochs": config.epochs,
        "validation_accuracy": run.summary["final"].get("validation_accuracy"),
        "last_first_ratio": run.summary["gradient"].get("start", {}).get("last_first_ratio"),
        "verdict": run_verdict(run.summary),
        "cause": run_cause(run.summary),
        "learning": learning_of(run.summary),
        "tags": tags_of(run.path),
    }


def _place(path: Path, folder: Path) -> str:
    return str(path.relative_to(folder)) if path != folder else path.name


def _cells(entry: Mapping[str, Any]) -> list[str]:
    from vgrad.text.plain import measure, ratio, shape

    if entry["status"] == "damaged":
        return [shown(entry["name"]), "-", "-", "-", "-", "damaged", "-", "-", "-", "-", ""]
    done = "-" if entry["epoch"] is None else entry["epoch"]
    return [
        shown(entry["name"]),
        entry["hash"],
        str(entry["seed"]),
        shape(entry["layers"], most=7),
        "/".join(dict.fromkeys(entry["activation"])) or "-",
        entry["status"],
        f"{done}/{entry['epochs']}",
        measure("validation_accuracy", entry["validation_accuracy"]),
        ratio(entry["last_first_ratio"]),
        ", ".join(filter(None, (entry["verdict"], entry["learning"]))) or "-",
        ", ".join(entry["tags"]),
    ]


def _lines(entries: list[dict[str, Any]], width: int) -> list[str]:
    """A table; on a terminal too narrow for it, each run's directory with the rest of its row below."""
    from vgrad.text.plain import table

    rows = [_cells(entry) for entry in entries]
    tagged = len(_HEADER) if any(row[-1] for row in rows) else -1
    told_rows = [row[:tagged] for row in (list(_HEADER), *rows)]
    lines = [line.rstrip() for line in table(told_rows, left=(0, 1, 3, 4, 5, 9, 10), width=width)]
    if max(map(len, lines)) <= width:
        return lines
    told: list[str] = []
    for entry, cells in zip(entries, rows, strict=True):
        _, _, _, layers, activation, status, epochs, accuracy, factor, verdict, tags = cells
        words = [
            layers,
            activation,
            status,
            epochs,
            accuracy.replace(" %", "\xa0%"),
            f"ratio\xa0{factor}",
            verdict,
            tags,
        ]
        rest = [status] if status == "damaged" else list(filter(None, words))
        told.append(shown(Path(entry["run"]).name))
        told += textwrap.wrap(
            "  ".join(rest), width, initial_indent="  ", subsequent_indent="  ", break_on_hyphens=False
        )
    return [line.replace("\xa0", " ") for line in told]
