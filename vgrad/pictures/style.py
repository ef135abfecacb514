"""What all pictures share: one style, a colour for each layer, Nielsen's notation, files that are the same each time.

Colours run through viridis from the first hidden layer (dark) to the last (light), so that they keep their order in
grey. Nothing of the user's matplotlib settings, no clock and no random identifier gets into a file.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import Any

from vgrad.errors import ConfigError
from vgrad.registry import did_you_mean

SUFFIXES = ("png", "svg", "pdf")
STYLE: dict[str, Any] = {
    "font.size": 9.0,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": "0.9",
    "axes.axisbelow": True,
    "legend.frameon": False,
    "legend.fontsize": 8.0,
    "lines.linewidth": 1.4,
    "savefig.dpi": 200,
    "svg.hashsalt": "vgrad",
    "svg.fonttype": "path",
    "pdf.fonttype": 42,
    "mathtext.fontset": "dejavusans",
}
DASHES: tuple[Any, ...] = ("-", (0, (5, 1)), (0, (3, 1, 1, 1)), (0, (1, 1)))
"""Layers differ in dashes too, for those who do not see the colours."""


@contextmanager
def styled() -> Iterator[None]:
    """Inside, matplotlib has this style and nothing of the user's."""
    import matplotlib as mpl

    with mpl.rc_context():
        mpl.rcdefaults()
        for name, value in STYLE.items():
            mpl.rcParams[name] = value  # type: ignore[index]
        yield


def colour(index: int, count: int) -> tuple[float, float, float, float]:
    """Of item `index` of `count`, from dark to light; the lightest fifth of the map is left out."""
    import matplotlib as mpl

    found: tuple[float, float, float, float] = mpl.colormaps["viridis"](0.82 * index / max(count - 1, 1))
    return found


def symbol(layer: int) -> str:
    r"""||delta^l|| as matplotlib's math."""
    return rf"$\Vert\delta^{{{layer}}}\Vert$"


def suffix(path: Path) -> str:
    """The format that a file's name asks for. ConfigError for any other than PNG, SVG and PDF."""
    found = path.suffix.lower().removeprefix(".")
    if found not in SUFFIXES:
        raise ConfigError(f"{path}: name a .png, .svg or .pdf file{did_you_mean(found, SUFFIXES) if found else ''}")
    return found


def content(figure: Any, form: str, title: str, provenance: str, maker: str = "vgrad plot") -> bytes:
    """The bytes of a file; the same figure gives the same bytes. The runs it was made from are in its metadata.

    ConfigError for a figure whose words leave no room for what is drawn.
    """
    told = f"made by {maker}; runs: {provenance}"
    metadata: dict[str, Any] = {
        "png": {"Software": None, "Title": title, "Description": told},
        "svg": {"Date": None, "Creator": "vgrad", "Title": title, "Description": told},
        "pdf": {"CreationDate": None, "Creator": "vgrad", "Producer": None, "Title": title, "Subject": told},
    }[form]
    out = BytesIO()
    with warnings.catch_warnings(record=True) as told_by_matplotlib:
        warnings.simplefilter("always")
        figure.savefig(out, format=form, metadata=metadata)
    if any("constrained_layout not applied" in str(warning.message) for warning in told_by_matplotlib):
        raise ConfigError("the picture is too small for its words; make --width larger, or choose fewer runs")
    return out.getvalue()
