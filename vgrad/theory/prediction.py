"""The mean-field prediction for a config, beside what freshly drawn networks have: `vgrad theory predict`."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from vgrad.config.config import Config
from vgrad.config.fields import Init
from vgrad.data.datasets import load
from vgrad.errors import ConfigError
from vgrad.nn.activations import build
from vgrad.nn.arrays import Array
from vgrad.nn.costs import COSTS
from vgrad.nn.measurement import Prober
from vgrad.statistics import geometric
from vgrad.text.numbers import significant
from vgrad.text.page import Page
from vgrad.theory.answer import Answer, plain
from vgrad.theory.meanfield import Predicted, needed_bytes, predict
from vgrad.theory.propagation.criticality import Deep, deep
from vgrad.theory.propagation.explanation import outlook
from vgrad.theory.propagation.layers import layers_of
from vgrad.training.assembly import build_network
from vgrad.training.initial import draw_parameters, first_examples
from vgrad.training.memory import check_memory

if TYPE_CHECKING:
    from matplotlib.figure import Figure

EXAMPLES, MOST_BYTES = 500, 2**30
"""Matrices of so many examples squared take 2 MB each, one a layer, and all of them at most so much memory."""
ACCURACY = ((1000, 0.05, 0.05), (300, 0.05, 0.10), (100, 0.05, 0.20), (1, 0.12, 0.50))
"""Units of the narrowest hidden layer, and how near the geometric mean over networks is from there on: below most
outputs, and below a softmax, where errors of different classes nearly cancel in the mean, so that what finite layers
add weighs more. docs/theory.md has the cases that this is measured on; scripts/prediction.py measures them."""
ERRORS = 3.0  # standard errors of the measured mean that are allowed beside


@dataclass(frozen=True)
class Prediction:
    """By layer what is predicted, and what `seeds` networks have; `measured` is (seeds, L), empty without."""

    config: Config
    examples: int
    layers: list[Predicted]
    measured: Array

    @cached_property
    def deep(self) -> Deep | None:
        """What stacks of its layers do, where one number says it: half as long again as the prediction itself."""
        return deep(self.config)

    @property
    def accuracy(self) -> float:
        """How near the geometric mean is said to be, as a share."""
        narrowest = min(self.config.sizes[1:-1], default=ACCURACY[0][0])
        plain, softmax = next((below, above) for units, below, above in ACCURACY if narrowest >= units)
        return softmax if self.config.output == "softmax" else plain

    def outside(self) -> list[int]:
        """The hidden layers whose geometric mean over seeds is further off than the accuracy and ERRORS errors."""
        found = []
        for at, layer in enumerate(self.layers[:-1]):
            if len(self.measured) < 2:
                continue
            logs = np.log(self.measured[:, at])
            allowed = math.log(1 + self.accuracy) + ERRORS * float(logs.std(ddof=1)) / math.sqrt(len(logs))
            found += [layer.layer] if abs(float(logs.mean()) - math.log(layer.geometric)) > allowed else []
        return found


def predict_config(config: Config, base: Path, examples: int = EXAMPLES, seeds: int = 0) -> Prediction:
    """The prediction over the first `examples` training examples (fewer where there are fewer).

    ConfigError for what the theory does not hold of. Data are found relative to `base`.
    """
    check_memory(config)
    _check_examples(examples, len(config.sizes) - 1)
    _check_outputs(config)
    layers, activations = layers_of(config), [build(each.name, **each.parameters) for each in config.activations]
    dataset = load(config.data.name, base=base, **config.data.parameters)
    x, y = (each.copy() for each in first_examples(config, dataset, examples))
    found = predict(x, y, layers, activations, COSTS[config.cost][config.output], config.output)
    measured = np.array(list(_measured(config, x, y, seeds))) if seeds else np.empty((0, len(layers)))
    dead = int((measured == 0).any(axis=1).sum())
    if dead:
        told = f"in {dead} of {seeds} networks no gradient arrives at a layer, and 0 has no geometric mean"
        raise ConfigError(f"--seeds: {told}; use wider layers, or leave it out")
    return Prediction(config, len(x), found, measured)


def _check_outputs(config: Config) -> None:
    """The theory draws W^L anew for the way down. Many linear outputs bring it back: (W^L)^T W^L a^(L-1) has the mean
    n_L v_w a^(L-1): 64 of them above 100 units make delta 15 % larger, behind the slope of a sigmoid 4 %."""
    if config.reconstructs and config.output == "identity":
        told = "as many linear outputs as inputs send back weights that theory takes to be others; use output: sigmoid"
        raise ConfigError(f"output identity: mean-field theory does not hold: {told}")


def _check_examples(examples: int, depth: int) -> None:
    if needed_bytes(examples, depth) <= MOST_BYTES:
        return
    fitting = next((n for n in range(examples, 1, -1) if needed_bytes(n, depth) <= MOST_BYTES), None)
    told = f"{examples:,} examples and {depth:,} layers need {needed_bytes(examples, depth) / 2**30:.1f} GiB of memory"
    raise ConfigError(f"--examples: {told}, more than 1; {'use ' + str(fitting) if fitting else 'use fewer layers'}")


def _measured(config: Config, x: Array, y: Array, seeds: int) -> Iterator[list[float]]:
    """||mean delta^l|| of every layer of freshly drawn networks."""
    assert isinstance(config.init, Init)
    prober = Prober(build_network(config), len(x))
    for seed in range(seeds):
        drawn = draw_parameters(config.model_copy(update={"seed": seed}), config.init)
        found = prober.measure({name: value.astype(np.float64) for name, value in drawn.items()}, [(x, y)])
        yield [float(np.linalg.norm(delta)) for delta in found.mean_delta]


def prediction_answer(found: Prediction) -> Answer:
    """The answer; its problem names the layers where networks are not as predicted."""
    wrong = found.outside()
    told = f"further than {100 * found.accuracy:.0f} % and {ERRORS:g} standard errors from theory"
    problem = f"the geometric mean of {len(found.measured)} networks is {told} in layer {', '.join(map(str, wrong))}"
    return Answer(
        lambda width, unicode: _lines(found, width, unicode),
        lambda: _tree(found),
        lambda: _figure(found),
        about=found.config.name,
        problem=problem if wrong else "",
    )


def _kind(found: Prediction, layer: Predicted) -> str:
    return "output" if layer.layer == len(found.layers) else "hidden"


def _lines(found: Prediction, width: int, unicode: bool) -> list[str]:
    page = Page(width, unicode)
    config = found.config
    page.title(f"{config.name}: ‖mean δ‖ of each layer before training, by mean-field theory")
    page.words(f"Over {found.examples:,} training examples; where 95 % of networks are.")
    page.lines.append("")
    head = ["layer", "units", "predicted", "low", "high", "coherence", "mean ‖δ‖", "‖dC/dW‖"]
    rows = [head + (["measured", "ratio"] if len(found.measured) else [])]
    for at, layer in enumerate(found.layers):
        name = f"{layer.layer} out" if _kind(found, layer) == "output" else str(layer.layer)
        numbers = [layer.geometric, layer.low, layer.high, layer.coherence]
        numbers += [layer.delta_norm_mean, layer.weight_gradient_norm]
        row = [name, str(config.sizes[layer.layer]), *map(significant, numbers)]
        if len(found.measured):
            middle = geometric(found.measured[:, at].tolist()).center
            row += [significant(middle), f"{middle / layer.geometric:.3f}"]
        rows.append(row)
    page.table(rows, drop=(7, 6, 5, 1))
    page.lines.append("")
    page.words(
        "predicted, mean ‖δ‖ (over examples), ‖dC/dW‖: geometric means over networks; coherence: root mean square of "
        "‖mean δ‖ over that of single ‖δ‖."
    )
    if len(found.measured):
        page.words(f"measured: the geometric mean of {len(found.measured)} networks, drawn anew.")
    if found.deep is not None:
        page.words(f"{outlook(found.deep)}.")
    return page.lines


def _tree(found: Prediction) -> dict[str, Any]:
    layers = []
    for at, layer in enumerate(found.layers):
        row = {**asdict(layer), "kind": _kind(found, layer), "predicted": layer.geometric}
        if len(found.measured):
            row["measured"] = asdict(geometric(found.measured[:, at].tolist()))
        layers.append(row)
    tree: dict[str, Any] = plain(
        {
            "name": found.config.name,
            "hash": found.config.identity,
            "examples": found.examples,
            "seeds": len(found.measured),
            "accuracy": found.accuracy,
            "deep": None if found.deep is None else asdict(found.deep),
            "outside": found.outside(),
            "layers": layers,
        }
    )
    return tree


def _figure(found: Prediction) -> Figure:
    """The band over the hidden layers, and a point for each network."""
    from vgrad.pictures.slides import OTHER, RUNNING, slide
    from vgrad.text.escapes import visible

    figure, (axes,) = slide(1, f"Predicted before training: {visible(found.config.name)}".replace("$", r"\$"))
    at = [layer.layer for layer in found.layers[:-1]]
    axes.fill_between(
        at,
        [layer.low for layer in found.layers[:-1]],
        [layer.high for layer in found.layers[:-1]],
        color=OTHER,
        alpha=0.25,
        label="95 % of networks, by theory",
    )
    axes.plot(at, [layer.geometric for layer in found.layers[:-1]], "-", color=OTHER, label="geometric mean, by theory")
    for number, row in enumerate(found.measured):
        axes.plot(at, row[:-1], "o", color=RUNNING, markersize=5, alpha=0.5, label=None if number else "drawn networks")
    axes.set_yscale("log")
    axes.set_xticks(at)
    axes.set_xlabel("hidden layer $l$")
    axes.set_ylabel(r"$\Vert$mean $\delta^l\Vert$")
    axes.legend()
    return figure
