"""`vgrad theory`: the one-neuron chain of chapter 5, and its eq. 124 on a real run."""

from __future__ import annotations

import math
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from vgrad.cli.applying import CHAIN
from vgrad.cli.command import Command
from vgrad.cli.options import Json, RunsDir
from vgrad.cli.outputs import answer_name, output_file, save
from vgrad.cli.screen.streams import answer
from vgrad.errors import ConfigError, VgradError
from vgrad.text.strict_json import strict

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from vgrad.config.choice import Choice
    from vgrad.nn.activations import Activation
    from vgrad.theory.lesson import Lesson, Setting

app = typer.Typer(help="What theory says of the gradient, computed.", no_args_is_help=True, rich_markup_mode=None)

Picture = Annotated[
    Path | None,
    typer.Option(
        "-o",
        "--output",
        metavar="FILE",
        parser=output_file,
        help="Draw it instead, as a slide: a .png, .svg or .pdf file.",
    ),
]
MOST_WEIGHT = 1e9


@app.command("chain", cls=Command)
def chain(
    context: typer.Context,
    section: Annotated[
        str, typer.Argument(metavar="[SECTION]", help="factors, draws, explode, width or identity; all by default.")
    ] = "all",
    neurons: Annotated[
        int | None, typer.Option("--neurons", min=2, max=1000, help="L; 4, and up to 10 for the draws.")
    ] = None,
    weights: Annotated[
        str | None, typer.Option("--weights", metavar="W,…", help="Of the chain, or of the widths; one stands for all.")
    ] = None,
    biases: Annotated[
        str | None, typer.Option("--biases", metavar="B,…", help="What is not given is drawn from N(0, 1).")
    ] = None,
    x: Annotated[float, typer.Option("--input", help="x, the input of the first neuron.")] = 0.5,
    y: Annotated[float, typer.Option("--target", help="y of the cost (a_L - y)^2/2.")] = 0.0,
    activation: Annotated[
        str, typer.Option("--activation", metavar="NAME", help="As in a config: tanh, '{name: elu, alpha: 0.5}'.")
    ] = "sigmoid",
    seed: Annotated[int, typer.Option("--seed", min=0, max=2**63 - 1, help="Of everything drawn.")] = 0,
    draws: Annotated[int, typer.Option("--draws", min=2, max=1_000_000, help="Chains drawn.")] = 10_000,
    spread: Annotated[float, typer.Option("--spread", help="Standard deviation of drawn weights.")] = 1.0,
    weight: Annotated[float, typer.Option("--weight", help="Every w of the exploding chain.")] = 100.0,
    output: Picture = None,
    as_json: Json = False,
) -> None:
    """The chain of single neurons: why the gradient is a product, and what becomes of it.

    \b
    factors   dC/db_1 = s'(z_1) w_2 s'(z_2) ... w_L s'(z_L) dC/da_L, factor by factor
    draws     how that product is spread over random weights, by length
    explode   weights and biases with which it grows
    width     the inputs for which |w s'(w a + b)| can be 1 or more (eq. 123)
    identity  the neuron that passes its input on

    s is the sigmoid, or any other activation of the toolbox.
    """
    from vgrad.theory.lesson import SECTIONS, Setting, teach

    names = _sections(section, list(SECTIONS))
    if len(names) == 1:
        CHAIN.refuse_unused(context, names[0])
    choice, record = _activation(activation)
    for option, value in (("input", x), ("target", y), ("spread", spread), ("weight", weight)):
        _finite(value, option)
    if not spread > 0:
        raise ConfigError(f"--spread: a standard deviation is above 0, found {spread:g}")
    given = _numbers(weights, "weights")
    setting = Setting(record, choice.plain() == "sigmoid", x=x, y=y, seed=seed, draws=draws, spread=spread)
    setting = replace(setting, draw_neurons=neurons or 10, explode_weight=weight)
    if names == ["width"]:
        setting = _with_widths(setting, given)
    else:
        setting = _with_chain(setting, neurons, given, _numbers(biases, "biases"))
    form = _picture_form(output)
    lesson = teach(setting, names)
    if output is not None:
        _draw_lesson(lesson, str(choice), output, form, section)
    if as_json:
        from vgrad.theory.chain_answer import lesson_tree

        answer(strict(lesson_tree(lesson, choice.plain())))
    elif output is not None:
        answer_name(output)
    else:
        _print_lesson(lesson, str(choice))


def _draw_lesson(lesson: Lesson, named: str, output: Path, form: str, section: str) -> None:
    from vgrad.theory.chain_pictures import lesson_figure

    with _matplotlib():
        _write(output, form, lesson_figure(lesson, named), f"vgrad theory chain: {section}")


def _print_lesson(lesson: Lesson, named: str) -> None:
    from vgrad.cli.screen.streams import Screen
    from vgrad.theory.chain_lines import lesson_lines

    screen = Screen(sys.stdout)
    answer("\n".join(lesson_lines(lesson, named, screen.width, screen.pictures)))


def _sections(wanted: str, known: list[str]) -> list[str]:
    from vgrad.registry import did_you_mean
    from vgrad.text.escapes import printable

    if wanted == "all":
        return known
    if wanted not in known:
        raise ConfigError(f"no section '{printable(wanted, 40)}'{did_you_mean(wanted, [*known, 'all'])}")
    return [wanted]


def _activation(text: str) -> tuple[Choice, Activation]:
    """The activation that a config's text means; ConfigError, in one line, for what is none, or none of one weight."""
    from vgrad.config.choice import Choice
    from vgrad.config.fields import ACTIVATION
    from vgrad.config.problems import Problems
    from vgrad.document.reader import compose, decode
    from vgrad.nn import activations

    here = "--activation"
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
        raise ConfigError(f"{here}: {choice.name} has {record.pieces} weights a neuron, and the chain one; use another")
    return choice, record


def _finite(value: float, option: str) -> float:
    if not math.isfinite(value):
        raise ConfigError(f"--{option}: {value} is no number to compute with; write a finite one")
    return value


def _numbers(text: str | None, option: str) -> list[float] | None:
    """Numbers between commas; None when the option is not given."""
    from vgrad.text.characters import hint
    from vgrad.text.escapes import printable

    if text is None:
        return None
    found = []
    for piece in text.split(","):
        try:
            found.append(_finite(float(piece), option))
        except ValueError:
            shown = printable(piece.strip(), 40)
            raise ConfigError(
                f"--{option}: '{shown}' is not a number; write numbers with commas: 1,0.5,-2{hint(piece)}"
            ) from None
    if len(found) > 1000:
        raise ConfigError(f"--{option}: {len(found):,} numbers are more than a chain's 1,000")
    return found


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


@app.command("product", cls=Command)
def product(
    run: Annotated[str, typer.Argument(metavar="RUN", help="A run directory, its name, or the name's beginning.")],
    epoch: Annotated[str, typer.Option("--epoch", metavar="start|end", help="Before training, or after.")] = "start",
    examples: Annotated[
        int | None, typer.Option("--examples", min=1, help="The first N training examples; those of the probes.")
    ] = None,
    runs_dir: RunsDir = Path("runs"),
    output: Picture = None,
    as_json: Json = False,
) -> None:
    """The gradient of a run as a product of matrices (eq. 124), and where it is lost.

    The matrices are multiplied for each example and compared with what backpropagation gives; exits 1 if they differ.
    """
    from vgrad.runs.places import run_of
    from vgrad.theory.run_product import multiply_run

    if epoch not in ("start", "end"):
        raise ConfigError("--epoch: write start or end; a run keeps its parameters of no other epoch")
    form = _picture_form(output)
    found = multiply_run(run_of(run, runs_dir), "start" if epoch == "start" else "end", examples)
    if output is not None:
        from vgrad.theory.product_pictures import product_figure

        with _matplotlib():
            figure = product_figure(found.product, f"{found.run.config.run_name}, epoch {found.epoch}")
            _write(output, form, figure, "vgrad theory product", found.run.config.run_name)
    if as_json:
        from vgrad.theory.chain_answer import product_tree

        answer(strict(product_tree(found)))
    elif output is not None:
        answer_name(output)
    else:
        from vgrad.cli.screen.streams import Screen
        from vgrad.theory.product_lines import product_lines

        screen = Screen(sys.stdout)
        answer("\n".join(product_lines(found, screen.width, screen.pictures)))
    if not found.product.agrees:
        worst = max(found.product.difference)
        raise VgradError(f"eq. 124: the product and backpropagation differ by {worst:.1e} of the largest delta")


def _picture_form(output: Path | None) -> str:
    from vgrad.pictures.style import suffix

    return "" if output is None else suffix(output)


def _matplotlib() -> Any:
    from vgrad.pictures.fonts import load_matplotlib
    from vgrad.pictures.style import styled

    load_matplotlib()
    return styled()


def _write(output: Path, form: str, figure: Figure, title: str, runs: str = "none") -> None:
    from vgrad.pictures.style import content

    save(output, content(figure, form, title, runs, "vgrad theory"))
