"""A commented config to start from, written from `Config` and the tables: its lists of names cannot go stale."""

from __future__ import annotations

import inspect
import json
import textwrap
from collections.abc import Callable, Mapping
from typing import Any

from vgrad.config.check import check
from vgrad.config.config import Config
from vgrad.config.fields import presets
from vgrad.config.remedies import OPTIONAL
from vgrad.config.schema import monitor_names
from vgrad.data.datasets import DATASETS, SCALES, told_sizes
from vgrad.document.writer import dump_yaml
from vgrad.nn.activations import ACTIVATIONS
from vgrad.nn.costs import COSTS, OUTPUTS
from vgrad.nn.initializers import BIASES, INITIALIZERS, PRESETS
from vgrad.nn.norms import NORMS
from vgrad.nn.optimizers import OPTIMIZERS
from vgrad.nn.probes import GROUPS, PROBES
from vgrad.nn.schedules import MOMENTUM_SCHEDULES, SCHEDULES
from vgrad.registry import parameters

WIDTH = 110  # of a comment
HEAD = """\
# A vgrad config to start from. What you delete, but for `layers`, takes its default; most values here are the defaults.
#   vgrad config check FILE    finds mistakes
#   vgrad train FILE           trains it
#   name: a label of the run; the file's stem by default
"""

Lines = Mapping[str, str]
"""What can be written -> what it means."""


def starting_config(data: str, name: str = "run") -> str:
    """A config for the data set `data`, as YAML with comments. Problems when `name` cannot be a run's name."""
    layers = {"depth": 2, "width": 30}
    tree: dict[str, Any] = {"name": name, "layers": layers, "data": data}
    if check(tree).facts.sizes[0] < Config.model_fields["batch_size"].default:
        tree["batch_size"] = "full"
    off = {key: field.default for key, field in Config.model_fields.items() if key in OPTIONAL}
    plain = off | check(tree).plain() | {"layers": layers}
    return HEAD + "".join(_section(key, plain[key]) for key in Config.model_fields if key != "name")


def _section(key: str, value: object) -> str:
    comments = textwrap.wrap(f"{Config.model_fields[key].description}", WIDTH, initial_indent="# ")
    for title, lines in _KNOWN.get(key, dict)().items():
        comments += [f"# {title}:"] if title else []
        comments += _table(lines)
    return "\n".join(["", *comments, dump_yaml({key: value})])


def _table(lines: Lines) -> list[str]:
    """One comment for each name, in two columns; names without a meaning side by side."""
    if not any(lines.values()):
        return textwrap.wrap(", ".join(lines), WIDTH, initial_indent="#   ", subsequent_indent="#   ")
    column = max(map(len, lines)) + 2
    return [
        row
        for name, meaning in lines.items()
        for row in textwrap.wrap(
            meaning, WIDTH, initial_indent=f"#   {name:{column}}", subsequent_indent="#" + " " * (column + 3)
        )
    ]


def _documented(table: Mapping[str, Callable[..., object]]) -> Lines:
    """Each variant as a config writes it, with its parameters, and what its docstring says first."""
    return {_written(name, variant): _first_paragraph(variant) for name, variant in table.items()}


def _written(name: str, variant: Callable[..., object]) -> str:
    known = parameters(variant)
    inner = [f"{key}: {'…' if default is ... else json.dumps(default)}" for key, (_, default) in known.items()]
    return f"{{{', '.join([f'name: {name}', *inner])}}}" if inner else name


def _first_paragraph(variant: Callable[..., object]) -> str:
    return (inspect.getdoc(getattr(variant, "func", variant)) or "").split("\n\n")[0].replace("\n", " ")


def _inits() -> dict[str, Lines]:
    named = {name: f"{{weights: {weights}, biases: {biases}}}" for name, (weights, biases) in PRESETS.items()}
    bare = ", ".join(name for name in presets() if name not in PRESETS)
    file = {"{name: file, path: init.npz}": "W1 … WL and b1 … bL, such as the initial.npz or final.npz of a run"}
    return {
        "presets": {**named, "the name of a weight initializer": f"with biases of zero: {bare}"} | file,
        "weights": _documented(INITIALIZERS),
        "biases": _documented(BIASES),
    }


def _costs() -> dict[str, Lines]:
    return {
        "": {
            name: f"{next(iter(pairs.values())).summary}; goes with output {' or '.join(pairs)}"
            for name, pairs in COSTS.items()
        }
    }


def _probes() -> dict[str, Lines]:
    groups = {name: ", ".join(members) for name, members in GROUPS.items()}
    return {"": {name: _first_paragraph(probe) for name, probe in PROBES.items()}, "groups": {**groups, "all": "all"}}


def _norm(name: str) -> Callable[[], dict[str, Lines]]:
    written = _written(name, NORMS[name]).replace(f"name: {name}, ", "")
    return lambda: {"": {"true": "with the parameters below", written: _first_paragraph(NORMS[name])}}


def _data_sets() -> dict[str, Lines]:
    return {
        "": {
            _written(name, source.load): f"{source.summary}; {told_sizes(name)} examples"
            for name, source in DATASETS.items()
        },
        "scale": {name: _first_paragraph(scaling) for name, scaling in SCALES.items()},
    }


_KNOWN: dict[str, Callable[[], Mapping[str, Lines]]] = {
    "layers": lambda: {
        "": {
            "[784, 30, 30, 10]": "every layer",
            "{depth: 2, width: 30}": "so many hidden layers of one width; input and output are the data's",
        }
    },
    "activation": lambda: {"": _documented(ACTIVATIONS)},
    "output": lambda: {"": dict.fromkeys(OUTPUTS, "")},
    "init": _inits,
    "cost": _costs,
    "optimizer": lambda: {"": _documented(OPTIMIZERS)},
    "schedule": lambda: {"": _documented(SCHEDULES)},
    "data": _data_sets,
    "monitor": lambda: {"": dict.fromkeys(monitor_names(), "")},
    "momentum_schedule": lambda: {"": _documented(MOMENTUM_SCHEDULES)},
    "batch_norm": _norm("batch_norm"),
    "layer_norm": _norm("layer_norm"),
    "probes": _probes,
}
