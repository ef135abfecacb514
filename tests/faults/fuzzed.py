"""What is thrown at the command line: strategies for the payloads of every surface of fuzzlab.py.

Half of each is bytes that were flipped, cut, inserted and swapped in a real file, half a file whose structure is right
and whose content is not: other shapes and types, hostile headers and JSON, numbers out of range, bombs.
"""

from __future__ import annotations

import gzip
import io
import json
import struct
import warnings
import zipfile
from collections.abc import Sequence
from typing import Any

import numpy as np
from hypothesis import strategies as st
from numpy.lib import format as npy

from vgrad.config.config import Config
from vgrad.data.datasets import DATASETS, SCALES
from vgrad.data.published import COLLECTIONS
from vgrad.nn.activations import ACTIVATIONS
from vgrad.nn.costs import COSTS, OUTPUTS
from vgrad.nn.initializers import INITIALIZERS
from vgrad.nn.optimizers import OPTIMIZERS
from vgrad.nn.probes import PROBES
from vgrad.nn.schedules import SCHEDULES

Bytes = st.SearchStrategy[bytes]
Member = tuple[str, bytes, int]

CONFIG = """\
name: fuzz
layers: {depth: 2, width: 4}
optimizer: {name: sgd, learning_rate: 0.5}
data: {name: digits, train: 20, validation: 10, test: 0}
epochs: 2
l2: 0.1
probes: {record: [delta_norm], examples: 10, neurons: [0, 2]}
"""

ODD = [
    b"",
    b"\0",
    b"\xff",
    b"\xff\xff\xff\xff",
    b"\0\0\0\0",
    b"\n",
    b",",
    b"\x1b[2J",
    b'"',
    b"{",
    b"[[",
    b": ",
    b"9",
    b"-",
]
ODD += [
    "\u2028".encode(),
    "é".encode(),
    b"\xed\xa0\x80",
    b"PK\x05\x06",
    b"\x1f\x8b",
    b"=1+1",
    b"nan",
    b"1e999",
    b"../x",
]


@st.composite
def edited(draw: st.DrawFn, base: bytes, most: int = 6) -> bytes:
    """`base` after one to `most` flips, replacements, insertions, cuts, truncations, repetitions and swaps."""
    data = bytearray(base)
    for _ in range(draw(st.integers(1, most))):
        at, length = draw(st.integers(0, len(data))), draw(st.integers(1, 12))
        kind = draw(st.sampled_from(("flip", "flip", "set", "insert", "cut", "end", "repeat", "swap")))
        piece = data[at : at + length]
        if kind == "flip" and piece:
            data[at] ^= 1 << draw(st.integers(0, 7))
        elif kind == "set":
            new = draw(st.sampled_from(ODD))
            data[at : at + len(new)] = new
        elif kind == "insert":
            data[at:at] = draw(st.sampled_from(ODD) | st.binary(max_size=8))
        elif kind == "cut":
            del data[at : at + length]
        elif kind == "end":
            del data[at:]
        elif kind == "repeat":
            data[at:at] = piece * draw(st.sampled_from((1, 2, 50)))
        else:
            other = draw(st.integers(0, len(data)))
            data[at : at + length], data[other : other + length] = data[other : other + length], piece
    return bytes(data)


# Configs and overrides.

NUMBERS = [
    "0",
    "1",
    "2",
    "-1",
    "3.0",
    "1e-3",
    "1e400",
    "-1e308",
    "1e-320",
    ".nan",
    ".inf",
    "9" * 30,
    "9" * 5000,
    "0x10",
]
NUMBERS += ["012", "1_000", "1:30", "9223372036854775808", "5", "20", "1000000000", "10000001", "0.999999999999999999"]
WORDS = [
    "null",
    "true",
    "on",
    "full",
    "all",
    "file",
    "name",
    "~",
    "''",
    "NA",
    "../x",
    "/etc/passwd",
    "$(touch x)",
    ";rm",
]
WORDS += ['"\\e[31m"', '"\\0"', '"\\u202e"', "'<b>x</b>'", "x" * 300, '"\\ud800"', "{{7*7}}", "!!python/name:os.system"]
WORDS += [
    "!!python/object/apply:os.system [id]",
    "&a [*a]",
    "*a",
    "<<",
    "? x",
    "- x",
    "|\n x",
    "2024-01-01",
    "é😀",
    "%x",
]
NAMES = [*ACTIVATIONS, *COSTS, *OUTPUTS, *INITIALIZERS, *OPTIMIZERS, *PROBES, *SCHEDULES]
NAMES += [name for name in DATASETS if name not in COLLECTIONS]
NAMES += ["train_cost", "validation_mse", "test_accuracy", "float32", "float64", *SCALES, "nielsen"]
INNER = ["name", "depth", "width", "weights", "biases", "gain", "learning_rate", "slope", "train", "validation", "test"]
INNER += ["scale", "record", "examples", "every", "neurons", "path", "sha256", "x", "__class__", "-1", "0", "1"]
KEYS = list(Config.model_fields)

scalars = (
    st.sampled_from(NUMBERS)
    | st.sampled_from(NAMES)
    | st.sampled_from(WORDS)
    | st.text("ab:{}[]-?&*!|'\"# \n", max_size=9)
)
flow = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=4).map(lambda items: f"[{', '.join(items)}]")
        | st.lists(st.tuples(st.sampled_from(INNER), inner), max_size=3).map(
            lambda pairs: "{" + ", ".join(f"{key}: {value}" for key, value in pairs) + "}"
        )
    ),
    max_leaves=6,
)
SANE = {
    "layers": ["[64, 10]", "[64, 3, 10]", "{depth: 0, width: 1}", "{depth: 5, width: 2}", "[2, 2]", "[2, 3, 1]"],
    "data": [
        "{name: xor}",
        "{name: circles, train: 20, validation: 5}",
        "{name: digits, train: 9, validation: 2}",
        "mnist",
    ],
    "optimizer": ["{learning_rate: 1e300}", "{learning_rate: 1e-300}", *(f"{{name: {name}}}" for name in OPTIMIZERS)],
    "init": [
        *(f"{{weights: {name}, gain: 1e300}}" for name in INITIALIZERS),
        "{name: file, path: init.npz}",
        "he_normal",
    ],
    "epochs": ["0", "1", "2"],
    "batch_size": ["full", "1", "3", "20"],
    "monitor": ["[train_cost]", "[]", "[validation_mse, test_accuracy]"],
    "probes": ["[]", "{every: 2}", "{examples: all}", "{neurons: [1]}", "{record: []}"],
    "l2": ["1e300", "1e-320", "0"],
    "l1": ["1e300", "0.1"],
    "pretrain": [
        "rbm",
        "{name: denoising, learning_rate: 1e300, decay: 0, batch_size: 3}",
        "{name: autoencoder, epochs: 1}",
    ],
}
entries = st.one_of(
    *(st.tuples(st.just(key), st.sampled_from(values)) for key, values in SANE.items()),
    *[
        st.tuples(
            st.sampled_from(["activation", "output", "cost", "schedule", "dtype", "init", "optimizer"]),
            st.sampled_from(NAMES),
        )
    ]
    * 3,
    st.tuples(st.sampled_from(KEYS), flow),
    st.tuples(scalars, flow),
)
TEXT = st.text(st.characters()) | st.text("ab:{}[],-?&*!|>%@`'\"#\\ \n\t\r.019~<x=\ufeff\x85\u2028é😀")
HEADS = [line + "\n" for line in CONFIG.splitlines()]


@st.composite
def configs(draw: st.DrawFn) -> bytes:
    """The config with entries added, replaced and left out."""
    lines = [line for line in HEADS if draw(st.integers(0, 5))]
    for key, value in draw(st.lists(entries, max_size=4)):
        lines = [line for line in lines if not line.startswith(f"{key}:")] + [f"{key}: {value}\n"]
    return "".join(lines).encode("utf-8", "surrogatepass")


keys = st.sampled_from(KEYS) | st.lists(st.sampled_from(KEYS + INNER), min_size=1, max_size=3).map(".".join) | TEXT
pairs = st.tuples(keys, scalars | flow).map("=".join) | entries.map("=".join) | TEXT
overrides = st.lists(pairs.map(lambda text: text.replace("\0", "0")), min_size=1, max_size=4)

# JSON.

TOKENS = [
    "null",
    "true",
    "-1",
    "0",
    "0.5",
    "1e999",
    "-1e999",
    "NaN",
    "Infinity",
    "9" * 5000,
    "1" + "0" * 400,
    "[]",
    "{}",
    '""',
]
TOKENS += [
    "[" * 3000 + "]" * 3000,
    "[" * 100_000,
    '{"a":' * 3000,
    '"\\ud800"',
    '"\\u0000"',
    '"\\u001b[2J"',
    '"../../x"',
    "3.0",
]
TOKENS += [
    '"/etc/passwd"',
    '"os.system"',
    '"<script>"',
    '"=1+1"',
    '"complete"',
    '"diverged"',
    "9223372036854775808",
    "1e308",
]
TOKENS += [
    '{"epoch": 1, "batch": "x", "layer": [[]]}',
    '{"epoch": 2, "batch": null, "layer": 99}',
    '[["a"]]',
    '"1"',
    "2",
    "1",
]


def _paths(tree: Any, way: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    inner = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ()
    return [way, *(path for key, value in inner for path in _paths(value, (*way, key)))]


@st.composite
def jsons(draw: st.DrawFn, base: bytes) -> bytes:
    """`base` with parts replaced by hostile tokens, left out, added or named otherwise."""
    tree, tokens = json.loads(base), []
    for _ in range(draw(st.integers(1, 3))):
        *way, last = draw(st.sampled_from([path for path in _paths(tree) if path] or [()])) or ("",)
        holder = tree
        for part in way:
            holder = holder[part]
        kind = draw(st.sampled_from(("replace", "replace", "drop", "add", "rename")))
        mark = f"@{len(tokens)}@"
        tokens.append((mark, draw(st.sampled_from(TOKENS))))
        if kind == "replace" or isinstance(holder, list):
            holder[last] = mark
        elif kind == "add":
            holder[draw(st.sampled_from(["../../x", "/tmp/x", "os", "__class__", "x", "final.npz", "\x1b"]))] = mark
        else:
            value = holder.pop(last, None)
            if kind == "rename":
                holder[f"{last}x"] = value
    text = json.dumps(tree)
    for mark, token in tokens:
        text = text.replace(f'"{mark}"', token)
    return text.encode()


# npz.

HEADERS = ["", "{}", "(" * 9000, "{'descr': '|O', 'fortran_order': False, 'shape': (3,), }", "__import__('os').abort()"]
HEADERS += [
    f"{{'descr': '{descr}', 'fortran_order': {order}, 'shape': {shape}, }}"
    for descr, order, shape in [
        ("<f8", "False", "(3L,)"), ("<f8", "False", "(3L,"), ("<f8", "False", "(0, 9223372036854775808)"),
        ("<f8", "False", "(99999999999999999999, 0)"), ("<f8", "True", "(-3, -8)"), ("<f8", "False", "(True,)"),
        ("<f8", "False", f"({'1, ' * 70})"), ("<f8", "False", f"({'9' * 5000},)"), ("<f16", "False", "(2,)"),
        ("<c16", "False", "(2,)"), ("<M8[s]", "False", "(4,)"), ("<U1", "False", "(8,)"), ("|V8", "False", "(4,)"),
        ("<f8", "None", "(4,)"), ("<f8", "False", "4"), ("<f8", "False", "(4.0,)"), ("f8,f8", "False", "(2,)"),
        ("<U999999999", "False", "()"), ("<f8", "False", "(1000000000000,)"), ("\\d", "False", "(4,)"),
        ("<f8", "False", "()"),
    ]
]  # fmt: skip
METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA)
FIELDS = st.sampled_from(
    ((6, 2), (8, 2), (10, 2), (16, 4), (20, 4), (24, 4), (28, 2), (30, 2), (32, 2), (42, 4), (12, 4))
)
VALUES = st.sampled_from((0, 1, 8, 12, 14, 20, 99, 2**16 - 1, 2**31, 2**32 - 1, 1000, 10**8))
BOMB = np.zeros(4_000_000, np.uint8).tobytes()


def member(array: np.ndarray[Any, Any]) -> bytes:
    """`array` as an .npy file, pickled when it holds objects."""
    buffer = io.BytesIO()
    npy.write_array(buffer, array, allow_pickle=True)
    return buffer.getvalue()


def zipped(members: Sequence[Member]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a name that stands twice is meant to
        for name, content, method in members:
            archive.writestr(zipfile.ZipInfo(name), content, method)
    return buffer.getvalue()


def arrays(packed: bytes) -> dict[str, np.ndarray[Any, Any]]:
    with np.load(io.BytesIO(packed)) as archive:
        return {name: archive[name] for name in archive.files}


@st.composite
def other(draw: st.DrawFn, array: np.ndarray[Any, Any]) -> bytes:
    """An .npy file that is not `array`."""
    kind = draw(st.sampled_from(("type", "shape", "value", "value", "header", "bytes", "object", "bomb")))
    if kind == "type":
        with np.errstate(all="ignore"):
            return member(
                array.astype(
                    draw(st.sampled_from(("<f4", "<f2", ">f8", "<i8", "|u1", "<U1", "|S3", "?", "<c16", "<f8")))
                )
            )
    if kind == "shape":
        shapes = [
            (-1,),
            (1, -1),
            (-1, 1),
            array.shape[::-1],
            (),
            (0,),
            (0, 5),
            (3,),
            (1, *array.shape),
            (2, 2),
            array.shape[:1],
        ]
        shape = draw(st.sampled_from(shapes))
        plain = np.resize(array.ravel() if array.size else np.zeros(1, array.dtype), array.size)
        return member(
            plain.reshape(shape) if -1 in shape and plain.size else np.resize(plain, [max(n, 0) for n in shape])
        )
    if kind == "value" and array.size:
        flat = array.astype(np.float64).ravel() if array.dtype != np.uint8 else array.ravel().copy()
        values = (
            (np.nan, np.inf, -np.inf, 1e308, -1e308, 5e-324, -1.0, 0.0, 0.5, 2.0**63)
            if flat.dtype != np.uint8
            else (0, 255, 91)
        )
        every = draw(st.booleans())
        flat[... if every else draw(st.integers(0, flat.size - 1))] = draw(st.sampled_from(values))
        with np.errstate(all="ignore"), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return member(flat.astype(array.dtype).reshape(array.shape))
    if kind == "header":
        header, version = (
            draw(st.sampled_from(HEADERS)).encode() + b"\n",
            draw(st.sampled_from((b"\1\0",) * 4 + (b"\2\0", b"\3\0", b"\0\0"))),
        )
        length = struct.pack("<H" if version == b"\1\0" else "<I", len(header))
        return b"\x93NUMPY" + version + length + header + draw(st.sampled_from((b"", bytes(8), bytes(24), bytes(32))))
    if kind == "bytes":
        return draw(edited(member(array)))
    return member(np.array([print], dtype=object)) if kind == "object" else BOMB


@st.composite
def npzs(draw: st.DrawFn, base: bytes) -> bytes:
    """`base` with members changed, dropped, doubled, renamed, added or packed otherwise, and zip fields."""
    known = arrays(base)
    members: list[Member] = [(f"{name}.npy", member(array), zipfile.ZIP_STORED) for name, array in known.items()]
    for _ in range(draw(st.integers(1, 3))):
        at = draw(st.integers(0, len(members) - 1))
        name, content, method = members[at]
        kind = draw(
            st.sampled_from(("other", "other", "other", "meta", "drop", "twice", "rename", "add", "method", "swap"))
        )
        array = known.get(name.removesuffix(".npy"), np.zeros(3))
        if kind == "meta" and "meta" in known:
            text = np.frombuffer(draw(jsons(known["meta"].tobytes())), np.uint8)
            members = [(n, member(text) if n == "meta.npy" else c, m) for n, c, m in members]
        elif kind == "drop" and len(members) > 1:
            del members[at]
        elif kind == "twice":
            members.append((name, content, method))
        elif kind in ("rename", "add"):
            names = [
                *known,
                "W9",
                "../../x",
                "/etc/x",
                "W1.npy",
                "\x1b[2J",
                "",
                "optimizer.x",
                "history.neurons.1",
                "history.neurons.-1",
            ]
            new = draw(st.sampled_from(names)) + ".npy"
            members[at : at + (kind == "rename")] = [(new, content, method)]
        elif kind == "method":
            members[at] = (name, content, draw(st.sampled_from(METHODS)))
        elif kind == "swap":
            first = members[0]
            members[0], members[at] = members[at], first
        else:
            changed = draw(other(array))
            members[at] = (name, changed, draw(st.sampled_from(METHODS[1:])) if changed is BOMB else method)
    packed = bytearray(zipped(members))
    heads = [at for at in range(len(packed)) if packed[at : at + 2] == b"PK"] if len(packed) < 50_000 else []
    if heads and draw(st.booleans()):
        for _ in range(draw(st.integers(1, 3))):
            (offset, size), value = draw(FIELDS), draw(VALUES)
            at = draw(st.sampled_from(heads)) + offset
            packed[at : at + size] = struct.pack("<Q", value)[:size]
    return bytes(packed)


# IDX.


def _idx(*sizes: int) -> bytes:
    values = np.arange(int(np.prod(sizes)), dtype=np.uint32) % 10
    return struct.pack(f">HBB{len(sizes)}I", 0, 8, len(sizes), *sizes) + values.astype(np.uint8).tobytes()


PLAIN = {"train-images-idx3-ubyte.gz": _idx(6, 28, 28), "train-labels-idx1-ubyte.gz": _idx(6)}
PLAIN |= {"t10k-images-idx3-ubyte.gz": _idx(4, 28, 28), "t10k-labels-idx1-ubyte.gz": _idx(4)}
IDX = {name: gzip.compress(content, mtime=0) for name, content in PLAIN.items()}


@st.composite
def idxs(draw: st.DrawFn, name: str) -> bytes:
    """Another header, other values, or other things around the gzip member."""
    plain = bytearray(PLAIN[name])
    kind = draw(st.sampled_from(("header", "sizes", "values", "around", "bomb")))
    if kind == "header":
        plain[draw(st.integers(0, 3))] = draw(st.integers(0, 255))
    elif kind == "sizes":
        at = draw(st.sampled_from((4, 8, 12) if "images" in name else (4,)))
        plain[at : at + 4] = struct.pack(
            ">I", draw(st.sampled_from((0, 1, 27, 29, 784, 60_000, 60_001, 2**31, 2**32 - 1)) | st.integers(0, 99))
        )
    elif kind == "values":
        plain = bytearray(draw(edited(bytes(plain))))
    packed = gzip.compress(bytes(plain), draw(st.integers(0, 9)), mtime=0)
    if kind == "bomb":
        return gzip.compress(bytes(plain) + bytes(draw(st.sampled_from((1, 10**5, 10**7)))), mtime=0)
    if kind == "around":
        behind = draw(st.sampled_from((b"\0", packed, b"\x1f\x8b", IDX[name][:20], bytes(1000))))
        packed = draw(
            st.sampled_from((packed + behind, behind + packed, bytes(plain), b"", packed[:-8] + bytes(8), packed[:-4]))
        )
    return packed


# CSV.

CELLS = [
    "",
    "nan",
    "inf",
    "-inf",
    "1e999",
    "=1+1",
    "@x",
    '"',
    '"a,b"',
    "\0",
    "é",
    "\x1b[2J",
    "9" * 5000,
    "-0.0",
    "1_000",
    " 1",
    "0x1",
    "1\r",
]


@st.composite
def csvs(draw: st.DrawFn, base: bytes) -> bytes:
    """`base` with other cells, and lines cut out, doubled and added."""
    rows = [line.split(",") for line in base.decode().splitlines()]
    for _ in range(draw(st.integers(1, 3))):
        row = draw(st.integers(0, len(rows) - 1))
        kind = draw(st.sampled_from(("cell", "cell", "cell", "cut", "twice", "longer", "shorter", "end")))
        if kind == "cell":
            rows[row][draw(st.integers(0, len(rows[row]) - 1))] = draw(st.sampled_from(CELLS) | st.text(max_size=3))
        elif kind == "cut" and len(rows) > 1:
            del rows[row]
        elif kind == "twice":
            rows.insert(row, list(rows[row]))
        elif kind == "longer":
            rows[row] += [draw(st.sampled_from(CELLS))]
        elif kind == "shorter" and len(rows[row]) > 1:
            rows[row].pop()
    end = draw(st.sampled_from(("\n", "\n", "\n", "\r\n", "\r", "")))
    return "".join(",".join(row) + end for row in rows).encode("utf-8", "surrogatepass")


def payloads(surface: str, complete: dict[str, bytes], interrupted: dict[str, bytes]) -> Bytes:
    """What `surface` of fuzzlab.py is tried with; the files of a complete and of an interrupted run are given."""
    kind, _, name = surface.partition(".")
    if kind == "config":
        return (
            edited(CONFIG.encode())
            | configs()
            | configs()
            | configs().flatmap(edited)
            | st.binary()
            | TEXT.map(_encoded)
        )
    if kind == "override":
        return overrides.map(lambda texts: json.dumps(texts).encode())
    if kind == "idx":
        return edited(IDX[name], 3) | idxs(name)
    if kind == "init":
        return edited(complete["final.npz"], 3) | npzs(complete["final.npz"]) | npzs(complete["final.npz"])
    if kind == "checkpoint":
        base = interrupted["checkpoint.npz"]
        return edited(base, 3) | npzs(base) | npzs(base) | npzs(complete["checkpoint.npz"])
    base = complete[name]
    structured = jsons(base) if name.endswith(".json") else csvs(base) if name.endswith(".csv") else configs()
    return edited(base) | structured


def _encoded(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")
