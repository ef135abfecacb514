"""The config's optional keys: remedies that are off unless they are named, and then leave no trace in the config.

A key that is off is not part of the resolved config, so a remedy that is added to vgrad changes no run's hash.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Annotated, Any

from pydantic import BaseModel, Field

from vgrad.config.choice import Checked, Choice, ChoiceOf
from vgrad.config.problems import STRICT, Problems, validated
from vgrad.document.words import describe
from vgrad.nn.layerwise.pretrainings import PRETRAININGS
from vgrad.nn.norms import NORMS
from vgrad.nn.schedules import MOMENTUM_SCHEDULES
from vgrad.registry import Positive, PositiveInt

OPTIONAL = (
    *("pretrain", "momentum_schedule", "label_smoothing", "dropout", "input_noise", "max_norm"),
    *("batch_norm", "layer_norm", "residual", "clip", "early_stopping"),
)
"""Keys that the resolved config leaves out where they are off."""


class ClipField(BaseModel):
    """`clip: 1.0` limits the norm of the whole gradient; `{value: 0.5}` each component, `{norm: …, value: …}` both."""

    model_config = STRICT
    norm: Annotated[Positive | None, Field(description="largest norm of the gradient of all parameters")] = None
    value: Annotated[Positive | None, Field(description="largest absolute value of a component")] = None

    def plain(self) -> dict[str, Any]:
        """As a config writes it."""
        return {key: value for key, value in self if value is not None}


class EarlyStopping(BaseModel):
    """`early_stopping: 10`: the run ends after so many epochs in a row without a new best value of the monitor."""

    model_config = STRICT
    patience: Annotated[PositiveInt, Field(description="epochs in a row without a new best value")] = 10
    monitor: Annotated[str, Field(description="what is watched: a column of metrics.csv")] = "validation_accuracy"

    def plain(self) -> dict[str, Any]:
        """As a config writes it."""
        return dict(self)


def _switch(name: str, summary: str) -> Checked:
    """A field that takes false or null, true, or a mapping of the parameters of the norm `name`."""
    choice = ChoiceOf(NORMS, "norm")

    def check(value: object) -> Choice | None:
        if value is None or value is False:
            return None
        if value is True:
            value = {}
        if not isinstance(value, Mapping):
            raise Problems.one(f"expected true, false or a mapping, found {describe(value)}")
        return choice.check({"name": name, **value})

    def schema() -> dict[str, Any]:
        mapping = next(entry for entry in choice.schema()["anyOf"] if entry.get("title") == name)
        inner = {key: value for key, value in mapping["properties"].items() if key != "name"}
        return {
            "description": summary,
            "anyOf": [
                {"type": ["boolean", "null"]},
                {"type": "object", "properties": inner, "additionalProperties": False},
            ],
        }

    return Checked(check, schema)


def _number_or(model: type[BaseModel], key: str) -> Checked:
    """A field that takes `model`'s mapping, or a bare number for its `key`; null and false are off."""

    def check(value: object) -> BaseModel | None:
        if value is None or value is False:
            return None
        if isinstance(value, int | float) and not isinstance(value, bool):
            value = {key: value}
        settled = validated(model, value)
        if not settled.model_dump(exclude_none=True):
            raise Problems.one(f"needs {' or '.join(model.model_fields)}")
        return settled

    def schema() -> dict[str, Any]:
        inner = model.model_json_schema()
        return {"anyOf": [inner["properties"][key], {"type": "null"}, inner]}

    return Checked(check, schema)


def _optional(inner: Callable[[Any], Any], schema: Callable[[], dict[str, Any]]) -> Checked:
    return Checked(
        lambda value: None if value is None else inner(value), lambda: {"anyOf": [{"type": "null"}, schema()]}
    )


_pretrain = ChoiceOf(PRETRAININGS, "pretraining")
_momentum = ChoiceOf(MOMENTUM_SCHEDULES, "momentum schedule", signature=lambda entry: _no_parameters)


def _no_parameters() -> None:
    """What a config may set of a momentum schedule: nothing; its largest momentum is the optimizer's."""


BATCH_NORM = _switch("batch_norm", "normalize over the batch")
LAYER_NORM = _switch("layer_norm", "normalize over the layer")
CLIP = _number_or(ClipField, "norm")
EARLY_STOPPING = _number_or(EarlyStopping, "patience")
PRETRAIN = _optional(_pretrain.check, _pretrain.schema)
MOMENTUM_SCHEDULE = _optional(_momentum.check, _momentum.schema)
