"""Tables of many small rows as one test: `@each_row(names, table)` in the place of `@pytest.mark.parametrize`.

A test of its own costs more than most rows do: it is collected by every worker, told to the one that counts, set up and
taken down. Here a test is called for every row, with the same fixtures, and those rows that fail are told together.
What a row patches by `monkeypatch` is undone before the next one. Where a row needs further
fixtures of its own, a mark or a name to be chosen by, it is for `parametrize`.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Sequence
from functools import wraps
from typing import Any

import pytest

Test = Callable[..., None]


def each_row(names: str | Sequence[str], table: Iterable[Any]) -> Callable[[Test], Test]:
    """Calls the test once for each row of `table`; ExceptionGroup of what was raised, each with its row as a note."""
    keys = tuple(name.strip() for name in names.split(",")) if isinstance(names, str) else tuple(names)
    every = [_values(row, len(keys)) for row in table]

    def made(test: Test) -> Test:
        signature = inspect.signature(test)
        left = [each for name, each in signature.parameters.items() if name not in keys]
        assert every, "a table without rows"
        assert len(left) + len(keys) == len(signature.parameters), f"{keys} are not what the test takes"

        @wraps(test)
        def all_rows(**fixtures: Any) -> None:
            wrong: list[Exception] = []
            for row in every:
                try:
                    with pytest.MonkeyPatch.context() as patch:
                        own = {"monkeypatch": patch} if "monkeypatch" in fixtures else {}
                        test(**fixtures | own, **dict(zip(keys, row, strict=True)))
                except pytest.skip.Exception:
                    raise TypeError(f"{row} is skipped: a row of its own is for parametrize") from None
                except (Exception, pytest.fail.Exception) as error:
                    error.add_note(
                        f"in the row {', '.join(f'{key}={value!r}' for key, value in zip(keys, row, strict=True))}"
                    )
                    wrong.append(error if isinstance(error, Exception) else AssertionError(str(error)))
            if wrong:
                raise ExceptionGroup(f"{len(wrong)} of {len(every)} rows", wrong)

        all_rows.__signature__ = signature.replace(parameters=left)  # type: ignore[attr-defined]
        return all_rows

    return made


def _values(row: Any, count: int) -> tuple[Any, ...]:
    if isinstance(row, type(pytest.param())):
        assert not row.marks, "a row with a mark is for parametrize"
        return tuple(row.values)
    return (row,) if count == 1 else tuple(row)
