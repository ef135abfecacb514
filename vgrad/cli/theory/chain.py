"""`vgrad theory chain`: the one-neuron chain of chapter 5."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

import typer

from vgrad.cli.applying import Uses
from vgrad.cli.theory.values import activation_of, finite, numbers
from vgrad.errors import ConfigError

if TYPE_CHECKING:
    from vgrad.theory.answer import Answer
    from vgrad.theory.lesson import Setting

MOST_WEIGHT = 1e9

USES = Uses(
    "the section",
    {
        "neurons": ("factors", "draws", "explode"),
        "weights": ("factors", "width"),
        "biases": ("factors",),
        "x": ("factors", "draws", "explode"),
        "y": ("factors", "explode"),
        "seed": ("factors", "draws"),
        "draws": ("draws",),
        "spread": ("factors", "draws"),
        "weight": ("explode",),
    },
)


def chain(
    context: typer.Context,
    section: Annotated[
        str, typer.Argument(metavar="[SECTION]", help="factors, draws, explode, width or identity.")
    ] = "all",
    neurons: Annotated[
        int | None, typer.Option("--neurons", metavar="N", min=2, max=1000, help="L; 4, and up to 10 for the draws.")
    ] = None,
    weights: Annotated[
        str | None, typer.Option("--weights", metavar="W,…", help="Of the chain, or of the widths; one stands for all.")
    ] = None,
    biases: Annotated[
        str | None, typer.Option("--biases", metavar="B,…", help="What is not given is drawn from N(0, 1).")
    ] = None,
    x: Annotated[float, typer.Option("--input", metavar="X", help="x, the input of the first neuron.")] = 0.5,
    y: Annotated[float, typer.Option("--target", metavar="Y", help="y of the cost (a_L - y)^2/2.")] = 0.0,
    activation: Annotated[
        str, typer.Option("--activation", metavar="NAME", help="As in a config: tanh, '{name: elu, alpha: 0.5}'.")
    ] = "sigmoid",
    seed: Annotated[int, typer.Option("--seed", metavar="N", min=0, max=2**63 - 1, help="Of everything drawn.")] = 0,
    draws: Annotated[int, typer.Option("--draws", metavar="N", min=2, max=1_000_000, help="Chains drawn.")] = 10_000,
    spread: Annotated[float, typer.Option("--spread", metavar="SD", help="Standard deviation of drawn weights.")] = 1.0,
    weight: Annotated[float, typer.Option("--weight", metavar="W", help="Every w of the exploding chain.")] = 100.0,
) -> Answer:
    """The chain of single neurons: why the gradient is a product, and what becomes of it.

    \b
    factors   dC/db_1 = s'(z_1) w_2 s'(z_2) ... w_L s'(z_L) dC/da_L, factor by factor
    draws     how that product is spread over random weights, by length
    explode   weights and biases with which it grows
    width     the inputs for which |w s'(w a + b)| can be 1 or more (eq. 123)
    identity  the neuron that passes its input on

    s is the sigmoid, or any other activation of the toolbox.
    """
    from vgrad.theory.chain_answer import lesson_answer
    from vgrad.theory.lesson import SECTIONS, Setting, teach

    names = _sections(section, list(SECTIONS))
    if len(names) == 1:
        USES.refuse_unused(context, names[0])
    choice, record = activation_of(activation)
    for option, value in (("input", x), ("target", y), ("spread", spread), ("weight", weight)):
        finite(value, option)
    if not spread > 0:
        raise ConfigError(f"--spread: a standard deviation is above 0, found {spread:g}")
    given = numbers(weights, "weights")
    setting = Setting(record, choice.plain() == "sigmoid", x=x, y=y, seed=seed, draws=draws, spread=spread)
    setting = replace(setting, draw_neurons=neurons or 10, explode_weight=weight)
    if names == ["width"]:
        setting = _with_widths(setting, given)
    else:
        setting = _with_chain(setting, neurons, given, numbers(biases, "biases"))
    return lesson_answer(teach(setting, names), str(choice), choice.plain(), section)


def _sections(wanted: str, known: list[str]) -> list[str]:
    from vgrad.registry import did_you_mean
    from vgrad.text.escapes import printable

    if wanted == "all":
        return known
    if wanted not in known:
        raise ConfigError(f"no section '{printable(wanted, 40)}'{did_you_mean(wanted, [*known, 'all'])}")
    return [wanted]


def _with_widths(setting: Setting, given: list[float] | None) -> Setting:
    beyond = [w for w in given or [] if abs(w) > MOST_WEIGHT]
    if beyond:
        raise ConfigError(f"--weights: {beyond[0]:g} is beyond {MOST_WEIGHT:g}, up to which widths are solved for")
    return replace(setting, width_weights=given)


def _with_chain(
    setting: Setting, neurons: int | None, weights: list[float] | None, biases: list[float] | None
) -> Setting:
    """With as many weights and biases as there are neurons; a single one is that of all."""
    lengths = [len(each) for each in (weights, biases) if each is not None and len(each) > 1]
    count = neurons or (lengths[0] if lengths else 4)
    for option, each in (("weights", weights), ("biases", biases)):
        if each is not None and len(each) not in (1, count):
            raise ConfigError(f"--{option}: {count} neurons have {count} of them, found {len(each)}; write one or all")
    full = [each * count if each is not None and len(each) == 1 else each for each in (weights, biases)]
    return replace(setting, neurons=count, weights=full[0], biases=full[1])
