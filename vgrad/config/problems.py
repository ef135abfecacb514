"""What is wrong in a config, each with the path of its key, and how pydantic is made to say so.

pydantic reports a nested failure at the place where a validator was called. Here each level turns its failures into
`Problems`, which carry the path from there down, and the level above puts its own key in front.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic_core import ErrorDetails

from vgrad.document.words import describe
from vgrad.registry import did_you_mean
from vgrad.text.characters import plain
from vgrad.text.escapes import printable

Path = tuple[str | int, ...]
Model = TypeVar("Model", bound=BaseModel)
STRICT = ConfigDict(strict=True, extra="forbid", frozen=True, allow_inf_nan=False)
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


@dataclass(frozen=True)
class Problem:
    """One thing wrong at a key path; `at_key` points at the key itself instead of its value.

    Of an unknown key, `known` are those that its mapping may have.
    """

    path: Path
    message: str
    at_key: bool = False
    known: tuple[str, ...] = ()


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
        raise Problems([problem for error in failure.errors() for problem in _problems(error, model)]) from None


def _known(model: type[BaseModel], path: Path) -> list[str]:
    """The keys of the model at `path` within this one."""
    inside: Any = model
    for part in path:
        if isinstance(part, str) and part in inside.model_fields:
            inside = next(_models(inside.model_fields[part].annotation), inside)
    return list(inside.model_fields)


def _models(annotation: Any) -> Iterator[type[BaseModel]]:
    """The models that an annotation is made of: X of `list[X] | None`."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for inner in get_args(annotation):
        yield from _models(inner)


def _problems(error: ErrorDetails, model: type[BaseModel]) -> list[Problem]:
    path, kind, context = error["loc"], error["type"], error.get("ctx", {})
    inner = context.get("error")
    if isinstance(inner, Problems):
        return [replace(problem, path=(*path, *problem.path)) for problem in inner.problems]
    value = error["input"]
    if kind == "extra_forbidden":
        known = _known(model, path[:-1])
        return [Problem(path, f"unknown key{did_you_mean(str(path[-1]), known)}", at_key=True, known=tuple(known))]
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


def each(value: Iterable[object], check: Callable[[Any], Any]) -> list[Any]:
    """`check` of every entry; the problems of all of them at once, each with its index."""
    checked, problems = [], []
    for index, entry in enumerate(value):
        try:
            checked.append(check(entry))
        except Problems as failure:
            problems += [replace(inner, path=(index, *inner.path)) for inner in failure.problems]
    if problems:
        raise Problems(problems)
    return checked
