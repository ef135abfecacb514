"""Answers as JSON that every reader takes: no token for infinity or for what is not a number; such a number is null."""

from __future__ import annotations

import json
import math
from typing import Any


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
