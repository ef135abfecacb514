"""The tables of docs/toolbox.md, made from vgrad's own tables: `toolbox.py [--write]`.

Each stands between `<!-- table: NAME -->` and `<!-- end -->`. Without --write, exits 1 when they are not current.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from made import settle

from vgrad.config.config import Config
from vgrad.config.remedies import OPTIONAL
from vgrad.data.datasets import DATASETS, told_sizes
from vgrad.data.files import RECORDED
from vgrad.nn.activations import ACTIVATIONS
from vgrad.nn.costs import COSTS
from vgrad.nn.initializers import BIASES, INITIALIZERS, PRESETS
from vgrad.nn.layerwise.pretrainings import PRETRAININGS
from vgrad.nn.norms import NORMS
from vgrad.nn.optimizers import OPTIMIZERS
from vgrad.nn.probes import GROUPS, PROBES
from vgrad.nn.schedules import MOMENTUM_SCHEDULES, SCHEDULES
from vgrad.registry import parameters

DOCUMENT = Path(__file__).resolve().parents[1] / "docs" / "toolbox.md"
MARKED = re.compile(r"(<!-- table: (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)


def said(entry: Callable[..., Any]) -> str:
    """The first paragraph of a docstring, in one cell."""
    text = inspect.getdoc(entry) or ""
    return " ".join(text.split("\n\n")[0].split()).replace("|", "\\|").replace("*", "\\*")


def own(entry: Callable[..., Any]) -> str:
    """The parameters with their defaults, but for what nobody sets: the digest of a file and what follows from it."""
    shown = {key: value for key, (_, value) in parameters(entry).items() if key not in RECORDED}
    told = (f"`{key}`" if value in (..., None) else f"`{key}: {value}`" for key, value in shown.items())
    return ", ".join(told) or "—"


def table(header: str, rows: Iterator[tuple[str, ...]]) -> str:
    """A Markdown table."""
    lines = [" | ".join(row) for row in rows]
    return "\n".join(f"| {line} |" for line in (header, "|".join(["---"] * len(header.split(" | "))), *lines)) + "\n"


def variants(entries: Mapping[str, Callable[..., Any]]) -> str:
    """Name, parameters and the first paragraph of each entry."""
    return table("name | parameters | definition", ((f"`{n}`", own(e), said(e)) for n, e in entries.items()))


def costs() -> str:
    """Each cost with the outputs that it goes with."""
    pairs = ((cost, output, pair.summary) for cost, found in COSTS.items() for output, pair in found.items())
    return table("cost | output | definition", ((f"`{c}`", f"`{o}`", s) for c, o, s in pairs))


def probes() -> str:
    """Each probe with its group."""
    group = {name: key for key, names in GROUPS.items() for name in names}
    return table("probe | group | definition", ((f"`{n}`", group.get(n, ""), said(p)) for n, p in PROBES.items()))


def remedies() -> str:
    """The optional keys."""
    fields = Config.model_fields
    return table("key | meaning", ((f"`{name}`", fields[name].description or "") for name in OPTIONAL))


def presets() -> str:
    """The names that `init` takes beside the weight initializers'."""
    return table("preset | weights | biases", ((f"`{n}`", f"`{w}`", f"`{b}`") for n, (w, b) in PRESETS.items()))


def data_sets() -> str:
    """Each data set with its parameters and its examples."""
    rows = ((f"`{n}`", own(s.load), f"{s.summary}", told_sizes(n)) for n, s in DATASETS.items())
    return table("name | parameters | what it is | training / validation / test", rows)


TABLES: dict[str, Callable[[], str]] = {
    "activations": partial(variants, ACTIVATIONS),
    "weights": partial(variants, INITIALIZERS),
    "biases": partial(variants, BIASES),
    "presets": presets,
    "costs": costs,
    "optimizers": partial(variants, OPTIMIZERS),
    "schedules": partial(variants, SCHEDULES),
    "momentum": lambda: table("name | definition", ((f"`{n}`", said(e)) for n, e in MOMENTUM_SCHEDULES.items())),
    "norms": partial(variants, NORMS),
    "pretrainings": partial(variants, PRETRAININGS),
    "remedies": remedies,
    "probes": probes,
    "data": data_sets,
}


def current(text: str) -> str:
    """`text` with every table made anew."""
    return MARKED.sub(lambda found: f"{found[1]}{TABLES[found[2]]()}{found[3]}", text)


if __name__ == "__main__":
    raise SystemExit(settle(DOCUMENT, current))
