"""The picture of a study's claims: what each says, as a shaded range, and every seed beside it.

A panel a claim, a row each of its parts with the least evidence. Of an ordering the numbers are differences or
quotients of the two sides, of constancy and theory quotients.
"""

from __future__ import annotations

import math
import re
import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from vgrad.errors import ConfigError
from vgrad.study.outcome import Claim, ClaimPart, Outcome
from vgrad.study.report.claims import named, weakest
from vgrad.study.report.marks import (
    GREATEST,
    LEAST,
    MEASURED,
    SEED,
    Layout,
    math_text,
    new_figure,
    plain,
    put_title,
    typed,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOST_CLAIMS = 24
DECADE = 10.0
"""Less has room on a linear axis, whose numbers are easier to read."""
RANGE, BEYOND = "#d9ead3", "#f4d9d0"
"""What is claimed, and behind a claim that fails."""
_NUMBER = r"-?[0-9.]+(?:e[+-]?[0-9]+)?"
_ONE = re.compile(rf"([<>]) ({_NUMBER})(?: ×)?")
_TWO = re.compile(rf"({_NUMBER}) to ({_NUMBER})")
_WITHIN = re.compile(rf"within ({_NUMBER}) %")


def ends(claimed: str) -> tuple[float, float]:
    """The range that a claim's text says (study/claims/judging.py writes it), infinite where it is open."""
    if found := _ONE.fullmatch(claimed):
        return (float(found[2]), math.inf) if found[1] == ">" else (-math.inf, float(found[2]))
    if found := _TWO.fullmatch(claimed):
        return float(found[1]), float(found[2])
    if found := _WITHIN.fullmatch(claimed):
        wide = 1 + float(found[1]) / 100
        return 1 / wide, wide
    return math.nan, math.nan


def evidence(outcome: Outcome, layout: Layout) -> Any:
    """Every claim that was judged, with its seeds."""
    found = [claim for claim in outcome.study.claims if not claim.why and claim.parts]
    if not found:
        raise ConfigError("this study has no claims; leave none of its experiments out")
    if len(found) > MOST_CLAIMS:
        raise ConfigError(f"{len(found)} claims are more than a picture holds, {MOST_CLAIMS}")
    across = 1 if layout.narrow or len(found) == 1 else 2
    lines = [found[at : at + across] for at in range(0, len(found), across)]
    heights = [max(1.2 + len(weakest(claim)) for claim in line) for line in lines]
    with typed(layout):
        figure = new_figure(layout, 1.0 + sum(0.3 * height + 0.55 for height in heights))
        panels = figure.subplots(len(lines), across, squeeze=False, gridspec_kw={"height_ratios": heights})
        for axes in panels.flat[len(found) :]:
            axes.set_visible(False)
        for claim, axes in zip(found, panels.flat, strict=False):
            _draw(axes, claim, layout, layout.width / across)
        held = sum(claim.verdict in ("holds", "agrees") for claim in found)
        shown = "What is claimed (shaded), and every seed"
        put_title(figure, outcome, layout, shown, f"{held} of {len(found)} {_word(found)}")
        return figure


def _word(found: Sequence[Claim]) -> str:
    return "agree" if any(claim.verdict in ("agrees", "disagrees") for claim in found) else "hold"


def _draw(axes: Axes, claim: Claim, layout: Layout, width: float) -> None:
    """One claim: its range, and a row a part."""
    parts, size = weakest(claim), 0.8 * layout.font
    every = [value for part in parts for value in _numbers(part)]
    low, high = ends(claim.claimed)
    seen = [*every, *(end for end in (low, high) if math.isfinite(end))]
    logarithmic = claim.scale == "log" and bool(seen) and min(seen) > 0 and max(seen) > DECADE * min(seen)
    if logarithmic:
        axes.set_xscale("log")
    for at, part in enumerate(parts):
        values = _numbers(part)
        places = [at + 0.25 * ((0.618034 * seed) % 1 - 0.5) for seed in range(len(values))]
        axes.plot(values, places, ".", color=SEED, markersize=0.6 * layout.font, zorder=3)
        if part.center is not None:
            known = [end for end in (part.low, part.high) if end is not None and LEAST < abs(end) < GREATEST]
            axes.plot(known, [at + 0.3] * len(known), color=MEASURED, linewidth=1.3 * layout.line, zorder=3)
            axes.plot([part.center], [at + 0.3], "o", color=MEASURED, markersize=0.5 * layout.font, zorder=4)
        elif not values:
            axes.text(0.5, at, "never", transform=axes.get_yaxis_transform(), ha="center", va="center", fontsize=size)
    _range(axes, seen, logarithmic=logarithmic)
    left, right = axes.get_xlim()
    shade = BEYOND if claim.verdict in ("fails", "disagrees") else RANGE
    axes.axvspan(max(low, left), min(high, right), color=shade, linewidth=0, zorder=0)
    axes.set_xlim(left, right)
    for end in (low, high):
        if left < end < right:
            axes.axvline(end, color="0.35", linewidth=0.8, linestyle="--", zorder=1)
    axes.set_ylim(len(parts) - 0.4, -0.6)
    names = [_ending(part.label or named(claim), int(5 * width)) for part in parts]
    axes.set_yticks(range(len(parts)), list(map(math_text, names)), fontsize=size)
    axes.tick_params(axis="x", labelsize=size)
    axes.tick_params(axis="y", length=0)
    axes.grid(visible=False, axis="y")
    text = textwrap.wrap(
        f"{claim.claim} {claim.told}: {claim.text}",
        int(0.66 * width * 72 / (0.58 * size)),
        max_lines=2,
        placeholder=" …",
    )
    axes.set_title(plain("\n".join(text)), fontsize=size, loc="left")


def _ending(label: str, most: int) -> str:
    """The end of a label, which tells rows apart."""
    return label if len(label) <= most else f"…{label[1 - most :]}"


def _numbers(part: ClaimPart) -> list[float]:
    return [value for value in part.values if isinstance(value, float | int) and math.isfinite(value)]


def _range(axes: Axes, values: Sequence[float], *, logarithmic: bool) -> None:
    """Room beside everything that is to be seen."""
    if not values:
        return
    shown = [math.log10(value) for value in values if value > 0] if logarithmic else list(values)
    low, high = min(shown, default=0.0), max(shown, default=1.0)
    room = 0.12 * (high - low) or (0.3 if logarithmic else 0.1 * abs(high) or 1.0)
    low, high = low - room, high + room
    if logarithmic:
        low, high = 10.0 ** max(low, -300), 10.0 ** min(high, 300)
    axes.set_xlim(low, high)


def alternative(outcome: Outcome) -> str:
    """The picture in a sentence."""
    told = [f"{claim.claim} ({claim.claimed}) {claim.told}" for claim in outcome.study.claims if not claim.why]
    return f"Every seed beside what each claim says. {'; '.join(told)}."
