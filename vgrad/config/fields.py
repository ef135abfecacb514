"""How single config fields are checked: each takes a plain value to a frozen one, or raises Problems."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, Field

from vgrad.config.choice import Checked, Choice, ChoiceOf
from vgrad.config.problems import STRICT, Problem, Problems, each, validated
from vgrad.config.synonyms import no_such
from vgrad.data.datasets import DATASETS, INPUTS, SCALES
from vgrad.document.words import describe
from vgrad.nn import activations, schedules
from vgrad.nn import probes as _probes
from vgrad.nn.activations import ACTIVATIONS
from vgrad.nn.initializers import BIASES, INITIALIZERS, PRESETS
from vgrad.nn.optimizers import OPTIMIZERS
from vgrad.nn.schedules import SCHEDULES
from vgrad.registry import LATER, NonNegativeInt, Positive, PositiveInt, parameters

NAME_PATTERN = r"[A-Za-z0-9][A-Za-z0-9._=,+-]{0,99}"
MOST_LAYERS = 1000
LARGEST_LAYER = 10**9
Size = Annotated[int, Field(gt=0, le=LARGEST_LAYER)]

_weights = ChoiceOf(INITIALIZERS, "weight initializer")
_biases = ChoiceOf(BIASES, "bias initializer")
_optimizer = ChoiceOf(OPTIMIZERS, "optimizer", default="sgd")
_schedule = ChoiceOf(SCHEDULES, "schedule", default="constant", common=parameters(schedules.build))
_activation = ChoiceOf(ACTIVATIONS, "activation", default="sigmoid", common=parameters(activations.build))


class Stack(BaseModel):
    """`layers: {depth: 2, width: 30}`: so many hidden layers of one width; input and output sizes are the data's."""

    model_config = STRICT
    depth: Annotated[int, Field(ge=0, le=MOST_LAYERS - 2, description="number of hidden layers")]
    width: Annotated[Size, Field(description="neurons in each hidden layer")]


class Init(BaseModel):
    """Initial parameters that are drawn."""

    model_config = STRICT
    weights: Annotated[Choice, _weights.field, Field(description="how weights are drawn")]
    biases: Annotated[Choice, _biases.field, Field(description="how biases are drawn")] = Choice("zeros")
    gain: Annotated[Positive, Field(description="multiplies the initial weights")] = 1.0

    def plain(self) -> str | dict[str, Any]:
        """As a config writes it: the preset's name where there is one."""
        for preset, (weights, biases) in presets().items():
            if (self.weights, self.biases, self.gain) == (Choice(weights), Choice(biases), 1.0):
                return preset
        return {"weights": self.weights.plain(), "biases": self.biases.plain(), "gain": self.gain}


class InitFile(BaseModel):
    """Initial parameters from a file; the digest of its content, not its path, is part of the run's identity."""

    model_config = STRICT
    name: Literal["file"]
    path: Annotated[str, Field(min_length=1, description="an .npz of W1…WL and b1…bL, relative to the config file")]
    sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$", description="digest of the parameters")] | None = None

    def plain(self) -> dict[str, Any]:
        """As a config writes it."""
        return {key: value for key, value in self if value is not None}


class Probes(BaseModel):
    """What is measured on the standing network, on which examples, and how often."""

    model_config = STRICT
    record: Annotated[
        list[str],
        BeforeValidator(lambda value: [value] if isinstance(value, str) else value),
        Field(description="columns of gradients.csv: probes, groups of them, or all"),
    ] = ["delta_norm"]
    examples: Annotated[
        Annotated[int, Field(gt=0)] | Literal["all"] | None,
        Field(description="the first so many training examples, or all; by default 1000, or all of fewer"),
    ] = None
    every: Annotated[PositiveInt, Field(description="measure epochs 0, k, 2k, … and the last")] = 1
    steps: Annotated[
        PositiveInt | None, Field(description="measure within each epoch, too, after steps k, 2k, …: steps.csv")
    ] = None
    neurons: Annotated[list[NonNegativeInt], Field(description="epochs whose per-neuron deltas are kept")] = []
    histograms: Annotated[
        list[NonNegativeInt], Field(description="epochs whose histograms of deltas and activations are kept")
    ] = []

    def measures(self, epoch: int, last: int) -> bool:
        """Whether the norms of `epoch` are measured in a run of `last` epochs."""
        return epoch % self.every == 0 or epoch == last

    def measured(self, reached: int, last: int) -> Sequence[int]:
        """Those epochs up to `reached`."""
        regular = range(0, reached + 1, self.every)
        return [*regular, last] if reached == last and last % self.every else regular


def presets() -> dict[str, tuple[str, str]]:
    """Every name that `init` takes alone -> (weights, biases)."""
    return {**{name: (name, "zeros") for name in INITIALIZERS}, **PRESETS}


def name_problems(path: tuple[str, ...], names: Sequence[str], known: Sequence[str], kind: str) -> Iterator[Problem]:
    """Names that are not known, or that stand twice."""
    for index, name in enumerate(names):
        if name not in known:
            yield Problem((*path, index), no_such(kind, name, known))
        elif name in names[:index]:
            yield Problem((*path, index), f"{name} stands twice")


def _check_name(value: object) -> str:
    if not isinstance(value, str):
        raise Problems.one(f"expected text, found {describe(value)}; put it in quotes")
    if not re.fullmatch(NAME_PATTERN, value):
        raise Problems.one(
            f"{describe(value)} cannot be a name: 1 to 100 of A-Z a-z 0-9 . _ = , + -, the first a letter or digit"
        )
    return value


def _check_layers(value: object) -> tuple[int, ...] | Stack:
    if isinstance(value, Mapping):
        return validated(Stack, value)
    if not isinstance(value, list | tuple):
        raise Problems.one(f"expected a list of layer sizes or {{depth: 2, width: 30}}, found {describe(value)}")
    if not 2 <= len(value) <= MOST_LAYERS:
        raise Problems.one(f"needs from 2 sizes (input and output) to {MOST_LAYERS}, found {len(value)}")
    return tuple(each(value, _check_size))


def _check_size(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 < value <= LARGEST_LAYER:
        raise Problems.one(f"expected a layer size, from 1 to {LARGEST_LAYER:,}, found {describe(value)}")
    return value


def _check_activation(value: object) -> Choice | tuple[Choice, ...]:
    if isinstance(value, list | tuple):
        if len(value) > MOST_LAYERS:
            raise Problems.one(f"needs one activation per hidden layer, at most {MOST_LAYERS}, found {len(value)}")
        return tuple(each(value, _activation.check))
    return _activation.check(value)


def _check_init(value: object) -> Init | InitFile:
    place = ["name"] if isinstance(value, Mapping) else []
    if isinstance(value, str):
        value = {"name": value}
    if not isinstance(value, Mapping):
        raise Problems.one(f"expected the name of a preset or a mapping, found {describe(value)}")
    if "name" not in value:
        return validated(Init, value)
    name = value["name"]
    if name == "file":
        return validated(InitFile, value)
    if not isinstance(name, str) or name not in presets():
        wrong = no_such("init", name, [*presets(), "file"]) if isinstance(name, str) else f"no init {describe(name)}"
        raise Problems.one(wrong, *place)
    weights, biases = presets()[name]
    return validated(Init, {"weights": weights, "biases": biases, **{k: v for k, v in value.items() if k != "name"}})


def _check_batch_size(value: object) -> int | str:
    if value == "full" or (isinstance(value, int) and not isinstance(value, bool) and value > 0):
        return value
    raise Problems.one(f"expected a whole number > 0 or full, found {describe(value)}")


def _check_probes(value: object) -> Probes:
    if isinstance(value, str):
        value = [value]
    settled = validated(Probes, {"record": value} if isinstance(value, list) else value)
    return settled.model_copy(update={"record": _probes.expand(settled.record)})


def _layers_schema() -> dict[str, Any]:
    sizes = {"type": "array", "items": {"type": "integer", "minimum": 1}, "minItems": 2, "maxItems": MOST_LAYERS}
    return {"anyOf": [sizes, Stack.model_json_schema()]}


def _activation_schema() -> dict[str, Any]:
    one = _activation.schema()
    return {"anyOf": [*one["anyOf"], {"type": "array", "items": one}]}


def _init_schema() -> dict[str, Any]:
    drawn = Init.model_json_schema()
    changed = {**drawn, "properties": {"name": {"enum": list(presets())}, **drawn["properties"]}, "required": ["name"]}
    return {"anyOf": [{"enum": list(presets())}, drawn, changed, InitFile.model_json_schema()]}


def _probes_schema() -> dict[str, Any]:
    names = {"enum": ["all", *_probes.GROUPS, *_probes.PROBES]}
    mapping = Probes.model_json_schema()
    record = mapping["properties"]["record"]
    mapping["properties"]["record"] = {**record, "anyOf": [names, {"type": "array", "items": names}]}
    del mapping["properties"]["record"]["items"], mapping["properties"]["record"]["type"]
    return {"anyOf": [names, {"type": "array", "items": names}, mapping]}


DATA_CHOICE = ChoiceOf(
    DATASETS,
    "data set",
    signature=lambda entry: entry.load,
    default="mnist",
    common={
        "train": (PositiveInt | None, None),
        "validation": (NonNegativeInt | None, None),
        "test": (NonNegativeInt | None, None),
        "scale": (Literal[tuple(SCALES)], "unit"),
        "targets": (Annotated[Literal[INPUTS] | None, LATER], None),
    },
)

CHOICES: Mapping[str, ChoiceOf] = {
    "activation": _activation,
    "optimizer": _optimizer,
    "schedule": _schedule,
    "data": DATA_CHOICE,
    "init.weights": _weights,
    "init.biases": _biases,
}
"""The keys that take a variant with parameters of its own, dotted."""

NAME = Checked(_check_name, lambda: {"type": "string", "pattern": f"^{NAME_PATTERN}$"})
LAYERS = Checked(_check_layers, _layers_schema)
ACTIVATION = Checked(_check_activation, _activation_schema)
INIT = Checked(_check_init, _init_schema)
BATCH_SIZE = Checked(_check_batch_size, lambda: {"anyOf": [{"type": "integer", "minimum": 1}, {"const": "full"}]})
PROBES = Checked(_check_probes, _probes_schema)
OPTIMIZER = _optimizer.field
SCHEDULE = _schedule.field
DATA = DATA_CHOICE.field
NIELSEN = _check_init("nielsen")
MNIST = DATA_CHOICE.check("mnist")
