"""IDX files (the format of MNIST), gzipped or plain, read with bounds on memory and time whatever the file holds.

An IDX file of bytes is 0, 0, 8 (unsigned byte), the number of dimensions, one big-endian uint32 a dimension, and then
the values in C order. Sizes are checked before anything is allocated, values are unpacked straight into the array they
stay in, and one byte too many or too few is a fault. Every fault is a DataError with the file and the byte, counted in
the unpacked IDX data.
"""

from __future__ import annotations

import hashlib
import math
import os
import struct
import zlib
from collections.abc import Callable
from io import BufferedReader
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vgrad.errors import DataError, StorageError
from vgrad.storage.reading import Unfit, opened, why

CHUNK = 1 << 14  # packed bytes read, and unpacked bytes written, at a time
SLACK = 1 << 16  # packed bytes that a file may have beyond what it could promise unpacked
UNSIGNED_BYTE = 8
PLAIN = b"\0\0"


def read_idx(path: Path, *, most: int, item: tuple[int, ...] = ()) -> NDArray[np.uint8]:
    """The array (n, *item) in the file `path`: n is between 1 and `most`, the other sizes are exactly `item`.

    DataError for a file that is missing or damaged or has another shape; StorageError where it cannot be read.
    """
    head = 4 * (2 + len(item))
    bound = head + most * math.prod(item)
    return _read(path, bound, lambda unpacked: _shape(path, unpacked.exactly(head), most, item))


def read_any(path: Path, *, dimensions: int, most: int) -> NDArray[np.uint8]:
    """The array in the file `path`, of so many dimensions and at most `most` bytes, whatever its sizes are.

    DataError and StorageError as of `read_idx`.
    """

    def shape(unpacked: _Unpacked) -> tuple[int, ...]:
        head = unpacked.exactly(4 * (1 + dimensions))
        sizes = struct.unpack(f">{dimensions}I", head[4:])
        count = math.prod(sizes[1:])
        return _shape(path, head, most // max(count, 1), sizes[1:])

    return _read(path, most, shape)


def _read(path: Path, bound: int, shape: Callable[[_Unpacked], tuple[int, ...]]) -> NDArray[np.uint8]:
    """The array whose sizes `shape` reads from the header, of a file that has at most `bound` bytes unpacked."""
    try:
        with opened(path) as file:
            size = os.fstat(file.fileno()).st_size
            if size > bound + bound // 1000 + SLACK:
                raise DataError(f"{path}: {size} bytes, too many to hold at most {bound} unpacked ones")
            unpacked = _Unpacked(path, file)
            values = np.empty(shape(unpacked), dtype=np.uint8)
            unpacked.fill(values.data.cast("B"))
            unpacked.finish()
    except FileNotFoundError:
        raise DataError(f"{path}: no such file; `vgrad data fetch` gets it") from None
    except (Unfit, IsADirectoryError) as error:
        raise DataError(f"{path}: {why(error)}") from None
    except OSError as error:
        raise StorageError(f"{path}: cannot be read: {why(error)}") from None
    return values


def content_digest(path: Path, size: int) -> str:
    """The SHA-256 (hex) of the unpacked content of a file, empty unless that is `size` bytes long and undamaged.

    StorageError where the file cannot be read.
    """
    total = hashlib.sha256()
    try:
        with opened(path) as file:
            unpacked = _Unpacked(path, file)
            while unpacked.position < size and (piece := unpacked.some(min(CHUNK, size - unpacked.position))):
                total.update(piece)
            unpacked.finish()
    except DataError:
        return ""
    except OSError as error:
        raise StorageError(f"{path}: cannot be read: {why(error)}") from None
    return total.hexdigest() if unpacked.position == size else ""


def _shape(path: Path, header: bytes, most: int, item: tuple[int, ...]) -> tuple[int, ...]:
    """The sizes in the header, checked."""
    if header[:2] != PLAIN:
        raise DataError(f"{path}: byte 0: not an IDX file (it starts with {header[:2].hex(' ')}, not 00 00)")
    if header[2] != UNSIGNED_BYTE:
        raise DataError(f"{path}: byte 2: value type {header[2]:#04x}; only unsigned bytes (0x08) are read")
    if header[3] != 1 + len(item):
        raise DataError(f"{path}: byte 3: {header[3]} dimensions where {1 + len(item)} are due")
    sizes = struct.unpack(f">{1 + len(item)}I", header[4:])
    if not 1 <= sizes[0] <= most:
        raise DataError(f"{path}: byte 4: {sizes[0]} items; there must be 1 to {most}")
    for position, (size, due) in enumerate(zip(sizes[1:], item, strict=True), start=2):
        if size != due:
            raise DataError(f"{path}: byte {4 * position}: a size of {size} where {due} is due")
    return sizes


class _Unpacked:
    """The content of a file that is one gzip member, or of a plain one, which starts with two zero bytes, handed out in
    the amounts asked for and never more."""

    def __init__(self, path: Path, file: BufferedReader) -> None:
        self.path, self.file = path, file
        self.plain = file.peek(2)[:2] == PLAIN
        self.unzip = zlib.decompressobj(wbits=31)  # 31: a gzip header and trailer, checksum included
        self.packed = b""
        self.position = 0

    def some(self, most: int) -> bytes:
        """Between 1 and `most` bytes; none only at the end of a plain file, or of a whole and undamaged member."""
        if self.plain:
            piece = self.file.read(most)
            self.position += len(piece)
            return piece
        while not self.unzip.eof:
            self.packed = self.packed or self.file.read(CHUNK)
            if not self.packed:
                raise DataError(f"{self.path}: byte {self.position}: the gzip data end too early; the file is cut off")
            try:
                piece = self.unzip.decompress(self.packed, most)
            except zlib.error as error:
                reason = str(error).rpartition(": ")[2]
                raise DataError(
                    f"{self.path}: at or after byte {self.position}: damaged gzip data ({reason})"
                ) from None
            self.packed = self.unzip.unconsumed_tail
            self.position += len(piece)
            if piece:
                return piece
        return b""

    def fill(self, target: memoryview) -> None:
        """Fill `target`."""
        done = 0
        while done < len(target):
            piece = self.some(min(CHUNK, len(target) - done))
            if not piece:
                missing = len(target) - done
                raise DataError(f"{self.path}: byte {self.position}: {missing} bytes fewer than the header promises")
            target[done : done + len(piece)] = piece
            done += len(piece)

    def exactly(self, count: int) -> bytes:
        """The next `count` bytes."""
        target = bytearray(count)
        self.fill(memoryview(target))
        return bytes(target)

    def finish(self) -> None:
        """Check that nothing follows, neither in the member nor behind it, and that its checksum is right."""
        if self.some(1):
            raise DataError(f"{self.path}: byte {self.position - 1}: more bytes than the header promises")
        if self.unzip.unused_data or self.file.read(1):
            raise DataError(f"{self.path}: byte {self.position}: the file goes on behind the gzip data")
