"""Tables of named variants: look one up, with did-you-mean, and read its parameters off its signature.

A variant is a function whose keyword-only parameters are what a config may set:

    def leaky_relu(*, slope: NonNegative = 0.01) -> Activation: ...

    ACTIVATIONS = {"leaky_relu": leaky_relu, ...}

so a new variant is one function and one line in the table at the foot of its file. The annotations `Positive`,
`NonNegative` and `Fraction` carry the bounds that configs are checked against.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping
from difflib import get_close_matches
from functools import lru_cache
from typing import Annotated, Any, TypeVar, get_type_hints

from annotated_types import Ge, Gt, Lt

T = TypeVar("T")

Positive = Annotated[float, Gt(0)]
NonNegative = Annotated[float, Ge(0)]
Fraction = Annotated[float, Ge(0), Lt(1)]
PositiveInt = Annotated[int, Gt(0)]
NonNegativeInt = Annotated[int, Ge(0)]

LATER = "a parameter that came later"
"""Annotates a parameter that a config leaves out where it has its default, so that older runs keep their hash."""


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """`"; did you mean 'tanh'?"`, or the known names when nothing is near and they are few, or nothing at all."""
    names = [str(name) for name in known]
    near = get_close_matches(word[:100], names, n=1, cutoff=0.6)
    if near:
        return f"; did you mean {near[0]!r}?"
    if 0 < len(names) <= 24:
        return f"; known: {', '.join(names)}"
    return ""


def lookup(table: Mapping[str, T], name: str, kind: str) -> T:
    """The entry of `table` under `name`.

    Raises KeyError with a message for users: "no activation 'sigmod'; did you mean 'sigmoid'?".
    """
    try:
        return table[name]
    except KeyError:
        raise KeyError(f"no {kind} {name[:100]!r}{did_you_mean(name, table)}") from None


def came_later(annotation: Any) -> bool:
    """Whether `annotation` carries LATER."""
    return LATER in getattr(annotation, "__metadata__", ())


def parameters(variant: Callable[..., object]) -> dict[str, tuple[Any, Any]]:
    """The keyword-only parameters of `variant`: name -> (annotation, default); `...` marks a required one."""
    return dict(_parameters(variant))


@lru_cache(maxsize=512)
def _parameters(variant: Callable[..., object]) -> dict[str, tuple[Any, Any]]:
    """Read once: annotations are text that has to be evaluated, which is half of what checking a config takes."""
    hints = get_type_hints(variant, include_extras=True)
    return {
        name: (hints[name], ... if parameter.default is parameter.empty else parameter.default)
        for name, parameter in inspect.signature(variant).parameters.items()
        if parameter.kind is parameter.KEYWORD_ONLY
    }
