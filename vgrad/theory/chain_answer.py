"""What `vgrad theory chain` answers; its sections as plain trees, with None for what is infinite or not there."""

from __future__ import annotations

import math
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from vgrad.theory.answer import Answer, plain
from vgrad.theory.chain import LEVELS, Chain
from vgrad.theory.chain_lines import lesson_lines
from vgrad.theory.lesson import Lesson

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def lesson_answer(lesson: Lesson, named: str, activation: Any, section: str) -> Answer:
    """The answer; the activation as it is `named` to a reader, and as a config writes it."""

    def figure() -> Figure:
        from vgrad.theory.chain_pictures import lesson_figure

        return lesson_figure(lesson, named)

    return Answer(
        lambda width, unicode: lesson_lines(lesson, named, width, unicode),
        lambda: lesson_tree(lesson, activation),
        figure,
        section,
    )


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
