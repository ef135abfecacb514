"""`vgrad theory depth`: how deep signals and gradients go, and the weights with which there is no limit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from vgrad.cli.theory.values import activation_of, numbers, sigma

if TYPE_CHECKING:
    from vgrad.theory.answer import Answer


def depth(
    activation: Annotated[
        str, typer.Argument(metavar="ACTIVATION", help="As in a config: tanh, '{name: elu, alpha: 0.5}'.")
    ],
    sigma_w: Annotated[
        str | None, typer.Option("--sigma-w", metavar="W,…", help="By default around the critical one.")
    ] = None,
    sigma_b: Annotated[float, typer.Option("--sigma-b", metavar="B", help="Standard deviation of a bias.")] = 0.0,
) -> Answer:
    """How deep signals and gradients go: fixed points, chi, depth scales, and the sigma_w where there is no limit.

    sigma_w^2 is fan-in times the variance of a weight: weights of N(0, 1/n_in) have 1, He's 1.41.
    """
    from vgrad.theory.propagation.answers import depth_answer
    from vgrad.theory.propagation.depth import depths

    choice, record = activation_of(activation, "ACTIVATION")
    given = numbers(sigma_w, "sigma-w")
    each = None if given is None else [sigma(one, "sigma-w", above=0.0) for one in given]
    return depth_answer(depths(record, str(choice), each, sigma(sigma_b, "sigma-b")))
