"""The page's text: the template, with style and script named by hash in its security policy, and data as inert JSON."""

from __future__ import annotations

import base64
import hashlib
import json
import math
import re
from collections.abc import Sequence
from importlib.resources import files
from string import Template
from typing import Any

import numpy as np

from vgrad.report.keys import varying
from vgrad.report.layout import lay_out
from vgrad.report.page.opening import pair, sentences
from vgrad.report.page.reasons import reasons
from vgrad.report.runs import Run
from vgrad.report.series import label
from vgrad.report.table import Table
from vgrad.runs import tables
from vgrad.text.escapes import page as inert
from vgrad.text.escapes import visible
from vgrad.text.sheet import Column, Sheet
from vgrad.training.metrics import OTHERS

NORMS = ("delta_norm", "delta_norm_mean", "weight_gradient_norm")
MOST_RUNS = 60
DIGITS = 6  # significant: finer than a screen, and a third of the size


def render(table: Table) -> str:
    """The page of a table and of the curves of its runs."""
    sheet = lay_out(table)
    shown = _chosen(table)
    keys = varying([run.flat for run in table.runs]) or ["layers"]
    style, script, template = (
        files(__package__).joinpath(name).read_text(encoding="utf-8") for name in ("page.css", "page.js", "page.html")
    )
    told = f"Curves of {len(shown)} of {len(table.runs)} runs. " if len(shown) < len(table.runs) else ""
    return Template(template).substitute(
        title="How fast each layer learns",
        opening="\n".join(f"<p>{inert(told)}</p>" for told in sentences(table.runs)),
        caption=inert(sheet.caption),
        style=style,
        script=script,
        style_hash=digest(style),
        script_hash=digest(script),
        tables="\n".join(_tables(table, sheet, shown)),
        notes="\n".join(f"<li>{_raised(note)}</li>" for note in [*sheet.notes, *reasons(table)]),
        foot=inert(f"{told}Made by vgrad report from the runs {sheet.provenance}. Curves to {DIGITS} digits."),
        data=embedded({"runs": [_run(run, keys) for run in shown], "norms": _norms(shown), "pair": pair(shown)}),
    )


def _chosen(table: Table) -> list[Run]:
    """The runs whose curves are embedded: all, or one a row while there is room."""
    if len(table.runs) <= MOST_RUNS:
        return sorted(table.runs, key=lambda run: (run.hidden, run.hash, run.seed))
    firsts = {id(cell.runs[0]): cell.runs[0] for cell in table.cells.values()}
    return list(firsts.values())[:MOST_RUNS]


def digest(text: str) -> str:
    """What a security policy names a style or a script by."""
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def embedded(tree: object) -> str:
    """JSON that cannot end the script element that it stands in."""
    written = json.dumps(tree, separators=(",", ":"), allow_nan=False, ensure_ascii=True)
    return written.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _norms(runs: Sequence[Run]) -> list[str]:
    recorded = {probe for run in runs for probe in run.config["probes"]["record"]}
    return [norm for norm in NORMS if norm in recorded] or ["delta_norm"]


def _run(run: Run, keys: Sequence[str]) -> dict[str, Any]:
    gradients, metrics = run.stored.gradients, run.stored.metrics
    hidden = tables.hidden(gradients)
    epochs = sorted(set(hidden["epoch"].tolist()))
    probes = {
        norm: _rounded(hidden[norm].to_numpy(np.float64).reshape(len(epochs), run.hidden))
        for norm in NORMS
        if norm in hidden and len(epochs)
    }
    monitors = [name for name in tables.measured(metrics) if name not in OTHERS]
    return {
        "label": visible(f"{label(run, keys)} · s{run.seed} · {run.hash}"),
        "hidden": run.hidden,
        "units": run.config["layers"][1:-1],
        "epochs": epochs,
        "probes": probes,
        "neurons": _neurons(run),
        "metrics": {name: _rounded(metrics[name].to_numpy(np.float64)) for name in monitors},
    }


def _neurons(run: Run) -> dict[str, list[list[float]]]:
    table = run.stored.neurons
    table = table[table["layer"] <= run.hidden]
    found: dict[str, list[list[float]]] = {}
    for (epoch, _), rows in table.groupby(["epoch", "layer"]):
        found.setdefault(str(epoch), []).append(_rounded(rows["delta"].to_numpy(np.float64)))
    return found


def _rounded(values: Any) -> Any:
    if isinstance(values, np.ndarray):
        return [_rounded(value) for value in values.tolist()]
    if isinstance(values, list):
        return [_rounded(value) for value in values]
    return float(f"{values:.{DIGITS}g}") if math.isfinite(values) else None


def _tables(table: Table, sheet: Sheet, shown: Sequence[Run]) -> list[str]:
    """A table of what belongs to no panel, with the buttons that show a run below, and one of each panel."""
    columns = [*sheet.labels, *sheet.columns]
    panels = list(dict.fromkeys(column.panel for column in columns))
    return [_table(table, sheet, shown, panel) for panel in panels]


def _table(table: Table, sheet: Sheet, shown: Sequence[Run], panel: str) -> str:
    columns = [*sheet.labels, *(column for column in sheet.columns if column.panel == panel)]
    place = {id(run): index for index, run in enumerate(shown)}
    head = "".join(
        f'<th scope="col"{_kind(column)}><button type="button">{_raised(column.short or column.title)}</button></th>'
        for column in columns
    )
    rows = []
    for index, row in enumerate(table.rows):
        first = next(cell.runs[0] for at, cell in table.cells.items() if at[0] == row)
        name = " ".join(label.cells[index] for label in sheet.labels)
        cells = "".join(_cell(column, index, header=column is columns[0]) for column in columns)
        show = "" if panel else f"<td>{_buttons(place.get(id(first)), name)}</td>"
        rows.append(f"<tr>{cells}{show}</tr>")
    show = "" if panel else '<th scope="col">show</th>'
    told = f"<caption>{_raised(panel)}</caption>\n" if panel else ""
    name = f'aria-label="{inert(panel)}"' if panel else 'aria-labelledby="comparison"'
    body = chr(10).join(rows)
    inner = f"<table>\n{told}<thead><tr>{head}{show}</tr></thead>\n<tbody>\n{body}\n</tbody>\n</table>"
    kind = "scroll norms" if panel else "scroll"
    return f'<div class="{kind}" tabindex="0" role="region" {name}>\n{inner}\n</div>'


def _raised(text: str) -> str:
    """Text of an element; the layer of a norm is a superscript."""
    return _LAYER.sub(r"‖δ<sup>\1</sup>‖", inert(text))


_LAYER = re.compile(r"‖δ\^?(\(L-[0-9]+\)|[0-9]+|L|ˡ)‖")


def _kind(column: Column) -> str:
    return ' class="number"' if column.numeric else ""


def _cell(column: Column, index: int, *, header: bool) -> str:
    rank = column.ranks[index] if column.ranks else index
    told = f' data-rank="{inert(str(rank))}"' if rank is not None else ""
    tag, scope = ("th", ' scope="row"') if header else ("td", "")
    return f"<{tag}{scope}{_kind(column)}{told}>{inert(column.cells[index])}</{tag}>"


def _buttons(run: int | None, name: str) -> str:
    if run is None:
        return ""
    return " ".join(
        f'<button type="button" class="show" data-to="{side}" data-run="{run}" '
        f'aria-label="show {inert(name)} as {side.upper()}">{side.upper()}</button>'
        for side in "ab"
    )
