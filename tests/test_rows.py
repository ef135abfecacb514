"""A table of rows as one test tells every row that fails, and lets nothing pass in silence."""

from __future__ import annotations

import inspect

import pytest
from rows import each_row


@each_row("a", [1, 2])
@each_row("b, c", [(3, 4), pytest.param(5, 6, id="named")])
def called(a: int, b: int, c: int, seen: list[tuple[int, int, int]]) -> None:
    seen.append((a, b, c))
    assert a * b * c != 30 * a * a, "the row of 5 and 6"
    if c == 4 and a == 2:
        pytest.fail("four")


def test_every_row_is_called_and_those_that_fail_are_told() -> None:
    seen: list[tuple[int, int, int]] = []
    assert [*inspect.signature(called).parameters] == ["seen"]
    with pytest.raises(ExceptionGroup, match="2 of 2 rows") as caught:
        called(seen=seen)
    assert seen == [(1, 3, 4), (1, 5, 6), (2, 3, 4), (2, 5, 6)]
    first, second = caught.value.exceptions
    assert isinstance(first, ExceptionGroup)
    assert first.__notes__ == ["in the row a=1"]
    assert first.exceptions[0].__notes__ == ["in the row b=5, c=6"]
    assert isinstance(second, ExceptionGroup)
    assert "four" in str(second.exceptions[0])


def test_what_a_row_has_patched_is_undone_before_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    held, seen = {"a": 0}, list[int]()
    monkeypatch.setitem(held, "a", 1)  # by a fixture, say

    @each_row("a", [2, 3])
    def patched(a: int, monkeypatch: pytest.MonkeyPatch) -> None:
        seen.append(held["a"])
        monkeypatch.setitem(held, "a", a)

    patched(monkeypatch=monkeypatch)
    assert (seen, held) == ([1, 1], {"a": 1})


def test_what_would_hide_rows_is_refused() -> None:
    with pytest.raises(AssertionError, match="without rows"):
        each_row("a", [])(lambda a: None)
    with pytest.raises(AssertionError, match="not what the test takes"):
        each_row("b", [1])(lambda a: None)
    with pytest.raises(AssertionError, match="for parametrize"):
        each_row("a", [pytest.param(1, marks=pytest.mark.slow)])(lambda a: None)
    with pytest.raises(TypeError, match="is skipped"):
        each_row("a", [1])(lambda a: pytest.skip("no"))()
