"""What mean-field theory expects of the start of a run, to stand beside what was measured there.

expected(config, base)    the prediction over the run's own probe examples, or a clause that says why there is none

Runs that differ in seed, optimizer or anything else that comes after the first measurement share one prediction, which
is computed once in a process. Nothing is fitted, and nothing is downloaded.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path

import numpy as np

from vgrad.config.config import Config
from vgrad.data.fetch import command, verify
from vgrad.data.published import COLLECTIONS
from vgrad.errors import ConfigError, DataError, StorageError
from vgrad.runs.stored import StoredRun, data_folder
from vgrad.theory.meanfield import LEAST, Predicted
from vgrad.theory.prediction import ERRORS, EXAMPLES, predict_config

DECIDING = (
    "layers",
    "activation",
    "output",
    "init",
    "cost",
    "label_smoothing",
    "batch_norm",
    "layer_norm",
    "residual",
    "data",
)
"""The keys of a config that ||mean delta^l|| at epoch 0 depends on, beside the seed and the number of examples."""
NETWORKS = 256
"""Predictions that are kept: some kilobytes each."""
PAIRS = 10 * EXAMPLES**2
"""Pairs of examples, over all layers, from which on fewer examples are taken: a second or two of a processor."""


@dataclass(frozen=True)
class Expected:
    """The prediction for a network before training: a `Predicted` for each of the layers 1 … L over as many examples as
    its probes have, and the `accuracy` to which theory holds for its kind, a share of the norm."""

    layers: tuple[Predicted, ...]
    accuracy: float

    def of(self, layer: int) -> Predicted | None:
        """What is predicted of a layer, counted from 1; None where there is none, and where its numbers are too small
        or too large for theory."""
        found = self.layers[layer - 1] if 1 <= layer <= len(self.layers) else None
        if found is None or not math.isfinite(found.low * found.high) or found.rms <= 2 * math.sqrt(LEAST):
            return None
        return found

    def z(self, layer: int, norm: float) -> float | None:
        """How many standard deviations of log10 over networks `norm` lies above the geometric mean of the layer."""
        found = self.of(layer)
        if found is None or not 0 < norm < math.inf or not found.deviation:
            return None
        return math.log10(norm / found.geometric) / found.deviation

    def outside(self, layer: int, norm: float) -> bool:
        """Whether `norm` is further than the accuracy from where 95 % of networks are."""
        found = self.of(layer)
        within = 1 + self.accuracy
        return found is not None and not found.low / within <= norm <= found.high * within

    def holds(self, layer: int, norms: Sequence[float]) -> bool | None:
        """Whether the geometric mean of these networks' norms is within the accuracy and ERRORS standard errors, those
        of theory, of the predicted one; None without a prediction."""
        found = self.of(layer)
        if found is None or not norms or not all(0 < norm < math.inf for norm in norms):
            return None
        off = sum(map(math.log, norms)) / len(norms) - math.log(found.geometric)
        error = found.deviation * math.log(10) / math.sqrt(len(norms))
        return abs(off) <= math.log(1 + self.accuracy) + ERRORS * error


@dataclass(frozen=True)
class _Network:
    """A config, known by what decides its norms at epoch 0."""

    key: str
    base: Path
    config: Config = field(compare=False)


def expected(config: Config, base: Path) -> Expected | str:
    """The prediction for the network of `config`, whose data are found relative to `base`; or a clause that says why it
    is outside of theory, or cannot be computed here."""
    tree = config.plain()
    key = json.dumps([config.probe_examples, *(tree.get(name) for name in DECIDING)], sort_keys=True)
    try:
        return _expected(_Network(key, base, config))
    except (DataError, StorageError) as error:
        return error.problems[0]


def of_run(run: StoredRun) -> Expected | str:
    """The prediction for a run's network, from its own data where they are here."""
    return expected(run.config, data_folder(run))


@lru_cache(maxsize=NETWORKS)
def _expected(network: _Network) -> Expected | str:
    """DataError and StorageError, which may be over by the next time, are not kept."""
    config = network.config
    depth = len(config.sizes) - 1
    if depth < 2:
        return "there are no hidden layers, which theory is about"
    examples = min(config.probe_examples, EXAMPLES, max(math.isqrt(PAIRS // depth), 2))
    name = config.data.name
    if name in COLLECTIONS and any(status.state != "ok" for status in verify(name)):
        raise DataError(f"theory takes the run's data, which are not here: {command(name)}")
    try:
        with np.errstate(all="ignore"):  # what is not finite has no prediction
            found = predict_config(config, network.base, examples)
    except np.linalg.LinAlgError:
        return "its numbers are too large for theory"
    except ConfigError as error:
        return error.problems[0]
    layers = (_over(layer, found.examples, config.probe_examples) for layer in found.layers)
    return Expected(tuple(layers), found.accuracy)


def _over(layer: Predicted, some: int, examples: int) -> Predicted:
    """The prediction from `some` examples for the mean over so many `examples`: of N^2 pairs N are of an example with
    itself, which weigh more in few."""
    if some == examples or some < 2:
        return layer
    own = layer.each**2
    others = (some * layer.rms**2 - own) / (some - 1)
    rms = math.sqrt(max(others + (own - others) / examples, LEAST))
    factor = rms / layer.rms
    return replace(
        layer,
        rms=rms,
        geometric=layer.geometric * factor,
        low=layer.low * factor,
        high=layer.high * factor,
        coherence=layer.coherence * factor,
    )
