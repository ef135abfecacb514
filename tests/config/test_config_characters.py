"""Characters that look like others: the message names them and what was meant, in files, overrides and grids."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vgrad.config.check import settled
from vgrad.config.config import Config
from vgrad.document.document import read_yaml, with_overrides
from vgrad.errors import ConfigError
from vgrad.sweeps.points.grid import read_grid
from vgrad.text.characters import hint, plain

BASE = "name: c\nlayers: [64, 10]\ndata: digits\n"
MEANT = {
    "epochs: 3\u00a0": ("write 3", "U+00A0 NO-BREAK SPACE"),
    "epochs:\u00a03": ("U+00A0 NO-BREAK SPACE",),
    "\u2003epochs: 3": ("write epochs", "U+2003 EM SPACE"),
    "l2: 0,5": ("write 0.5",),
    "l2: 0\uff0c5": ("write 0.5", "U+FF0C FULLWIDTH COMMA"),
    "l2: \uff11\uff12": ("write 12", "U+FF11 FULLWIDTH DIGIT ONE", "U+FF12"),
    "l2: \u22121": ("write -1", "U+2212 MINUS SIGN"),
    "l2: 1e\u22125": ("write 1e-5", "U+2212 MINUS SIGN"),
    "l2: \u201c0.5\u201d": ("U+201C LEFT DOUBLE QUOTATION MARK",),
    "activation: tanh\u200b": ("write tanh", "U+200B ZERO WIDTH SPACE"),
    "activation: \u2018tanh\u2019": ("did you mean 'tanh'", "U+2018", "U+2019"),
    "shuffle: true\u202f": ("write true", "U+202F NARROW NO-BREAK SPACE"),
    "optimizer: {learning_rate: 0,5}": ("a decimal number has a point: 0.5",),
    "monitor: [train_cost\u00a0]": ("write train_cost", "U+00A0"),
    "probes: delta_norm\u2060": ("write delta_norm", "U+2060 WORD JOINER"),
    "schedule: \ufeffconstant": ("U+FEFF ZERO WIDTH NO-BREAK SPACE is not allowed",),
}
OVERRIDES = {
    "epochs=3\u00a0": ("write 3", "U+00A0 NO-BREAK SPACE"),
    "epochs\uff1d3": ("write epochs=3", "U+FF1D FULLWIDTH EQUALS SIGN"),
    "\u201cepochs\u201d=3": ("unknown key", "U+201C"),
    "optimizer.learning_rate=\u22121": ("write -1", "U+2212"),
    "l2=0,5": ("write 0.5",),
}
GRIDS = {
    "epochs=1\u20265": ("write 1..5", "U+2026 HORIZONTAL ELLIPSIS"),
    "epochs=1\u20135": ("write 1..5",),
    "epochs=1-5": ("write 1..5",),
    "epochs=\uff11,2": ("write 1", "U+FF11"),
    "epochs\uff1d1": ("write epochs=1", "U+FF1D"),
}


def fails(words: tuple[str, ...], told: str) -> bool:
    return all(word in told for word in words) and told.isprintable()


@pytest.mark.parametrize("line", MEANT)
def test_in_a_file(line: str) -> None:
    with pytest.raises(ConfigError) as caught:
        settled(read_yaml(f"{BASE}{line}\n", "c.yaml"))
    (told,) = caught.value.problems
    assert fails(MEANT[line], told), told
    assert told.startswith(("c.yaml:4:", "c.yaml:5:1:"))


@pytest.mark.parametrize("text", OVERRIDES)
def test_in_an_override(text: str) -> None:
    with pytest.raises(ConfigError) as caught:
        settled(with_overrides(read_yaml(BASE, "c.yaml"), [text]))
    assert fails(OVERRIDES[text], caught.value.problems[0]), caught.value.problems


def first_of(spec: str) -> Config:
    grid = read_grid(read_yaml(BASE, "c.yaml"), typed=[spec])
    return settled(grid.document(next(iter(grid.points()))))


@pytest.mark.parametrize("spec", GRIDS)
def test_in_a_grid(spec: str) -> None:
    with pytest.raises(ConfigError) as caught:
        first_of(spec)
    assert fails(GRIDS[spec], caught.value.problems[0]), caught.value.problems


@pytest.mark.parametrize("seeds", ["0\u20263", "0\u20133", "\uff15"])
def test_in_seeds(seeds: str) -> None:
    with pytest.raises(ConfigError, match=r"; write (0\.\.3|5)$"):
        read_grid(read_yaml(BASE, "c.yaml"), seeds=seeds)


@given(st.text())
def test_a_hint_is_printable_and_what_is_ascii_is_left_alone(text: str) -> None:
    assert hint(text).isprintable()
    assert plain(plain(text)) == plain(text)
    if text.isascii():
        assert (plain(text), hint(text)) == (text, "")
