"""Reading and writing .npz files: no pickles, no surprise in size, the same bytes for the same arrays."""

from __future__ import annotations

import hashlib
import io
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

MOST_MEMBERS = 20_000
_HEADER_ROOM = 65_536  # bytes a member may need beyond its numbers
Arrays = dict[str, NDArray[Any]]


class NpzError(Exception):
    """The file is not an .npz of plain numbers within the limit; the message says what is wrong and where."""


def pack(arrays: Mapping[str, NDArray[Any]]) -> bytes:
    """`arrays` as the bytes of an uncompressed .npz; the same arrays give the same bytes."""
    buffer = io.BytesIO()
    np.savez(buffer, allow_pickle=False, **arrays)
    return buffer.getvalue()


def unpack(path: Path, limit: int) -> Arrays:
    """The arrays in the file at `path`, which together may have no more than `limit` bytes.

    NpzError when it is anything else than what `pack` writes; OSError when it cannot be read. Sizes are checked before
    anything of that size is allocated.
    """
    try:
        with path.open("rb") as file, zipfile.ZipFile(file) as archive:
            members = archive.infolist()
            promised = sum(member.file_size for member in members)
            if len(members) > MOST_MEMBERS or promised > limit + _HEADER_ROOM * len(members):
                raise NpzError(f"promises {promised:,} bytes in {len(members):,} arrays, more than {limit:,}")
            arrays: Arrays = {}
            for member in members:
                name = member.filename.removesuffix(".npy")
                if name in arrays:
                    raise NpzError(f"array {name!r} at offset {member.header_offset} stands twice")
                arrays[name] = _array(archive, member)
            return arrays
    except (zipfile.BadZipFile, zlib.error, EOFError, ValueError, NotImplementedError, RuntimeError) as error:
        raise NpzError(f"damaged: {str(error)[:200] or type(error).__name__}") from None


def _array(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> NDArray[Any]:
    where = f"array {member.filename[:60]!r} at offset {member.header_offset}"
    with archive.open(member) as stream:
        content = stream.read(member.file_size + 1)  # no more than promised, whatever the compressed bytes unfold to
    if len(content) != member.file_size:
        raise NpzError(f"{where}: {len(content):,} bytes instead of {member.file_size:,}")
    file = io.BytesIO(content)
    try:
        version = npy.read_magic(file)
        read_header = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}[version]
        shape, fortran, dtype = read_header(file)
    except (ValueError, KeyError, SyntaxError, TypeError, RecursionError, MemoryError, EOFError) as error:
        raise NpzError(f"{where}: not an array of numbers: {str(error)[:120]}") from None
    if dtype.hasobject or dtype.kind not in "fiu" or dtype.itemsize > 8:
        raise NpzError(f"{where}: holds {str(dtype)[:40]}, not numbers")
    count = 1
    for extent in shape:
        if not isinstance(extent, int) or extent < 0:
            raise NpzError(f"{where}: an extent of {extent!r}")
        count *= extent
    if count * dtype.itemsize != len(content) - file.tell():
        raise NpzError(
            f"{where}: shape {shape} needs {count * dtype.itemsize:,} bytes, found {len(content) - file.tell():,}"
        )
    flat = np.frombuffer(content, dtype, count, file.tell())
    array = flat.reshape(shape[::-1]).T if fortran else flat.reshape(shape)
    return np.ascontiguousarray(array, dtype=dtype.newbyteorder("=")).copy()


def digest(arrays: Mapping[str, NDArray[Any]]) -> str:
    """SHA-256 (hex) of names, types, shapes and numbers in the mapping's order, on every platform the same."""
    total = hashlib.sha256(b"vgrad parameters 1\n")
    for name, array in arrays.items():
        plain = np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("<"))
        total.update(f"{name} {plain.dtype.str} {plain.shape}\n".encode())
        total.update(plain.tobytes())
    return total.hexdigest()
