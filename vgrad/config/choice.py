"""Checked config values: problems with their key path, and choices of a named variant with its parameters.

A choice is written as a name, `activation: tanh`, or as a mapping with the name and the variant's own parameters,
`{name: leaky_relu, slope: 0.01}`. Which parameters there are is read off the signature in the table, each time a
config is checked, so a table may grow.

pydantic reports a nested failure at the place where a validator was called. Here each level turns its failures into
`Problems`, which carry the path from there down, and the level above puts its own key in front.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, GetJsonSchemaHandler, ValidationError, create_model
from pydantic_core import CoreSchema, ErrorDetails, core_schema

from vgrad.document.words import describe
from vgrad.registry import came_later, did_you_mean, lookup, parameters
from vgrad.text.characters import plain
from vgrad.text.escapes import printable

Path = tuple[str | int, ...]
Model = TypeVar("Model", bound=BaseModel)
STRICT = ConfigDict(strict=True, extra="forbid", frozen=True, allow_inf_nan=False)


@dataclass(frozen=True)
class Problem:
    """One thing wrong at a key path; `at_key` points at the key itself instead of its value."""

    path: Path
    message: str
    at_key: bool = False


class Problems(ValueError):
    """All that is wrong below one place of a config."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("; ".join(problem.message for problem in self.problems))

    @classmethod
    def one(cls, message: str, *path: str | int) -> Problems:
        """A single problem at `path`."""
        return cls([Problem(path, message)])


def validated(model: type[Model], data: object) -> Model:
    """`data` as a `model`; raises Problems with everything that is wrong, each in the words of a user."""
    if not isinstance(data, Mapping):
        raise Problems.one(f"expected a mapping (key: value), found {describe(data)}")
    try:
        return model.model_validate(dict(data))
    except ValidationError as failure:
        known = list(model.model_fields)
        raise Problems([problem for error in failure.errors() for problem in _problems(error, known)]) from None


_EXPECTED = {
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "int_parsing_size": "a whole number of a sensible size",
    "float_type": "a number",
    "string_type": "text",
    "bool_type": "true or false",
    "list_type": "a list",
    "tuple_type": "a list",
    "dict_type": "a mapping",
    "finite_number": "a finite number",
}

_BOUNDS = {
    "greater_than": (">", "gt"),
    "greater_than_equal": (">=", "ge"),
    "less_than": ("<", "lt"),
    "less_than_equal": ("<=", "le"),
}


def _problems(error: ErrorDetails, known: list[str]) -> list[Problem]:
    path, kind, context = error["loc"], error["type"], error.get("ctx", {})
    inner = context.get("error")
    if isinstance(inner, Problems):
        return [Problem((*path, *problem.path), problem.message, problem.at_key) for problem in inner.problems]
    value = error["input"]
    if kind == "extra_forbidden":
        return [Problem(path, f"unknown key{did_you_mean(str(path[-1]), known)}", at_key=True)]
    if kind == "missing":
        return [Problem(path, "is required, and missing")]
    if kind in _EXPECTED:
        return [Problem(path, f"expected {_EXPECTED[kind]}, found {describe(value)}{_meant(kind, value)}")]
    if kind in _BOUNDS:
        sign, bound = _BOUNDS[kind]
        return [Problem(path, f"must be {sign} {context[bound]:g}, found {describe(value)}")]
    if kind == "literal_error":
        return [Problem(path, f"expected {context['expected']}, found {describe(value)}")]
    return [Problem(path, f"{error['msg'].removeprefix('Value error, ').lower()}, found {describe(value)}")]


def _meant(kind: str, value: object) -> str:
    """What a text that looks like a number or a boolean was perhaps meant to be."""
    if kind.startswith("int_") and isinstance(value, float) and value.is_integer() and abs(value) < 2**63:
        return f"; write {int(value)}"
    if not isinstance(value, str):
        return "; put it in quotes" if kind == "string_type" and isinstance(value, int | float) else ""
    value = plain(value).strip()
    if kind == "bool_type" and value.lower() in {"on", "yes", "off", "no", "y", "n"}:
        return f"; write {'true' if value.lower() in {'on', 'yes', 'y'} else 'false'}"
    meant = value.replace("_", "").replace(",", ".") if kind in {"float_type", "int_type"} else ""
    try:
        float(meant)
    except ValueError:
        return ""
    return f"; write {printable(meant, 40)}"


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
            raise Problems.one(f"no {kind} '{printable(value, 40)}'{did_you_mean(value, known)}")
        return value

    return Checked(check, lambda: {"enum": list(names())})


def each(value: Iterable[object], check: Callable[[Any], Any]) -> list[Any]:
    """`check` of every entry; the problems of all of them at once, each with its index."""
    checked, problems = [], []
    for index, entry in enumerate(value):
        try:
            checked.append(check(entry))
        except Problems as failure:
            problems += [Problem((index, *inner.path), inner.message, inner.at_key) for inner in failure.problems]
    if problems:
        raise Problems(problems)
    return checked


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
        try:
            variant = lookup(self.table, name, self.kind)
        except KeyError as error:
            raise Problems.one(str(error.args[0])) from None
        rest = {key: inner for key, inner in value.items() if key != "name"}
        fields, settled = self._fields(variant), validated(self._model(name, variant), rest)
        later = {key for key, (annotation, default) in fields.items() if came_later(annotation)}
        return Choice(name, {key: held for key, held in settled if key not in later or held != fields[key][1]})

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
