"""Config keys as columns: the resolved config as a flat mapping, keys found by what users write, and what varies.

    layers: [784, 30, 30, 10]              layers = "784-30-30-10", layers.depth = 2, layers.width = 30
    optimizer: {name: sgd, learning_rate}  optimizer = "sgd", optimizer.learning_rate = 0.1

A choice stands under its bare key by name, its parameters below it. `learning_rate` alone means the one key that ends
so.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from vgrad.data.files import INPUTS, RECORDED
from vgrad.errors import ConfigError
from vgrad.registry import did_you_mean
from vgrad.text.characters import hint
from vgrad.text.escapes import visible
from vgrad.text.plain import shape

Scalar = str | int | float | bool | None
Flat = Mapping[str, Scalar]

ASIDE = ("monitor", "probes")
"""Keys that say what is measured, not what is trained; told apart only when nothing else does it."""
DIGESTS = ("init.sha256", "data.sha256")
"""Of files of parameters and of data: no row needs them where something else tells the runs apart."""
ALIASES = {"depth": "layers.depth", "width": "layers.width"}


_OF_THE_FILE = {f"data.{name}" for name in RECORDED} - {*DIGESTS}
"""What a file of data has, and its digest therefore says."""


def flatten(config: Mapping[str, Any]) -> dict[str, Scalar]:
    """The resolved config (`Config.plain()`) as flat keys."""
    flat: dict[str, Scalar] = {}
    for key, value in config.items():
        if key == "layers":
            flat |= _layers(value)
        elif key == "init" and isinstance(value, Mapping) and "name" not in value:
            flat[key] = _init(value)
            _spread(flat, key, value)
        else:
            _spread(flat, key, value)
    return {key: value for key, value in flat.items() if key not in _OF_THE_FILE or value == INPUTS}


def _spread(flat: dict[str, Scalar], key: str, value: Any) -> None:
    if isinstance(value, Mapping):
        if "name" in value:
            flat[key] = value["name"]
        for inner, content in value.items():
            if inner != "name":
                _spread(flat, f"{key}.{inner}", content)
    elif isinstance(value, list | tuple):
        flat[key] = ",".join(text(item.get("name") if isinstance(item, Mapping) else item) for item in value)
    else:
        flat[key] = value


def _layers(sizes: Sequence[int]) -> dict[str, Scalar]:
    hidden = sizes[1:-1]
    width = hidden[0] if len(set(hidden)) == 1 else None
    return {"layers": shape(sizes), "layers.depth": len(hidden), "layers.width": width}


def _init(init: Mapping[str, Any]) -> str:
    weights, biases = (
        value["name"] if isinstance(value, Mapping) else value for value in (init["weights"], init["biases"])
    )
    gain = init.get("gain", 1.0)
    return f"{weights}+{biases}" + ("" if gain == 1.0 else f" gain {text(gain)}")


def text(value: Scalar) -> str:
    """A value as configs write it."""
    if value is None or isinstance(value, bool):
        return {None: "–", True: "true", False: "false"}[value]
    if isinstance(value, float):
        short = f"{value:g}"
        return short if float(short) == value else repr(value)
    return str(value)


def resolve(word: str, known: Iterable[str]) -> str:
    """The key that `word` means: itself, an alias, or the only one that ends in it. ConfigError otherwise."""
    names = list(known)
    word = ALIASES.get(word, word)
    if word in names:
        return word
    ends = [name for name in names if name.endswith(f".{word}")]
    if len(ends) == 1:
        return ends[0]
    shown = visible(repr(word[:60]))
    if ends:
        raise ConfigError(f"the key {shown} could be {' or '.join(ends)}; write it out")
    raise ConfigError(f"no key {shown} in the configs of these runs{did_you_mean(word, names)}{hint(word)}")


def order(value: Scalar) -> tuple[int, float, str]:
    """A sort key over mixed values: numbers by size, then texts, then nothing."""
    if isinstance(value, int | float):
        return 0, float(value), ""
    return (2, 0.0, "") if value is None else (1, 0.0, str(value))


def varying(flats: Sequence[Flat]) -> list[str]:
    """The keys that tell these runs apart, seeds and names aside, each choice by its shortest form."""
    keys = list(dict.fromkeys(key for flat in flats for key in flat))
    different = [key for key in keys if len({_identity(flat.get(key)) for flat in flats}) > 1]
    found: list[str] = []
    for key in different:
        root = key.split(".")[0]
        if key in ("name", "seed", "layers.depth", "layers.width") or root in ASIDE:
            continue
        if root != key and root in found and _settles(root, key, flats):
            continue
        found.append(key)
    shorter = [key for key in found if key not in DIGESTS]
    if _parted(shorter, flats) == _parted(found, flats):
        found = shorter
    if _parted(found, flats) < _parted(different, flats, leave=("name", "seed")):
        found += [key for key in different if key.split(".")[0] in ASIDE]
    return found


def _identity(value: Scalar) -> tuple[str, Scalar]:
    return type(value).__name__, value


def _settles(root: str, key: str, flats: Sequence[Flat]) -> bool:
    """Whether the value of `root` decides that of `key` in all these runs."""
    pairs = {(flat.get(root), _identity(flat.get(key))) for flat in flats}
    return len(pairs) == len({first for first, _ in pairs})


def _parted(keys: Sequence[str], flats: Sequence[Flat], leave: Sequence[str] = ()) -> int:
    return len({tuple(_identity(flat.get(key)) for key in keys if key not in leave) for flat in flats})
