"""What `vgrad theory product` answers; as a plain tree it is the run, and a row a layer."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from vgrad.theory.answer import Answer, plain
from vgrad.theory.product_lines import product_lines
from vgrad.theory.run_product import RunProduct

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def product_answer(found: RunProduct) -> Answer:
    """The answer, and whether the product is what backpropagation gives."""
    product, name = found.product, found.run.config.run_name

    def figure() -> Figure:
        from vgrad.theory.product_pictures import product_figure

        return product_figure(product, f"{name}, epoch {found.epoch}")

    worst = f"{max(product.difference):.1e} of the largest delta"
    return Answer(
        lambda width, unicode: product_lines(found, width, unicode),
        lambda: product_tree(found),
        figure,
        runs=name,
        problem="" if product.agrees else f"eq. 124: the product and backpropagation differ by {worst}",
    )


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
