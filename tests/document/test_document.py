"""Configs as text: what scalars mean, what is refused and where, files and places."""

from __future__ import annotations

import math
import os
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from rows import each_row

from vgrad.document import reader as yaml12
from vgrad.document.document import load_yaml, read_yaml
from vgrad.document.reader import MAX_BYTES, MAX_DEPTH, MAX_NODES, MAX_SCALAR
from vgrad.errors import ConfigError
from vgrad.text.escapes import printable

LOADERS = {"libyaml": getattr(yaml, "CSafeLoader", None), "python": yaml.SafeLoader}


def problems(text: str | bytes) -> tuple[str, ...]:
    """What is refused in `c.yaml`."""
    with pytest.raises(ConfigError) as caught:
        read_yaml(text, "c.yaml")
    return caught.value.problems


@pytest.fixture(params=LOADERS)
def loader(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every meaning and every message of ours is the same with and without libyaml."""
    if LOADERS[request.param] is None:
        pytest.skip("PyYAML without libyaml here")
    monkeypatch.setattr(yaml12, "LOADER", LOADERS[request.param])


# -- what scalars mean ------------------------------------------------------------------------------------------------

MEANINGS: list[tuple[Any, str]] = [
    (None, "~ null Null NULL"),
    (True, "true True TRUE"),
    (False, "false False FALSE"),
    (12, "12 012 +12 0xc 0xC 0x0c 0o14"),
    (-7, "-7 -07"),
    (0, "0 -0 000"),
    (0.001, "1e-3 1E-3 .001 0.001 +1.e-3 0.1e-2 001e-03"),
    (-0.5, "-.5 -0.5 -5e-1 -.50"),
    (1.0, "1. 1.0 1e0 1e+0"),
    (-0.0, "-0.0 -0. -.0"),
    (math.inf, ".inf .Inf .INF +.inf"),
    (-math.inf, "-.inf -.Inf -.INF"),
    (math.nan, ".nan .NaN .NAN"),
]
ITSELF = (
    "nULL none tRUE on off yes No y n inf nan -.nan . + -. e5 1e .e1 +.5e 0x 0o 0o8 -0o17 +0xff 0b1 1_000 1:30 1:30.5"
)
ITSELF += " 2024-01-01 1.2.3 1,5 ٣ = << a#b 12a"
SCALARS = {text: value for value, texts in MEANINGS for text in texts.split()} | {text: text for text in ITSELF.split()}
SCALARS |= {"": None, "1 000": "1 000", "'12'": "12", '"null"': "null", "''": "", '"\\x1b"': "\x1b", "x # y": "x"}
SCALARS |= {"9" * 256: int("9" * 256), "9" * 300 + "x": "9" * 300 + "x"}


@pytest.mark.usefixtures("loader")
@each_row("text", SCALARS)
def test_scalars_have_the_meaning_of_yaml_1_2(text: str) -> None:
    assert repr(read_yaml(f"key: {text}\n", "c.yaml").data) == repr({"key": SCALARS[text]})


def test_block_text_is_text() -> None:
    assert read_yaml("a: |\n  12\nb: >-\n  true\n", "c.yaml").data == {"a": "12\n", "b": "true"}


@pytest.mark.usefixtures("loader")
def test_aliases_stand_for_copies() -> None:
    data = read_yaml("a: &x {k: [1]}\nb: *x\nc: &x 3\nd: *x\n<<: *x\n", "c.yaml").data
    assert data == {"a": {"k": [1]}, "b": {"k": [1]}, "c": 3, "d": 3, "<<": 3}
    data["a"]["k"].append(2)
    assert data["b"] == {"k": [1]}


def test_byte_order_mark_crlf_and_a_closing_mark_are_fine() -> None:
    assert read_yaml(b"\xef\xbb\xbf---\r\na: 1\r\nb: 2\r\n...\r\n", "c.yaml").data == {"a": 1, "b": 2}


# -- what is refused, and where ----------------------------------------------------------------------------------------

SPACE = "a space is missing after"
TAB = "a tab cannot indent YAML; use spaces"
EMPTY = "c.yaml:1:1: config is empty; write KEY: value"
SECOND = "a second document starts here; a config is one document"
DIRECTIVE = "a line cannot start with %; YAML directives are not used here"
REFUSED: dict[str | bytes, tuple[str, ...]] = {
    "": (EMPTY,),
    "# only this\n": (EMPTY,),
    "---\n": (EMPTY,),
    "null": (EMPTY,),
    "- 1": ("c.yaml:1:1: expected a mapping (KEY: value), found a list",),
    "# 3\n3": ("c.yaml:2:1: expected a mapping (KEY: value), found the number 3",),
    "hello": ("c.yaml:1:1: expected a mapping (KEY: value), found the text 'hello'",),
    "true": ("c.yaml:1:1: expected a mapping (KEY: value), found true",),
    "a: 1\n---\nb: 2": (f"c.yaml:2:1: {SECOND}",),
    "a: 1\nb: 2\na: 3\nb: 4\na: 5": (
        "c.yaml:3:1: duplicate key 'a'; the first is at c.yaml:1:1",
        "c.yaml:4:1: duplicate key 'b'; the first is at c.yaml:2:1",
        "c.yaml:5:1: duplicate key 'a'; the first is at c.yaml:1:1",
    ),
    "a: {x: 1, 'x': 2}": ("c.yaml:1:11: duplicate key 'x'; the first is at c.yaml:1:5",),
    '"\\e[2J": 1\n"\\e[2J": 2': ("c.yaml:2:1: duplicate key '\\x1b[2J'; the first is at c.yaml:1:1",),
    "1: x": ("c.yaml:1:1: a key must be text, found the number 1; put it in quotes",),
    "a:\n  true: x\n  ? \n  : y": (
        "c.yaml:2:3: a key must be text, found true; put it in quotes",
        "c.yaml:3:4: a key must be text, found null; put it in quotes",
    ),
    "[1, 2]: x": ("c.yaml:1:1: a key must be text, found a list",),
    "a: !!python/object:os.system {}\nb: !!int 3\nc: !x [!!str 1]\nc: 2": (
        "c.yaml:1:4: tags are not allowed; remove '!!python/object:os.system'",
        "c.yaml:2:4: tags are not allowed; remove '!!int'",
        "c.yaml:3:4: tags are not allowed; remove '!x'",
        "c.yaml:3:8: tags are not allowed; remove '!!str'",
        "c.yaml:4:1: duplicate key 'c'; the first is at c.yaml:3:1",
    ),
    "a: &a [*a]": ("c.yaml:1:8: the alias *a stands inside what it names",),
    "a: &a\n  b: {c: *a}\n  d: *e": (
        "c.yaml:2:10: the alias *a stands inside what it names",
        "c.yaml:3:6: the alias *e has no anchor &e",
    ),
    "a: 1\n\n  # x\nb: [1, " + "9" * 5000 + "]": ("c.yaml:4:8: a number of 5,000 characters; at most 256 are read",),
    "a: 0." + "0" * 300 + "1": ("c.yaml:1:4: a number of 303 characters; at most 256 are read",),
    "a: " + "x" * (MAX_SCALAR + 1): ("c.yaml:1:4: text of 10,001 characters; at most 10,000 are read",),
    "a: " + "[" * MAX_DEPTH: ("c.yaml:1:23: nested deeper than 20 levels",),
    "a: &a [[1]]\nb: " + "[" * 18 + "*a": ("c.yaml:2:22: nested deeper than 20 levels",),
    "a: [" + "1," * MAX_NODES + "]": ("c.yaml:1:19999: more than 10,000 values, counting what aliases stand for",),
    "%YAML 1.1\n---\na: 1": (f"c.yaml:1:1: {DIRECTIVE}",),
    "a: 1\r%TAG ! x": (f"c.yaml:2:1: {DIRECTIVE}",),
    "a: 1\nb: \x1b[31m": ("c.yaml:2:4: character U+001B is not allowed; write it as an escape in double quotes",),
    "a: x\u2028y": (
        "c.yaml:1:5: character U+2028 LINE SEPARATOR is not allowed; write it as an escape in double quotes",
    ),
    "a: \ud800": ("c.yaml:1:4: character U+D800 is not allowed; write it as an escape in double quotes",),
    "é: 1\nö: ".encode() + b"\xff": ("c.yaml:2:4: byte 0xff is not UTF-8; save the file as UTF-8",),
    "a: 1".encode("utf-16"): ("c.yaml:1:1: byte 0xff is not UTF-8; save the file as UTF-8",),
    b"a" * (MAX_BYTES + 1): ("c.yaml: larger than 1 MiB; a config is a small file",),
    "é" * (MAX_BYTES // 2 + 1): ("c.yaml: larger than 1 MiB; a config is a small file",),
    "epochs:3": (f"c.yaml:1:1: {SPACE} 'epochs:'",),
    "name: x\nepochs:3\n": (f"c.yaml:2:8: {SPACE} 'epochs:'",),
    "epochs:3\nname: x\n": (f"c.yaml:1:8: {SPACE} 'epochs:'",),
    "a: 1\ndata:\n  train:10\n  test: 3": (f"c.yaml:3:9: {SPACE} 'train:'",),
    "layers: {depth:3, width:30}": (f"c.yaml:1:10: {SPACE} 'depth:'", f"c.yaml:1:19: {SPACE} 'width:'"),
    "a:\n\tb: 1": (f"c.yaml:2:1: {TAB}",),
    "a:\n  b: 1\n  \tc: 2": (f"c.yaml:3:3: {TAB}",),
}


@pytest.mark.usefixtures("loader")
@each_row("text", REFUSED)
def test_refused_with_place_and_remedy(text: str | bytes) -> None:
    assert problems(text) == REFUSED[text]


SYNTAX = {"a: [1, 2\nb: 3": 2, "a: 'x\n": 2, "a: }": 1, "a: b: c": 1, "a: @x": 1, "a: 1\n b: 2": 2, 'a: "\\q"': 1}


@pytest.mark.usefixtures("loader")
@each_row("text", [*SYNTAX, 'a: "\\UFFFFFFFF"', "a: !%ed%a0%80 x", "a: *", "a: !x!y z"])
def test_syntax_errors_are_one_line(text: str) -> None:
    (problem,) = problems(text)
    assert problem.startswith(f"c.yaml:{SYNTAX.get(text, 1)}:")
    assert ": not valid YAML: " in problem
    assert problem.isprintable()


def test_problems_before_a_syntax_error_are_kept() -> None:
    assert [line[:9] for line in problems("a: !x 1\na: 2\nb: ]")] == ["c.yaml:1:", "c.yaml:2:", "c.yaml:3:"]


def test_no_flood_of_problems() -> None:
    lines = problems("a: 1\n" * 100)
    assert len(lines) == 21
    assert lines[-1].endswith(": and 79 problems more before this")


def test_source_is_escaped_in_messages_only() -> None:
    document = read_yaml("a: 1", "x\n\x1b[31m.yaml")
    assert document.source == "x\n\x1b[31m.yaml"
    assert document.where(("a",)) == "x\\n\\x1b[31m.yaml:1:4"


# -- files -------------------------------------------------------------------------------------------------------------


def test_files_are_read(tmp_path: Path) -> None:
    path = tmp_path / "run.yaml"
    path.write_bytes("naïve: 1".encode())
    document = load_yaml(path)
    assert (document.data, document.source) == ({"naïve": 1}, str(path))


def test_what_is_not_a_file_is_refused_without_waiting(tmp_path: Path) -> None:
    fifo, locked, large = tmp_path / "fifo", tmp_path / "loop", tmp_path / "large"
    os.mkfifo(fifo)
    locked.symlink_to(locked)
    with large.open("wb") as file:
        file.truncate(10**12)
    expected = {
        tmp_path: "is a directory; name the YAML file in it",
        fifo: "not a regular file; a config is a YAML file",
        Path("/dev/zero"): "not a regular file; a config is a YAML file",
        tmp_path / "none.yaml": "cannot be read: no such file or directory",
        tmp_path / ("x" * 300): "cannot be read: file name too long",
        locked: "cannot be read: too many levels of symbolic links",
        large: "larger than 1 MiB; a config is a small file",
        Path("a\0b"): "cannot be read: not a file name",
    }
    for path, reason in expected.items():
        with pytest.raises(ConfigError) as caught:
            load_yaml(path)
        assert caught.value.problems == (f"{printable(str(path), 200)}: {reason}",)


def test_files_are_closed(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("a: 1")
    before = len(list(Path("/dev/fd").iterdir()))
    for _ in range(5):
        load_yaml(tmp_path / "a.yaml")
        with pytest.raises(ConfigError):
            load_yaml(tmp_path)
    assert len(list(Path("/dev/fd").iterdir())) == before


# -- places ------------------------------------------------------------------------------------------------------------

CONFIG = """\
# a comment
name: first
layers: [784, 30, 10]
optimizer:
  name: momentum
  learning_rate: 0.5
probes:
- delta_norm
- {kind: x, every: 2}
again: &all {a: 1}
once more: *all
nothing:
"""

PLACES: dict[tuple[str | int, ...], tuple[str, str]] = {  # path -> place of the value, place of the key
    (): ("2:1", "2:1"),
    ("name",): ("2:7", "2:1"),
    ("layers",): ("3:9", "3:1"),
    ("layers", 1): ("3:15", "3:15"),
    ("layers", 3): ("3:9", "3:9"),
    ("layers", -1): ("3:9", "3:9"),
    ("layers", "depth"): ("3:9", "3:9"),
    ("optimizer",): ("5:3", "4:1"),
    ("optimizer", "learning_rate"): ("6:18", "6:3"),
    ("optimizer", "momentum"): ("5:3", "5:3"),
    ("probes", 0): ("8:3", "8:3"),
    ("probes", 1, "every"): ("9:20", "9:13"),
    ("once more",): ("11:12", "11:1"),
    ("once more", "a"): ("10:17", "10:14"),
    ("nothing",): ("12:9", "12:1"),
    ("missing", "deeper"): ("2:1", "2:1"),
    ("name", "name"): ("2:7", "2:7"),
}


@pytest.mark.usefixtures("loader")
@each_row("path", PLACES)
def test_where(path: tuple[str | int, ...]) -> None:
    document = read_yaml(CONFIG, "c.yaml")
    value, key = PLACES[path]
    assert document.where(path) == f"c.yaml:{value}"
    assert document.where(path, key=True) == f"c.yaml:{key}"


WORD = st.text("abcdefgh", min_size=1, max_size=6)
BLOCKS = st.dictionaries(
    WORD,
    st.recursive(
        WORD,
        lambda deeper: st.lists(deeper, min_size=1, max_size=3) | st.dictionaries(WORD, deeper, min_size=1, max_size=3),
        max_leaves=10,
    ),
    min_size=1,
    max_size=4,
)


def write_block(value: Any, lines: list[str], indent: int, path: tuple[str | int, ...], at: dict[Any, int]) -> None:
    """A plain tree in block style, one key or item a line; `at` gets the line of every key and item."""
    for part, child in value.items() if isinstance(value, dict) else enumerate(value):
        here = (*path, part)
        head = " " * indent + (f"{part}:" if isinstance(value, dict) else "-")
        at[here] = len(lines) + 1
        if isinstance(child, str):
            lines.append(f"{head} {child}")
        else:
            lines.append(head)
            write_block(child, lines, indent + 2, here, at)


@given(BLOCKS)
def test_where_is_the_line(data: dict[str, Any]) -> None:
    lines: list[str] = []
    at: dict[tuple[str | int, ...], int] = {}
    write_block(data, lines, 0, (), at)
    document = read_yaml("\n".join(lines), "c.yaml")
    assert document.data == data
    for path, line in at.items():
        scalar = lines[line - 1].rstrip().endswith(tuple("abcdefgh"))
        value = document.where(path).split(":")
        assert int(value[1]) == (line if scalar else line + 1)
        if isinstance(path[-1], str):
            column = len(lines[line - 1]) - len(lines[line - 1].lstrip()) + 1
            assert document.where(path, key=True) == f"c.yaml:{line}:{column}"
