"""The formats of a study's table: those made of a sheet, and CSV, JSON and the page written from the outcome."""

from __future__ import annotations

import csv
from dataclasses import asdict, fields
from io import StringIO
from typing import Any

from vgrad.storage.json import strict
from vgrad.study.outcome import Figure, Outcome
from vgrad.study.report.table import lay_out, provenance
from vgrad.text import escapes
from vgrad.text.formats import writers

SCHEMA = 1
OF_CLAIMS = ("claim", "source", "claimed", "agree", "p")
"""Columns of CSV that only claims have."""


def as_csv(outcome: Outcome) -> str:
    """Tidy: a line a figure, as figures.csv has it, with the runs behind it; numbers read back bit for bit. A part of a
    claim is a line, too, with what is claimed."""
    names, claims = [item.name for item in fields(Figure)], outcome.study.claims
    out = StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow([*names, "runs", *(OF_CLAIMS if claims else ())])
    for figure in outcome.figures:
        told = escapes.spreadsheet(provenance(outcome.of(figure)))
        writer.writerow([*(_cell(getattr(figure, name)) for name in names), told, *("" for _ in OF_CLAIMS if claims)])
    for claim in claims:
        for part in claim.parts:
            row: dict[str, Any] = {
                "experiment": claim.experiment,
                "figure": claim.claim,
                "label": part.label,
                "verdict": claim.verdict,
            }
            row |= {"scale": claim.scale, "n": part.n, "center": part.center, "low": part.low, "high": part.high}
            told = escapes.spreadsheet(provenance((), [claim]))
            own = (claim.text, claim.source, claim.claimed, part.agree, part.p)
            writer.writerow([*(_cell(row.get(name)) for name in names), told, *map(_cell, own)])
    return out.getvalue()


def _cell(value: Any) -> str:
    return "" if value is None else escapes.spreadsheet(value) if isinstance(value, str) else repr(value)


def as_json(outcome: Outcome) -> str:
    """Everything in the folder as one object; under each figure the value of every run by name."""
    tree: dict[str, Any] = {
        "schema": SCHEMA,
        **outcome.study.model_dump(),
        "figures": [
            {
                **asdict(figure),
                "runs": [{"run": value.run, "seed": value.seed, "value": value.value} for value in outcome.of(figure)],
            }
            for figure in outcome.figures
        ],
        "curves": [asdict(curve) for curve in outcome.curves],
        "neurons": [asdict(neuron) for neuron in outcome.neurons],
        **({"overview": [asdict(each) for each in outcome.overview]} if outcome.overview else {}),
    }
    return strict(tree, indent=1) + "\n"


def as_page(outcome: Outcome) -> str:
    """The page, with the pictures."""
    from vgrad.study.report.page import render as render_page

    return render_page(outcome)


STUDY_FORMATS = writers(lay_out, {"csv": as_csv, "json": as_json, "html": as_page})
"""What a study is written in: text/formats.py has the names and the endings."""
