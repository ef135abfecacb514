"""Text of unknown origin on its way into a message."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vgrad.document.words import describe
from vgrad.text.escapes import printable


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain é 漢", "plain é 漢"),
        ("a\nb\t\x1b[31m\x7f\x9b", "a\\nb\\t\\x1b[31m\\x7f\\x9b"),
        ("\u2028\u202e\ufeff\ud800", "\\u2028\\u202e\\ufeff\\ud800"),
        ("x" * 60, "x" * 60),
        ("x" * 61, "x" * 59 + "…"),
        ("x" * 57 + "\x00", "x" * 57 + "…"),
    ],
)
def test_printable(text: str, shown: str) -> None:
    assert printable(text) == shown


@given(st.text(st.characters()), st.integers(1, 20))
def test_printable_is_one_short_line(text: str, limit: int) -> None:
    shown = printable(text, limit)
    assert shown.isprintable()
    assert len(shown) <= limit


def test_describe() -> None:
    values: list[object] = [{}, [], None, True, 3, 0.5, "x\n", "x" * 50]
    words = ["a mapping", "a list", "null", "true", "the number 3", "the number 0.5", "the text 'x\\n'"]
    assert [describe(value) for value in values] == [*words, f"the text '{'x' * 29}…'"]
