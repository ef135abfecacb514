"""Pictures of runs in Python: the figures of `vgrad plot`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from vgrad.notebook.runs import Chosen, Where, found
from vgrad.report import drawable
from vgrad.report.panels import Options

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from pandas import DataFrame


def plot(
    runs: Chosen | DataFrame,
    kind: str | None = None,
    *,
    x: str | Sequence[str] = "",
    y: str | Sequence[str] = (),
    where: str = "",
    by: str | Sequence[str] = (),
    runs_dir: Where = "runs",
    **options: Any,
) -> Figure:
    """The figure that `vgrad plot` draws of these runs; its `savefig` writes it.

    `kind` is curves, neurons, layers, heatmap, accuracy, activations or values, which it is where `x` or `y` is given:
    values of reports (`y`) against a config key (`x`; two are a heat map), with the keywords color, marker and panel
    for the next keys and each=True for every seed. Other keywords are width (inches), across, epoch, monitor, under,
    smooth and scale. ConfigError for what these runs do not have.
    """
    chosen, _ = found(runs, runs_dir)
    asked = Options(
        x=x if isinstance(x, str) else ",".join(x),
        values=(y,) if isinstance(y, str) and y else tuple(y),
        keys=(by,) if isinstance(by, str) and by else tuple(by),
        **options,
    )
    figure, _, _ = drawable.picture(kind or ("values" if x or y else "curves"), chosen, where, asked)
    figure._repr_png_ = lambda: _png(figure)  # type: ignore[attr-defined]  # a notebook shows it, without pyplot
    return figure


def _png(figure: Figure) -> bytes:
    from io import BytesIO

    out = BytesIO()
    figure.savefig(out, format="png", dpi=100)
    return out.getvalue()
