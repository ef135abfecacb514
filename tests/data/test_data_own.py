"""Data of one's own: what is in the file is what is trained on, by pandas and NumPy; hostile files get one line."""

from __future__ import annotations

import gzip
import json
import os
import struct
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from rows import each_row

from vgrad.config.check import settled
from vgrad.config.config import Config
from vgrad.data.datasets import BUILT_IN, DATASETS, load
from vgrad.data.files import recorded
from vgrad.document.document import load_yaml
from vgrad.errors import ConfigError, DataError, VgradError
from vgrad.storage.npz import pack

Command = Callable[..., tuple[int, str, str]]
EXAMPLES = Path(__file__).resolve().parents[2] / "configs" / "examples" / "data"
FLOWERS = "petal,sepal,species\n" + "".join(
    f"{number / 7:.3f},{number % 5},{('rose', 'iris', 'tulip')[number % 3]}\n" for number in range(60)
)


def config(folder: Path, data: str, **more: str) -> Config:
    lines = {"layers": "{depth: 1, width: 4}", "data": data, **more}
    (folder / "c.yaml").write_text("".join(f"{key}: {value}\n" for key, value in lines.items()))
    return settled(load_yaml(folder / "c.yaml"), "c")


def loaded(found: Config, base: Path) -> Any:
    return load(found.data.name, base=base, **found.data.parameters)


@pytest.fixture
def flowers(tmp_path: Path) -> Path:
    (tmp_path / "flowers.csv").write_text(FLOWERS)
    return tmp_path


def test_a_table_is_what_pandas_reads(flowers: Path) -> None:
    found = config(flowers, "{name: csv, path: flowers.csv, label: species, scale: standard}")
    frame = pd.read_csv(flowers / "flowers.csv")
    assert found.sizes == (2, 4, 3)
    assert found.data.parameters["classes"] == ["iris", "rose", "tulip"]
    data = loaded(found, flowers)
    rows = {
        (*map(float, inputs), int(label))
        for part in (data.train, data.validation, data.test)
        for inputs, label in zip(part.inputs, part.labels, strict=True)
    }
    classes = sorted(frame["species"].unique())
    assert rows == {(row.petal, row.sepal, classes.index(row.species)) for row in frame.itertuples()}
    assert [len(part) for part in (data.train, data.validation, data.test)] == [48, 6, 6]
    scaled = data.scaling.apply(data.train.inputs, np.empty(data.train.inputs.shape))
    np.testing.assert_allclose(scaled.mean(axis=0), 0, atol=1e-12)
    np.testing.assert_allclose(scaled.std(axis=0), 1)
    assert abs(data.scaling.apply(data.test.inputs, np.empty(data.test.inputs.shape)).mean()) > 1e-6  # fitted to train


@pytest.mark.parametrize("split", [[0.8, 0.1, 0.1], [0.5, 0.5, 0.0], [1.0, 0.0, 0.0], [0.34, 0.33, 0.33]])
def test_a_split_keeps_every_example_and_the_shares_of_classes(flowers: Path, split: list[float]) -> None:
    found = config(flowers, f"{{name: csv, path: flowers.csv, label: species, split: {split}}}", monitor="[train_cost]")
    data = loaded(found, flowers)
    parts = (data.train, data.validation, data.test)
    assert sum(map(len, parts)) == 60
    for part, share in zip(parts, split, strict=True):
        assert abs(len(part) - 60 * share) <= 1
        for label in range(3):  # 20 of each class
            assert abs(int((part.labels == label).sum()) - 20 * share) <= 1
    again = loaded(config(flowers, f"{{name: csv, path: flowers.csv, label: species, split: {split}}}"), flowers)
    np.testing.assert_array_equal(again.train.inputs, data.train.inputs)
    other = loaded(config(flowers, "{name: csv, path: flowers.csv, label: species, split_seed: 1}"), flowers)
    assert other.digest != data.digest


def test_the_content_and_not_the_path_is_the_identity(flowers: Path) -> None:
    text = "{{name: csv, path: {}, label: species}}"
    first = config(flowers, text.format("flowers.csv"))
    (flowers / "sub").mkdir()
    (flowers / "flowers.csv").rename(flowers / "sub" / "other.csv")
    moved = config(flowers, text.format("sub/other.csv"))
    assert moved.identity == first.identity
    (flowers / "sub" / "other.csv").write_text(FLOWERS.replace("0.143", "0.144"))
    assert config(flowers, text.format("sub/other.csv")).identity != first.identity
    with pytest.raises(DataError, match=r"holds other data than those the run is of: digest [0-9a-f]{12}, not"):
        loaded(moved, flowers)


def test_a_digest_that_is_written_is_held_against_the_file(flowers: Path) -> None:
    with pytest.raises(DataError, match=r"holds other data: digest [0-9a-f]{12}, not abc"):
        config(flowers, "{name: csv, path: flowers.csv, label: species, sha256: abc}")


def test_one_mean_for_each_target(tmp_path: Path, command: Command) -> None:
    """Without hidden layers and penalties, training ends at least squares, which NumPy solves."""
    random = np.random.default_rng(0)
    x = random.normal(size=(200, 3))
    y = x @ [[1.0, -2.0], [0.5, 0.0], [0.0, 1.0]] + [0.3, -0.7] + 0.01 * random.normal(size=(200, 2))
    frame = pd.DataFrame(np.hstack([x, y]).round(6), columns=["a", "b", "c", "u", "v"])
    frame.to_csv(tmp_path / "plane.csv", index=False)
    file = tmp_path / "plane.yaml"
    file.write_text(
        "layers: [3, 2]\noutput: identity\ncost: quadratic\nbatch_size: full\nepochs: 400\nprobes: {record: []}\n"
        "optimizer: {learning_rate: 0.3}\n"
        "data: {name: csv, path: plane.csv, targets: [u, v], scale: none, split: [1, 0, 0]}\n"
    )
    code, out, err = command("train", file, "--runs-dir", tmp_path / "runs", "-q")
    assert (code, err) == (0, "")
    run = Path(out.strip())
    final = np.load(run / "final.npz")
    ones = np.column_stack([frame[["a", "b", "c"]], np.ones(200)])
    best = np.linalg.lstsq(ones, frame[["u", "v"]], rcond=None)[0]
    np.testing.assert_allclose(np.vstack([final["W1"].T, final["b1"].reshape(1, -1)]), best, atol=1e-6)
    assert "accuracy" not in (run / "metrics.csv").read_text().splitlines()[0]
    for words in (["show", run], ["ls", tmp_path / "runs"], ["report", run], ["verify", run]):
        assert command(*words)[0] == 0
    assert command("evaluate", run, "--part", "train")[0] == 0
    assert command("plot", run, "--kind", "accuracy", "--monitor", "train_cost", "-o", tmp_path / "x.png")[0] == 0


@each_row(
    "text, told",
    [
        ("cost: cross_entropy", "numbers are predicted with cost: quadratic and output: identity"),
        ("cost: quadratic\nmonitor: [train_accuracy]", "none is right or wrong; use train_cost or train_mse"),
        ("cost: quadratic\nlabel_smoothing: 0.1", "the targets are numbers"),
    ],
)
def test_what_is_of_classes_is_refused_of_numbers(tmp_path: Path, text: str, told: str) -> None:
    (tmp_path / "x.npz").write_bytes(pack({"x": np.eye(20), "y": np.linspace(0, 1, 20)}))
    (tmp_path / "c.yaml").write_text(f"layers: {{depth: 1, width: 3}}\ndata: {{name: npz, path: x.npz}}\n{text}\n")
    with pytest.raises(ConfigError, match=told):
        settled(load_yaml(tmp_path / "c.yaml"), "c")


def test_arrays_and_their_parts(tmp_path: Path) -> None:
    random = np.random.default_rng(1)
    arrays: dict[str, np.ndarray] = {
        "x_train": random.integers(0, 256, (50, 4, 4)).astype(np.uint8),
        "y_train": np.repeat([3, 7], 25),
        "x_test": random.integers(0, 256, (10, 4, 4)).astype(np.uint8),
        "y_test": np.tile([3, 7], 5),
    }
    (tmp_path / "own.npz").write_bytes(pack(arrays))
    found = config(tmp_path, "{name: npz, path: own.npz, split: [0.8, 0.2]}")
    assert found.sizes == (16, 4, 2)
    assert found.data.parameters["classes"] == ["3", "7"]
    data = loaded(found, tmp_path)
    assert [len(part) for part in (data.train, data.validation, data.test)] == [40, 10, 10]
    np.testing.assert_array_equal(data.test.inputs, arrays["x_test"].reshape(10, 16))
    np.testing.assert_array_equal(data.test.labels, np.tile([0, 1], 5))
    more = {**arrays, "x_validation": arrays["x_test"], "y_validation": arrays["y_test"]}
    (tmp_path / "own.npz").write_bytes(pack(more))
    parts = loaded(config(tmp_path, "{name: npz, path: own.npz}"), tmp_path)
    assert [len(part) for part in (parts.train, parts.validation, parts.test)] == [50, 10, 10]


def images(n: int, side: int, seed: int) -> tuple[bytes, bytes]:
    random = np.random.default_rng(seed)
    pixels, labels = random.integers(0, 256, (n, side, side), np.uint8), np.arange(n, dtype=np.uint8) % 4
    head = bytes([0, 0, 8, 3]) + struct.pack(">3I", n, side, side)
    return head + pixels.tobytes(), bytes([0, 0, 8, 1]) + struct.pack(">I", n) + labels.tobytes()


def test_images_packed_or_not(tmp_path: Path) -> None:
    for part, n in (("train", 40), ("t10k", 12)):
        pixels, labels = images(n, 5, n)
        (tmp_path / f"{part}-images-idx3-ubyte").write_bytes(pixels)
        (tmp_path / f"{part}-labels-idx1-ubyte.gz").write_bytes(gzip.compress(labels))
    found = config(tmp_path, "{name: idx, path: .}")
    assert found.sizes == (25, 4, 4)
    data = loaded(found, tmp_path)
    assert [len(part) for part in (data.train, data.validation, data.test)] == [36, 4, 12]
    np.testing.assert_array_equal(data.test.inputs.tobytes(), images(12, 5, 12)[0][16:])
    assert data.scaling.factor == 1 / 255


@pytest.mark.parametrize("name", ["csv", "npz", "idx"])
def test_the_examples_train_resume_and_sweep(name: str, command: Command, tmp_path: Path) -> None:
    file, runs = EXAMPLES / f"{name}.yaml", tmp_path / "runs"
    code, out, _ = command("train", file, "--runs-dir", runs, "-s", "epochs=2", "-q")
    assert code == 0
    assert command("verify", out.strip())[0] == 0
    assert (
        command("sweep", file, "-g", "layers.depth=1,2", "-s", "epochs=1", "-j", "0", "-q", "--runs-dir", runs)[0] == 0
    )
    assert command("evaluate", out.strip())[0] == 0
    assert command("theory", "product", out.strip())[0] == 0
    assert command("check", file)[0] == 0
    assert json.loads(command("config", "show", file, "--json")[1])["config"]["data"]["examples"]


@pytest.mark.parametrize("name", [pytest.param("digits", marks=pytest.mark.slow), "circles", "csv", "npz", "idx"])
def test_show_counts_what_there_is(name: str, command: Command, tmp_path: Path) -> None:
    asked = name if name in BUILT_IN else EXAMPLES / f"{name}.yaml"
    code, out, err = command("data", "show", asked, "--json", "-o", tmp_path / "x.png")
    assert (code, err) == (0, "")
    found = json.loads(out)
    found_config = None if name in BUILT_IN else settled(load_yaml(asked), name)
    data = load(name) if found_config is None else loaded(found_config, EXAMPLES)
    assert found["sizes"] == {part: len(getattr(data, part)) for part in ("train", "validation", "test")}
    inputs = data.train.inputs.astype(float)
    assert (found["inputs"]["least"], found["inputs"]["largest"]) == (inputs.min(), inputs.max())
    assert found["inputs"]["deviation"] == pytest.approx(inputs.std())
    if name == "npz":
        assert found["targets"]["train"]["mean"] == pytest.approx(data.train.labels.mean())
    else:
        assert sum(found["counts"]["train"]) == len(data.train)
    assert (tmp_path / "x.png").read_bytes().startswith(b"\x89PNG")
    told = command("data", "show", asked)[1]
    assert max(map(len, told.splitlines())) <= 80
    assert f"{len(data.train):,}" in told


def test_every_set_of_a_file_says_what_it_has_read() -> None:
    for name in set(DATASETS) - {*BUILT_IN}:
        found = settled(load_yaml(EXAMPLES / f"{name}.yaml"), name)
        given = found.data.parameters
        again = recorded(name, given, EXAMPLES)
        assert {key: given[key] for key in again} == again


HOSTILE: dict[str, tuple[str, bytes | str, str]] = {
    "a million columns": ("csv", "c," * 999_999 + "c\n", "1,000,000 columns, more than"),
    "text in numbers": ("csv", FLOWERS.replace("0.143", "red"), ":3: column 'petal': 'red' is not a number"),
    "beyond floats": ("csv", FLOWERS.replace("0.143", "1e400"), ":3: column 'petal': inf is not a finite number"),
    "a missing number": ("csv", FLOWERS.replace("0.143,", ","), ":3: column 'petal': is missing"),
    "nan": ("csv", FLOWERS.replace("0.143", "nan"), ":3: column 'petal': 'nan' is not a number"),
    "a missing label": ("csv", FLOWERS.replace("1,iris", "1,", 1), ":3: column 'species': the label is missing"),
    "a long line": ("csv", FLOWERS.replace("0.143,", "0.143,9,", 1), ":3: 4 fields, where the first line names 3"),
    "another encoding": ("csv", FLOWERS.replace("rose", "rosé").encode("latin-1"), ":2: is not UTF-8"),
    "UTF-16": ("csv", FLOWERS.encode("utf-16"), "is UTF-16; save it as UTF-8"),
    "a zero byte": ("csv", FLOWERS.replace("tulip", "tu\0lip"), ":4: holds a zero byte"),
    "no header": ("csv", "1,2,3\n4,5,6\n", "has to name the columns, and has numbers"),
    "empty": ("csv", "", "the first line has to name the columns, and is empty"),
    "a header alone": ("csv", "petal,species\n", "line below"),
    "a name twice": ("csv", FLOWERS.replace("petal,sepal", "petal,petal"), "two columns are called 'petal'"),
    "another column": ("csv", FLOWERS.replace("species", "kind"), "no column 'species'"),
    "one class": ("csv", FLOWERS.replace("iris", "rose").replace("tulip", "rose"), "all examples have one label"),
    "a quotation mark": ("csv", FLOWERS.replace("rose", '"rose', 1), ""),
    "labels with a fraction": ("csv", "a,species\n" + "1,0.5\n2,1.5\n" * 9, "0.5 names no class"),
    "no zip": ("npz", b"PK nothing", "not an .npz of numbers"),
    "other arrays": ("npz", pack({"z": np.eye(3)}), "has z; write arrays x and y"),
    "other lengths": ("npz", pack({"x": np.eye(3), "y": np.arange(4)}), "do not have a row an example each"),
    "infinite": ("npz", pack({"x": np.array([[1.0], [np.inf]]), "y": np.arange(2)}), "example 1, input 0 is inf"),
    "no example": ("npz", pack({"x": np.zeros((0, 3)), "y": np.zeros(0, int)}), "x: has no numbers"),
    "not IDX": ("idx", b"\1\2\3\4" * 9, "byte 0: damaged gzip data"),
    "terabytes": ("idx", bytes([0, 0, 8, 3]) + struct.pack(">3I", 2**31, 2**10, 2**10), "there must be 1 to"),
    "cut off": ("idx", images(40, 5, 1)[0][:-9], "9 bytes fewer than the header promises"),
}


def hostile(folder: Path, kind: str, content: bytes | str) -> str:
    """Writes the file and gives the config's `data`."""
    raw = content.encode() if isinstance(content, str) else content
    if kind == "idx":
        (folder / "train-images-idx3-ubyte").write_bytes(raw)
        for part in ("train", "t10k"):
            (folder / f"{part}-labels-idx1-ubyte").write_bytes(images(40, 5, 1)[1])
        (folder / "t10k-images-idx3-ubyte").write_bytes(images(40, 5, 1)[0])
        return "{name: idx, path: .}"
    (folder / f"x.{kind}").write_bytes(raw)
    return f"{{name: {kind}, path: x.{kind}{', label: species' if kind == 'csv' else ''}}}"


@each_row("name", list(HOSTILE))
def test_hostile_files_get_one_line(name: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    kind, content, told = HOSTILE[name]
    folder = tmp_path_factory.mktemp("hostile")
    with pytest.raises(DataError) as caught:
        config(folder, hostile(folder, kind, content))
    (line,) = caught.value.problems
    assert told in line
    assert line.startswith(str(folder))
    assert line.isprintable()
    assert len(line) < 400
    assert caught.value.exit_code == 3


def test_what_is_no_file_is_told_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()
    for kind in ("csv", "npz"):
        for path in ("pipe", "folder", "nowhere"):
            with pytest.raises(VgradError) as caught:
                config(tmp_path, f"{{name: {kind}, path: {path}{', label: a' if kind == 'csv' else ''}}}")
            assert caught.value.exit_code in (3, 5)
            assert len(caught.value.problems) == 1
    with pytest.raises(DataError, match="no such file"):
        config(tmp_path, "{name: idx, path: folder}")


BOUNDED = """
import resource, sys, time
sys.path[:0] = {path!r}
import vgrad.cli, vgrad.config.check, vgrad.data.files, pandas
resource.setrlimit(resource.RLIMIT_AS, (2**29 + resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 + 2**28,) * 2)
begun = time.process_time()
code = vgrad.cli.run(["config", "check", sys.argv[1]])
print(code, time.process_time() - begun < 4)
"""


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["zip bomb", "gzip bomb", "columns", "pickle", "long line"])
def test_hostile_files_take_no_time_and_no_memory(kind: str, tmp_path: Path) -> None:
    if kind == "zip bomb":
        mebibyte = bytes(2**20)
        with (
            zipfile.ZipFile(tmp_path / "x.npz", "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive,
            archive.open("x.npy", "w", force_zip64=True) as member,
        ):
            for _ in range(600):
                member.write(mebibyte)
        data = "{name: npz, path: x.npz}"
    elif kind == "pickle":
        np.savez(tmp_path / "x.npz", x=np.array([{}], dtype=object), y=np.arange(1))
        data = "{name: npz, path: x.npz}"
    elif kind == "gzip bomb":
        data = hostile(tmp_path, "idx", images(40, 5, 1)[0])
        (tmp_path / "train-images-idx3-ubyte").unlink()
        (tmp_path / "train-images-idx3-ubyte.gz").write_bytes(gzip.compress(bytes([0, 0, 8, 3]) + bytes(2**29), 1))
    else:
        wide = "x" * 10_000_000 if kind == "long line" else ",".join(f"c{i}" for i in range(2_000_000))
        data = hostile(tmp_path, "csv", f"{wide}\n1\n")
    (tmp_path / "c.yaml").write_text(f"layers: {{depth: 1, width: 4}}\ndata: {data}\n")
    script = BOUNDED.format(path=[str(Path(__file__).resolve().parents[2])])
    done = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path / "c.yaml")], capture_output=True, text=True, timeout=60
    )
    assert done.stdout.strip() == "3 True", done.stderr
    assert done.stderr.count("\n") == 1
    assert len(done.stderr) < 600
