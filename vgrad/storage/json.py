"""Strict JSON: no token for infinity or for what is not a number, which other readers refuse, written or read.

dump_json(tree)    a file; a number that is not finite is an error
strict(tree)       an answer on the terminal; such a number is null
read_json(path)    an object in a file, bounded in size and depth; parsed(content) one in memory
"""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

from vgrad.errors import RunStateError
from vgrad.storage.reading import read_state
from vgrad.text.escapes import printable

MOST_JSON = 4 * 2**20
DEEPEST_JSON = 50


def dump_json(tree: object) -> bytes:
    """Strict JSON, readable, in the given order, ending in a newline."""
    return (json.dumps(tree, indent=2, allow_nan=False, ensure_ascii=False) + "\n").encode()


def strict(tree: object, indent: int | None = 2) -> str:
    """The tree as JSON, its keys in their order, everything beyond ASCII as escapes."""
    try:
        return json.dumps(tree, indent=indent, allow_nan=False)
    except ValueError:
        return json.dumps(finite(tree), indent=indent, allow_nan=False)


def finite(tree: Any) -> Any:
    """The tree with None for each float that is not finite."""
    if isinstance(tree, dict):
        return {key: finite(value) for key, value in tree.items()}
    if isinstance(tree, list | tuple):
        return [finite(value) for value in tree]
    return None if isinstance(tree, float) and not math.isfinite(tree) else tree


def read_json(path: Path) -> dict[str, Any] | None:
    """The JSON object in a file, or None when there is no such file. RunStateError when it is anything else."""
    try:
        content = read_state(path, MOST_JSON)
    except FileNotFoundError:
        return None
    try:
        return parsed(content)
    except (ValueError, RecursionError) as error:
        raise RunStateError(f"{path}: damaged: {printable(str(error), 120)}") from None


def parsed(content: bytes) -> dict[str, Any]:
    """The JSON object that `content` is; ValueError or RecursionError when it is anything else."""
    tree = _DECODER.decode(content.decode())
    if not isinstance(tree, dict):
        raise ValueError("not an object")
    if content.count(b"{") + content.count(b"[") > DEEPEST_JSON:  # no more levels than these
        _check_depth(tree)
    return tree


def _check_depth(tree: Any) -> None:
    """ValueError where lists and objects stand inside each other so deep that whoever walks through them would fail."""
    level = [tree]
    for _ in range(DEEPEST_JSON):
        inside = [part.values() if isinstance(part, dict) else part for part in level]
        level = [each for parts in inside for each in parts if isinstance(each, dict | list)]
        if not level:
            return
    raise ValueError(f"nested deeper than {DEEPEST_JSON} levels")


def _no_constant(token: str) -> float:
    raise ValueError(f"{token} is not JSON")


_DECODER = json.JSONDecoder(parse_constant=_no_constant)
