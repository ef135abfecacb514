"""Scaling and gathering against plain NumPy."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from numpy.typing import NDArray

from vgrad.data import BUILT_IN, DATASETS, SCALES, Part, Scaling, Threshold, gather, load
from vgrad.data.dataset import ROWS
from vgrad.data.published import COLLECTIONS

LOCAL = [name for name in BUILT_IN if name not in COLLECTIONS]
EXACT = 1e-13  # a few roundings of float64, and of sums taken in another order
SINGLE = 1e-5  # a few roundings of float32


def scaled(part: Part, scaling: Scaling | Threshold, kind: type = np.float64) -> NDArray[np.float64]:
    return scaling.apply(part.inputs, np.empty(part.inputs.shape, dtype=kind)).astype(np.float64)


@pytest.mark.parametrize("name", LOCAL)
def test_standard_uses_the_training_part_alone(name: str) -> None:
    data = load(name, scale="standard")
    plain = data.train.inputs.astype(np.float64)
    mean, std = plain.mean(axis=0), plain.std(axis=0)
    flat = std == 0
    for part in (data.train, data.validation, data.test):
        due = (part.inputs - mean) / np.where(flat, 1.0, std)
        np.testing.assert_allclose(scaled(part, data.scaling), due, rtol=EXACT, atol=EXACT)
    result = scaled(data.train, data.scaling)
    np.testing.assert_allclose(result.mean(axis=0), 0.0, atol=EXACT)
    np.testing.assert_allclose(result.std(axis=0)[~flat], 1.0, rtol=EXACT)


@pytest.mark.parametrize("kind", [np.float64, np.float32])
@pytest.mark.parametrize("make", [Scaling.standard, Scaling.extent])
def test_constant_features_are_exactly_zero(make, kind: type) -> None:  # type: ignore[no-untyped-def]
    inputs = np.random.default_rng(0).normal(size=(2 * ROWS + 7, 3))
    inputs[:, 1] = 0.1  # not representable: its mean is not quite 0.1
    part = Part(inputs, np.zeros(len(inputs), dtype=np.int64))
    result = scaled(part, make(inputs), kind)
    assert np.all(result[:, 1] == 0)
    assert np.all(result[:, 0].std() > 0)
    digits = load("digits").train
    flat = digits.inputs.std(axis=0) == 0
    assert flat.any()
    assert np.all(scaled(digits, make(digits.inputs), kind)[:, flat] == 0)


@pytest.mark.parametrize("name", LOCAL)
def test_unit_fills_the_unit_interval(name: str) -> None:
    data = load(name)
    result = scaled(data.train, data.scaling)
    if name == "halves":  # drawn from the unit square
        assert 0 < result.min() < 0.01
        assert 0.99 < result.max() < 1
    else:
        assert (result.min(), result.max()) == (0.0, pytest.approx(1.0, abs=EXACT))
    if DATASETS[name].maximum:
        np.testing.assert_array_equal(result, data.train.inputs * (1.0 / DATASETS[name].maximum))


@pytest.mark.parametrize("name", LOCAL)
def test_none_changes_nothing(name: str) -> None:
    data = load(name, scale="none")
    np.testing.assert_array_equal(scaled(data.train, data.scaling), data.train.inputs)


@pytest.mark.parametrize("name", LOCAL)
@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize(("kind", "tolerance"), [(np.float64, EXACT), (np.float32, SINGLE)])
def test_gather(name: str, scale: str, kind: type, tolerance: float) -> None:
    data = load(name, scale=scale)
    index = np.random.default_rng(0).integers(0, len(data.train), 11)
    rows = np.empty((11, data.n_inputs), dtype=data.train.inputs.dtype)
    out = np.empty((11, data.n_inputs), dtype=kind)
    assert gather(data.train, index, data.scaling, rows, out) is out
    plain = data.train.inputs[index].astype(np.float64)
    due = plain > data.scaling.limit if scale == "binary" else (plain - data.scaling.shift) * data.scaling.factor
    np.testing.assert_allclose(out, due, rtol=tolerance, atol=tolerance)
    np.testing.assert_array_equal(rows, data.train.inputs[index])


@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("kind", [np.float64, np.float32])
def test_gather_allocates_nothing(scale: str, kind: type) -> None:
    inputs = np.random.default_rng(0).integers(0, 256, (500, 784), dtype=np.uint8)
    part = Part(inputs, np.zeros(500, dtype=np.uint8))
    scaling = SCALES[scale](inputs, 255)
    index = np.arange(200, dtype=np.intp)
    rows, out = np.empty((200, 784), dtype=np.uint8), np.empty((200, 784), dtype=kind)
    gather(part, index, scaling, rows, out)
    tracemalloc.start()
    gather(part, index, scaling, rows, out)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 100_000  # the rows alone take 156,800, in float64 a million


@pytest.mark.parametrize("kind", [np.float64, np.float32])
def test_binary_bytes_are_1_from_128_on(kind: type) -> None:
    every = np.arange(256, dtype=np.uint8)[:, None]
    out = SCALES["binary"](every, 255).apply(every, np.empty(every.shape, kind))
    assert out[:, 0].tolist() == [0.0] * 128 + [1.0] * 128
    assert load("digits", scale="binary").scaling.apply(every, out)[:, 0].tolist() == [0.0] * 9 + [1.0] * 247


@pytest.mark.parametrize("kind", [np.float64, np.float32])
@pytest.mark.parametrize("stored", [np.float64, np.uint8])
def test_binary_numbers_are_1_above_the_middle_of_their_range_in_training(kind: type, stored: type) -> None:
    train = np.array([[0, 5, 7], [10, 5, 8], [4, 5, 7]], stored)  # middles 5 and 7.5, and a constant
    made = SCALES["binary"](train, None)
    seen = made.apply(train, np.empty((3, 3), kind))
    assert seen.tolist() == [[0, 0, 0], [1, 0, 1], [0, 0, 0]]
    other = np.array([[5, 6, 200], [6, 4, 0]], stored)
    assert made.apply(other, np.empty((2, 3), kind)).tolist() == [[0, 1, 1], [1, 0, 0]]


def test_binary_compares_what_is_stored_and_not_what_it_rounds_to() -> None:
    just = np.nextafter(0.5, 1.0)  # in float32 it is 0.5
    rows = np.array([[0.0], [0.5], [just], [1.0]])
    for kind in (np.float64, np.float32):
        assert Threshold.middle(rows).apply(rows, np.empty((4, 1), kind))[:, 0].tolist() == [0, 0, 1, 1]
    wide = np.array([[-1.7e308], [1.7e308], [0.0]])
    assert Threshold.middle(wide).apply(wide, np.empty((3, 1)))[:, 0].tolist() == [0, 1, 0]
    below = np.array([[-3.0], [-1.0]])  # a limit that no byte is
    assert Threshold.middle(below).apply(np.array([[0]], np.uint8), np.empty((1, 1))).tolist() == [[1]]


def test_standard_never_holds_the_set_in_float64() -> None:
    inputs = np.random.default_rng(0).integers(0, 256, (20_000, 784), dtype=np.uint8)
    tracemalloc.start()
    scaling = Scaling.standard(inputs)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 30e6  # in float64 the set takes 125e6
    np.testing.assert_allclose(scaling.shift, inputs.mean(axis=0), rtol=EXACT)
    np.testing.assert_allclose(1 / scaling.factor, inputs.std(axis=0), rtol=1e-12)


def test_parts_that_do_not_belong_together() -> None:
    with pytest.raises(ValueError, match="belong together"):
        Part(np.zeros((3, 2)), np.zeros(2, dtype=np.int64))
    with pytest.raises(ValueError, match="belong together"):
        Part(np.zeros(3), np.zeros(3, dtype=np.int64))
