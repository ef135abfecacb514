"""The JSON Schema of a config, for editors: made from `Config` and the tables, so it knows every name there is.

It says what can be said of each key alone. That sizes, costs and outputs go together, `check` says.
"""

from __future__ import annotations

from typing import Any

from vgrad.config.config import DEFAULT_MONITORS, Config
from vgrad.config.fields import Probes
from vgrad.config.monitors import PARTS, measures
from vgrad.nn.costs import COSTS
from vgrad.nn.probes import GROUPS, PROBES

DIALECT = "https://json-schema.org/draft/2020-12/schema"


def config_schema() -> dict[str, Any]:
    """A JSON Schema (draft 2020-12) with a description and a default for every key, as a plain tree."""
    made = _as_written(Config.model_json_schema())
    properties = made["properties"]
    for key, field in Config.model_fields.items():
        if not field.is_required():
            properties[key]["default"] = _default(field.default)
    properties["monitor"] |= {"default": list(DEFAULT_MONITORS)}
    _name_items(properties["monitor"], monitor_names())
    for form in properties["probes"]["anyOf"]:
        _name_items(form.get("properties", {}).get("record", form), [*PROBES, *GROUPS, "all"])
    return {
        "$schema": DIALECT,
        "title": "vgrad config",
        "description": "One run of vgrad: a network, its data, its training and what is measured.",
        "type": "object",
        "properties": properties,
        "required": [key for key in made["required"] if key != "name"],  # the file's stem is its default
        "additionalProperties": False,
    }


def monitor_names() -> list[str]:
    """Every name that `monitor` may hold with some cost and output."""
    known = {name: None for cost, pairs in COSTS.items() for output in pairs for name in measures(cost, output)}
    return [f"{part}_{name}" for part in PARTS for name in known]


def _default(value: Any) -> Any:
    """A field's default as a config writes it; what means "as many as there are" is left out."""
    if isinstance(value, Probes):
        return {key: inner for key, inner in value if inner is not None}
    plain = value.plain() if hasattr(value, "plain") else value
    return {key: inner for key, inner in plain.items() if inner is not None} if isinstance(plain, dict) else plain


def _as_written(node: Any) -> Any:
    """`node` without the titles that pydantic makes up, and with nested choices as a config writes them."""
    if isinstance(node, list):
        return [_as_written(item) for item in node]
    if not isinstance(node, dict):
        return node
    if set(node) == {"name", "parameters"}:  # a Choice, as pydantic writes it
        return {"name": node["name"], **node["parameters"]} if node["parameters"] else node["name"]
    return {key: _as_written(item) for key, item in node.items() if not (key == "title" and isinstance(item, str))}


def _name_items(schema: dict[str, Any], names: list[str]) -> None:
    """Tells which names the list that `schema` describes may hold, each once."""
    for form in schema.get("anyOf", [schema]):
        if form.get("type") == "array":
            form |= {"items": {"enum": names}, "uniqueItems": True}
