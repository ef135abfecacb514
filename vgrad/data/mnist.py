"""MNIST (LeCun, Cortes, Burges): 28 x 28 pixels from 0 to 255, ten classes, in Nielsen's split.

The first 50,000 of the published training images train, the last 10,000 validate, the 10,000 of t10k test. Images are
uint8 (n, 784); training and validation are views of one array. Fashion-MNIST and Kuzushiji-MNIST have the same form.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vgrad.data import fetch
from vgrad.data.dataset import Part
from vgrad.data.idx import read_idx
from vgrad.errors import DataError

SIZES = (50_000, 10_000, 10_000)
IMAGE = (28, 28)
CLASSES = 10
LABELS_AT = 8  # the byte of a label file at which the labels start


def mnist(progress: bool = False) -> tuple[Part, Part, Part]:
    """Training, validation and test part, downloaded first if need be (with a bar if `progress`).

    DataError if files are damaged or cannot be had, StorageError if the disk refuses.
    """
    return _images(progress, "mnist")


def fashion_mnist(progress: bool = False) -> tuple[Part, Part, Part]:
    """Fashion-MNIST (Xiao, Rasul, Vollgraf 2017), split as `mnist`; errors as there."""
    return _images(progress, "fashion_mnist")


def kmnist(progress: bool = False) -> tuple[Part, Part, Part]:
    """Kuzushiji-MNIST (Clanuwat et al. 2018), split as `mnist`; errors as there."""
    return _images(progress, "kmnist")


def _images(progress: bool, collection: str) -> tuple[Part, Part, Part]:
    train_images, train_labels, test_images, test_labels = fetch.present(progress, collection)
    split = SIZES[0]
    images, labels = read_pair(train_images, train_labels, most=split + SIZES[1])
    test = Part(*read_pair(test_images, test_labels, most=SIZES[2]))
    return Part(images[:split], labels[:split]), Part(images[split:], labels[split:]), test


def read_pair(images: Path, labels: Path, *, most: int) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Pixels (n, 784) and digits (n,), n from 1 to `most`. DataError also if they do not belong together."""
    pixels = read_idx(images, most=most, item=IMAGE)
    digits = read_idx(labels, most=most)
    if len(pixels) != len(digits):
        raise DataError(f"{labels}: byte 4: {len(digits)} labels, but {len(pixels)} images in {images.name}")
    bad = np.flatnonzero(digits >= CLASSES)
    if bad.size:
        first = int(bad[0])
        raise DataError(f"{labels}: byte {LABELS_AT + first}: label {digits[first]} is not from 0 to {CLASSES - 1}")
    return pixels.reshape(len(pixels), -1), digits
