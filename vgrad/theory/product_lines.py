"""`vgrad theory product` in lines of text: what each matrix does to the gradient on its way down."""

from __future__ import annotations

from vgrad.text.numbers import MISSING, significant
from vgrad.text.page import Page
from vgrad.text.plain import shape
from vgrad.theory.product import SAME
from vgrad.theory.run_product import RunProduct, described

ROUNDING = 1e-13
"""Differences below this are told as that: their digits are those of one machine's matrix products."""


def product_lines(found: RunProduct, width: int, unicode: bool) -> list[str]:
    """The equation, the steps from the output down, and whether it is what backpropagation gives."""
    page, product, config = Page(width, unicode), found.product, found.run.config
    page.words(
        f"{config.run_name}, epoch {found.epoch}: {shape(config.sizes, most=7)}, {described(config)}; "
        f"{product.examples:,} training examples."
    )
    if config.dropout or config.input_noise:
        page.words("As in every measurement of a standing network, dropout and input noise are off.")
    page.formula("δ^l =  S'(z^l)  (W^(l+1))ᵀ  S'(z^(l+1))  …  S'(z^L)  ∇a C")
    if product.steps:
        page.title("Where the gradient is lost")
        _steps(page, found)
    page.title("Is it the same as backpropagation?")
    _checks(page, found)
    return page.lines


def _steps(page: Page, found: RunProduct) -> None:
    """From the output down: the numbers of a row multiply to its ratio, and the ratios to ||delta^l||."""
    product, last = found.product, len(found.product.delta)
    rows = [["l", "max f'", "‖Wᵀ‖", "Wᵀ", "S'", "Wᵀ · S'", "‖δ^l‖", "‖dz^L/dz^l‖"]]
    rows.append([f"{last} out", "", "", "", "", "", _told(product.delta[-1]), "1"])
    for step in reversed(product.steps):
        norms = [_told(step.slope_norm), _told(step.weight_norm)]
        factors = [_told(one) for one in (step.weight_factor, step.slope_factor, step.ratio)]
        delta = _told(product.delta[step.layer - 1])
        rows.append([str(step.layer), *norms, *factors, delta, _told(step.jacobian)])
    page.table(rows, drop=(7, 1, 2, 6), left=(0,))
    page.words(
        "Wᵀ: what (W^(l+1))ᵀ leaves of δ^(l+1), ‖Wᵀ δ‖/‖δ‖, at most the spectral norm ‖Wᵀ‖. S': what S'(z^l) leaves of "
        "that, at most max f', the largest slope of the layer. Wᵀ · S' = ‖δ^l‖/‖δ^(l+1)‖. "
        "Geometric means over examples."
    )
    left_out = product.examples - product.counted
    if left_out:
        page.words(f"{left_out:,} examples have an error of exactly 0 in a layer and are not in these means.")
    _verdict(page, found)


def _verdict(page: Page, found: RunProduct) -> None:
    steps = [step for step in found.product.steps if step.ratio is not None]
    if not steps:
        return
    weights, slopes = 1.0, 1.0
    for step in steps:
        weights *= step.weight_factor or 0.0
        slopes *= step.slope_factor or 0.0
    page.words(
        f"All the way down, weights multiply by {significant(weights)} and slopes by {significant(slopes)}: together "
        f"{significant(weights * slopes)} over {len(steps)} step{'s' if len(steps) > 1 else ''}."
    )


def _told(value: float | None) -> str:
    return MISSING if value is None else significant(value)


def _checks(page: Page, found: RunProduct) -> None:
    product = found.product
    rows = [["l", "difference", "‖mean δ^l‖", "in gradients.csv"]]
    for at, off in enumerate(product.difference):
        logged = MISSING if found.logged is None else f"{found.logged[at]:.9g}"
        told = f"{off:.1e}" if off >= ROUNDING else f"< {ROUNDING:g}"
        rows.append([str(at + 1), told, f"{product.mean_delta_norm[at]:.9g}", logged])
    page.table(rows, drop=(3,))
    same = "the same" if product.agrees else "NOT the same"
    page.words(
        f"difference: the largest |product − backpropagation| over the largest |δ| of the layer; {same} "
        f"(up to {SAME:g})."
    )
    if found.logged is None:
        page.words("The run has logged no ‖mean δ^l‖ of these examples at this epoch.")
