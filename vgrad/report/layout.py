"""A comparison laid out as a sheet: the words of its cells, its caption and its notes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from math import log10, sqrt

from vgrad.report.keys import DIGESTS, Scalar, text, varying
from vgrad.report.runs import Run, configs
from vgrad.report.series import keyed
from vgrad.report.table import ABSENT, CI, DIVERGED, INFINITE, SD, SE, Cell, Table
from vgrad.report.theory.held import held
from vgrad.report.values import THEORY, Value, parts, verdict_changes
from vgrad.runs.summary import AT_CHANCE, LEARNED
from vgrad.statistics import EXACT, LEAST
from vgrad.text.numbers import MISSING, counted, p_value, plus_minus, significant, times_over
from vgrad.text.sheet import Column, Sheet, named
from vgrad.vanishing import DEAD

PLAIN = ("false", "0", "–", "constant", "float64", "")
"""What a constant key need not be told for: it is off, or there are no hidden layers that it is of."""
MOST_TOLD = 8
UNTOLD = (
    "layers.depth",
    "layers.width",
    "monitor",
    "data.scale",
    "shuffle",
    "dtype",
    "seed",
    "data.split_seed",
    *DIGESTS,
)


def lay_out(table: Table) -> Sheet:
    """The sheet of a table."""
    labels = [
        Column(key, tuple(_label(key, row[index]) for row in table.rows), numeric=_numeric(table.rows, index))
        for index, key in enumerate(table.row_keys)
    ]
    counted = [] if table.column_keys else _runs_column(table)
    columns = [column for at in table.columns for value in table.values for column in _columns(table, at, value)]
    told = provenance(table.runs)
    return Sheet(tuple(labels + counted), tuple(columns), _caption(table), _notes(table), told, _origin(table, told))


def _origin(table: Table, told: str) -> str:
    hashes = {run.hash for run in table.runs}
    if len(hashes) <= MOST_TOLD:
        return f"Runs: {told}."
    return f"Runs: {len(hashes)} configs; --format csv or json names them by hash and seed."


def _label(key: str, content: Scalar) -> str:
    """A digest in as many digits as the hash of a run."""
    return text(content)[:8] if key in DIGESTS and content is not None else text(content)


def _numeric(keys: Sequence[tuple[Scalar, ...]], index: int) -> bool:
    return all(isinstance(key[index], int | float) for key in keys)


def _runs_column(table: Table) -> list[Column]:
    """How many runs a row has, where that is not one each."""
    counts = [max(len(cell.runs) for at, cell in table.cells.items() if at[0] == row) for row in table.rows]
    return [Column("n", tuple(map(str, counts)))] if set(counts) != {1} else []


def _sizes(table: Table) -> set[int]:
    """How many runs cells have."""
    return {len(cell.runs) for cell in table.cells.values()}


def _columns(table: Table, at: tuple[Scalar, ...], value: Value) -> list[Column]:
    """The column of a value, and that of its differences where there is a baseline."""
    head = ", ".join(
        keyed(key, _label(key, part) if key in DIGESTS else part, table.column_keys)
        for key, part in zip(table.column_keys, at, strict=True)
    )
    if value.title in table.row_keys:  # what the config says is not what was done
        value = replace(value, title=f"{value.title} measured")
    panel = value.panel if not head else ""
    percent = " %" if value.kind == "accuracy" else ""
    alone = bool(head) and len(table.values) == 1
    title = head if alone else f"{head}: {value.title}{percent}" if head else f"{value.title}{percent}"
    cells = [table.cell(row, at, value) for row in table.rows]
    counted = bool(table.column_keys) and len(_sizes(table)) > 1
    told = tuple(show(cell, table.spread, counted=counted) for cell in cells)
    shades = tuple(_decades(cell) for cell in cells) if value.name.startswith("last_first_ratio") else ()
    ranks = tuple(cell.rank if cell else None for cell in cells)
    over = (head, f"{value.title}{percent}") if head and not alone else None
    found = [Column(title, told, panel, value.short if panel else "", value.kind != "word", shades, ranks, over)]
    if any(cell and cell.difference for cell in cells):
        sign = "÷" if value.kind == "factor" else "–"
        counted = len(_pairs(table)) > 1
        differences = tuple(show_difference(cell, counted=counted) for cell in cells)
        found.append(Column(f"{sign} baseline", differences, panel, over=(head, f"{sign} baseline") if over else None))
    return found


def _decades(cell: Cell | None) -> float | None:
    return log10(cell.estimate.center) if cell and cell.estimate and cell.estimate.center > 0 else None


def show(cell: Cell | None, spread: str = CI, *, counted: bool = False) -> str:
    """A cell in a few characters; `counted` adds the number of runs where there are several."""
    if cell is None:
        return ""
    told = _words(cell) if cell.words else _number(cell, spread)
    if counted and len(cell.numbers) > 1:
        told += f" (n={len(cell.numbers)})"
    if cell.watched and len(cell.runs) > 1:
        reached = f"{len(cell.numbers)} of {len(cell.runs)} reach it"
        return f"{told}, {reached}" if cell.estimate else reached
    lost = [f"{count} {why}" for why, count in cell.lost.items() if why != ABSENT or len(cell.runs) > 1]
    if not cell.numbers and not cell.words:
        return next((why for why in (DIVERGED, INFINITE) if why in cell.lost), MISSING)
    return f"{told}, {', '.join(lost)}" if lost else told


def _words(cell: Cell) -> str:
    if len(cell.words) == 1 and len(cell.runs) > 1 and cell.lost:
        word, count = next(iter(cell.words.items()))
        return f"{count} {word}"
    return counted(cell.words)


def _number(cell: Cell, spread: str) -> str:
    found = cell.estimate
    if found is None:
        return MISSING
    scale = 100 if cell.kind == "accuracy" else 1
    if cell.kind == "count":
        greatest = MISSING if found.greatest is None else f"{found.greatest:g}"
        return f"{found.median:g}" + ("" if found.least == found.greatest else f" [{found.least:g}, {greatest}]")
    if found.n >= LEAST and found.low is None:
        return f"{found.center * scale:.2f}" if cell.kind == "accuracy" else significant(found.center)
    if found.low is None or found.high is None or found.spread is None:  # too few for an interval: the values
        ordered = sorted(cell.numbers.values())
        return ", ".join(f"{each * scale:.2f}" if cell.kind == "accuracy" else significant(each) for each in ordered)
    if cell.multiplicative:
        factor = {SD: found.spread, SE: found.spread ** (1 / sqrt(found.n)), CI: found.high / found.center}[spread]
        return times_over(found.center, factor)
    half = {SD: found.spread, SE: found.spread / sqrt(found.n), CI: (found.high - found.low) / 2}[spread] * scale
    return plus_minus(found.center * scale, found.center * scale - half, found.center * scale + half)


def show_difference(cell: Cell | None, *, counted: bool = False) -> str:
    """The difference to the baseline with its interval and adjusted p; `counted` adds the number of pairs."""
    if cell is None or cell.difference is None:
        return ""
    found, scale = cell.difference, 100 if cell.kind == "accuracy" else 1
    pairs = f" (n={found.n})" if counted else ""
    if found.low is None or found.high is None:
        return significant(found.center * scale) + pairs
    if cell.multiplicative:
        shown = f"{significant(found.center)} [{significant(found.low)}, {significant(found.high)}]"
    else:
        shown = plus_minus(found.center * scale, found.low * scale, found.high * scale)
    return (shown if cell.p is None else f"{shown}, {p_value(cell.p)}") + pairs


def _caption(table: Table) -> str:
    """How many runs there are and what they share."""
    seeds = sorted({run.seed for run in table.runs})
    count = f"{len(table.runs)} run{'s' if len(table.runs) != 1 else ''}"
    told = f"seed {seeds[0]}" if len(seeds) == 1 else f"{len(seeds)} seeds"
    shared = ", ".join(_told(table.constant, leave=table.row_keys))
    return f"{count}, {told}. The same for all: {shared}." if shared else f"{count}, {told}."


def _told(constant: Mapping[str, Scalar], leave: Sequence[str]) -> list[str]:
    shown = []
    for key, value in constant.items():
        written = text(value)
        if key in UNTOLD or key in leave or key.startswith("probes.") or written in PLAIN:
            continue
        shown.append(f"{key.removeprefix('optimizer.').removeprefix('data.')} {written}")
    return shown


def _notes(table: Table) -> tuple[str, ...]:
    """What the symbols mean, only those that stand in the table."""
    names = [value.name for value in table.values]
    cells = table.cells.values()
    kinds = {cell.kind for cell in cells if cell.estimate and cell.estimate.low is not None}
    examples = table.constant.get("probes.examples")
    notes = []
    if any(name.startswith("delta_norm[") or parts(name)[0] in THEORY for name in names):
        over = f"{examples} training examples" if examples else "the probe examples"
        notes.append(f"‖δˡ‖: norm of the mean over {over} of dC/dz in layer l.")
    if any(name.startswith("last_first_ratio") for name in names):
        notes.append("last/first: ‖δˡ‖ of the last hidden layer over that of the first, before training.")
    if any(name.startswith("decay_factor") for name in names):
        notes.append("decay per layer: by what factor ‖δˡ‖ falls from one hidden layer to the one before, on average.")
    if any(name.startswith(_OF_SPEED) for name in names) and any(run.config.get("batch_norm") for run in table.runs):
        notes.append(
            "With batch norm the speed of a layer is the mean of ‖δˡ‖ over examples, not the norm of the mean, which "
            "says nothing there."
        )
    if any(name.startswith("verdict") for name in names) and any(run.config.get("residual") for run in table.runs):
        notes.append(
            "With residual connections ‖δˡ‖ = ‖dC/dbˡ‖ may grow towards the input where weight gradients do not."
        )
    notes += _verdict_notes(table, names)
    if any(len(cell.numbers) == 2 and cell.kind not in ("count", "word") for cell in cells):
        notes.append("Two values are those of two seeds: too few for an interval.")
    notes += _theory_notes(table)
    found = [
        cell.estimate
        for at, cell in table.cells.items()
        if cell.estimate and cell.kind != "count" and parts(at[2])[0] not in THEORY
    ]
    if any(each.n >= LEAST and each.low is None for each in found):
        notes.append("A number that is the same in all runs has no interval: nothing is known of its scatter.")
    if kinds & {"accuracy", "number", "decades"}:
        notes.append(f"±: {_SPREADS[table.spread]} over seeds.")
    if "factor" in kinds:
        also = "" if kinds & {"accuracy", "number", "decades"} else f" {_SPREADS[table.spread]} over seeds"
        notes.append(f"×÷: geometric mean, and as a factor the{also or ' same'} of the logarithms.")
    counts = [cell.estimate for cell in cells if cell.kind == "count" and cell.estimate]
    if any(found.least != found.greatest for found in counts):
        notes.append("[ ]: median with least and greatest.")
    if any(cell.watched for cell in cells):
        notes.append("Runs that do not reach a bound are in its median, by Kaplan and Meier; there is none below half.")
    sizes = _sizes(table)
    if table.column_keys and len(sizes) == 1 and sizes != {1}:
        notes.append(f"{sizes.pop()} runs a cell.")
    mixed = _mixed(table)
    if mixed:
        notes.append(f"Cells mix runs of different {', '.join(mixed)}: --where or --rows keeps them apart.")
    if table.baseline:
        pairs = " to ".join(dict.fromkeys(map(str, (_pairs(table)[0], _pairs(table)[-1]))))
        notes.append(
            f"baseline: {table.baseline}; differences (÷: quotients) of {pairs} pairs by seed, 95 % interval; "
            f"p of the exact sign-flip test (t test above {EXACT} pairs), adjusted by Holm over the table's hypotheses."
        )
    return tuple(notes)


def _theory_notes(table: Table) -> list[str]:
    """What theory's numbers are, and in how many networks it holds."""
    names = {parts(value.name)[0] for value in table.values} & set(THEORY)
    if not names:
        return []
    notes = ["predicted: the geometric mean over networks by mean-field theory, from the run's data alone, not fitted."]
    if names & {"predicted_low", "predicted_high"}:
        notes.append("low, high: where 95 % of networks are.")
    if "predicted_z" in names:
        notes.append("z: by how many standard deviations of log10 over networks it lies above the predicted one.")
    return [*notes, held(table.runs).told()]


_OF_SPEED = ("last_first_ratio", "decay_", "effective_depth", "verdict")


def _pairs(table: Table) -> list[int]:
    """How many pairs differences are of, the fewest first."""
    return sorted({cell.difference.n for cell in table.cells.values() if cell.difference}) or [0]


def _verdict_notes(table: Table, names: Sequence[str]) -> list[str]:
    """What the words mean that stand in the table."""
    told = {word for cell in table.cells.values() for word in cell.words}
    notes = []
    if any(name.startswith("verdict") for name in names):
        notes.append(f"{table.thresholds.told()} (--threshold).")
    if "verdict" in names:
        ended = "; dead and diverged: how the run ended" if told & {DEAD, DIVERGED} else ""
        changed = sum(verdict_changes(run, table.thresholds) for run in table.runs)
        runs = f"{changed} of {len(table.runs)} runs" if len(table.runs) > 1 else "this run"
        other = (
            f"; at the end, that of {runs} is another (verdict.end)" if changed and "verdict.end" not in names else ""
        )
        notes += [f"verdict: before training{ended}{other}."] if ended or other else []
    if any(word.startswith("saturated") for word in told):
        notes.append("saturated: units so near a bound of f that its slope is below 1 % of its largest, over examples.")
    if any(word.startswith("dead:") for word in told):
        notes.append("dead: units whose delta is exactly 0 on every probe example.")
    if any(name.startswith("effective_depth") for name in names):
        share = f"{table.thresholds.effective:g}"
        notes.append(f"effective depth: hidden layers whose ‖δˡ‖ is at least {share} of the largest.")
    if "learning" in names:
        notes.append(
            f"{LEARNED}: the 95 % interval of the accuracy at the end lies above the share of the most frequent class; "
            f"{AT_CHANCE}: it does not."
        )
    return notes


_SPREADS = {
    CI: "half of the 95 % t interval of the mean (--spread ci)",
    SE: "standard error of the mean (--spread se)",
    SD: "standard deviation (--spread sd)",
}


def _mixed(table: Table) -> list[str]:
    """Keys, seed aside, that differ between runs of one cell."""
    groups = {tuple(id(run) for run in cell.runs): cell.runs for cell in table.cells.values()}
    found = (
        varying([run.flat for run in configs(runs)]) for runs in groups.values() if len({run.hash for run in runs}) > 1
    )
    return list(dict.fromkeys(key for keys in found for key in keys))


def provenance(runs: Sequence[Run]) -> str:
    """Every run of the table as hash and seeds: `c87f3e66 s0-4, 8a1b2c3d s0 s2`."""
    return named((run.hash, run.seed) for run in runs)
