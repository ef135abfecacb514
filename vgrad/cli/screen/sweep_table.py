"""The comparison at the end of a sweep as lines of text."""

from __future__ import annotations

from collections.abc import Sequence

Cell = str | float | int | None


def table_lines(rows: Sequence[dict[str, Cell]]) -> list[str]:
    """Columns of equal width; numbers on the right. Left out are `diverged` where it is 0 everywhere, and `verdict`
    where there is none."""
    columns = list(dict.fromkeys(key for row in rows for key in row))
    columns = [key for key in columns if key not in ("diverged", "verdict") or any(row.get(key) for row in rows)]
    texts = [[_text(row.get(key)) for key in columns] for row in rows]
    if not texts:
        return []
    widths = [max(len(line[at]) for line in [columns, *texts]) for at in range(len(columns))]
    right = [all(isinstance(row.get(key), int | float | None) for row in rows) for key in columns]
    return [
        "  ".join(
            cell.rjust(width) if on_the_right else cell.ljust(width)
            for cell, width, on_the_right in zip(line, widths, right, strict=True)
        ).rstrip()
        for line in [columns, *texts]
    ]


def _text(value: Cell) -> str:
    return "-" if value is None else f"{value:.4g}" if isinstance(value, float) else str(value)
