"""What options of theory commands hold: finite numbers, lists of them, an activation as a config writes it."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from vgrad.errors import ConfigError

if TYPE_CHECKING:
    from vgrad.config.choice import Choice
    from vgrad.nn.activations import Activation


def activation_of(text: str, here: str = "--activation") -> tuple[Choice, Activation]:
    """The activation that a config's text means; ConfigError, in one line, for what is none, or none of one weight.

    `here` is the option or argument that has it.
    """
    from vgrad.config.choice import Choice
    from vgrad.config.fields import ACTIVATION
    from vgrad.config.problems import Problems
    from vgrad.document.reader import compose, decode
    from vgrad.nn import activations

    node = compose(decode(text, lambda *_: here, here), lambda *_: here)
    try:
        choice = ACTIVATION.check(None if node is None else node.plain())
    except Problems as failure:
        first = failure.problems[0]
        raise ConfigError(f"{here}: {''.join(f'{part}: ' for part in first.path)}{first.message}") from None
    if not isinstance(choice, Choice):
        raise ConfigError(f"{here}: name one activation; it is that of every neuron")
    record = activations.build(choice.name, **choice.parameters)
    if record.pieces > 1:
        raise ConfigError(f"{here}: {choice.name} has {record.pieces} weights a neuron, and theory one; use another")
    return choice, record


def finite(value: float, option: str) -> float:
    """The value; ConfigError where it is infinite or none."""
    if not math.isfinite(value):
        raise ConfigError(f"--{option}: {value} is no number to compute with; write a finite one")
    return value


LARGEST_SIGMA = 100.0
"""Of weights and biases; the fixed points of larger ones are beyond the table."""


def sigma(value: float, option: str, above: float | None = None) -> float:
    """A standard deviation from 0 to LARGEST_SIGMA, or from more than `above` on."""
    least = finite(value, option) >= 0 if above is None else value > above
    if not least or value > LARGEST_SIGMA:
        low = "0" if above is None else f"above {above:g}"
        raise ConfigError(f"--{option}: a standard deviation is {low} to {LARGEST_SIGMA:g}, found {value:g}")
    return value


def numbers(text: str | None, option: str) -> list[float] | None:
    """Numbers between commas; None when the option is not given."""
    from vgrad.text.characters import hint
    from vgrad.text.escapes import printable

    if text is None:
        return None
    found = []
    for piece in text.split(","):
        try:
            found.append(finite(float(piece), option))
        except ValueError:
            shown = printable(piece.strip(), 40)
            raise ConfigError(
                f"--{option}: '{shown}' is not a number; write numbers with commas: 1,0.5,-2{hint(piece)}"
            ) from None
    if len(found) > 1000:
        raise ConfigError(f"--{option}: {len(found):,} numbers are more than a chain's 1,000")
    return found
