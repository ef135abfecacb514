"""Two runs side by side: what their configs differ in, and the first epoch and column at which their curves part."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from vgrad.report.keys import Scalar, text
from vgrad.report.runs import Run
from vgrad.runs.tables import measured
from vgrad.storage.json import dump_json
from vgrad.text.escapes import ascii_only, visible
from vgrad.text.numbers import significant

if TYPE_CHECKING:
    from pandas import DataFrame


@dataclass(frozen=True)
class Parting:
    """The first epoch at which two runs differ in a column; `layer` where it is one of gradients.csv."""

    column: str
    epoch: int
    layer: int | None
    first: float
    second: float


@dataclass(frozen=True)
class Difference:
    """`keys` maps the differing config keys to both values; `partings` are in the order of the columns."""

    first: Run
    second: Run
    keys: dict[str, tuple[Scalar, Scalar]]
    partings: tuple[Parting, ...]

    def tree(self) -> dict[str, object]:
        """As plain values, for JSON."""
        return {
            "schema": 1,
            "runs": [{"hash": run.hash, "seed": run.seed} for run in (self.first, self.second)],
            "config": {key: list(values) for key, values in self.keys.items()},
            "curves": [parting.__dict__ for parting in self.partings],
        }


def difference(first: Run, second: Run) -> Difference:
    """How two runs differ."""
    keys = {
        key: (first.flat.get(key), second.flat.get(key))
        for key in dict.fromkeys((*first.flat, *second.flat))
        if first.flat.get(key) != second.flat.get(key)
    }
    metrics = _partings(first.stored.metrics, second.stored.metrics, ["epoch"])
    gradients = _partings(first.stored.gradients, second.stored.gradients, ["epoch", "layer"])
    return Difference(first, second, keys, (*metrics, *gradients))


def _partings(first: DataFrame, second: DataFrame, index: list[str]) -> Iterable[Parting]:
    """Columns that both have, compared bit for bit on the rows that both have."""
    both = first.merge(second, on=index, suffixes=("_first", "_second"))
    for column in (name for name in measured(first) if name in second.columns):
        one, other = both[f"{column}_first"], both[f"{column}_second"]
        apart = both[(one != other) & ~(one.isna() & other.isna())]
        if len(apart):
            row = apart.iloc[0]
            layer = int(row["layer"]) if "layer" in index else None
            yield Parting(
                column, int(row["epoch"]), layer, float(row[f"{column}_first"]), float(row[f"{column}_second"])
            )


def as_json(found: Difference, *, unicode: bool = True) -> str:
    """The difference as one object."""
    return dump_json(found.tree()).decode()


def as_text(found: Difference, *, unicode: bool = True) -> str:
    """The difference in lines."""
    lines = [f"A  {found.first.label}", f"B  {found.second.label}", ""]
    if found.keys:
        lines.append("Config")
        size = max(map(len, found.keys))
        lines += [f"  {key.ljust(size)}  {text(one)}  |  {text(other)}" for key, (one, other) in found.keys.items()]
    else:
        lines.append("The configs are the same.")
    lines += ["", "Curves part" if found.partings else "The curves are the same, bit for bit, where both have them."]
    for part in found.partings:
        where = f"epoch {part.epoch}" + (f", layer {part.layer}" if part.layer else "")
        digits = next((n for n in range(3, 18) if significant(part.first, n) != significant(part.second, n)), 17)
        shown = f"{significant(part.first, digits)}  |  {significant(part.second, digits)}"
        lines.append(f"  {part.column} at {where}: {shown}")
    shown_lines = [visible(line) for line in lines]
    return "\n".join(shown_lines if unicode else map(ascii_only, shown_lines)) + "\n"


DIFF_FORMATS = {"table": as_text, "json": as_json}
"""What a difference is written in; a table is wider than its lines."""
