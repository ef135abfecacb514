"""Data sets: MNIST, small handwritten digits and two toy sets, split, scaled and fingerprinted."""

from vgrad.data.dataset import Dataset, Part, Scaling, gather
from vgrad.data.datasets import DATASETS, SCALES, Source, check_sizes, load

__all__ = ["DATASETS", "SCALES", "Dataset", "Part", "Scaling", "Source", "check_sizes", "gather", "load"]
