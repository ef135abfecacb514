"""`vgrad theory … --json`: the same values as plain trees, with null for what is infinite or not there."""

from __future__ import annotations

import math
from dataclasses import asdict
from typing import Any

import numpy as np

from vgrad.theory.chain import LEVELS, Chain
from vgrad.theory.lesson import Lesson
from vgrad.theory.run_product import RunProduct


def plain(value: Any) -> Any:
    """Lists, dicts and finite numbers."""
    if isinstance(value, dict):
        return {key: plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [plain(inner) for inner in value]
    if isinstance(value, np.ndarray):
        return plain(value.tolist())
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value


def lesson_tree(lesson: Lesson, activation: Any) -> dict[str, Any]:
    """The setting, and a key for each section."""
    setting = lesson.setting
    tree: dict[str, Any] = {"activation": activation, "seed": setting.seed}
    if lesson.factors is not None:
        tree["factors"] = _chain(lesson.factors)
    if lesson.draws is not None:
        found = lesson.draws
        tree["draws"] = {
            "draws": setting.draws,
            "spread": setting.spread,
            "input": setting.x,
            "levels": list(LEVELS),
            "by_neurons": [asdict(row) for row in found.rows],
            "decades_a_factor": found.decades,
            "half_width_95": found.half,
            "counted": found.counted,
        }
    if lesson.explode is not None:
        tree["explode"] = {
            "chain": _chain(lesson.explode.chain),
            "moved": lesson.explode.moved and _chain(lesson.explode.moved),
        }
    if lesson.width is not None:
        tree["width"] = asdict(lesson.width)
        for row in tree["width"]["rows"]:  # an end that is null is infinite, and so is such a width
            row["endless"] = math.isinf(row["width"])
    if lesson.identity is not None:
        rows = lesson.identity.rows
        tree["identity"] = {
            "rows": [{"expansion": asdict(one), "best_without_constant": asdict(bare)} for one, bare in rows],
            "best_without_constant": asdict(lesson.identity.best),
        }
    settled: dict[str, Any] = plain(tree)
    return settled


def _chain(found: Chain) -> dict[str, Any]:
    layers = [
        {
            "layer": at + 1,
            **{name: float(getattr(found, name)[at]) for name in ("w", "b", "z", "a", "slope", "factor")},
            "sign": int(found.sign[at]),
            "log10_product": float(found.log10_product[at]),
            "dC_db": float(found.dC_db[at]),
            "log10_dC_db": float(found.log10_dC_db[at]),
        }
        for at in range(len(found.w))
    ]
    return {"input": found.x, "target": found.y, "dC_da": found.dC_da, "layers": layers}


def product_tree(found: RunProduct) -> dict[str, Any]:
    """The run, and a row a layer."""
    product, config = found.product, found.run.config
    layers: list[dict[str, Any]] = []
    for at, units in enumerate(config.sizes[1:]):
        step = asdict(product.steps[at]) if at < len(product.steps) else {"layer": at + 1}
        logged = None if found.logged is None else found.logged[at]
        layers.append(
            {
                **step,
                "units": units,
                "delta": product.delta[at],
                "mean_delta_norm": product.mean_delta_norm[at],
                "logged_delta_norm": logged,
                "difference": product.difference[at],
            }
        )
    tree: dict[str, Any] = plain(
        {
            "run": str(found.run.path),
            "hash": config.identity,
            "seed": config.seed,
            "epoch": found.epoch,
            "examples": product.examples,
            "counted": product.counted,
            "agrees": product.agrees,
            "layers": layers,
        }
    )
    return tree
