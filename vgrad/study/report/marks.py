"""What the pictures of a study share: the size of a slide or of a column, what published and measured look like.

Published is black with a white edge and measured is coloured, so that they are told apart in grey and without colour
vision.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from vgrad.pictures.style import symbol
from vgrad.study.outcome import Outcome
from vgrad.text.escapes import visible

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WIDTH = 10.0
"""Inches of a slide."""
NARROW = 6.0
"""Inches below which panels stand below one another."""
PUBLISHED, EDGE = "black", "white"
SEED, MEASURED = "#7a9cc6", "#20568f"
BAND = 0.3  # opacity
MOST_PANELS, MOST_CHARACTERS = 12, 44
LEAST, GREATEST = 1e-200, 1e200  # of an axis
NORM = re.compile(r"‖δ\^([0-9]{1,3})‖")


@dataclass(frozen=True)
class Layout:
    """How wide a picture is, in inches, and what follows from it: the size of its type in points, its shape."""

    width: float = WIDTH

    @property
    def font(self) -> float:
        """Readable from the back of a room at 10 inches, and in a paper's column."""
        return min(max(1.25 * self.width, 7.5), 14.0)

    @property
    def narrow(self) -> bool:
        """Whether panels stand below one another."""
        return self.width < NARROW

    @property
    def line(self) -> float:
        """Points of a published line."""
        return self.font / 8

    def height(self, panels: int = 1) -> float:
        """16:9, or in a column as high as its panels need."""
        return (0.62 * self.width * panels + 0.9) if self.narrow else self.width * 9 / 16


@contextmanager
def typed(layout: Layout) -> Iterator[None]:
    """Inside, texts have the size of this layout."""
    import matplotlib as mpl

    sizes: dict[Any, Any] = {"font.size": layout.font, "legend.fontsize": 0.85 * layout.font, "lines.linewidth": 1.5}
    with mpl.rc_context(sizes | {"xtick.labelsize": 0.85 * layout.font, "ytick.labelsize": 0.85 * layout.font}):
        yield


def new_figure(layout: Layout, height: float) -> Figure:
    """As wide as the layout, so many inches high."""
    from matplotlib.figure import Figure

    return Figure(figsize=(layout.width, height), layout="constrained")


def put_title(figure: Figure, outcome: Outcome, layout: Layout, shown: str, compared: str) -> None:
    """The title says what the picture shows, with what it is compared, and where it is not, why."""
    study = outcome.study
    reason = (study.reason[:1].lower() + study.reason[1:]).rstrip(".")
    text = f"{shown}: {compared if study.comparable else f'measured alone, {reason}'}"
    characters = int(layout.width * 72 / (0.72 * layout.font))
    lines = textwrap.wrap(visible(text), characters, max_lines=4, placeholder=" …")
    figure.suptitle(plain("\n".join(lines)), fontsize=1.1 * layout.font, fontweight="bold")


def plain(text: str) -> str:
    """Free text that matplotlib takes for no formula."""
    return "\n".join(map(visible, text.split("\n"))).replace("$", r"\$")


def cut(text: str, most: int = MOST_CHARACTERS) -> str:
    """At most so many characters of a text."""
    shown = visible(text)
    return shown if len(shown) <= most else f"{shown[: most - 1]}…"


def math_text(label: str) -> str:
    """A label with its norms and derivatives as matplotlib's math."""
    return NORM.sub(lambda found: symbol(int(found[1])), plain(cut(label))).replace("∂C/∂b", r"$\partial C/\partial b$")


def mark_published(axes: Axes, x: float, y: float, layout: Layout) -> None:
    """A published figure."""
    axes.plot([x], [y], "D", color=PUBLISHED, markeredgecolor=EDGE, markersize=0.72 * layout.font, zorder=4)


def mark_legend(figure: Figure, outcome: Outcome, layout: Layout, *, mean: str = "", band: str = "") -> None:
    """The legend of pictures made of marks."""
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    def mark(form: str, shade: Any, label: str) -> Any:
        return Line2D([], [], marker=form, linestyle="", color=shade, label=label, markersize=0.6 * layout.font)

    handles = [mark("D", PUBLISHED, "published")] if outcome.study.comparable else []
    handles.append(mark(".", SEED, "a seed"))
    handles += [mark("o", MEASURED, mean)] if mean else []
    handles += [Patch(color="0.85", label=band)] if band else []
    figure.legend(handles=handles, loc="outside lower center", ncols=2 if layout.narrow else len(handles))
