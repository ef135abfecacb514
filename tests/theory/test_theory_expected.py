"""What theory expects of a run: the published draws, drawn networks, and the clauses of what is outside."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rows import each_row

from vgrad.config.check import check
from vgrad.nn.measurement import Prober
from vgrad.theory.prediction import predict_config
from vgrad.theory.propagation import expected as module
from vgrad.theory.propagation.expected import Expected, _expected, expected
from vgrad.training.assembly import build_network
from vgrad.training.initial import draw_parameters, first_examples


@pytest.fixture(autouse=True)
def _forgotten() -> Iterator[None]:
    _expected.cache_clear()
    yield
    _expected.cache_clear()


def config(**changes: Any) -> Any:
    return check({"name": "x", "data": "digits", "layers": {"depth": 2, "width": 30}, **changes})


def test_runs_of_one_network_share_a_prediction() -> None:
    first = expected(config(probes={"examples": 20}), Path())
    assert isinstance(first, Expected)
    again = {"seed": 7, "optimizer": {"name": "adam"}, "epochs": 3, "l2": 1.0, "probes": {"examples": 20, "every": 2}}
    assert expected(config(**again), Path()) is first
    assert expected(config(probes={"examples": 21}), Path()) is not first
    assert _expected.cache_info().misses == 2


def test_it_is_what_theory_predict_says() -> None:
    found, same = expected(config(probes={"examples": 30}), Path()), predict_config(config(), Path(), 30)
    assert isinstance(found, Expected)
    assert list(found.layers) == same.layers
    assert found.accuracy == same.accuracy


@pytest.mark.slow
def test_fewer_examples_than_the_probes_have_say_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where errors are unlike, the N pairs of an example with itself weigh: of 60, left as they are, 1.7 times."""
    made = config(
        layers={"depth": 8, "width": 30},
        activation="tanh",
        init={"weights": "glorot_normal", "gain": 3.0},
        probes={"examples": 240},
    )
    whole = expected(made, Path())
    _expected.cache_clear()
    monkeypatch.setattr(module, "EXAMPLES", 60)
    part = expected(made, Path())
    assert isinstance(whole, Expected)
    assert isinstance(part, Expected)
    for one, other in zip(whole.layers, part.layers, strict=True):
        assert (other.geometric, other.low, other.high) == pytest.approx((one.geometric, one.low, one.high), rel=0.05)
    assert predict_config(made, Path(), 60).layers[0].geometric > 1.6 * whole.layers[0].geometric


@each_row(
    "changes, told",
    [
        ({"batch_norm": True}, "batch_norm"),
        ({"layer_norm": True}, "layer_norm"),
        ({"residual": True}, "residual"),
        ({"init": "lsuv"}, "init lsuv"),
        ({"activation": {"name": "maxout", "pieces": 2}}, "activation maxout"),
        ({"layers": [64, 10]}, "no hidden layers"),
    ],
)
def test_what_is_outside_says_so_in_a_clause(changes: dict[str, Any], told: str) -> None:
    found = expected(config(**changes), Path())
    assert isinstance(found, str)
    assert told in found
    assert "\n" not in found


def test_data_that_are_not_here_are_not_fetched(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("VGRAD_DATA", str(tmp_path))
    found = expected(check({"name": "x", "layers": [784, 30, 30, 10]}), Path())
    assert isinstance(found, str)
    assert "vgrad data fetch" in found
    assert not list(tmp_path.iterdir())


def test_numbers_beyond_floating_point_have_no_prediction() -> None:
    found = expected(config(init={"weights": "he_normal", "gain": 1e80}, probes={"examples": 5}), Path())
    assert isinstance(found, Expected)
    assert found.of(1) is found.of(0) is found.of(9) is None
    assert found.z(1, 1.0) is found.holds(1, [1.0]) is None
    assert not found.outside(1, 1.0)


def test_drawn_networks_are_where_they_are_expected() -> None:
    """2,000 z of networks drawn anew: mean 0 and deviation 1, as far as theory is, and one in twenty beyond 1.96."""
    made = config(probes={"examples": 100})
    found = expected(made, Path())
    assert isinstance(found, Expected)
    x, y = first_examples(made, None, 100)
    x, y = x.copy(), y.copy()
    prober, norms = Prober(build_network(made), 100), []
    for seed in range(400):
        drawn = draw_parameters(made.model_copy(update={"seed": seed}), made.init)
        deltas = prober.measure({name: value.astype(np.float64) for name, value in drawn.items()}, [(x, y)]).mean_delta
        norms.append([float(np.linalg.norm(delta)) for delta in deltas])
    for layer in (1, 2):
        own = [each[layer - 1] for each in norms]
        z = np.array([found.z(layer, norm) for norm in own])
        assert abs(z.mean()) < 0.25
        assert z.std() == pytest.approx(1, abs=0.12)
        assert 0.02 < (np.abs(z) > 1.96).mean() < 0.09
        assert sum(found.outside(layer, norm) for norm in own) < 0.04 * len(own)
        assert found.holds(layer, own)
        assert not found.holds(layer, [1.3 * norm for norm in own])
        assert found.holds(layer, own[:1])
        assert found.holds(layer, [0.0]) is None
        predicted = found.of(layer)
        assert predicted
        assert found.outside(layer, 2 * predicted.high)
        assert found.z(layer, predicted.geometric * 10**predicted.deviation) == pytest.approx(1)


@each_row(
    "depth, published, z",
    [
        (2, (0.0657, 0.3092), (0.46, 0.37)),
        (3, (0.0118, 0.0600, 0.2831), (0.04, 0.17, -0.04)),
        (4, (0.00298, 0.0171, 0.0695, 0.2851), (0.72, 1.33, 0.75, -0.01)),
    ],
)
@pytest.mark.slow
def test_the_published_draws_are_where_theory_says(
    depth: int, published: tuple[float, ...], z: tuple[float, ...], mnist_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VGRAD_DATA", str(mnist_dir))
    found = expected(check({"name": "x", "layers": {"depth": depth, "width": 30}}), Path())
    assert isinstance(found, Expected)
    for layer, (norm, wanted) in enumerate(zip(published, z, strict=True), start=1):
        assert found.z(layer, norm) == pytest.approx(wanted, abs=0.04)
        assert math.isfinite(norm)
        assert not found.outside(layer, norm)
