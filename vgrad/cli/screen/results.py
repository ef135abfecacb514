"""A run's numbers as lines: monitors, the norms of its layers, and the verdict in words.

`summary` is what `vgrad.runs.summary.summarize` gives; `norms` maps an epoch to ||delta^l|| of the layers 1 … L.
"""

from __future__ import annotations

import math
import textwrap
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from vgrad.cli.screen.streams import Line
from vgrad.runs.summary import AT_CHANCE, LEARNED, learning_of, run_cause, run_verdict, speeds, verdict_of
from vgrad.statistics import power
from vgrad.text.plain import Axis, log_axis, measure, ratio, sparkline, table
from vgrad.vanishing import DEAD, EVEN, EXPLODING, UNEVEN, USUAL, VANISHING, decay, last_first_ratio

if TYPE_CHECKING:
    from vgrad.theory.propagation.expected import Expected

Summary = Mapping[str, Any]
LEAST_SPARK, MOST_SPARK = 8, 40
MOST_STEPS = 5
"""Factors from layer to layer that are told one by one; of more their spread is told alone."""
_SPEED = {"delta_norm": "||delta||", "delta_norm_mean": "the mean ||delta|| (batch norm)"}


def norms_title(summary: Summary) -> str:
    """What `norm_lines` shows, or nothing."""
    moments = summary["gradient"]
    return f"speed of learning, {_SPEED[moments['start']['speed']]} by layer" if moments else ""


def monitor_lines(summary: Summary, curves: Mapping[str, Sequence[float]], width: int, pictures: bool) -> list[Line]:
    """Every monitor at the end and at its best; its course where `curves` has it."""
    rows = [["", "end", "best", "epoch"]]
    for name, best in summary["best"].items():
        end, value = measure(name, summary["final"][name]), measure(name, best["value"])
        rows.append([name.replace("_", " "), end, value, str(best["epoch"])])
    if len(rows) == 1:
        return []
    sparks = [(list(curves[name]), _extent(curves[name])) for name in summary["best"] if name in curves]
    room = width - LEAST_SPARK - 2 if sparks else width
    return _with_sparks(table(rows, width=room, drop=(3, 2)), sparks, width, pictures)


def norm_lines(
    summary: Summary,
    norms: Mapping[int, Sequence[float]],
    sizes: Sequence[int],
    width: int,
    pictures: bool,
    *,
    most: int = 1000,
    sparks: bool = False,
    expected: Expected | None = None,
) -> list[Line]:
    """||delta^l|| of each layer at the start, as theory has `expected` it, at its worst and at the end; the first and
    last layers of more than `most`. Nothing where it was not measured; with batch norm <||delta^l||> of hidden layers,
    which is kept of these epochs."""
    moments, out = summary["gradient"], len(sizes) - 1
    if moments and moments["start"]["speed"] != "delta_norm":
        norms, sizes, sparks = {each["epoch"]: speeds(each) or [] for each in moments.values()}, sizes[:-1], False
    if not moments or not all(norms.values()):
        return []
    chosen = [moments[name]["epoch"] for name in ("start", "worst", "end")]
    rows = [["layer", "units", f"epoch {chosen[0]}", f"worst: {chosen[1]}", f"end: {chosen[2]}"]]
    for layer, units in enumerate(sizes[1:], start=1):
        label = f"l{layer}" if layer < out else f"l{layer} out"
        rows.append([label, str(units), *(f"{norms[epoch][layer - 1]:.2e}" for epoch in chosen)])
    drop = [1, 3] if sparks else [1]
    if expected:
        beside = _predicted(expected, norms[chosen[0]])
        rows = [[*row[:3], *(column[at] for column in beside), *row[3:]] for at, row in enumerate(rows)]
        drop = [1, 3 + len(beside), *range(3, 3 + len(beside))]
    lines = table(rows, width=width - LEAST_SPARK - 2 if sparks else width, drop=drop)
    courses, axis = _log_courses(norms, len(sizes) - 1) if sparks else ([], None)
    shown = _with_sparks(lines, [(course, axis) for course in courses], width, pictures)
    if len(shown) - 1 > most:
        above = most // 2
        gap = f"... {len(shown) - 1 - most} layers more ..."
        shown = [*shown[: 1 + above], (gap, "dim"), *shown[len(shown) - (most - above) :]]
    hidden = out - 1
    return [*shown, *_ratio_lines(moments, hidden, width)] if hidden > 1 else shown


def _predicted(expected: Expected, norms: Sequence[float]) -> list[list[str]]:
    """The columns beside epoch 0: what theory predicts, and z where that is not so; with their titles."""
    layers = range(1, len(norms) + 1)
    found = [expected.of(layer) for layer in layers]
    columns = [["predicted", *(f"{each.geometric:.2e}" if each else "" for each in found)]]
    wrong = _outside(expected, norms)
    return [*columns, ["z", *(wrong.get(layer, "") for layer in layers)]] if wrong else columns


def _outside(expected: Expected, norms: Sequence[float]) -> dict[int, str]:
    """The hidden layers that are not where theory expects them, with z."""
    layers = [layer for layer in range(1, len(norms)) if expected.outside(layer, norms[layer - 1])]
    found = {layer: expected.z(layer, norms[layer - 1]) for layer in layers}
    return {layer: "exactly 0" if z is None else f"{z:+.1f}" for layer, z in found.items()}


def theory_words(expected: Expected | str, norms: Sequence[float]) -> str:
    """Whether ||delta^l|| at epoch 0, of the layers 1 ... L, is as theory expects it; or why it expects nothing."""
    if isinstance(expected, str):
        return f"Nothing is predicted for epoch 0: {expected}."
    layers = [layer for layer in range(1, len(norms)) if expected.of(layer)]
    if not layers:
        return "Nothing is predicted for epoch 0: its numbers are too small or too large for theory."
    where = f"where 95 % of networks are by mean-field theory (accuracy {100 * expected.accuracy:g} %)"
    wrong = _outside(expected, norms)
    if not wrong:
        return f"At epoch 0 every hidden layer is {where}."
    named = [f"l{layer} ({z if z == 'exactly 0' else f'z {z}'})" for layer, z in wrong.items()]
    told = ", ".join(named[:MOST_STEPS]) + (f" and {len(named) - MOST_STEPS} more" if len(named) > MOST_STEPS else "")
    return f"At epoch 0 {told} {'is' if len(named) == 1 else 'are'} not {where}."


def _ratio_lines(moments: Summary, hidden: int, width: int) -> list[Line]:
    """||delta^H|| / ||delta^1||: how many times faster the last hidden layer learns than the first."""
    start, worst, end = (moments[name] for name in ("start", "worst", "end"))
    first, most, last = (_ratio(moment) for moment in (start, worst, end))
    at_worst = f"at most {most} (epoch {worst['epoch']})"
    told = f"l{hidden}/l1: {first} at epoch {start['epoch']}, {at_worst}, {last} at the end"
    return [(line, "") for line in textwrap.wrap(told, width)]


def _ratio(moment: Mapping[str, Any]) -> str:
    found = last_first_ratio(speeds(moment) or [])
    return "infinite" if found == math.inf else ratio(found)


def verdict_words(summary: Summary, why: str = "") -> Line:
    """The word for the run and what it rests on: the norms before training with the thresholds that they were held
    against, `why` they are so, those at the end where they say something else, and whether it learned anything."""
    if summary["divergence"]:
        return divergence_words(summary["divergence"]), "bold red"
    learned = _learning_words(summary)
    moments, word = summary["gradient"], run_verdict(summary)
    if word is None:
        needed = "it takes two hidden layers to compare" if moments else "the run has measured no ||delta||"
        needed = run_cause(summary) or needed
        return f"No verdict: {needed}.{learned}", ""
    start, end = (verdict_of(moments[name]) for name in ("start", "end"))
    behind = run_cause(summary)
    told = f"Verdict: {word}" + (f" ({behind.removeprefix('dead: ')})" if behind else "")
    told += f". Before training, {_course(moments['start'])}: {_meaning(start)}."
    told += f" By mean-field theory {why}." if why else ""
    if end != start:
        told += f" At the end it is {end}: {_course(moments['end'])}."
    fine = word == EVEN and end == start and learning_of(summary) != AT_CHANCE
    return told + learned, "green" if fine else "bold yellow"


def _meaning(word: str | None) -> str:
    """What the word says of the layers, with its thresholds."""
    limits = f"{power(USUAL.vanishing):.2g} a layer or {power(USUAL.total):.2g} in all"
    return {
        VANISHING: f"from {limits} on, the gradient is said to vanish; the early layers learn slowest",
        EXPLODING: f"from {limits} on, the gradient is said to explode; the early layers learn fastest",
        EVEN: f"below {limits}, the layers are said to learn at comparable speeds",
        UNEVEN: "neither end says how fast the layers between them learn",
        DEAD: "what stands before a dead layer does not learn",
    }.get(word or "", "a single layer has nothing to be compared with")


def _course(moment: Mapping[str, Any]) -> str:
    """How the norms run from layer to layer."""
    norms, speed = speeds(moment) or [], _SPEED[moment["speed"]]
    zeros, word = sum(norm == 0 for norm in norms), verdict_of(moment)
    if zeros:
        layers = "the hidden layer has" if len(norms) == 1 else f"{zeros} of {len(norms)} hidden layers have"
        return f"{layers} a norm of exactly zero"
    if word == UNEVEN:
        return f"{speed} goes up and down between {min(norms):.2g} and {max(norms):.2g} over the hidden layers"
    fall, total = decay(norms), last_first_ratio(norms)
    if fall is None or total is None:
        return f"{speed} of the hidden layer is {norms[0]:.2g}"
    if len(norms) == 2:
        return f"{speed} {_shrinks(fall.rate)} from the second hidden layer to the first"
    steps = [f"l{layer + 1}/l{layer} {ratio(norms[layer] / norms[layer - 1])}" for layer in range(1, len(norms))]
    told = [", ".join(steps)] if len(steps) <= MOST_STEPS else []
    told += [f"give or take a factor of {power(fall.spread):.2g}"] if fall.spread else []
    scatter = f" ({'; '.join(told)})" if told else ""
    overall = _shrinks(math.log10(total)) if 0 < total < math.inf else "leaves all floats"
    each = f"{speed} {_shrinks(fall.rate)}{scatter} with each hidden layer"
    return f"{each} towards the input and {overall} over all of them"


def _shrinks(decades: float) -> str:
    return f"{'shrinks' if decades > 0 else 'grows'} {_power(abs(decades))}-fold"


def _learning_words(summary: Summary) -> str:
    """Whether the accuracy at the end is above what naming one class always would give."""
    word, found = learning_of(summary), summary.get("learning")
    if word is None or not found:
        return ""
    accuracy = summary["final"][f"{found['part']}_accuracy"]
    right = f"{accuracy:.1%} of the {found['part']} examples are right".replace("%", " %")
    share = f"{found['largest_class']:.1%}".replace("%", " %")
    if word == LEARNED:
        return f" It learned: {right}; always naming the most frequent class gives {share}."
    interval = f"{100 * found['low']:.1f} to {100 * found['high']:.1f} %"
    return f" It is at chance: {right} (95 %: {interval}); always naming the most frequent class gives {share}."


def divergence_words(divergence: Mapping[str, Any]) -> str:
    """Where the numbers stopped being numbers, and what may help."""
    batch, layer = divergence["batch"], divergence["layer"]
    place = f"epoch {divergence['epoch']}" + (f", batch {batch}" if batch else ", while measuring")
    place += f", layer {layer}" if layer else ""
    return (
        f"DIVERGED in {place}: the numbers overflowed. What was measured before is kept; try a smaller learning rate."
    )


def _power(decades: float) -> str:
    return ratio(10**decades) if decades < 300 else f"1e+{decades:.0f}"


def _log_courses(norms: Mapping[int, Sequence[float]], layers: int) -> tuple[list[list[float]], Axis | None]:
    """log10 of each layer's norm over the epochs, and the axis that all of them share."""
    courses = [
        [math.log10(row[layer]) if row[layer] > 0 else -math.inf for row in norms.values()] for layer in range(layers)
    ]
    return courses, log_axis(value for row in norms.values() for value in row)


def _extent(values: Sequence[float]) -> Axis | None:
    finite = [value for value in values if math.isfinite(value)]
    return (min(finite), max(finite)) if finite else None


def _with_sparks(
    lines: Sequence[str], sparks: Sequence[tuple[list[float], Axis | None]], width: int, pictures: bool
) -> list[Line]:
    """Table lines with a sparkline behind each but the header, where there is room for one."""
    room = min(width - len(lines[0]) - 2, MOST_SPARK)
    header = f"{lines[0]}  course" if sparks and room >= len("course") else lines[0]
    shown: list[Line] = [(header.rstrip(), "dim")]
    for number, line in enumerate(lines[1:]):
        course = ""
        if number < len(sparks) and room >= LEAST_SPARK:
            course = "  " + sparkline(*sparks[number], room, pictures)
        shown.append(((line + course).rstrip(), ""))
    return shown
