"""The config's optional keys: remedies that are off unless they are named, and then leave no trace in the config.

A key that is off is not part of the resolved config, so a remedy that is added to vgrad changes no run's hash.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from itertools import pairwise
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BaseModel, Field

from vgrad.config.choice import STRICT, Checked, Choice, ChoiceOf, Problem, Problems, validated
from vgrad.document.words import describe
from vgrad.nn.norms import NORMS
from vgrad.nn.optimizers import OPTIMIZERS
from vgrad.nn.schedules import MOMENTUM_SCHEDULES
from vgrad.registry import Positive, PositiveInt, did_you_mean

if TYPE_CHECKING:
    from vgrad.config.config import Config

OPTIONAL = (
    *("momentum_schedule", "label_smoothing", "dropout", "input_noise", "max_norm"),
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


_momentum = ChoiceOf(MOMENTUM_SCHEDULES, "momentum schedule", signature=lambda entry: _no_parameters)


def _no_parameters() -> None:
    """What a config may set of a momentum schedule: nothing; its largest momentum is the optimizer's."""


BATCH_NORM = _switch("batch_norm", "normalize over the batch")
LAYER_NORM = _switch("layer_norm", "normalize over the layer")
CLIP = _number_or(ClipField, "norm")
EARLY_STOPPING = _number_or(EarlyStopping, "patience")
MOMENTUM_SCHEDULE = _optional(_momentum.check, _momentum.schema)


def plain(config: Config) -> dict[str, Any]:
    """The keys that are on, as a config writes them."""
    return {name: _plain(name, value) for name in OPTIONAL if (value := getattr(config, name))}


def _plain(name: str, value: Any) -> Any:
    if name in NORMS:
        return dict(value.parameters)
    return value.plain() if isinstance(value, Choice | ClipField | EarlyStopping) else value


def problems(config: Config) -> Iterator[Problem]:
    """What does not go together in remedies and schedules."""
    if config.batch_norm and config.layer_norm:
        yield Problem(("layer_norm",), "there is batch_norm already; use one of the two")
    if config.batch_norm and config.batch_size == 1:
        yield Problem(("batch_norm",), "the statistics of one example say nothing; use a batch_size of 2 or more")
    if config.residual and not any(below == above for below, above in pairwise(config.sizes[:-1])):
        yield Problem(("residual",), "no hidden layer is as wide as the layer below it; there is nothing to connect")
    optimizer = config.optimizer
    if config.momentum_schedule and not OPTIMIZERS[optimizer.name](**optimizer.parameters).momentum:
        yield Problem(("momentum_schedule",), f"{optimizer.name} has no momentum; use momentum or nesterov")
    watched = [(("early_stopping", "monitor"), config.early_stopping.monitor)] if config.early_stopping else []
    if "monitor" in config.schedule.parameters:
        watched.append((("schedule", "monitor"), config.schedule.parameters["monitor"]))
    for path, name in watched:
        if name not in config.monitors:
            yield Problem(path, f"{name} is not in metrics.csv{did_you_mean(name, config.monitors)}")
