"""Commented configs to start from, written from `Config` and the tables: their lists of names cannot go stale.

starting_config(data, name)    thirty lines: what a first network needs, with what it is for and what else it can be
full_config(data, name)        every key and everything that it can be, the definition under the name
"""

from __future__ import annotations

import inspect
import json
import textwrap
from collections.abc import Callable, Collection, Mapping
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
from vgrad.nn.layerwise.pretrainings import PRETRAININGS
from vgrad.nn.norms import NORMS
from vgrad.nn.optimizers import OPTIMIZERS
from vgrad.nn.probes import GROUPS, PROBES
from vgrad.nn.schedules import MOMENTUM_SCHEDULES, SCHEDULES
from vgrad.registry import parameters

WIDTH = 100
HEAD = """\
# A network to start from. What you delete, but for `layers`, takes its default.
#   vgrad config check FILE    finds mistakes
#   vgrad train FILE           trains it; -s epochs=3 changes a value, --seed 1 draws another one
"""
SHORT_HEAD = f"{HEAD}#   vgrad config new --full    lists every key, and everything that it can be\n"
FULL_HEAD = f"{HEAD}#   name: a label of the run; the file's stem by default\n"
COLUMN = 30
"""Where comments begin behind a line that is not longer."""

Lines = Mapping[str, str]
"""What can be written -> what it means."""


def starting_config(data: str, name: str = "run") -> str:
    """Thirty lines for the data set `data`. Problems when `name` cannot be a run's name."""
    tree = _tree(data, name)
    config = check(tree)
    batch = tree.get("batch_size", config.batch_size)
    sizes = ", ".join(map(str, config.sizes))
    parts = (
        (
            "The network",
            ("layers: {depth: 2, width: 30}", f"hidden layers, and neurons in each; or all sizes: [{sizes}]"),
            (
                "activation: sigmoid",
                f"f of the hidden layers, a = f(z); or {_some(ACTIVATIONS, 'tanh', 'relu', 'elu', 'gelu')}",
            ),
            ("init: nielsen", f"W ~ N(0, 1/n_in), b ~ N(0, 1); or {_some(presets(), 'glorot_normal', 'he_normal')}"),
            ("output: sigmoid", "or softmax, with cost: log_likelihood"),
            ("cost: cross_entropy", "C, the mean over examples; or quadratic"),
        ),
        (
            "Training",
            (
                "optimizer: {name: sgd, learning_rate: 0.1}",
                f"w <- w - eta dC/dw; or {_some(OPTIMIZERS, 'momentum', 'adam')}",
            ),
            ("epochs: 30", "passes over the training examples"),
            (f"batch_size: {batch}", "examples a step; full is batch gradient descent"),
            ("l2: 0.0", "lambda in C + lambda/(2n) sum W^2"),
            ("seed: 0", "of everything that is drawn: weights, the order of the examples"),
        ),
        (
            "Data",
            (
                f"data: {data}",
                f"{DATASETS[data].summary}; or {', '.join(name for name in DATASETS if name != data)}",
            ),
        ),
        (
            "What is measured: ||delta^l||, the speed of layer l, before training and after every epoch",
            ("probes: {record: [delta_norm], every: 1}", f"and {_some(PROBES, 'weight_gradient_norm', 'saturated')}"),
        ),
    )
    lines = [SHORT_HEAD.rstrip("\n"), f"{dump_yaml({'name': name}).strip()}"]
    for title, *rows in parts:
        lines += ["", f"# {title}", *(_row(*row) for row in rows)]
    return "\n".join(lines) + "\n"


def _row(line: str, comment: str) -> str:
    """A line with what it is for, cut to WIDTH at a comma; a long line has it behind two spaces."""
    room = WIDTH - max(len(line), COLUMN) - len("  # ")
    if len(comment) > room:
        comment = comment[: room - len(", …")].rpartition(",")[0] + ", …"
    return f"{line:{COLUMN}}  # {comment}"


def _some(table: Collection[str], *names: str) -> str:
    """Those names of a table that a beginner has heard of."""
    assert all(name in table for name in names)
    return ", ".join((*names, "…"))


def _tree(data: str, name: str) -> dict[str, Any]:
    """The few keys of a first network; full batches where there are fewer examples than the default takes."""
    tree: dict[str, Any] = {"name": name, "layers": {"depth": 2, "width": 30}, "data": data}
    if check(tree).facts.sizes[0] < Config.model_fields["batch_size"].default:
        tree["batch_size"] = "full"
    return tree


def full_config(data: str, name: str = "run") -> str:
    """Every key for the data set `data`, with its alternatives. Problems when `name` cannot be a run's name."""
    tree = _tree(data, name)
    layers = tree["layers"]
    off = {key: field.default for key, field in Config.model_fields.items() if key in OPTIONAL}
    plain = off | check(tree).plain() | {"layers": layers}
    return FULL_HEAD + "".join(_section(key, plain[key]) for key in Config.model_fields if key != "name")


def _section(key: str, value: object) -> str:
    comments = textwrap.wrap(f"{key}: {Config.model_fields[key].description}", WIDTH, initial_indent="# ")
    for title, lines in _KNOWN.get(key, dict)().items():
        comments += [f"# {title}:"] if title else []
        comments += _table(lines)
    return "\n".join(["", *comments, dump_yaml({key: value})])


def _table(lines: Lines) -> list[str]:
    """Each name with its meaning under it; names without a meaning side by side."""
    if not any(lines.values()):
        return textwrap.wrap(", ".join(lines), WIDTH, initial_indent="#   ", subsequent_indent="#   ")
    indent = "#       "
    return [
        row
        for name, meaning in lines.items()
        for row in (
            *textwrap.wrap(name, WIDTH, initial_indent="#   ", subsequent_indent="#    "),
            *textwrap.wrap(meaning, WIDTH, initial_indent=indent, subsequent_indent=indent),
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
    groups["all"] = "every probe there is"
    return {"": {name: _first_paragraph(probe) for name, probe in PROBES.items()}, "groups": groups}


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
    "pretrain": lambda: {"": _documented(PRETRAININGS)},
    "batch_norm": _norm("batch_norm"),
    "layer_norm": _norm("layer_norm"),
    "probes": _probes,
}
