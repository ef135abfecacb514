"""What editors are told of a study's file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from vgrad.study.published import Contents


def study_schema(sweep: Mapping[str, Any]) -> dict[str, Any]:
    """The JSON Schema of studies; `sweep` is that of sweeps, whose references start at its own root."""
    found = Contents.model_json_schema()
    definitions = found.setdefault("$defs", {})
    inner = {key: value for key, value in sweep.items() if key not in ("$schema", "$id", "title", "$defs")}
    definitions["Sweep"] = _moved(inner)
    definitions |= {name: _moved(value) for name, value in sweep.get("$defs", {}).items()}
    definitions["Experiment"]["properties"]["sweep"] = {"$ref": "#/$defs/Sweep"}
    head = {key: sweep[key] for key in ("$schema",) if key in sweep}
    return {**head, **found, "title": "A study of vgrad"}


def _moved(tree: Any) -> Any:
    """A schema whose references to its own properties lead to where they are now."""
    if isinstance(tree, dict):
        return {
            key: value.replace("#/properties/", "#/$defs/Sweep/properties/")
            if key == "$ref" and isinstance(value, str)
            else _moved(value)
            for key, value in tree.items()
        }
    return [_moved(each) for each in tree] if isinstance(tree, list) else tree
