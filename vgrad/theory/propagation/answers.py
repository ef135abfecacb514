"""What `vgrad theory phase` and `vgrad theory depth` answer."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from vgrad.text.numbers import MISSING, significant
from vgrad.text.page import Page
from vgrad.theory.answer import Answer, plain
from vgrad.theory.propagation.depth import Depths
from vgrad.theory.propagation.diagram import Diagram
from vgrad.theory.propagation.medium import STEEPEST, Stack, phase

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SHOWN = 6  # values of sigma_b in the table of the critical line
FAR = 1000.0
"""Depth scales beyond this are told as that."""
REACH = 6.0
"""Depth scales that a network can be trained through, about  (Schoenholz et al. 2017, sec. 5)."""


def phase_answer(found: Diagram) -> Answer:
    """The answer."""

    def figure() -> Figure:
        from vgrad.theory.propagation.pictures import phase_figure

        return phase_figure(found)

    return Answer(
        lambda width, unicode: _phase_lines(found, width, unicode),
        lambda: _phase_tree(found),
        figure,
        about=found.named,
    )


def depth_answer(found: Depths) -> Answer:
    """The answer."""

    def figure() -> Figure:
        from vgrad.theory.propagation.pictures import depth_figure

        return depth_figure(found)

    return Answer(
        lambda width, unicode: _depth_lines(found, width, unicode),
        lambda: _depth_tree(found),
        figure,
        about=found.named,
    )


def _layers_told(value: float) -> str:
    """A depth scale, in layers."""
    return "∞" if math.isinf(value) else f"> {FAR:g}" if value > FAR else significant(value)


def _reach_told(stack: Stack, at: int) -> str:
    """The depth that a network can be trained to; none where its numbers grow without end."""
    if math.isinf(stack.q[at]) and phase(float(stack.chi[at])) == "chaotic":
        return MISSING
    return _layers_told(REACH * float(stack.xi_c[at]))


def _phase_lines(found: Diagram, width: int, unicode: bool) -> list[str]:
    page = Page(width, unicode)
    page.title(f"phase: what deep stacks of {found.named} layers do to ‖δ‖, by σ_w and σ_b")
    page.words(
        "σ_w² = fan-in × variance of a weight, σ_b² = variance of a bias; χ = σ_w² E f'(z)²: the factor of ‖δ‖²."
    )
    page.title("The critical line, χ = 1")
    shown = np.linspace(0, len(found.sigma_b) - 1, SHOWN).round().astype(int)
    line = [MISSING if math.isnan(found.line[at]) else significant(found.line[at], 4) for at in shown]
    page.table([["σ_b", *(significant(found.sigma_b[at]) for at in shown)], ["σ_w", *line]], left=(0,))
    if np.isnan(found.line).all():
        page.words("There is none: χ stays on one side of 1.")
    page.title(f"Where initializers lie, {found.width:,} units a layer")
    rows = [["init", "σ_w", "σ_b", "χ", "√χ", "phase", "ξ_c", "trains to"]]
    for at, place in enumerate(found.places):
        chi, xi = float(found.at.chi[at]), float(found.at.xi_c[at])
        numbers = [significant(each) for each in (place.sigma_w, place.sigma_b, chi, math.sqrt(chi))]
        rows.append([place.names[0], *numbers, phase(chi), _layers_told(xi), _reach_told(found.at, at)])
    page.table(rows, drop=(6, 7, 3), left=(0, 5))
    for place in found.places:
        if len(place.names) > 1:
            page.words(f"As {place.names[0]}: {', '.join(place.names[1:])}.")
    page.words(
        "√χ: what a layer leaves of ‖δ‖, or makes of it. Ordered: gradients vanish; chaotic: they explode. ξ_c: layers "
        "in which the correlation of two examples comes e-fold nearer to where it ends; networks train to about "
        f"{REACH:g} of them."
    )
    return page.lines


def _phase_tree(found: Diagram) -> dict[str, Any]:
    planes = {name: found.plane(getattr(found.stacks, name)) for name in ("q", "c", "chi", "xi_c", "xi_q")}
    tree: dict[str, Any] = plain(
        {
            "activation": found.named,
            "sigma_w": found.sigma_w,
            "sigma_b": found.sigma_b,
            **planes,
            "critical": [{"sigma_b": b, "sigma_w": w} for b, w in zip(found.sigma_b, found.line, strict=True)],
            "width": found.width,
            "initializers": [
                {"names": list(place.names), **_numbers(found.at, at)} for at, place in enumerate(found.places)
            ],
        }
    )
    return tree


def _numbers(stack: Stack, at: int) -> dict[str, Any]:
    names = ("sigma_w", "sigma_b", "q", "c", "chi", "xi_c", "xi_q")
    return {**{name: float(getattr(stack, name)[at]) for name in names}, "phase": phase(float(stack.chi[at]))}


def _critical_told(found: Depths) -> str:
    """Where chi is 1, in a sentence."""
    if found.critical is None:
        return f"{found.named} is critical nowhere up to σ_w = {STEEPEST:g}: χ stays on one side of 1."
    told = significant(found.critical, 4)
    if found.jumps and found.beside:
        below, above = map(significant, found.beside)
        return f"χ jumps from {below} to {above} at σ_w = {told}, where q* leaves its fixed point: it is 1 nowhere."
    return f"χ = 1 at σ_w = {told}: weights of N(0, 1/n_in) times a gain of {told}."


def _depth_lines(found: Depths, width: int, unicode: bool) -> list[str]:
    page, stacks = Page(width, unicode), found.stacks
    page.title(f"depth: deep stacks of {found.named} layers, σ_b = {significant(found.sigma_b)}")
    rows = [["σ_w", "q*", "c*", "χ", "√χ", "phase", "ξ_q", "ξ_c", "trains to"]]
    for at, chi in enumerate(stacks.chi.tolist()):
        q, xi_q, xi_c = (float(each[at]) for each in (stacks.q, stacks.xi_q, stacks.xi_c))
        numbers = [
            significant(float(stacks.sigma_w[at])),
            "∞" if math.isinf(q) else significant(q),
            significant(float(stacks.c[at])),
        ]
        factors = [significant(chi), significant(math.sqrt(chi)), phase(chi)]
        rows.append([*numbers, *factors, _layers_told(xi_q), _layers_told(xi_c), _reach_told(stacks, at)])
    page.table(rows, drop=(6, 2, 3, 1), left=(5,))
    page.words(_critical_told(found))
    page.words(
        "q*, c*: where the variance of a weighted input and the correlation of two examples end; ξ_q, ξ_c: layers in "
        f"which they come e-fold nearer; √χ: the factor of ‖δ‖ a layer. Networks train to about {REACH:g} ξ_c."
    )
    return page.lines


def _depth_tree(found: Depths) -> dict[str, Any]:
    names = ("sigma_w", "q", "c", "chi", "xi_q", "xi_c")
    columns = [getattr(found.stacks, name).tolist() for name in names]
    rows = [dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)]
    tree: dict[str, Any] = plain(
        {
            "activation": found.named,
            "sigma_b": found.sigma_b,
            "critical_sigma_w": None if found.jumps else found.critical,
            "jump": {"sigma_w": found.critical, "chi": list(found.beside or ())} if found.jumps else None,
            "stacks": [{**row, "phase": phase(row["chi"])} for row in rows],
        }
    )
    return tree
