"""The speed of a layer by architecture: its word is that of the weight gradients, or a document says where not."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from typing import Any

import pytest
from rows import each_row

from vgrad.config.check import check
from vgrad.config.config import Config
from vgrad.data.datasets import load
from vgrad.nn.probes import PROBES
from vgrad.runs.summary import cause_of, speeds, verdict_of
from vgrad.training.assembly import build_network, fresh_state
from vgrad.training.evaluation import ProbeSet
from vgrad.training.initial import draw_parameters
from vgrad.vanishing import DEAD, EVEN, EXPLODING, VANISHING, decay, last_first_ratio, verdict

INITS = {"sigmoid": "nielsen", "tanh": "glorot_normal", "relu": "he_normal", "identity": "orthogonal"}
OTHERS = {("relu", "residual", 10), ("relu", "residual", 20), ("tanh", "residual", 20), ("tanh", "residual", 10)}
OTHERS |= {("identity", "residual", 10), ("identity", "residual", 20)}
"""Where the errors, dC/db, grow towards the input and the weight gradients do not: docs/reports.md."""


def untrained(activation: str, remedy: str, depth: int, seed: int = 0) -> Config:
    tree: dict[str, Any] = {"data": {"name": "digits", "train": 200, "validation": 100}, "seed": seed, "name": "x"}
    tree |= {"layers": {"depth": depth, "width": 30}, "activation": activation, "init": INITS[activation], "epochs": 0}
    return check(tree | ({remedy: True} if remedy else {}))


def measured(config: Config, *probes: str) -> Iterator[list[float]]:
    """Probes of the hidden layers before training."""
    data = config.plain()["data"]
    network, dataset = build_network(config), load(**data)
    parameters = fresh_state(config, draw_parameters(config, config.init)).parameters  # type: ignore[arg-type]
    probe_set = ProbeSet(network, dataset, config.probe_examples, config.label_smoothing)
    measurement = probe_set.measure(parameters, None)
    for name in probes:
        yield [float(value or 0.0) for value in PROBES[name](measurement)[:-1]]


def both_words(activation: str, remedy: str, depth: int) -> tuple[str | None, str | None]:
    config = untrained(activation, remedy, depth)
    speed, weights = measured(config, config.speed, "weight_gradient_norm")
    return verdict(speed), verdict(weights)


@pytest.mark.parametrize(
    "depth", [5, pytest.param(10, marks=pytest.mark.slow), pytest.param(20, marks=pytest.mark.slow)]
)
def test_the_word_is_that_of_the_weight_gradients(depth: int) -> None:
    cases = list(product(INITS, ("", "batch_norm", "layer_norm", "residual"), [depth]))
    found = {case: both_words(*case) for case in cases}
    assert {case for case, (word, other) in found.items() if word != other} <= OTHERS
    assert {word for word, _ in found.values()} >= {EVEN, VANISHING}
    for case in OTHERS & set(cases):
        assert found[case][1] == EVEN


def test_under_batch_norm_the_norm_of_the_mean_says_nothing() -> None:
    """In a deep linear network with orthogonal weights it is rounding noise."""
    norms, means = measured(untrained("identity", "batch_norm", 10), "delta_norm", "delta_norm_mean")
    assert norms[0] < 1e-14 * means[0]
    assert (last_first_ratio(norms) or 0) > 1e12
    assert 0.5 < (last_first_ratio(means) or 0) < 2


def moment(norms: list[float], means: list[float] | None, **more: Any) -> dict[str, Any]:
    return {"epoch": 0, "speed": "delta_norm", "delta_norm": norms, "delta_norm_mean": means, **more}


MEAN = {"speed": "delta_norm_mean"}


@each_row(
    "found, word, cause",
    [
        (moment([0.1, 1.0], [0.2, 1.5]), VANISHING, None),
        (moment([0.1, 1.0], [1.0, 1.5], **MEAN), EVEN, None),
        (moment([0.1, 1.0], None, **MEAN), None, "delta_norm_mean was not recorded"),
        (moment([1e-17, 1.0], [1.0, 1.5]), None, "rounding noise: the mean error of layer 1 cancels"),
        (moment([1.0, 0.0, 0.1], [1.0, 1.0, 1.0], dead=[0.0, 0.5, 0.0]), None, "rounding noise: .* layer 2 cancels"),
        (moment([2.6e-7, 0.0, 2.3e-6], [1e-6, 0.0, 1e-5], dead=[0, 1.0, 0]), DEAD, "dead: 100 % of layer 2"),
        (moment([1e-17, 1.0], [1.0, 1.5], dead=[0.0, 1.0]), DEAD, "dead: 100 % of layer 2"),
        (moment([0.0, 1e-310, 1e-200], [1e-320, 1e-309, 1e-199], dead=[0.5, 0, 0]), VANISHING, None),
        (moment([9.0, 1e-3], [9.0, 1e-3]), EXPLODING, None),
    ],
)
def test_a_word_is_given_where_the_speed_says_something(
    found: dict[str, Any], word: str | None, cause: str | None
) -> None:
    assert verdict_of(found) == word
    assert (cause_of(found) is None) == (cause is None)
    if cause is not None:
        assert cause.partition(".*")[0] in (cause_of(found) or "")


def test_a_zero_between_finite_norms_leaves_their_ratio_finite() -> None:
    found = speeds(moment([2.6e-7, 0.0, 2.3e-6], None)) or []
    assert last_first_ratio(found) == pytest.approx(2.3 / 0.26)
    assert decay(found) is None
