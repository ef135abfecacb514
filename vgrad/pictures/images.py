"""A sheet of small grey images with a line above each: knows no run."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from matplotlib.figure import Figure

ACROSS = 8
INCHES = 0.95
"""Of an image with its line."""


def side(inputs: int) -> int | None:
    """The side of the square image that so many inputs are, from 4 x 4 on; None where they are none."""
    root = math.isqrt(inputs)
    return root if root >= 4 and root * root == inputs else None


def sheet(images: NDArray[np.uint8], captions: Sequence[str], title: str) -> Figure:
    """`images` (n, n_0) row by row as they are told in `captions`; the largest value of all is black."""
    from matplotlib.figure import Figure

    edge = side(images.shape[1])
    assert edge is not None, "whoever draws images has asked for their side"
    across = min(ACROSS, len(images))
    down = -(-len(images) // across)
    figure = Figure(figsize=(max(across * INCHES, 3.4), down * (INCHES + 0.22) + 0.35), layout="constrained")
    figure.suptitle(title, fontsize="medium")
    grid = figure.subplots(down, across, squeeze=False)
    for axes in grid.flat:
        axes.axis("off")
    largest = max(1, int(images.max()))
    for axes, image, caption in zip(grid.flat, images, captions, strict=False):
        axes.imshow(image.reshape(edge, edge), cmap="gray_r", vmin=0, vmax=largest, interpolation="nearest")
        axes.set_title(caption, fontsize="x-small", pad=2)
    return figure
