"""Nielsen's chapter 5 on MNIST, through the configs that are shipped: accuracy (A), speed at the start (B) and during
training (C), against the published figures and what many seeds give.

A published figure is one unseeded draw, so it is judged against the scatter over seeds, never by its digits. All
numbers of a run follow from its seed: a band is there for what a right change may do to them, not for chance.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from vgrad.cli.options import read_config
from vgrad.config.config import Config
from vgrad.config.fields import Init
from vgrad.data.dataset import Dataset
from vgrad.data.datasets import load
from vgrad.nn.probes import PROBES
from vgrad.training.assembly import build_network, fresh_state
from vgrad.training.evaluation import ProbeSet
from vgrad.training.initial import draw_parameters
from vgrad.training.loop import train

CONFIGS = Path(__file__).resolve().parents[2] / "configs" / "nielsen"
Array = np.ndarray[Any, np.dtype[np.float64]]


@pytest.fixture(scope="module")
def environment(mnist_dir: Path) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("VGRAD_DATA", str(mnist_dir))
        yield


@pytest.fixture(scope="module")
def thousand(environment: None) -> Dataset:
    """The first 1000 training images, on which speed is measured."""
    return load(**plain_data(speed(2)))


def speed(depth: int, *settings: str, seed: int | None = None) -> Config:
    return read_config(str(CONFIGS / f"speed-{depth}.yaml"), list(settings), seed)


def plain_data(config: Config) -> dict[str, Any]:
    return {"name": config.data.name, **config.data.parameters}


# -- B: the speed at the start ----------------------------------------------------------------------------------------

SEEDS = 20
STANDARD_ERRORS = 4  # of a mean or a median over SEEDS
CHI_SQUARE = (5.41, 43.82)  # of 19 degrees of freedom: 0.1 % lie below, 0.1 % above
PUBLISHED_DRAW = 2.5  # standard deviations


@dataclass(frozen=True)
class Start:
    """Published speeds, then over 300 seeds: geometric means, sd of log10, last/first: median and 2.5 to 97.5 %."""

    published: tuple[float, ...]
    means: tuple[float, ...]
    sds: tuple[float, ...]
    ratio: float
    middle: tuple[float, float]


STARTS = {
    2: Start((0.0657, 0.3092), (0.0605, 0.2944), (0.110, 0.094), 4.84, (3.73, 6.40)),
    3: Start((0.0118, 0.0600, 0.2831), (0.0119, 0.0585, 0.2896), (0.137, 0.116, 0.096), 24.7, (16.1, 36.3)),
    4: Start(
        (0.00298, 0.0171, 0.0695, 0.2851),
        (0.00236, 0.0118, 0.0590, 0.2913),
        (0.147, 0.134, 0.112, 0.095),
        121,
        (74.6, 211),
    ),
}


def starts(depth: int, dataset: Dataset, init: str) -> Array:
    """log10 of the hidden layers' speeds of the untrained network, one row a seed."""
    rows = []
    probes = ProbeSet(build_network(speed(depth)), dataset, 1000)
    for seed in range(SEEDS):
        config = speed(depth, f"init={init}", "epochs=0", seed=seed)
        assert isinstance(config.init, Init)
        rows.append(PROBES["delta_norm"](probes.measure(draw_parameters(config, config.init)))[:-1])
    return np.log10(rows)


def outside(found: Array, due: Start) -> list[str]:
    """Which bands the speeds of SEEDS seeds leave, in words; none when they are Nielsen's."""
    wrong = []
    means, sds = found.mean(axis=0), found.std(axis=0, ddof=1)
    for layer, (mean, sd, given, scatter, published) in enumerate(
        zip(means, sds, due.means, due.sds, due.published, strict=True), start=1
    ):
        if abs(mean - np.log10(given)) > STANDARD_ERRORS * scatter / SEEDS**0.5:
            wrong.append(f"mean of layer {layer}: {10**mean:.3g}, not {given}")
        if not CHI_SQUARE[0] < (SEEDS - 1) * (sd / scatter) ** 2 < CHI_SQUARE[1]:
            wrong.append(f"sd of layer {layer}: {sd:.3f}, not {scatter}")
        if abs(np.log10(published) - mean) > PUBLISHED_DRAW * sd:
            wrong.append(f"published draw of layer {layer}: {published} is far from {10**mean:.3g}")
    ratio = float(np.median(found[:, -1] - found[:, 0]))
    scatter = np.log10(due.middle[1] / due.middle[0]) / 3.92  # 95 % of a normal distribution are 3.92 sd wide
    if abs(ratio - np.log10(due.ratio)) > STANDARD_ERRORS * 1.2533 * scatter / SEEDS**0.5:  # the error of a median
        wrong.append(f"median of last/first: {10**ratio:.3g}, not {due.ratio}")
    return wrong


@pytest.mark.parametrize("depth", STARTS)
def test_the_start_is_nielsens(depth: int, thousand: Dataset) -> None:
    assert outside(starts(depth, thousand, "nielsen"), STARTS[depth]) == []


@pytest.mark.parametrize("depth", STARTS)
def test_another_initialization_is_told_from_nielsens(depth: int, thousand: Dataset) -> None:
    wrong = outside(starts(depth, thousand, "glorot_normal"), STARTS[depth])
    assert any(text.startswith("mean of layer 1:") for text in wrong)


def test_the_generator_of_records_gives_the_same_start(thousand: Dataset) -> None:
    config = speed(3, "epochs=0", seed=5)
    assert isinstance(config.init, Init)
    ((record, _),) = train(config, thousand, fresh_state(config, draw_parameters(config, config.init)))
    assert record.gradients is not None
    np.testing.assert_allclose(
        np.log10(record.gradients["delta_norm"][:-1]), starts(3, thousand, "nielsen")[5], rtol=1e-12
    )


# -- C: the speed during training -------------------------------------------------------------------------------------

ALIKE = 0.9  # correlation of log10 with the published curve, over the epochs
FALL = 20  # times, in the first 100 epochs, in every layer
ORDERED = 0.95  # share of the epochs in which every hidden layer is slower than the next
COMPARED = (0, 10, 50, 100, 499)
FACTOR = 3  # of the first layer's speed from the published one, at the epochs COMPARED


@pytest.mark.slow
@pytest.mark.parametrize("depth", [2, 3, 4])
def test_the_curves_have_the_published_shape(depth: int, thousand: Dataset, shared: Path) -> None:
    file = shared / "reference" / "nielsen" / f"norms_during_training_{depth}_layers.json"
    published = np.array(json.loads(file.read_text()))
    config = speed(depth, seed=0)
    assert isinstance(config.init, Init)
    state = fresh_state(config, draw_parameters(config, config.init))
    records = [record.gradients for record, _ in train(config, thousand, state)]
    found = np.array([record["delta_norm"][:-1] for record in records if record is not None])[: len(published)]
    assert found.shape == published.shape == (500, depth)
    for layer in range(depth):
        assert np.corrcoef(np.log10(found[:, layer]), np.log10(published[:, layer]))[0, 1] > ALIKE
        assert found[0, layer] / found[:100, layer].min() > FALL
    assert (np.diff(found, axis=1) > 0).all(axis=1).mean() > ORDERED
    factors = found[COMPARED, 0] / published[COMPARED, 0]
    assert (np.abs(np.log10(factors)) < np.log10(FACTOR)).all(), factors


# -- A: accuracy ------------------------------------------------------------------------------------------------------

SIX_SEEDS = {1: (96.33, 96.65), 2: (96.40, 97.14)}  # validation accuracy after the last epoch, percent
MARGIN = 0.25  # points: one more seed may lie outside the range of six


@pytest.mark.slow
@pytest.mark.usefixtures("environment")
@pytest.mark.parametrize("depth", SIX_SEEDS)
def test_accuracy_is_within_the_range_of_six_seeds(depth: int) -> None:
    config = read_config(str(CONFIGS / f"accuracy-{depth}.yaml"), ["monitor=[validation_accuracy]"], 0)
    assert config.sizes == (784, *[30] * depth, 10)
    assert (config.epochs, config.batch_size, config.l2) == (30, 10, 5.0)
    assert config.optimizer.parameters["learning_rate"] == 0.1
    assert (config.output, config.cost, config.init.plain()) == ("sigmoid", "cross_entropy", "nielsen")
    dataset = load(**plain_data(config))
    assert (len(dataset.train), len(dataset.validation)) == (50_000, 10_000)
    assert isinstance(config.init, Init)
    state = fresh_state(config, draw_parameters(config, config.init))
    records = [record for record, _ in train(config, dataset, state)]
    accuracy = records[-1].metrics["validation_accuracy"]
    assert records[-1].epoch == 30
    assert accuracy is not None
    lowest, highest = SIX_SEEDS[depth]
    assert lowest - MARGIN <= 100 * accuracy <= highest + MARGIN
