"""Plain trees written as readable YAML that `read_yaml` reads back identically, and other readers too.

Text that would be a number, a boolean or null in YAML 1.1 or 1.2 is quoted; floats are exact (`1.0e-05` is a float in
both); short lists of scalars stand on one line; keys keep their order.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Mapping, Sequence
from typing import Any

import yaml

from vgrad.document.scalars import resolve

_PLAIN = re.compile(r"[A-Za-z_][\w.+-]*")
_SHORT = 80  # characters of a list on one line


class _Dumper(yaml.SafeDumper):
    """PyYAML's safe dumper without anchors, and with lists indented below their key."""

    def ignore_aliases(self, data: Any) -> bool:
        return True

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        super().increase_indent(flow, False)


def _text(dumper: _Dumper, text: str) -> yaml.Node:
    try:
        odd = not text.isprintable() or not isinstance(resolve(text), str)
    except ValueError:  # digits without end, as text
        odd = True
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style='"' if odd else None)


def _list(dumper: _Dumper, items: Sequence[Any]) -> yaml.Node:
    scalars = not any(isinstance(item, list | tuple | dict) for item in items)
    short = scalars and sum(len(str(item)) + 2 for item in items) <= _SHORT
    return dumper.represent_sequence("tag:yaml.org,2002:seq", items, flow_style=short)


_Dumper.add_representer(str, _text)
_Dumper.add_representer(list, _list)
_Dumper.add_representer(tuple, _list)


def dump_yaml(data: Mapping[str, Any]) -> str:
    """`data`, a tree of dicts with text keys, lists and scalars, as YAML.

    `read_yaml(dump_yaml(data), ...).data == data`, types included, for integers of at most 256 characters and text
    without lone surrogates, within the reader's limits.
    """
    return str(
        yaml.dump(
            dict(data),
            Dumper=_Dumper,
            sort_keys=False,
            allow_unicode=True,
            default_flow_style=False,
            width=sys.maxsize,
        )
    )


def spell(value: Any) -> str:
    """A plain value in one line of YAML, as -s and -g read it back."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{spell(key)}: {spell(inner)}" for key, inner in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(spell, value)) + "]"
    if isinstance(value, str):
        return value if _PLAIN.fullmatch(value) and isinstance(resolve(value), str) else json.dumps(value)
    return "null" if value is None else str(value).lower() if isinstance(value, bool) else repr(value)
