"""What editors are told of a sweep's file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from vgrad.sweeps.points.axes import MOST_SEEDS, axis_schema
from vgrad.sweeps.points.variants import VARIANT, variant_schema


def sweep_schema(config: Mapping[str, Any]) -> dict[str, Any]:
    """The JSON Schema of configs and sweeps: that of a config, `config`, with the keys of a sweep.

    What is an axis need not stand beside `grid`, so `layers` are required in one of the two places.
    """
    keys = {key: schema for key, schema in config["properties"].items() if key not in ("name", "seed")}
    one = rf"(?:{'|'.join(keys)})(?:\.[^.,\s]+)*"
    below: dict[str, list[Any]] = {}
    for key, schema in keys.items():
        for form in schema.get("anyOf", ()):
            for name, inner in form.get("properties", {}).items():
                forms = below.setdefault(f"{key}.{name}", [])
                forms += [inner] if inner not in forms else []
    row = {"type": "array", "items": {"type": "array"}, "minItems": 1}
    grid = {
        "description": "axes of a sweep: key paths, and the values that they take",
        "type": "object",
        "properties": {
            **{key: axis_schema({"$ref": f"#/properties/{key}"}) for key in keys},
            **{key: axis_schema({"anyOf": forms}) for key, forms in below.items()},
            VARIANT: variant_schema(one),
        },
        "patternProperties": {
            rf"^\s*{one}(?:\s*,\s*{one})+\s*$": row,
            rf"^(?:{'|'.join(keys)})\.(?:[0-9]+|[^.,\s]+\.[^,\s]+)$": axis_schema({}),
        },
        "additionalProperties": False,
    }
    seeds = axis_schema({"type": "integer", "minimum": 0})["anyOf"][:2]
    sample = {"count": {"type": "integer", "minimum": 1}, "seed": {"type": "integer", "minimum": 0}}
    own = {
        "grid": grid,
        "seeds": {
            "description": "how many seeds each point is trained with, or which",
            "anyOf": [{"type": "integer", "minimum": 1, "maximum": MOST_SEEDS}, *seeds],
        },
        "exclude": {
            "description": "points that are left out; of a list, any value",
            "type": "array",
            "items": {"type": "object", "minProperties": 1},
        },
        "sample": {
            "description": "so many points, drawn",
            "anyOf": [
                sample["count"],
                {"type": "object", "properties": sample, "required": ["count"], "additionalProperties": False},
            ],
        },
    }
    in_grid = {"not": {"propertyNames": {"not": {"pattern": r"(?:^|,)\s*layers(?:[.,\s]|$)"}}}}
    return {
        **{key: value for key, value in config.items() if key != "required"},
        "properties": {**config["properties"], **own},
        "anyOf": [{"required": config["required"]}, {"required": ["grid"], "properties": {"grid": in_grid}}],
    }
