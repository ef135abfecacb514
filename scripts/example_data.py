"""The small files of data in configs/examples/data, drawn with a seed: `example_data.py` writes them again.

spirals.csv    two arms of a noisy spiral: x, y and the arm
waves.npz      y = sin(pi x_1) x_2 and a little noise: a regression
bars/          8 x 8 images of horizontal and vertical bars in the files of MNIST's format, one of them packed
"""

from __future__ import annotations

import gzip
import struct
from pathlib import Path

import numpy as np

from vgrad.storage.npz import pack

FOLDER = Path(__file__).resolve().parents[1] / "configs" / "examples" / "data"
SEED = 5


def spirals(random: np.random.Generator, n: int = 240) -> str:
    """A line a point, the arms in turn."""
    lines = ["x,y,arm"]
    for number in range(n):
        t = 0.5 + 2.5 * random.uniform()
        angle = np.pi * (t + number % 2)
        x, y = t * np.array([np.cos(angle), np.sin(angle)]) + random.normal(0, 0.08, 2)
        lines.append(f"{x:.3f},{y:.3f},{('left', 'right')[number % 2]}")
    return "\n".join(lines) + "\n"


def waves(random: np.random.Generator, n: int = 200) -> bytes:
    """Arrays x (n, 2) and y (n,)."""
    x = random.uniform(-1, 1, (n, 2)).round(4)
    return pack({"x": x, "y": (np.sin(np.pi * x[:, 0]) * x[:, 1] + random.normal(0, 0.02, n)).round(4)})


def bars(random: np.random.Generator, n: int) -> tuple[bytes, bytes]:
    """IDX files of n images and their labels: 0 is a horizontal bar, 1 a vertical one."""
    images, labels = random.integers(0, 60, (n, 8, 8), dtype=np.uint8), np.arange(n, dtype=np.uint8) % 2
    for image, label in zip(images, labels, strict=True):
        at = random.integers(0, 8)
        (image if label == 0 else image.T)[at] += random.integers(120, 190, 8, dtype=np.uint8)
    return (
        bytes([0, 0, 8, 3]) + struct.pack(">3I", n, 8, 8) + images.tobytes(),
        bytes([0, 0, 8, 1]) + struct.pack(">I", n) + labels.tobytes(),
    )


def main() -> None:
    """Writes them all."""
    random = np.random.default_rng(SEED)
    (FOLDER / "bars").mkdir(parents=True, exist_ok=True)
    (FOLDER / "spirals.csv").write_text(spirals(random), encoding="utf-8")
    (FOLDER / "waves.npz").write_bytes(waves(random))
    for part, n in (("train", 120), ("t10k", 40)):
        images, labels = bars(random, n)
        (FOLDER / "bars" / f"{part}-images-idx3-ubyte.gz").write_bytes(gzip.compress(images, mtime=0))
        (FOLDER / "bars" / f"{part}-labels-idx1-ubyte").write_bytes(labels)


if __name__ == "__main__":
    main()
