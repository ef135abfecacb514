"""What there is, for whoever asked for something else: the remedy in the error of a selection that selects nothing."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from vgrad.errors import ConfigError
from vgrad.report.keys import Scalar, order, text
from vgrad.report.runs import Run
from vgrad.report.table import Table
from vgrad.report.theory.expectations import silent
from vgrad.report.values import THEORY, parts
from vgrad.text.escapes import printable, visible

MOST_SHOWN = 12
_LEAST_LAYERS = {"decay_low": 4, "decay_high": 4, "decay_spread": 4}
_OF_LAYERS = ("last_first_ratio", "decay_rate", "decay_factor", "decay_low", "decay_high", "decay_spread", "verdict")


def refuse_empty(table: Table) -> None:
    """ConfigError for a value of the table that none of its runs can have, whatever came of them.

    One that they could have had, and that came to nothing (a run that diverged, a bound that was not reached), is an
    answer.
    """
    there = {name for (_, _, name), cell in table.cells.items() if cell.numbers or cell.words}
    problems = []
    for value in table.values:
        reason = None if value.name in there else why_not(value.name, table.runs)
        if reason:
            problems.append(f"--value {visible(value.name)[:60]}: no run has it: {reason}")
    if problems:
        raise ConfigError(*problems)


def why_not(value: str, runs: Sequence[Run]) -> str | None:
    """Why runs with such configs cannot have the value of this name; None when they can."""
    name, layer, epoch = parts(value)
    deepest = max(run.hidden for run in runs)
    least = 0 if layer is None or layer == "output" else max(1, abs(int(layer)))
    if layer == "0":
        return f"layers count from 1; {_layers(deepest)}"
    if least > deepest:
        return _layers(deepest)
    if name in THEORY:
        found = silent(runs)
        if sum(map(len, found.values())) == len(runs):
            return "; ".join(found)
    if name in (*_OF_LAYERS, "measured/predicted", "predicted_z") and not any(
        "delta_norm" in run.config["probes"]["record"] for run in runs
    ):
        return "delta_norm was not recorded; name it under probes.record and train"
    if name in _OF_LAYERS and deepest < (needed := _LEAST_LAYERS.get(name, 2)):
        return f"it takes {needed} hidden layers; {_layers(deepest)}"
    if epoch is not None:
        measured = sorted({int(each) for run in runs for each in run.stored.gradients["epoch"].unique()})
        if int(epoch) not in measured:
            return f"measured epochs are {listed(spans(measured))}" if measured else "no epoch is measured"
    return None


def _layers(deepest: int) -> str:
    if not deepest:
        return "there are no hidden layers, only [output]"
    hidden = "there is one hidden layer, [1]" if deepest == 1 else f"hidden layers are [1] to [{deepest}]"
    return f"{hidden}, and the last one is [-1]; the output layer is [output]"


def spans(numbers: Sequence[int]) -> list[str]:
    """Numbers in ascending order, with neighbours together: 0 to 10, 12."""
    found: list[list[int]] = []
    for number in numbers:
        if found and number == found[-1][1] + 1:
            found[-1][1] = number
        else:
            found.append([number, number])
    return [str(first) if first == last else f"{first} to {last}" for first, last in found]


def listed(words: Iterable[str]) -> str:
    """The first few words, and how many more there are."""
    every = list(words)
    more = f" and {len(every) - MOST_SHOWN} more" if len(every) > MOST_SHOWN else ""
    return ", ".join(printable(word, 60) for word in every[:MOST_SHOWN]) + more


def contents(found: Iterable[Scalar]) -> str:
    """The different contents of a key or value, in their order, as configs write them."""
    different = sorted({(type(each).__name__, each) for each in found}, key=lambda pair: order(pair[1]))
    return listed("null" if each is None else text(each) for _, each in different)
