"""Damaged IDX files: a DataError with file and byte, in bounded memory and time."""

from __future__ import annotations

import gzip
import os
import struct
import time
import tracemalloc
import zlib
from pathlib import Path

import numpy as np
import pytest
from data_files import idx, packed
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rows import each_row

from vgrad.data.idx import read_idx
from vgrad.data.mnist import read_pair
from vgrad.errors import DataError, StorageError

IMAGES = np.random.default_rng(1).integers(0, 256, (5, 4, 3), dtype=np.uint8)
PLAIN = idx(IMAGES)
WHOLE = packed(PLAIN)


def read(path: Path, data: bytes) -> np.ndarray:
    path.write_bytes(data)
    return read_idx(path, most=60_000, item=(4, 3))


def refused(path: Path, data: bytes, message: str) -> None:
    with pytest.raises(DataError, match=message) as caught:
        read(path, data)
    assert str(path) in str(caught.value)
    assert len(caught.value.problems) == 1
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("shape", [(1,), (5,), (5, 4, 3), (60_000, 1, 1), (3, 200, 200)])
def test_what_is_written_is_read(tmp_path: Path, shape: tuple[int, ...]) -> None:
    values = np.random.default_rng(2).integers(0, 256, shape, dtype=np.uint8)
    path = tmp_path / "x.gz"
    for data in (packed(idx(values)), idx(values)):
        path.write_bytes(data)
        np.testing.assert_array_equal(read_idx(path, most=shape[0], item=shape[1:]), values)


def test_every_truncation_is_refused(tmp_path: Path) -> None:
    for length in range(len(WHOLE)):
        refused(tmp_path / "x.gz", WHOLE[:length], r"byte \d+: .*cut off")


def test_every_truncation_of_the_content_is_refused(tmp_path: Path) -> None:
    for length in range(len(PLAIN)):
        refused(tmp_path / "x.gz", packed(PLAIN[:length]), rf"byte {length}: \d+ bytes fewer")


@each_row("position", range(16))
@each_row("flip", [0x01, 0x80, 0xFF])
def test_every_flip_in_the_header_is_refused(tmp_path: Path, position: int, flip: int) -> None:
    data = bytearray(PLAIN)
    data[position] ^= flip
    refused(tmp_path / "x.gz", packed(bytes(data)), r"byte \d+")


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "byte 0: .*cut off"),
        (b"\1" + PLAIN[1:], "byte 0: damaged gzip data"),
        (PLAIN[:3], "byte 3: 13 bytes fewer"),
        (PLAIN[:-1], "byte 75: 1 bytes fewer"),
        (PLAIN + b"\0", "byte 76: more bytes"),
        (b"\x1f\x8b", "cut off"),
        (packed(b""), "byte 0: 16 bytes fewer"),
        (packed(b"\1" + PLAIN[1:]), "byte 0: not an IDX file"),
        (packed(b"\0\0\x0d" + PLAIN[3:]), "byte 2: value type 0x0d"),
        (packed(b"\0\0\x08\x01" + PLAIN[4:]), "byte 3: 1 dimensions where 3"),
        (packed(idx(IMAGES[:0])), "byte 4: 0 items"),
        (packed(PLAIN[:4] + struct.pack(">3I", 60_001, 4, 3) + PLAIN[16:]), "byte 4: 60001 items"),
        (packed(PLAIN[:4] + struct.pack(">3I", 5, 5, 3) + PLAIN[16:]), "byte 8: a size of 5 where 4"),
        (packed(PLAIN[:4] + struct.pack(">3I", 5, 4, 0) + PLAIN[16:]), "byte 12: a size of 0 where 3"),
        (packed(PLAIN[:4] + b"\xff" * 12 + PLAIN[16:]), "byte 4: 4294967295 items"),
        (packed(PLAIN + b"\0"), "byte 76: more bytes than"),
        (WHOLE + b"\0", "byte 76: the file goes on behind"),
        (WHOLE + WHOLE, "byte 76: the file goes on behind"),
        (WHOLE[:-8] + bytes(4) + WHOLE[-4:], r"at or after byte \d+: damaged gzip data .*incorrect data check"),
        (WHOLE[:-4] + b"\xff" * 4, "damaged gzip data .*incorrect length check"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_fault(tmp_path: Path, data: bytes, message: str) -> None:
    refused(tmp_path / "x.gz", data, message)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(position=st.integers(0, len(WHOLE) - 1), bit=st.integers(0, 7))
def test_a_flipped_bit_is_refused_or_harmless(tmp_path: Path, position: int, bit: int) -> None:
    """gzip has bits that mean nothing here: time, system, those after the last symbol. Then the values are right."""
    data = bytearray(WHOLE)
    data[position] ^= 1 << bit
    path = tmp_path / "x.gz"
    try:
        values = read(path, bytes(data))
    except DataError:
        refused(path, bytes(data), r"byte \d+: ")
    else:
        np.testing.assert_array_equal(values, IMAGES)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.binary(max_size=300), wrap=st.booleans())
def test_rubbish_is_refused(tmp_path: Path, data: bytes, wrap: bool) -> None:
    refused(tmp_path / "x.gz", packed(data) if wrap else data, r"byte \d+: ")


def bomb(head: bytes) -> bytes:
    """`head` and half a gigabyte of zeros, packed into half a megabyte."""
    packer = zlib.compressobj(9, wbits=31)
    block = packer.compress(head) + packer.flush(zlib.Z_FULL_FLUSH)
    zeros = packer.compress(bytes(1 << 24)) + packer.flush(zlib.Z_FULL_FLUSH)
    return block + zeros + 31 * (packer.compress(bytes(1 << 24)) + packer.flush(zlib.Z_FULL_FLUSH)) + packer.flush()


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (lambda: bomb(b""), "byte 2: value type 0x00"),
        (lambda: bomb(PLAIN), "byte 76: more bytes"),
        (lambda: bomb(PLAIN[:4] + struct.pack(">3I", 60_000, 4, 3)), "byte 720016: more bytes"),
        (lambda: gzip.compress(b"") * 200_000, "too many to hold|bytes fewer"),
        (lambda: WHOLE[:3] + b"\x08" + WHOLE[4:10] + b"n" * 3_000_000, "too many to hold"),
        (lambda: WHOLE[:10] + b"\0\0\0\xff\xff" * 140_000, "cut off"),
    ],
    ids=["zeros", "values and zeros", "header and zeros", "empty members", "endless name", "empty blocks"],
)
def test_bombs_are_bounded(tmp_path: Path, data: object, message: str) -> None:
    content = data()  # type: ignore[operator]
    path = tmp_path / "x.gz"
    path.write_bytes(content)
    tracemalloc.start()
    started = time.perf_counter()
    try:
        with pytest.raises(DataError, match=message):
            read_idx(path, most=60_000, item=(4, 3))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 2 << 20
    assert time.perf_counter() - started < 2


def test_what_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no such file"):
        read_idx(tmp_path / "x.gz", most=1)
    with pytest.raises(DataError, match="is a directory"):
        read_idx(tmp_path, most=1)
    os.mkfifo(tmp_path / "pipe.gz")
    with pytest.raises(DataError, match="not a regular file"):
        read_idx(tmp_path / "pipe.gz", most=1)
    with pytest.raises(StorageError, match="cannot be read"):
        read_idx(tmp_path / ("x" * 300), most=1)


def pair(folder: Path, images: np.ndarray, labels: np.ndarray) -> tuple[Path, Path]:
    paths = folder / "images.gz", folder / "labels.gz"
    for path, values in zip(paths, (images, labels), strict=True):
        path.write_bytes(packed(idx(values)))
    return paths


def test_pairs(tmp_path: Path) -> None:
    images = np.random.default_rng(3).integers(0, 256, (5, 28, 28), dtype=np.uint8)
    labels = np.array([9, 0, 5, 4, 3], dtype=np.uint8)
    pixels, digits = read_pair(*pair(tmp_path, images, labels), most=5)
    np.testing.assert_array_equal(pixels, images.reshape(5, 784))
    np.testing.assert_array_equal(digits, labels)
    with pytest.raises(DataError, match=r"labels\.gz: byte 4: 4 labels, but 5 images in images\.gz"):
        read_pair(*pair(tmp_path, images, labels[:4]), most=5)
    for place, bad in ((0, 10), (3, 255)):
        wrong = labels.copy()
        wrong[place] = bad
        with pytest.raises(DataError, match=rf"labels\.gz: byte {8 + place}: label {bad} is not from 0 to 9"):
            read_pair(*pair(tmp_path, images, wrong), most=5)
    with pytest.raises(DataError, match=r"images\.gz: byte 8: a size of 27"):
        read_pair(*pair(tmp_path, images[:, :27], labels), most=5)
