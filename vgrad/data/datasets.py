"""The table of data sets, and how a config's `data` becomes one: load, cut, scale, fingerprint."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from vgrad.data import digits as _digits
from vgrad.data import mnist as _mnist
from vgrad.data import toy as _toy
from vgrad.data.dataset import Array, Dataset, Part, Scaling, fingerprint
from vgrad.errors import ConfigError
from vgrad.registry import did_you_mean, lookup, parameters

PARTS = ("train", "validation", "test")


@dataclass(frozen=True)
class Source:
    """An entry of DATASETS.

    `sizes` are the training, validation and test examples there are. `maximum` is the largest value, which `unit`
    scaling maps to 1, or None where it maps each feature's range over the training part to [0, 1]. `load` takes
    `progress` and returns the full parts; its keyword-only parameters are what a config may set.
    """

    n_inputs: int
    classes: int
    sizes: tuple[int, int, int]
    maximum: float | None
    load: Callable[..., tuple[Part, Part, Part]]
    summary: str


def check_sizes(
    name: str, train: int | None = None, validation: int | None = None, test: int | None = None
) -> list[str]:
    """What is wrong with asking the set `name` for so many examples (None: all), a line each; loads nothing.

    KeyError for an unknown name.
    """
    problems = []
    there_are = lookup(DATASETS, name, "data set").sizes
    for part, asked, most, least in zip(PARTS, (train, validation, test), there_are, (1, 0, 0), strict=True):
        if asked is not None and not least <= asked <= most:
            problems.append(f"data.{part}: {asked} is not between {least} and {most}, the number that {name} has")
    return problems


def load(
    name: str,
    *,
    train: int | None = None,
    validation: int | None = None,
    test: int | None = None,
    scale: str = "unit",
    progress: bool = False,
    **parameters: object,
) -> Dataset:
    """The data set `name`, its parts cut to the first `train`, `validation` and `test` examples (None: all).

    `scale` names an entry of SCALES, fitted to the training part after the cut. `parameters` are those of the set.
    ConfigError for an unknown name or parameter and for sizes there are not; DataError and StorageError as the set
    raises them.
    """
    try:
        source = lookup(DATASETS, name, "data set")
        scaling = lookup(SCALES, scale, "scale")
    except KeyError as error:
        raise ConfigError(f"data: {error.args[0]}") from None
    problems = _unknown(source, parameters) + check_sizes(name, train, validation, test)
    if problems:
        raise ConfigError(*problems)
    full = source.load(progress, **parameters)
    learn, validate, examine = (
        part if size is None else part.first(size) for part, size in zip(full, (train, validation, test), strict=True)
    )
    return Dataset(
        name,
        source.classes,
        learn,
        validate,
        examine,
        scaling(learn.inputs, source.maximum),
        fingerprint((learn, validate, examine), scale),
    )


def _unknown(source: Source, given: dict[str, object]) -> list[str]:
    known = parameters(source.load)
    return [f"data.{key}: no such parameter{did_you_mean(key, known)}" for key in given if key not in known]


def _unit(inputs: Array, maximum: float | None) -> Scaling:
    """[0, 1]: divided by the largest value there can be, or each feature's range over the training part."""
    return Scaling.extent(inputs) if maximum is None else Scaling.unit(maximum)


def _standard(inputs: Array, maximum: float | None) -> Scaling:
    """Mean 0 and standard deviation 1 for each feature over the training part; constant features are 0."""
    return Scaling.standard(inputs)


def _none(inputs: Array, maximum: float | None) -> Scaling:
    """As they are."""
    return Scaling.identity()


SCALES: dict[str, Callable[[Array, float | None], Scaling]] = {"unit": _unit, "standard": _standard, "none": _none}

DATASETS: dict[str, Source] = {
    "mnist": Source(784, 10, _mnist.SIZES, 255, _mnist.mnist, "handwritten digits, 28 x 28, downloaded once (12 MB)"),
    "digits": Source(64, 10, _digits.SIZES, 16, _digits.digits, "handwritten digits, 8 x 8, no download"),
    "xor": Source(2, 2, (4, 4, 4), None, _toy.xor, "the four corners of a square; all parts are the same"),
    "circles": Source(2, 2, _toy.CIRCLES, None, _toy.circles, "two noisy concentric rings in the plane"),
}
