"""Choices: a named variant with its parameters.

A choice is written as a name, `activation: tanh`, or as a mapping with the name and the variant's own parameters,
`{name: leaky_relu, slope: 0.01}`. Which parameters there are is read off the signature in the table, each time a
config is checked, so a table may grow.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic import BaseModel, GetJsonSchemaHandler, create_model
from pydantic_core import CoreSchema, core_schema

from vgrad.config.problems import STRICT, Problems, validated
from vgrad.config.synonyms import no_such
from vgrad.document.words import describe
from vgrad.registry import came_later, parameters


@dataclass(frozen=True)
class Checked:
    """Annotates a field that `check` turns into its value (or raises Problems); `schema` is what editors are told."""

    check: Callable[[Any], Any]
    schema: Callable[[], dict[str, Any]]

    def __get_pydantic_core_schema__(self, source: object, handler: object) -> CoreSchema:
        """How pydantic checks the field."""
        return core_schema.no_info_plain_validator_function(self.check)

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        """What editors are told."""
        return self.schema()


def named(names: Callable[[], Iterable[str]], kind: str) -> Checked:
    """A field that takes one of `names`."""

    def check(value: object) -> str:
        known = list(names())
        if not isinstance(value, str):
            raise Problems.one(f"expected the name of a {kind}, found {describe(value)}; known: {', '.join(known)}")
        if value not in known:
            raise Problems.one(no_such(kind, value, known))
        return value

    return Checked(check, lambda: {"enum": list(names())})


@dataclass(frozen=True)
class Choice:
    """A variant by name, with all its parameters, defaults included."""

    name: str
    parameters: Mapping[str, Any] = field(default_factory=dict)

    def plain(self) -> str | dict[str, Any]:
        """As a config writes it: the name alone where there are no parameters."""
        return {"name": self.name, **self.parameters} if self.parameters else self.name

    def __str__(self) -> str:
        """For tables: `leaky_relu(slope=0.01)`."""
        inner = ",".join(f"{key}={value}" for key, value in self.parameters.items())
        return f"{self.name}({inner})" if inner else self.name


def _itself(variant: Callable[..., object]) -> Callable[..., object]:
    return variant


@dataclass(frozen=True)
class ChoiceOf:
    """A choice from `table`; `signature` finds the function whose parameters count, `common` adds some to all.

    A parameter that is annotated as LATER is left out of the choice where it has its default.

    `default` is the name that a mapping without one means: `optimizer: {learning_rate: 0.5}`.
    """

    table: Mapping[str, Any]
    kind: str
    signature: Callable[[Any], Callable[..., object]] = _itself
    default: str | None = None
    common: Mapping[str, tuple[Any, Any]] = field(default_factory=dict)
    _models: dict[str, tuple[object, type[BaseModel]]] = field(default_factory=dict, init=False, repr=False)

    def check(self, value: object) -> Choice:
        """The choice that `value` is; raises Problems."""
        if isinstance(value, Choice):
            return value
        if isinstance(value, str):
            value = {"name": value}
        if not isinstance(value, Mapping):
            raise Problems.one(f"expected the name of an entry or a mapping with `name`, found {describe(value)}")
        name = value.get("name", self.default)
        if not isinstance(name, str):
            found = f"found {describe(name)}" if "name" in value else "and missing"
            raise Problems.one(
                f"the name of the {self.kind} is required, {found}", *(["name"] if "name" in value else [])
            )
        if name not in self.table:
            raise Problems.one(no_such(self.kind, name, self.table))
        variant = self.table[name]
        rest = {key: inner for key, inner in value.items() if key != "name"}
        fields, settled = self._fields(variant), validated(self._model(name, variant), rest)
        later = {key for key, (annotation, default) in fields.items() if came_later(annotation)}
        own = {key: held + 0.0 if isinstance(held, float) else held for key, held in settled}  # -0.0 is 0.0
        return Choice(name, {key: held for key, held in own.items() if key not in later or held != fields[key][1]})

    def has(self, value: object, parameter: str) -> bool:
        """Whether the variant that `value` names has `parameter`; True where it names none."""
        name = value.get("name", self.default) if isinstance(value, Mapping) else value
        return not isinstance(name, str) or name not in self.table or parameter in self._fields(self.table[name])

    def is_parameter(self, name: str) -> bool:
        """Whether some variant has a parameter of that name."""
        return any(name in self._fields(variant) for variant in self.table.values())

    def _fields(self, variant: object) -> dict[str, tuple[Any, Any]]:
        return {**self.common, **parameters(self.signature(variant))}

    def _model(self, name: str, variant: object) -> type[BaseModel]:
        known, model = self._models.get(name, (None, BaseModel))
        if known is not variant:  # made once: making one takes a millisecond, and a sweep checks thousands of configs
            fields: dict[str, Any] = self._fields(variant)
            model = create_model(name, __config__=STRICT, **fields)
            self._models[name] = variant, model
        return model

    @property
    def field(self) -> Checked:
        """The annotation of a config field that holds such a choice."""
        return Checked(self.check, self.schema)

    def schema(self) -> dict[str, Any]:
        """What editors are told: a bare name, or a mapping with the parameters of its variant."""
        mappings = []
        for name, variant in self.table.items():
            inner = self._model(name, variant).model_json_schema()
            inner["properties"] = {"name": {"const": name}, **inner.get("properties", {})}
            inner["required"] = [*([] if name == self.default else ["name"]), *inner.get("required", [])]
            mappings.append(inner)
        bare = [name for name, variant in self.table.items() if not self._required(name, variant)]
        return {"anyOf": [{"enum": bare}, *mappings]}

    def _required(self, name: str, variant: object) -> list[str]:
        return [key for key, value in self._model(name, variant).model_fields.items() if value.is_required()]
