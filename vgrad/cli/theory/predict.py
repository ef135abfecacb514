"""`vgrad theory predict`: how large the mean error of each layer will be, before anything is trained."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vgrad.cli.options import ConfigFile, Overrides, read_config

if TYPE_CHECKING:
    from vgrad.theory.answer import Answer


def predict(
    config: ConfigFile,
    overrides: Overrides = None,
    seeds: Annotated[
        int, typer.Option("--seeds", metavar="N", min=0, max=10_000, help="Compare with N freshly drawn networks.")
    ] = 0,
    examples: Annotated[
        int, typer.Option("--examples", metavar="N", min=2, max=1000, help="The first N training examples.")
    ] = 500,
) -> Answer:
    """Predict the norm of the mean error of each layer before training, with a 95 % band over networks.

    Mean-field theory on the data's own Gram matrix: no fitting, no training. With --seeds, exits 1 when the networks'
    geometric mean leaves the stated accuracy: 5 % from a width of 100 on and 12 % below; below a softmax 5 % from
    1000 units on, 10 % from 300, 20 % from 100 and 50 % in narrower networks.
    """
    from vgrad.theory.prediction import predict_config, prediction_answer

    return prediction_answer(predict_config(read_config(config, overrides), Path(config).parent, examples, seeds))
