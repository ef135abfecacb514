"""Plain scalars by the core schema of YAML 1.2: null, booleans, integers, floats; everything else is text."""

from __future__ import annotations

import math
import re

MAX_NUMBER = 256  # characters: every integer that is let in fits a float

Scalar = str | int | float | bool | None

_CONSTANTS: dict[str, Scalar] = {
    **dict.fromkeys(["", "~", "null", "Null", "NULL"], None),
    **dict.fromkeys(["true", "True", "TRUE"], True),
    **dict.fromkeys(["false", "False", "FALSE"], False),
    **{sign + inf: float(sign + "inf") for sign in ("", "+", "-") for inf in (".inf", ".Inf", ".INF")},
    **dict.fromkeys([".nan", ".NaN", ".NAN"], math.nan),
}
_INTEGERS = {10: re.compile(r"[-+]?[0-9]+"), 8: re.compile(r"0o[0-7]+"), 16: re.compile(r"0x[0-9a-fA-F]+")}
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")


def resolve(text: str) -> Scalar:
    """What a plain scalar means in the YAML 1.2 core schema; ValueError for a number that is too long."""
    if text in _CONSTANTS:
        return _CONSTANTS[text]
    base = next((base for base, pattern in _INTEGERS.items() if pattern.fullmatch(text)), 0)
    if not base and not _FLOAT.fullmatch(text):
        return text
    if len(text) > MAX_NUMBER:
        raise ValueError(f"a number of {len(text):,} characters; at most {MAX_NUMBER} are read")
    return int(text, base) if base else float(text)
