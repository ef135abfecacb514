"""Reading and writing .npz files: no pickles, no surprise in size, the same bytes for the same arrays."""

from __future__ import annotations

import hashlib
import io
import math
import os
import re
import struct
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from vgrad.storage.reading import regular

MOST_MEMBERS = 20_000
_ZIP64 = 45  # the version of the format that has 64-bit sizes
_HEADER_ROOM = 65_536  # bytes a member may need beyond its numbers
_DIRECTORY_ROOM = 256 * MOST_MEMBERS  # bytes of the list of members
_NO_ARRAY = "allow_pickle.npy"  # np.savez(..., allow_pickle=False) of NumPy 2.0 and 2.1 took its option for an array
Arrays = dict[str, NDArray[Any]]

_MAGIC = b"\x93NUMPY\1\0"
_HEADER = re.compile(  # as NumPy writes it, and nothing that would have to be evaluated
    rb"{'descr': '([<>|](?:f[248]|[iu][1248]))', 'fortran_order': (True|False), "
    rb"'shape': \(((?:[0-9]{1,18}, ?)*[0-9]{0,18})\),? ?} *\n"
)


class NpzError(Exception):
    """The file is not an .npz of plain numbers within the limit; the message says what is wrong and where."""


class _Member(zipfile.ZipInfo):
    """Its header is that of Python 3.11.4 and later: earlier ones write other bytes for the same arrays."""

    def FileHeader(self, zip64: bool | None = None) -> bytes:
        header = super().FileHeader(zip64)
        self.create_version = self.extract_version = _ZIP64
        return header[:4] + struct.pack("<H", _ZIP64) + header[6:18] + b"\xff" * 8 + header[26:]


def pack(arrays: Mapping[str, NDArray[Any]]) -> bytes:
    """`arrays` as the bytes of an uncompressed .npz; the same arrays give the same bytes."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(
        buffer, "w"
    ) as archive:  # byte by byte as np.savez, which cannot refuse objects before NumPy 2.2
        for name, array in arrays.items():
            with archive.open(_Member(f"{name}.npy"), "w", force_zip64=True) as member:
                np.lib.format.write_array(member, np.asanyarray(array), allow_pickle=False)
    return buffer.getvalue()


def unpack(path: Path, limit: int, *, compressed: bool = True) -> Arrays:
    """The arrays in the file at `path`, which together may have no more than `limit` bytes.

    Unless it may be `compressed`, they take no more memory than the file has bytes, whatever the limit.
    NpzError when it is anything else than what `pack` writes; OSError when it cannot be read. Sizes are checked before
    anything of that size is allocated.
    """
    try:
        with _Bounded(regular(path)) as file, zipfile.ZipFile(file) as archive:
            file.most = None
            members = archive.infolist()
            promised = sum(member.file_size for member in members)
            if len(members) > MOST_MEMBERS or promised > limit + _HEADER_ROOM * len(members):
                raise NpzError(f"promises {promised:,} bytes in {len(members):,} arrays, more than {limit:,}")
            if not compressed and promised > os.fstat(file.fileno()).st_size:
                raise NpzError(f"promises {promised:,} bytes, more than the file has")
            arrays: Arrays = {}
            for member in members:
                if member.filename == _NO_ARRAY:
                    continue
                name = member.filename.removesuffix(".npy")
                if name in arrays:
                    raise NpzError(f"array {name[:60]!r} at offset {member.header_offset} stands twice")
                arrays[name] = _array(archive, member)
            return arrays
    except (zipfile.BadZipFile, zlib.error, EOFError, ValueError, NotImplementedError, RuntimeError) as error:
        raise NpzError(f"damaged: {str(error)[:200] or type(error).__name__}") from None


class _Bounded(io.FileIO):
    """A file of which, until `most` is None, no more than `most` bytes are read at once: zipfile reads the whole list
    of members before anybody can count them."""

    most: int | None = _DIRECTORY_ROOM

    def read(self, size: int | None = -1, /) -> Any:
        if self.most is not None and size is not None and size > self.most:
            raise NpzError(f"has a list of members of {size:,} bytes")
        return super().read(size)

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        """A member before the beginning, or beyond what a file can have, is damage and no fault of the disk."""
        try:
            return super().seek(offset, whence)
        except (OSError, OverflowError):
            if whence == os.SEEK_SET:
                raise NpzError(f"damaged: has a member at offset {offset}") from None
            raise


def _array(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> NDArray[Any]:
    where = f"array {member.filename[:60]!r} at offset {member.header_offset}"
    if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):  # of the others zipfile unpacks too much
        raise NpzError(f"{where}: compressed in a way that NumPy does not use")
    with archive.open(member) as stream:
        content = stream.read(member.file_size + 1)  # no more than promised, whatever the compressed bytes unfold to
    if len(content) != member.file_size:
        raise NpzError(f"{where}: {len(content):,} bytes instead of {member.file_size:,}")
    start = 10 + int.from_bytes(content[8:10], "little")
    header = _HEADER.fullmatch(content[10:start])
    if not content.startswith(_MAGIC) or header is None:
        raise NpzError(f"{where}: not an array of plain numbers: {content[10:start].strip()[:60]!r}")
    dtype = np.dtype(header[1].decode())
    shape = tuple(int(extent) for extent in re.findall(rb"[0-9]+", header[3]))
    needed = math.prod(shape) * dtype.itemsize
    if needed != len(content) - start:
        raise NpzError(f"{where}: shape {shape} needs {needed:,} bytes, found {len(content) - start:,}")
    order: Literal["C", "F"] = "F" if header[2] == b"True" else "C"
    array: NDArray[Any] = np.frombuffer(content, dtype, math.prod(shape), start).reshape(shape, order=order)
    return array.astype(dtype.newbyteorder("="), order="C")


def digest(arrays: Mapping[str, NDArray[Any]]) -> str:
    """SHA-256 (hex) of names, types, shapes and numbers in the mapping's order, on every platform the same."""
    total = hashlib.sha256(b"vgrad parameters 1\n")
    for name, array in arrays.items():
        plain = np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("<"))
        total.update(f"{name} {plain.dtype.str} {plain.shape}\n".encode())
        total.update(plain.tobytes())
    return total.hexdigest()
