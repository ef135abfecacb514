"""The studies that come with vgrad, told: name, question, source, and how long each takes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from vgrad.config.problems import validated
from vgrad.document.document import load_yaml
from vgrad.runs.index import is_study
from vgrad.study.files import read_outcome
from vgrad.study.names import ALIASES, HERE, STUDIES
from vgrad.study.published import Contents
from vgrad.text.numbers import MISSING
from vgrad.text.sheet import Column, Sheet


def shipped(runs: Path) -> list[dict[str, Any]]:
    """A row a study, as --json tells it; seconds are of two cores, None where they were not measured; `outcome` is that
    of the study in full below `runs`, None where it has none."""
    found = []
    for name in STUDIES:
        contents = validated(Contents, load_yaml(HERE / f"{name}.yaml").root.plain())
        also = [alias for alias, of in ALIASES.items() if of == name]
        told = {key: getattr(contents, key) for key in ("title", "source", "url", "seeds")}
        counts = {
            "claims": sum(len(each.claims) for each in contents.experiments),
            "figures": sum(len(each.figures) + bool(each.curves) for each in contents.experiments),
        }
        takes = {"quick_seconds": contents.takes.quick, "seconds": contents.takes.full}
        found.append({"study": name, "also": also, **told, **counts, **takes, "outcome": _outcome(runs / name)})
    return found


def _outcome(folder: Path) -> dict[str, Any] | None:
    """Verdict, how many claims hold and fail, and p of the published runs; RunStateError for a damaged one."""
    if not is_study(folder):
        return None
    study = read_outcome(folder).study
    verdicts = [claim.verdict for claim in study.claims]
    counts = {name: verdicts.count(name) for name in ("holds", "fails")}
    return {"verdict": study.verdict, **counts, "p": study.p}


def _told(row: dict[str, Any]) -> str:
    """`reproduced, 8 of 8`, `not reproduced, 3 of 4` claims; `reproduced, p = 0.79` of figures."""
    outcome = row["outcome"]
    if outcome is None:
        return MISSING
    if row["claims"]:
        return f"{outcome['verdict']}, {outcome['holds']} of {row['claims']}"
    return outcome["verdict"] if outcome["p"] is None else f"{outcome['verdict']}, p = {outcome['p']:.2g}"


def lay_out(rows: list[dict[str, Any]]) -> Sheet:
    """The same as a table."""
    cells = [
        (
            ", ".join([row["study"], *row["also"]]),
            f"{row['title']} {row['source']}",
            str(row["claims"] or MISSING),
            str(row["figures"] or MISSING),
            duration(row["quick_seconds"]),
            duration(row["seconds"]),
            _told(row),
        )
        for row in rows
    ]
    study, title, *others = (tuple(row[at] for row in cells) for at in range(7))
    names = ("claims", "figures", "--quick", "in full", "here")
    return Sheet(
        (Column("study", study, numeric=False),),
        tuple(Column(name, column) for name, column in zip(names, others, strict=True)),
        "vgrad reproduce STUDY trains a study again and judges it.",
        (
            "--quick, in full: about how long it takes on two cores. here: what came of it, of how many claims, "
            "below --runs-dir.",
        ),
        "",
        "A study of your own is a YAML file: docs/studies.md.",
        tuple((told,) for told in title),
    )


def duration(seconds: float | None) -> str:
    """`40 s`, `12 min`, `1.5 h`."""
    if seconds is None:
        return MISSING
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
