"""What training leaves: the record of an epoch, the state that the next one starts from, and how it diverged."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from vgrad.config.config import Config
from vgrad.config.monitors import turned, waited
from vgrad.nn.arrays import Array, Parameters
from vgrad.nn.optimizers import State

Norms = dict[str, Sequence[float | None]]
"""probe -> a number a layer."""
Histograms = list[dict[str, tuple[Array, Array]]]


@dataclass(frozen=True)
class EpochRecord:
    """What one epoch leaves.

    `metrics`: monitor -> value, then those of metrics.py (of steps: None in epoch 0). `gradients`: probe -> a number a
    layer, or None in an epoch that is not measured. `neurons`: the mean delta of every neuron, layer by layer, and
    `histograms`: per layer the counts and edges of each quantity, in the epochs that the config names. `divergence` is
    set in the last record of a run that diverged, which has nothing else. `silent`: in measured epochs the number of
    each layer's units whose delta is exactly 0 on every probe example, and `mean_norms` the mean over the examples of
    ||delta^l||, l = 1 … L; None where an earlier version did not keep them. `steps`: the norms after each of the
    epoch's steps that the config names, None where a number overflowed.
    """

    epoch: int
    metrics: dict[str, float | None] = field(default_factory=dict)
    gradients: Norms | None = None
    neurons: list[Array] | None = None
    divergence: Divergence | None = None
    histograms: Histograms | None = None
    silent: Sequence[int] | None = None
    mean_norms: Sequence[float] | None = None
    steps: Sequence[Norms] = ()


@dataclass(frozen=True)
class TrainingState:
    """Where training stands after `epoch`: all that the next epoch starts from. Training changes it in place, and
    leaves the state of the last whole epoch in it when it is cancelled; entries of `parameters` may become new arrays.

    `buffers` are the running statistics of normalization, `best` the parameters and statistics of the best epoch so far
    with early stopping; both are empty without. `network` is all that it takes to evaluate what was trained.
    """

    epoch: int
    parameters: Parameters
    optimizer: State
    buffers: Parameters = field(default_factory=dict)
    best: Parameters = field(default_factory=dict)

    @property
    def network(self) -> Parameters:
        """The parameters, and the running statistics where there are any."""
        return self.parameters | self.buffers


def stopped(config: Config, past: Sequence[EpochRecord]) -> bool:
    """Whether a run with these records ends here because patience has run out."""
    stopping = config.early_stopping
    return stopping is not None and waited(values_of(stopping.monitor, past)) >= stopping.patience


def values_of(monitor: str, past: Sequence[EpochRecord]) -> list[float]:
    """The monitor epoch by epoch, turned so that less is better."""
    return [turned(monitor, record.metrics[monitor]) for record in past if record.divergence is None]


@dataclass(frozen=True)
class Divergence:
    """Where the numbers stopped being numbers: epoch and batch from 1 (batch None: while measuring), layer from 1."""

    epoch: int
    batch: int | None
    layer: int | None
