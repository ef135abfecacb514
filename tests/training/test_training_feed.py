"""Batches side by side: what stored inputs, ones and targets they are, whatever the data and the batch size."""

from __future__ import annotations

import numpy as np
import pytest
from rows import each_row

from vgrad.data import SCALES, load
from vgrad.data.dataset import Scaling, Threshold
from vgrad.training.feed import Batches, Feed


@each_row("dtype", ["float64", "float32"])
@each_row("m, rows, taken", [(10, 30, 30), (10, 30, 25), (10, 30, 7), (1, 3, 2), (7, 7, 7), (8, 20, 20)])
@pytest.mark.parametrize("scale", SCALES)
def test_batches_are_what_a_feed_loads(dtype: str, m: int, rows: int, taken: int, scale: str) -> None:
    data = load("digits", scale=scale, train=200, validation=0, test=0)
    index = np.random.default_rng(m).permutation(200)[:taken]
    feed = Feed(data, 10, rows, dtype, smoothing=0.1)
    batches = Batches(data, 10, rows, dtype, 0.1, m, columns=72)
    earlier = batches.batches(data.train, index)
    for _ in range(2):  # whatever an earlier call has left
        found = batches.batches(data.train, index)
        assert [each is other for each, other in zip(found, earlier, strict=True)] == [True] * len(found)
        x, y = feed.load(data.train, index)
        assert [each.shape[1] for each, _ in found] == [m] * (taken // m) + [taken % m] * (taken % m > 0)
        wide, targets = (np.concatenate([pair[i] for pair in found], axis=1) for i in (0, 1))
        assert wide.dtype == targets.dtype == dtype
        np.testing.assert_allclose(batches.unit * wide[:64].T, x, rtol=4 * np.finfo(dtype).eps)
        np.testing.assert_allclose(batches.unit * wide[64], 1, rtol=4 * np.finfo(dtype).eps)
        assert not wide[65:].any()
        np.testing.assert_array_equal(targets.T, y)
        index = index[::-1].copy()


@pytest.mark.parametrize("scale", SCALES)
def test_inputs_that_are_targets_are_scaled_in_both_places(scale: str) -> None:
    data, index = load("digits", scale=scale, train=50, validation=0, test=0, targets="inputs"), np.arange(23)
    x, _ = Feed(data, 64, 30, "float64").load(data.train, index)
    found = Batches(data, 64, 30, "float64", 0.0, 5, columns=72).batches(data.train, index)
    for i in (0, 1):
        np.testing.assert_array_equal(np.concatenate([pair[i] for pair in found], axis=1)[:64].T, x)


def test_only_bytes_with_a_common_factor_stay_as_they_are_stored() -> None:
    def unit(scale: str, **more: object) -> float:
        data = load("digits", scale=scale, train=20, validation=0, test=0, **more)
        return Batches(data, 64 if data.reconstructs else 10, 10, "float64", 0.0, 5, columns=72).unit

    assert unit("unit") == 1 / 16
    assert [unit(scale) for scale in SCALES if scale != "unit"] == [1.0] * (len(SCALES) - 1)
    assert unit("unit", targets="inputs") == 1.0  # which are scaled targets as well
    shifted = Scaling(np.asarray(0.5), np.asarray(3.0))
    assert shifted.in_units() == (1.0, shifted)


def test_zeros_stay_zeros_where_the_threshold_is_not_below() -> None:
    limits = [np.asarray(limit) for limit in (-0.5, 0.0, 7.5)]
    assert [Threshold(limit).keeps_zeros for limit in limits] == [False, True, True]
    assert [float(Threshold(limit).apply(np.zeros(1), np.empty(1))[0]) for limit in limits] == [1, 0, 0]
