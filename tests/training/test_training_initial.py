"""`init: {name: file}`: what a parameters file may be, what it gets otherwise, and a run's own config run again."""

from __future__ import annotations

import hashlib
import io
import pickle
import sys
import tracemalloc
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import oracle
import pytest

from vgrad.cli.options import read_config
from vgrad.config.check import check
from vgrad.config.config import Config
from vgrad.errors import DataError
from vgrad.runs.folder import DETERMINISTIC, SOMETIMES
from vgrad.runs.runner import Opened, run
from vgrad.storage.npz import NpzError, digest, pack, unpack
from vgrad.training.initial import with_digest

SIZES = (64, 4, 10)
GOOD = oracle.draw(SIZES, 0)


def config(**init: Any) -> Config:
    tree = {"layers": list(SIZES), "epochs": 2, "data": {"name": "digits", "train": 50}}
    return check({"name": "p", **tree, "init": {"name": "file", "path": "init.npz", **init}})


def saved(**arrays: Any) -> bytes:
    buffer = io.BytesIO()
    np.savez(buffer, **{name: value for name, value in {**GOOD, **arrays}.items() if value is not None})
    return buffer.getvalue()


def zipped(members: dict[str, bytes], method: int = zipfile.ZIP_STORED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def header(shape: str, descr: str = "'<f8'") -> bytes:
    text = f"{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}, }}\n".encode()
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text


class Harm:
    def __reduce__(self) -> Any:
        return (pytest.fail, ("a pickle was run",))


def flipped() -> bytes:
    content = bytearray(saved())
    content[len(content) // 2] ^= 0x10
    return bytes(content)


NAN = np.array([0.0, np.nan, 0.0, 0.0])
OBJECTS = np.array([Harm()], dtype=object)
PLAIN = r"'b1.npy' at offset \d+: not an array of plain numbers"
REFUSED: dict[str, tuple[bytes | Callable[[], bytes], str]] = {
    "missing": (saved(b1=None), "b1 is missing"),
    "extra": (saved(W3=NAN), "W3 is not a parameter; known: W1, b1, W2, b2"),
    "misshapen": (saved(W1=GOOD["W1"].T), r"W1 has shape \(64, 4\), the network's has \(4, 64\)"),
    "flattened": (saved(b1=GOOD["b1"][:, None]), r"b1 has shape \(4, 1\), the network's has \(4,\)"),
    "nan": (saved(b1=NAN), "b1 holds NaN or infinity"),
    "infinite": (saved(b1=np.full(4, -np.inf)), "b1 holds NaN or infinity"),
    "objects": (saved(b1=OBJECTS), PLAIN),
    "pickle": (pickle.dumps(Harm()), "not a parameters file: damaged"),
    "bool": (saved(b1=np.ones(4, bool)), PLAIN),
    "complex": (saved(b1=np.ones(4, complex)), PLAIN),
    "text": (saved(b1=np.array(["a"] * 4)), PLAIN),
    "structured": (saved(b1=np.zeros(4, [("a", "f8")])), PLAIN),
    "empty": (b"", "not a parameters file: damaged: File is not a zip file"),
    "truncated": (saved()[:-40], "not a parameters file: damaged"),
    "halved": (saved()[: len(saved()) // 2], "not a parameters file: damaged"),
    "flipped": (flipped(), "not a parameters file: damaged: Bad CRC"),
    "twice": (zipped({"W1.npy": header("()"), "W1": header("()")}), "not a parameters file"),
    "not an array": (zipped({"W1.npy": b"x" * 100}), "W1.* at offset 0: not an array of plain numbers"),
    "version": (
        zipped({"W1.npy": b"\x93NUMPY\x09\x00" + b" " * 99}),
        "W1.* at offset 0: not an array of plain numbers",
    ),
    "terabytes": (zipped({"W1.npy": header("(4, 64000000000)")}), "shape .* needs 2,048,000,000,000 bytes, found 0"),
    "negative": (zipped({"W1.npy": header("(-4, 64)")}), "not a parameters file"),
    "code": (zipped({"W1.npy": header("(__import__('os').getpid(),)")}), "not an array of plain numbers"),
    "bomb": (
        lambda: zipped({"W1.npy": bytes(50_000_000)}, zipfile.ZIP_DEFLATED),
        "promises 50,000,000 bytes in 1 arrays",
    ),
    "members": (lambda: zipped({f"{i}.npy": b"" for i in range(20_001)}), "promises 0 bytes in 20,001 arrays"),
}


@pytest.mark.parametrize("fault", [pytest.param(n, marks=pytest.mark.slow) if n == "members" else n for n in REFUSED])
@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_faults_of_the_file(fault: str, tmp_path: Path) -> None:
    content, message = REFUSED[fault]
    (tmp_path / "init.npz").write_bytes(content() if callable(content) else content)
    tracemalloc.start()
    try:
        with pytest.raises(DataError, match=message) as caught:
            list(run(config(), tmp_path / "runs", base=tmp_path))
        assert tracemalloc.get_traced_memory()[1] < 12_000_000
    finally:
        tracemalloc.stop()
    assert caught.value.exit_code == 3
    assert all(problem.startswith(f"{tmp_path / 'init.npz'}: ") for problem in caught.value.problems)
    assert all(problem.isprintable() for problem in caught.value.problems)
    assert not (tmp_path / "runs").exists()


def test_an_archive_of_too_many_members_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vgrad.storage.npz.MOST_MEMBERS", 3)
    (tmp_path / "init.npz").write_bytes(saved())
    with pytest.raises(DataError, match="bytes in 4 arrays, more than"):
        list(run(config(), tmp_path / "runs", base=tmp_path))


def test_the_limit_is_of_all_arrays_together(tmp_path: Path) -> None:
    """To the byte; each may have a header beside."""
    arrays = {"a": np.arange(20_000.0), "b": np.asfortranarray(np.ones((3, 50_000), ">f4")), "c": np.array(5, np.uint8)}
    (tmp_path / "x.npz").write_bytes(pack(arrays))
    with zipfile.ZipFile(tmp_path / "x.npz") as archive:
        least = sum(member.file_size for member in archive.infolist()) - 3 * 65_536
    for compressed in (True, False):
        found = unpack(tmp_path / "x.npz", least, compressed=compressed)
        assert all((found[name] == value).all() for name, value in arrays.items())
        assert all(value.flags.c_contiguous and value.dtype.isnative for value in found.values())
        with pytest.raises(NpzError, match=f"in 3 arrays, more than {least - 1:,}"):
            unpack(tmp_path / "x.npz", least - 1, compressed=compressed)
    np.savez_compressed(tmp_path / "x.npz", **arrays)
    assert unpack(tmp_path / "x.npz", 10**6)["b"].dtype == np.float32
    with pytest.raises(NpzError, match="bytes, more than the file has"):
        unpack(tmp_path / "x.npz", 10**6, compressed=False)


def test_all_wrong_arrays_are_told_at_once(tmp_path: Path) -> None:
    (tmp_path / "init.npz").write_bytes(saved(b1=NAN, W2=None, w2=GOOD["W2"]))
    with pytest.raises(DataError) as caught:
        with_digest(config(), tmp_path)
    assert [problem.partition(".npz: ")[2].split(";")[0] for problem in caught.value.problems] == [
        "W2 is missing",
        "w2 is not a parameter",
        "b1 holds NaN or infinity",
    ]


def test_what_is_packed_is_what_numpy_writes_and_never_a_pickle() -> None:
    odd = {"file": np.arange(3), "allow_pickle": np.float32(2), "turned": np.asfortranarray(GOOD["W1"])}
    if sys.version_info >= (3, 11, 4):  # earlier ones write another version of the format into the headers
        assert pack(GOOD) == saved()
    packed = pack({"W1": np.arange(6.0).reshape(2, 3), "b1": np.ones(2, np.float32)})
    assert hashlib.sha256(packed).hexdigest() == "d5a92a274aaac519eb5c0fb56ea663831ab49593126d2f9a662cabf551cd7983"
    with zipfile.ZipFile(io.BytesIO(pack(odd))) as archive:  # names that are options of np.savez
        assert archive.namelist() == [f"{name}.npy" for name in odd]
    with pytest.raises(ValueError, match=r"[Oo]bject"):
        pack({"W1": np.array([Harm()])})


def test_the_option_that_numpy_once_stored_as_an_array_is_no_array(tmp_path: Path) -> None:
    """np.savez(file, allow_pickle=False) of NumPy 2.0 and 2.1."""
    (tmp_path / "init.npz").write_bytes(saved(allow_pickle=np.array(False)))
    assert list(unpack(tmp_path / "init.npz", 10**6)) == list(GOOD)
    assert getattr(with_digest(config(), tmp_path)[0].init, "sha256", None) == digest(GOOD)


@pytest.mark.parametrize("path", ["nowhere.npz", ".", "x" * 5000])
def test_a_file_that_cannot_be_read(path: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"cannot be read: |not a regular file") as caught:
        with_digest(config(path=path), tmp_path)
    assert caught.value.problems[0].isprintable()


def test_numbers_that_single_precision_cannot_hold(tmp_path: Path) -> None:
    (tmp_path / "init.npz").write_bytes(saved(b1=np.full(4, 1e39)))
    narrow = config().model_copy(update={"dtype": "float32"})
    with pytest.raises(DataError, match="b1 is too large for float32"):
        with_digest(narrow, tmp_path)


@pytest.mark.parametrize("turned", [np.asfortranarray, lambda w: w.astype(">f8"), np.ascontiguousarray])
def test_the_order_of_bytes_and_arrays_does_not_matter(turned: Any, tmp_path: Path) -> None:
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **{name: turned(GOOD[name]) for name in reversed(GOOD)})
    (tmp_path / "init.npz").write_bytes(buffer.getvalue())
    found, parameters = with_digest(config(), tmp_path)
    assert parameters is not None
    assert list(parameters) == list(GOOD)
    assert all((parameters[name] == GOOD[name]).all() for name in GOOD)
    assert getattr(found.init, "sha256", None) == digest(GOOD)


def test_the_content_not_the_path_is_the_identity(tmp_path: Path) -> None:
    for name, arrays in (("init.npz", {}), ("copy.npz", {}), ("other.npz", {"b1": np.ones(4)})):
        (tmp_path / name).write_bytes(saved(**arrays))
    first, copy, other = (
        with_digest(config(path=name), tmp_path)[0].identity for name in ("init.npz", "copy.npz", "other.npz")
    )
    assert first == copy != other


def test_another_file_than_the_config_names_is_refused(tmp_path: Path) -> None:
    (tmp_path / "init.npz").write_bytes(saved())
    assert with_digest(config(sha256=digest(GOOD)), tmp_path)[1] is not None
    with pytest.raises(DataError, match=f"holds other parameters: digest {digest(GOOD)[:12]}, not {'0' * 64}"):
        with_digest(config(sha256="0" * 64), tmp_path)


def folder_of(events: list[Any]) -> Path:
    assert isinstance(events[0], Opened)
    return events[0].folder


@pytest.mark.parametrize("drawn", [False, True])
def test_a_runs_own_config_runs_again_to_the_same_bytes(drawn: bool, tmp_path: Path) -> None:
    (tmp_path / "init.npz").write_bytes(saved())
    start = check({**config().plain(), "init": "he_normal"}) if drawn else config()
    first = folder_of(list(run(start, tmp_path / "a", base=tmp_path)))
    own = read_config(str(first / "config.yaml"), [])
    second = folder_of(list(run(own, tmp_path / "b", base=first)))
    assert first.name == second.name
    for name in set(DETERMINISTIC) - set(SOMETIMES):
        assert (first / name).read_bytes() == (second / name).read_bytes()
    for name, value in np.load(first / "initial.npz").items():
        assert drawn or (value == GOOD[name]).all()
