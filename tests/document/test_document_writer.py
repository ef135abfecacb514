"""Plain trees as YAML: readable, the same in YAML 1.1 and 1.2, and back again unchanged."""

from __future__ import annotations

from typing import Any

import yaml
from hypothesis import given
from hypothesis import strategies as st

from vgrad.document.document import read_yaml
from vgrad.document.writer import dump_yaml

# repr() tells apart what == does not: 1, 1.0 and True, 0.0 and -0.0; and NaN has one


def test_dump_is_readable() -> None:
    data = {
        "name": "a b",
        "layers": [784, 30, 10],
        "optimizer": {"name": "sgd", "learning_rate": 1e-05, "big": 1e16, "l": 0.1},
        "words": ["on", "1e-3", "012", "0o7", "~", "2024-01-01", "1:30", "yes", "", "plain", "=", "<<"],
        "probes": [{"record": ["delta_norm"], "every": 1}, []],
        "note": "é 漢 😀: #1",
        "long": "word " * 40 + "end",
        "odd": "a\nb\x1b\u2028",
        "off": None,
        "flag": True,
        "empty": {},
    }
    expected = """\
name: a b
layers: [784, 30, 10]
optimizer:
  name: sgd
  learning_rate: 1.0e-05
  big: 1.0e+16
  l: 0.1
words: ['on', "1e-3", "012", "0o7", "~", '2024-01-01', '1:30', 'yes', "", plain, '=', '<<']
probes:
  - record: [delta_norm]
    every: 1
  - []
note: 'é 漢 😀: #1'
long: LONG
odd: "a\\nb\\e\\L"
'off': null
flag: true
empty: {}
""".replace("LONG", "word " * 40 + "end")
    assert dump_yaml(data) == expected
    assert repr(read_yaml(expected, "c.yaml").data) == repr(data)
    assert repr(yaml.safe_load(expected)) == repr(data)  # readers of YAML 1.1 agree


LIKE_OTHERS = [
    "",
    "~",
    "null",
    "true",
    "on",
    "y",
    "1e-3",
    "1e5",
    ".5",
    "1.",
    "012",
    "0o17",
    "0xff",
    "1_000",
    "1:30",
    "=",
]
LIKE_OTHERS += [
    "<<",
    ".inf",
    "-.INF",
    ".nan",
    "2024-01-01",
    "---",
    "...",
    "- a",
    "a: b",
    "a:b",
    "? a",
    "#",
    "%a",
    "9" * 300,
]
TEXT = st.text(max_size=20) | st.sampled_from(LIKE_OTHERS) | st.text("0123456789.eExo_:-+~ \t\n#[]{}'\"")
SCALAR = st.none() | st.booleans() | st.integers(-(10**40), 10**40) | st.floats() | TEXT
TREES = st.dictionaries(
    TEXT,
    st.recursive(
        SCALAR, lambda deeper: st.lists(deeper, max_size=4) | st.dictionaries(TEXT, deeper, max_size=4), max_leaves=12
    ),
    max_size=5,
)


@given(TREES)
def test_what_is_dumped_reads_back(data: dict[str, Any]) -> None:
    text = dump_yaml(data)
    assert repr(read_yaml(text, "c.yaml").data) == repr(data)
    assert repr(yaml.safe_load(text)) == repr(data)  # readers of YAML 1.1 agree
    assert dump_yaml(read_yaml(text, "c.yaml").data) == text
