"""Numbers as words have them: a share that is not all of it is never 100 %."""

from __future__ import annotations

import pytest

from vgrad.text.numbers import percent


@pytest.mark.parametrize(
    ("share", "decimals", "told"),
    [
        (0.0, 0, "0 %"),
        (1.0, 0, "100 %"),
        (0.972, 0, "97 %"),
        (0.998, 0, "99.8 %"),
        (0.99996, 0, "99.996 %"),
        (0.994, 0, "99 %"),
        (0.004, 0, "0.4 %"),
        (0.00004, 1, "0.004 %"),
        (0.5, 1, "50.0 %"),
        (1.0, 1, "100.0 %"),
        (1 - 2**-53, 0, "99.99999999999999 %"),
    ],
)
def test_percent(share: float, decimals: int, told: str) -> None:
    assert percent(share, decimals) == told
