"""The axis of named variants: each sets several keys of the config at once, and is called by its name.

    grid:
      variant:
        plain: {}                                       # the config as it is
        rectifiers: {activation: relu, init: he_normal}
        batch norm: {batch_norm: true}

`-g variant=plain,rectifiers` takes some of them, in that order.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from vgrad.document.reader import Node
from vgrad.document.words import describe
from vgrad.errors import ConfigError
from vgrad.registry import did_you_mean
from vgrad.text.escapes import printable

VARIANT = "variant"
Settings = Mapping[str, Node]
"""Key paths of the config and their values."""
_NAME = re.compile(r"[^\W_][\w .+/()-]{0,39}")
_SHAPE = "{plain: {}, deeper: {layers.depth: 5}}"


def read_variants(node: Node) -> dict[str, Settings]:
    """name -> settings, in their order. ConfigError at the place of what is none."""
    if not isinstance(node.value, dict) or not node.value:
        raise ConfigError(f"{node.place}: {VARIANT}: expected {_SHAPE}, found {describe(node.plain())}")
    found = dict[str, Settings]()
    for name, settings in node.value.items():
        place = node.keys[name]
        if not _NAME.fullmatch(name) or name != name.strip():
            told = "a name has letters, digits, spaces and .+/()-, 40 at the most, and begins with a letter or digit"
            raise ConfigError(f"{place}: {VARIANT}: '{printable(name)}': {told}")
        if not isinstance(settings.value, dict):
            told = f"expected settings such as {{layers.depth: 5}}, found {describe(settings.plain())}"
            raise ConfigError(f"{settings.place}: {VARIANT}.{name}: {told}")
        fixed = next((key for key in settings.value if key in ("name", "seed")), None)
        if fixed:
            raise ConfigError(f"{settings.keys[fixed]}: {VARIANT}.{name}: cannot set {fixed}")
        found[name] = settings.value
    return found


def chosen(names: list[Node], there: Mapping[str, Settings]) -> dict[str, Settings]:
    """Those variants that `-g variant=…` names; ConfigError for one that the file does not have."""
    found = dict[str, Settings]()
    for node in names:
        name = str(node.plain())
        if name not in there:
            raise ConfigError(f"{node.place}: no variant '{printable(name)}'{did_you_mean(name, list(there))}")
        found[name] = there[name]
    return found


def variant_schema(keys: str) -> dict[str, Any]:
    """The JSON Schema of the axis; `keys` is the pattern of a key path."""
    settings = {"type": "object", "propertyNames": {"pattern": f"^{keys}$"}}
    return {"type": "object", "minProperties": 1, "additionalProperties": settings}
