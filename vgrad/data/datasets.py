"""The table of data sets, and how a config's `data` becomes one: load, cut, scale, fingerprint."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from vgrad.data import digits as _digits
from vgrad.data import files as _files
from vgrad.data import mnist as _mnist
from vgrad.data import toy as _toy
from vgrad.data.dataset import Array, Dataset, Part, Scaling, Threshold, fingerprint
from vgrad.errors import ConfigError
from vgrad.registry import did_you_mean, lookup, parameters

PARTS = ("train", "validation", "test")
INPUTS = _files.INPUTS
"""What `targets` may be of every set."""


@dataclass(frozen=True)
class Facts:
    """What has to be known of a set before it is loaded; `sizes` are the training, validation and test examples. With
    `regression` there are no classes, and `classes` is the number of targets, with `targets: inputs` that of inputs."""

    n_inputs: int
    classes: int
    sizes: tuple[int, int, int]
    regression: bool = False


@dataclass(frozen=True)
class Source:
    """An entry of DATASETS.

    `load` takes `progress` and returns the full parts; its keyword-only parameters are what a config may set.
    `facts` are the set's, or a function of the same parameters that tells them quickly; without them the set is loaded
    when they are asked for. `maximum` is the largest value, which `unit` scaling maps to 1, or None where it maps each
    feature's range over the training part to [0, 1]. `of_file`: the parameter `path` names a file, and what is known of
    it stands in further parameters (files.py). `origin` says where the set is from, and under which licence, `classes`
    what they are called, where that is no number.
    """

    load: Callable[..., tuple[Part, Part, Part]]
    summary: str
    facts: Facts | Callable[..., Facts] | None = None
    maximum: float | None = None
    of_file: bool = False
    origin: str = ""
    classes: tuple[str, ...] = ()


def facts(name: str, **given: object) -> Facts:
    """Of the set `name` with its `targets` and those of its own parameters that are `given`; others are passed over.

    KeyError for an unknown name; DataError, StorageError and ConfigError as the set raises them.
    """
    found = _of_labels(lookup(DATASETS, name, "data set"), given)
    return replace(found, classes=found.n_inputs, regression=True) if given.get("targets") == INPUTS else found


def _of_labels(source: Source, given: dict[str, object]) -> Facts:
    if isinstance(source.facts, Facts):
        return source.facts
    own = {key: given[key] for key in parameters(source.load) if key in given}
    return _loaded(source.load, tuple(own.items())) if source.facts is None else source.facts(**own)


@lru_cache(maxsize=64)
def _loaded(load: Callable[..., tuple[Part, Part, Part]], own: tuple[tuple[str, Any], ...]) -> Facts:
    full = load(False, **dict(own))
    train, validation, test = map(len, full)
    classes = 1 + max(int(part.labels.max()) for part in full if len(part))
    return Facts(full[0].inputs.shape[1], classes, (train, validation, test))


def told_sizes(name: str) -> str:
    """ "50000 / 10000 / 10000", or that parameters or the content decide; loads nothing."""
    source = DATASETS[name]
    if isinstance(source.facts, Facts):
        return " / ".join(map(str, source.facts.sizes))
    if source.of_file:
        return "as the file has"
    return "as its parameters say" if parameters(source.load) else "as many as there are"


def check_sizes(
    name: str, train: int | None = None, validation: int | None = None, test: int | None = None, **given: object
) -> list[str]:
    """What is wrong with asking the set `name` for so many examples (None: all), a line each; `given` are parameters
    of the set's own.

    KeyError for an unknown name.
    """
    problems = []
    there_are = facts(name, **given).sizes
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
    base: Path = Path(),
    **parameters: object,
) -> Dataset:
    """The data set `name`, its parts cut to the first `train`, `validation` and `test` examples (None: all).

    `scale` names an entry of SCALES, fitted to the training part after the cut. `parameters` are those of the set, and
    `targets`, which may be INPUTS: labels are left out then. The name of a file is relative to `base`.
    ConfigError for an unknown name or parameter and for sizes there are not; DataError and StorageError as the set
    raises them.
    """
    try:
        source = lookup(DATASETS, name, "data set")
        scaling = lookup(SCALES, scale, "scale")
    except KeyError as error:
        raise ConfigError(f"data: {error.args[0]}") from None
    problems = _unknown(source, parameters) or check_sizes(name, train, validation, test, **parameters)
    if problems:
        raise ConfigError(*problems)
    known, reconstructs = facts(name, **parameters), parameters.get("targets") == INPUTS
    if source.of_file:
        parameters["path"] = str(base / str(parameters["path"]))
    else:
        parameters.pop("targets", None)
    full = source.load(progress, **parameters)
    learn, validate, examine = (
        part.unlabelled() if reconstructs else part
        for part in (
            part if size is None else part.first(size)
            for part, size in zip(full, (train, validation, test), strict=True)
        )
    )
    return Dataset(
        name,
        known.classes,
        learn,
        validate,
        examine,
        scaling(learn.inputs, source.maximum),
        fingerprint((learn, validate, examine), scale),
    )


def _unknown(source: Source, given: dict[str, object]) -> list[str]:
    known = parameters(source.load)
    wrong = [key for key in given if key not in known and (key, given[key]) != ("targets", INPUTS)]
    return [f"data.{key}: no such parameter{did_you_mean(key, known)}" for key in wrong]


def _of_a_file(**given: Any) -> Facts:
    """What a settled config says of its file."""
    if given.get("inputs") is None or len(given.get("examples") or ()) != len(PARTS):
        raise ConfigError("data: the file has not been read")
    outputs = given.get("classes") or given.get("targets") or []  # INPUTS is no list of them, and replaced by facts
    train, validation, test = given["examples"]
    return Facts(given["inputs"], len(outputs), (train, validation, test), regression=not given.get("classes"))


def _unit(inputs: Array, maximum: float | None) -> Scaling:
    """[0, 1]: divided by the largest value there can be, or each feature's range over the training part."""
    return Scaling.extent(inputs) if maximum is None else Scaling.unit(maximum)


def _standard(inputs: Array, maximum: float | None) -> Scaling:
    """Mean 0 and standard deviation 1 for each feature over the training part; constant features are 0."""
    return Scaling.standard(inputs)


def _none(inputs: Array, maximum: float | None) -> Scaling:
    """As they are."""
    return Scaling.identity()


def _binary(inputs: Array, maximum: float | None) -> Threshold:
    """1 above half of the largest value there can be (of 255: from 128 on), or above the middle of each feature's range
    over the training part, else 0."""
    return Threshold.middle(inputs) if maximum is None else Threshold.half(maximum)


SCALES: dict[str, Callable[[Array, float | None], Scaling | Threshold]] = {
    "unit": _unit,
    "standard": _standard,
    "none": _none,
    "binary": _binary,
}

FASHION = ("T-shirt", "trouser", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "ankle boot")
DATASETS: dict[str, Source] = {
    "mnist": Source(
        _mnist.mnist,
        "handwritten digits, 28 x 28, downloaded once (12 MB)",
        Facts(784, 10, _mnist.SIZES),
        255,
        origin="LeCun, Cortes and Burges 1998, from NIST; CC BY-SA 3.0",
    ),
    "fashion_mnist": Source(
        _mnist.fashion_mnist,
        "clothes, 28 x 28, downloaded once (31 MB)",
        Facts(784, 10, _mnist.SIZES),
        255,
        origin="Xiao, Rasul and Vollgraf 2017, Zalando Research; MIT licence",
        classes=FASHION,
    ),
    "kmnist": Source(
        _mnist.kmnist,
        "cursive Japanese characters, 28 x 28, downloaded once (21 MB)",
        Facts(784, 10, _mnist.SIZES),
        255,
        origin="Clanuwat et al. 2018, ROIS-DS CODH; CC BY-SA 4.0",
        classes=("o", "ki", "su", "tsu", "na", "ha", "ma", "ya", "re", "wo"),
    ),
    "digits": Source(
        _digits.digits,
        "handwritten digits, 8 x 8, no download",
        Facts(64, 10, _digits.SIZES),
        16,
        origin="Alpaydin and Kaynak 1998, UCI repository, as scikit-learn has it; CC BY 4.0",
    ),
    "xor": Source(_toy.xor, "the four corners of a square; all parts are the same", Facts(2, 2, (4, 4, 4))),
    "circles": Source(_toy.circles, "two noisy concentric rings in the plane", Facts(2, 2, _toy.CIRCLES)),
    "halves": Source(
        _toy.halves, "two halves of a square, with a gap between them that a line fits in", Facts(2, 2, _toy.HALVES), 1
    ),
    "csv": Source(
        _files.csv, "a table of your own: columns of numbers, and a label or targets", _of_a_file, of_file=True
    ),
    "npz": Source(_files.npz, "arrays of your own: x and y, or x_train, y_train, …", _of_a_file, of_file=True),
    "idx": Source(_files.idx, "images of your own: files like those of MNIST", _of_a_file, maximum=255, of_file=True),
}
BUILT_IN = tuple(name for name, source in DATASETS.items() if not source.of_file)
"""Those that need no file of the user's."""
