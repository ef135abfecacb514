"""`vgrad theory phase`: where gradients of deep networks vanish and where they explode, on the plane of variances."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from vgrad.cli.theory.values import activation_of, sigma

if TYPE_CHECKING:
    from vgrad.theory.answer import Answer


def phase(
    activation: Annotated[
        str, typer.Argument(metavar="[ACTIVATION]", help="As in a config: tanh, '{name: elu, alpha: 0.5}'.")
    ] = "sigmoid",
    sigma_w: Annotated[
        float | None, typer.Option("--sigma-w", metavar="W", help="The largest; by default beyond the critical line.")
    ] = None,
    sigma_b: Annotated[float, typer.Option("--sigma-b", metavar="B", help="The largest.")] = 2.0,
    width: Annotated[
        int, typer.Option("--width", metavar="N", min=2, max=1000, help="Units a layer, for initializers.")
    ] = 100,
) -> Answer:
    """Where gradients vanish, where they explode, and the critical line between: deep stacks by sigma_w and sigma_b.

    sigma_w^2 is fan-in times the variance of a weight, sigma_b^2 that of a bias; initializers are places on the plane.
    """
    from vgrad.theory.propagation.answers import phase_answer
    from vgrad.theory.propagation.diagram import diagram

    choice, record = activation_of(activation, "ACTIVATION")
    most_w = None if sigma_w is None else sigma(sigma_w, "sigma-w", above=0.0)
    return phase_answer(diagram(record, str(choice), width, most_w, sigma(sigma_b, "sigma-b", above=0.0)))
