"""Why gradients vanish or explode, by mean-field theory: notes of a page."""

from __future__ import annotations

from vgrad.report.keys import Scalar
from vgrad.report.runs import Run
from vgrad.report.table import Table
from vgrad.text.plain import shape
from vgrad.theory.propagation.explanation import explanation

MOST, LOOKED_AT = 3, 12
"""Notes, and kinds of networks that are looked at for them; each takes a tenth of a second."""
GOES_BY = ("activation", "init", "layers.width", "batch_norm", "layer_norm", "residual")


def reasons(table: Table) -> list[str]:
    """A note on each kind of network that vanishes or explodes, the deepest run of the kind for all of it."""
    kinds: dict[tuple[tuple[str, Scalar], ...], Run] = {}
    for run in sorted(table.runs, key=lambda run: -run.hidden):
        kinds.setdefault(_kind(run), run)
    notes: list[str] = []
    for run in list(kinds.values())[:LOOKED_AT]:
        config = run.stored.config
        found = explanation(config, run.summary, table.thresholds)
        if found is not None and len(notes) < MOST:
            start = run.summary["gradient"]["start"]
            network = f"{shape(config.sizes, most=7)} ({run.flat['activation']}, s{run.seed})"
            notes.append(f"Why {network} is {start['verdict']}, by mean-field theory: {found.told()}.")
    return notes


def _kind(run: Run) -> tuple[tuple[str, Scalar], ...]:
    """What theory goes by beside depth."""
    return tuple((key, value) for key, value in run.flat.items() if key.split(".")[0] in GOES_BY or key in GOES_BY)
