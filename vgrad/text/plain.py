"""Numbers for people: formats, bars and sparklines on a log axis, tables that fit. Plain text, no terminal needed.

`pictures` says whether block characters can be shown; without it, ASCII stands in.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from itertools import groupby

REPEATS = 3  # equal hidden layers up to which they are written out
_EIGHTHS = " ▏▎▍▌▋▊▉"
_HEIGHTS = "▁▂▃▄▅▆▇█"
_ASCII_HEIGHTS = "_.-=+*#@"
Axis = tuple[float, float]


def measure(name: str, value: float | None) -> str:
    """A monitor's value: accuracies in percent, the rest in four digits."""
    if value is None:
        return "-"
    return f"{100 * value:.2f} %" if name.endswith("_accuracy") else f"{value:.4g}"


def ratio(value: float | None) -> str:
    """A ratio in three digits: 5.03, 128, 1.2e+07."""
    return "-" if value is None else f"{value:.3g}" if abs(value) < 1000 else f"{value:.1e}"


def size(count: int) -> str:
    """Bytes as 512 B, 12 kB or 3.4 MB."""
    if count < 1000:
        return f"{count} B"
    return f"{count / 1e3:,.0f} kB" if count < 1e6 else f"{count / 1e6:,.1f} MB"


def duration(seconds: float) -> str:
    """Seconds as 0:42, 12:05 or 1:02:03."""
    minutes, rest = divmod(math.ceil(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def shape(sizes: Sequence[int], most: int = 0) -> str:
    """784-30-30-10; from four equal hidden layers on, they are counted: 784-4×30-10.

    With `most`, of more pieces than so many those in the middle are left out.
    """
    pieces = [str(sizes[0])]
    for size, equal in groupby(sizes[1:-1]):
        count = len(list(equal))
        pieces += [f"{count}×{size}"] if count > REPEATS else [str(size)] * count
    pieces.append(str(sizes[-1]))
    if most and len(pieces) > most:
        pieces = [*pieces[: most // 2], "…", *pieces[len(pieces) - most // 2 :]]
    return "-".join(pieces)


def cut(text: str, width: int) -> str:
    """`text` in at most `width` characters."""
    return text if len(text) <= width else text[: max(width - 2, 0)] + ".." if width > 2 else text[: max(width, 0)]


def log_axis(values: Iterable[float], axis: Axis | None = None) -> Axis | None:
    """Whole decades that hold all positive values, and `axis` too; None when there are none."""
    powers = [math.log10(value) for value in values if 0 < value < math.inf]
    powers += axis or ()
    if not powers:
        return None
    low, high = math.floor(min(powers)), math.ceil(max(powers))
    return low, max(high, low + 1)


def bar(value: float, axis: Axis | None, width: int, pictures: bool) -> str:
    """`value` as a bar on the log axis, padded to `width`; empty for zero, and something for anything else."""
    if axis is None or not 0 < value < math.inf:
        return " " * width
    share = (math.log10(value) - axis[0]) / (axis[1] - axis[0])
    eighths = max(1, min(round(8 * width * share), 8 * width))
    if not pictures:
        return ("#" * math.ceil(eighths / 8)).ljust(width)
    full, rest = divmod(eighths, 8)
    return ("█" * full + (_EIGHTHS[rest] if rest else "")).ljust(width)


def sparkline(values: Sequence[float], axis: Axis | None, width: int, pictures: bool) -> str:
    """`values` over time in at most `width` characters, on a linear axis; NaN and -inf are blanks."""
    if not values or axis is None:
        return ""
    if len(values) > width:
        values = [values[round(i * (len(values) - 1) / max(width - 1, 1))] for i in range(width)]
    levels = _HEIGHTS if pictures else _ASCII_HEIGHTS
    if not math.isfinite(axis[1] - axis[0]):  # longer than any number
        values, axis = [value / 2 for value in values], (axis[0] / 2, axis[1] / 2)
    extent = axis[1] - axis[0] or 1.0
    return "".join(
        levels[min(7, max(0, int(8 * ((value - axis[0]) / extent))))] if math.isfinite(value) else " "
        for value in values
    )


def table(
    rows: Sequence[Sequence[str]], *, left: Iterable[int] = (0,), width: int = 10**6, drop: Sequence[int] = ()
) -> list[str]:
    """Rows, the header first, as lines with aligned columns: those in `left` to the left, all others to the right.

    Columns are left out in the order of `drop` until the lines fit into `width`. All lines are equally long.
    """
    kept, left = list(range(len(rows[0]))), set(left)
    widths = [max(len(row[column]) for row in rows) for column in kept]
    for column in drop:
        if sum(widths[k] + 2 for k in kept) - 2 <= width:
            break
        kept.remove(column)
    gap = "  " if sum(widths[k] + 2 for k in kept) - 2 <= width else " "
    return [gap.join(row[k].ljust(widths[k]) if k in left else row[k].rjust(widths[k]) for k in kept) for row in rows]
