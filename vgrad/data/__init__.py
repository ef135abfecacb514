"""Data sets: MNIST, small handwritten digits and two toy sets, split, scaled and fingerprinted."""

from vgrad.data.dataset import Dataset, Part, Scaling, Threshold, gather
from vgrad.data.datasets import BUILT_IN, DATASETS, SCALES, Facts, Source, check_sizes, facts, load

__all__ = [
    "BUILT_IN",
    "DATASETS",
    "SCALES",
    "Dataset",
    "Facts",
    "Part",
    "Scaling",
    "Source",
    "Threshold",
    "check_sizes",
    "facts",
    "gather",
    "load",
]
