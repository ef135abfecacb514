"""The table of data sets: sizes, splits, cuts, fingerprints, and known values."""

from __future__ import annotations

import gzip
import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from vgrad.data import BUILT_IN, DATASETS, SCALES, Dataset, Part, check_sizes, digits, facts, load
from vgrad.data.published import COLLECTIONS
from vgrad.errors import ConfigError, DataError
from vgrad.registry import parameters

LOCAL = [name for name in BUILT_IN if name not in COLLECTIONS]


def parts(data: Dataset) -> tuple[Part, Part, Part]:
    return data.train, data.validation, data.test


@pytest.mark.parametrize("name", LOCAL)
def test_a_set_is_what_its_entry_says(name: str) -> None:
    source, data = facts(name), load(name)
    assert tuple(map(len, parts(data))) == source.sizes
    assert (data.name, data.n_inputs, data.classes) == (name, source.n_inputs, source.classes)
    assert "\n" not in DATASETS[name].summary
    for part in parts(data):
        assert part.inputs.shape == (len(part), source.n_inputs)
        assert part.inputs.dtype in (np.uint8, np.float64)
        assert part.labels.dtype in (np.uint8, np.int64)
        assert part.inputs.flags.c_contiguous
        assert not part.inputs.flags.writeable
        assert not part.labels.flags.writeable
        assert set(part.labels) == set(range(source.classes))


@pytest.mark.parametrize("name", LOCAL)
def test_a_cut_is_the_first_in_file_order(name: str) -> None:
    whole, cut = load(name), load(name, train=3, validation=0, test=1)
    assert tuple(map(len, parts(cut))) == (3, 0, 1)
    np.testing.assert_array_equal(cut.train.inputs, whole.train.inputs[:3])
    np.testing.assert_array_equal(cut.train.labels, whole.train.labels[:3])
    assert np.shares_memory(whole.train.first(3).inputs, whole.train.inputs)


@pytest.mark.parametrize("name", LOCAL)
@pytest.mark.parametrize("scale", SCALES)
def test_the_digest_knows_what_decides_the_numbers(name: str, scale: str) -> None:
    assert load(name, scale=scale).digest == load(name, scale=scale).digest
    others = [
        load(name, scale=scale, train=3).digest,
        load(name, scale=scale, validation=0).digest,
        load(name, scale=scale, test=2).digest,
        *(load(name, scale=other).digest for other in SCALES if other != scale),
    ]
    assert len({load(name, scale=scale).digest, *others}) == 3 + len(SCALES)
    assert all(len(digest) == 64 for digest in others)


def test_digests_are_the_same_everywhere() -> None:
    """Fixed values: a change here makes every old run a run of other data."""
    assert load("xor").digest[:16] == "9b86af02997956f9"
    assert load("digits").digest[:16] == "b14eaad1a65b58bc"


def test_sizes_are_checked_without_loading() -> None:
    for name in BUILT_IN:
        source = facts(name)
        assert check_sizes(name) == check_sizes(name, *source.sizes) == check_sizes(name, 1, 0, 0) == []
        assert len(check_sizes(name, *(size + 1 for size in source.sizes))) == 3
        assert len(check_sizes(name, 0, -1, -1)) == 3
    assert check_sizes("mnist", 60_000) == [
        "data.train: 60000 is not between 1 and 50000, the number that mnist has",
    ]
    with pytest.raises(KeyError, match="did you mean 'mnist'"):
        check_sizes("minst")


@pytest.mark.parametrize(
    ("name", "given", "message"),
    [
        ("digit", {}, "no data set 'digit'; did you mean 'digits'"),
        ("xor", {"scale": "Unit"}, "no scale 'Unit'; did you mean 'unit'"),
        ("xor", {"train": 0}, r"data\.train: 0 is not between 1 and 4"),
        ("xor", {"validation": 5}, r"data\.validation: 5 is not between 0 and 4"),
        ("circles", {"nois": 1.0}, r"data\.nois: no such parameter; did you mean 'noise'"),
        ("circles", {"noise": -1.0}, r"data\.noise: -1"),
        ("circles", {"noise": 1e300}, r"data\.noise: 1e\+300"),
        ("circles", {"noise": float("nan")}, r"data\.noise: nan"),
        ("halves", {"margin": 0.51}, r"data\.margin: 0\.51 is not between 0 and 0\.5"),
        ("halves", {"margin": float("nan")}, r"data\.margin: nan"),
        ("digits", {"noise": 1.0}, r"data\.noise: no such parameter"),
    ],
)
def test_what_is_wrong_is_a_config_error(name: str, given: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        load(name, **given)  # type: ignore[arg-type]


def test_what_has_parameters() -> None:
    known = {name: list(parameters(source.load)) for name, source in DATASETS.items() if name in BUILT_IN}
    drawn = {"circles": ["noise", "sample_seed"], "halves": ["margin", "sample_seed"]}
    assert known == {**{key: [] for key in COLLECTIONS}, "digits": [], "xor": [], **drawn}


@pytest.mark.parametrize("name", LOCAL)
def test_a_set_survives_the_way_to_a_worker(name: str) -> None:
    data = load(name, scale="standard")
    copy = pickle.loads(pickle.dumps(data))
    np.testing.assert_array_equal(copy.train.inputs, data.train.inputs)
    assert copy.digest == data.digest


def separable(part: Part) -> bool:
    """Whether the sign of the least-squares fit of +-1 is the class for at least three of four examples."""
    design = np.column_stack([part.inputs, np.ones(len(part))])
    weights, *_ = np.linalg.lstsq(design, 2.0 * part.labels - 1.0, rcond=None)
    return bool(np.mean((design @ weights > 1e-9) == part.labels) > 0.75)


@pytest.mark.parametrize("name", ["xor", "circles"])
def test_no_line_separates(name: str) -> None:
    train = load(name).train
    assert not separable(train)
    bent = np.column_stack([train.inputs, train.inputs[:, :1] * train.inputs[:, 1:], (train.inputs**2).sum(axis=1)])
    assert separable(Part(bent, train.labels))


def test_xor_is_xor() -> None:
    for part in parts(load("xor")):
        assert [(*map(int, x), int(y)) for x, y in zip(part.inputs, part.labels, strict=True)] == [
            (0, 0, 0),
            (0, 1, 1),
            (1, 0, 1),
            (1, 1, 0),
        ]


def test_circles_are_rings() -> None:
    for part in parts(load("circles", noise=0.0)):
        radius = np.hypot(*part.inputs.T)
        np.testing.assert_allclose(radius, np.where(part.labels == 0, 1.0, 0.5), rtol=1e-15)
        assert np.bincount(part.labels).tolist() == [len(part) // 2] * 2
    noisy, quiet = load("circles", noise=0.2).train.inputs, load("circles", noise=0.0).train.inputs
    assert np.std(noisy - quiet) == pytest.approx(0.2, rel=0.1)
    assert not np.array_equal(load("circles", sample_seed=1).train.inputs, load("circles").train.inputs)


@pytest.mark.parametrize("margin", [0.0, 0.1, 0.5])
def test_halves_are_apart(margin: float) -> None:
    for part in parts(load("halves", margin=margin)):
        height = (part.inputs.sum(axis=1) - 1) / np.sqrt(2)  # above the line x_1 + x_2 = 1
        assert ((height > 0) == (part.labels == 1)).all()
        assert np.abs(height).min() > margin - 1e-15  # mirrored points are rounded
        assert np.abs(height).min() < margin + 0.05
        assert (part.inputs.min(), part.inputs.max()) >= (0, 0)
        assert part.inputs.max() <= 1
        assert np.bincount(part.labels).tolist() == [len(part) // 2] * 2
    assert not np.array_equal(load("halves", sample_seed=1).train.inputs, load("halves").train.inputs)


def test_halves_keep_their_numbers() -> None:
    """Unit scaling is the identity there: a margin that a config asks for is the one that training has."""
    data = load("halves")
    assert (data.scaling.factor, data.scaling.shift) == (1, 0)


def test_digits_are_those_of_scikit_learn(monkeypatch: pytest.MonkeyPatch) -> None:
    from sklearn.datasets import load_digits

    bundled = load_digits()
    train, validation, test = parts(load("digits"))
    np.testing.assert_array_equal(train.inputs[:4], bundled.data[:4])
    np.testing.assert_array_equal(train.inputs[4:8], bundled.data[6:10])
    np.testing.assert_array_equal(validation.inputs, bundled.data[4::6])
    np.testing.assert_array_equal(test.inputs, bundled.data[5::6])
    np.testing.assert_array_equal(test.labels, bundled.target[5::6])
    for part in (train, validation, test):
        assert np.bincount(part.labels).min() > 0.08 * len(part)
    digest = load("digits").digest
    monkeypatch.setattr(Path, "is_file", lambda path: False)  # as if the file were elsewhere
    assert load("digits").digest == digest


def test_heavy_libraries_stay_out() -> None:
    heavy = {"pooch", "requests", "sklearn", "tqdm"}
    code = f"import sys, vgrad.data as d; d.load('digits'); print({heavy} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"


def test_a_damaged_digits_file_is_a_data_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Spec:
        origin = str(tmp_path / "__init__.py")

    file = tmp_path / "datasets" / "data" / "digits.csv.gz"
    file.parent.mkdir(parents=True)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: Spec)
    monkeypatch.setattr("vgrad.data.digits._table", digits._table.__wrapped__)  # type: ignore[attr-defined]
    for content in (
        b"",
        b"1,2",
        gzip.compress(b"1,2\n3,4\n"),
        gzip.compress(b"1,x\n"),
        gzip.compress(b"1,2\n" * 99)[:-9],
    ):
        file.write_bytes(content)
        with pytest.raises(DataError, match="reinstall scikit-learn"):
            load("digits")


def test_real_mnist(real: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VGRAD_DATA", str(real))
    data = load("mnist")
    with gzip.open(real / "mnist" / "train-labels-idx1-ubyte.gz") as file:
        labels = np.frombuffer(file.read()[8:], dtype=np.uint8)
    with gzip.open(real / "mnist" / "train-images-idx3-ubyte.gz") as file:
        file.seek(16 + 784 * 49_999)
        around = np.frombuffer(file.read(784 * 2), dtype=np.uint8).reshape(2, 784)
    assert tuple(map(len, parts(data))) == facts("mnist").sizes
    assert np.bincount(data.train.labels).tolist() == np.bincount(labels[:50_000]).tolist()
    assert np.bincount(data.train.labels).tolist() == [4932, 5678, 4968, 5101, 4859, 4506, 4951, 5175, 4842, 4988]
    np.testing.assert_array_equal(data.validation.labels, labels[50_000:])
    np.testing.assert_array_equal(data.train.inputs[-1], around[0])
    np.testing.assert_array_equal(data.validation.inputs[0], around[1])
    assert data.test.labels[:5].tolist() == [7, 2, 1, 0, 4]
    assert data.train.inputs.dtype == np.uint8
    assert data.train.inputs.base is data.validation.inputs.base
